"""One run of one program: the child process and the conversation with it.

Invariant: at most one request is on its way, every answer carries its request's number, and after `end` the process
is gone whatever the program was doing. The messages are those of `native/wire.hpp`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from rung.simulator.children import end_at_once
from rung.simulator.logs import Level, RuntimeLog

_HEADER: Final = struct.Struct(">IcI")
_AFTER_LENGTH: Final = _HEADER.size - 4
_LONGEST_MESSAGE: Final = 65536
_LEVELS: Final[dict[str, Level]] = {"DEBUG": "DEBUG", "INFO": "INFO", "WARNING": "WARNING", "ERROR": "ERROR"}
_END_S: Final = 10.0
_LAST_WORDS: Final = 2000
_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class ProgramState(Enum):
    """What the scan host says of its program."""

    LOADING = "LOADING"
    RUNNING = "RUNNING"
    CRASHED = "ERROR crashed"
    UNRESPONSIVE = "ERROR unresponsive"
    NOT_LOADED = "ERROR not loaded"


class ProgramProcess:
    """A running scan host. Made by `launch`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        log: RuntimeLog,
        changed: Callable[[ProgramProcess], None],
        died: Callable[[ProgramProcess], None],
    ) -> None:
        self.state = ProgramState.LOADING
        self._process = process
        self._log = log
        self._changed = changed
        self._died = died
        self._settled = asyncio.Event()
        self._turn = asyncio.Lock()
        self._sequence = 0
        self._waiting: tuple[int, asyncio.Future[bytes]] | None = None
        self._ending = False
        self._last_words = b""
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._overhear())]

    @classmethod
    async def launch(
        cls,
        host: Path,
        words: Sequence[str],
        folder: Path,
        log: RuntimeLog,
        changed: Callable[[ProgramProcess], None],
        died: Callable[[ProgramProcess], None],
    ) -> ProgramProcess:
        """Start `host` in `folder`.

        Args:
            host: the scan host's program file.
            words: what it is started with: the program's library, relative to `folder`, and options.
            folder: the working directory.
            log: takes the program's log lines.
            changed: called when the program's state changes after it settled.
            died: called when the process ends without having been asked to.

        Raises:
            OSError: the process cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            str(host),
            *words,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C on the terminal is for the server, which then ends its child
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        return cls(process, log, changed, died)

    @property
    def pid(self) -> int:
        """The process id, for tests that kill it."""
        return self._process.pid

    async def settled(self, timeout_s: float) -> ProgramState:
        """Wait until the program runs or has failed to; after `timeout_s` it is taken as unresponsive."""
        try:
            await asyncio.wait_for(self._settled.wait(), timeout_s)
        except asyncio.TimeoutError:
            self.state = ProgramState.UNRESPONSIVE
        return self.state

    async def debug(self, frame: bytes, timeout_s: float) -> bytes | None:
        """The answer to a debug frame, b"" for an unknown function code, None when there is no answer in time."""
        return await self._ask(b"D", frame, timeout_s)

    async def statistics(self, timeout_s: float) -> bytes | None:
        """The task statistics as JSON text, None when there is no answer in time."""
        return await self._ask(b"S", b"", timeout_s)

    async def end(self) -> None:
        """Stop the scans and end the process; a program that does not come back is killed."""
        self._ending = True
        await self._ask(b"Q", b"", _END_S)
        await self._reap()

    async def kill(self) -> None:
        """End the process at once."""
        self._ending = True
        await self._reap()

    async def _reap(self) -> None:
        await end_at_once(self._process)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, kind: bytes, payload: bytes, timeout_s: float) -> bytes | None:
        stdin = self._process.stdin
        assert stdin is not None
        async with self._turn:
            if self._process.returncode is not None:
                return None
            self._sequence += 1
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._waiting = (self._sequence, answer)
            try:
                stdin.write(_HEADER.pack(len(payload) + _AFTER_LENGTH, kind, self._sequence) + payload)
                return await asyncio.wait_for(answer, timeout_s)
            except (asyncio.TimeoutError, ConnectionError):
                return None
            finally:
                self._waiting = None

    async def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError, ValueError):
            while True:
                length, kind, sequence = _HEADER.unpack(await stdout.readexactly(_HEADER.size))
                if not _AFTER_LENGTH <= length <= _LONGEST_MESSAGE:
                    raise ValueError(length)
                self._take(kind, sequence, await stdout.readexactly(length - _AFTER_LENGTH))
        await end_at_once(self._process)  # one that has closed the channel, or talks nonsense on it, is of no use
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(ConnectionError())
        self._settled.set()
        if not self._ending and self.state is not ProgramState.NOT_LOADED:
            self._died(self)

    def _take(self, kind: bytes, sequence: int, payload: bytes) -> None:
        if kind == b"L":
            level, _, text = payload.decode("utf-8", "replace").partition("\n")
            self._log.add(_LEVELS.get(level, "INFO"), text)
        elif kind == b"T":
            self.state = ProgramState(payload.decode("ascii", "replace"))
            if self._settled.is_set():
                self._changed(self)
            self._settled.set()
        elif self._waiting is not None and self._waiting[0] == sequence and not self._waiting[1].done():
            self._waiting[1].set_result(payload)

    async def _overhear(self) -> None:
        """Read what the program prints, so that its pipe never fills; its last words are logged when it ends."""
        stderr = self._process.stderr
        assert stderr is not None
        while chunk := await stderr.read(4096):
            self._last_words = (self._last_words + chunk)[-_LAST_WORDS:]
        for line in self._last_words.decode("utf-8", "replace").splitlines():
            self._log.info(f"[program] {line}")
