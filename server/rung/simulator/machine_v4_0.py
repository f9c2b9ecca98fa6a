"""The PLC of a Runtime v4.0: states, commands, and the many ways in which its core dies (protocol sections 3.2 and 5).

Invariant: one command is served after the other, each to its end, so there is no TRANSITIONING and no COMMAND:BUSY. Who
waits longer than half a second gets no answer, and the late one comes before the answer to the next question. Where the real core
calls a function of a program that is not there, this one dies and is restarted.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Final

from rung.simulator.machine import ANSWER_S, DEBUG_S, Link, Machine, State, parse_hex
from rung.simulator.process import ProgramProcess, ProgramState

_NOTHING_RUN: Final = (
    '{"scan_count":0,"scan_time_min":null,"scan_time_max":null,"scan_time_avg":null,"cycle_time_min":null,'
    '"cycle_time_max":null,"cycle_time_avg":null,"cycle_latency_min":null,"cycle_latency_max":null,'
    '"cycle_latency_avg":null,"overruns":0}'
)
_QUICK_START_S: Final = 0.3
_GLUED_S: Final = 0.05
_DEBUG_CODES: Final = range(0x41, 0x46)
_READ_MD5: Final = 0x45
_BYTE_ORDERS: Final = (b"\xde\xad", b"\xad\xde")
_OUT_OF_BOUNDS: Final = b"\x81"


class MatiecMachine(Machine):
    """One PLC of a Runtime v4.0. Made as its base is."""

    def _begin_anew(self) -> None:
        self._line = asyncio.Lock()  # of the web server: one question on the way
        self._turn = asyncio.Lock()  # of the core: one command in work
        self._starting: asyncio.Task[None] | None = None
        self._answers: deque[asyncio.Task[str | None]] = deque()
        self._statistics = _NOTHING_RUN
        self._ticks = 0
        self._host_options = lambda: (str(self._ticks),)
        self._looping = False

    async def boot(self) -> None:
        """Power up: start the stored program."""
        self._begin_anew()
        self.state = State.STOPPED
        await self._start()
        if self.state is not State.RUNNING and self._link is Link.UP:
            self._log.error("Failed to set PLC state to RUNNING")

    async def shut_down(self) -> None:
        """Power off: nothing of this machine runs afterwards."""
        tasks = [*self._answers, *([self._starting] if self._starting is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().shut_down()

    async def settle(self, timeout_s: float) -> bool:
        """There is nothing to wait for: a command is over when it is answered."""
        return True

    async def discard_unresponsive(self) -> None:
        """End a program that loops without end; the core that has to wait for its end will wait for ever all the same."""
        if self._process is not None and self._process.state is ProgramState.UNRESPONSIVE:
            self._looping = True
        await super().discard_unresponsive()

    # -- one answer after the other ------------------------------------------------------------------------------

    async def _answer(self, line: str) -> str | None:
        async with self._line:
            own = asyncio.create_task(self._serve(line))
            self._answers.append(own)
            oldest = self._answers[0]
            await asyncio.wait({oldest}, timeout=DEBUG_S if line.startswith("DEBUG:") else ANSWER_S)
            if not oldest.done():
                return None
            await asyncio.wait({own}, timeout=_GLUED_S)
            texts = []
            while self._answers and self._answers[0].done():
                texts.append(self._answers.popleft().result())
            return "\n".join(filter(None, texts)) or None

    async def _serve(self, line: str) -> str | None:
        async with self._turn:
            if self._link is not Link.UP:
                return None
            if line == "STATUS":
                return f"STATUS:{self.state.value}"
            if self._starting is not None:
                await asyncio.wait({self._starting})
            return await super()._answer(line)

    # -- commands ------------------------------------------------------------------------------------------------

    async def _on_start(self) -> str:
        if self.state is State.RUNNING:
            self._log.error("Received START command but PLC is already RUNNING")
            return "START:ERROR_ALREADY_RUNNING"
        self._starting = asyncio.create_task(self._start())
        done, _ = await asyncio.wait({self._starting}, timeout=_QUICK_START_S)
        # A load that takes its time is accepted, too; whoever asks meanwhile is told INIT.
        good = not done or self._process is not None or self._link is not Link.UP
        return "START:OK" if good else "START:ERROR"

    async def _on_stop(self) -> str | None:
        if self.state is State.STOPPED:
            return "STOP:ERROR"
        process = self._process
        if self._looping or (process is not None and process.state is ProgramState.UNRESPONSIVE):
            self._link = Link.SILENT  # for good: it waits for the end of a scan that never ends
            return None
        self.state = State.STOPPED
        if process is not None:
            await self._remember_statistics(process)
            self._ticks += int(json.loads(self._statistics)["scan_count"])
            self._process = None
            await process.end()
            self._log.info("PLC program unloaded successfully")
            self._log.info("PLC State: STOPPED")
        return "STOP:OK"

    async def _on_stats(self) -> str | None:
        if self._process is not None:
            await self._remember_statistics(self._process)
        return f"STATS:{self._statistics}"

    async def _remember_statistics(self, process: ProgramProcess) -> None:
        answer = await process.statistics(ANSWER_S)
        if answer is not None:
            self._statistics = answer.decode("utf-8", "replace")

    async def _on_debug(self, text: str) -> str | None:
        frame = parse_hex(text)
        if self._process is not None or not frame or frame[0] not in _DEBUG_CODES:
            return await super()._on_debug(text)
        if frame[0] == _READ_MD5 and len(frame) > 1 and (frame[1:3] + b"\0")[:2] not in _BYTE_ORDERS:
            return f"DEBUG:{(frame[:1] + _OUT_OF_BOUNDS).hex(' ')}"
        self._core_dies()
        return None
