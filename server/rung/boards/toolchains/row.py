"""What a toolchain is: one row a way to compile a program for a board, what a compilation is given, and what comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rung.boards.progress import FlashProgress
from rung.boards.sizes import Usage
from rung.codegen.artefact import Artefact
from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board


class CompileFailure(RuntimeFailure):
    """The program did not become firmware. `diagnostics` are the compiler's messages, on lines of the user's where they belong to some."""

    def __init__(self, message: str, hint: str, diagnostics: tuple[DeviceDiagnostic, ...] = ()) -> None:
        super().__init__(Kind.COMPILE_FAILED, message, hint)
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class Compilation:
    """One compilation: the program and the board it is for.

    `sketch` is a folder with the artefact's files, for this compilation alone; outputs may be written beside it.
    `progress` is called in the event loop's thread.
    """

    artefact: Artefact
    board: Board
    sketch: Path
    progress: Callable[[FlashProgress], None]

    def tell(self, text: str) -> None:
        """Tell the user of a step."""
        self.progress(FlashProgress("compile", None, text))


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a toolchain made: `files` by the names of `Firmware.files`, `main` among them, the memory used (None: not told), its log, and
    `uploads`, files that the toolchain's own uploader wants, by the names it gave them."""

    files: Mapping[str, bytes]
    main: str
    usage: Usage | None
    log: tuple[str, ...] = ()
    uploads: Mapping[str, bytes] | None = None


Compile = Callable[[Compilation], Awaitable[Outputs]]
"""Compiles. Raises CompileFailure; when its task is cancelled, it ends the programs that it started before it lets CancelledError pass."""


@dataclass(frozen=True, slots=True)
class ToolchainRow:
    """A way to compile a program for a certain board.

    `name` is what `--toolchain` takes, `title` what users read. `available` is false where something is not installed; `missing` then says what,
    with the command that gets it. `tried` says how far this way was tried, as users read it. `identity` changes when the toolchain
    changes: what it compiled is kept under it.
    """

    name: str
    title: str
    available: bool
    missing: str
    tried: str
    identity: str
    compile: Compile


MakeRow = Callable[[Board], ToolchainRow | None]
"""What each toolchain's module offers: the row for a board, None where it does not fit the board. It may start a program that answers at once."""
