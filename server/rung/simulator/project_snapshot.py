"""The project's source that an upload may carry, kept so that it can be fetched back (protocol section 6).

Invariant: what is kept belongs to the program that was last compiled. Whatever replaces that program without bringing a
source of its own leaves none. The archive is never opened.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from rung.simulator.answers import Json
from rung.simulator.storage import write_private

LARGEST_SNAPSHOT: Final = 100 * 1024 * 1024
_LONGEST_TEXT: Final = 512
_MOST_LIBRARIES: Final = 256


class SnapshotRefused(Exception):
    """The device does not keep this snapshot; the text is the device's warning."""


class ProjectSnapshot:
    """The snapshot of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staged = (folder / "staged.zip", folder / "staged.json")
        self._kept = (folder / "project.zip", folder / "project.json")

    def clear(self) -> None:
        """Keep nothing: the program that the source belonged to is being replaced."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def stage(self, archive: Path, metadata: str | None) -> None:
        """Take over what an upload brought; it counts once the program has been compiled.

        Args:
            archive: the file that was uploaded; it is moved.
            metadata: the text that came with it.

        Raises:
            SnapshotRefused: there is no metadata or it is of no use.
            OSError: the file cannot be kept.
        """
        if not metadata:
            raise SnapshotRefused("the upload carried an archive but no snapshot_metadata")
        record = {**_record(metadata), "sizeBytes": archive.stat().st_size}
        self._folder.mkdir(mode=0o700, exist_ok=True)
        shutil.move(archive, self._staged[0])
        write_private(self._staged[1], json.dumps(record).encode())

    def built(self, good: bool) -> None:
        """The build has ended: what was staged is kept, or goes with the program that could not be compiled."""
        if good and self._staged[1].is_file():
            for staged, kept in zip(self._staged, self._kept, strict=True):
                staged.replace(kept)
        elif not good:
            self.clear()

    def record(self) -> dict[str, Json] | None:
        """What is known of the kept source; None when there is none."""
        archive, metadata = self._kept
        if not (archive.is_file() and metadata.is_file()):
            return None
        content = json.loads(metadata.read_bytes())
        return content if isinstance(content, dict) else None

    def archive(self) -> bytes:
        """The kept archive; to be asked for only when there is a record."""
        return self._kept[0].read_bytes()

    def advertised(self) -> dict[str, Json]:
        """What everybody on the network may know of it."""
        record = self.record()
        if record is None:
            return {}
        return {"project_name": record["projectName"], "project_timestamp": record["timestamp"]}


def _record(metadata: str) -> dict[str, Json]:
    try:
        raw = json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise SnapshotRefused(f"snapshot_metadata is not valid JSON ({error})") from None
    if not isinstance(raw, dict):
        raise SnapshotRefused("Snapshot metadata must be a JSON object")
    version = raw.get("formatVersion")
    if not isinstance(version, int) or version < 1:
        raise SnapshotRefused("Snapshot metadata needs an integer formatVersion of 1 or more")
    name = _text(raw.get("projectName"))
    if not name:
        raise SnapshotRefused("Snapshot metadata needs a projectName")
    libraries = raw.get("libraries")
    return {
        "formatVersion": version,
        "projectName": name,
        **{key: _text(raw.get(key)) for key in ("editorVersion", "uploadedBy", "timestamp")},
        "libraries": [
            {key: _text(entry.get(key)) for key in ("name", "version", "hash")}
            for entry in (libraries[:_MOST_LIBRARIES] if isinstance(libraries, list) else [])
            if isinstance(entry, dict) and _text(entry.get("name"))
        ],
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value if character.isprintable()).strip()[:_LONGEST_TEXT]
