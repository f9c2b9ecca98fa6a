"""`rung run`: compile a program for this computer, run scans on a virtual clock, read its variables.

Invariants: a run ends, whatever the program does: an endless loop and a crash are errors with a sentence; an executable is built
once per program and compiler and kept in the user's cache folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from rung.codegen.debug_table import memory_size
from rung.codegen.host import HostProgram, generate_host
from rung.codegen.program import BuildError
from rung.codegen.settings import Value, decode, encode, parse
from rung.codegen.sources import SourceMap
from rung.codegen.toolchain import MISSING, Toolchain, find_toolchain
from rung.semantics.model import Program
from rung.semantics.types import Type

FLAGS: Final = ("-std=c++17", "-O1", "-Wall")
SCAN_LIMIT_S: Final = 5.0  # a scan that takes longer does not end
_KEPT: Final = 100  # executables in the cache
_SUFFIX: Final = ".exe" if sys.platform == "win32" else ""


@dataclass(frozen=True, slots=True)
class Setting:
    """`--set NAME=VALUE@CYCLE`: before scan `cycle`, counted from 1, the variable or located address `name` is written once."""

    name: str
    value: str
    cycle: int = 1


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left: complete scans, virtual time, and every variable by its upper-case path.

    `error` is a sentence when the program did not come to the end; `variables` is then empty. `faults` counts divisions by zero,
    accesses beyond bounds and the like, which the program survived.
    """

    cycles: int
    time_ns: int
    variables: dict[str, Value]
    error: str | None = None
    faults: int = 0


def run_program(
    program: Program,
    sources: SourceMap,
    cycles: int,
    tick_ns: int | None = None,
    sets: Sequence[Setting] = (),
    toolchain: Toolchain | None = None,
) -> RunResult:
    """Run `cycles` scans of a program that has no errors.

    `tick_ns` is the virtual time of a scan, by default the greatest common divisor of the task intervals. Raises BuildError when the
    program cannot be built here, and ValueError for a setting that names no variable or has no value of its type.
    """
    host = generate_host(program, sources)
    lines = [_setting_line(host, setting) for setting in sets]
    executable = build_executable(host, toolchain)
    tick = host.base_ns if tick_ns is None else tick_ns
    with tempfile.TemporaryDirectory(prefix="rung-run-") as folder:
        result = Path(folder, "result")
        done, error = _execute([str(executable), str(cycles), str(tick), str(result)], "".join(lines))
        if error is not None:
            return RunResult(done, done * tick, {}, error)
        data = result.read_bytes()
    faults = int.from_bytes(data[:4], sys.byteorder)
    return RunResult(cycles, cycles * tick, _variables(host, data[4:]), None, faults)


def _variables(host: HostProgram, data: bytes) -> dict[str, Value]:
    values: dict[str, Value] = {}
    offset = 0
    for row in host.rows:
        step = memory_size(row.kind)
        for path in row.paths:
            if not path.startswith("%"):
                values[path] = decode(row.kind, data[offset : offset + step])
            offset += step
    return values


def _setting_line(host: HostProgram, setting: Setting) -> str:
    row, element, kind = _find(host, setting.name.strip().upper().replace(" ", ""))
    try:
        data = encode(kind, parse(kind, setting.value))
    except ValueError as error:
        raise ValueError(f"{setting.name} cannot be set: {error}") from None
    if setting.cycle < 1:
        raise ValueError(f"{setting.name} cannot be set before scan {setting.cycle}: scans are counted from 1.")
    return f"{setting.cycle} {row} {element} {data.hex()}\n"


def _find(host: HostProgram, name: str) -> tuple[int, int, Type]:
    for number, row in enumerate(host.rows):
        if name in row.paths:
            return number, row.paths.index(name), row.kind
    if name.startswith("%"):
        raise ValueError(f"The program does not use the address {name}, so setting it would have no effect.")
    raise ValueError(f"There is no variable {name}; `rung run` without --set lists them all.")


def build_executable(host: HostProgram, toolchain: Toolchain | None = None, flags: Sequence[str] = FLAGS) -> Path:
    """Return the program's executable from the cache, compiling it first if need be. Raises BuildError without a compiler, or
    if it refuses the program."""
    compiler = toolchain or find_toolchain()
    if compiler is None:
        raise BuildError(MISSING)
    folder = Path(platformdirs.user_cache_dir("rung", appauthor=False), "host")
    executable = folder / f"{_key(host, compiler, flags)}{_SUFFIX}"
    if executable.exists():
        os.utime(executable)
        return executable
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"Rung keeps what it compiled in {folder}, which cannot be made: {error.strerror}.") from error
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as name:
        build = Path(name)
        for file, text in host.files.items():
            (build / file).write_text(text, encoding="utf-8", newline="\n")
        command = [*compiler.command, *flags, "program.cpp", "-o", f"program{_SUFFIX}", "-lm"]
        done = subprocess.run(command, cwd=build, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode != 0:
            raise BuildError(
                f"{compiler.name} refused the generated code, which is a defect of Rung:\n{done.stderr.strip()}"
            )
        os.replace(build / f"program{_SUFFIX}", executable)
    _prune(folder)
    return executable


def _key(host: HostProgram, compiler: Toolchain, flags: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((compiler.command, tuple(flags), sys.platform)).encode())
    for name, text in sorted(host.files.items()):
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()[:32]


def _prune(folder: Path) -> None:
    """Keep the executables that were used last. Another process may be doing the same."""
    with contextlib.suppress(OSError):
        kept = sorted((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime)
        for path in kept[:-_KEPT]:
            path.unlink(missing_ok=True)


def _execute(command: Sequence[str], settings: str) -> tuple[int, str | None]:
    """Run the program to its end; return the scans it told of, and what went wrong."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stderr is not None
    progress = _Progress()
    reader = threading.Thread(target=progress.read, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(settings)
        while process.poll() is None:
            reader.join(0.05)
            if not reader.is_alive():
                process.wait(SCAN_LIMIT_S)
            elif time.monotonic() - progress.heard > SCAN_LIMIT_S:
                return progress.done, (
                    f"After scan {progress.done} the program no longer ended a scan within {SCAN_LIMIT_S:.0f} s: it loops for ever. "
                    "On a machine the watchdog would stop it. Check the WHILE, REPEAT and FOR statements."
                )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join()
        process.stderr.close()
    if process.returncode == 0:
        return progress.done, None
    crash = f"The program crashed{_signal_name(process.returncode)}. On a machine the runtime would stop it."
    return progress.done, progress.message or crash


def _signal_name(code: int) -> str:
    try:
        return f" with {signal.Signals(-code).name}"
    except ValueError:
        return f" with exit code {code}"


class _Progress:
    """What the running program says on its standard error: the number of complete scans, now and then."""

    __slots__ = ("done", "heard", "message")

    def __init__(self) -> None:
        self.done = 0
        self.heard = time.monotonic()
        self.message = ""

    def read(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.heard = time.monotonic()
            if line.strip().isdigit():
                self.done = int(line)
            else:
                self.message = line.strip()
