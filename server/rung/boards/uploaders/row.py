"""What an uploader is: one row a way to put a program on a board, and what an upload is given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.targets.board import Board


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: the program, the board and the port it is for.

    `progress` is called in the event loop's thread. `cancel` is set by the user; an uploader looks at it between its steps, and ends with
    `Kind.CANCELLED` and a sentence that says what the board holds then.
    """

    firmware: Firmware
    board: Board
    port: str
    progress: Callable[[FlashProgress], None]
    cancel: asyncio.Event = field(default_factory=asyncio.Event)


Run = Callable[[Upload], Awaitable[str]]
"""Does the upload and returns the port to open next. Failures are `RuntimeFailure`; when its task is cancelled, it stops what it
started before it lets `CancelledError` pass."""


@dataclass(frozen=True, slots=True)
class UploaderRow:
    """A way to put a program on a certain board.

    `name` is what `--uploader` takes, `title` what users read. `available` is false where something is not installed; `missing` then says what,
    with the command that gets it. `tried` says how far this way was tried, as users read it.
    """

    name: str
    title: str
    available: bool
    missing: str
    tried: str
    run: Run


MakeRow = Callable[[Board], UploaderRow]
"""What each uploader's module offers: the row for a board, which says whether it could be used on this computer now."""
