"""What the user said of ports is kept: a board is known again wherever it is plugged in, and nothing else is taken for a choice."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from rung.boards.choices import BoardChoices
from rung.boards.ports import Port
from rung.runtimes.errors import RuntimeFailure

CLONE = Port("/dev/ttyUSB0", "USB serial chip CH340", 0x1A86, 0x7523)
UNO = Port("/dev/ttyACM0", "Arduino Uno", 0x2341, 0x0043, "75833", ("uno",), exact=True)


@pytest.fixture
def choices(tmp_path: Path) -> BoardChoices:
    return BoardChoices(tmp_path / "rung" / "boards.json")


def test_a_board_with_a_serial_number_is_known_again_at_another_port(choices: BoardChoices) -> None:
    choices.choose(UNO, "nano")
    assert choices.board(replace(UNO, device="/dev/ttyACM7")) == "nano"
    assert choices.board(replace(UNO, serial_number="1")) is None


def test_a_clone_without_a_serial_number_is_known_by_its_port(choices: BoardChoices) -> None:
    choices.choose(CLONE, "nano-old")
    assert choices.board(CLONE) == "nano-old"
    assert choices.board(replace(CLONE, device="/dev/ttyUSB1")) is None
    assert BoardChoices(choices.path).boards((CLONE, UNO)) == {"/dev/ttyUSB0": "nano-old"}


def test_ports_are_added_and_removed_with_their_boards(choices: BoardChoices) -> None:
    for device in ("rfc2217://10.0.0.9:2217", "/tmp/ttyUNO", "/tmp/ttyUNO"):
        choices.add(device)
    assert choices.added() == ("rfc2217://10.0.0.9:2217", "/tmp/ttyUNO")
    choices.choose(Port("/tmp/ttyUNO", "x"), "uno")
    assert choices.remove("/tmp/ttyUNO")
    assert not choices.remove("/tmp/ttyUNO")
    assert choices.added() == ("rfc2217://10.0.0.9:2217",)
    assert choices.board(Port("/tmp/ttyUNO", "x")) is None


@pytest.mark.parametrize("device", ["", "  ", "/dev/tty\nUSB0", "x" * 300])
def test_what_cannot_be_a_port_is_refused(choices: BoardChoices, device: str) -> None:
    with pytest.raises(ValueError, match="A port is written"):
        choices.add(device)
    assert not choices.path.exists()


def test_a_board_that_the_table_does_not_have_is_no_choice(choices: BoardChoices) -> None:
    with pytest.raises(ValueError, match="There is no board 'toaster'"):
        choices.choose(UNO, "toaster")
    choices.choose(UNO, "uno")
    text = choices.path.read_text(encoding="utf-8")
    choices.path.write_text(text.replace('"uno"', '"toaster"'), encoding="utf-8")
    assert choices.board(UNO) is None


@pytest.mark.parametrize("table", [{"ports": "x"}, {"ports": [7]}, {"boards": []}, {"boards": {"/dev/x": 7}}])
def test_a_damaged_file_is_an_error_and_stays_as_it_is(choices: BoardChoices, table: dict[str, object]) -> None:
    choices.path.parent.mkdir()
    choices.path.write_text(json.dumps(table), encoding="utf-8")
    with pytest.raises(RuntimeFailure, match="does not hold a list of serial ports"):
        choices.add("/dev/ttyUSB0")
    assert json.loads(choices.path.read_text(encoding="utf-8")) == table


def test_the_file_is_the_users_own(choices: BoardChoices) -> None:
    choices.add("/dev/ttyUSB0")
    assert stat.S_IMODE(choices.path.stat().st_mode) == 0o600
