"""Which files make a program: a folder of Structured Text files is one program, a single file is one too.

Invariant: the answer depends on the paths and `rung.toml` only, never on what the files say, and is always sorted, so that two
computers build the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from rung.project.settings import SETTINGS_FILE, Settings, read_settings

SUFFIXES = frozenset({".st", ".iecst"})
_SKIPPED = frozenset({"node_modules", "build", "dist", "__pycache__"})


def is_source(path: Path) -> bool:
    """Whether a path names a Structured Text file."""
    return path.suffix.lower() in SUFFIXES


def sources_below(folder: Path) -> list[Path]:
    """Return the Structured Text files of a folder and its sub-folders, sorted by path.

    Hidden folders and build results are skipped, and so is what `exclude` in the folder's `rung.toml` names.

    Raises:
        ValueError: `rung.toml` cannot be read; the text says why.
    """
    settings = read_settings(folder)
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        found += [Path(place, name) for name in files if os.path.splitext(name)[1].lower() in SUFFIXES]
    return sorted(path for path in found if not _excluded(path.relative_to(folder), settings))


def project_folder(file: Path, workspace: Iterable[Path]) -> Path:
    """Return the folder whose files form one program with `file`.

    That is the nearest folder above it with a `rung.toml`; without one, the highest folder that itself holds Structured Text, not
    above the workspace folder that the file lies in; for a file outside every workspace folder, its own folder.
    """
    for folder in file.parents:
        if (folder / SETTINGS_FILE).is_file():
            return folder
    roots = [root for root in workspace if root in file.parents]
    best = file.parent
    if not roots:
        return best
    top = max(roots, key=lambda root: len(root.parts))
    for folder in file.parents:
        if _holds_sources(folder):
            best = folder
        if folder == top:
            break
    return best


def _holds_sources(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file() for entry in entries)


def _excluded(path: Path, settings: Settings) -> bool:
    return any(
        path.match(pattern) or any(parent.match(pattern) for parent in path.parents) for pattern in settings.exclude
    )
