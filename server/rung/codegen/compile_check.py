"""Compile a program on this computer before a download, because a compile that fails on the device erases what runs there."""

from __future__ import annotations

import io
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
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
# Runtime v4.0 leaves the language to the compiler: GCC 6 to 10, which Debian 9 to 11 have, take it for C++14.
V4_0_FLAGS: Final = ("-std=gnu++14", "-w", "-O3", "-fPIC", "-I", "lib")
_FLAGS: Final = {"openplc-v4": DEVICE_FLAGS, "openplc-v4.0": V4_0_FLAGS}
_ENTRY: Final = "entry.cpp"
_PATIENCE_S: Final = 120.0


def check_artefact(artefact: Artefact, toolchain: Toolchain | None = None) -> str:
    """Return the compiler's messages if the program's C++ does not compile, with ST file names and lines.

    Empty: it compiles, or there is no compiler here, or the target needs none. Nothing is left on the disk.
    """
    compiler = toolchain or find_toolchain()
    flags = _FLAGS.get(artefact.target)
    if flags is None or compiler is None:
        return ""
    with tempfile.TemporaryDirectory(prefix="rung-check-") as name:
        folder = Path(name)
        failures = [_compile(compiler, flags, unit, folder) for unit in unpack(artefact, folder)]
    return "\n".join(text for text in failures if text)


def _compile(compiler: Toolchain, flags: Sequence[str], unit: str, folder: Path) -> str:
    # To an object without optimisation: `-fsyntax-only` would be a little quicker, but zig's driver does not know it.
    command = [*compiler.command, *flags, "-O0", "-c", unit, "-o", f"{unit}.o"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return ""  # a slow computer is no reason not to download
    return done.stderr.strip() if done.returncode != 0 else ""


def unpack(artefact: Artefact, folder: Path) -> list[str]:
    """Write an OpenPLC artefact's files to `folder`, for v4.1 with the runtime's entry; return the names of what must be compiled.

    Of a program for v4.0 that is the one file in C++: those in C hold nothing of it but its period and MD5.
    """
    with zipfile.ZipFile(io.BytesIO(artefact.data)) as archive:
        archive.extractall(folder)
    if artefact.target == "openplc-v4.0":
        return ["c_blocks_code.cpp"]
    entry = resources.files("rung.codegen") / "support" / "openplc_entry.cpp"
    (folder / _ENTRY).write_text(entry.read_text(encoding="utf-8"), encoding="utf-8")
    return ["program.cpp", _ENTRY]
