"""The debug protocol of runtimes whose programs MatIEC translates: a variable's address is one index (`Leaf.element`).

Socket.IO of v4.0 (runtime protocol v4, section 3.2) and Modbus TCP of v3 (runtime protocol v3, section 5.2) carry the same bytes.
Bytes only, no connection. Protocol fields are big endian.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Final

from rung.codegen.artefact import Leaf
from rung.runtimes.debug_values import ASK_MD5, FORCE, OUT_OF_BOUNDS, TOO_LARGE, BadAnswer, ByteOrder

ORDER: Final[ByteOrder] = "little"
"""The byte order of values. These runtimes do not tell theirs; all computers that they are made for are little endian."""

MD5_REQUEST: Final = bytes((ASK_MD5, 0xAD, 0xDE, 0x00, 0x00))
"""The question for the MD5. Its probe, 16#DEAD as a little-endian computer writes it, also says in which order the values come
that are forced afterwards; the runtime keeps that for all its peers, so it is sent anew before each force."""

INFO_REQUEST: Final = b"\x41"


def md5_answer(frame: bytes) -> str:
    """The MD5 of the program (32 lower-case hex digits)."""
    if frame[:2] != b"\x45\x7e" or not re.fullmatch(rb"[0-9a-fA-F]{32}", frame[2:]):
        raise BadAnswer("the answer to the question for the MD5 is malformed")
    return frame[2:].decode("ascii").lower()


def info_answer(frame: bytes) -> int:
    """The number of variables."""
    if len(frame) != 3 or frame[0] != 0x41:
        raise BadAnswer("the answer to the question for the variables is malformed")
    return int.from_bytes(frame[1:], "big")


def list_request(leaves: Sequence[Leaf]) -> bytes:
    """Ask for the values of some variables."""
    return struct.pack(f">BH{len(leaves)}H", 0x44, len(leaves), *(leaf.element for leaf in leaves))


def list_answer(asked: Sequence[Leaf], frame: bytes) -> tuple[int, bytes] | int:
    """How many of the variables that were asked for were served, and their bytes; or the status byte of a refusal.

    The frame names the index of the last variable that had room in it, and that may be followed by more that had none.
    """
    if len(frame) == 2 and frame[0] == 0x44 and frame[1] in (OUT_OF_BOUNDS, TOO_LARGE):
        return frame[1]
    if len(frame) < 10 or frame[:2] != b"\x44\x7e":
        raise BadAnswer("the answer to the question for values is malformed")
    last, size = struct.unpack(">H4xH", frame[2:10])  # between them the scan counter
    if size != len(frame) - 10:
        raise BadAnswer("the answer to the question for values has another length than it says")
    end = 0
    for served, leaf in enumerate(asked, 1):
        end += leaf.size
        if leaf.element == last and end == size:
            return served, frame[10:]
    return OUT_OF_BOUNDS  # the sizes are not those of the variables that we know


def force_request(leaf: Leaf, value: bytes | None) -> bytes:
    """Force a variable to a value; None lets the program write it again (then one byte of no meaning goes with it)."""
    data = b"\0" if value is None else value
    return struct.pack(">BHBH", FORCE, leaf.element, value is not None, len(data)) + data


def force_answer(frame: bytes) -> int:
    """The status byte."""
    if len(frame) != 2 or frame[0] != FORCE:
        raise BadAnswer("the answer to forcing is malformed")
    return frame[1]
