"""Variables' values in words of the language, as they are shown and typed: `TRUE`, `16#00FF`, `T#1s500ms`, `'text'`.

Invariant: what is shown for a value, typed in again, is that value (but for a STRING with characters that cannot be shown).
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import Final

from rung.codegen.artefact import Leaf
from rung.runtimes.debug_values import Value
from rung.runtimes.device_text import clean
from rung.syntax.literals import Reading, read_number, read_string, read_typed
from rung.syntax.tree import LiteralKind

_SECOND: Final = 1_000_000_000
_UNITS: Final = (
    ("d", 86_400 * _SECOND),
    ("h", 3600 * _SECOND),
    ("m", 60 * _SECOND),
    ("s", _SECOND),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
)
_PREFIXES: Final = {
    **dict.fromkeys(("TIME", "LTIME"), "T"),
    **dict.fromkeys(("DATE", "LDATE"), "D"),
    **dict.fromkeys(("TOD", "TIME_OF_DAY", "LTOD", "LTIME_OF_DAY"), "TOD"),
    **dict.fromkeys(("DT", "DATE_AND_TIME", "LDT", "LDATE_AND_TIME"), "DT"),
}
_EPOCH: Final = datetime(1970, 1, 1)
_BITS: Final = {"BYTE": 2, "WORD": 4, "DWORD": 8, "LWORD": 16}
_LONGEST: Final = 300


def value_text(leaf: Leaf, value: Value) -> str:
    """Return a value as the language writes it.

    Args:
        leaf: the variable.
        value: what was read of it; times and dates in nanoseconds.
    """
    kind = leaf.type.upper()
    if isinstance(value, str):
        return _quoted(value, '"' if kind.startswith("W") else "'")
    if kind == "BOOL":
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return _real(value, leaf.size)
    if kind in _BITS:
        return f"16#{value:0{_BITS[kind]}X}"
    if kind in _PREFIXES:
        return _time(_PREFIXES[kind], value)
    return str(int(value))


def value_of(leaf: Leaf, text: str) -> Value:
    """Return the value that a user has typed for a variable, with or without the prefix of its type; times and dates in nanoseconds.

    Raises:
        ValueError: with a sentence, when it is no value of the variable's type. Whether it is in the type's range shows when it is sent.
    """
    kind = leaf.type.upper()
    written = text.strip()[:_LONGEST]
    if kind == "BOOL" and written.upper() in ("TRUE", "FALSE", "1", "0"):
        return written.upper() in ("TRUE", "1")
    if kind.startswith(("STRING", "WSTRING")) or kind in ("CHAR", "WCHAR"):
        return _text_of(leaf, written)
    prefix = _PREFIXES.get(kind)
    if prefix is not None and written and "#" not in written:
        written = f"{prefix}#{written}"
    reading = _read(written)
    value = reading.value if reading is not None and not reading.code else None
    if kind in ("REAL", "LREAL"):
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_number(reading):
            return float(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        if kind != "BOOL" and _is_of(reading, prefix):
            return value
    elif isinstance(value, bool) and kind == "BOOL":
        return value
    raise ValueError(
        f"{leaf.path} is of type {leaf.type}, and {clean(text, 60)!r} is no value of it. It is written like {_example(kind)}."
    )


def _read(written: str) -> Reading | None:
    sign = written[0] if written[:1] in ("-", "+") else ""
    body = written[len(sign) :]
    if not body or not body[0].isalnum():
        return None
    reading = (
        read_typed(body) if body[0].isalpha() and "#" in body else read_number(body) if body[0].isdigit() else None
    )
    if reading is not None and sign == "-" and isinstance(reading.value, int | float):
        reading.value = -reading.value
    return reading


def _is_number(reading: Reading | None) -> bool:
    return reading is not None and reading.kind in (LiteralKind.INTEGER, LiteralKind.REAL)


def _is_of(reading: Reading | None, prefix: str | None) -> bool:
    """Whether a whole number that was read is one of times where times are wanted, and only there."""
    if reading is None or reading.kind is LiteralKind.INTEGER:
        return reading is not None and prefix is None
    wanted = {
        "T": LiteralKind.TIME,
        "D": LiteralKind.DATE,
        "TOD": LiteralKind.TIME_OF_DAY,
        "DT": LiteralKind.DATE_AND_TIME,
    }
    return prefix is not None and reading.kind is wanted[prefix]


def _text_of(leaf: Leaf, written: str) -> str:
    if len(written) < 2 or written[0] not in "'\"" or written[-1] != written[0]:
        return written
    reading = read_string(written)
    if reading.code:
        raise ValueError(f"{leaf.path}: {reading.message}")
    return str(reading.value)


def _example(kind: str) -> str:
    if kind in _PREFIXES:
        return {"T": "T#1s500ms", "D": "D#2026-01-31", "TOD": "TOD#08:30:00", "DT": "DT#2026-01-31-08:30:00"}[
            _PREFIXES[kind]
        ]
    if kind in _BITS:
        return "16#FF"
    return {"BOOL": "TRUE", "REAL": "1.5", "LREAL": "1.5"}.get(kind, "12")


def _quoted(value: str, quote: str) -> str:
    return quote + clean(value.replace("$", "$$").replace(quote, f"${quote}"), _LONGEST) + quote


def _real(value: float, size: int) -> str:
    text = f"{value:.9g}" if size == 4 else repr(value)
    if size == 4:
        packed = struct.pack("<f", value)
        text = next(
            (short for digits in (6, 7, 8) if struct.pack("<f", float(short := f"{value:.{digits}g}")) == packed), text
        )
    mantissa, mark, exponent = text.partition("e")
    return mantissa + ("" if "." in mantissa or not mantissa.lstrip("-").isdigit() else ".0") + mark + exponent


def _time(prefix: str, value: int) -> str:
    if prefix == "T":
        sign, rest, parts = ("-" if value < 0 else ""), abs(value), ""
        for unit, size in _UNITS:
            count, rest = divmod(rest, size)
            parts += f"{count}{unit}" if count else ""
        return f"{sign}T#{parts or '0s'}"
    days, rest = divmod(value, 86_400 * _SECOND)
    clock = f"{rest // (3600 * _SECOND):02d}:{rest // (60 * _SECOND) % 60:02d}:{rest // _SECOND % 60:02d}"
    part = rest % _SECOND
    clock += f".{part:09d}".rstrip("0") if part else ""
    if prefix == "TOD":
        return f"TOD#{clock}"
    try:
        date = f"{_EPOCH + timedelta(days=days):%Y-%m-%d}"
    except OverflowError:
        return f"{value} ns"
    return f"D#{date}" if prefix == "D" else f"DT#{date}-{clock}"
