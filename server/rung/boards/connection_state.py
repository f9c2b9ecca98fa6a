"""What is told of a connection to a board: its state, its program's, and the words for them. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rung.runtimes.connection_state import State
from rung.runtimes.errors import Kind
from rung.targets.board import Board

RESTARTS: Final = "Opening the port restarts the program of an Arduino Uno: its outputs are off for about two seconds."

HEALTH: Final = {
    "RUNG_FAULTS": "faults",
    "RUNG_SCAN_US": "scan_us",
    "RUNG_SCAN_MAX_US": "scan_max_us",
    "RUNG_OVERRUNS": "overruns",
    "RUNG_HALTED": "halted",
}
"""The variables that every program on a board has behind its own, and what they say."""

_BOOTLOADER_S = 1.5


@dataclass(frozen=True, slots=True)
class Health:
    """What the program says of itself: scans since it started (32 bits), the time of the latest scan and of the longest, scans that took
    longer than their interval, faults (divisions by zero and the like), and whether the watchdog has stopped it: outputs are off then."""

    scans: int
    scan_us: int
    scan_max_us: int
    overruns: int
    faults: int
    halted: bool


@dataclass(frozen=True, slots=True)
class BoardEvent:
    """What is known now. `md5`, `in_sync` and `health` are None where they are not known, and always while there is no connection;
    `kind` and `hint` belong to a failure. `restarts` counts how often the board restarted since it was connected: it has forgotten all forced variables then."""

    port: str
    state: State
    message: str = ""
    hint: str = ""
    kind: Kind | None = None
    md5: str | None = None
    in_sync: bool | None = None
    health: Health | None = None
    restarts: int = 0


def bootloader_pause(board: Board | None) -> float:
    """For how many seconds after its port was opened nothing must be sent to a board.

    The bootloader of the Mega 2560 (stk500boot v2) starts the program about a second after a reset, but never once it has received a byte that is no
    command. Others start the program at once then.
    """
    return _BOOTLOADER_S if board is not None and board.upload.get("protocol") == "wiring" else 0.0


def sentence(in_sync: bool | None, health: Health | None) -> str:
    """Return what a connection says of a board that answers."""
    if health is not None and health.halted:
        return "The board stopped the program, because a scan did not end or its calls and texts took more memory than there is: outputs are off until the board is reset or flashed."
    if in_sync is False:
        return "Connected: another program runs than the one here."
    return "Connected: the program runs."
