"""The table of boards: every row is complete, and says nothing that contradicts itself."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import get_type_hints

import pytest

from rung.targets.board import MOST_BITS, MOST_WORDS, Board, all_boards, boards_of_usb, find_board
from rung.targets.names import DEFAULT_TARGET, RUNTIME_TARGETS, is_target, known_targets, target_names

FAMILIES = {"avr", "megaavr", "sam", "samd", "renesas", "mbed", "esp32", "esp8266", "rp2040", "stm32"}
UPLOADERS = {"stk500v1", "avrdude", "bossac", "dfu-util", "esptool", "stm32loader", "uf2", "arduino-cli"}
EMULATED = {"uno", "nano", "nano-old", "mega"}
every_board = pytest.mark.parametrize("board", all_boards().values(), ids=lambda board: board.name)


@every_board
def test_each_column_has_its_type(board: Board) -> None:
    hints = get_type_hints(Board)
    for column in fields(Board):
        value = getattr(board, column.name)
        if hints[column.name] == tuple[str, ...]:
            assert isinstance(value, tuple), column.name
            assert all(isinstance(item, str) for item in value), column.name
        elif hints[column.name] in (str, int, bool):
            assert type(value) is hints[column.name], column.name


@every_board
def test_names_are_plain_and_families_and_uploaders_known(board: Board) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", board.name)
    assert board.family in FAMILIES
    assert board.uploaders
    assert len(set(board.uploaders)) == len(board.uploaders)
    assert set(board.uploaders) <= UPLOADERS
    assert board.fqbn.startswith(f"{board.core}:")
    assert board.index_url == "" or board.index_url.startswith("https://")
    assert bool(board.index_url) != board.core.startswith("arduino:"), "Arduino's own index has Arduino's own cores"


@every_board
def test_sizes_are_a_chip_s(board: Board) -> None:
    assert 16 * 1024 <= board.flash <= 16 * 1024 * 1024
    assert 1024 <= board.ram < board.flash
    assert board.analog_in_bits in (10, 12)
    assert board.analog_out_bits == 8
    assert 0 <= board.memory_words <= 20
    assert bool(board.mcu) == bool(board.clock_hz)
    assert bool(board.signature) == (board.family in ("avr", "megaavr"))
    assert re.fullmatch(r"(1e[0-9a-f]{4})?", board.signature)


@every_board
def test_a_pin_stands_at_one_place(board: Board) -> None:
    inputs = {pin for pin in (*board.digital_inputs, *board.analog_inputs) if pin}
    for kind in ("IX", "QX", "IW", "QW"):
        named = [pin for pin in board.places(kind) if pin]
        assert len(named) == len(set(named)), kind
        assert len(board.places(kind)) <= (MOST_BITS if kind.endswith("X") else MOST_WORDS)
    assert not inputs & {*board.digital_outputs, *board.analog_outputs}
    assert not {*board.digital_outputs} & {*board.analog_outputs} - {""}
    assert board.digital_inputs
    assert board.digital_outputs


@every_board
def test_every_place_s_pin_can_do_what_it_is_for(board: Board) -> None:
    assert len(board.pins) == len(set(board.pins))
    assert {*board.digital_inputs, *board.digital_outputs} - {""} <= set(board.pins)
    assert set(board.input_only) <= set(board.pins)
    assert not {*board.digital_outputs, *board.analog_outputs} & set(board.input_only)
    if board.analog_pins:
        assert set(board.analog_inputs) <= set(board.analog_pins)
    if board.pwm_pins:
        assert set(board.analog_outputs) <= set(board.pwm_pins)
        assert set(board.pwm_pins) <= set(board.pins)


@every_board
def test_uploaders_find_their_settings(board: Board) -> None:
    upload = board.upload
    if "avrdude" in board.uploaders or "stk500v1" in board.uploaders:
        assert upload["protocol"] in ("arduino", "wiring", "avr109", "jtag2updi")
        assert isinstance(upload["baud"], int)
        assert board.mcu or upload["part"]
    if "stk500v1" in board.uploaders:
        assert upload["protocol"] == "arduino"
    if "esptool" in board.uploaders:
        assert upload["chip"] == board.name or str(upload["chip"]).startswith(board.family)
        assert board.family != "esp32" or upload["bootloader_at"] in (0, 0x1000)
    if "uf2" in board.uploaders:
        assert upload["volume"] in ("RPI-RP2", "RP2350")
    if "dfu-util" in board.uploaders:
        assert re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", str(upload["dfu"]))
    if "stm32loader" in board.uploaders:
        assert upload["stm32_family"] in ("F1", "F4")


@every_board
def test_nothing_says_that_it_was_tried_on_hardware(board: Board) -> None:
    expected = "tried on an emulated chip, not on hardware" if board.name in EMULATED else "not tried on hardware"
    assert board.tried == expected


def test_every_family_has_a_board() -> None:
    assert {board.family for board in all_boards().values()} == FAMILIES
    assert len({board.title for board in all_boards().values()}) == len(all_boards())


def test_a_nano_has_two_rows_for_its_two_bootloaders() -> None:
    new, old = find_board("nano"), find_board("nano-old")
    assert new is not None
    assert old is not None
    assert (new.upload["baud"], old.upload["baud"]) == (115200, 57600)
    assert old.fqbn == f"{new.fqbn}:cpu=atmega328old"


def test_a_board_is_found_by_its_usb_numbers() -> None:
    assert [board.name for board in boards_of_usb(0x2341, 0x0043)] == ["uno"]
    assert [board.name for board in boards_of_usb(0x2341, 0x8036)] == ["leonardo"]
    assert [board.name for board in boards_of_usb(0x2E8A, 0x000A)] == ["pico"]
    assert [board.name for board in boards_of_usb(0x303A, 0x1001)] == ["esp32-s3", "esp32-c3", "esp32-c6"]
    assert boards_of_usb(0x1A86, 0x7523) == [], "a CH340 may be on any board"


def test_targets_are_the_runtimes_and_the_boards() -> None:
    assert target_names()[:4] == RUNTIME_TARGETS
    assert DEFAULT_TARGET in RUNTIME_TARGETS
    assert not set(RUNTIME_TARGETS) & set(all_boards())
    assert is_target("uno")
    assert not is_target("Uno")
    assert find_board("openplc-v4") is None


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("Uno", "uno"), ("unno", "uno"), ("nano_old", "nano-old"), ("openplc4", "openplc-v4"), ("leonado", "leonardo")],
)
def test_the_nearest_names_are_offered(wrong: str, near: str) -> None:
    said = known_targets(wrong)
    assert f"not {wrong!r}. Did you mean " in said
    assert near in said.split("Did you mean ")[1].rstrip("?").split(" or ")


def test_where_nothing_is_near_the_list_is_named() -> None:
    assert known_targets("xyzzy") == (
        "must be one of openplc-v4, openplc-v4.0, openplc-v3, host, or a board that `rung boards` lists, not 'xyzzy'."
    )
