"""The folder in which arduino-cli and the Arduino IDE keep cores and compilers."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path


def packages() -> Path:
    """Its `packages` folder, which need not exist (arduino-cli's documentation, `directories.data`)."""
    chosen = os.environ.get("ARDUINO_DIRECTORIES_DATA")
    if chosen:
        return Path(chosen, "packages")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Arduino15" / "packages"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home())), "Arduino15", "packages")
    return Path.home() / ".arduino15" / "packages"


def newest(folder: Path) -> Path | None:
    """The subfolder of the highest version (`1.8.6`, `7.3.0-atmel3.6.1-arduino7`), None where there is none."""
    try:
        versions = [path for path in folder.iterdir() if path.is_dir() and path.name[:1].isdigit()]
    except OSError:
        return None
    return max(versions, key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)], default=None)
