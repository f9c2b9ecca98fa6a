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

    Hidden folders and build results are skipped, and so is what `exclude` in the folder's `rung.toml` names. A sub-folder with a
    `rung.toml` of its own is another program.

    Raises:
        ValueError: `rung.toml` cannot be read; the text says why.
    """
    settings = read_settings(folder)
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_searched(Path(place, name)))
        found += [Path(place, name) for name in files if os.path.splitext(name)[1].lower() in SUFFIXES]
    return sorted(path for path in found if not _excluded(path.relative_to(folder), settings))


def is_part(file: Path, folder: Path) -> bool:
    """Whether a file, which may not exist yet, is one of those that `sources_below(folder)` finds.

    Raises:
        ValueError: `rung.toml` cannot be read; the text says why.
    """
    if not is_source(file) or folder not in file.parents:
        return False
    between = file.relative_to(folder).parents
    searched = all(_is_searched(folder / parent) for parent in between if parent != Path())
    return searched and not _excluded(file.relative_to(folder), read_settings(folder))


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


def settings_of(path: Path) -> Settings:
    """Return what its project says about a file or folder: the `rung.toml` of the folder itself or of the nearest one above.

    Raises:
        ValueError: `rung.toml` cannot be read; the text says why.
    """
    place = path.absolute()
    for folder in (place, *place.parents):
        if (folder / SETTINGS_FILE).is_file():
            return read_settings(folder)
    return Settings()


def _is_searched(folder: Path) -> bool:
    return not folder.name.startswith(".") and folder.name not in _SKIPPED and not (folder / SETTINGS_FILE).is_file()


def _holds_sources(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(os.path.splitext(entry.name)[1].lower() in SUFFIXES and entry.is_file() for entry in entries)


def _excluded(path: Path, settings: Settings) -> bool:
    return any(
        path.match(pattern) or any(parent.match(pattern) for parent in path.parents) for pattern in settings.exclude
    )
