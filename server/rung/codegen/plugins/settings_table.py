"""Reading a table of `rung.toml` key by key: every flaw is noted with its place, and none is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

KeyPath = tuple[str | int, ...]
_LONGEST_TEXT: Final = 1000


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a setting. `path` leads to it: keys of tables, and numbers (from 0) of what stands in lists."""

    path: KeyPath
    code: str
    message: str


class SettingsTable:
    """One table.

    Args:
        values: what the file holds in its place.
        path: the way to it.
        flaws: where to note what is wrong.
    """

    def __init__(self, values: object, path: KeyPath, flaws: list[Flaw]) -> None:
        self.path = path
        self._flaws = flaws
        self._values: Mapping[str, object] = {}
        self._asked: dict[str, None] = {}
        if isinstance(values, Mapping):
            self._values = values
        else:
            self.flaw(None, "a table is needed here")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def flaw(self, key: str | None, message: str, code: str = "CFG001") -> None:
        """Note what is wrong with a key, or with the table itself."""
        path = self.path if key is None else (*self.path, key)
        self._flaws.append(Flaw(path, code, f"{_spelled(path)}: {message}."))

    def text(
        self, key: str, default: str | None = None, choices: Sequence[str] = (), longest: int = _LONGEST_TEXT
    ) -> str:
        """A text that is not empty; without a default the key is required."""
        value = self._take(key, default)
        if value is None:
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
            self.flaw(key, f"a text of 1 to {longest} characters is needed")
            return default or ""
        if choices and value not in choices:
            self.flaw(key, f"{value!r} is not one of {', '.join(choices)}")
            return default or choices[0]
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number within limits; without a default the key is required."""
        value = self._take(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        if value is not None:
            self.flaw(key, f"a whole number from {low} to {high} is needed")
        return low if default is None else default

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._take(key, default)
        if isinstance(value, bool):
            return value
        self.flaw(key, "true or false is needed")
        return default

    def table(self, key: str) -> SettingsTable:
        """A table within this one; empty where there is none."""
        self._asked[key] = None
        return SettingsTable(self._values.get(key, {}), (*self.path, key), self._flaws)

    def tables(self, key: str) -> Iterator[SettingsTable]:
        """The tables of a list; none where there is no such key."""
        self._asked[key] = None
        return tables_of(self._values.get(key, []), (*self.path, key), self._flaws)

    def texts(self, key: str, choices: Sequence[str], default: Sequence[str]) -> list[str]:
        """A list of texts, each one of the choices."""
        self._asked[key] = None
        value = self._values.get(key, list(default))
        if not isinstance(value, list) or not value or not all(item in choices for item in value):
            self.flaw(key, f"a list of some of these is needed: {', '.join(choices)}")
            return list(default)
        return [str(item) for item in value]

    def close(self, known: Sequence[str] = ()) -> None:
        """Note every key that nobody asked for and that is not `known`: a misspelled key must not look as if it were obeyed."""
        keys = {*self._asked, *known}
        for key in self._values:
            if key not in keys:
                self.flaw(key, f"this key is unknown; known are {', '.join(sorted(keys))}")

    def _take(self, key: str, default: object) -> object:
        self._asked[key] = None
        value = self._values.get(key, default)
        if value is None:
            self.flaw(None, f"the key '{key}' is missing")
        return value


def tables_of(values: object, path: KeyPath, flaws: list[Flaw]) -> Iterator[SettingsTable]:
    """The tables of a list of tables (`[[name]]`)."""
    if not isinstance(values, list):
        SettingsTable({}, path, flaws).flaw(None, "a list of tables is needed here: write [[ ]] around its name")
        return
    for number, value in enumerate(values):
        yield SettingsTable(value, (*path, number), flaws)


def _spelled(path: KeyPath) -> str:
    """The path as a reader finds it in the file: `modbus_master[1].port`, counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text
