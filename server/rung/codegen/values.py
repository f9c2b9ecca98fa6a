"""Constants as C++ literals of exactly their IEC type, so that no C promotion changes what an expression means."""

from __future__ import annotations

import math
import struct
from typing import Final

from rung.codegen.standard_calls import value_type
from rung.semantics.types import Constant, Elementary, Enumeration, Family, StringType, Subrange, Type, strip

_LEAST_LONG: Final = -(1 << 63)
_GREATEST_LONG: Final = (1 << 63) - 1
# What makes a time of nanoseconds; how a target counts time is the support headers' business.
_TIMES: Final = {
    Family.DURATION: "rung::duration", Family.DATE: "rung::moment", Family.TIME_OF_DAY: "rung::clock_time",
    Family.DATE_AND_TIME: "rung::moment",
}  # fmt: skip


def integer(value: int) -> str:
    """Return an integer as the shortest C++ expression that any compiler reads without a warning."""
    if value == _LEAST_LONG:
        return "(-9223372036854775807LL - 1)"
    if value > _GREATEST_LONG:
        return f"{value}ULL"
    return str(value) if -(1 << 31) < value < (1 << 31) else f"{value}LL"


def literal(kind: Type, value: Constant) -> str:
    """Return the C++ literal of an elementary, string, enumeration or subrange constant.

    Raises TypeError for aggregates, whose initial values `initial` sets element by element.
    """
    match strip(kind):
        case Enumeration() | Subrange() as derived:
            return literal(derived.base, value)
        case StringType() as string:
            return _string(string.wide, str(value))
        case Elementary() as elementary:
            return _elementary(elementary, value)
    raise TypeError(f"{kind!r} has no literal")


def _elementary(kind: Elementary, value: Constant) -> str:
    match kind.family:
        case Family.BOOL:
            return "true" if value else "false"
        case Family.REAL:
            assert isinstance(value, int | float)
            return _real(float(value), kind.bits)
        case Family.CHAR:
            code = ord(value[0]) if isinstance(value, str) and value else int(value) if isinstance(value, int) else 0
            return f"{value_type(kind)}({min(code, (1 << kind.bits) - 1)})"
        case Family.DURATION | Family.DATE | Family.TIME_OF_DAY | Family.DATE_AND_TIME:
            assert isinstance(value, int)
            return f"{_TIMES[kind.family]}({integer(value)})"
        case _:
            assert isinstance(value, int)
            return f"{value_type(kind)}({integer(value)})"


def _real(value: float, bits: int) -> str:
    suffix = "f" if bits == 32 else ""
    if math.isnan(value):
        return f'__builtin_nan{suffix}("")'
    if bits == 32 and math.isfinite(value):
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = math.copysign(math.inf, value)
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}__builtin_inf{suffix}()"
    digits = f"{value:.9g}" if bits == 32 else repr(value)
    if not any(c in digits for c in ".e"):
        digits += ".0"
    return f"{digits}{suffix}"


def encode_string(text: str) -> bytes:
    """Return a STRING's bytes: ISO 8859-1, which is the row 00 of ISO 10646 that the standard names; `?` for what it lacks."""
    return text.encode("latin-1", "replace")


def _string(wide: bool, text: str) -> str:
    if wide:
        units = text.encode("utf-16-le")
        codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
        return f'WStringView{{u"{"".join(map(_wide_character, codes))}", {min(len(codes), 254)}}}'
    data = encode_string(text)
    return f'StringView{{"{"".join(map(_character, data))}", {min(len(data), 254)}}}'


def _character(code: int) -> str:
    # Three octal digits end an escape for sure; a hexadecimal one would swallow digits that follow.
    if code < 32 or code > 126 or code in b'"\\?':
        return f"\\{code:03o}"
    return chr(code)


def _wide_character(code: int) -> str:
    if code < 32 or code == 127 or code in (34, 63, 92):  # " ? \\
        return f"\\{code:03o}"
    if code < 127:
        return chr(code)
    # A universal character name must not be a surrogate or lie below A0, so such a unit closes and reopens the literal.
    return f'\\x{code:04x}" u"'
