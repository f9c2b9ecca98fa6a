"""The PLC: its states, its commands, and what happens when a program's process dies (protocol sections 1.5 and 5).

Invariant: one transition at a time; while it runs everything but PING, STATUS and SWITCH is answered COMMAND:BUSY. Every
start makes a fresh process. Commands and answers are the core's text lines, because a debug client can send those too.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from rung.simulator.logs import RuntimeLog
from rung.simulator.process import ProgramProcess, ProgramState
from rung.simulator.scan_host import ScanHost, ScanHostError

ANSWER_S: Final = 0.5
DEBUG_S: Final = 2.0
_LOAD_S: Final = 10.0
_QUICK_START_S: Final = 0.3
_MOST_DEATHS: Final = 3
_DEATHS_WITHIN_S: Final = 30.0
_NOT_LOADED: Final = b"\x83"
_FUNCTION_CODES: Final = range(0x41, 0x46)
_HEX_DIGITS: Final = re.compile(r"[0-9a-fA-F]{1,2}")


class State(Enum):
    """The states that STATUS tells; TRANSITIONING is told in place of them."""

    EMPTY = "EMPTY"
    INIT = "INIT"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    ERROR = "ERROR"


class Switch(Enum):
    """The positions of a hardware mode switch."""

    RUN = "run"
    STOP = "stop"


class Link(Enum):
    """The way to the core as a Runtime v4's web server sees it: after a death it is silent first, then closed."""

    UP = "up"
    SILENT = "silent"
    CLOSED = "closed"


class NotConnected(Exception):
    """The core is down and being restarted."""


