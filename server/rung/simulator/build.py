"""Compiling an uploaded program on the device (protocol sections 1.4 and 4.1).

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
from enum import Enum
from pathlib import Path
from typing import Final

from rung.codegen.toolchain import MISSING, Toolchain, find_toolchain
from rung.simulator.children import end_at_once
from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine, NotConnected
from rung.simulator.plugins import Plugins
from rung.simulator.scan_host import SOURCES

GENERATED: Final = Path("core/generated")
_BUILD: Final = Path("build")
_SHIM: Final = Path("core/strucpp_runtime/runtime_v4_entry.cpp")
_PLC_APP: Final = Path("core/src/plc_app/include")
_HEADERS: Final = GENERATED / "strucpp_runtime" / "include"
_NEW_LIBRARY: Final = _BUILD / "new_libplc.so"
_FLAGS: Final[tuple[str, ...]] = (
    "-std=c++17", "-O1", "-pipe", "-fPIC", "-Wall", "-DSTRUCPP_THREADED", "-MMD", "-MP",
    "-Wno-unknown-pragmas", "-Wno-deprecated-declarations",
    "-I", str(GENERATED), "-I", str(_HEADERS), "-I", str(_PLC_APP),
)  # fmt: skip
_LIBRARIES: Final = ("-Wl,-undefined,dynamic_lookup",) if sys.platform == "darwin" else ("-lpthread", "-lrt")
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

    def __init__(self, folder: Path, machine: Machine, plugins: Plugins, log: RuntimeLog) -> None:
        """Prepare `folder`: what the runtime itself contributes to a program is put in its place."""
        self.status = BuildStatus.IDLE
        self.lines: list[str] = []
        self.exit_code: int | None = None
        self._folder = folder
        self._machine = machine
        self._plugins = plugins
        self._log = log
        self._task: asyncio.Task[None] | None = None
        self._processes: set[asyncio.subprocess.Process] = set()
        for source, target in ((_SHIM.name, _SHIM), ("iec_python.h", _PLC_APP / "iec_python.h")):
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SOURCES / source, folder / target)
        (folder / _BUILD).mkdir(exist_ok=True)

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
        self.status = BuildStatus.COMPILING
        self.lines += self._plugins.apply(self._folder / GENERATED)
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
        with contextlib.suppress(NotConnected):
            await self._machine.command("STOP")
        await self._machine.settle(_SETTLE_S)
        if self._install() and built:
            self.lines += self._plugins.apply(self._folder / GENERATED)
            self._machine.program_replaced()
            self.status, self.exit_code = BuildStatus.SUCCESS, 0
            return
        self.lines.append("[WARNING] PLC program has not been updated because the build failed\n")
        self.status, self.exit_code = BuildStatus.FAILED, 1

    async def _build(self) -> bool:
        try:
            (self._folder / _NEW_LIBRARY).unlink(missing_ok=True)  # of a build that was cut off
            self._check_layout()
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
        self.lines.append(f"[INFO] Build complete: {_NEW_LIBRARY}\n")
        self.lines.append("[INFO] Build finished successfully\n")
        return True

    def _check_layout(self) -> None:
        generated = self._folder / GENERATED
        if (generated / "Config0.c").is_file() or (generated / "glueVars.c").is_file():
            self._complain("[ERROR] core/generated contains MatIEC files (Config0.c / glueVars.c).")
            self._complain("        This runtime no longer supports MatIEC programs.")
            self._complain("        Re-export the project from a STruC++-aware editor build.")
            raise _StepFailed(2)
        required = (
            (f"{GENERATED}/generated.hpp", (generated / "generated.hpp").is_file()),
            (f"{GENERATED}/*.cpp (at least one)", any(generated.glob("*.cpp"))),
            (f"{_HEADERS} (directory)", (self._folder / _HEADERS).is_dir()),
        )
        missing = [name for name, there in required if not there]
        if missing:
            self._complain("[ERROR] Missing required source files:")
            for name in missing:
                self._complain(f"  {name}")
            raise _StepFailed(1)

    async def _compile_all(self) -> None:
        toolchain = find_toolchain()
        if toolchain is None:
            self._complain(MISSING)
            raise _StepFailed(127)
        sources = sorted(path.relative_to(self._folder) for path in (self._folder / GENERATED).glob("*.cpp"))
        steps: list[tuple[Path, tuple[str, ...], str]] = [
            (source, (*_FLAGS, "-include", "iec_python.h"), str(source)) for source in sources
        ]
        steps.append((_SHIM, _FLAGS, _SHIM.name))
        places = asyncio.Semaphore(_JOBS)

        async def compile_one(source: Path, flags: tuple[str, ...], shown: str) -> None:
            async with places:
                if any(job.done() and job.exception() for job in jobs):
                    return  # nothing new is begun after an error, as make does
                self.lines.append(f"[INFO] Compiling {shown}...\n")
                await self._execute(toolchain, (*flags, "-c", str(source), "-o", str(_object(source))), _object(source))

        jobs = [asyncio.create_task(compile_one(*step)) for step in steps]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        objects = [str(_object(source)) for source, _, _ in steps]
        words = ("-shared", "-fPIC", "-o", str(_NEW_LIBRARY), *objects, *_LIBRARIES)
        await self._execute(toolchain, words, _NEW_LIBRARY)

    async def _execute(self, toolchain: Toolchain, words: tuple[str, ...], target: Path) -> None:
        shown = toolchain.name if len(toolchain.command) == 1 else shlex.join(toolchain.command)
        self.lines.append(f"{shown} {shlex.join(words)}\n")
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
            await asyncio.wait_for(self._relay(process), _LONGEST_COMPILE_S)
        except asyncio.TimeoutError:
            self._complain(f"The compiler was stopped after {_LONGEST_COMPILE_S:.0f} s.")
            raise _StepFailed(2) from None
        self._processes.discard(process)
        if process.returncode != 0:
            self._complain(f"make: *** [scripts/Makefile.strucpp: {target}] Error 1")
            raise _StepFailed(2)

    async def _relay(self, process: asyncio.subprocess.Process) -> None:
        stderr = process.stderr
        assert stderr is not None
        rest = b""
        while chunk := await stderr.read(65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._complain(line.decode("utf-8", "replace"))
            rest = rest[:_LONGEST_LINE]
        if rest:
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
        build = self._folder / _BUILD
        try:
            for pattern in ("*.o", "*.d", "libplc_*.so"):
                for path in build.glob(pattern):
                    path.unlink()
            (self._folder / _NEW_LIBRARY).rename(build / f"libplc_{time.time_ns()}.so")
        except OSError as error:
            self._complain(f"mv: cannot stat '{_NEW_LIBRARY}': {error.strerror}")
            self.lines.append("[ERROR] Cleanup failed (exit=1)\n")
            return False
        self.lines.append("[INFO] Cleanup finished successfully\n")
        return True


def find_program(folder: Path) -> Path | None:
    """The stored program's library, relative to the runtime's folder; None when there is none."""
    return next((path.relative_to(folder) for path in sorted((folder / _BUILD).glob("libplc_*.so"))), None)


def _object(source: Path) -> Path:
    return _BUILD / f"{source.stem}.o"
