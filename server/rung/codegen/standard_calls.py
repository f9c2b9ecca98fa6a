"""C++ text for the standard library: calls of its functions, type conversions, names of its blocks.

Invariants: the text's C++ type is that of `value_type` for the result, except that a string of any length may stand where a
`rung::StringView` is taken; each argument appears, and is evaluated, exactly once. The semantics are in `codegen/support/*.hpp`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from typing import Final

from rung.codegen.standard_conversions import conversion, count_text, value_type
from rung.semantics.model import StandardFunction
from rung.semantics.types import (
    MAX_STRING_LENGTH,
    Elementary,
    Enumeration,
    Family,
    StringType,
    Type,
    storage,
    string_type,
)

__all__ = ["block_class", "conversion", "procedure_call", "standard_call", "value_type"]

_COMPARISONS: Final = {
    "EQ": ("==", "equal"), "NE": ("!=", ""), "LT": ("<", "increasing"), "GT": (">", "decreasing"),
    "LE": ("<=", "not_decreasing"), "GE": (">=", "not_increasing"),
}  # fmt: skip
_ARITHMETIC: Final = {"ADD": "+", "SUB": "-", "MUL": "*"}
_BITWISE: Final = {"AND": "&", "OR": "|", "XOR": "^"}
_SHIFTS: Final = {"SHL": "shift_left", "SHR": "shift_right", "ROL": "rotate_left", "ROR": "rotate_right"}
_STRINGS: Final = {
    "LEFT": "left", "RIGHT": "right", "MID": "mid", "CONCAT": "concat", "INSERT": "insert", "DELETE": "erase", "REPLACE": "replace",
    "LEN": "length", "FIND": "find",
}  # fmt: skip
_REAL_FUNCTIONS: Final = {
    "SQRT": "sqrt", "LN": "log", "LOG": "log10", "EXP": "exp", "SIN": "sin", "COS": "cos", "TAN": "tan", "ASIN": "asin",
    "ACOS": "acos", "ATAN": "atan", "ATAN2": "atan2",
}  # fmt: skip
_BYTE_ORDERS: Final = {
    "TO_BIG_ENDIAN": "big_endian", "FROM_BIG_ENDIAN": "big_endian",
    "TO_LITTLE_ENDIAN": "little_endian", "FROM_LITTLE_ENDIAN": "little_endian",
}  # fmt: skip
# Unsigned types of at least so many bits; C++ computes with none below its `int`.
_UNSIGNED: Final = {8: "unsigned", 16: "unsigned", 32: "uint32_t", 64: "uint64_t"}
_PRIMARY: Final = re.compile(r"[\w.]+\Z")


def standard_call(function: StandardFunction, arguments: Sequence[str]) -> str:
    """Return the C++ expression for a resolved standard function.

    `arguments` are C++ expressions already converted to `function.parameters`; a string may be passed as it is, whatever its
    length. The bounds of arrays are the emitter's own: LOWER_BOUND and UPPER_BOUND raise ValueError.
    """
    operation, result = function.operation, storage(function.result)
    types = [storage(kind) for kind in function.parameters]
    if operation in _COMPARISONS:
        return _comparison(operation, types[0], arguments)
    if operation in _ARITHMETIC:
        return _arithmetic(operation, types, result, arguments)
    if operation in _BITWISE:
        return _bitwise(_BITWISE[operation], result, arguments)
    if operation in _SHIFTS:
        return f"rung::{_SHIFTS[operation]}<{value_type(result)}>({arguments[0]}, {arguments[1]})"
    if operation in _STRINGS:
        return _string_function(operation, types, result, arguments)
    if operation in _REAL_FUNCTIONS:
        return f"{_builtin(_REAL_FUNCTIONS[operation], result)}({', '.join(arguments)})"
    if operation in _BYTE_ORDERS:
        return f"rung::{_BYTE_ORDERS[operation]}<{value_type(result)}>({arguments[0]})"
    if operation in _SELECTIONS:
        return _selection(operation, types, result, arguments)
    return _single(operation, types, function.result, arguments)


def procedure_call(name: str, arguments: Sequence[str]) -> str:
    """Return the C++ call of a standard function without result (`SPLIT_DATE`): the input, then an `int16_t` lvalue for each output."""
    return f"rung::{name.lower().replace('_l', '_')}({', '.join(arguments)})"


def block_class(name: str) -> str:
    """Return the C++ struct of the standard function block `name` (upper case)."""
    return f"rung::{name}"


def _operand(text: str) -> str:
    return text if _PRIMARY.match(text) else f"({text})"


def _builtin(name: str, kind: Type) -> str:
    """The mathematical function for REAL or LREAL. How a compiler calls that for REAL depends on the target."""
    return f"RUNG_SINGLE({name})" if _is_single(kind) else f"__builtin_{name}"


def _is_single(kind: Type) -> bool:
    return isinstance(kind, Elementary) and kind.bits == 32


def _family(kind: Type) -> Family | None:
    return kind.family if isinstance(kind, Elementary) else None


def _view(kind: StringType) -> str:
    return "rung::WStringView" if kind.wide else "rung::StringView"


def _comparison(operation: str, kind: Type, arguments: Sequence[str]) -> str:
    sign, chain = _COMPARISONS[operation]
    if len(arguments) == 2:
        return f"({_operand(arguments[0])} {sign} {_operand(arguments[1])})"
    name = _view(kind) if isinstance(kind, StringType) else value_type(kind)
    return f"rung::{chain}<{name}>({', '.join(arguments)})"


def _wrapping(sign: str, kind: Elementary, left: str, right: str) -> str:
    """Integer arithmetic that wraps at the type's width, computed unsigned because signed overflow is undefined in C++."""
    name = value_type(kind)
    wide = _UNSIGNED.get(kind.bits) if name.startswith(("int", "uint")) else f"{name}Bits"
    return f"{name}({wide}({left}) {sign} {wide}({right}))"


