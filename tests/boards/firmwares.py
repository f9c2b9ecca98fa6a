"""Firmware for tests of uploaders: bytes that a test can tell apart, in the files that a toolchain makes."""

from __future__ import annotations

from rung.boards.firmware import Firmware


def image(size: int) -> bytes:
    """So many bytes, no page of them like another."""
    return bytes((n * 7 + n // 128) & 0xFF for n in range(size))


def intel_hex(data: bytes) -> bytes:
    """The Intel HEX file of an image that begins at address 0."""
    rows = [(n, 0, data[n : n + 16]) for n in range(0, len(data), 16)] + [(0, 1, b"")]
    return b"".join(_row(address, kind, part) for address, kind, part in rows)


def _row(address: int, kind: int, data: bytes) -> bytes:
    record = bytes([len(data)]) + address.to_bytes(2, "big") + bytes([kind]) + data
    return f":{record.hex().upper()}{-sum(record) & 0xFF:02X}\r\n".encode()


def firmware(board: str, **files: bytes) -> Firmware:
    """A firmware for a board; the files' names are given with `__` for the point."""
    named = {name.replace("__", "."): data for name, data in files.items()}
    return Firmware(
        board=board, toolchain="avr-gcc", main=next(iter(named)), files=named, md5="0" * 32, flash_bytes=1, ram_bytes=1
    )
