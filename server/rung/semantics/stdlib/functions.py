"""The overloaded standard functions, all but those of times and dates and the conversions (ed. 3 tables 28 to 34, 37, 39).

Invariant: parameter names are the standard's, so that formal calls bind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from rung.semantics.stdlib.generic import (
    ANY,
    ANY_BIT,
    ANY_BITS,
    ANY_ELEMENTARY,
    ANY_EXPONENT,
    ANY_INT,
    ANY_INT_RESULT,
    ANY_LENGTH,
    ANY_MAGNITUDE,
    ANY_NUM,
    ANY_ORDERED_BYTES,
    ANY_POSITION,
    ANY_REAL,
)
from rung.semantics.stdlib.signature import Parameter, ParameterType, Signature, TypeVariable
from rung.semantics.stdlib.times import time_functions, time_overloads
from rung.semantics.types import (
    BOOL,
    DINT,
    ELEMENTARY,
    INT,
    MAX_STRING_LENGTH,
    TIME,
    Elementary,
    StringType,
    string_type,
)

_Inputs = Sequence[tuple[str, ParameterType]]


def _signature(
    name: str, inputs: _Inputs, result: ParameterType, extensible: bool = False, fallback: Elementary | None = None
) -> Signature:
    return Signature(name, name, tuple(Parameter(key, kind) for key, kind in inputs), result, extensible, fallback)


def _numeric() -> list[Signature]:
    """Tables 28 and 29."""
    of_one_real = ("SQRT", "LN", "LOG", "EXP", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN")
    pair = [("IN1", ANY_NUM), ("IN2", ANY_NUM)]
    magnitudes = [("IN1", ANY_MAGNITUDE), ("IN2", ANY_MAGNITUDE)]
    return [
        *(_signature(name, [("IN", ANY_REAL)], ANY_REAL) for name in of_one_real),
        _signature("ATAN2", [("Y", ANY_REAL), ("X", ANY_REAL)], ANY_REAL),
        _signature("ABS", [("IN", ANY_NUM)], ANY_NUM),
        _signature("ADD", magnitudes, ANY_MAGNITUDE, extensible=True),
        _signature("SUB", magnitudes, ANY_MAGNITUDE),
        _signature("MUL", pair, ANY_NUM, extensible=True),
        _signature("DIV", pair, ANY_NUM),
        _signature("MOD", [("IN1", ANY_INT), ("IN2", ANY_INT)], ANY_INT),
        _signature("EXPT", [("IN1", ANY_REAL), ("IN2", ANY_EXPONENT)], ANY_REAL),
        _signature("MOVE", [("IN", ANY)], ANY),
    ]


def _bitwise() -> list[Signature]:
    """Tables 30 and 31."""
    pair, shift = [("IN1", ANY_BIT), ("IN2", ANY_BIT)], [("IN", ANY_BIT), ("N", ANY_LENGTH)]
    return [
        _signature("NOT", [("IN", ANY_BIT)], ANY_BIT),
        *(_signature(name, pair, ANY_BIT, extensible=True) for name in ("AND", "OR", "XOR")),
        *(_signature(name, shift, ANY_BIT) for name in ("SHL", "SHR", "ROL", "ROR")),
    ]


def _selection() -> list[Signature]:
    """Tables 32 and 33."""
    pair = [("IN1", ANY_ELEMENTARY), ("IN2", ANY_ELEMENTARY)]
    comparable = [("IN1", ANY), ("IN2", ANY)]
    return [
        _signature("SEL", [("G", BOOL), ("IN0", ANY), ("IN1", ANY)], ANY),
        _signature("MUX", [("K", ANY_INT), ("IN0", ANY), ("IN1", ANY)], ANY, extensible=True),
        _signature("LIMIT", [("MN", ANY_ELEMENTARY), ("IN", ANY_ELEMENTARY), ("MX", ANY_ELEMENTARY)], ANY_ELEMENTARY),
        *(_signature(name, pair, ANY_ELEMENTARY, extensible=True) for name in ("MAX", "MIN")),
        *(_signature(name, pair, BOOL, extensible=True) for name in ("GT", "GE", "LE", "LT")),
        _signature("EQ", comparable, BOOL, extensible=True),
        _signature("NE", comparable, BOOL),
    ]


def _strings() -> list[Signature]:
    """Table 34, each for STRING and for WSTRING. A string of any length may be passed; a result holds 254 characters."""
    signatures: list[Signature] = []
    length, position = ("L", ANY_LENGTH), ("P", ANY_POSITION)
    for wide in (False, True):
        text = string_type(wide, MAX_STRING_LENGTH)
        one, two = [("IN", text)], [("IN1", text), ("IN2", text)]
        signatures += [
            _signature("LEN", one, ANY_INT_RESULT, fallback=INT),
            _signature("LEFT", [*one, length], text),
            _signature("RIGHT", [*one, length], text),
            _signature("MID", [*one, length, position], text),
            _signature("CONCAT", two, text, extensible=True),
            _signature("INSERT", [*two, position], text),
            _signature("DELETE", [*one, length, position], text),
            _signature("REPLACE", [*two, length, position], text),
            _signature("FIND", two, ANY_INT_RESULT, fallback=INT),
        ]
    return signatures


def _validation() -> list[Signature]:
    """Tables 37 and 39, and the bounds of an array parameter (6.4.4.5.3): `ARR` is an array, which the checker admits by operation."""
    byte_orders = ("TO_BIG_ENDIAN", "TO_LITTLE_ENDIAN", "FROM_BIG_ENDIAN", "FROM_LITTLE_ENDIAN")
    return [
        _signature("IS_VALID", [("IN", ANY_REAL)], BOOL),
        _signature("IS_VALID_BCD", [("IN", ANY_BITS)], BOOL),
        _signature("LOWER_BOUND", [("ARR", ANY), ("DIM", ANY_INT)], DINT),
        _signature("UPPER_BOUND", [("ARR", ANY), ("DIM", ANY_INT)], DINT),
        *(_signature(name, [("IN", ANY_ORDERED_BYTES)], ANY_ORDERED_BYTES) for name in byte_orders),
    ]


@cache
def overloaded() -> Mapping[str, Sequence[Signature]]:
    """Return every function but the conversions and the typed forms, by upper-case name."""
    table: dict[str, list[Signature]] = {}
    everything = [
        *time_overloads(),
        *_numeric(),
        *_bitwise(),
        *_selection(),
        *_strings(),
        *_validation(),
        *time_functions(),
    ]
    for signature in everything:
        table.setdefault(signature.name, []).append(signature)
    return {name: tuple(overloads) for name, overloads in table.items()}


def typed(name: str) -> Sequence[Signature] | None:
    """Return the typed form of an overloaded function (`ADD_INT`), None if `name` is not one.

    The suffix fixes the type variable of the result, or where the result has a type of its own, that of the operands (`EQ_WORD`,
    `MULTIME_REAL`).
    """
    base, _, suffix = name.rpartition("_")
    kind: Elementary | StringType | None = ELEMENTARY.get(suffix)
    if suffix in ("STRING", "WSTRING"):
        kind = string_type(suffix == "WSTRING", MAX_STRING_LENGTH)
    if kind is None:
        return None
    found = [form for signature in overloaded().get(base, ()) if (form := _typed(signature, name, kind))]
    return tuple(found) or None


def _typed(signature: Signature, name: str, kind: Elementary | StringType) -> Signature | None:
    named = [parameter.type for parameter in signature.parameters if isinstance(parameter.type, TypeVariable)]
    if signature.result in named:
        variable = signature.result
    elif named and signature.result in (BOOL, TIME):
        variable = named[-1]
    else:
        return None
    if not isinstance(variable, TypeVariable) or not _admits(variable, kind):
        return None
    parameters = tuple(replace(p, type=kind) if p.type is variable else p for p in signature.parameters)
    result = kind if signature.result is variable else signature.result
    return replace(signature, name=name, parameters=parameters, result=result)


def _admits(variable: TypeVariable, kind: Elementary | StringType) -> bool:
    return variable.strings if isinstance(kind, StringType) else kind.family in variable.families
