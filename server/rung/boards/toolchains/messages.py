"""What a compiler says, led back to the user's lines, and what users are told of a program that it refused.

The program had no errors when it was built, so an error of the compiler is a defect of Rung, wherever it is reported; unless it says that
the board is too small.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from typing import Final

from rung.boards import sizes
from rung.boards.process import Output
from rung.boards.toolchains.row import CompileFailure
from rung.codegen.artefact import Artefact
from rung.runtimes.compile_log import DeviceDiagnostic, parse_compile_log
from rung.runtimes.device_text import clean
from rung.targets.board import Board

_TOO_LARGE: Final = re.compile(
    r"will not fit in region|overflowed by \d+ bytes|is not within region|relocation truncated to fit|exceeds available space"
    r"|(?:size of|array) (?:array|variable)? ?[‘'`]?[\w:<>, ]*[’'`]? (?:is|exceeds) .*(?:too large|maximum object size)",
    re.IGNORECASE,
)
_NO_ROOM: Final = re.compile(r"No space left on device|Disk quota exceeded")
_STOPPED: Final = re.compile(
    r"[Kk]illed signal terminated|signal terminated program|Cannot allocate memory|virtual memory exhausted|out of memory"
)
_NOT_WHOLE: Final = re.compile(
    r"cannot find (?:crt|-l(?:m|c|gcc))|cannot (?:exec|execute) ['\u2018`]|error trying to exec"
    r"|fatal error: (?!rung_)[\w./+-]+: No such file or directory"
)
_SHOWN: Final = 3


def refusal(title: str, log: Sequence[str], artefact: Artefact, board: Board) -> CompileFailure:
    """The compiler refused the program.

    Args:
        title: the toolchain's, for sentences.
        log: its messages.
        artefact: the program.
        board: the board that it was compiled for.
    """
    diagnostics = parse_compile_log(log, artefact.sources)
    if any(_TOO_LARGE.search(line) for line in log):
        said = f"The program is too large for {board.title}: {title} found no room for it."
        message = sizes.refused(said, sizes.largest_sentence(artefact.leaves))
        return CompileFailure(message, sizes.advice(board, sizes.at_least(artefact.leaves)), diagnostics)
    errors = [item for item in diagnostics if item.severity == "error"]
    placed = [item for item in errors if item.file is not None]
    if placed:
        what = "the code that Rung made of the lines of your program that are named"
        hint = "Write these lines in another way, and please report them: your program is not wrong, this is a defect of Rung."
    else:
        what = "the code that Rung made"
        first = " ".join(item.message for item in errors[:_SHOWN]) or " ".join(clean(line) for line in log[-_SHOWN:])
        hint = f"This is a defect of Rung: please report it, with the compiler's words: {first or 'it said nothing'}"
    return CompileFailure(
        f"{title} refused {what}. This is a defect of Rung, and nothing was sent to a board.", hint, diagnostics
    )


def computers_fault(title: str, output: Output, get: str) -> CompileFailure | None:
    """A failure of the computer and not of the program: no room, no memory, or a compiler that is not whole; None when it is none of these.

    Args:
        title: the compiler's, for sentences.
        output: how it ended.
        get: how to get it anew.
    """
    nothing = "Nothing was sent to a board."
    if _NO_ROOM.search(output.text):
        room = f"Make room on the disk of {tempfile.gettempdir()}, then try again."
        return CompileFailure(f"{title} found no room on the disk for its files. {nothing}", room)
    if output.exit_code < 0 or _STOPPED.search(output.text):
        memory = "Close other programs, then try again: this computer was probably short of memory."
        return CompileFailure(f"{title} was ended by the system before it was done. {nothing}", memory)
    said = next((line for line in output.text.splitlines() if _NOT_WHOLE.search(line)), None)
    if said is not None:
        return CompileFailure(f"{title} lacks a part of itself: {clean(said, 300)}. {nothing}", get)
    return None


def has_errors(log: Iterable[str], artefact: Artefact) -> bool:
    """Whether a log holds a compiler's or linker's error."""
    return any(item.severity == "error" for item in parse_compile_log(log, artefact.sources))


def warnings(log: Iterable[str], artefact: Artefact) -> tuple[str, ...]:
    """The compiler's warnings on the user's own lines, as `file:line: text`."""
    found: list[DeviceDiagnostic] = [
        item
        for item in parse_compile_log(log, artefact.sources)
        if item.file is not None and item.severity == "warning"
    ]
    return tuple(f"{item.file}:{item.line}: {item.message}" for item in found)
