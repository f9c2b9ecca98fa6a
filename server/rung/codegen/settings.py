"""Values of variables between memory and people: `rung run` shows what it finds and writes what it is told.

Invariant: `decode(encode(v)) == v` for every value that `parse` accepts.
"""

from __future__ import annotations

import math
import struct
import sys
from typing import Final, Union

from rung.codegen.values import encode_string
from rung.semantics.types import Elementary, Enumeration, Family, StringType, Subrange, Type, storage, strip
from rung.syntax.literals import Reading, read_number, read_string, read_typed

Value = Union[bool, int, float, str]

_ORDER: Final = sys.byteorder


def decode(kind: Type, data: bytes) -> Value:
    """Return the value of a variable of type `kind` from its memory, as `rung run` prints it."""
    base = storage(kind)
    if isinstance(base, StringType):
        if base.wide:
            return data[2 : 2 + 2 * min(data[0], base.length)].decode("utf-16", "replace")
        return data[1 : 1 + min(data[0], base.length)].decode("latin-1")
    if isinstance(base, Enumeration):
        number = int.from_bytes(data, _ORDER, signed=base.base.low < 0)
        key = next((key for key, value in base.values.items() if value == number), None)
        return number if key is None else base.spelling.get(key, key)
    assert isinstance(base, Elementary)
    match base.family:
        case Family.BOOL:
            return data[0] != 0
        case Family.REAL:
            return _real(struct.unpack("=f" if base.bits == 32 else "=d", data)[0], base.bits)
        case Family.CHAR:
            return chr(int.from_bytes(data, _ORDER))
        case _:
            return int.from_bytes(data, _ORDER, signed=base.low < 0)


def _real(value: float, bits: int) -> Value:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if bits == 64:
        return value
    # The shortest decimal that is this REAL: 0.1, not 0.10000000149011612.
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.pack("=f", short) == struct.pack("=f", value):
            return short
    return float(f"{value:.9g}")


def encode(kind: Type, value: Value) -> bytes:
    """Return the memory of a variable of type `kind` that holds `value`; a string is cut at its length, an integer wraps."""
    base = storage(kind)
    if isinstance(base, StringType):
        return _string(base, str(value))
    if isinstance(base, Enumeration):
        base = base.base
    assert isinstance(base, Elementary)
    match base.family:
        case Family.BOOL:
            return bytes([bool(value)])
        case Family.REAL:
            return struct.pack("=f" if base.bits == 32 else "=d", float(value))
        case Family.CHAR:
            return ord(str(value)[:1] or "\0").to_bytes(base.bits // 8, _ORDER)
        case _:
            return (int(value) & ((1 << base.bits) - 1)).to_bytes(base.bits // 8, _ORDER)


def _string(kind: StringType, text: str) -> bytes:
    if kind.wide:
        units = text.encode("utf-16-le" if _ORDER == "little" else "utf-16-be")[: 2 * kind.length]
        return bytes([len(units) // 2, 0]) + units
    data = encode_string(text)[: kind.length]
    return bytes([len(data)]) + data


def parse(kind: Type, text: str) -> Value:
    """Return the value that `text` means for a variable of type `kind`.

    Raises ValueError with a sentence for the user. Accepted are the forms in which `rung run` prints values, and the literals of
    the standard: `TRUE`, `16#FF`, `T#1s500ms`, `'text'`, `Colour#Red`.
    """
    text = text.strip()
    declared, base = strip(kind), storage(kind)
    if isinstance(base, StringType):
        return str(_read(read_string(text))) if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0] else text
    if isinstance(base, Enumeration):
        name = text.rpartition("#")[2].upper()
        return base.values[name] if name in base.values else _integer(base.base, text)
    assert isinstance(base, Elementary)
    match base.family:
        case Family.BOOL:
            return _boolean(text)
        case Family.REAL:
            return _parse_real(base, text)
        case Family.CHAR:
            return text.strip("'\"")[:1]
        case Family.DURATION | Family.DATE | Family.TIME_OF_DAY | Family.DATE_AND_TIME:
            if text.lstrip("+-").isdigit():
                return int(text)
            value = _read(read_typed(text if "#" in text else f"{base.name}#{text}"))
            if not isinstance(value, int):
                raise ValueError(f"{text!r} is no {base.name}.")
            return value
    number = _integer(base, text)
    if isinstance(declared, Subrange) and not declared.low <= number <= declared.high:
        raise ValueError(f"{text} is outside of {declared.low}..{declared.high}.")
    return number


def _read(reading: Reading) -> Value:
    if reading.code:
        raise ValueError(reading.message)
    return reading.value


def _boolean(text: str) -> bool:
    word = text.upper().removeprefix("BOOL#")
    if word not in ("TRUE", "1", "FALSE", "0"):
        raise ValueError(f"{text!r} is no BOOL: write TRUE or FALSE.")
    return word in ("TRUE", "1")


def _parse_real(kind: Elementary, text: str) -> float:
    try:
        value = float(text.upper().removeprefix(f"{kind.name}#"))
        struct.pack("=f" if kind.bits == 32 else "=d", value)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no {kind.name}.") from None
    return value


def _integer(kind: Elementary, text: str) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    typed = "#" in digits and not digits[0].isdigit()
    value = _read(read_typed(digits) if typed else read_number(digits))
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{text!r} is no {kind.name}.")
    value *= sign
    if not kind.low <= value <= kind.high:
        raise ValueError(f"{text} is outside of {kind.name}, which holds {kind.low} to {kind.high}.")
    return value
