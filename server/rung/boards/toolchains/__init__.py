"""Ways to compile a program for a board, and the choice between them.

The order for a board is that of `TOOLCHAINS`, and the first that is installed is taken:

1. avr-gcc without an Arduino core, where the chip allows it (Uno, Nano, Mega): the smallest program, in a fraction of a second, and no core to install.
2. arduino-cli, for every board, if it is found and the board's core is installed.
3. avr-gcc with the Arduino AVR core (Leonardo, Micro; Uno, Nano and Mega on request).

`--toolchain` takes any of them that fits the board. What was compiled is kept (`cache`), and its sizes are checked each time.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rung.boards import sizes
from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.boards.toolchains import arduino_cli, arduino_core, avr_gcc, cache, messages, sketch
from rung.boards.toolchains.row import Compilation, CompileFailure, MakeRow, Outputs, ToolchainRow
from rung.codegen.artefact import Artefact
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

__all__ = ["TOOLCHAINS", "CompileFailure", "ToolchainRow", "compile_firmware", "toolchains_for"]

TOOLCHAINS: Final[tuple[MakeRow, ...]] = (avr_gcc.row, arduino_cli.row, arduino_core.row)


def toolchains_for(board: Board) -> list[ToolchainRow]:
    """Return the ways to compile for a board, in the order in which they are preferred, those that miss something included.

    Where arduino-cli is installed, it is asked for its cores, once in ten seconds at most: call this on a thread where that matters.
    """
    rows = (make(board) for make in TOOLCHAINS)
    return [row for row in rows if row is not None]


async def compile_firmware(
    artefact: Artefact,
    board: Board,
    *,
    toolchain: str | None = None,
    progress: Callable[[FlashProgress], None],
) -> Firmware:
    """Compile a program, or take what was compiled of it before.

    Args:
        artefact: the program, built for this board.
        board: its row, with the pins of the project.
        toolchain: the name of the way to use; None takes the first that is there.
        progress: told of each step, in the event loop's thread.

    Raises:
        CompileFailure: no toolchain, or it refused the program, or the program is too large for the board; with the compiler's messages.
        RuntimeFailure: `program` when the artefact was built for something else.
    """
    if artefact.target != board.name:
        raise RuntimeFailure(
            Kind.PROGRAM,
            f"This program was built for {artefact.target}, not for {board.title}. Nothing was sent to a board.",
            f"Build it for {board.name}.",
        )
    row = _choose(await asyncio.to_thread(toolchains_for, board), board, toolchain)
    key = cache.key_of(artefact, board, f"{row.name} {row.identity}")
    outputs = cache.load(key)
    if outputs is None:
        outputs = await _compile(row, artefact, board, progress)
        cache.save(key, outputs)
    else:
        progress(
            FlashProgress(
                "compile", 1.0, f"Compiled for {board.title} before, with {row.title}.{_used(board, outputs)}"
            )
        )
    return _firmware(row, artefact, board, outputs)


async def _compile(
    row: ToolchainRow, artefact: Artefact, board: Board, progress: Callable[[FlashProgress], None]
) -> Outputs:
    try:
        with tempfile.TemporaryDirectory(prefix="rung-compile-", ignore_cleanup_errors=True) as name:
            outputs = await row.compile(Compilation(artefact, board, sketch.unpack(artefact, Path(name)), progress))
    except sketch.NoSketch as error:
        raise RuntimeFailure(
            Kind.PROGRAM, f"This is no program for a board: {error}.", f"Build it for {board.name} again."
        ) from None
    except OSError as error:
        raise CompileFailure(
            f"The program could not be compiled in a temporary folder ({error.strerror or 'no reason given'}). Nothing was sent to a board.",
            f"Make room on the disk of {tempfile.gettempdir()}, then try again.",
        ) from None
    progress(FlashProgress("compile", 1.0, f"Compiled for {board.title} with {row.title}.{_used(board, outputs)}"))
    return outputs


def _used(board: Board, outputs: Outputs) -> str:
    if outputs.usage is None:
        return ""
    flash, ram = sizes.share(outputs.usage.flash, board.flash), sizes.share(outputs.usage.ram, board.ram)
    return f" It takes {flash} of flash and {ram} of RAM."


def _firmware(row: ToolchainRow, artefact: Artefact, board: Board, outputs: Outputs) -> Firmware:
    warnings = messages.warnings(outputs.log, artefact)
    usage = outputs.usage
    if usage is None:
        warnings += (
            f"{row.title} did not tell how much of {board.title} the program takes, so that could not be checked.",
        )
        usage = sizes.Usage(0, 0)
    else:
        too_large = sizes.excess(board, usage, artefact.leaves)
        if too_large is not None:
            raise CompileFailure(*too_large)
        warnings += sizes.warnings(board, usage)
    return Firmware(
        board.name,
        row.name,
        outputs.main,
        outputs.files,
        artefact.md5,
        usage.flash,
        usage.ram,
        warnings,
        outputs.uploads,
    )


def _choose(rows: list[ToolchainRow], board: Board, name: str | None) -> ToolchainRow:
    if name is None:
        for row in rows:
            if row.available:
                return row
        raise CompileFailure(
            f"Nothing on this computer can compile for {board.title}.",
            " Or: ".join(dict.fromkeys(row.missing for row in rows)),
        )
    chosen = next((row for row in rows if row.name == name), None)
    if chosen is None:
        names = ", ".join(row.name for row in rows)
        raise CompileFailure(
            f"{board.title} cannot be compiled for with the toolchain {name}.", f"Choose one of {names}."
        )
    if not chosen.available:
        raise CompileFailure(f"The toolchain {name} cannot be used for {board.title} on this computer.", chosen.missing)
    return chosen
