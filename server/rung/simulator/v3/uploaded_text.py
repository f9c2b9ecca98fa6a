"""An uploaded program text and the tool lines in it (runtime v3, section 3.1).

Invariant: what is compiled is the text without its tool lines, as soon as one of them is a DBG line; a FILE line only ever names one of
the two files of C/C++ blocks, whatever path it asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

C_BLOCKS: Final = ("c_blocks.h", "c_blocks_code.cpp")
_DEBUG_LINE: Final = re.compile(r"\(\*DBG:(.*)\*\)\r?\n?")
_FILE_LINE: Final = re.compile(r"\(\*FILE:(\S+) ?(.*)\*\)\r?\n?")
_DROPPED: Final = 'extern "C" void'


@dataclass(frozen=True, slots=True)
class UploadedText:
    """`program` goes to the compiler, `debug` are the lines of debug.cpp, `files` the lines of each file of C/C++ blocks."""

    program: str
    debug: tuple[str, ...] = ()
    files: dict[str, list[str]] = field(default_factory=dict)


def read_upload(text: str) -> UploadedText:
    """Take the tool lines out of a program text."""
    program: list[str] = []
    debug: list[str] = []
    files: dict[str, list[str]] = {}
    for line in text.splitlines(keepends=True):
        if (found := _DEBUG_LINE.fullmatch(line)) is not None:
            debug.append(found[1])
        elif (found := _FILE_LINE.fullmatch(line)) is not None:
            _add(files, found[1], found[2])
        else:
            program.append(line)
    return UploadedText("".join(program) if debug else text, tuple(debug), files)


def _add(files: dict[str, list[str]], name: str, line: str) -> None:
    """Note a line of a file of C/C++ blocks. Blank lines are dropped, and so are declarations that would clash with the runtime's."""
    if name not in C_BLOCKS or not line.strip():
        return
    if name == "c_blocks_code.cpp" and _DROPPED in line:
        return
    files.setdefault(name, []).append(line)
