"""The sketch in an artefact, written to a folder: only what a sketch of ours can hold, whatever the archive says."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import Final

from rung.codegen.artefact import Artefact

SKETCH: Final = "rung"
"""The folder in the archive; Arduino wants the `.ino` file to be called the same."""

_NAME: Final = re.compile(rf"{SKETCH}/([A-Za-z0-9_]{{1,60}}\.(?:ino|cpp|hpp|h|c))")
_LARGEST: Final = 16_000_000


class NoSketch(ValueError):
    """The artefact is not a sketch for a board: a sentence without a full stop."""


def unpack(artefact: Artefact, folder: Path) -> Path:
    """Write the sketch into `folder`, and return the folder of its own in which it stands.

    Raises:
        NoSketch: the artefact is not a sketch for a board.
        OSError: the folder cannot be written.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(artefact.data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _LARGEST:
                raise NoSketch("the sketch is larger than any that Rung makes")
            files = {_name(entry.filename): archive.read(entry) for entry in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        raise NoSketch("the artefact is not an archive") from error
    sketch = folder.resolve() / SKETCH
    sketch.mkdir()
    for name, data in files.items():
        (sketch / name).write_bytes(data)
    if "program.cpp" not in files or f"{SKETCH}.ino" not in files:
        raise NoSketch("the artefact holds no sketch")
    return sketch


def _name(path: str) -> str:
    match = _NAME.fullmatch(path)
    if match is None:
        raise NoSketch(f"the sketch has a file {path!r}, which none of Rung's has")
    return match[1]
