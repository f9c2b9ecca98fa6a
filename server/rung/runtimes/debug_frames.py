"""The debug protocol of OpenPLC Runtime v4.1+ (runtime protocol, section 3.1): a variable's address is its array and element.

Bytes only, no connection. Protocol fields are big endian.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_values
from rung.runtimes.debug_values import ASK_MD5, FORCE, NO_PROGRAM, OK, OUT_OF_BOUNDS, TOO_LARGE, BadAnswer, ByteOrder

MD5_REQUEST: Final = bytes((ASK_MD5, 0xDE, 0xAD, 0x00, 0x00))
INFO_REQUEST: Final = b"\x41"

_MOST_ENTRIES = 900
"""A request may have 2728 bytes, three for each variable (section 3)."""

_LARGEST_DATA = 4096 - 10


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """The answer to a list request: how many of its entries were served, and their bytes."""

    served: int
    data: bytes


def md5_answer(frame: bytes) -> tuple[str, ByteOrder] | None:
    """The running program's MD5 and the device's byte order; None when no program is loaded."""
    if len(frame) >= 2 and frame[0] == ASK_MD5 and frame[1] == NO_PROGRAM:
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
    return debug_values.batches(leaves, _MOST_ENTRIES, _LARGEST_DATA)


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
    return struct.pack(">BBHBH", FORCE, leaf.array, leaf.element, value is not None, len(data)) + data


def force_answer(frame: bytes) -> int:
    """The status byte."""
    if len(frame) != 2 or frame[0] != FORCE:
        raise BadAnswer("the answer to forcing is malformed")
    return frame[1]
