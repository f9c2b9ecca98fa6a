"""Which C++ compiler this computer has. One answer for `rung run`, the check before a download, and the simulator."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C++17 compiler: the words that start it, and the name to show."""

    command: tuple[str, ...]
    name: str


MISSING = (
    "No C++ compiler was found on this computer. Install one (Debian: apt install g++; macOS: xcode-select --install; "
    "any system: pip install ziglang), or name it in the CXX environment variable."
)


def find_toolchain() -> Toolchain | None:
    """Return the compiler to use, or None; `MISSING` then says what to do.

    Order: the CXX environment variable, g++, clang++, then the compiler that the `ziglang` wheel carries.
    """
    chosen = shlex.split(os.environ.get("CXX", ""))
    if chosen and shutil.which(chosen[0]):
        return Toolchain(tuple(chosen), os.path.basename(chosen[0]))
    for name in ("g++", "clang++"):
        path = shutil.which(name)
        if path:
            return Toolchain((path,), name)
    if importlib.util.find_spec("ziglang") is not None:
        return Toolchain((sys.executable, "-m", "ziglang", "c++"), "zig c++")
    return None
