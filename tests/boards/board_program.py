"""Firmware for the emulated boards, made of Structured Text by the way that users go: check, build, compile."""

from __future__ import annotations

from pathlib import Path

from rung.boards.firmware import Firmware
from rung.boards.toolchains import compile_firmware
from rung.codegen.artefact import Artefact
from rung.ide.build import build
from rung.project.snapshot import EMPTY
from rung.targets.board import Board, find_board

_FILE = Path("/plant/main.st").absolute()


def board_named(name: str) -> Board:
    """Return a row of the table."""
    board = find_board(name)
    assert board is not None, name
    return board


def artefact_of(text: str, board: str) -> Artefact:
    """Build a program for a board."""
    built = build(EMPTY.with_text(_FILE, text), board)
    assert built.artefact is not None, (built.failure, built.diagnostics)
    return built.artefact


async def firmware_of(artefact: Artefact, toolchain: str | None = None) -> Firmware:
    """Compile what was built, with the first toolchain that is there unless one is named."""
    return await compile_firmware(
        artefact, board_named(artefact.target), toolchain=toolchain, progress=lambda step: None
    )
