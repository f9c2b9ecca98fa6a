"""The adapter for OpenPLC Runtime v3, which compiles Structured Text itself: a checked program printed for its compiler."""

from __future__ import annotations

import hashlib
from typing import Final

from rung.codegen.artefact import Artefact
from rung.codegen.openplc_v3.debug_block import debug_block, debug_leaves
from rung.codegen.openplc_v3.program import print_program
from rung.codegen.sources import SourceMap
from rung.semantics.model import Program

__all__ = ["TARGET", "build_openplc_v3"]

TARGET: Final = "openplc-v3"
# A set of FILE lines that an earlier upload left behind is compiled into the next program, whoever sent it: ours replace it.
_FILES: Final = ("(*FILE:c_blocks.h // empty *)", "(*FILE:c_blocks_code.cpp // empty *)")


def build_openplc_v3(program: Program, sources: SourceMap) -> Artefact:
    """Return the text that a v3 runtime takes, with its debug block.

    The MD5 is that of the text before the tool lines, as the runtime's debug channel answers it. Raises BuildError when there is
    nothing to run, or, naming construct and place, for what v3 cannot take.
    """
    printed = print_program(program, sources)
    md5 = hashlib.md5(printed.text.encode(), usedforsecurity=False).hexdigest()
    tool_lines = (*debug_block(printed, md5), *_FILES)
    text = printed.text + "".join(f"{line}\n" for line in tool_lines)
    paths = {file.name: file.path for file in sources.files()}
    lines = (*printed.lines, *(None for _ in tool_lines))
    return Artefact(TARGET, "program.st", text.encode(), md5, debug_leaves(printed), paths, lines)
