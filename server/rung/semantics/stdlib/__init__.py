"""The standard library of IEC 61131-3 (ed. 2 and 3): signatures of its functions, interfaces of its function blocks.

Invariants: names are upper case; importing this package loads none of its tables, each is built on first use; every call with
the same name gives the same object.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.semantics.model import Pou
    from rung.semantics.stdlib.signature import Signature

__all__ = [
    "block_names",
    "describe",
    "function_names",
    "lookup_block",
    "lookup_function",
    "lookup_procedure",
    "procedure_names",
]


@cache
def lookup_function(name: str) -> Sequence[Signature] | None:
    """Return the overloads of a standard function, the more specific first.

    `name` is upper case. Besides the names of `function_names` this finds the typed forms of overloaded functions (`ADD_INT`,
    `EQ_WORD`, `MULTIME_REAL`; ed. 2 2.5.1.4, ed. 3 6.6.1.7). None: there is no such function.
    """
    from rung.semantics.stdlib.conversions import conversion_signatures
    from rung.semantics.stdlib.functions import overloaded, typed

    return overloaded().get(name) or conversion_signatures(name) or typed(name)


@cache
def lookup_procedure(name: str) -> Pou | None:
    """Return the interface of a standard function that has outputs instead of a result (`SPLIT_DATE`, ...; ed. 3 table 36)."""
    from rung.semantics.stdlib.procedures import procedures

    return procedures().get(name)


@cache
def lookup_block(name: str) -> Pou | None:
    """Return the interface of a standard function block; `name` is upper case. None: there is no such block."""
    from rung.semantics.stdlib.blocks import blocks

    return blocks().get(name)


@cache
def function_names() -> tuple[str, ...]:
    """Return the names of all standard functions that give a result, sorted, without the typed forms (`ADD_INT`)."""
    from rung.semantics.stdlib.conversions import conversion_names
    from rung.semantics.stdlib.functions import overloaded

    return tuple(sorted({*overloaded(), *conversion_names()}))


@cache
def procedure_names() -> tuple[str, ...]:
    """Return the names that `lookup_procedure` knows, sorted."""
    from rung.semantics.stdlib.procedures import procedures

    return tuple(sorted(procedures()))


@cache
def block_names() -> tuple[str, ...]:
    """Return the names of all standard function blocks, sorted."""
    from rung.semantics.stdlib.blocks import blocks

    return tuple(sorted(blocks()))


@cache
def describe(name: str) -> str:
    """Return one or two sentences on a standard function or block for its hover; empty for a name that is not standard."""
    from rung.semantics.stdlib.descriptions import description

    return description(name)