class Machine:
    """One PLC of a Runtime v4.1 or newer.

    Attributes:
        state: its state, but for TRANSITIONING.
        switch: the position of the hardware mode switch. At STOP no start is accepted; what runs goes on running.
    """

    def __init__(
        self,
        folder: Path,
        find_program: Callable[[], Path | None],
        scan_host: ScanHost,
        log: RuntimeLog,
        *,
        transition_s: float,
        restart_s: float,
        host_options: Callable[[], Sequence[str]] = tuple,
        has_switch: bool = False,
    ) -> None:
        """A PLC without a program.

        Args:
            folder: the runtime's folder, the working directory of programs.
            find_program: the program to load at a start, relative to `folder`; None when there is none.
            scan_host: what runs programs.
            log: the runtime's log.
            transition_s: how long a stop takes at least, in seconds.
            restart_s: how long after a process's death its successor starts, in seconds.
            host_options: further words for the scan host, asked at every start.
            has_switch: there is a hardware mode switch.
        """
        self.state = State.EMPTY
        self.switch = Switch.RUN
        self._host_options = host_options
        self._has_switch = has_switch
        self._folder = folder
        self._find_program = find_program
        self._scan_host = scan_host
        self._log = log
        self._transition_s = transition_s
        self._restart_s = restart_s
        self._process: ProgramProcess | None = None
        self._transition: asyncio.Task[None] | None = None
        self._restart: asyncio.Task[None] | None = None
        self._link = Link.UP
        self._deaths: list[float] = []
        self._safe_mode = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what a core that has just been started cannot know."""

    @property
    def pid(self) -> int | None:
        """The process id of the program that runs or has crashed, None when there is none."""
        return self._process.pid if self._process else None

    @property
    def crashed(self) -> bool:
        """The program has crashed or hangs, and its process is still there with the frozen values."""
        return self.state is State.ERROR and self._process is not None

    async def boot(self) -> None:
        """Power up: start the stored program, as a Runtime v4 does."""
        await self._begin(self._start())
        if self.state is State.EMPTY:
            self._log.error("Failed to set PLC state to RUNNING")

    async def shut_down(self) -> None:
        """Power off: nothing of this machine runs afterwards."""
        for task in (self._restart, self._transition):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._process is not None:
            process, self._process = self._process, None
            await (process.end() if self.state is State.RUNNING else process.kill())
        self.state = State.STOPPED

    async def command(self, line: str) -> str | None:
        """Answer one command line of the core.

        Returns:
            The answer without its newline; None when the core does not answer in time.

        Raises:
            NotConnected: the core is down.
        """
        if self._link is Link.CLOSED:
            raise NotConnected
        if self._link is Link.SILENT:
            return None
        if line == "PING":
            return "PING:OK"
        return await self._answer(line)

    async def _answer(self, line: str) -> str | None:
        if line == "STATUS":
            return f"STATUS:{'TRANSITIONING' if self._transition else self.state.value}"
        if line == "SWITCH" and self._has_switch:
            return f"SWITCH:{self.switch.name}"
        if self._transition is not None:
            return "COMMAND:BUSY"
        if line == "START":
            return await self._on_start()
        if line == "STOP":
            return await self._on_stop()
        if line == "STATS":
            return await self._on_stats()
        if line.startswith("DEBUG:"):
            return await self._on_debug(line[len("DEBUG:") :])
        self._log.error(f"Unknown command received: {line[:200]}")
        return "COMMAND:ERROR"

    async def settle(self, timeout_s: float) -> bool:
        """Wait for the end of a transition; False when it lasts longer."""
        if self._transition is None:
            return True
        done, _ = await asyncio.wait({self._transition}, timeout=timeout_s)
        return bool(done)

    async def discard_unresponsive(self) -> None:
        """End a program that loops without end, so that its successor can be built on a free processor."""
        if self._process is not None and self._process.state is ProgramState.UNRESPONSIVE:
            process, self._process = self._process, None
            await process.kill()

    def program_replaced(self) -> None:
        """A build succeeded: what the old program did no longer counts."""
        self._deaths.clear()
        self._safe_mode = False

    # -- commands ------------------------------------------------------------------------------------------------

    async def _on_start(self) -> str:
        if self._has_switch and self.switch is Switch.STOP:
            self._log.warning("Received START command but the mode switch is in STOP")
            return "START:ERROR_SWITCH_STOP"
        if self.state is State.RUNNING:
            self._log.error("Received START command but PLC is already RUNNING")
            return "START:ERROR_ALREADY_RUNNING"
        task = self._begin(self._start(asked=True))
        # OK means only "accepted", but a load is over in a moment, and a status asked right after shall tell of it.
        await asyncio.wait({task}, timeout=_QUICK_START_S)
        return "START:OK"

    async def _on_stop(self) -> str | None:
        if self.state is not State.RUNNING:
            return "STOP:ERROR"
        self._begin(self._stop())
        return "STOP:OK"

    async def _on_stats(self) -> str | None:
        if self._process is None:
            return 'STATS:{"tasks":[]}'
        answer = await self._process.statistics(ANSWER_S)
        return None if answer is None else f"STATS:{answer.decode('utf-8', 'replace')}"

    async def _on_debug(self, text: str) -> str | None:
        frame = parse_hex(text)
        if not frame:
            return "DEBUG:ERROR_PARSING"
        if self._process is not None:
            answer = await self._process.debug(frame, DEBUG_S)
        elif frame[0] in _FUNCTION_CODES:
            answer = frame[:1] + _NOT_LOADED
        else:
            answer = b""
        if answer is None:
            return None
        if not answer:
            self._log.error(f"[debug] unknown function code 0x{frame[0]:02X}")
            return "DEBUG:ERROR_PROCESSING"
        return f"DEBUG:{answer.hex(' ')}"

    # -- transitions ---------------------------------------------------------------------------------------------

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._transition = task
        task.add_done_callback(self._end_transition)
        return task

    def _end_transition(self, task: asyncio.Task[None]) -> None:
        if self._transition is task:
            self._transition = None

    async def _start(self, *, asked: bool = False) -> None:
        library = self._find_program()
        if self._process is not None:
            process, self._process = self._process, None
            await process.kill()
        if library is None:
            self._log.error("No libplc_*.so file found in ./build")
            self._log.error("Failed to find libplc file")
            self.state = State.EMPTY
        else:
            await self._load(library)
        if asked and self.state is not State.RUNNING:
            self._log.error("State transition to RUNNING failed")

    async def _load(self, library: Path) -> None:
        self.state = State.INIT
        try:
            host = await self._scan_host.path()
            self._process = await ProgramProcess.launch(
                host,
                (f"./{library}", *self._host_options()),
                self._folder,
                self._log,
                self._on_change,
                self._on_death,
            )
        except (ScanHostError, OSError) as error:
            self._log.error(f"Failed to load PLC application: {error}")
            self.state = State.ERROR
            return
        state = await self._process.settled(_LOAD_S)
        if state is ProgramState.NOT_LOADED:
            process, self._process = self._process, None
            await process.kill()
        if self._link is Link.UP:
            self.state = State.RUNNING if state is ProgramState.RUNNING else State.ERROR

    async def _stop(self) -> None:
        over = time.monotonic() + self._transition_s
        self.state = State.STOPPED
        process, self._process = self._process, None
        if process is not None:
            await process.end()
            self._log.info("PLC program unloaded successfully")
        await asyncio.sleep(over - time.monotonic())
        self._log.info("PLC State: STOPPED")

    def _on_change(self, process: ProgramProcess) -> None:
        if process is self._process and process.state in (ProgramState.CRASHED, ProgramState.UNRESPONSIVE):
            self.state = State.ERROR

    # -- a process that dies -------------------------------------------------------------------------------------

    def _on_death(self, process: ProgramProcess) -> None:
        if process is self._process:
            self._process = None
            self._core_dies()

    def _core_dies(self) -> None:
        self._link = Link.SILENT
        self._restart = asyncio.create_task(self._restart_core())

    async def _restart_core(self) -> None:
        await asyncio.sleep(self._restart_s / 2)
        self._log.warning("PLC runtime process died unexpectedly")
        self._link = Link.CLOSED
        now = time.monotonic()
        self._deaths = [moment for moment in self._deaths if now - moment < _DEATHS_WITHIN_S] + [now]
        safe = len(self._deaths) >= _MOST_DEATHS
        if not safe:
            self._log.warning("Restarting PLC runtime...")
        elif not self._safe_mode:
            self._safe_mode = True
            self._log.error(
                f"PLC program caused {_MOST_DEATHS} crashes within {_DEATHS_WITHIN_S:.0f} seconds. "
                "Restarting runtime in SAFE MODE - PLC program will NOT be loaded. "
                "Upload a corrected program to recover."
            )
        await asyncio.sleep(self._restart_s / 2)
        await self.settle(_LOAD_S)
        self._link = Link.UP
        if safe:
            self.state = State.STOPPED
            self._log.info("Runtime started in SAFE MODE - PLC program will not be loaded")
            self._log.info("Upload a corrected program to recover")
        else:
            await self.boot()


def parse_hex(text: str) -> bytes:
    """The bytes of a debug command: of each word the first two digits; reading ends at the first that is not hex."""
    frame = bytearray()
    for word in text.split():
        digits = _HEX_DIGITS.match(word)
        if digits is None:
            break
        frame.append(int(digits[0], 16))
    return bytes(frame)
