"""`rung.toml`: what a project says about itself. Every key is optional; an unknown key is an error, never ignored."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path

SETTINGS_FILE = "rung.toml"


@dataclass(slots=True, frozen=True)
class Settings:
    """`exclude` holds glob patterns of files and folders, relative to the project folder, that are not part of the program."""

    exclude: tuple[str, ...] = ()


def read_settings(folder: Path) -> Settings:
    """Read `rung.toml` of a project folder; a folder without one has the defaults.

    Raises:
        ValueError: the file is not TOML, or a key is unknown or of the wrong type; the text names file and key.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return Settings()
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    known = {item.name for item in fields(Settings)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(f"{path}: the key '{unknown[0]}' is unknown. Known: {', '.join(sorted(known))}.")
    exclude = table.get("exclude", [])
    if not isinstance(exclude, list) or not all(isinstance(item, str) for item in exclude):
        raise ValueError(f"{path}: 'exclude' must be a list of strings.")
    return Settings(tuple(exclude))
