"""Programs that are not Rung's own (compilers, uploaders, arduino-cli), and the one way to run them: without a shell, with a time limit, with an
environment that says only what they need.

Invariant: when a run ends, by whatever way, the program and what it started have ended; when Rung itself is killed meanwhile, they end too (but
not on Windows).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.runtimes.deadline import within

_KEPT: Final = (
    "PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SYSTEMDRIVE", "PATHEXT", "COMSPEC", "USERPROFILE", "LOCALAPPDATA", "APPDATA",
    "PROGRAMDATA", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME",
)  # fmt: skip
_ARDUINO: Final = "ARDUINO_DIRECTORIES_"
"""arduino-cli's own settings of where it keeps cores and libraries. Its other variables may hold a proxy's password, and are not needed here."""
_SET: Final = {
    "LC_ALL": "C",  # messages are read, so they are to be in English
    "NO_COLOR": "1",
    "COLUMNS": "200",  # no lines cut at 80
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    "ARDUINO_UPDATER_ENABLE_NOTIFICATION": "false",  # arduino-cli is not to ask the network whether there is a newer one
}
_MOST_OUTPUT: Final = 32_000_000
_CHUNK: Final = 65536
_GENTLE_SECONDS: Final = 1.0
"""So long a program has to end by itself, and to put its temporary files away, before it is killed."""
_GUARD: Final = 'read -r word || kill -s KILL -- "-$0"'
"""Reads from us; the end of the file without a word means that we are gone."""


@dataclass(frozen=True, slots=True)
class Output:
    """How a program ended, and what it wrote, raw: clean it before anybody sees it. A negative `exit_code` is the signal that ended it."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All of it, the errors last."""
        return self.stdout + "\n" + self.stderr

    @property
    def ending(self) -> str:
        """How it ended, in words: `ended with the code 1`."""
        if self.exit_code < 0:
            return f"was ended by the system (signal {-self.exit_code})"
        return f"ended with the code {self.exit_code}"


def find_program(name: str) -> str | None:
    """Return the path of a program on the PATH, None when there is none.

    One that would be found in the current folder does not count: that may be a stranger's project.
    """
    path = shutil.which(name)
    return path if path is not None and os.path.isabs(path) else None


@contextlib.asynccontextmanager
async def started(argv: Sequence[str], folder: Path | None) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program with its outputs as pipes. It and all that it started have ended when the block is left.

    Args:
        argv: the program's absolute path and its arguments.
        folder: its working folder.

    Raises:
        OSError: it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=sys.platform != "win32",  # a group of its own, so that what it starts ends with it
    )
    guard: asyncio.subprocess.Process | None = None
    try:
        guard = await _guard(process.pid)
        yield process
    finally:
        await _to_its_end(_end(process, guard))


async def run_tool(argv: Sequence[str], folder: Path, *, limit: float) -> Output:
    """Run a program to its end, and return how it ended and at most 32 MB of each of its outputs.

    Args:
        argv: the program's absolute path and its arguments.
        folder: its working folder.
        limit: seconds after which it is ended.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it did not end in time.
    """
    async with started(argv, folder) as process:
        return await within(limit, _follow(process))


def ask_tool(argv: Sequence[str], *, limit: float) -> Output | None:
    """Run a program that answers at once, on this thread; None when it cannot be started or does not answer within `limit` seconds."""
    try:
        process = subprocess.Popen(
            argv,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",
        )
    except OSError:
        return None
    with process:
        try:
            stdout, stderr = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.returncode is None:
                _signal(process.pid, gently=False)
    return Output(process.returncode, _text(stdout), _text(stderr))


def environment() -> dict[str, str]:
    """What a program gets of our environment."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_ARDUINO)}
    return {**kept, **_SET}


async def _guard(pid: int) -> asyncio.subprocess.Process | None:
    """A shell that ends a program's group when this process is killed: one fixed line, which is given the group's number and nothing else."""
    if sys.platform == "win32":
        return None
    nothing = asyncio.subprocess.DEVNULL
    try:
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", _GUARD, str(pid), env={}, stdin=asyncio.subprocess.PIPE, stdout=nothing, stderr=nothing, start_new_session=True
        )  # fmt: skip
    except OSError:
        return None  # a system without a shell; the time limits hold all the same


async def _end(process: asyncio.subprocess.Process, guard: asyncio.subprocess.Process | None) -> None:
    """End what still runs of a program's group, gently first."""
    try:
        if process.returncode is None:
            _signal(process.pid, gently=True)
            with contextlib.suppress(TimeoutError):
                await within(_GENTLE_SECONDS, process.wait())
    finally:
        # Something that the program started may live on without it. While it does, the number of the group belongs to no other.
        if process.returncode is None or not all(stream.at_eof() for stream in _outputs(process)):
            _signal(process.pid, gently=False)
    with contextlib.suppress(TimeoutError):
        await within(_GENTLE_SECONDS, process.wait())
    if guard is not None and guard.stdin is not None:
        guard.stdin.write(b"done\n")
        guard.stdin.close()
        await guard.wait()


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Do the work, and only then obey whoever cancels us meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    task.result()


def _signal(pid: int, *, gently: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)  # which ends it at once
        else:
            os.killpg(pid, signal.SIGTERM if gently else signal.SIGKILL)


def _outputs(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout, process.stderr


async def _follow(process: asyncio.subprocess.Process) -> Output:
    stdout, stderr = await asyncio.gather(*map(_read, _outputs(process)))
    return Output(await process.wait(), stdout, stderr)


async def _read(stream: asyncio.StreamReader) -> str:
    kept = bytearray()
    while chunk := await stream.read(_CHUNK):
        kept += chunk[: _MOST_OUTPUT - len(kept)]
    return _text(bytes(kept))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
