"""A project's source out of an archive that a machine gave back. The archive is untrusted: it may have been stored by anybody.

Invariant: all of its files are written below the folder that was named, or none is and the folder is as it was.
"""

from __future__ import annotations

import io
import re
import secrets
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import Final

_MOST_FILES: Final = 5000
_MOST_BYTES: Final = 200_000_000
_LONGEST_NAME: Final = 200
_ENTRY: Final = b"PK\x01\x02"
# What a name may not hold on one of the systems that a project may be opened on.
_BAD: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_DEVICES: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class ArchiveError(ValueError):
    """The archive cannot be unpacked; the text says why, for the user."""


def unpack_project(data: bytes, folder: Path) -> list[str]:
    """Write the files of a zip archive to a folder that is empty or does not exist.

    Returns the names of the files, with `/`, sorted.

    Raises:
        ArchiveError: it is no zip, too large, or holds names that do not belong into a project; nothing was written.
        OSError: it cannot be written; nothing is left.
    """
    if (
        data.count(_ENTRY) > 4 * _MOST_FILES
    ):  # before the library makes an object of each; archives in the archive have some, too
        raise _too_large()
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError):
        raise ArchiveError("What the machine keeps as this program's source is no zip archive.") from None
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    _check(entries)
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    place = target.parent / f".{target.name}.{secrets.token_hex(8)}"
    place.mkdir()
    try:
        for entry in entries:
            path = place.joinpath(*PurePosixPath(entry.filename).parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_read(archive, entry))
        if target.exists():
            target.rmdir()
        place.rename(target)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return sorted(entry.filename for entry in entries)


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if not entries:
        raise ArchiveError("The archive that the machine keeps holds no file.")
    if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise _too_large()
    taken: set[str] = set()
    for entry in entries:
        name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
        parts = name.split("/")
        steers = not name.isprintable() or _steers(parts)
        if len(name) > _LONGEST_NAME or kind not in (0, stat.S_IFREG) or steers or any(map(_is_bad, parts)):
            raise ArchiveError(f"The archive holds {name[:60]!r}, which is no file of a project. Nothing was written.")
        folded = name.casefold()
        if folded in taken:
            raise ArchiveError(f"The archive holds two files called {name[:60]!r}. Nothing was written.")
        taken.add(folded)
    for name in taken:
        above = name.split("/")[:-1]
        if any("/".join(above[:depth]) in taken for depth in range(1, len(above) + 1)):
            raise ArchiveError(f"The archive holds {name[:60]!r} below what is a file. Nothing was written.")


def _too_large() -> ArchiveError:
    return ArchiveError(
        f"The archive that the machine keeps is too large: {_MOST_FILES} files and {_MOST_BYTES // 1_000_000} MB are the most."
    )


def _steers(parts: list[str]) -> bool:
    """Whether it is a file that tells other programs what to run when the folder is opened, such as `.git/config` or
    `.vscode/tasks.json`."""
    return any(part.startswith(".") for part in parts[:-1]) or parts[-1].lower() == ".git"


def _is_bad(part: str) -> bool:
    return part in ("", ".", "..") or part.endswith((" ", ".")) or bool(_BAD.search(part) or _DEVICES.fullmatch(part))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as file:
            content = file.read(entry.file_size + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise ArchiveError(f"{entry.filename} in the archive cannot be read: {error}. Nothing was written.") from None
    except Exception as error:  # the decompressors raise errors of their own
        if type(error).__module__ not in ("zlib", "_lzma", "lzma"):
            raise
        raise ArchiveError(f"{entry.filename} in the archive is damaged. Nothing was written.") from None
    if len(content) != entry.file_size:
        raise ArchiveError(f"{entry.filename} in the archive is larger than it says. Nothing was written.")
    return content
