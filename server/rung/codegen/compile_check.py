"""Compile a program on this computer before a download, because a compile that fails on the device erases what runs there."""

from __future__ import annotations

import io
import subprocess
import tempfile
import zipfile
from importlib import resources
from pathlib import Path
from typing import Final

from rung.codegen.artefact import Artefact
from rung.codegen.toolchain import Toolchain, find_toolchain

# The runtime's own, which decide what it accepts.
DEVICE_FLAGS: Final = (
    "-std=c++17", "-O1", "-pipe", "-fPIC", "-Wall", "-DSTRUCPP_THREADED", "-Wno-unknown-pragmas", "-Wno-deprecated-declarations",
    "-I", ".", "-I", "strucpp_runtime/include",
)  # fmt: skip
_ENTRY: Final = "entry.cpp"
_PATIENCE_S: Final = 120.0


def check_artefact(artefact: Artefact, toolchain: Toolchain | None = None) -> str:
    """Return the compiler's messages if the program's C++ does not compile, with ST file names and lines.

    Empty: it compiles, or there is no compiler here, or the target needs none. Nothing is left on the disk.
    """
    compiler = toolchain or find_toolchain()
    if artefact.target != "openplc-v4" or compiler is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="rung-check-") as name:
        folder = Path(name)
        failures = [_compile(compiler, unit, folder) for unit in unpack(artefact, folder)]
    return "\n".join(text for text in failures if text)


def _compile(compiler: Toolchain, unit: str, folder: Path) -> str:
    # To an object without optimisation: `-fsyntax-only` would be a little quicker, but zig's driver does not know it.
    command = [*compiler.command, *DEVICE_FLAGS, "-O0", "-c", unit, "-o", f"{unit}.o"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return ""  # a slow computer is no reason not to download
    return done.stderr.strip() if done.returncode != 0 else ""


def unpack(artefact: Artefact, folder: Path) -> list[str]:
    """Write an OpenPLC artefact's files and the runtime's entry to `folder`; return the names of what must be compiled."""
    with zipfile.ZipFile(io.BytesIO(artefact.data)) as archive:
        archive.extractall(folder)
    entry = resources.files("rung.codegen") / "support" / "openplc_entry.cpp"
    (folder / _ENTRY).write_text(entry.read_text(encoding="utf-8"), encoding="utf-8")
    return ["program.cpp", _ENTRY]
