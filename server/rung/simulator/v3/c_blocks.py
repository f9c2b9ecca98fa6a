"""The two files of C/C++ blocks in the runtime's folder (section 3.1), and the trap in them.

Invariant: a file stays until an upload brings a new one, and is compiled into every program; one bad upload makes every later one fail.
They are checked by the compiler of this computer but never become part of what runs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from rung.codegen.toolchain import find_toolchain
from rung.simulator.children import end_at_once
from rung.simulator.storage import write_private

_CODE: Final = "c_blocks_code.cpp"
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LONGEST_CHECK_S: Final = 60.0
_MOST_LINES: Final = 200


def store_c_blocks(folder: Path, files: Mapping[str, Sequence[str]]) -> None:
    """Write the files that an upload brings; one without a line that is not blank stays as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        write_private(folder / name, "".join(f"{line}\n" for line in lines).encode())


async def check_c_blocks(folder: Path) -> list[str]:
    """What the C++ compiler says against the stored files; empty when it takes them, or when they hold nothing but comments."""
    try:
        text = (folder / _CODE).read_text("utf-8", "replace")
    except FileNotFoundError:
        return []
    toolchain = find_toolchain()
    if not _COMMENT.sub("", text).strip() or toolchain is None:
        return []
    process = await asyncio.create_subprocess_exec(
        *toolchain.command, "-std=gnu++11", "-fsyntax-only", "-w", _CODE,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, output = await asyncio.wait_for(process.communicate(), _LONGEST_CHECK_S)
    except asyncio.TimeoutError:
        return [f"{_CODE}: the compiler did not come to an end"]
    finally:
        await end_at_once(process)
    return output.decode("utf-8", "replace").splitlines()[:_MOST_LINES] if process.returncode else []
