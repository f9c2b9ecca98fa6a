"""Files that only the hub's own user may read: keys, certificates, settings.

Invariant: a file is replaced whole or not at all, nobody but its owner can read it at any moment, and a key that others could have read
is not used.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.private_file import replace_private

_LARGEST: Final = 1_000_000
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make_folder(path: Path) -> None:
    """Make the hub's folder with mode 0700, or check that the one which is there is nobody else's to read.

    Raises:
        RuntimeFailure: it cannot be made, or others may look into it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(path, error.strerror or "input error") from None
    if not stat.S_ISDIR(mode):
        raise _unusable(path, "it is not a folder")
    _only_owner(path, mode, "0700")


def write_private(path: Path, content: bytes) -> None:
    """Replace the file by one of mode 0600; after any failure the old one is still there.

    Raises:
        RuntimeFailure: it cannot be written (disk full, no permission).
    """
    try:
        replace_private(path, content)
    except OSError as error:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"{path} cannot be written ({error.strerror or 'output error'}). What was there before is unchanged.",
            "Make room on the disk or correct the folder's permissions, then try again.",
        ) from None


def read_private(path: Path) -> bytes:
    """Read a file that holds a secret.

    Raises:
        RuntimeFailure: it is absent or cannot be read, or others may read or write it: then its secret may be known.
    """
    content, mode = _read(path)
    _only_owner(path, mode, "0600")
    return content


def read_public(path: Path) -> bytes:
    """Read a file without a secret, such as a certificate.

    Raises:
        RuntimeFailure: it is absent, cannot be read, or is larger than any certificate.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or "input error") from None
    if len(content) > _LARGEST:
        raise _unusable(path, "it is larger than any file that belongs here")
    return content, mode


def _only_owner(path: Path, mode: int, wanted: str) -> None:
    if os.name == "posix" and mode & _OTHERS:
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"Others than its owner may use {path} (mode {stat.S_IMODE(mode):04o}), so what it protects may be known. It is not used.",
            f"Find out who had access; if nobody had, set `chmod {wanted} {path}`, else replace it.",
        )


def _unusable(path: Path, why: str) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.INTERNAL,
        f"{path} cannot be used: {why}. The hub does not run without it; vPLCs keep running.",
        "Restore it from the backup of the hub's folder, or make a hub with `rung hub init`.",
    )
