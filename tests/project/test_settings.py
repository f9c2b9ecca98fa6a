"""`rung.toml`: each key is read or refused by name, and what a project says holds for everything in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rung.project.discovery import settings_of
from rung.project.settings import Settings, board_for, read_settings
from rung.targets.board import PinsError, SerialSettings
from rung.targets.names import DEFAULT_TARGET, target_names


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rung.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_the_file_has_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings((), DEFAULT_TARGET)


def test_every_key_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path, 'target = "openplc-v3"\nexclude = ["old/*"]\n')
    assert read_settings(folder) == Settings(("old/*",), "openplc-v3")


@pytest.mark.parametrize("target", target_names())
def test_every_target_can_be_named(tmp_path: Path, target: str) -> None:
    assert read_settings(written(tmp_path, f'target = "{target}"\n')).target == target


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('taget = "openplc-v3"', "the key 'taget' is unknown. Known: board, exclude,"),
        (
            'target = "openplc-v5"',
            "'target' must be one of openplc-v4, openplc-v4.0, openplc-v3, host, or a board that `rung boards` lists, not 'openplc-v5'. Did you mean "
            "openplc-v4",
        ),
        ('target = "Nano"', "not 'Nano'. Did you mean nano"),
        ("board = 3", "'board' must be a table."),
        ("[board]\nspeed = 9600", "'board' has no key 'speed'. It has pins, baud and slave."),
        ("[board]\nbaud = 100", "'board' has a baud that is none of 1200,"),
        ("[board]\nbaud = true", "'board' has a baud that is none of 1200,"),
        ("[board]\nslave = 248", "'board' has a slave that is not a number from 1 to 247."),
        ("[board]\nslave = 0", "'board' has a slave that is not"),
        ('[board]\npins = ["A0"]', "'board' has pins that are no table"),
        ('[board.pins]\n"%IX0.0" = 3', "'board' has pins that are no table"),
        ("target = 3", "'target' must be one of"),
        ('target = ["openplc-v3"]', "'target' must be one of"),
        ('exclude = "old"', "'exclude' must be a list of strings."),
        ("exclude = [1]", "'exclude' must be a list of strings."),
        ("target = ", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        read_settings(written(tmp_path, text))
    assert str(tmp_path / "rung.toml") in str(raised.value)


def test_a_project_speaks_for_all_that_is_in_it(tmp_path: Path) -> None:
    written(tmp_path, 'target = "openplc-v3"')
    inner = tmp_path / "lib" / "deep"
    inner.mkdir(parents=True)
    for path in (tmp_path, inner, inner / "main.st"):
        assert settings_of(path).target == "openplc-v3"


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    written(tmp_path, 'target = "openplc-v3"')
    inner = written(tmp_path / "other", 'exclude = ["x"]')
    assert settings_of(inner / "main.st") == Settings(("x",), DEFAULT_TARGET)


def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, 'target = "openplc-v4.0"')
    monkeypatch.chdir(tmp_path)
    assert settings_of(Path()).target == "openplc-v4.0"
    assert settings_of(Path("main.st")).target == "openplc-v4.0"


def test_lists_in_lists_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_settings(written(tmp_path, "exclude = " + "[" * 100_000))


def test_the_name_of_an_unknown_key_cannot_steer_a_terminal(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is unknown") as caught:
        read_settings(written(tmp_path, '"\\u001b]0;owned\\u0007" = 1'))
    assert str(caught.value).isprintable()


def test_a_project_says_how_it_uses_its_board(tmp_path: Path) -> None:
    text = 'target = "uno"\n[board]\npins = {"%IX0.0" = "A3"}\nbaud = 57600\nslave = 5\n'
    settings = read_settings(written(tmp_path, text))
    assert settings.serial == SerialSettings(57600, 5)
    board = board_for(settings, settings.target)
    assert board is not None
    assert (board.digital_inputs[0], board.analog_inputs[3]) == ("A3", "")
    assert board_for(settings, "openplc-v4") is None


def test_without_a_word_of_it_a_board_is_as_the_table_has_it(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, 'target = "uno"\n'))
    assert settings.serial == SerialSettings(115200, 1)
    board = board_for(settings, "uno")
    assert board is not None
    assert board.digital_inputs == ("2", "3", "4", "5", "6")


def test_pins_that_one_board_has_another_may_lack(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, '[board.pins]\n"%IX0.0" = "53"\n'))
    assert board_for(settings, "mega") is not None
    with pytest.raises(
        PinsError, match=r"Arduino Uno has no pin '53' that could be a digital input, as %IX0\.0 is"
    ) as raised:
        board_for(settings, "uno")
    assert raised.value.address == "%IX0.0"
