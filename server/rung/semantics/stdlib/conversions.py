"""Type conversions: `A_TO_B`, `TO_B`, truncation, rounding and BCD (ed. 2 tables 22 and 23, ed. 3 tables 22 to 27).

Invariant: `CONVERT` from the parameter's type to the result's is all that an `A_TO_B` says; what each pair of types does is in
`codegen.standard_calls.conversion`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from rung.semantics.stdlib.generic import ANY, ANY_BITS, ANY_INT, ANY_INT_RESULT, ANY_NUM_RESULT, ANY_REAL
from rung.semantics.stdlib.signature import Parameter, ParameterType, Signature
from rung.semantics.types import (
    DINT,
    ELEMENTARY,
    LREAL,
    MAX_STRING_LENGTH,
    REAL,
    Elementary,
    Family,
    StringType,
    string_type,
)

_BY_NAME: Final[Mapping[str, Elementary | StringType]] = {
    **ELEMENTARY,
    "STRING": string_type(False, MAX_STRING_LENGTH),
    "WSTRING": string_type(True, MAX_STRING_LENGTH),
}


def _signature(
    name: str, operation: str, source: ParameterType, result: ParameterType, fallback: Elementary | None = None
) -> Signature:
    return Signature(name, operation, (Parameter("IN", source),), result, fallback=fallback)


def _of(*families: Family) -> Iterator[tuple[str, Elementary]]:
    return ((name, kind) for name, kind in ELEMENTARY.items() if kind.family in families)


@cache
def _irregular() -> Mapping[str, Sequence[Signature]]:
    """Truncation, rounding, BCD and `TO_B`: everything that is not `A_TO_B`."""
    table: dict[str, Sequence[Signature]] = {
        "TRUNC": (_signature("TRUNC", "TRUNC", ANY_REAL, ANY_INT_RESULT, DINT),),
        "ROUND": tuple(_signature("ROUND", "ROUND", kind, ANY_NUM_RESULT, kind) for kind in (REAL, LREAL)),
    }

    def add(name: str, operation: str, source: ParameterType, result: ParameterType) -> None:
        table[name] = (_signature(name, operation, source, result),)

    for target, kind in _BY_NAME.items():
        add(f"TO_{target}", "CONVERT", ANY, kind)
    for target, integer in _of(Family.SIGNED, Family.UNSIGNED):
        add(f"TRUNC_{target}", "TRUNC", ANY_REAL, integer)
        add(f"BCD_TO_{target}", "FROM_BCD", ANY_BITS, integer)
        for source, kind in _of(Family.REAL):
            add(f"{source}_TRUNC_{target}", "TRUNC", kind, integer)
        for bits_name, bits in _of(Family.BITS):
            add(f"{bits_name}_BCD_TO_{target}", "FROM_BCD", bits, integer)
            add(f"{target}_TO_BCD_{bits_name}", "TO_BCD", integer, bits)
    for bits_name, bits in _of(Family.BITS):
        add(f"TO_BCD_{bits_name}", "TO_BCD", ANY_INT, bits)
    return table


def conversion_signatures(name: str) -> Sequence[Signature] | None:
    """Return the overloads of the conversion called `name`, None if it is not one."""
    if (irregular := _irregular().get(name)) is not None:
        return irregular
    source_name, separator, target_name = name.partition("_TO_")
    source, target = _BY_NAME.get(source_name), _BY_NAME.get(target_name)
    if not separator or source is None or target is None or source is target:
        return None
    return (_signature(name, "CONVERT", source, target),)


def conversion_names() -> Iterator[str]:
    """Yield the name of every conversion."""
    yield from _irregular()
    for source_name, source in _BY_NAME.items():
        for target_name, target in _BY_NAME.items():
            if source is not target:
                yield f"{source_name}_TO_{target_name}"
