"""The STK500 version 1 protocol of Arduino's bootloaders on the ATmega328P and its relatives, spoken through pyserial (Atmel, AVR061).

Invariant: the first page holds a loop that does nothing from the first write to the last, so that a board whose upload breaks off leaves its
outputs off instead of running half of a program. The last write is the program's own first page. All is read back and compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from typing import Final, cast

import serial

from rung.boards.intel_hex import NotHex, read_hex
from rung.boards.ports import check_port, hang_up_on_close, open_port, set_lines
from rung.boards.uploaders.blocking import Thread, in_thread
from rung.boards.uploaders.row import Upload, UploaderRow
from rung.boards.uploaders.sentences import PARKED, PARTIAL, UNCHANGED, no_answer
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards

_END: Final = b"\x20"
_IN_SYNC, _OK = b"\x14", b"\x10"
_SYNC, _ENTER, _LEAVE, _SIGNATURE, _ADDRESS, _WRITE, _READ = (
    b"\x30",
    b"\x50",
    b"\x51",
    b"\x75",
    b"\x55",
    b"\x64",
    b"\x74",
)
_PAGE: Final = 128
_LOOP: Final = b"\xff\xcf"  # rjmp to itself
_RESETS = 3
# A bootloader blinks before it reads, and the chip keeps three bytes meanwhile: a second question within that time would be cut in half, and
# with it the conversation. After about a second the program runs.
_SYNC_SECONDS = (0.5, 0.3, 0.3)
_ANSWER_SECONDS = 3.0


class _NoAnswer(Exception):
    """The bootloader did not answer, or with something else."""


def row(board: Board) -> UploaderRow:
    """The row for a board: always there, for it needs nothing but Rung."""
    return UploaderRow(
        name="stk500v1",
        title="built-in STK500v1",
        available=True,
        missing="",
        tried="tried with Arduino's bootloader on an emulated chip, not on hardware",
        run=run,
    )


async def run(upload: Upload) -> str:
    """Write a program to the board, read it back, and start it. Returns the port that was given."""
    try:
        image = read_hex(upload.firmware.files["program.hex"], upload.board.flash)
    except NotHex as error:
        raise RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"The compiled program cannot be written: {error}. {UNCHANGED}",
            "Compile it again for this board.",
        ) from None
    if not image:
        raise RuntimeFailure(
            Kind.COMPILE_FAILED, f"The compiled program is empty. {UNCHANGED}", "Compile it again for this board."
        )
    await asyncio.to_thread(check_port, upload.port)
    return await in_thread(upload, lambda thread: _Session(upload, thread).write(image))


class _Session:
    """One upload, in its thread."""

    def __init__(self, upload: Upload, thread: Thread) -> None:
        self._board = upload.board
        self._device = upload.port
        self._shown = clean(upload.port, 200)
        self._baud = int(upload.board.upload.get("baud", 115200))
        self._remote = "://" in upload.port
        self._thread = thread
        self._left = UNCHANGED
        self._port: serial.Serial | None = None

    def write(self, image: bytes) -> str:
        try:
            self._thread.tell(0.0, f"Waiting for the bootloader on {self._shown}")
            self._check_chip(self._connect())
            self._program(image)
        except _NoAnswer as error:
            raise self._no_answer(str(error)) from None
        except (
            serial.SerialException,
            OSError,
            ValueError,
        ) as error:  # ValueError: pyserial, for what an RFC 2217 server refuses
            raise RuntimeFailure(
                Kind.LOST,
                f"The connection to the board on {self._shown} was lost during the upload ({clean(str(error), 200)}). {self._left}",
                "Check the cable, plug the board in again, and upload again.",
            ) from None
        finally:
            self._close()
        return self._device

    def _connect(self) -> str:
        """Restart the board until its bootloader tells the chip's signature, and return that.

        One that was disturbed by a question too early answers a first time and then restarts itself, so only the signature counts.
        """
        failure = _NoAnswer("did not answer")
        for _ in range(_RESETS):
            self._restart()
            try:
                if self._in_sync():
                    return self._ask(_SIGNATURE, answer=3).hex()
            except _NoAnswer as error:
                failure = error
        raise failure

    def _restart(self) -> None:
        """Restart the board, whose bootloader then listens for about a second."""
        self._close()
        self._port = self._opened()
        if set_lines(self._port, dtr=False, rts=False):
            time.sleep(0.25)
            set_lines(self._port, dtr=True, rts=True)
        elif not self._remote:
            hang_up_on_close(self._port)
            self._close()
            time.sleep(0.05)
            self._port = self._opened()
        time.sleep(0.05)

    def _in_sync(self) -> bool:
        """Whether the bootloader answers."""
        port = self._open
        for wait in _SYNC_SECONDS:
            self._go_on()
            port.reset_input_buffer()
            port.timeout = wait
            port.write(_SYNC + _END)
            if port.read(2) == _IN_SYNC + _OK:
                self._drain()
                return True
        return False

    def _opened(self) -> serial.Serial:
        # Ports and addresses have the same methods in pyserial, but no type in common that says so.
        return cast("serial.Serial", open_port(self._device, self._baud))

    def _drain(self) -> None:
        """Read what late answers to earlier questions there are, until it is quiet."""
        port = self._open
        port.timeout = 0.3 if self._remote else 0.05
        end = time.monotonic() + 2.0
        while port.read(64):
            if time.monotonic() > end:
                raise _NoAnswer("kept sending something else")
        port.timeout = 0.2

    def _check_chip(self, found: str) -> None:
        if found == self._board.signature:
            return
        others = [board.title for board in all_boards().values() if board.signature == found]
        whose = f", the one of {', '.join(others[:3])}" if others else ""
        raise RuntimeFailure(
            Kind.NOT_OURS,
            f"The chip on {self._shown} is not the one of {self._board.title}: its signature is {found}{whose}, not {self._board.signature}. {UNCHANGED}",
            "Choose the board that is plugged in, or the port of the right board.",
        )

    def _program(self, image: bytes) -> None:
        pages = [image[start : start + _PAGE].ljust(_PAGE, b"\xff") for start in range(0, len(image), _PAGE)]
        rest = list(enumerate(pages))[1:]
        self._ask(_ENTER)
        self._thread.tell(0.0, f"Writing {len(image)} bytes")
        self._left = PARTIAL  # while the first page is written, the old program is neither whole nor gone
        self._write_page(0, _LOOP.ljust(_PAGE, b"\xff"))
        self._left = PARKED
        done = (step / (2 * len(pages)) for step in itertools.count(1))
        for number, page in rest:
            self._go_on()
            self._write_page(number, page)
            self._thread.tell(next(done), f"Writing {len(image)} bytes")
        for number, page in rest:
            self._go_on()
            self._compare(number, page)
            self._thread.tell(next(done), f"Reading {len(image)} bytes back")
        self._go_on()
        self._left = PARTIAL
        self._write_page(0, pages[0])
        self._compare(0, pages[0])
        self._ask(_LEAVE)
        self._thread.tell(1.0, f"{len(image)} bytes are written and compared")

    def _compare(self, number: int, page: bytes) -> None:
        self._seek(number)
        if self._ask(_READ + _PAGE.to_bytes(2, "big") + b"F", answer=_PAGE) != page:
            raise RuntimeFailure(
                Kind.UPLOAD_REFUSED,
                f"The board on {self._shown} does not hold what was written to it, from address {number * _PAGE:#06x} on. {self._left}",
                "Upload again. If it happens again, try another cable or USB port; the chip's flash may be worn out.",
            )

    def _write_page(self, number: int, page: bytes) -> None:
        self._seek(number)
        self._ask(_WRITE + _PAGE.to_bytes(2, "big") + b"F" + page)

    def _seek(self, page: int) -> None:
        self._ask(_ADDRESS + (page * _PAGE // 2).to_bytes(2, "little"))

    def _ask(self, command: bytes, answer: int = 0) -> bytes:
        """Send a command and return what stands between the two bytes that frame every answer."""
        port = self._open
        port.write(command + _END)
        got = b""
        end = time.monotonic() + _ANSWER_SECONDS
        while len(got) < answer + 2:
            got += port.read(answer + 2 - len(got))
            if got and got[:1] != _IN_SYNC:
                raise _NoAnswer("answered something else")
            if time.monotonic() > end:
                raise _NoAnswer("stopped answering")
        if got[-1:] != _OK:
            raise _NoAnswer("answered something else")
        return got[1:-1]

    def _go_on(self) -> None:
        if self._thread.stop.is_set():
            raise RuntimeFailure(
                Kind.CANCELLED, f"The upload was stopped. {self._left}", "Upload again when you are ready."
            )

    def _no_answer(self, how: str) -> RuntimeFailure:
        what = f"The bootloader of the board on {self._shown} {how} at {self._baud} bits per second. {self._left}"
        return RuntimeFailure(
            Kind.TIMEOUT,
            what,
            no_answer(self._board) if self._left == UNCHANGED else "Check the cable, and upload again.",
        )

    @property
    def _open(self) -> serial.Serial:
        assert self._port is not None
        return self._port

    def _close(self) -> None:
        if self._port is not None:
            with contextlib.suppress(OSError):
                self._port.close()
            self._port = None
