"""A Modbus RTU master for tests, written from the standard alone (Modbus over serial line 1.02, application protocol 1.1b3).

Invariant: it shares nothing with the code under test, its checksum neither.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import serial


class ModbusException(Exception):
    """The slave answered with an exception; `code` is its number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code:02x}")
        self.code = code


class NoAnswer(Exception):
    """Nothing came, or less than a whole frame."""


def checksum(data: bytes) -> bytes:
    """Return the CRC of a frame, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


class Master:
    """Speaks over an open port to one slave."""

    def __init__(self, port: serial.Serial, slave: int = 1) -> None:
        self._port = port
        self._slave = slave

    def send(self, frame: bytes) -> bytes:
        """Send raw bytes and return what comes back: a whole frame, or whatever came within 0.3 s."""
        self._port.reset_input_buffer()
        self._port.timeout = 0.3
        self._port.write(frame)
        answer = b""
        while (missing := _length(answer) - len(answer)) > 0 and (more := self._port.read(missing)):
            answer += more
        return answer

    def ask(self, pdu: bytes, slave: int | None = None) -> bytes:
        """Send a request and return the PDU of the answer.

        Raises:
            ModbusException: the slave refused.
            NoAnswer: nothing came, or something damaged, or from another slave.
        """
        request = bytes([self._slave if slave is None else slave]) + pdu
        answer = self.send(request + checksum(request))
        if len(answer) < 4 or answer[-2:] != checksum(answer[:-2]) or answer[0] != request[0]:
            raise NoAnswer(answer.hex(" "))
        if answer[1] == pdu[0] | 0x80:
            raise ModbusException(answer[2])
        if answer[1] != pdu[0]:
            raise NoAnswer(answer.hex(" "))
        return answer[1:-2]

    def await_slave(self, seconds: float = 5.0) -> None:
        """Wait until the slave answers; it may have to boot."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.coils(0, 1)
            except NoAnswer:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def coils(self, start: int, count: int) -> list[bool]:
        return self._bits(1, start, count)

    def discrete_inputs(self, start: int, count: int) -> list[bool]:
        return self._bits(2, start, count)

    def holding_registers(self, start: int, count: int) -> list[int]:
        return self._words(3, start, count)

    def input_registers(self, start: int, count: int) -> list[int]:
        return self._words(4, start, count)

    def write_coil(self, address: int, value: bool) -> None:
        pdu = b"\x05" + _word(address) + (b"\xff\x00" if value else b"\x00\x00")
        assert self.ask(pdu) == pdu

    def write_register(self, address: int, value: int) -> None:
        pdu = b"\x06" + _word(address) + _word(value)
        assert self.ask(pdu) == pdu

    def write_coils(self, start: int, values: Sequence[bool]) -> None:
        packed = sum(value << n for n, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
        head = b"\x0f" + _word(start) + _word(len(values))
        assert self.ask(head + bytes([len(packed)]) + packed) == head

    def write_registers(self, start: int, values: Sequence[int]) -> None:
        head = b"\x10" + _word(start) + _word(len(values))
        assert self.ask(head + bytes([2 * len(values)]) + b"".join(map(_word, values))) == head

    def _bits(self, code: int, start: int, count: int) -> list[bool]:
        answer = self.ask(bytes([code]) + _word(start) + _word(count))
        assert answer[1] == len(answer) - 2 == (count + 7) // 8
        return [bool(answer[2 + n // 8] >> n % 8 & 1) for n in range(count)]

    def _words(self, code: int, start: int, count: int) -> list[int]:
        answer = self.ask(bytes([code]) + _word(start) + _word(count))
        assert answer[1] == len(answer) - 2 == 2 * count
        return [int.from_bytes(answer[at : at + 2], "big") for at in range(2, len(answer), 2)]


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _length(answer: bytes) -> int:
    """Return how long an answer that begins like this one is at least."""
    code = answer[1] if len(answer) > 1 else 0
    if len(answer) < 5 or code & 0x80:
        return 5
    if code in (1, 2, 3, 4):
        return 5 + answer[2]
    if code in (5, 6, 15, 16):
        return 8
    if code == 0x41:
        return 6
    if code == 0x45:
        return 37
    if code in (0x43, 0x44) and answer[2] == 0x7E:
        return 13 + int.from_bytes(answer[9:11], "big") if len(answer) >= 11 else 13
    return 5
