"""Constants as literals that v3's compiler reads with exactly the value that they have.

A literal is *typed* (`INT#5`) where nothing around it says its type, and bare (`5`) where it stands alone in a place of its type.
"""

from __future__ import annotations

import math
import struct
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Final

from rung.semantics.types import Constant, Elementary, Enumeration, Family, StringType, Subrange, Type, strip


class NoLiteral(ArithmeticError):
    """v3 has no way to write this number down. The text is the number."""


# v3's compiler refuses any literal beyond, or nearer to zero, LREAL or not.
_LARGEST: Final = 3.4028234663852886e38
_LEAST: Final = 1.1754943508222875e-38
_NAMES: Final = {
    "LTIME": "TIME", "LDATE": "DATE", "TIME_OF_DAY": "TOD", "LTIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT", "LDATE_AND_TIME": "DT",
}  # fmt: skip
_SECOND: Final = 1_000_000_000
_LONG_DOUBLES: Final = (53, 64, 113)  # significant bits of C's long double: ARM with 32 bits, PC, ARM with 64 bits
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def elementary_name(kind: Elementary) -> str:
    """Return the printed name of an elementary type: the long time types are the short ones on v3, which count nanoseconds too."""
    return _NAMES.get(kind.name, kind.name)


def scalar(kind: Type) -> Elementary | StringType | None:
    """Return the elementary or string type whose values a type's are, None for structures, arrays, blocks and references."""
    kind = strip(kind)
    if isinstance(kind, Enumeration | Subrange):
        kind = kind.base
    return kind if isinstance(kind, Elementary | StringType) else None


def literal(kind: Type, value: Constant, typed: bool = False) -> str:
    """Return the literal of a scalar constant. Raises TypeError for aggregates."""
    base = scalar(kind)
    if isinstance(base, StringType):
        return string_literal(str(value))
    if base is None or isinstance(value, str) or not isinstance(value, bool | int | float):
        raise TypeError(f"{kind!r} has no literal")
    prefix = f"{base.name}#" if typed else ""
    match base.family:
        case Family.BOOL:
            return "TRUE" if value else "FALSE"
        case Family.REAL:
            return prefix + _real(float(value), base.bits)
        case Family.BITS:
            # A bare number above 32 bits would be one of C's wider types.
            return f"{prefix}16#{int(value):X}"
        case Family.DURATION:
            return _duration(int(value))
        case Family.DATE:
            return f"D#{_moment(int(value)):%Y-%m-%d}"
        case Family.TIME_OF_DAY:
            return f"TOD#{_clock(int(value))}"
        case Family.DATE_AND_TIME:
            moment = _moment(int(value))
            return f"DT#{moment:%Y-%m-%d}-{_clock(int(value) % (86_400 * _SECOND))}"
        case _:
            number = int(value)
            wide = not -(1 << 31) < number < 1 << 31
            return f"{base.name}#{number}" if typed or wide else str(number)


def _real(value: float, bits: int) -> str:
    if bits == 32:
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = math.inf
    if value and not _LEAST <= abs(value) <= _LARGEST:
        raise NoLiteral(f"The number {value:g}")
    digits = f"{value:.9g}" if bits == 32 else repr(value)
    if bits == 32 and struct.pack("<f", float(f"{value:.7g}")) == struct.pack("<f", value):
        digits = f"{value:.7g}"
    mantissa, _, exponent = digits.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent)}" if exponent else mantissa


def _duration(ns: int) -> str:
    """v3 refuses a gap between units, `1d5s`: from the first to the last each one is written, if only to say zero."""
    sign, ns = ("-" if ns < 0 else ""), abs(ns)
    seconds, rest = divmod(ns, _SECOND)
    parts = ""
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or (parts and (seconds or rest)):
            parts += f"{count}{unit}"
    if rest:
        milliseconds, part = divmod(rest, 1_000_000)
        exact = not part and all(_is_exact(ns, bits) for bits in _LONG_DOUBLES)
        parts += f"{milliseconds}ms" if exact else f"{milliseconds}.{part:06d}25ms"
    return f"T#{sign}{parts or '0s'}"


def _is_exact(ns: int, bits: int) -> bool:
    """Whether v3's C makes just `ns` of a literal in seconds and milliseconds: it computes the fraction in floating point and cuts it.
    A quarter of a nanosecond more keeps the last one."""
    seconds, rest = divmod(ns, _SECOND)
    fraction = _rounded(seconds + _rounded(Fraction(rest, _SECOND), bits), bits) - seconds
    return int(_rounded(fraction * _SECOND, bits)) == rest


def _rounded(number: Fraction, bits: int) -> Fraction:
    """Return the nearest floating-point number of so many significant bits, ties to even."""
    if not number:
        return number
    scale = Fraction(2) ** (bits - number.numerator.bit_length() + number.denominator.bit_length())
    while number * scale >= 1 << bits:
        scale /= 2
    return Fraction(round(number * scale)) / scale


def _clock(ns: int) -> str:
    seconds, rest = divmod(ns, _SECOND)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if not rest:
        return text
    exact = (rest * 64) % _SECOND == 0
    return f"{text}.{rest:09d}" + ("" if exact else "25")


def _moment(ns: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=ns // _SECOND)


def string_literal(text: str) -> str:
    """Return a STRING literal: ISO 8859-1, everything but plain characters as `$` and two hexadecimal digits."""
    data = text.encode("latin-1", "replace")
    out, escaped = "", False
    for code in data:
        character = chr(code)
        # v3 hands hexadecimal escapes to C, where one swallows the hexadecimal digits behind it.
        plain = (
            32 <= code < 127 and character not in "$'\"\\?" and not (escaped and character in "0123456789abcdefABCDEF")
        )
        out += character if plain else f"${code:02X}"
        escaped = not plain
    return f"'{out}'"
