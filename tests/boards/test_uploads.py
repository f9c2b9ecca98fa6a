"""Programs go onto boards: real firmware, real bootloaders, by our own uploader and by avrdude.

The boards are emulated chips with the bootloaders of real ones (`emulated`); none of this was tried on hardware. What a board does afterwards
is seen at its pins.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from boards.board_program import artefact_of, board_named, firmware_of
from boards.emulated import EmulatedBoard
from boards.lamp_program import COPY, INVERT, copies, each, inverts, uploaded
from boards.rfc2217 import Rfc2217Server
from rung.boards.uploaders import upload, uploaders_for


async def test_a_program_is_uploaded_and_runs(tmp_path: Path) -> None:
    async def check(kind: str, uploader: str) -> None:
        firmware = await firmware_of(artefact_of(COPY, kind))
        with EmulatedBoard(kind, tmp_path) as board:
            steps = await uploaded(firmware, board_named(kind), board, uploader)
            assert await copies(board, kind)
            assert board.overruns == 0
        fractions = [step.fraction for step in steps if step.fraction is not None]
        assert {step.stage for step in steps} == {"upload"}
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0

    ways = [
        ("uno", "stk500v1"),
        ("uno", "avrdude"),
        ("nano-old", "stk500v1"),
        ("nano-old", "avrdude"),
        ("mega", "avrdude"),
    ]
    await each(lambda way: check(*way), *ways)


async def test_the_next_program_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first, second = [await firmware_of(artefact_of(text, "uno")) for text in (COPY, INVERT)]

    async def check(uploader: str) -> None:
        with EmulatedBoard("uno", tmp_path, firmware=first.files["program.hex"]) as board:
            assert await copies(board, "uno")
            await uploaded(second, board_named("uno"), board, uploader)
            assert await inverts(board, "uno")

    await each(check, "stk500v1", "avrdude")


async def test_a_program_stays_over_a_power_cycle(tmp_path: Path) -> None:
    with EmulatedBoard("uno", tmp_path) as board:
        await uploaded(await firmware_of(artefact_of(COPY, "uno")), board_named("uno"), board, "stk500v1")
        board.power_cycle()
        assert await copies(board, "uno")


async def test_a_board_over_the_network_takes_a_program(tmp_path: Path) -> None:
    """By RFC 2217, where DTR is a line of its own: opening alone resets nothing."""
    firmware = await firmware_of(artefact_of(COPY, "uno"))
    with EmulatedBoard("uno", tmp_path, reset_on_open=False) as board, Rfc2217Server(board) as server:
        port = await upload(firmware, board_named("uno"), server.url, uploader="stk500v1", progress=lambda step: None)
        assert port == server.url
        assert await copies(board, "uno")


@pytest.mark.parametrize("name", ["uno", "mega"])
async def test_avrdude_reaches_a_board_over_the_network(tmp_path: Path, name: str) -> None:
    firmware = await firmware_of(artefact_of(COPY, name))
    with EmulatedBoard(name, tmp_path, reset_on_open=False) as board, Rfc2217Server(board) as server:
        port = await upload(firmware, board_named(name), server.url, uploader="avrdude", progress=lambda step: None)
        assert port == server.url
        assert await copies(board, name)


async def test_avrdude_resets_the_board_by_dtr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port with modem lines: nothing but the off-on edge of DTR starts the bootloader."""
    firmware = await firmware_of(artefact_of(COPY, "uno"))
    avrdude = shutil.which("avrdude")
    with EmulatedBoard("uno", tmp_path, shim=True) as board:
        # Rung hands programs none of these variables.
        shim = " ".join(f"{name}='{board.environment[name]}'" for name in ("LD_PRELOAD", "RUNG_BOARD_CONTROL"))
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "avrdude").write_text(f'#!/bin/sh\n{shim} exec {avrdude} "$@"\n')
        (tmp_path / "bin" / "avrdude").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        await uploaded(firmware, board_named("uno"), board, "avrdude")
        assert await copies(board, "uno")


def test_both_uploaders_are_offered_for_a_uno_our_own_first() -> None:
    rows = [row for row in uploaders_for(board_named("uno")) if row.available]
    assert [row.name for row in rows][:2] == ["stk500v1", "avrdude"]
    assert all("hardware" in row.tried for row in rows[:2]), "users are told that only emulated chips were there"
