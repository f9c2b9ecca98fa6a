"""What the emulated boards need built on this machine: built once, kept in the user's cache folder under the hash of its sources.

Invariant: a file in the cache is whole. It is built beside the cache and moved in, so test processes that run side by side may all ask for it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

AVRHOST = Path(__file__).parent / "avrhost"


def once(name: str, sources: Iterable[Path], recipe: str, build: Callable[[Path], Path]) -> Path:
    """Return the file that `build(folder)` makes of `sources` by `recipe`, from the cache if it was made before."""
    digest = hashlib.sha256(recipe.encode())
    for source in sources:
        digest.update(source.read_bytes())
    cache = platformdirs.user_cache_path("rung-tests") / digest.hexdigest()[:16]
    kept = cache / name
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            os.replace(build(Path(folder)), kept)
    return kept


def avrhost() -> Path:
    """Return the program that runs a chip."""
    return _compiled("avrhost.c", ["-lsimavr", "-lelf"])


def dtrshim() -> Path:
    """Return the library that gives the clients of a pseudo terminal a DTR line."""
    return _compiled("dtrshim.c", ["-shared", "-fPIC", "-ldl"])


def _compiled(source: str, options: list[str]) -> Path:
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-std=gnu11", str(AVRHOST / source), *options, "-o"]

    def build(folder: Path) -> Path:
        result = subprocess.run([*command, str(folder / "out")], capture_output=True, text=True)
        if result.returncode:
            needs = "gcc, libsimavr-dev and libelf-dev"
            raise RuntimeError(f"{source} does not compile; it needs {needs}:\n{result.stderr}")
        return folder / "out"

    sources = [AVRHOST / source, *sorted(AVRHOST.glob("*.h"))]
    return once(source.removesuffix(".c"), sources, " ".join(options), build)
