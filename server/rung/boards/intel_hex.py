"""Intel HEX, the format in which AVR programs come from the linker (Intel, Hexadecimal Object File Format Specification, 1988)."""

from __future__ import annotations

_DATA, _END, _SEGMENT, _LINEAR = 0, 1, 2, 4
_STARTS = (3, 5)


class NotHex(ValueError):
    """The file is no Intel HEX, or not for this chip: a sentence without a full stop."""


def read_hex(text: bytes, size: int) -> bytes:
    """Return the image from address 0 to the last byte that the file sets; bytes between that it does not set are FF, as in erased flash.

    Args:
        text: the file.
        size: how many bytes the chip has for a program.

    Raises:
        NotHex: it is damaged, or sets bytes beyond `size`.
    """
    image = bytearray()
    base = 0
    for number, line in enumerate(text.decode("ascii", errors="replace").split(), start=1):
        kind, address, data = _record(line, number)
        if kind == _DATA:
            start = base + address
            if start + len(data) > size:
                raise NotHex(
                    f"the program sets address {start + len(data) - 1:#x}, beyond the {size} bytes that the board has for it"
                )
            image.extend(b"\xff" * (start + len(data) - len(image)))
            image[start : start + len(data)] = data
        elif kind == _END:
            return bytes(image)
        elif kind == _SEGMENT:
            base = int.from_bytes(data, "big") << 4
        elif kind == _LINEAR:
            base = int.from_bytes(data, "big") << 16
        elif kind not in _STARTS:  # where execution starts; a chip always starts at its reset vector
            raise NotHex(f"line {number} of the program's file has the unknown type {kind}")
    raise NotHex("the program's file has no end record, so it is not whole")


def _record(line: str, number: int) -> tuple[int, int, bytes]:
    try:
        record = bytes.fromhex(line[1:]) if line.startswith(":") else b""
    except ValueError:
        record = b""
    if len(record) < 5 or len(record) != 5 + record[0] or sum(record) & 0xFF:
        raise NotHex(f"line {number} of the program's file is damaged")
    return record[3], int.from_bytes(record[1:3], "big"), record[4:-1]
