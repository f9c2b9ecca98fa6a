"""The debug function codes 0x41 to 0x45 (section 5.2), with the real server's faults: they are what clients have to live with."""

from __future__ import annotations

import struct
from typing import Final

from rung.simulator.v3.memory import Memory

DEBUG_CODES: Final = range(0x41, 0x46)
_OK: Final = 0x7E
_NO_SUCH: Final = 0x81
_TOO_MANY: Final = 0x82
_MOST_LISTED: Final = 60
_LONGEST_DATA: Final = 243
_RANGE_LOSES: Final = 4
_BIG: Final = b"\xde\xad"
_NATIVE: Final = b"\xad\xde"


async def answer_debug(memory: Memory, request: bytes) -> bytes | None:
    """Answer one request, from its function code on; None when the real server sends a fragment only."""
    code, rest = request[0], request[1:]
    if code == 0x41:
        return struct.pack(">BH", code, len(memory.binary.variables))
    if code == 0x42:
        return struct.pack(">BB", code, await _set(memory, rest))
    if code == 0x43:
        return await _range(memory, rest)
    if code == 0x44:
        return await _list(memory, rest)
    if rest[:2] in (_BIG, _NATIVE):
        memory.big_endian = rest[:2] == _BIG
    return struct.pack(">BB", code, _OK) + memory.binary.md5.encode("ascii", "replace")


async def _set(memory: Memory, rest: bytes) -> int:
    index, forcing, length = struct.unpack(">HBH", rest[:5].ljust(5, b"\0"))  # what is missing counts as 0
    value = rest[5 : 5 + length]
    if index >= len(memory.binary.variables) or len(value) < length:
        return _NO_SUCH
    variable = memory.binary.variables[index]
    await (memory.force(variable, value) if forcing else memory.release(variable))
    return _OK


async def _range(memory: Memory, rest: bytes) -> bytes:
    """A range loses its last four bytes: the real server counts its own header twice."""
    if len(rest) < 4:
        return struct.pack(">BB", 0x43, _NO_SUCH)
    first, last = struct.unpack(">HH", rest[:4])
    if not first <= last < len(memory.binary.variables):
        return struct.pack(">BB", 0x43, _NO_SUCH)
    answer = await _values(memory, 0x43, list(range(first, last + 1)))
    return answer[:-_RANGE_LOSES]


async def _list(memory: Memory, rest: bytes) -> bytes | None:
    count = int.from_bytes(rest[:2], "big")
    if count > _MOST_LISTED:
        return struct.pack(">BB", 0x44, _TOO_MANY)
    indices = list(struct.unpack(f">{count}H", rest[2 : 2 + 2 * count].ljust(2 * count, b"\0")))
    if any(index >= len(memory.binary.variables) for index in indices):
        return None
    return await _values(memory, 0x44, indices)


async def _values(memory: Memory, code: int, indices: list[int]) -> bytes:
    """As many values as fit into a frame; the last index says how far it got."""
    taken: list[int] = []
    size = 0
    for index in indices:
        size += memory.binary.variables[index].size
        if size > _LONGEST_DATA:
            break
        taken.append(index)
    read = await memory.read([memory.binary.variables[index] for index in taken])
    tick, data = read if read is not None else (0, b"")
    last = taken[-1] if taken else 0
    return struct.pack(">BBHIH", code, _OK, last, tick, len(data)) + data
