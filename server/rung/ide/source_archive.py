"""A program's source as it is stored on a machine with the program, so that it can be fetched back from there."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from rung import __version__
from rung.ide.build import short_names
from rung.project.settings import SETTINGS_FILE
from rung.project.snapshot import Snapshot

_FORMAT_VERSION = 1


def source_archive(snapshot: Snapshot) -> bytes:
    """Return a zip of the program's files, under their names relative to the project, and of its `rung.toml`."""
    from rung.codegen.archive import pack

    paths = sorted(snapshot.files)
    files = dict(zip(short_names(paths), (snapshot.files[path].text.encode() for path in paths), strict=True))
    if snapshot.settings.path is not None:
        files[SETTINGS_FILE] = snapshot.settings.text.encode()
    return pack(files)


def source_metadata(home: Path) -> dict[str, object]:
    """Return what a machine is told of the source that it is to keep (runtime protocol, section 6).

    Args:
        home: the project's folder, or its only file; of its path only the last name leaves this computer.
    """
    return {
        "formatVersion": _FORMAT_VERSION,
        "projectName": home.absolute().name or "project",
        "editorVersion": f"rung {__version__}",
        "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
