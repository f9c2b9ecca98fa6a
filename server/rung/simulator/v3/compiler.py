"""The device's compile: the stages of a v3 and their lines in the log, the machinery of the v4.1 simulator behind them.

Invariant: one compile at a time; the old binary stays until a new one is complete, so whoever starts the PLC after a failed compile runs
the old program (section 3.6). Nothing of an upload reaches a shell.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rung.codegen.artefact import Artefact
from rung.codegen.build import BuildError, build_artefact
from rung.ide.build import source_map
from rung.project.snapshot import Snapshot
from rung.simulator.build import Builder, BuildStatus, find_program
from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine
from rung.simulator.recipe import GENERATED
from rung.simulator.recipe_v4_1 import ThreadedRecipe
from rung.simulator.scan_host import ScanHost
from rung.simulator.upload import unpack
from rung.simulator.v3.binary import Binary, LocatedVariable, install_binary
from rung.simulator.v3.c_blocks import check_c_blocks
from rung.simulator.v3.debug_block import ReadBlock, read_debug_block
from rung.simulator.v3.iec2c import Judged, judge
from rung.simulator.v3.located import Placed, located_variables

SUCCEEDED: Final = "Compilation finished successfully!"
FAILED: Final = "Compilation finished with errors!"
_REQUIRED: Final = ("Config0.c", "Config0.h", "Res0.c")
_DIVISION: Final = re.compile(r"(inline T divide\(T dividend, T divisor\) \{\n\s*if \(divisor == T\(0\)\) \{\n)")
_NUMERIC: Final = Path("strucpp_runtime/include/rung_numeric.hpp")


class CompileError(Exception):
    """A stage failed; `lines` are what it printed last."""

    def __init__(self, *lines: str) -> None:
        super().__init__(lines[-1])
        self.lines = lines


class Compiler:
    """The compiler of one device. `log` is the text that `compilation-status` and `compilation-logs` tell from."""

    def __init__(self, folder: Path, scan_host: ScanHost) -> None:
        """Compile in `folder`."""
        self.log: list[str] = []
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # The v4.1 builder stops a machine after a build; this one never runs anything.
        log = RuntimeLog()
        idle = Machine(folder, lambda: None, scan_host, log, transition_s=0.0, restart_s=0.0)
        self._builder = Builder(
            folder, idle, ThreadedRecipe(keeps_values=False, unmaps=False), [lambda generated: []], log
        )

    @property
    def blocks_folder(self) -> Path:
        """Where the files of C/C++ blocks stay from one upload to the next."""
        return self._folder / "c_blocks"

    @property
    def status(self) -> str:
        """SUCCESS or FAILED if the log says so, else COMPILING: also when nothing was ever compiled (section 2.5)."""
        if SUCCEEDED in self.log:
            return "SUCCESS"
        return "FAILED" if FAILED in self.log else "COMPILING"

    async def run(self, name: str, program: str, debug: tuple[str, ...]) -> Binary | None:
        """Compile a program; None when it failed, and the log says why.

        Args:
            name: its file, as messages name it.
            program: its text, without tool lines.
            debug: the lines of its DBG block.
        """
        self.log = ["Generating C files..."]
        try:
            binary = await self._compile(name, program, debug)
        except CompileError as failure:
            self.log += failure.lines
            self.log.append(FAILED)
            return None
        self.log.append(SUCCEEDED)
        return binary

    async def shut_down(self) -> None:
        """End a running build."""
        await self._builder.shut_down()

    async def _compile(self, name: str, program: str, debug: tuple[str, ...]) -> Binary:
        judged = await asyncio.to_thread(judge, name, program)
        self.log += judged.lines
        if judged.snapshot is None:
            raise CompileError("Error generating C files")
        self.log += ["Including Siemens S7 Protocol via snap7", "Moving Files..."]
        missing = [file for file in _REQUIRED if file not in judged.files]
        if missing:
            stat = (f"mv: cannot stat '{file}': No such file or directory" for file in missing)
            raise CompileError(*stat, "Error moving files")
        self.log += ["Compiling for Linux", "Generating object files..."]
        if judged.c_errors:
            raise CompileError(*judged.c_errors, "Error compiling C files")
        self.log.append("Generating glueVars...")
        places = located_variables(judged.snapshot.program)
        self.log += _glue_lines(places)
        self.log.append("Compiling main program...")
        return await self._link(judged, judged.snapshot, debug, places)

    async def _link(self, judged: Judged, snapshot: Snapshot, debug: tuple[str, ...], places: list[Placed]) -> Binary:
        try:
            artefact = await asyncio.to_thread(build_artefact, snapshot.program, "openplc-v4", source_map(snapshot))
        except BuildError as error:
            raise CompileError(f"Res0.c:1:1: error: {error}", "Error compiling C files") from error
        block = read_debug_block(debug, snapshot.program, artefact.leaves)
        errors = [*await check_c_blocks(self.blocks_folder), *block.errors]
        if errors:
            raise CompileError(*errors, "Error compiling C files")
        await self._build(artefact)
        library = find_program(self._folder)
        if library is None:
            raise CompileError("Error compiling C files")
        return install_binary(self._folder, self._folder / library, _describe(block, artefact, places))

    async def _build(self, artefact: Artefact) -> None:
        """Compile the program as the v4.1 simulator does, with a division that ends the process where it divides by zero."""
        builder = self._builder
        builder.reset(BuildStatus.UNZIPPING)
        generated = self._folder / GENERATED
        await asyncio.to_thread(_unpack, artefact.data, generated)
        ended = asyncio.Event()
        builder.ended = lambda built: ended.set()
        await builder.begin(clean=False)
        await ended.wait()
        if builder.status is not BuildStatus.SUCCESS:
            lines = [line.rstrip("\n").removeprefix("[ERROR] ") for line in builder.lines if line.startswith("[ERROR]")]
            raise CompileError(*lines, "Error compiling C files")


def _unpack(data: bytes, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpack(archive, folder)
    header = folder / _NUMERIC
    text, places = _DIVISION.subn(r"\1    __builtin_trap();\n", header.read_text("utf-8"))
    if places != 1:
        raise CompileError(f"{_NUMERIC} has changed: its division cannot be made to trap", "Error compiling C files")
    header.write_text(text, "utf-8")


def _glue_lines(places: list[Placed]) -> Iterator[str]:
    """What the glue generator prints, once for each address."""
    seen: set[str] = set()
    for place in places:
        if place.c_name not in seen:
            seen.add(place.c_name)
            yield f"varName: {place.c_name}\tvarType: {place.type}"


def _describe(block: ReadBlock, artefact: Artefact, places: list[Placed]) -> Binary:
    leaves = {leaf.path: leaf for leaf in artefact.leaves}
    located = tuple(
        LocatedVariable(
            p.area, p.size, p.index, p.bit, p.type, leaves[p.path].array, leaves[p.path].element, leaves[p.path].size
        )
        for p in places
        if p.path in leaves
    )
    return Binary(None, block.md5, block.variables, located)
