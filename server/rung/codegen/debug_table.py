"""The elementary variables of a program, as debuggers and `rung run` address them.

Invariants: paths are upper case, with `.` between members and `[i,j]` for elements; what has no lasting value (VAR_TEMP, VAR_IN_OUT),
what is another variable (VAR_EXTERNAL) and the hidden state of standard blocks has no leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from rung.codegen import names
from rung.codegen.cpp_types import in_image
from rung.codegen.expressions import block_member
from rung.codegen.places import Places
from rung.semantics.model import Pou
from rung.semantics.types import (
    Array,
    Block,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Structure,
    Type,
    storage,
    strip,
)
from rung.syntax.tree import SectionKind

# The debug channel's type numbers (debug map, version 2).
TAGS: Final = {
    name: number
    for number, name in enumerate(
        ("BOOL", "SINT", "USINT", "INT", "UINT", "DINT", "UDINT", "LINT", "ULINT", "REAL", "LREAL", "BYTE", "WORD", "DWORD",
         "LWORD", "TIME", "DATE", "TOD", "DT", "STRING", "WSTRING")
    )
}  # fmt: skip
_TIME_NAMES: Final = {
    Family.DURATION: "TIME",
    Family.DATE: "DATE",
    Family.TIME_OF_DAY: "TOD",
    Family.DATE_AND_TIME: "DT",
}
WIRE_STRING: Final = 127
WIRE_WSTRING: Final = 253


@dataclass(slots=True, frozen=True)
class Row:
    """Variables of one elementary type that stand side by side in memory: `paths` names them, `place` is the C++ lvalue of the
    first, `kind` their declared type, `retain` whether they keep their values while the power is off (ed. 3, 6.5.6)."""

    paths: Sequence[str]
    place: str
    kind: Type
    retain: bool = False

    @property
    def type_name(self) -> str:
        """The debug channel's name of the type."""
        return type_name(self.kind)


def type_name(kind: Type) -> str:
    """Return the name of an elementary or string type as the debug channel knows it; an enumeration is its base type."""
    kind = storage(kind)
    if isinstance(kind, Enumeration):
        kind = kind.base
    if isinstance(kind, StringType):
        return "WSTRING" if kind.wide else "STRING"
    assert isinstance(kind, Elementary)
    if kind.family is Family.CHAR:
        return "BYTE" if kind.bits == 8 else "WORD"
    return _TIME_NAMES.get(kind.family, kind.name)


def wire_size(kind: Type, board: bool = False) -> int:
    """Return the bytes that a value takes on the debug channel of a runtime, or of a `board`: there every time is seconds and nanoseconds
    in 4 bytes each, and a string its length and as many characters as it was declared with."""
    kind = storage(kind)
    if isinstance(kind, Enumeration):
        kind = kind.base
    if isinstance(kind, StringType):
        if board:
            return memory_size(kind, board)
        return WIRE_WSTRING if kind.wide else WIRE_STRING
    assert isinstance(kind, Elementary)
    return max(1, kind.bits // 8)


def memory_size(kind: Type, board: bool = False) -> int:
    """Return the bytes that a variable of an elementary or string type takes in memory, on a runtime or on a `board`."""
    kind = storage(kind)
    if isinstance(kind, Enumeration):
        kind = kind.base
    if isinstance(kind, StringType):
        return 2 + 2 * kind.length if kind.wide else 1 + kind.length
    assert isinstance(kind, Elementary)
    if board and kind.family in (Family.DURATION, Family.TIME_OF_DAY):
        return 4
    return max(1, kind.bits // 8)


def rows(path: str, place: str, kind: Type, places: Places, retain: bool = False) -> Iterator[Row]:
    """Yield the rows of a variable of any type, in declaration order; of a `retain` variable all parts are kept."""
    kind = strip(kind)
    match kind:
        case Array():
            yield from _array_rows(path, place, kind, places, retain)
        case Structure():
            for key, member in kind.fields.items():
                yield from rows(f"{path}.{key}", f"{place}.{names.variable(key)}", member.type, places, retain)
        case Block():
            yield from block_rows(path, place, kind.pou, places, retain)
        case Reference():
            return
        case _:
            yield Row((path,), place, kind, retain)


def block_rows(path: str, place: str, pou: Pou, places: Places, retain: bool = False) -> Iterator[Row]:
    """Yield the rows of a function block's or program's variables."""
    for key, variable in pou.variables.items():
        kept = retain or variable.retain
        if in_image(variable) and variable.section is not SectionKind.VAR_EXTERNAL:
            cell = places.of(variable)
            if cell is not None:
                yield from rows(f"{path}.{key}", cell, variable.type, places, kept)
        elif places.types.holds(variable) and not (pou.declaration is None and variable.section is SectionKind.VAR):
            yield from rows(f"{path}.{key}", f"{place}.{block_member(Block(pou), key)}", variable.type, places, kept)


def _array_rows(path: str, place: str, kind: Array, places: Places, retain: bool) -> Iterator[Row]:
    bounds = [bound for bound in kind.dimensions if bound is not None]
    indices = product(*(range(low, high + 1) for low, high in bounds))
    paths = [f"{path}[{','.join(map(str, index))}]" for index in indices]
    if not paths:
        return
    if isinstance(storage(kind.element), Elementary | StringType | Enumeration):
        yield Row(paths, f"{place}.e[0]", kind.element, retain)
        return
    for number, element in enumerate(paths):
        yield from rows(element, f"{place}.e[{number}]", kind.element, places, retain)
