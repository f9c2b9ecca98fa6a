"""Variables of a board that are held at a value over the debug codes. The board is the Arduino firmware on this computer."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen.board_machine import FakeBoard, build, compile_fake
from rung.codegen.artefact import Artefact

PLANT = """
PROGRAM Main
VAR
  in0 AT %IX0.0 : BOOL; out1 AT %QX0.1 : BOOL; flag : BOOL; big : LINT; wait : TIME := T#-1s500ms; stamp : DT;
  text : STRING[8] := 'pump'; table : ARRAY[0..40] OF INT; n : INT; scans : UDINT;
END_VAR
out1 := in0; scans := scans + 1; table[3] := 7;
END_PROGRAM
"""


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, Path]:
    artefact = build(PLANT)
    return artefact, compile_fake(artefact, tmp_path_factory.mktemp("plant"))


@pytest.fixture
def board(plant: tuple[Artefact, Path]) -> Iterator[FakeBoard]:
    """An Uno with the plant's program, which has made some scans."""
    with FakeBoard(*plant) as running:
        running.wait(100)
        yield running


def path(board: FakeBoard, name: str) -> str:
    """The whole path of one of the program's variables."""
    return next(p for p in board.leaves if p.endswith(f".{name}"))


def test_a_forced_input_beats_its_pin_and_a_forced_output_the_program(board: FakeBoard) -> None:
    out1 = path(board, "OUT1")
    assert board.force(path(board, "IN0"), b"\1") == 0x7E
    board.wait(25)
    assert board.pin(8) == 1
    assert board.ask(b"\x02\0\0\0\1") == b"\x02\1\1"
    assert board.force(out1, b"\0") == 0x7E
    board.wait(25)
    assert board.pin(8) == 0
    board.ask(b"\x05\x00\x01\xff\x00")
    assert board.ask(b"\x01\0\1\0\1") == b"\x01\1\0", "a master's write does not show either"
    board.wait(25)
    assert board.pin(8) == 0
    assert board.release(out1) == 0x7E
    board.wait(25)
    assert board.pin(8) == 1
    assert board.release(path(board, "IN0")) == 0x7E
    board.wait(25)
    assert board.pin(8) == 0


def test_a_forced_variable_keeps_its_value_against_all_writes(board: FakeBoard) -> None:
    forced, scans = path(board, "TABLE[3]"), path(board, "SCANS")
    assert board.force(forced, struct.pack("<h", -5)) == 0x7E
    assert board.force(scans, struct.pack("<I", 77)) == 0x7E
    board.wait(60)
    assert board.number(forced, signed=True) == -5
    assert board.number(scans) == 77
    board.release(scans)
    board.wait(41)
    assert board.number(scans) in (79, 80)


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ((3, 250_000_000), (3, 250_000_000)), ((-1, -500_000_000), (-1, -500_000_000)), ((0, 999_999), (0, 0)),
        ((2**31 - 1, 0), (2147483, 647_000_000)), ((-(2**31), 0), (-2147483, -648_000_000)), ((5, 2**31 - 1), (7, 147_000_000)),
    ],
)  # fmt: skip
def test_a_forced_time_is_the_nearest_that_there_is(
    board: FakeBoard, pair: tuple[int, int], shown: tuple[int, int]
) -> None:
    wait = path(board, "WAIT")
    assert board.force(wait, struct.pack("<ii", *pair)) == 0x7E
    assert struct.unpack("<ii", board.read(wait)[0]) == shown


def test_dates_bits_and_long_numbers_can_be_forced(board: FakeBoard) -> None:
    board.force(path(board, "STAMP"), struct.pack("<ii", 1000, 5_000_000))
    board.force(path(board, "FLAG"), b"\x55")
    board.force(path(board, "BIG"), struct.pack("<q", -(2**62)))
    stamp, flag, big = board.read(path(board, "STAMP"), path(board, "FLAG"), path(board, "BIG"))
    assert struct.unpack("<ii", stamp) == (1000, 5_000_000)
    assert flag == b"\1"
    assert struct.unpack("<q", big) == (-(2**62),)


def test_as_many_variables_are_forced_as_there_is_room_for(board: FakeBoard) -> None:
    table = [p for p in board.leaves if ".TABLE[" in p][:9]
    assert [board.force(p, b"\1\0") for p in table] == [0x7E] * 8 + [0x82]
    assert board.force(table[0], b"\2\0") == 0x7E, "one that is forced already takes no more room"
    assert board.release(table[8]) == 0x7E, "releasing what is not forced does no harm"
    assert board.release(table[2]) == 0x7E
    assert board.force(table[8], b"\1\0") == 0x7E
    board.wait(40)
    assert [board.number(p) for p in table] == [2, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("name", "value"), [("TEXT", b"\0" * 9), ("N", b"\1"), ("N", b"\1\0\0"), ("WAIT", b"\0\0\0\0"), ("N", b"")]
)
def test_values_of_another_size_and_texts_are_not_forced(board: FakeBoard, name: str, value: bytes) -> None:
    assert board.force(path(board, name), value) == 0x82


def test_what_the_firmware_tells_of_itself_is_not_forced(board: FakeBoard) -> None:
    assert board.force("RUNG_OVERRUNS", b"\0\0\0\0") == 0x82
    assert board.force("RUNG_HALTED", b"\1") == 0x82
