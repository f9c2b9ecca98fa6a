"""Intel HEX files: what is read, and that a damaged or foreign file is never written to a board."""

from __future__ import annotations

import pytest

from boards.firmwares import image, intel_hex
from rung.boards.intel_hex import NotHex, read_hex


def test_an_image_comes_back_as_it_was() -> None:
    assert read_hex(intel_hex(image(1000)), 32256) == image(1000)


def test_gaps_are_as_erased_flash() -> None:
    assert read_hex(b":0100000041BE\n:0100040042B9\n:00000001FF\n", 100) == b"A\xff\xff\xffB"


def test_start_addresses_as_objcopy_writes_them_are_passed_over() -> None:
    assert read_hex(b":0100000041BE\n:0400000300000000F9\n:00000001FF\n", 100) == b"A"


def test_programs_over_64_kilobytes() -> None:
    text = b":020000021000EC\n:0100000041BE\n:020000040001F9\n:0100020042BB\n:00000001FF\n"
    assert read_hex(text, 253952)[0x10000:] == b"A\xffB"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b":0100000041BF\n:00000001FF\n", "line 1 .* is damaged"),
        (b":0100000041BE\n", "no end record"),
        (b":01000000\n:00000001FF\n", "is damaged"),
        (b"\x7fELF\x00\xff", "is damaged"),
        (b"", "no end record"),
        (b":01000006" + b"41B8\n:00000001FF\n", "unknown type 6"),
        (b":020000040001F9\n:0100020042BB\n:00000001FF\n", "sets address 0x10002, beyond the 32256 bytes"),
    ],
)
def test_other_files_are_refused(text: bytes, problem: str) -> None:
    with pytest.raises(NotHex, match=problem):
        read_hex(text, 32256)
