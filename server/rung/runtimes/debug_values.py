"""What all forms of the debug protocol share: status bytes, variables' values as bytes, and cutting a list into requests.

Values are raw memory in the device's own byte order; what a value means does not depend on how the variable was addressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from rung.codegen.artefact import Leaf

Value = bool | int | float | str
ByteOrder = Literal["little", "big"]

FORCE: Final = 0x42
ASK_MD5: Final = 0x45
"""Function codes that all forms share (runtime protocol, section 3)."""

OK: Final = 0x7E
OUT_OF_BOUNDS: Final = 0x81
TOO_LARGE: Final = 0x82
NO_PROGRAM: Final = 0x83

_NANOSECONDS = 1_000_000_000
_INTEGERS = {
    **dict.fromkeys(("SINT", "INT", "DINT", "LINT"), True),
    **dict.fromkeys(("USINT", "UINT", "UDINT", "ULINT", "BYTE", "WORD", "DWORD", "LWORD"), False),
}
_TIMES = frozenset(
    (
        "TIME",
        "LTIME",
        "DATE",
        "LDATE",
        "TOD",
        "LTOD",
        "TIME_OF_DAY",
        "LTIME_OF_DAY",
        "DT",
        "LDT",
        "DATE_AND_TIME",
        "LDATE_AND_TIME",
    )
)
_CHARACTERS = {"CHAR": 1, "WCHAR": 2}


class BadAnswer(ValueError):
    """Bytes that this protocol does not know."""


def batches(leaves: Sequence[Leaf], most: int, largest: int) -> Iterator[Sequence[Leaf]]:
    """Cut a list of variables so that each request and each answer fits into a frame.

    Args:
        leaves: the variables, in any order.
        most: how many variables a request may name.
        largest: how many bytes of values an answer can hold.
    """
    start = size = 0
    for index, leaf in enumerate(leaves):
        if index > start and (size + leaf.size > largest or index - start == most):
            yield leaves[start:index]
            start, size = index, 0
        size += leaf.size
    if start < len(leaves):
        yield leaves[start:]


def to_value(leaf: Leaf, data: bytes, order: ByteOrder, *, time_pairs: bool = False) -> Value:
    """The value of a variable: times and dates as nanoseconds, a type that is not known as hex digits.

    Args:
        leaf: the variable.
        data: its bytes.
        order: the device's byte order.
        time_pairs: times are two 32-bit numbers, seconds and nanoseconds, and not one of 64 bits (runtime protocols v3, section
            5.2, and v4, section 3.2).
    """
    kind = leaf.type.upper()
    if kind == "BOOL":
        return any(data)
    if kind in _INTEGERS:
        return int.from_bytes(data, order, signed=_INTEGERS[kind])
    if kind in _TIMES:
        if time_pairs and len(data) == 8:
            seconds, nanoseconds = struct.unpack(_mark(order) + "ii", data)
            whole: int = seconds * _NANOSECONDS + nanoseconds
            return whole
        return int.from_bytes(data, order, signed=True)
    if kind in ("REAL", "LREAL") and len(data) in (4, 8):
        value: float = struct.unpack(_mark(order) + ("f" if len(data) == 4 else "d"), data)[0]
        return value
    if kind.startswith("WSTRING") or kind == "WCHAR":
        units = data[1 : 1 + 2 * data[0]] if kind != "WCHAR" else data
        return units.decode("utf-16-le" if order == "little" else "utf-16-be", "replace")
    if kind.startswith("STRING") or kind == "CHAR":
        return (data[1 : 1 + data[0]] if kind != "CHAR" else data).decode("latin-1")
    return data.hex()


def to_bytes(leaf: Leaf, value: Value, order: ByteOrder, *, time_pairs: bool = False) -> bytes:
    """The bytes that force a variable to a value; the arguments are those of `to_value`.

    Raises:
        ValueError: with a sentence, when the variable cannot hold the value, or not be forced at all.
    """
    if not leaf.forceable:
        raise ValueError(f"{leaf.path} cannot be forced: the runtime that this program is built for would ignore it.")
    kind = leaf.type.upper()
    try:
        if kind == "BOOL" and (isinstance(value, bool) or value in (0, 1)):
            return b"\x01" if value else b"\x00"
        if kind in _TIMES and time_pairs and isinstance(value, int) and not isinstance(value, bool):
            return _time_pair(value, order)
        if (kind in _INTEGERS or kind in _TIMES) and isinstance(value, int) and not isinstance(value, bool):
            return value.to_bytes(leaf.size, order, signed=_INTEGERS.get(kind, True))
        if kind in ("REAL", "LREAL") and isinstance(value, (int, float)) and not isinstance(value, bool):
            return struct.pack(_mark(order) + ("f" if leaf.size == 4 else "d"), value)
        if kind.startswith("STRING") and isinstance(value, str):
            return _text_bytes(value.encode("latin-1"), 1, leaf.size)
        if kind.startswith("WSTRING") and isinstance(value, str):
            return _text_bytes(value.encode("utf-16-le" if order == "little" else "utf-16-be"), 2, leaf.size)
        if kind in _CHARACTERS and isinstance(value, str) and len(value) == 1:
            encoding = "latin-1" if kind == "CHAR" else f"utf-16-{order[0]}e"
            return value.encode(encoding)
    except (OverflowError, struct.error, UnicodeEncodeError):
        raise ValueError(f"{leaf.path} is of type {leaf.type} and cannot hold {_shown(value)}.") from None
    raise ValueError(f"{leaf.path} is of type {leaf.type} and cannot be set to {_shown(value)}.")


def _mark(order: ByteOrder) -> str:
    return "<" if order == "little" else ">"


def _time_pair(nanoseconds: int, order: ByteOrder) -> bytes:
    # Both numbers carry the sign, as the devices' own arithmetic leaves them.
    sign = -1 if nanoseconds < 0 else 1
    seconds, rest = divmod(abs(nanoseconds), _NANOSECONDS)
    return struct.pack(_mark(order) + "ii", sign * seconds, sign * rest)


def _text_bytes(units: bytes, width: int, size: int) -> bytes:
    if 1 + len(units) > size:
        raise OverflowError
    return bytes((len(units) // width,)) + units.ljust(size - 1, b"\0")


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
