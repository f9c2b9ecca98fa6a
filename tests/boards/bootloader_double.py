"""A pseudo terminal that answers as an STK500 version 1 bootloader does, byte for byte, and breaks in the ways that a test asks for.

It has no chip: what it holds runs nowhere. Arduino's real bootloaders are tried on the emulated boards.
"""

from __future__ import annotations

import contextlib
import os
import select
import termios
import threading
import tty

_BAUDS = {termios.B57600: 57600, termios.B115200: 115200, termios.B1200: 1200}
_OK = b"\x14\x10"


class BootloaderDouble:
    """A board whose bootloader listens when its port is opened, if the line has hung up before; use it with `with`.

    Args:
        signature: the chip's.
        baud: at another speed it hears nothing.
        unplug_after: so many pages it takes before its port goes away.
        damaged: the address of a page of which it reads back the first byte wrongly.
        first_words: what the program before sends while its port is opened.
        confused: after so many restarts it answers once and then goes away, as one that a question came to too early.
    """

    def __init__(
        self,
        *,
        signature: str = "1e950f",
        baud: int = 115200,
        unplug_after: int | None = None,
        damaged: int | None = None,
        first_words: bytes = b"",
        confused: int = 0,
    ) -> None:
        self.flash = bytearray(b"\xaa" * 32768)
        self.written: list[int] = []
        self.started = False
        self.restarts = 0
        self._signature = bytes.fromhex(signature)
        self._baud = baud
        self._unplug_after = unplug_after
        self._damaged = damaged
        self._first_words = first_words
        self._confused = confused
        self._address = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> BootloaderDouble:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        settings = termios.tcgetattr(slave)
        settings[2] |= termios.HUPCL  # as on a serial port; pseudo terminals begin without
        termios.tcsetattr(slave, termios.TCSANOW, settings)
        self.port = os.ttyname(slave)
        os.close(slave)  # so that an opening is seen as the end of a hang-up
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._unplug()

    def _unplug(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _serve(self) -> None:
        is_open, restarts, listens = False, True, False
        pending = b""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        while not self._end.is_set() and self._master >= 0:
            events = dict(poll.poll(5))
            hung_up = bool(events.get(self._master, 0) & select.POLLHUP)
            if hung_up:
                if is_open:
                    restarts = bool(termios.tcgetattr(self._master)[2] & termios.HUPCL)
                is_open = False
                self._end.wait(0.005)
                continue
            if not is_open:
                is_open, listens, pending = True, restarts, b""
                self.restarts += restarts
                os.write(self._master, self._first_words)
            if not events:
                continue
            with contextlib.suppress(OSError):
                pending += os.read(self._master, 4096)
            if not listens or _BAUDS.get(termios.tcgetattr(self._master)[4]) != self._baud:
                pending = b""
            pending = self._answer_all(pending)

    def _answer_all(self, pending: bytes) -> bytes:
        """Answer the commands that are whole; return what is not."""
        lengths = {0x30: 2, 0x50: 2, 0x51: 2, 0x55: 4, 0x64: 133, 0x74: 5, 0x75: 2}
        while pending and self._master >= 0:
            length = lengths.get(pending[0], 1)
            if len(pending) < length:
                return pending
            command, pending = pending[:length], pending[length:]
            answer = self._answer(command)
            if self._master >= 0:
                os.write(self._master, answer)
        return pending

    def _answer(self, command: bytes) -> bytes:
        if command[-1] != 0x20:
            return b"\x15"  # STK_NOSYNC
        kind = command[0]
        if self.restarts <= self._confused and kind != 0x30:
            return b"\x00"
        if kind == 0x75:
            return _OK[:1] + self._signature + _OK[1:]
        if kind == 0x55:
            self._address = int.from_bytes(command[1:3], "little") * 2
        elif kind == 0x64:
            if len(self.written) == self._unplug_after:
                self._unplug()
                return b""
            assert command[1:4] == b"\x00\x80F"
            self.flash[self._address : self._address + 128] = command[4:132]
            self.written.append(self._address)
        elif kind == 0x74:
            page = bytearray(self.flash[self._address : self._address + 128])
            if self._address == self._damaged:
                page[0] ^= 0xFF
            return _OK[:1] + bytes(page) + _OK[1:]
        elif kind == 0x51:
            self.started = True
        return _OK
