"""`rung.pull`: the source of the program that a machine holds, out of its archive into a folder.

Invariant: a folder that holds anything is never written into, and a failure leaves it as it was.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from rung.lsp.arguments import Given, text, unusable
from rung.project.archive import ArchiveError, unpack_project
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.lsp.commands import Session


async def pull(session: Session, given: Given, token: types.ProgressToken | None) -> dict[str, object]:
    """Write the project's files below a folder that is empty or not there yet; return their names."""
    connection = session.machines.connection(text(given, "target"))
    folder = Path(text(given, "folder"))
    if not folder.is_absolute():
        raise unusable("The folder has no absolute path.")
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, _check_empty, folder)  # before the machine is asked for what cannot be kept
    archive = await connection.client.project_snapshot()
    return {"files": await loop.run_in_executor(None, _unpack, archive, folder, connection.profile.name)}


def _check_empty(folder: Path) -> None:
    try:
        if not folder.exists() or (folder.is_dir() and next(folder.iterdir(), None) is None):
            return
    except OSError as error:
        raise _not_written(folder, error) from None
    raise RuntimeFailure(
        Kind.CANCELLED,
        f"{folder} is not empty, so nothing was fetched: nothing is ever written over.",
        "Choose an empty folder.",
    )


def _unpack(archive: bytes, folder: Path, name: str) -> list[str]:
    try:
        return unpack_project(archive, folder)
    except ArchiveError as error:
        raise RuntimeFailure(
            Kind.NOT_OURS,
            f"What {name} keeps as its program's source cannot be used. {error}",
            "Ask who downloaded that program for its source.",
        ) from None
    except OSError as error:
        raise _not_written(folder, error) from None


def _not_written(folder: Path, error: OSError) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.INTERNAL,
        f"The project cannot be written to {folder}: {error.strerror or error}. Nothing is left there of it.",
        "Choose another folder, or free the place that it needs.",
    )
