"""The web pages of OpenPLC Runtime v3, read as far as a client needs them (runtime protocol v3, section 1).

Pages are untrusted: the parser never raises, keeps a bounded number of things, and what it finds is checked by who uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rung.runtimes.html_tags import tags_and_texts
from rung.runtimes.machine import PlcState

CSRF: Final = "csrf_token"
_MOST = 20_000
_SPACE = re.compile(r"\s+")
_REFRESH = re.compile(r"\s*\d{1,3}\s*;\s*url\s*=\s*['\"]?(\S{1,300}?)['\"]?\s*", re.IGNORECASE)
_STATES = {"Running": PlcState.RUNNING, "Stopped": PlcState.STOPPED, "Compiling": PlcState.COMPILING}
_ROW = re.compile(r"reload-program\?table_id=(\d{1,9})")


@dataclass(slots=True)
class Page:
    """What was found on a page.

    Attributes:
        inputs: the value of each form field by its name (the first of that name).
        hidden: those of them that the user does not see, to be sent back as they are.
        checked: the ids of the boxes that are ticked.
        rows: of each table row, its `onclick` and the texts of its cells.
        headings: the texts of `<h2>` headings.
        refresh: where the page sends the browser by itself.
        runs: the visible texts between tags, blanks made single.
    """

    inputs: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    refresh: str | None = None
    runs: list[str] = field(default_factory=list)

    @property
    def is_compiling(self) -> bool:
        """Whether this is the page that stands in for nearly all others while the runtime compiles: nothing was done then."""
        return "Compiling program" in self.headings

    @property
    def text(self) -> str:
        """All visible text in one line."""
        return " ".join(self.runs)

    @property
    def compiling_name(self) -> str | None:
        """The name of the program that is compiled, as the top bar shows it."""
        return self._after("Compiling:")

    @property
    def state(self) -> PlcState | None:
        """The program's state, as every page of a logged-in user shows it."""
        if self.is_compiling:
            return PlcState.COMPILING
        return _STATES.get(self._after("Status:") or "")

    def _after(self, label: str) -> str | None:
        """The text that follows a label in the next element."""
        for run, following in zip(self.runs, self.runs[1:], strict=False):
            if run == label:
                return following
        return None

    def program_id(self, name: str) -> str | None:
        """The number of the row of a program, by its exact name."""
        for onclick, cells in self.rows:
            match = _ROW.search(onclick)
            if match and cells and cells[0] == name:
                return match[1]
        return None


def read_page(html: str) -> Page:
    """Read a page."""
    reader = _Reader()
    for found in tags_and_texts(html):
        if isinstance(found, str):
            reader.text(found)
        elif found.closes:
            reader.closing(found.name)
        else:
            reader.opening(found.name, found.attributes)
    return reader.page


class _Reader:
    def __init__(self) -> None:
        self.page = Page()
        self._cell: list[str] | None = None
        self._heading: list[str] | None = None

    def opening(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "input" and len(self.page.inputs) < _MOST:
            self._input(values)
        elif tag == "tr" and len(self.page.rows) < _MOST:
            self.page.rows.append((values.get("onclick", "")[:500], []))
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "h2":
            self._heading = []
        elif tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            match = _REFRESH.fullmatch(values.get("content", ""))
            self.page.refresh = match[1] if match else None

    def closing(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            if self.page.rows and len(self.page.rows[-1][1]) < 20:
                self.page.rows[-1][1].append(_SPACE.sub(" ", "".join(self._cell)).strip())
            self._cell = None
        elif tag == "h2" and self._heading is not None:
            if len(self.page.headings) < _MOST:
                self.page.headings.append(_SPACE.sub(" ", "".join(self._heading)).strip())
            self._heading = None

    def text(self, data: str) -> None:
        run = _SPACE.sub(" ", data).strip()
        if run and len(self.page.runs) < _MOST:
            self.page.runs.append(run)
        for part in (self._cell, self._heading):
            if part is not None:
                part.append(data)

    def _input(self, values: Mapping[str, str]) -> None:
        name = values.get("name", "")
        if name:
            self.page.inputs.setdefault(name, values.get("value", ""))
            if values.get("type", "").lower() == "hidden":
                self.page.hidden.setdefault(name, values.get("value", ""))
        if "checked" in values:
            self.page.checked.add(values.get("id", name))
