"""`rung.toml`: what a project says about itself. Every key is optional; an unknown key is an error, never ignored.

Invariant: each key has one reader in `_READERS`, which knows nothing of the others; a `Settings` that was read is valid.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rung.targets.board import Board, SerialSettings, find_board
from rung.targets.names import DEFAULT_TARGET, RUNTIME_TARGETS, is_target, known_targets

SETTINGS_FILE: Final = "rung.toml"
BAUD_RATES: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
DEVICE_TABLES: Final = ("modbus_slave", "modbus_master", "s7comm", "opcua", "retain")
"""What is for the device; checked where the program is known, not here."""


class SettingsError(ValueError):
    """A `rung.toml` that cannot be used.

    Args:
        message: what is wrong, file and key named.
        path: the file.
        text: what it holds.
        key: the key that is wrong; empty for the file as a whole.
    """

    def __init__(self, message: str, path: Path, text: str = "", key: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.text = text
        self.key = key


@dataclass(slots=True, frozen=True)
class Settings:
    """`exclude` holds glob patterns of files and folders, relative to the project folder, that are not part of the program.
    `target` is what the program is checked and built for when nothing else is said, a runtime or a board. `device` holds the tables of
    `DEVICE_TABLES` that the file has. `pins` are a board's pins by address, where they are not those of the table of boards, and `serial` is how its
    firmware talks. `path` and `text` are the file's, None and empty where there is none."""

    exclude: tuple[str, ...] = ()
    target: str = DEFAULT_TARGET
    device: Mapping[str, object] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    serial: SerialSettings = field(default_factory=SerialSettings)
    path: Path | None = field(default=None, compare=False)
    text: str = field(default="", compare=False)


def board_for(settings: Settings, target: str) -> Board | None:
    """Return the board that `target` names, with the pins that the project gives it; None for a runtime.

    Raises:
        PinsError: the board cannot have these pins.
    """
    if target in RUNTIME_TARGETS:
        return None
    board = find_board(target)
    return board.with_pins(settings.pins) if board is not None and settings.pins else board


def read_settings(folder: Path) -> Settings:
    """Read `rung.toml` of a project folder; a folder without one has the defaults.

    Raises:
        SettingsError: the file is not TOML, or a key is unknown or its value is not what it should be; the text names file and key.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return Settings()
    try:
        return settings_from(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", path) from error


def settings_from(text: str, path: Path = Path(SETTINGS_FILE)) -> Settings:
    """Read the text of a `rung.toml`.

    Raises:
        SettingsError: as `read_settings`.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # RecursionError: lists in lists without end
        raise SettingsError(f"{path} cannot be read: {error}", path, text) from error
    device = {key: table.pop(key) for key in DEVICE_TABLES if key in table}
    settings = Settings(device=device, path=path, text=text)
    for key, value in sorted(table.items()):
        reader = _READERS.get(key)
        if reader is None:
            known = ", ".join(sorted((*_READERS, *DEVICE_TABLES)))
            raise ValueError(f"{path}: the key {key!r} is unknown. Known: {known}.")
        try:
            settings = reader(settings, value)
        except ValueError as error:
            raise SettingsError(f"{path}: '{key}' {error}", path, text, key) from None
    return settings


# Each reader returns the settings with its key's value taken over. It raises ValueError with the rest of a sentence that begins with
# the key: "must be a list of strings."


def _read_exclude(settings: Settings, value: object) -> Settings:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of strings.")
    return replace(settings, exclude=tuple(value))


def _read_target(settings: Settings, value: object) -> Settings:
    if not isinstance(value, str) or not is_target(value):
        raise ValueError(known_targets(value if isinstance(value, str) else str(value)))
    return replace(settings, target=value)


def _read_board(settings: Settings, value: object) -> Settings:
    if not isinstance(value, dict):
        raise ValueError("must be a table.")
    for key in sorted(value.keys() - {"pins", "baud", "slave"}):
        raise ValueError(f"has no key {key!r}. It has pins, baud and slave.")
    pins, baud, slave = value.get("pins", {}), value.get("baud", 115200), value.get("slave", 1)
    if not isinstance(pins, dict) or not all(isinstance(pin, str) for pin in pins.values()):
        raise ValueError('has pins that are no table of addresses and pins, such as "%IX0.0" = "A3".')
    if type(baud) is not int or baud not in BAUD_RATES:
        raise ValueError(f"has a baud that is none of {', '.join(map(str, BAUD_RATES))}.")
    if type(slave) is not int or not 1 <= slave <= 247:
        raise ValueError("has a slave that is not a number from 1 to 247.")
    return replace(settings, pins=pins, serial=SerialSettings(baud, slave))


_READERS: Final[Mapping[str, Callable[[Settings, object], Settings]]] = {
    "board": _read_board,
    "exclude": _read_exclude,
    "target": _read_target,
}
