"""The bytes of the debug protocol of OpenPLC Runtime v4.1+ (runtime protocol, section 3.1), without any connection.

Protocol fields are big endian; values are raw memory in the device's own byte order.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rung.codegen.artefact import Leaf

Value = bool | int | float | str
ByteOrder = Literal["little", "big"]

OK = 0x7E
OUT_OF_BOUNDS = 0x81
TOO_LARGE = 0x82
NO_PROGRAM = 0x83

MD5_REQUEST = bytes((0x45, 0xDE, 0xAD, 0x00, 0x00))
INFO_REQUEST = b"\x41"

_MOST_ENTRIES = 900
"""A request may have 2728 bytes, three for each variable (section 3)."""

_LARGEST_DATA = 4096 - 10
_HEX = re.compile(r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2}){0,4095}")
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


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """The answer to a list request: how many of its entries were served, and their bytes."""

    served: int
    data: bytes


def encode(frame: bytes) -> str:
    """A frame as the channel carries it: two hex digits per byte, single spaces."""
    return frame.hex(" ").upper()


def decode(text: object) -> bytes:
    """The bytes of an answer.

    Raises:
        BadAnswer: it is no hex; the runtime reports its own errors as words in the same place (section 3).
    """
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise BadAnswer("the answer is not a frame")
    return bytes.fromhex(text)


def md5_answer(frame: bytes) -> tuple[str, ByteOrder] | None:
    """The running program's MD5 and the device's byte order; None when no program is loaded."""
    if len(frame) >= 2 and frame[0] == 0x45 and frame[1] == NO_PROGRAM:
        return None
    digits = frame[2:34]
    orders: dict[bytes, ByteOrder] = {b"\xad\xde": "little", b"\xde\xad": "big"}
    order = orders.get(frame[34:36])
    if frame[:2] != b"\x45\x7e" or len(frame) != 36 or order is None or not re.fullmatch(rb"[0-9a-fA-F]{32}", digits):
        raise BadAnswer("the answer to the question for the MD5 is malformed")
    return digits.decode("ascii").lower(), order


def info_answer(frame: bytes) -> tuple[int, ...] | None:
    """The number of variables in each array; None when no program is loaded."""
    if len(frame) == 2 and frame[0] == 0x41 and frame[1] == NO_PROGRAM:
        return None
    if len(frame) < 3 or frame[0] != 0x41 or frame[2] != OK or len(frame) != 3 + 2 * frame[1]:
        raise BadAnswer("the answer to the question for the variables is malformed")
    return struct.unpack(f">{frame[1]}H", frame[3:])


def batches(leaves: Sequence[Leaf]) -> Iterator[Sequence[Leaf]]:
    """Cut a list of variables so that each request and each answer fits into a frame."""
    start = size = 0
    for index, leaf in enumerate(leaves):
        if index > start and (size + leaf.size > _LARGEST_DATA or index - start == _MOST_ENTRIES):
            yield leaves[start:index]
            start, size = index, 0
        size += leaf.size
    if start < len(leaves):
        yield leaves[start:]


def list_request(leaves: Sequence[Leaf]) -> bytes:
    """Ask for the values of up to 900 variables."""
    return struct.pack(">BH", 0x44, len(leaves)) + b"".join(struct.pack(">BH", x.array, x.element) for x in leaves)


def list_answer(frame: bytes) -> ListAnswer | int:
    """The values, or the status byte of a refusal."""
    if len(frame) == 2 and frame[0] == 0x44 and frame[1] in (OUT_OF_BOUNDS, TOO_LARGE, NO_PROGRAM):
        return frame[1]
    if len(frame) < 10 or frame[:2] != b"\x44\x7e":
        raise BadAnswer("the answer to the question for values is malformed")
    last, size = struct.unpack(">H4xH", frame[2:10])  # between them the scan counter
    if size != len(frame) - 10:
        raise BadAnswer("the answer to the question for values has another length than it says")
    return ListAnswer(last + 1, frame[10:])


def force_request(leaf: Leaf, value: bytes | None) -> bytes:
    """Force a variable to a value; None lets the program write it again."""
    data = value or b""
    return struct.pack(">BBHBH", 0x42, leaf.array, leaf.element, value is not None, len(data)) + data


def force_answer(frame: bytes) -> int:
    """The status byte."""
    if len(frame) != 2 or frame[0] != 0x42:
        raise BadAnswer("the answer to forcing is malformed")
    return frame[1]


def to_value(leaf: Leaf, data: bytes, order: ByteOrder) -> Value:
    """The value of a variable: times and dates as nanoseconds, a type that is not known as hex digits."""
    kind = leaf.type.upper()
    if kind == "BOOL":
        return any(data)
    if kind in _INTEGERS:
        return int.from_bytes(data, order, signed=_INTEGERS[kind])
    if kind in _TIMES:
        return int.from_bytes(data, order, signed=True)
    if kind in ("REAL", "LREAL") and len(data) in (4, 8):
        value: float = struct.unpack(("<" if order == "little" else ">") + ("f" if len(data) == 4 else "d"), data)[0]
        return value
    if kind.startswith("WSTRING") or kind == "WCHAR":
        units = data[1 : 1 + 2 * data[0]] if kind != "WCHAR" else data
        return units.decode("utf-16-le" if order == "little" else "utf-16-be", "replace")
    if kind.startswith("STRING") or kind == "CHAR":
        return (data[1 : 1 + data[0]] if kind != "CHAR" else data).decode("latin-1")
    return data.hex()


def to_bytes(leaf: Leaf, value: Value, order: ByteOrder) -> bytes:
    """The bytes of a value.

    Raises:
        ValueError: with a sentence, when the variable cannot hold the value.
    """
    kind = leaf.type.upper()
    try:
        if kind == "BOOL" and (isinstance(value, bool) or value in (0, 1)):
            return b"\x01" if value else b"\x00"
        if (kind in _INTEGERS or kind in _TIMES) and isinstance(value, int) and not isinstance(value, bool):
            return value.to_bytes(leaf.size, order, signed=_INTEGERS.get(kind, True))
        if kind in ("REAL", "LREAL") and isinstance(value, (int, float)) and not isinstance(value, bool):
            return struct.pack(("<" if order == "little" else ">") + ("f" if leaf.size == 4 else "d"), value)
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


def _text_bytes(units: bytes, width: int, size: int) -> bytes:
    if 1 + len(units) > size:
        raise OverflowError
    return bytes((len(units) // width,)) + units.ljust(size - 1, b"\0")


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
