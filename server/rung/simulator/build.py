"""Compiling an uploaded program on the device (protocol sections 1.4 and 4); what is compiled how is the recipe's.

Invariant: one build at a time, and its end is the end of the old program: whether the new one compiled or not, the PLC
is stopped and the old library is deleted, as on a Runtime v4. Nothing of an upload ever reaches a shell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from rung.codegen.toolchain import MISSING, Toolchain, find_toolchain
from rung.simulator.children import end_at_once
from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine, NotConnected
from rung.simulator.recipe import BUILD, GENERATED, NEW_LIBRARY, Recipe, Step
from rung.simulator.scan_host import SOURCES

Configuration = Callable[[Path], list[str]]
"""Reads its part of the unpacked upload and returns lines for the compile log."""

_JOBS: Final = 2
_NICENESS: Final = 10
_SETTLE_S: Final = 30.0
_LONGEST_COMPILE_S: Final = 600.0
_LONGEST_LINE: Final = 4000
_MOST_LINES: Final = 20_000


class BuildStatus(Enum):
    """What `compilation-status` tells."""

    IDLE = "IDLE"
    UNZIPPING = "UNZIPPING"
    COMPILING = "COMPILING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class _StepFailed(Exception):
    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Builder:
    """The runtime's folder, and the build in it."""

    def __init__(
        self, folder: Path, machine: Machine, recipe: Recipe, configurations: Sequence[Configuration], log: RuntimeLog
    ) -> None:
        """Prepare `folder`: what the runtime itself contributes to a program is put in its place.

        Args:
            folder: the runtime's folder.
            machine: the PLC that is stopped for the new program, and started again where the recipe says so.
            recipe: how to compile.
            configurations: read their parts of an upload before it is compiled; the last is read again after it.
            log: the runtime's log.
        """
        self.status = BuildStatus.IDLE
        self.lines: list[str] = []
        self.exit_code: int | None = None
        self.ended: Callable[[bool], None] = lambda built: None
        self._folder = folder
        self._machine = machine
        self._recipe = recipe
        self._configurations = configurations
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._processes: set[asyncio.subprocess.Process] = set()
        for source, target in recipe.contributed.items():
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SOURCES / source, folder / target)
        (folder / BUILD).mkdir(exist_ok=True)

    @property
    def busy(self) -> bool:
        """A program is being unpacked or compiled."""
        return self.status in (BuildStatus.UNZIPPING, BuildStatus.COMPILING)

    def reset(self, status: BuildStatus) -> None:
        """Forget the previous build and take this status."""
        self.status, self.exit_code = status, None
        self.lines = []

    async def begin(self, *, clean: bool) -> None:
        """Start compiling what lies in the generated folder; `clean` is what the client asked for."""
        if self._task is not None:
            await asyncio.wait({self._task})  # a status that is told early lets an upload in before the build is over
        self.status = BuildStatus.COMPILING
        for configure in self._configurations:
            self.lines += configure(self._folder / GENERATED)
        await self._machine.discard_unresponsive()
        self._task = asyncio.create_task(self._run(clean))

    async def shut_down(self) -> None:
        """End a running build."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, clean: bool) -> None:
        self.lines.append("[INFO] Starting compilation\n")
        if clean:
            self.lines.append("[INFO] Clean build requested — wiping core/build/ and ccache\n")
        built = await self._build()
        if self._recipe.starts_by_itself:
            await self._start_new(built)
        else:
            await self._replace(built)
        self.ended(self.status is BuildStatus.SUCCESS)

    async def _replace(self, built: bool) -> None:
        """End the old program and lay the new one ready, as 4.1 does; the status is told when all is over."""
        await self._stop_old()
        if self._install() and built:
            self.lines += self._configurations[-1](self._folder / GENERATED)
            self._machine.program_replaced()
            self._tell(True)
            return
        self.lines.append("[WARNING] PLC program has not been updated because the build failed\n")
        self._tell(False)

    async def _start_new(self, built: bool) -> None:
        """End the old program and start the new one, as 4.0 does.

        Each step's result is the status at once. So the status is SUCCESS before the new program is there, and it is
        SUCCESS after a failed compile if a library of an earlier build lay about: that one is started then.
        """
        self._tell(built)
        await self._stop_old()
        installed = self._install()
        self._tell(installed)
        if installed:
            self._machine.program_replaced()
            with contextlib.suppress(NotConnected):
                await self._machine.command("START")
        else:
            self.lines.append("[WARNING] PLC program has not been updated because the build failed\n")

    def _tell(self, good: bool) -> None:
        self.exit_code = 0 if good else 1
        self.status = BuildStatus.SUCCESS if good else BuildStatus.FAILED

    async def _stop_old(self) -> None:
        with contextlib.suppress(NotConnected):
            await self._machine.command("STOP")
        await self._machine.settle(_SETTLE_S)

    async def _build(self) -> bool:
        try:
            if self._recipe.by_make:
                (self._folder / NEW_LIBRARY).unlink(missing_ok=True)  # of a build that was cut off
            refusal = self._recipe.refusal(self._folder)
            if refusal is not None:
                for line in refusal.lines:
                    self._complain(line)
                raise _StepFailed(refusal.exit_code)
            await self._compile_all()
        except _StepFailed as failure:
            self.lines.append(f"[ERROR] Build failed (exit={failure.exit_code})\n")
            return False
        except OSError as error:
            self._complain(f"{error.filename}: {error.strerror}")
            self.lines.append("[ERROR] Build failed (exit=2)\n")
            return False
        finally:
            await self._end_processes()
        self.lines.append("[INFO] Build finished successfully\n")
        return True

    async def _compile_all(self) -> None:
        toolchain = find_toolchain()
        if toolchain is None:
            self._complain(MISSING)
            raise _StepFailed(127)
        probe = self._recipe.probe(self._folder)
        capable = probe is not None and await self._exit_code(toolchain, probe, heard=False) == 0
        steps = self._recipe.steps(self._folder, capable=capable)
        places = asyncio.Semaphore(_JOBS if self._recipe.by_make else 1)

        async def compile_one(step: Step) -> None:
            async with places:
                if any(job.done() and job.exception() for job in jobs):
                    return  # nothing new is begun after an error, as make does
                self.lines.append(f"[INFO] Compiling {step.shown}...\n")
                words = (*step.words, "-c", str(step.source), "-o", str(step.object))
                await self._execute(toolchain, words, step.object)

        jobs = [asyncio.create_task(compile_one(step)) for step in steps]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        if not self._recipe.by_make:
            self.lines.append("[INFO] Linking shared library...\n")
        await self._execute(toolchain, self._recipe.link([str(step.object) for step in steps]), NEW_LIBRARY)
        if self._recipe.by_make:
            self.lines.append(f"[INFO] Build complete: {NEW_LIBRARY}\n")

    async def _execute(self, toolchain: Toolchain, words: tuple[str, ...], target: Path) -> None:
        if self._recipe.by_make:
            shown = toolchain.name if len(toolchain.command) == 1 else shlex.join(toolchain.command)
            self.lines.append(f"{shown} {shlex.join(words)}\n")
        exit_code = await self._exit_code(toolchain, words, heard=True)
        if exit_code == 0:
            return
        if self._recipe.by_make:
            self._complain(f"make: *** [scripts/Makefile.strucpp: {target}] Error 1")
            raise _StepFailed(2)
        raise _StepFailed(exit_code)

    async def _exit_code(self, toolchain: Toolchain, words: tuple[str, ...], *, heard: bool) -> int:
        process = await asyncio.create_subprocess_exec(
            *toolchain.command,
            *words,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        self._processes.add(process)
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)  # the old program keeps its rhythm
        try:
            await asyncio.wait_for(self._relay(process, heard), _LONGEST_COMPILE_S)
        except asyncio.TimeoutError:
            self._complain(f"The compiler was stopped after {_LONGEST_COMPILE_S:.0f} s.")
            raise _StepFailed(2) from None
        self._processes.discard(process)
        return process.returncode or 0

    async def _relay(self, process: asyncio.subprocess.Process, heard: bool) -> None:
        stderr = process.stderr
        assert stderr is not None
        rest = b""
        while chunk := await stderr.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines if heard else ():
                self._complain(line.decode("utf-8", "replace"))
            rest = rest[:_LONGEST_LINE]
        if rest and heard:
            self._complain(rest.decode("utf-8", "replace"))
        await process.wait()

    def _complain(self, line: str) -> None:
        if len(self.lines) < _MOST_LINES:
            self.lines.append(f"[ERROR] {line[:_LONGEST_LINE]}\n")

    async def _end_processes(self) -> None:
        for process in self._processes:
            await end_at_once(process)
        self._processes.clear()

    def _install(self) -> bool:
        """Delete the old library and put the new one in its place, if there is one."""
        build = self._folder / BUILD
        try:
            for pattern in ("*.o", "*.d", "libplc_*.so"):
                for path in build.glob(pattern):
                    path.unlink()
            (self._folder / NEW_LIBRARY).rename(build / f"libplc_{time.time_ns()}.so")
        except OSError as error:
            self._complain(f"mv: cannot stat '{NEW_LIBRARY}': {error.strerror}")
            self.lines.append("[ERROR] Cleanup failed (exit=1)\n")
            return False
        self.lines.append("[INFO] Cleanup finished successfully\n")
        return True


def find_program(folder: Path) -> Path | None:
    """The stored program's library, relative to the runtime's folder; None when there is none."""
    return next((path.relative_to(folder) for path in sorted((folder / BUILD).glob("libplc_*.so"))), None)
