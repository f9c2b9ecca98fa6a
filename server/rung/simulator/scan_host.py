"""The native program that runs PLC programs: compiled once from our own source, then kept.

Invariant: what is run was compiled from exactly the source in this package by exactly this compiler, because the
file's name carries the hash of both; it is put in place whole, so two simulators may build it at the same time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from rung.codegen.toolchain import MISSING, Toolchain, find_toolchain
from rung.simulator.children import end_at_once

SOURCES: Final = Path(__file__).parent / "native"
_FLAGS: Final = ("-std=c++17", "-O2", "-rdynamic")
_LIBRARIES: Final = ("-ldl", "-lpthread")
_LONGEST_BUILD_S: Final = 300.0
_LONGEST_REPORT: Final = 2000


class ScanHostError(Exception):
    """The scan host cannot be built; the text says why."""


class ScanHost:
    """Builds the scan host when first asked, and remembers where it is."""

    def __init__(self, folder: Path, source: str = "scan_host.cpp") -> None:
        """Keep the built program in `folder`; `source` is the file of the native folder that it is built from."""
        self._folder = folder
        self._source = SOURCES / source
        self._lock = asyncio.Lock()
        self._path: Path | None = None

    async def path(self) -> Path:
        """The program's file.

        Raises:
            ScanHostError: there is no compiler, or it fails.
        """
        async with self._lock:
            if self._path is None:
                self._path = await self._find_or_build()
            return self._path

    async def _find_or_build(self) -> Path:
        if sys.platform == "win32":
            raise ScanHostError("The simulator runs programs on Linux and macOS; on Windows use it inside WSL.")
        toolchain = find_toolchain()
        if toolchain is None:
            raise ScanHostError(MISSING)
        target = self._folder / f"{self._source.stem}-{self._fingerprint(toolchain)}"
        if target.is_file():
            return target
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                built = Path(scratch) / "scan_host"
                await self._compile(toolchain, built)
                os.replace(built, target)
        except OSError as error:
            raise ScanHostError(f"The scan host cannot be written to {self._folder} ({error.strerror}).") from error
        return target

    @staticmethod
    def _fingerprint(toolchain: Toolchain) -> str:
        digest = hashlib.sha256("\0".join((*toolchain.command, *_FLAGS)).encode())
        for source in sorted(SOURCES.iterdir()):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
        return digest.hexdigest()[:32]

    async def _compile(self, toolchain: Toolchain, target: Path) -> None:
        words = [*toolchain.command, *_FLAGS, "-o", str(target), str(self._source), *_LIBRARIES]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), _LONGEST_BUILD_S)
        except asyncio.TimeoutError:
            raise ScanHostError(f"{toolchain.name} was stopped after {_LONGEST_BUILD_S:.0f} s.") from None
        finally:
            await end_at_once(process)
        if process.returncode != 0:
            report = output.decode("utf-8", "replace")[-_LONGEST_REPORT:]
            raise ScanHostError(f"{toolchain.name} cannot build the scan host:\n{report}")
