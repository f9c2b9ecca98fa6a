"""Rung's own files in the user's configuration folder: readable by the user only, and never half written."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import platformdirs

from rung.runtimes.errors import Kind, RuntimeFailure

_LARGEST = 1_000_000


def config_dir() -> Path:
    """The folder for connections and pins: RUNG_CONFIG_DIR where it is set, else the system's usual place."""
    chosen = os.environ.get("RUNG_CONFIG_DIR")
    return Path(chosen) if chosen else Path(platformdirs.user_config_dir("rung", appauthor=False))


def read_object(path: Path) -> dict[str, object]:
    """Read a JSON object; a file that does not exist is an empty one.

    Raises:
        RuntimeFailure: the file cannot be read or is damaged. It is then never taken for empty: a lost pin must be noticed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error.strerror or "input error") from None
    if len(raw) > _LARGEST:
        raise _unreadable(path, "it is larger than anything Rung writes")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise _unreadable(path, "it is not valid JSON") from None
    if not isinstance(value, dict):
        raise _unreadable(path, "it is not a JSON object")
    return value


def write_object(path: Path, value: dict[str, object]) -> None:
    """Replace the file as a whole with mode 0600: after any failure the old content is still there.

    Raises:
        RuntimeFailure: it cannot be written (disk full, no permission).
    """
    data = (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(path, data)
    except OSError as error:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"{path} cannot be written ({error.strerror or 'output error'}). The file is unchanged.",
            "Make room on the disk or correct the folder's permissions, then try again.",
        ) from None


def replace_private(path: Path, data: bytes) -> None:
    """Replace the file as a whole with mode 0600; its folder exists.

    Raises:
        OSError: it cannot be written; the old content is still there, and nothing else.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _unreadable(path: Path, why: str) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.INTERNAL,
        f"{path} cannot be used: {why}.",
        "Correct the file, or move it away and set up the connection again.",
    )