def _arithmetic(operation: str, types: Sequence[Type], result: Type, arguments: Sequence[str]) -> str:
    assert isinstance(result, Elementary)
    sign = _ARITHMETIC[operation]
    if result.family is Family.REAL:
        return reduce(lambda left, right: f"({_operand(left)} {sign} {_operand(right)})", arguments)
    if result.family is Family.TIME_OF_DAY:
        return f"rung::{'clock_plus' if operation == 'ADD' else 'clock_minus'}({', '.join(arguments)})"
    if (
        operation == "SUB"
        and result.family is Family.DURATION
        and _family(types[0]) in (Family.DATE, Family.DATE_AND_TIME)
    ):
        return f"rung::between({', '.join(arguments)})"
    if operation == "MUL" and result.family is Family.DURATION:
        scaled, factor = (1, 0) if _family(types[1]) is Family.DURATION else (0, 1)
        if _family(types[factor]) is Family.REAL:
            return f"rung::multiplied({arguments[scaled]}, {arguments[factor]})"
    return reduce(lambda left, right: _wrapping(sign, result, left, right), arguments)


def _bitwise(sign: str, result: Type, arguments: Sequence[str]) -> str:
    """BOOL too is evaluated on both sides: `FALSE AND f()` calls `f`."""
    name = value_type(result)
    return reduce(lambda left, right: f"{name}({_operand(left)} {sign} {_operand(right)})", arguments)


def _string_function(operation: str, types: Sequence[Type], result: Type, arguments: Sequence[str]) -> str:
    text_type = types[0]
    assert isinstance(text_type, StringType)
    name = f"rung::{_STRINGS[operation]}<{'char16_t' if text_type.wide else 'char'}>"
    if operation == "CONCAT":
        call = reduce(lambda left, right: f"{name}({left}, {right})", arguments)
    else:
        inputs = (
            text if isinstance(kind, StringType) else count_text(kind, text)
            for kind, text in zip(types, arguments, strict=True)
        )
        call = f"{name}({', '.join(inputs)})"
    if isinstance(result, StringType):
        return conversion(string_type(text_type.wide, MAX_STRING_LENGTH), result, call)
    return f"{value_type(result)}({call})"


