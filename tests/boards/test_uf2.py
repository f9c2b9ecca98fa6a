"""Copying a program to the drive that a board shows: which drive is taken, and when the board has taken the program.

The drive here is a folder; no RP2040 was there to try it on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from boards.firmwares import firmware
from rung.boards.uploaders import uf2, upload
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, find_board

INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {}\r\n"


def pico(**settings: str | bool) -> Board:
    board = find_board("pico")
    assert board is not None
    return replace(board, upload={"volume": "RPI-RP2", **settings})


def blocks(count: int) -> bytes:
    return b"".join(
        struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + n * 256, 256, n, count, 0xE48BFF56)
        + bytes([n & 0xFF]) * 476
        + struct.pack("<I", 0x0AB16F30)
        for n in range(count)
    )


PROGRAM = blocks(100)


def drive(folder: Path, name: str = "RPI-RP2") -> Path:
    folder.mkdir(parents=True)
    (folder / "INFO_UF2.TXT").write_text(INFO.format(name), newline="")
    return folder


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where drives may be; a test adds its own."""
    found: list[Path] = []
    monkeypatch.setattr(uf2, "mounted", lambda: found)
    monkeypatch.setattr(uf2, "_APPEARS_SECONDS", 0.5)
    monkeypatch.setattr(uf2, "_GOES_SECONDS", 0.5)

    async def back(before: object, board: Board, device: str) -> str:
        return "/dev/ttyACM7"

    monkeypatch.setattr(uf2, "wait_for_port", back)
    return found


@contextlib.contextmanager
def taking(folder: Path, size: int) -> Iterator[list[bytes]]:
    """A board that takes a program from its drive and restarts when it has all of it."""
    taken: list[bytes] = []
    end = threading.Event()

    def take() -> None:
        while not end.wait(0.01):
            file = folder / "program.uf2"
            if file.exists() and file.stat().st_size >= size:
                taken.append(file.read_bytes())
                (folder / "INFO_UF2.TXT").unlink()
                return

    thread = threading.Thread(target=take)
    thread.start()
    yield taken
    end.set()
    thread.join()


async def copy(
    board: Board,
    data: bytes = PROGRAM,
    cancel: asyncio.Event | None = None,
    seen: Callable[[float], None] | None = None,
) -> str:
    def progress(step: object) -> None:
        fraction = getattr(step, "fraction", None)
        if seen is not None and fraction is not None:
            seen(fraction)

    return await upload(
        firmware("pico", program__uf2=data), board, "/dev/ttyACM0", uploader="uf2", progress=progress, cancel=cancel
    )


async def refused(board: Board, data: bytes = PROGRAM) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await copy(board, data)
    return caught.value


async def test_the_program_is_copied_and_the_port_of_the_restarted_board_returned(
    tmp_path: Path, roots: list[Path]
) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))
    fractions: list[float] = []
    with taking(roots[0], len(PROGRAM)) as taken:
        assert await copy(pico(), seen=fractions.append) == "/dev/ttyACM7"
    assert taken == [PROGRAM]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


async def test_only_a_drive_that_names_the_boards_bootloader_is_written_to(tmp_path: Path, roots: list[Path]) -> None:
    roots.extend(
        [drive(tmp_path / "other", "SAMD21G18A-Feather-v0"), tmp_path / "stick", drive(tmp_path / "RP2350", "RP2350")]
    )
    (tmp_path / "stick").mkdir()
    failure = await refused(pico())
    assert failure.kind is Kind.TIMEOUT
    assert "BOOTSEL" in failure.hint
    assert not list(tmp_path.rglob("*.uf2"))


async def test_a_link_on_the_drive_is_not_followed(tmp_path: Path, roots: list[Path]) -> None:
    """No board's drive has links; a disk image that calls itself one may."""
    own = tmp_path / "notes"
    own.write_text("mine")
    roots.append(drive(tmp_path / "RPI-RP2"))
    (roots[0] / "program.uf2").symlink_to(own)
    assert (await refused(pico())).kind is Kind.LOST
    assert own.read_text() == "mine"


async def test_two_boards_that_wait_are_one_too_many(tmp_path: Path, roots: list[Path]) -> None:
    roots.extend([drive(tmp_path / "a"), drive(tmp_path / "b")])
    failure = await refused(pico())
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert failure.message.startswith("2 boards wait for a program")
    assert not list(tmp_path.rglob("*.uf2"))


async def test_a_drive_that_stays_has_not_taken_the_program(tmp_path: Path, roots: list[Path]) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))
    failure = await refused(pico())
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert "did not take the program" in failure.message


async def test_a_full_drive_is_told_with_what_the_board_holds(
    tmp_path: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    failure = await refused(pico())
    assert failure.kind is Kind.LOST
    assert "no whole program now" in failure.message


async def test_a_board_that_restarts_before_the_file_is_closed_has_taken_it(
    tmp_path: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))
    short = blocks(4)

    def gone(descriptor: int) -> None:
        (roots[0] / "INFO_UF2.TXT").unlink()
        raise OSError(19, "No such device")

    monkeypatch.setattr(os, "fsync", gone)
    assert await copy(pico(), short) == "/dev/ttyACM7"


async def test_a_stop_by_the_user_says_what_the_board_holds(tmp_path: Path, roots: list[Path]) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))
    cancel = asyncio.Event()
    with pytest.raises(RuntimeFailure) as caught:
        await copy(pico(), blocks(20000), cancel, lambda fraction: cancel.set())
    assert caught.value.kind is Kind.CANCELLED
    assert "no whole program now" in caught.value.message


async def test_a_board_that_runs_is_touched_and_its_drive_awaited(
    tmp_path: Path, roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []

    def touch(board: Board, device: str) -> None:
        touched.append(device)
        roots.append(drive(tmp_path / "RPI-RP2"))

    monkeypatch.setattr(uf2, "touch_1200", touch)
    monkeypatch.setattr(uf2, "check_port", lambda device: device)
    with taking(tmp_path / "RPI-RP2", len(PROGRAM)):
        await copy(pico(touch=True))
    assert touched == ["/dev/ttyACM0"]


async def test_a_board_whose_row_does_not_ask_for_it_is_not_touched(
    roots: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []
    monkeypatch.setattr(uf2, "touch_1200", lambda board, device: touched.append(device))
    assert (await refused(pico())).kind is Kind.TIMEOUT
    assert touched == []


@pytest.mark.parametrize("data", [b"", b"\x7fELF" * 128, blocks(2)[:-1], blocks(1) + b"\0" * 512])
async def test_a_file_that_is_no_uf2_is_never_copied(data: bytes, tmp_path: Path, roots: list[Path]) -> None:
    roots.append(drive(tmp_path / "RPI-RP2"))
    assert (await refused(pico(), data)).kind is Kind.COMPILE_FAILED
    assert not list(tmp_path.rglob("*.uf2"))


def test_mounted_fat_drives_are_found_with_the_blanks_in_their_names(tmp_path: Path) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /media/operator/RPI\\040RP2 vfat rw 0 0\nbroken\n")
    assert uf2.mounted(table) == [Path("/media/operator/RPI RP2")]
    assert uf2.mounted(tmp_path / "none") == []


def test_what_a_drive_calls_itself_is_cleaned(tmp_path: Path) -> None:
    folder = drive(tmp_path / "d", "RPI\x1b[31m-RP2\u202e".encode("ascii", "replace").decode())
    assert uf2.drives([folder, tmp_path / "none"]) == {folder: "RPI-RP2?"}
