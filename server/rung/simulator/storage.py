"""Files of the data folder.

Invariant: a file is replaced whole or not at all, and nobody but its owner can read it at any moment.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


class DataFolderError(Exception):
    """The data folder cannot be used; the text says why and what to do."""


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` atomically by a file of mode 0600.

    Raises:
        OSError: the folder cannot be written or the disk is full; the old file is then untouched.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


class FolderLock:
    """Keeps a second simulator out of a data folder: two would overwrite each other's users and program."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Create the folder if need be and lock it.

        Raises:
            DataFolderError: it cannot be written, or another simulator has it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = open(self._folder / "lock", "ab")  # noqa: SIM115 - closed by release()
        except OSError as error:
            raise DataFolderError(
                f"The data folder {self._folder} cannot be written ({error.strerror}). Name another one with --data."
            ) from error
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.close()
                raise DataFolderError(
                    f"Another simulator is using the data folder {self._folder}. "
                    "Stop it first, or name another folder with --data."
                ) from error
        self._file = file

    def release(self) -> None:
        """Give the folder free; does nothing when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None
