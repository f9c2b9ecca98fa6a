"""IEC names as C++ names.

Invariant: no name a user can write collides with a C++ keyword, a macro, a support header or another kind of name. Every name
gets the prefix of its kind before its upper-case key, and letters outside ASCII are spelt as numbers.
"""

from __future__ import annotations

from rung.semantics.model import Located


def _plain(key: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"_u{ord(c):x}_" for c in key)


def variable(key: str) -> str:
    """A variable, parameter or structure member."""
    return f"v_{_plain(key)}"


def structure(key: str) -> str:
    """A declared structure."""
    return f"S_{_plain(key)}"


def block(key: str) -> str:
    """The data of a FUNCTION_BLOCK or PROGRAM."""
    return f"B_{_plain(key)}"


def body(key: str) -> str:
    """The body of a FUNCTION, FUNCTION_BLOCK or PROGRAM."""
    return f"run_{_plain(key)}"


def instance(number: int) -> str:
    """The data of a program instance, by its position in the configuration."""
    return f"instance_{number}"


def edge(key: str) -> str:
    """What an R_EDGE or F_EDGE input shows to its own body: the edge, not the level."""
    return f"edge_{_plain(key)}"


def edge_memory(key: str) -> str:
    """The level that an R_EDGE or F_EDGE input had at the previous invocation."""
    return f"last_{_plain(key)}"


def cell(address: Located) -> str:
    """The cell of a located address in a task's process image."""
    bit = "" if address.bit is None else f"_{address.bit}"
    return f"{address.area}{address.size}{address.index}{bit}"


def view(cpp_type: str) -> str:
    """A cell of the process image seen as one of the types that the program gives it."""
    return f"as_{cpp_type.removeprefix('rung::')}"
