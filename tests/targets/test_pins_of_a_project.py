"""A project may give a board's addresses other pins."""

from __future__ import annotations

import re

import pytest

from rung.targets.board import Board, PinsError, find_board


def board(name: str) -> Board:
    found = find_board(name)
    assert found is not None
    return found


def test_a_pin_leaves_its_old_place() -> None:
    uno = board("uno").with_pins({"%IX0.0": "A3", "%QX0.1": "2"})
    assert uno.digital_inputs == ("A3", "3", "4", "5", "6")
    assert uno.analog_inputs == ("A0", "A1", "A2", "", "A4", "A5")
    assert uno.digital_outputs == ("7", "2", "12", "13")


def test_an_address_beyond_the_table_s_can_be_added() -> None:
    uno = board("uno").with_pins({"%QX1.0": "A0", "%QW4": "5", "%iw6": "A1", "%I0.5": "8"})
    assert uno.digital_outputs == ("7", "", "12", "13", "", "", "", "", "A0")
    assert uno.analog_outputs == ("9", "10", "11", "", "5")
    assert uno.analog_inputs == ("", "", "A2", "A3", "A4", "A5", "A1")
    assert uno.digital_inputs == ("2", "3", "4", "", "6", "8")


def test_two_pins_can_change_places() -> None:
    uno = board("uno").with_pins({"%IX0.0": "3", "%IX0.1": "2"})
    assert uno.digital_inputs == ("3", "2", "4", "5", "6")


def test_the_table_s_row_stays_as_it_is() -> None:
    before = board("uno")
    assert before.with_pins({}) == before
    assert before.with_pins({"%IX0.0": "A3"}) != before
    assert board("uno").digital_inputs[0] == "2"


@pytest.mark.parametrize(
    ("name", "pins", "said"),
    [
        ("uno", {"%IX0.0": "A9"}, "Arduino Uno has no pin 'A9' that could be a digital input, as %IX0.0 is. Those that can are 2, 3,"),
        ("uno", {"%IX0.0": "1"}, "Arduino Uno has no pin '1'"),
        ("uno", {"%IW0": "2"}, "Pin 2 of Arduino Uno cannot be an analog input, as %IW0 is. Those that can are A0, A1, A2, A3, A4, A5."),
        ("uno", {"%QW0": "2"}, "Pin 2 of Arduino Uno cannot be an analog output, as %QW0 is. Those that can are 3, 5, 6, 9, 10, 11."),
        ("esp32", {"%QX0.0": "34"}, "Pin 34 of ESP32 Dev Module (WROOM) cannot be a digital output, as %QX0.0 is."),
        ("opta", {"%QW0": "D0"}, "Pin D0 of Arduino Opta cannot be an analog output, as %QW0 is. None of its pins can."),
        ("uno", {"%IX0.0": "A3", "%QX0.0": "A3"}, "Pin A3 cannot be at %IX0.0 and at %QX0.0."),
        ("uno", {"%IX0.0": "A3", "%I0.0": "A4"}, "%I0.0 is given two pins, A3 and A4."),
        ("uno", {"%IX8.0": "A3"}, "%IX8.0 lies beyond %IX7.7, the last place that a board can have."),
        ("uno", {"%IW32": "A3"}, "%IW32 lies beyond %IW31, the last place"),
        ("uno", {"%IX0.8": "A3"}, "'%IX0.8' is no address that a pin can have"),
        ("uno", {"%MX0.0": "A3"}, "'%MX0.0' is no address that a pin can have: write %IX0.0, %QX0.0, %IW0 or %QW0."),
        ("uno", {"%IB0": "A3"}, "'%IB0' is no address that a pin can have"),
        ("uno", {"\x1b]0;x": "A3"}, "'\\x1b]0;x' is no address"),
        ("uno", {"%IX0.0": "\x1b]0;x"}, "Arduino Uno has no pin '\\x1b]0;x'"),
    ],
)  # fmt: skip
def test_what_a_board_cannot_have_is_said(name: str, pins: dict[str, str], said: str) -> None:
    with pytest.raises(PinsError, match=re.escape(said)) as raised:
        board(name).with_pins(pins)
    assert raised.value.address == list(pins)[-1]
