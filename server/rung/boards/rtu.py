"""Modbus RTU frames of the debug codes 16#41, 16#42, 16#44 and 16#45 that a board's program answers on its serial port.

Bytes only, no port. A serial line marks no frame's end, so where an answer ends follows from what its function code promises; that it is
one is known by its checksum alone. Whatever else arrives (a program's own text, a bootloader's bytes, an adapter's echo) is stray.
"""

from __future__ import annotations

from typing import Final

from rung.runtimes.debug_values import OK

LONGEST: Final = 256
"""Bytes of the longest frame (Modbus over serial line 1.02, section 2.5.1)."""

_SHORTEST = 6
"""Boards drop requests with fewer bytes."""
_AFTER_OK = {0x42: 0, 0x44: 8, 0x45: 32}
"""Bytes that follow a function code and a good status, without the values of a list."""
_EXCEPTION = 0x80


def crc16(data: bytes) -> int:
    """The checksum of Modbus RTU."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def to_frame(slave: int, pdu: bytes) -> bytes:
    """A request as it goes over the line: slave number, function code and data, checksum; short ones are filled up."""
    body = bytes((slave,)) + pdu.ljust(_SHORTEST - 3, b"\0")
    return body + crc16(body).to_bytes(2, "little")


def find_answer(data: bytes, slave: int, code: int, *, quiet: bool) -> tuple[int, int] | None:
    """Where the answer to a function code stands in what has arrived: its first byte and the one behind it; None when it is not there yet.

    Args:
        data: all that came since the request.
        slave: who was asked.
        code: the function code that was asked.
        quiet: nothing more comes. Until then what looks like an answer's beginning is waited for, because the values in it
            could look like an answer, too.
    """
    for start in range(len(data) - 1):
        if data[start] != slave or data[start + 1] & ~_EXCEPTION != code:
            continue
        length = _length(data[start:])
        if length is None or start + length > len(data):
            if not quiet:
                return None
        elif length and crc16(data[start : start + length - 2]) == int.from_bytes(
            data[start + length - 2 : start + length], "little"
        ):
            return start, start + length
    return None


def is_exception(pdu: bytes) -> bool:
    """Whether an answer is a Modbus exception, which programs of this protocol never send."""
    return bool(pdu[0] & _EXCEPTION)


def _length(frame: bytes) -> int | None:
    """How many bytes an answer has that begins so; None if more must be known, 0 if there is no such answer."""
    code = frame[1]
    if code == 0x41:
        return 6
    if len(frame) < 3:
        return None
    if code & _EXCEPTION or frame[2] != OK:
        return 5
    length = 5 + _AFTER_OK.get(code, 0)
    if code == 0x44:
        if len(frame) < 11:
            return None
        length += int.from_bytes(frame[9:11], "big")
    return length if length <= LONGEST else 0
