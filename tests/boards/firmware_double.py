"""A pseudo terminal that answers as a board's program does, byte for byte: framing, checksums, 20 indexes a frame, frames that are full.

It is no program and no chip: what it says of outputs moves nothing. The real firmware is tried on the emulated boards.
"""

from __future__ import annotations

import os
import select
import struct
import threading
import time
import tty
from collections.abc import Sequence
from contextlib import suppress

from rung.boards.rtu import crc16
from rung.codegen.artefact import Leaf

MD5 = "0123456789abcdef0123456789abcdef"
HEALTH = ("RUNG_FAULTS", "RUNG_SCAN_US", "RUNG_SCAN_MAX_US", "RUNG_OVERRUNS", "RUNG_HALTED")


def health_leaves(first: int) -> tuple[Leaf, ...]:
    """The variables that every program on a board has behind its own."""
    types = [("UDINT", 4)] * 4 + [("BOOL", 1)]
    return tuple(Leaf(0, first + n, HEALTH[n], kind, size, False) for n, (kind, size) in enumerate(types))


class FirmwareDouble:
    """A board with some variables; use it with `with`.

    Args:
        values: the variables' bytes, in the table's order.
        frame: the size of its frame buffer.
        most_forces: how many variables it can hold.
        boots_in: seconds that it says nothing after its port was opened, as a board that restarts; None: it does not restart.
    """

    def __init__(self, *values: bytes, frame: int = 128, most_forces: int = 8, boots_in: float | None = None) -> None:
        self.values = [bytearray(value) for value in values]
        self.forces: dict[int, bytes] = {}
        self.md5 = MD5
        self.slave = 1
        self.restarts = 0
        self.requests: list[bytes] = []
        """Function code and data of all that was asked."""
        self.opened = False
        self.silent = False
        self.garbled = 0
        """How many of the next answers have a wrong checksum."""
        self.before = b""
        """What is sent before each answer."""
        self.answer_after = 0.0
        self._frame = frame
        self._most_forces = most_forces
        self._boots_in = boots_in
        self._awake_from = 0.0
        self._started = time.monotonic()
        self._over = threading.Event()

    def __enter__(self) -> FirmwareDouble:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        os.close(slave)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def unplug(self) -> None:
        """Make the port disappear."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            os.close(self._master)

    def say(self, text: bytes) -> None:
        """Send what is no answer."""
        os.write(self._master, text)

    def restart(self) -> None:
        """Begin anew, as after a loss of power."""
        self.restarts += 1
        self.forces.clear()
        self._started = time.monotonic()
        self._awake_from = self._started + (self._boots_in or 0.0)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        came = b""
        while not self._over.is_set():
            events = dict(poll.poll(2 if came else 20)).get(self._master, 0)
            if events & select.POLLHUP:
                self.opened, came = False, b""
                time.sleep(0.002)
                continue
            if not self.opened:
                self.opened = True
                if self._boots_in is not None:
                    self.restart()
            if events & select.POLLIN:
                with suppress(OSError):
                    came += os.read(self._master, 512)
            elif came:
                self._take(came)
                came = b""

    def _take(self, frame: bytes) -> None:
        asleep = self.silent or time.monotonic() < self._awake_from
        if asleep or len(frame) < 6 or frame[0] != self.slave:
            return
        right = crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")
        pdu = frame[1:-2]
        self.requests.append(pdu)
        answer = self.answer(pdu) if right or pdu[0] != 0x42 else None
        if answer is None:
            return
        body = bytes((self.slave,)) + answer
        crc = crc16(body)
        if self.garbled:
            self.garbled -= 1
            crc ^= 1
        time.sleep(self.answer_after)
        with suppress(OSError):
            os.write(self._master, self.before + body + crc.to_bytes(2, "little"))

    def answer(self, pdu: bytes) -> bytes | None:
        """The answer to a request, without slave number and checksum; None when there is none."""
        code = pdu[0]
        if code == 0x41:
            return struct.pack(">BH", code, len(self.values))
        if code == 0x42:
            return bytes((code, self._force(pdu)))
        if code == 0x44:
            count = int.from_bytes(pdu[1:3], "big")
            if count > 20:
                return b"\x44\x82"
            return self._list(struct.unpack(f">{count}H", pdu[3 : 3 + 2 * count]))
        if code == 0x45:
            return b"\x45\x7e" + self.md5.encode()
        return bytes((code | 0x80, 1))

    def _force(self, pdu: bytes) -> int:
        index, on, size = struct.unpack(">HBH", pdu[1:6])
        if index >= len(self.values):
            return 0x81
        if not on:
            held = self.forces.pop(index, None)
            if held is not None:
                self.values[index][:] = held
            return 0x7E
        if index not in self.forces and len(self.forces) >= self._most_forces:
            return 0x82
        self.forces[index] = pdu[6 : 6 + size]
        return 0x7E

    def _list(self, indexes: Sequence[int]) -> bytes:
        last, data = 0, b""
        for index in indexes:
            if index >= len(self.values):
                return b"\x44\x81"
            value = self.forces.get(index, bytes(self.values[index]))
            if 13 + len(data) + len(value) > self._frame:
                break
            last, data = index, data + value
        tick = int((time.monotonic() - self._started) / 0.02)
        return struct.pack(">BBHIH", 0x44, 0x7E, last, tick, len(data)) + data
