"""The sketch for a board: what is in it, which variables and pins it has, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from codegen.board_machine import board_named, build, files
from rung.codegen.board import scan_period_ms
from rung.codegen.build import BuildError
from rung.targets.board import SerialSettings

LAMP = """
PROGRAM Main
VAR button AT %IX0.0 : BOOL; lamp AT %QX0.1 : BOOL; t : TON; s : STRING[10]; n : INT; END_VAR
lamp := button;
END_PROGRAM
"""
MS = 1_000_000


def io_text(body: str, board: str = "uno") -> str:
    """The generated file of a program with the given variables."""
    return files(build(f"PROGRAM Main\nVAR {body} END_VAR\nEND_PROGRAM\n", board))["rung/program.cpp"]


def test_the_download_is_a_sketch() -> None:
    artefact = build(LAMP)
    inside = files(artefact)
    assert (artefact.target, artefact.file_name) == ("uno", "uno.zip")
    assert inside["rung/rung.ino"].startswith("//")
    assert inside["rung/rung.ino"].count("\n") == 1
    assert {"rung/program.cpp", "rung/program_bodies.hpp", "rung/rung_board.hpp", "rung/rung_hal_avr.hpp"} <= set(
        inside
    )
    assert artefact.md5 in inside["rung/program_md5.hpp"]
    assert artefact.sources == {"plant.st": "plant.st"}


def test_the_same_sources_and_settings_give_the_same_bytes() -> None:
    assert build(LAMP) == build(LAMP)
    others = [
        build(LAMP + "\n"),
        build(LAMP, "mega"),
        build(LAMP, serial=SerialSettings(slave=2)),
        build(LAMP, serial=SerialSettings(9600)),
    ]
    assert len({artefact.md5 for artefact in [build(LAMP), *others]}) == 5


def test_variables_have_one_number_each_and_the_firmwares_own_are_the_last() -> None:
    leaves = build(LAMP).leaves
    assert [leaf.element for leaf in leaves] == list(range(len(leaves)))
    assert {leaf.array for leaf in leaves} == {0}
    own = [(leaf.path, leaf.type, leaf.size, leaf.forceable) for leaf in leaves[-5:]]
    assert own == [
        ("RUNG_FAULTS", "UDINT", 4, False),
        ("RUNG_SCAN_US", "UDINT", 4, False),
        ("RUNG_SCAN_MAX_US", "UDINT", 4, False),
        ("RUNG_OVERRUNS", "UDINT", 4, False),
        ("RUNG_HALTED", "BOOL", 1, False),
    ]


def test_a_time_is_seconds_and_nanoseconds_on_the_wire_and_a_text_its_declared_length() -> None:
    leaves = {leaf.path.rpartition(".")[2]: leaf for leaf in build(LAMP).leaves}
    assert (leaves["PT"].type, leaves["PT"].size, leaves["PT"].forceable) == ("TIME", 8, True)
    assert (leaves["S"].type, leaves["S"].size, leaves["S"].forceable) == ("STRING", 11, False)


@pytest.mark.parametrize(("board", "longest"), [("uno", 115), ("mega", 192)])
def test_a_text_shows_no_more_than_fits_into_a_frame(board: str, longest: int) -> None:
    leaves = build("PROGRAM Main\nVAR s : ARRAY[0..1] OF STRING[200]; END_VAR\nEND_PROGRAM\n", board).leaves
    assert [leaf.size for leaf in leaves[:2]] == [longest, longest]


def test_only_pins_that_the_program_uses_are_touched() -> None:
    text = io_text("a AT %IX0.1 : BOOL; b AT %QX0.2 : BOOL;")
    assert "pinMode(3, INPUT);" in text
    assert "pinMode(12, OUTPUT);" in text
    assert text.count("pinMode(") == 2
    assert "PORTB |= 0x10" in text
    for unused in ("board::read_adc", "start_adc", "OCR", "analog", "PORTC"):
        assert unused not in text


def test_analog_values_have_one_scale_on_every_board() -> None:
    text = io_text("a AT %IW2 : UINT; b AT %QW0 : UINT;")
    assert "image.IW2 = widened<10>(board::read_adc(2));" in text
    assert "image.IW2 = widened<10>(uint16_t(analogRead(A2)));" in text
    assert "OCR1A = uint8_t(uint16_t(image.QW0) >> 8);" in text
    assert "analogWrite(9, narrowed<8>(uint16_t(image.QW0)));" in text


def test_pwm_units_of_one_timer_are_set_up_together() -> None:
    text = io_text("a AT %QW0 : UINT; b AT %QW1 : UINT; c AT %QW2 : UINT;")
    assert "TCCR1A = _BV(COM1A1) | _BV(COM1B1) | _BV(WGM10);" in text
    assert "TCCR2A = _BV(COM2A1) | _BV(WGM20);" in text
    assert "TCCR2B = _BV(CS22);" in text


def test_a_board_without_the_bare_firmware_has_pins_by_name_alone() -> None:
    board = dataclasses.replace(board_named("uno"), mcu="", digital_inputs=("PA8", "08"), analog_in_bits=12)
    text = files(build("PROGRAM Main\nVAR a AT %IX0.0, b AT %IX0.1 : BOOL; c AT %IW0 : UINT; END_VAR\nEND_PROGRAM\n".replace(
        "a AT %IX0.0, b", "a AT %IX0.0 : BOOL; b"), board))["rung/program.cpp"]  # fmt: skip
    assert "digitalRead(PA8) != LOW" in text
    assert "digitalRead(8) != LOW" in text, "08 would be octal"
    assert "analogReadResolution(12);" in text
    assert "PORT" not in text


@pytest.mark.parametrize(
    "address",
    ["%IX0.5 : BOOL", "%IX1.0 : BOOL", "%QX0.4 : BOOL", "%IW6 : INT", "%QW3 : INT", "%IB0 : BYTE", "%QD0 : DINT"],
)
def test_an_address_without_a_pin_is_refused(address: str) -> None:
    with pytest.raises(BuildError, match=rf"{address.split()[0]} is no pin of the board Arduino Uno.*rung\.toml"):
        build(f"PROGRAM Main\nVAR a AT {address}; END_VAR\nEND_PROGRAM\n")


def test_a_position_that_lost_its_pin_is_refused() -> None:
    board = dataclasses.replace(board_named("uno"), digital_inputs=("", "3"))
    with pytest.raises(BuildError, match=r"%IX0\.0 is no pin"):
        build(LAMP, board)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"analog_outputs": ("7",)}, "Pin 7 .* cannot put out an analog value"),
        ({"analog_inputs": ("9",)}, "Pin 9 .* cannot read an analog value"),
        ({"digital_inputs": ("99",)}, "has no pin 99"),
    ],
)
def test_a_pin_that_cannot_do_what_it_is_given_to_is_refused(change: dict[str, tuple[str, ...]], message: str) -> None:
    board = dataclasses.replace(board_named("uno"), **change)  # type: ignore[arg-type]
    with pytest.raises(BuildError, match=message):
        build("PROGRAM Main\nVAR a AT %IX0.0 : BOOL; b AT %IW0 : INT; c AT %QW0 : INT; END_VAR\nEND_PROGRAM\n", board)


@pytest.mark.parametrize("kind", ["LREAL", "LTIME", "WSTRING", "ARRAY[1..2] OF LDT", "TIME := T#25d"])
def test_types_that_boards_have_not_are_refused(kind: str) -> None:
    with pytest.raises(BuildError, match="board"):
        build(f"PROGRAM Main\nVAR a : {kind}; END_VAR\nEND_PROGRAM\n")


def test_pins_can_be_given_to_other_addresses() -> None:
    board = dataclasses.replace(board_named("uno"), digital_inputs=("A3",), analog_outputs=("6",))
    text = files(build("PROGRAM Main\nVAR a AT %IX0.0 : BOOL; c AT %QW0 : INT; END_VAR\nEND_PROGRAM\n", board))[
        "rung/program.cpp"
    ]
    assert "image.IX0_0 = (PINC & 0x08) != 0;" in text
    # The clock's timer keeps its mode.
    assert "TCCR0A |= _BV(COM0A1)" in text
    assert "TCCR0B" not in text


@pytest.mark.parametrize(
    ("base_ns", "period"),
    [(1 * MS, 1), (20 * MS, 20), (60_000 * MS, 60_000), (61_000 * MS, 30_500), (120_000 * MS, 60_000)],
)
def test_a_scan_is_no_longer_than_a_minute(base_ns: int, period: int) -> None:
    assert scan_period_ms(base_ns) == period


@pytest.mark.parametrize("base_ns", [500_000, 1_500_000, 1])
def test_tasks_at_fractions_of_a_millisecond_are_refused(base_ns: int) -> None:
    with pytest.raises(BuildError, match="multiples of 1 ms"):
        scan_period_ms(base_ns)


@pytest.mark.parametrize("serial", [SerialSettings(slave=0), SerialSettings(slave=248), SerialSettings(baud=300)])
def test_serial_settings_that_no_master_could_use_are_refused(serial: SerialSettings) -> None:
    with pytest.raises(BuildError, match="Modbus slave"):
        build(LAMP, serial=serial)


def test_a_program_without_tasks_of_its_own_has_no_code_for_them() -> None:
    assert "wait" not in io_text("n : INT;").partition("static void run_tasks()")[2].partition("}")[0]
