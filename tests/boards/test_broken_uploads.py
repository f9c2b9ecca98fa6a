"""Uploads that come to nothing: what the user is told, what the board does then, and that the next upload mends it.

Real bootloaders on emulated chips (`emulated`), our own uploader and avrdude; none of this was tried on hardware.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from boards.board_program import artefact_of, board_named, firmware_of
from boards.emulated import EmulatedBoard
from boards.lamp_program import COPY, INVERT, copies, each, inverts, padded, uploaded
from rung.boards.progress import FlashProgress
from rung.boards.uploaders import UPLOADERS, running, stk500v1, upload
from rung.boards.uploaders.external import row_of
from rung.boards.uploaders.programs import PROGRAMS
from rung.boards.uploaders.row import MakeRow
from rung.runtimes.errors import Kind, RuntimeFailure


def half_way(do: Callable[[], None]) -> Callable[[FlashProgress], None]:
    """What does something in the middle of an upload."""
    return lambda step: do() if step.fraction is not None and step.fraction > 0.3 else None


async def test_an_old_nano_is_not_reached_at_the_speed_of_a_new_one_and_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left to itself, avrdude tries for a minute; it is ended when it gets no further, here after 2 s."""
    (avrdude,) = [program for program in PROGRAMS if program.name == "avrdude"]
    monkeypatch.setitem(cast("dict[str, MakeRow]", UPLOADERS), "avrdude", row_of(replace(avrdude, idle=2.0)))
    firmware = await firmware_of(artefact_of(COPY, "uno"))

    async def check(uploader: str) -> None:
        with EmulatedBoard("nano-old", tmp_path) as board:
            began = time.monotonic()
            with pytest.raises(RuntimeFailure) as caught:
                await uploaded(firmware, board_named("uno"), board, uploader)
            assert time.monotonic() - began < 15
        assert caught.value.kind is Kind.TIMEOUT
        assert "was not changed" in caught.value.message
        assert "nano-old" in caught.value.hint

    await each(check, "stk500v1", "avrdude")


async def test_another_chip_than_the_boards_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    firmware = await firmware_of(artefact_of(COPY, "uno"))
    other = replace(board_named("uno"), mcu="atmega168", signature="1e9406")

    async def check(uploader: str) -> None:
        with EmulatedBoard("uno", tmp_path, firmware=firmware.files["program.hex"]) as board:
            with pytest.raises(RuntimeFailure) as caught:
                await uploaded(firmware, other, board, uploader)
            assert caught.value.kind is Kind.NOT_OURS
            assert "1e950f" in caught.value.message
            assert await copies(board, "uno"), "the program that was there goes on"

    await each(check, "stk500v1", "avrdude")


async def test_an_upload_stopped_half_way_leaves_a_board_that_takes_the_next(tmp_path: Path) -> None:
    firmware, row = await firmware_of(artefact_of(COPY, "uno")), board_named("uno")

    async def check(uploader: str) -> None:
        stop = asyncio.Event()
        with EmulatedBoard("uno", tmp_path, firmware=firmware.files["program.hex"]) as board:
            with pytest.raises(RuntimeFailure) as caught:
                await upload(
                    padded(firmware, 4096),
                    row,
                    board.port,
                    uploader=uploader,
                    progress=half_way(stop.set),
                    cancel=stop,
                )
            assert caught.value.kind is Kind.CANCELLED
            assert "upload again" in caught.value.message
            await uploaded(firmware, row, board, uploader)
            assert await copies(board, "uno")

    await each(check, "stk500v1", "avrdude")


async def test_half_of_a_program_is_never_run(tmp_path: Path) -> None:
    """Our own uploader writes the page where a program begins last: until then a loop stands there, and the outputs stay off."""
    firmware, stop = await firmware_of(artefact_of(INVERT, "uno")), asyncio.Event()
    long, row = padded(firmware, 4096), board_named("uno")
    with EmulatedBoard("uno", tmp_path, firmware=firmware.files["program.hex"]) as board:
        assert await inverts(board, "uno")
        with pytest.raises(RuntimeFailure, match="leaves its outputs off"):
            await upload(long, row, board.port, uploader="stk500v1", progress=half_way(stop.set), cancel=stop)
        board.drive("2", False)
        board.power_cycle()
        assert not board.await_level("7", True, 0.5)


async def test_a_cable_pulled_half_way_is_told_and_the_next_upload_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_GONE_SECONDS", 0.5)  # an Uno's port does not come and go by itself
    firmware, row = await firmware_of(artefact_of(COPY, "uno")), board_named("uno")

    async def check(uploader: str) -> None:
        with EmulatedBoard("uno", tmp_path) as board:
            with pytest.raises(RuntimeFailure) as caught:
                await upload(
                    padded(firmware, 4096), row, board.port, uploader=uploader, progress=half_way(board.unplug)
                )
            assert caught.value.kind is Kind.LOST
            board.plug()
            await uploaded(firmware, row, board, uploader)
            assert await copies(board, "uno")

    await each(check, "stk500v1", "avrdude")


async def test_without_a_reset_no_bootloader_answers_and_the_program_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stk500v1, "_RESETS", 1)
    firmware = await firmware_of(artefact_of(COPY, "uno"))
    with EmulatedBoard("uno", tmp_path, firmware=firmware.files["program.hex"], reset_on_open=False) as board:
        with pytest.raises(RuntimeFailure) as caught:
            await uploaded(firmware, board_named("uno"), board, "stk500v1")
        assert caught.value.kind is Kind.TIMEOUT
        assert board.resets == 1
        assert await copies(board, "uno")
