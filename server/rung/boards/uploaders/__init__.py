"""Ways to put a program on a board: one table, in which the board's row names those that fit it, the first choice first.

Invariant: an upload that returns has been taken whole; one that does not says what the board holds now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.boards.uploaders import arduino_cli, stk500v1, uf2
from rung.boards.uploaders.external import row_of
from rung.boards.uploaders.programs import PROGRAMS
from rung.boards.uploaders.row import MakeRow, Upload, UploaderRow
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

__all__ = ["UPLOADERS", "UploaderRow", "upload", "uploaders_for"]

UPLOADERS: Final[Mapping[str, MakeRow]] = {
    "stk500v1": stk500v1.row,
    **{program.name: row_of(program) for program in PROGRAMS},
    "uf2": uf2.row,
    "arduino-cli": arduino_cli.row,
}


def uploaders_for(board: Board) -> list[UploaderRow]:
    """Return the ways to put a program on a board, in the order in which they are preferred, those that miss something included."""
    return [UPLOADERS[name](board) for name in board.uploaders if name in UPLOADERS]


async def upload(
    firmware: Firmware,
    board: Board,
    port: str,
    *,
    uploader: str | None = None,
    progress: Callable[[FlashProgress], None],
    cancel: asyncio.Event | None = None,
) -> str:
    """Put a program on a board.

    Args:
        firmware: the compiled program, made for this board.
        board: its row.
        port: the serial port, or an `rfc2217://` or `socket://` URL.
        uploader: the name of the way to use; None takes the first that is there.
        progress: told of each step, in the event loop's thread.
        cancel: set to end it. Cancelling the task stops the upload as well, without a sentence.

    Returns:
        the port to open next: boards that speak USB themselves may have another one afterwards.

    Raises:
        RuntimeFailure: with what the board holds now.
    """
    row = _choose(board, uploader)
    return await row.run(Upload(firmware, board, port, progress, cancel or asyncio.Event()))


def _choose(board: Board, name: str | None) -> UploaderRow:
    rows = uploaders_for(board)
    if name is not None:
        chosen = next((row for row in rows if row.name == name), None)
        if chosen is None:
            raise RuntimeFailure(
                Kind.UPLOAD_REFUSED,
                f"{board.title} cannot be reached with the uploader {name}. Nothing was sent to the board.",
                f"Choose one of {', '.join(row.name for row in rows)}.",
            )
        if chosen.available:
            return chosen
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED, f"The uploader {name} is not installed. Nothing was sent to the board.", chosen.missing
        )
    for row in rows:
        if row.available:
            return row
    raise RuntimeFailure(
        Kind.UPLOAD_REFUSED,
        f"Nothing on this computer can put a program on {board.title}. Nothing was sent to the board.",
        " Or: ".join(row.missing for row in rows) or "This board has no uploader in the table.",
    )
