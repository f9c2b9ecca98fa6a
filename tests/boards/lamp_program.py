"""A program of one switch and one lamp, by which tests see at a board's pins what it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from boards.emulated import EmulatedBoard
from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.boards.uploaders import upload
from rung.targets.board import Board

_Way = TypeVar("_Way")

COPY = """
PROGRAM Main
VAR
    switch AT %IX0.0 : BOOL;
    lamp AT %QX0.0 : BOOL;
END_VAR
lamp := switch;
END_PROGRAM
"""
INVERT = COPY.replace("lamp := switch", "lamp := NOT switch")
SWITCH = {"uno": "2", "nano-old": "2", "mega": "A8"}
LAMP = {"uno": "7", "nano-old": "7", "mega": "14"}


def padded(firmware: Firmware, size: int) -> Firmware:
    """The same program with bytes behind it that nothing runs, so that its upload takes long enough to be broken off."""
    lines = firmware.files["program.hex"].decode().split()
    for address in range(0x4000, 0x4000 + size, 16):
        record = bytes([16, address >> 8, address & 0xFF, 0, *(n ^ address >> 4 & 0xFF for n in range(16))])
        lines.insert(-1, f":{record.hex().upper()}{-sum(record) & 0xFF:02X}")
    return replace(firmware, files={**firmware.files, "program.hex": "\n".join(lines).encode()})


async def copies(board: EmulatedBoard, kind: str) -> bool:
    """Whether the board runs the program that copies its switch to its lamp, once its bootloader has given way."""
    return await _lights_up(board, kind, True) and await _goes_out(board, kind, False)


async def inverts(board: EmulatedBoard, kind: str) -> bool:
    """Whether the board runs the other program."""
    return await _lights_up(board, kind, False) and await _goes_out(board, kind, True)


async def _lights_up(board: EmulatedBoard, kind: str, switch: bool) -> bool:
    board.drive(SWITCH[kind], switch)
    return await asyncio.to_thread(board.await_level, LAMP[kind], True, 5.0)


async def _goes_out(board: EmulatedBoard, kind: str, switch: bool) -> bool:
    board.drive(SWITCH[kind], switch)
    return await asyncio.to_thread(board.await_level, LAMP[kind], False, 0.1)


async def each(check: Callable[[_Way], Awaitable[None]], *ways: _Way) -> None:
    """Do the same in several ways, each with a board of its own, at a time: they mostly wait."""
    await asyncio.gather(*map(check, ways))


async def uploaded(firmware: Firmware, row: Board, board: EmulatedBoard, uploader: str) -> list[FlashProgress]:
    """Upload and return what was told on the way."""
    steps: list[FlashProgress] = []
    assert await upload(firmware, row, board.port, uploader=uploader, progress=steps.append) == board.port
    return steps
