"""What users read of an upload that did not come to its end: what the board is left with, and the likely causes."""

from __future__ import annotations

from typing import Final

from rung.boards.touch import wants_touch
from rung.targets.board import Board, all_boards

UNCHANGED: Final = "The program on the board was not changed."
PARKED: Final = (
    "The board has no whole program now and leaves its outputs off; its bootloader is still there, so upload again."
)
PARTIAL: Final = (
    "The board has no whole program now and may run a part of one, so its outputs cannot be relied on; "
    "its bootloader is still there, so upload again."
)
UNKNOWN: Final = (
    "It is not known whether the board has a whole program now; its bootloader is still there, so upload again."
)


def no_answer(board: Board) -> str:
    """Return what to look at when a bootloader does not answer on a serial port."""
    if wants_touch(board):
        return (
            f"Likely causes: another board than {board.title}; a bootloader that did not start: press the reset button twice in a row, "
            "choose the port that the board has then, and upload again."
        )
    same = [
        f"{other.name} ({other.upload['baud']})"
        for other in all_boards().values()
        if other.signature
        and other.signature == board.signature
        and other.upload.get("baud") not in (None, board.upload.get("baud"))
    ]
    other_speed = f"a bootloader of another speed, then try board {' or '.join(same[:2])}; " if same else ""
    return (
        f"Likely causes: another board than {board.title}; {other_speed}a cable that carries only power; "
        "something wired to the pins of the serial port (0 and 1)."
    )
