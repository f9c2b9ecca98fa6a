"""The standard function codes 1 to 6, 15 and 16 on the address map of section 5.1.

Invariant: an address outside of the map is answered with exception 2, a function that is not there with exception 1; nothing is written
then.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from rung.simulator.v3.memory import Cell, Memory

_BITS: Final = 8192
_INPUTS: Final = 1024
_ILLEGAL_FUNCTION: Final = 1
_ILLEGAL_ADDRESS: Final = 2
_ILLEGAL_VALUE: Final = 3
_LONGEST_DATA: Final = 255
# First holding register, its area, and how many registers one variable takes.
_HOLDING: Final = (
    (0, 1024, ("Q", "W"), 1), (1024, 2048, ("M", "W"), 1), (2048, 4096, ("M", "D"), 2), (4096, 8192, ("M", "L"), 4),
)  # fmt: skip


class _Exception(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


async def answer_standard(memory: Memory, request: bytes) -> bytes:
    """Answer one request, from its function code on."""
    code = request[0]
    try:
        if code in (1, 2):
            return await _read_bits(memory, code, "Q" if code == 1 else "I", *_two(request))
        if code in (3, 4):
            return await _read_registers(memory, code, *_two(request))
        if code == 5:
            address, value = _two(request)
            await _write_bits(memory, address, [value != 0])
            return request[:5]
        if code == 6:
            address, value = _two(request)
            await _write_registers(memory, address, [value])
            return request[:5]
        if code == 15:
            address, count, data = _many(request, bits=True)
            await _write_bits(memory, address, [bool(data[i // 8] >> i % 8 & 1) for i in range(count)])
            return request[:5]
        if code == 16:
            address, count, data = _many(request, bits=False)
            await _write_registers(memory, address, list(struct.unpack(f">{count}H", data)))
            return request[:5]
        raise _Exception(_ILLEGAL_FUNCTION)
    except _Exception as problem:
        return bytes((code & 0x7F | 0x80, problem.number))


def _two(request: bytes) -> tuple[int, int]:
    if len(request) < 5:
        raise _Exception(_ILLEGAL_VALUE)
    first, second = struct.unpack(">HH", request[1:5])
    return int(first), int(second)


def _many(request: bytes, *, bits: bool) -> tuple[int, int, bytes]:
    address, count = _two(request)
    size = (count + 7) // 8 if bits else 2 * count
    if len(request) < 6 + size or request[5] != size:
        raise _Exception(_ILLEGAL_VALUE)
    return address, count, request[6 : 6 + size]


async def _read_bits(memory: Memory, code: int, area: str, address: int, count: int) -> bytes:
    if (count + 7) // 8 > _LONGEST_DATA:
        raise _Exception(_ILLEGAL_ADDRESS)
    _bit_cells(area, address, count)
    whole = min(8 * ((count + 7) // 8), _BITS - address)  # the real one fills the last byte with whatever comes next
    values = await memory.read_cells(_bit_cells(area, address, whole))
    data = bytearray((count + 7) // 8)
    for position, value in enumerate(values):
        data[position // 8] |= (value & 1) << position % 8
    return bytes((code, len(data))) + data


async def _read_registers(memory: Memory, code: int, address: int, count: int) -> bytes:
    if 2 * count > _LONGEST_DATA:
        raise _Exception(_ILLEGAL_ADDRESS)
    if code == 4:
        if address + count > _INPUTS:
            raise _Exception(_ILLEGAL_ADDRESS)
        words = await memory.read_cells([("I", "W", index, 0) for index in range(address, address + count)])
    else:
        parts = list(_holding(address, count))
        cells = list(dict.fromkeys(cell for cell, _ in parts))
        values = dict(zip(cells, await memory.read_cells(cells), strict=True))
        words = [values[cell] >> shift & 0xFFFF for cell, shift in parts]
    return bytes((code, 2 * count)) + struct.pack(f">{count}H", *(word & 0xFFFF for word in words))


async def _write_bits(memory: Memory, address: int, values: list[bool]) -> None:
    cells = _bit_cells("Q", address, len(values))
    await memory.write_cells([(cell, int(value)) for cell, value in zip(cells, values, strict=True)])


async def _write_registers(memory: Memory, address: int, words: list[int]) -> None:
    parts = list(_holding(address, len(words)))
    cells = list(dict.fromkeys(cell for cell, _ in parts))
    values = dict(zip(cells, await memory.read_cells(cells), strict=True))
    for (cell, shift), word in zip(parts, words, strict=True):
        values[cell] = values[cell] & ~(0xFFFF << shift) | word << shift
    await memory.write_cells(list(values.items()))


def _bit_cells(area: str, address: int, count: int) -> list[Cell]:
    if address + count > _BITS:
        raise _Exception(_ILLEGAL_ADDRESS)
    return [(area, "X", number // 8, number % 8) for number in range(address, address + count)]


def _holding(address: int, count: int) -> Iterator[tuple[Cell, int]]:
    """For each register its variable, and how far left its word stands in it: the high word comes first."""
    for register in range(address, address + count):
        for first, end, (area, size), width in _HOLDING:
            if first <= register < end:
                index, part = divmod(register - first, width)
                yield (area, size, index, 0), 16 * (width - 1 - part)
                break
        else:
            raise _Exception(_ILLEGAL_ADDRESS)
