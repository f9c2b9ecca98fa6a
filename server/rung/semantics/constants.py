"""Folding: what an expression made of constants is worth, by the arithmetic of IEC 61131-3.

Invariants: integers are exact (the caller checks the range of the result's type); DIV truncates towards zero and MOD has the sign of
the dividend (ed. 3 table 29); REAL is rounded to 32 bits after every operation; TIME is integer nanoseconds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

from rung.semantics.types import BOOL, REAL, Constant, Elementary, Family, StringType, Type, storage

_FLOAT: Final = struct.Struct("<f")


class DivisionByZero(ArithmeticError):
    """An integer or a TIME is divided by a constant zero."""


def round_real(value: float, kind: Type) -> float:
    """Return the value that a variable of type REAL or LREAL keeps of `value`."""
    if kind is not REAL:
        return value
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _divide_integers(left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _modulo(left: int, right: int) -> int:
    if right == 0:
        raise DivisionByZero
    return left - right * _divide_integers(left, right)


def _divide_reals(left: float, right: float) -> float:
    if right != 0.0:
        return left / right
    if left == 0.0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def power(base: float, exponent: float) -> float:
    """Return `base ** exponent` as IEC 60559 has it: nan where it is undefined, infinity where it is too large."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf if base > 0 or exponent % 2 == 0 else -math.inf
    except ValueError:
        return math.inf if base == 0 else math.nan


_INTEGER: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide_integers,
    "MOD": _modulo,
}
_REALS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide_reals,
    "**": power,
}
_LOGIC: Final[dict[str, Callable[[int, int], int]]] = {
    "AND": lambda left, right: left & right,
    "OR": lambda left, right: left | right,
    "XOR": lambda left, right: left ^ right,
}
_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def arithmetic(op: str, left: Constant, right: Constant, kind: Type) -> Constant | None:
    """Return `left op right` for operands of type `kind`, which is numeric or a duration; None where folding does not apply.

    Raises `DivisionByZero` for integers. An integer result may lie outside `kind`.
    """
    if isinstance(left, float) or isinstance(right, float) or op == "**":
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return None
        compute = _REALS.get(op)
        return None if compute is None else round_real(compute(float(left), float(right)), kind)
    if isinstance(left, int) and isinstance(right, int):
        exact = _INTEGER.get(op)
        return None if exact is None else exact(left, right)
    return None


def scaled_time(op: str, time: int, factor: Constant) -> int | None:
    """Return TIME * number or TIME / number in nanoseconds; fractions round to nearest even. None: it is not finite."""
    if isinstance(factor, int):
        return time * factor if op == "*" else _divide_integers(time, factor)
    if not isinstance(factor, float):
        return None
    value = time * factor if op == "*" else _divide_reals(float(time), factor)
    return round(value) if math.isfinite(value) else None


def logic(op: str, left: Constant, right: Constant) -> Constant | None:
    """Return AND, OR, XOR of two bit strings, or of two BOOL."""
    if isinstance(left, bool) and isinstance(right, bool):
        return bool(_LOGIC[op](left, right))
    if isinstance(left, int) and isinstance(right, int):
        return _LOGIC[op](left, right)
    return None


def inverted(value: Constant, kind: Elementary) -> Constant | None:
    """Return NOT `value` in the width of `kind`."""
    if kind is BOOL:
        return not value
    return kind.high & ~value if isinstance(value, int) else None


def comparison(op: str, left: Constant, right: Constant) -> bool | None:
    """Return whether the relation holds between two values of one type."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return _ORDER[op](left, right)
    if isinstance(left, str) and isinstance(right, str):
        order = (left > right) - (left < right)
        return _ORDER[op](order, 0)
    return None


def converted(value: Constant, target: Type) -> Constant:
    """Return a value after the implicit conversion to `target`, which is known to take it."""
    kind = storage(target)
    if isinstance(kind, Elementary):
        if kind.family is Family.REAL and isinstance(value, (int, float)):
            return round_real(float(value), kind)
        if kind.family is not Family.BOOL and isinstance(value, bool):
            return int(value)
    elif isinstance(kind, StringType) and isinstance(value, str):
        return value[: kind.length]
    return value
