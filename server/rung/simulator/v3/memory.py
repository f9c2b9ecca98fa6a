"""The running program's variables as Modbus sees them: the standard map and the debug table (sections 5.1 and 5.2).

Invariant: reading never changes the program; a value that a debug client forces is not written over by a Modbus write.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Sequence
from typing import Final

from rung.simulator.process import ProgramProcess
from rung.simulator.v3.binary import PAIRS, Binary, DebugVariable, LocatedVariable

_ANSWER_S: Final = 2.0
_SCAN_S: Final = 1.0
_VALUES: Final = 10  # where the values begin in an answer of the scan host
_COUNTER: Final = 4  # bytes of the fault counter
_NS: Final = 1_000_000_000
_WIDTHS: Final = {"X": 1, "B": 1, "W": 2, "D": 4, "L": 8}

Cell = tuple[str, str, int, int]  # area, size, index, bit


class Memory:
    """The variables of one run."""

    def __init__(self, binary: Binary, process: ProgramProcess | None) -> None:
        """The memory of `process`; None is the blank program, whose addresses are still there."""
        self.binary = binary
        self.big_endian = False
        self._process = process
        self._forced: set[tuple[int, int]] = set()
        self._plain: dict[Cell, int] = {}
        self._began = time.monotonic()
        self._located: dict[Cell, list[LocatedVariable]] = {}
        self._widths = {
            (entry.array, entry.element): entry.width for entry in binary.variables if entry.array is not None
        }
        for variable in binary.located:
            self._widths[variable.array, variable.element] = variable.width
            cell = (variable.area, variable.size, variable.index, variable.bit)
            self._located.setdefault(cell, []).append(variable)

    # -- the debug table -----------------------------------------------------------------------------------------

    async def read(self, variables: Sequence[DebugVariable]) -> tuple[int, bytes] | None:
        """The scan counter and the values, one after another, in the device's byte order; None when nothing answers."""
        known = [(variable.array, variable.element) for variable in variables if variable.array is not None]
        answer = await self._fetch([(array, element) for array, element in known if array is not None])
        if answer is None:
            return None
        tick, values = answer
        parts: list[bytes] = []
        for variable in variables:
            if variable.array is None:
                parts.append(variable.constant.to_bytes(variable.size, "little"))
                continue
            value = values.get((variable.array, variable.element), b"")
            parts.append(_to_pair(value) if variable.type in PAIRS else _fit(value, variable.size))
        return tick, b"".join(parts)

    async def force(self, variable: DebugVariable, value: bytes) -> None:
        """Hold a variable at a value, given in the byte order that the client has chosen."""
        if variable.array is None or not variable.forceable:
            return
        value = _fit(self._native(variable, value), variable.size)
        if variable.type in PAIRS:
            value = _from_pair(value)
        place = (variable.array, variable.element)
        self._forced.add(place)
        await self._set(place, value)
        await (
            self._next_scan()
        )  # a real v3 writes at once, so a release right after it leaves the value in the variable

    async def release(self, variable: DebugVariable) -> None:
        """Let the program have a variable again; it keeps the last value until something is assigned to it."""
        if variable.array is not None:
            self._forced.discard((variable.array, variable.element))
            await self._set((variable.array, variable.element), None)

    def _native(self, variable: DebugVariable, value: bytes) -> bytes:
        if not self.big_endian or variable.type == "STRING":
            return value
        if variable.type in PAIRS:
            return value[:4][::-1] + value[4:8][::-1]
        return value[: variable.size][::-1]

    # -- the standard map ----------------------------------------------------------------------------------------

    async def read_cells(self, cells: Sequence[Cell]) -> list[int]:
        """The values of addresses as unsigned integers of their width; one that no variable stands at is plain memory."""
        variables = [self._located[cell][0] for cell in cells if cell in self._located]
        answer = await self._fetch([(variable.array, variable.element) for variable in variables])
        values = answer[1] if answer is not None else {}
        found: list[int] = []
        for cell in cells:
            if cell not in self._located:
                found.append(self._plain.get(cell, 0))
                continue
            variable = self._located[cell][0]
            value = values.get((variable.array, variable.element), b"")
            if variable.type in PAIRS:
                value = _to_pair(value)
            found.append(int.from_bytes(_fit(value, _WIDTHS[cell[1]]), "little"))
        return found

    async def write_cells(self, values: Sequence[tuple[Cell, int]]) -> None:
        """Write addresses once: in the next scan the program may write over them."""
        pending: list[tuple[int, int]] = []
        for cell, value in values:
            if cell not in self._located:
                self._plain[cell] = value
            for variable in self._located.get(cell, ()):
                place = (variable.array, variable.element)
                if place not in self._forced:
                    await self._set(place, value.to_bytes(_WIDTHS[cell[1]], "little"))
                    pending.append(place)
        if pending:
            await self._next_scan()
            for place in pending:
                if place not in self._forced:
                    await self._set(place, None)

    async def _next_scan(self) -> None:
        """Wait until a whole scan has begun and ended since now."""
        first = await self._fetch([])
        end = time.monotonic() + _SCAN_S
        while first is not None and time.monotonic() < end:
            await asyncio.sleep(0.005)
            answer = await self._fetch([])
            if answer is None or answer[0] - first[0] >= 2:
                return

    # -- the scan host -------------------------------------------------------------------------------------------

    async def _fetch(self, places: Sequence[tuple[int, int]]) -> tuple[int, dict[tuple[int, int], bytes]] | None:
        """The scan counter and the bytes of elements; the counter alone is read with the fault counter, which is always there."""
        if self._process is None:
            return int((time.monotonic() - self._began) / 0.02), {}
        wanted = list(dict.fromkeys(places))
        values: dict[tuple[int, int], bytes] = {}
        tick = 0
        for start in range(0, max(1, len(wanted)), 200):
            part = wanted[start : start + 200] or [(0, 0)]
            sizes = [self._widths.get(place, _COUNTER) for place in part]
            frame = struct.pack(">BH", 0x44, len(part)) + b"".join(struct.pack(">BH", *place) for place in part)
            answer = await self._process.debug(frame, _ANSWER_S)
            if answer is None or len(answer) < _VALUES:
                return None
            tick = int(struct.unpack(">I", answer[4:8])[0])
            at = _VALUES
            for place, size in zip(part, sizes, strict=True):
                values[place] = answer[at : at + size]
                at += size
        return tick, values

    async def _set(self, place: tuple[int, int], value: bytes | None) -> None:
        if self._process is None:
            return
        content = value or b""
        frame = struct.pack(">BBHBH", 0x42, *place, value is not None, len(content)) + content
        await self._process.debug(frame, _ANSWER_S)


def _fit(value: bytes, size: int) -> bytes:
    return value[:size].ljust(size, b"\0")


def _to_pair(value: bytes) -> bytes:
    """Nanoseconds, 64 bits, as seconds and nanoseconds, 32 bits each; both have the sign of the whole."""
    total = int.from_bytes(_fit(value, 8), "little", signed=True)
    seconds, rest = divmod(abs(total), _NS)
    sign = -1 if total < 0 else 1
    return struct.pack("<ii", _wrap(sign * seconds), sign * rest)


def _from_pair(value: bytes) -> bytes:
    seconds, rest = struct.unpack("<ii", _fit(value, 8))
    return struct.pack("<q", seconds * _NS + rest)


def _wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31
