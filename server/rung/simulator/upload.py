"""An uploaded program: is the zip safe, and unpacking it (protocol section 1.4).

Invariant: nothing is ever written outside the folder that the archive is unpacked into, whatever its names say.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

LARGEST_FILE: Final = 10 * 1024 * 1024
_LARGEST_TOTAL: Final = 50 * 1024 * 1024
_LARGEST_RATIO: Final = 1000
_REFUSED_SUFFIXES: Final = (".exe", ".dll", ".sh", ".bat", ".js", ".vbs", ".scr")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an archive may be unpacked, and what the runtime's log and the compile log say of it."""

    safe: bool
    warnings: tuple[str, ...] = ()
    compile_lines: tuple[str, ...] = ()


def check(archive: zipfile.ZipFile) -> Verdict:
    """Hold every entry against the rules; the warnings are those that a Runtime v4 logs, which is not one for each rule."""
    safe = True
    total = 0
    warnings: list[str] = []
    for entry in archive.infolist():
        name = entry.filename
        if name.startswith("/") or ".." in name or ":" in name:
            safe = False
        if entry.file_size > LARGEST_FILE:
            warnings.append(f"File too large: {name} ({entry.file_size} bytes)")
            safe = False
        if entry.compress_size > 0 and entry.file_size / entry.compress_size > _LARGEST_RATIO:
            safe = False
        if os.path.splitext(name)[1].lower() in _REFUSED_SUFFIXES:
            warnings.append(f"Disallowed extension: {name}")
            safe = False
        total += entry.file_size
    if not safe or total > _LARGEST_TOTAL:
        return Verdict(False, (*warnings, "ZIP file failed safety checks."))
    return Verdict(True)


def unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Replace `folder` by the archive's content; a single top folder is left out.

    Raises:
        OSError: a file cannot be written.
        zipfile.BadZipFile, RuntimeError: an entry is damaged or encrypted.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries = [entry for entry in archive.infolist() if not _is_litter(entry.filename)]
    tops = {entry.filename.split("/", 1)[0] for entry in entries} - {""}
    root = folder.resolve()
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name.endswith("/"):
            continue
        if len(tops) == 1:
            name = name.split("/", 1)[-1]
        target = (root / name).resolve()
        if root not in target.parents:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink)


def read_archive(file: IO[bytes], folder: Path) -> Verdict:
    """Check an uploaded file, and unpack it into `folder` if it is safe.

    Raises:
        OSError, zipfile.BadZipFile, RuntimeError: as `unpack`.
    """
    if not zipfile.is_zipfile(file):
        return Verdict(False, compile_lines=("[ERROR] Not a valid PLC Program file.\n",))
    with zipfile.ZipFile(file) as archive:
        verdict = check(archive)
        if verdict.safe:
            unpack(archive, folder)
        return verdict


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.endswith(".DS_Store")