_SELECTIONS: Final = {"SEL": "select", "MUX": "multiplexed", "LIMIT": "limited", "MAX": "larger", "MIN": "smaller"}


def _selection(operation: str, types: Sequence[Type], result: Type, arguments: Sequence[str]) -> str:
    call = f"rung::{_SELECTIONS[operation]}"
    if isinstance(result, StringType):
        call += f"<{_view(result)}>"
    elif isinstance(result, Elementary | Enumeration):
        call += f"<{value_type(result)}>"  # structures and arrays deduce theirs
    if operation in ("MAX", "MIN"):
        text = reduce(lambda left, right: f"{call}({left}, {right})", arguments)
    else:
        text = f"{call}({', '.join(arguments)})"
    return f"{value_type(result)}({text})" if isinstance(result, StringType) else text


def _division(types: Sequence[Type], result: Elementary, arguments: Sequence[str]) -> str:
    if result.family is Family.REAL:
        return f"({_operand(arguments[0])} / {_operand(arguments[1])})"
    if result.family is Family.DURATION:
        if _family(types[1]) is Family.REAL:
            return f"rung::divided({arguments[0]}, {arguments[1]})"
        divisor = storage(types[1])
        assert isinstance(divisor, Elementary)
        if divisor.high < 1 << 31:
            return f"rung::divide<rung::Duration>({arguments[0]}, {arguments[1]})"
        return f"rung::Duration(rung::divide<int64_t>({arguments[0]}, rung::within_long({arguments[1]})))"
    return f"rung::divide<{value_type(result)}>({', '.join(arguments)})"


def _single(operation: str, types: Sequence[Type], result: Type, arguments: Sequence[str]) -> str:
    """The functions that are like no other."""
    kind = storage(result)
    first = arguments[0] if arguments else ""
    match operation:
        case "MOVE":
            return first
        case "CONVERT":
            return conversion(types[0], result, first)
        case "DIV":
            assert isinstance(kind, Elementary)
            return _division(types, kind, arguments)
        case "MOD":
            return f"rung::modulo<{value_type(kind)}>({', '.join(arguments)})"
        case "NOT":
            return (
                f"(!{_operand(first)})" if _family(kind) is Family.BOOL else f"{value_type(kind)}(~{_operand(first)})"
            )
        case "ABS":
            return first if _family(kind) is Family.UNSIGNED else f"rung::absolute({value_type(kind)}({first}))"
        case "EXPT":
            return _power(kind, arguments)
        case "TRUNC" | "ROUND" if _family(kind) is Family.REAL:
            return f"rung::{'cut' if operation == 'TRUNC' else 'nearest'}({first})"
        case "TRUNC":
            return f"rung::truncated<{value_type(kind)}>({first})"
        case "ROUND":
            return f"rung::rounded<{value_type(kind)}>({first})"
        case "FROM_BCD":
            return f"rung::from_bcd<{value_type(kind)}>({first})"
        case "TO_BCD":
            return f"rung::to_bcd<{value_type(kind)}, {value_type(types[0])}>({first})"
        case "IS_VALID":
            return f"rung::is_finite({first})"
        case "IS_VALID_BCD":
            return f"rung::is_bcd({first})"
        case "NOW":
            return "rung::now()"
        case "CONCAT_DATE" | "CONCAT_TOD" | "CONCAT_DT" | "CONCAT_DATE_TOD":
            return f"rung::{operation.lower()}({', '.join(arguments)})"
        case "DAY_OF_WEEK":
            return f"{value_type(kind)}(rung::day_of_week({first}))"
    raise ValueError(f"no standard function does {operation}")


def _power(kind: Type, arguments: Sequence[str]) -> str:
    """REAL too is computed in double precision, so that an exponent of type DINT is not rounded first."""
    call = f"rung::power({', '.join(arguments)})"
    return f"float({call})" if _is_single(kind) else call
