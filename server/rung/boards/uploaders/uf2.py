"""Copies a program to a board that shows its flash as a drive (the UF2 bootloaders, github.com/microsoft/uf2).

Invariant: nothing is written but to a drive whose INFO_UF2.TXT names the board's bootloader, and only if it is the one such drive.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import string
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rung.boards.ports import check_port, list_ports
from rung.boards.touch import touch_1200, wait_for_port, wants_touch
from rung.boards.uploaders.blocking import Thread, in_thread
from rung.boards.uploaders.row import Upload, UploaderRow
from rung.boards.uploaders.sentences import PARTIAL, UNCHANGED
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

_INFO: Final = "INFO_UF2.TXT"
_FILE: Final = "program.uf2"
_BLOCK: Final = 512
_MAGIC: Final = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_APPEARS_SECONDS, _GOES_SECONDS = 15.0, 15.0
_CHUNK: Final = 32 * _BLOCK


def row(board: Board) -> UploaderRow:
    """The row for a board: always there, for copying needs nothing but the drive."""
    return UploaderRow("uf2", "copying to the board's drive", True, "", "not tried on hardware", run)


async def run(upload: Upload) -> str:
    """Start the bootloader, copy the program, wait until the board has taken it. Returns the port that it has then."""
    image = upload.firmware.files.get(_FILE)
    if image is None or not is_uf2(image):
        raise RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"The toolchain {upload.firmware.toolchain} made no {_FILE} that a board takes. {UNCHANGED}",
            "Choose another toolchain.",
        )
    before = await asyncio.to_thread(list_ports)
    await in_thread(upload, lambda thread: _Copy(upload, thread).copy(image))
    after = [port for port in before if port.device != upload.port]
    try:
        return await wait_for_port(after, upload.board, upload.port)
    except RuntimeFailure:
        raise RuntimeFailure(
            Kind.LOST,
            f"{upload.board.title} has taken the program, but did not come back with a serial port, so it is not known whether the program runs.",
            "Unplug the board, plug it in again without pressing BOOTSEL, choose its port, and connect.",
        ) from None


def is_uf2(image: bytes) -> bool:
    """Whether a file consists of whole UF2 blocks."""
    if not image or len(image) % _BLOCK:
        return False
    return all(
        (*struct.unpack_from("<II", image, start), *struct.unpack_from("<I", image, start + _BLOCK - 4)) == _MAGIC
        for start in range(0, len(image), _BLOCK)
    )


def drives(roots: Iterable[Path] | None = None) -> dict[Path, str]:
    """Return the drives of UF2 bootloaders and the Board-ID that each names, cleaned.

    Args:
        roots: where drives may be; None asks the system.
    """
    found = {}
    for root in mounted() if roots is None else roots:
        try:
            if not (root / _INFO).is_file():
                continue
            with open(root / _INFO, "rb") as file:
                text = file.read(2000).decode("ascii", errors="replace")
        except (OSError, ValueError):
            continue
        match = re.search(r"^Board-ID:(.*)$", text, re.MULTILINE)
        found[root] = clean(match[1].strip(), 80) if match else ""
    return found


def mounted(table: Path = Path("/proc/mounts")) -> list[Path]:
    """Return where a drive of a board may be mounted: the FAT drives of Linux, the volumes of macOS, the letters from D of Windows."""
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:]]
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            return sorted(Path("/Volumes").iterdir())
        return []
    try:
        rows = [line.split(" ") for line in table.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []
    # Blanks and the like stand in octal there (fstab(5)).
    return [
        Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), row[1]))
        for row in rows
        if len(row) > 2 and row[2] in ("vfat", "msdos")
    ]


class _Copy:
    """One upload, in its thread."""

    def __init__(self, upload: Upload, thread: Thread) -> None:
        self._board = upload.board
        self._port = upload.port
        self._volume = str(upload.board.upload["volume"])
        self._thread = thread
        self._left = UNCHANGED

    def copy(self, image: bytes) -> str:
        self._thread.tell(None, "Starting the bootloader")
        drive = self._find() or self._start_bootloader()
        self._write(drive, image)
        self._wait_until_gone(drive)
        self._thread.tell(1.0, f"{self._board.title} has taken the program")
        return self._port

    def _find(self) -> Path | None:
        fitting = [drive for drive, name in drives().items() if name.upper() == self._volume.upper()]
        if len(fitting) > 1:
            raise RuntimeFailure(
                Kind.UPLOAD_REFUSED,
                f"{len(fitting)} boards wait for a program: {', '.join(clean(str(drive), 100) for drive in fitting)}. {UNCHANGED}",
                "Unplug all but the one that shall get the program.",
            )
        return fitting[0] if fitting else None

    def _start_bootloader(self) -> Path:
        if wants_touch(self._board):
            check_port(self._port)
            touch_1200(self._board, self._port)
        end = time.monotonic() + _APPEARS_SECONDS
        while time.monotonic() < end:
            self._go_on()
            drive = self._find()
            if drive is not None:
                return drive
            self._thread.stop.wait(0.25)
        raise RuntimeFailure(
            Kind.TIMEOUT,
            f"No drive of {self._board.title} appeared within {_APPEARS_SECONDS:.0f} seconds. {UNCHANGED}",
            self._no_drive_hint(),
        )

    def _no_drive_hint(self) -> str:
        label = Path("/dev/disk/by-label") / re.sub(r"[^\w-]", "", self._volume)
        if sys.platform == "linux" and label.exists():
            return f"The drive is there, but not mounted. Run: udisksctl mount -b {label}   Then upload again."
        return "Hold the board's BOOTSEL (or BOOT) button while you plug it in, and upload again."

    def _write(self, drive: Path, image: bytes) -> None:
        written = 0
        text = f"Copying {len(image)} bytes to {clean(str(drive), 100)}"
        try:
            # A drive of another kind than a board's may hold a link to a file of the user's.
            how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(drive / _FILE, how, 0o644), "wb") as file:
                while written < len(image):
                    self._go_on()
                    self._left = PARTIAL
                    file.write(image[written : written + _CHUNK])
                    file.flush()
                    written = min(written + _CHUNK, len(image))
                    if written < len(image):
                        os.fsync(file.fileno())
                    self._thread.tell(written / len(image), text)
                with contextlib.suppress(OSError):
                    os.fsync(
                        file.fileno()
                    )  # the board may restart at its last block, before the system has closed the file
        except OSError as error:
            if written >= len(image):
                return
            raise RuntimeFailure(
                Kind.LOST,
                f"The program could not be copied to {clean(str(drive), 100)} ({error.strerror or 'no reason given'}). {self._left}",
                "Plug the board in again while you hold its BOOTSEL button, and upload again.",
            ) from None

    def _wait_until_gone(self, drive: Path) -> None:
        end = time.monotonic() + _GOES_SECONDS
        while time.monotonic() < end:
            if not (drive / _INFO).exists():
                return
            self._go_on()
            self._thread.stop.wait(0.2)
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{self._board.title} did not take the program: its drive is still there after {_GOES_SECONDS:.0f} seconds. {self._left}",
            "Is the program made for this board? Unplug the board, plug it in again, and upload again.",
        )

    def _go_on(self) -> None:
        if self._thread.stop.is_set():
            raise RuntimeFailure(
                Kind.CANCELLED, f"The upload was stopped. {self._left}", "Upload again when you are ready."
            )
