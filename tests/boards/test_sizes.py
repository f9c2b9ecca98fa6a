"""What a program takes of a board is measured on the executable, and a program that is too large is refused with the names of what is large."""

from __future__ import annotations

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from boards.small_sketch import table_leaves
from rung.boards import sizes
from rung.boards.sizes import STACK, Usage
from rung.codegen.artefact import Leaf
from rung.targets.board import Board, find_board


@pytest.fixture
def uno() -> Board:
    found = find_board("uno")
    assert found is not None
    return found


@pytest.mark.parametrize("chip", ["atmega328p", "atmega2560"])
def test_an_executables_sizes_are_those_that_avr_size_tells(tmp_path: Path, chip: str) -> None:
    (tmp_path / "p.cpp").write_text(
        "#include <avr/pgmspace.h>\n#include <avr/eeprom.h>\n"
        "const int table[40] PROGMEM = {1, 2, 3};\nint EEMEM kept = 7;\nvolatile int set = 5;\nvolatile char cleared[100];\n"
        "int main() { return set + cleared[3] + pgm_read_word(table + set) + eeprom_read_byte((uint8_t *)&kept); }\n"
    )
    elf = tmp_path / "p.elf"
    subprocess.run(["avr-g++", f"-mmcu={chip}", "-Os", "-g", "p.cpp", "-o", elf.name], cwd=tmp_path, check=True)
    told = subprocess.run(["avr-size", "-A", elf.name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    section = {name: int(size) for name, size in re.findall(r"^\.(\w+)\s+(\d+)", told, re.MULTILINE)}
    assert section["data"]
    assert section["eeprom"]
    assert sizes.usage_of_elf(elf.read_bytes()) == Usage(
        section["text"] + section["data"], section["data"] + section["bss"]
    )


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"x" * 500, b"\x7fELF\x02\x01\x01" + bytes(200)])
def test_what_is_no_avr_executable_is_not_measured(data: bytes) -> None:
    with pytest.raises(ValueError, match="the file is"):
        sizes.usage_of_elf(data)


def test_a_program_may_take_all_flash_and_all_ram_but_the_stacks(uno: Board) -> None:
    assert sizes.excess(uno, Usage(uno.flash, uno.ram - STACK), ()) is None


def test_too_much_ram_is_told_with_the_largest_instances_and_a_board_that_has_more(uno: Board) -> None:
    found = sizes.excess(uno, Usage(5000, uno.ram - STACK + 1), table_leaves(1500))
    assert found is not None
    message, hint = found
    assert f"{uno.ram - STACK + 1} bytes of RAM" in message
    assert f"has 2048, of which {STACK} must be left for the stack: 1 too many" in message
    assert "MAIN.TABLE 1500, RECIPE 31, MAIN.SEEN 1" in message
    assert "mega" in hint
    assert "STRING[" in hint


def test_too_much_flash_names_what_is_missing_and_another_remedy(uno: Board) -> None:
    found = sizes.excess(uno, Usage(uno.flash + 90, 400), table_leaves(10))
    assert found is not None
    message, hint = found
    assert "32346 bytes of flash" in message
    assert "90 too many" in message
    assert "STRING[" not in hint
    assert "mega" in hint


def test_no_board_is_proposed_that_is_too_small_as_well(uno: Board) -> None:
    found = sizes.excess(uno, Usage(10**7, 10**7), ())
    assert found is not None
    assert "mega" not in found[1]


def test_a_nearly_full_board_is_a_warning(uno: Board) -> None:
    assert sizes.warnings(uno, Usage(uno.flash // 2, uno.ram // 2)) == ()
    flash, ram = sizes.warnings(uno, Usage(30000, 1600))
    assert "30000 of 32256 bytes (93 %)" in flash
    assert "1600 of 2048 bytes" in ram


def test_instances_are_named_by_their_declarations_in_order_of_size() -> None:
    leaves = [
        Leaf(0, 0, "LEVELS[1]", "REAL", 4),
        Leaf(0, 1, "LEVELS[2]", "REAL", 4),
        Leaf(0, 2, "PUMP.DELAY.PT", "TIME", 8),
        Leaf(0, 3, "PUMP.DELAY.Q", "BOOL", 1),
        Leaf(0, 4, "PUMP.NAMES[1]", "STRING", 21),
        Leaf(0, 5, "PUMP.NAMES[2]", "STRING", 21),
        Leaf(0, 6, "READY", "BOOL", 1),
        Leaf(0, 7, "RUNG_SCAN_US", "UDINT", 4),
    ]
    # PUMP holds most, so its parts are named; a time takes 4 bytes in a board's memory and 8 on the wire
    assert sizes.largest(leaves) == [("PUMP.NAMES", 42), ("LEVELS", 8), ("PUMP.DELAY", 5), ("READY", 1)]
    assert sizes.largest(leaves, 1) == [("PUMP.NAMES", 42)]
    assert sizes.largest_sentence(()) == ""


def test_the_advice_stays_within_the_boards_family(uno: Board) -> None:
    small = dataclasses.replace(uno, family="a family of its own")
    assert sizes.advice(small, Usage(0, small.ram)).startswith("Take a larger board, or declare")
