"""Compiled firmware, kept in the user's cache folder by what it was made of: the program, the board's row and the toolchain.

Invariant: what is read back is what was written, whole, or nothing: it is going to run a machine. A folder that somebody else owns or may write to
is neither read nor written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import platformdirs

from rung.boards.sizes import Usage
from rung.boards.toolchains.row import Outputs
from rung.codegen.artefact import Artefact
from rung.targets.board import Board

_KEPT: Final = 60
_INDEX: Final = "firmware.json"
_UPLOADS: Final = "uploads"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_LARGEST: Final = 64_000_000


def cache_folder() -> Path:
    """Where compiled firmware is kept."""
    return Path(platformdirs.user_cache_dir("rung", appauthor=False), "boards")


def is_ours() -> bool:
    """Whether the cache folder is there and nobody else can have put anything into it. `XDG_CACHE_HOME` may be anywhere."""
    try:
        state = os.lstat(cache_folder())
    except OSError:
        return False
    if sys.platform == "win32":
        return True  # it is in the user's profile, which is closed to others
    return (
        stat.S_ISDIR(state.st_mode)
        and state.st_uid == os.getuid()
        and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def made_folder() -> Path:
    """Return the cache folder, which is made if need be.

    Raises:
        OSError: it cannot be made, or others could write to it, and then a program that a machine is to run.
    """
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_ours():
        raise PermissionError(errno.EPERM, f"{folder} may be written by others")
    return folder


def key_of(artefact: Artefact, board: Board, identity: str) -> str:
    """What firmware is kept under. The version of Rung counts, for the recipes are its."""
    digest = hashlib.sha256(repr((rung_version(), artefact.md5, artefact.target, board, identity)).encode())
    digest.update(artefact.data)
    return digest.hexdigest()[:40]


def rung_version() -> str:
    """Rung's version."""
    from rung import __version__

    return __version__


def load(key: str) -> Outputs | None:
    """What was kept under a key, None when there is nothing, or nothing whole."""
    folder = cache_folder() / key
    if not is_ours():
        return None
    try:
        index = json.loads(_read(folder / _INDEX))
        files = {name: _whole(folder, name, digest) for name, digest in index["files"].items()}
        uploads = {name: _whole(folder / _UPLOADS, name, digest) for name, digest in index["uploads"].items()}
        flash, ram = index["usage"] or (0, 0)
        main, log = index["main"], index["log"]
        if main not in files or not all(isinstance(line, str) for line in log) or flash < 0 or ram < 0:
            return None
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Outputs(files, main, Usage(flash, ram) if index["usage"] else None, tuple(log), uploads or None)


def save(key: str, outputs: Outputs) -> None:
    """Keep outputs. A cache that cannot be written costs the next compilation its time and nothing else."""
    with contextlib.suppress(OSError):
        whole = made_folder()
        with tempfile.TemporaryDirectory(prefix="new-", dir=whole, ignore_cleanup_errors=True) as name:
            new = Path(name, "firmware")
            (new / _UPLOADS).mkdir(parents=True)
            index = {
                "main": outputs.main,
                "usage": [outputs.usage.flash, outputs.usage.ram] if outputs.usage else None,
                "log": outputs.log,
                "files": _write(new, outputs.files),
                "uploads": _write(new / _UPLOADS, outputs.uploads or {}),
            }
            (new / _INDEX).write_text(json.dumps(index), encoding="utf-8")
            shutil.rmtree(whole / key, ignore_errors=True)
            with contextlib.suppress(OSError):  # somebody else has just kept the same
                os.replace(new, whole / key)
        _prune(whole)


def _write(folder: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _whole(folder: Path, name: str, digest: object) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError("the file has a name that none of ours has")
    data = _read(folder / name)
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError("the file is damaged")
    return data


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("the file is larger than any of ours")
    return data


def _prune(folder: Path) -> None:
    """Keep what was used last. Another process may be doing the same."""
    with contextlib.suppress(OSError):
        kept = sorted(
            (path for path in folder.iterdir() if (path / _INDEX).exists()), key=lambda path: path.stat().st_mtime
        )
        for path in kept[:-_KEPT]:
            shutil.rmtree(path, ignore_errors=True)
