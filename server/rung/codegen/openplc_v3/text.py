"""The text in the making, each line with the place in the user's files that it stems from.

Invariant: one statement or declaration a line, no line break inside of one, so the line map needs no columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rung.codegen.sources import LineNumbers, SourceMap
from rung.syntax.tree import Unit

Origin = tuple[str, int]
Line = tuple[str, Origin | None]
Where = tuple[Unit | None, int]


@dataclass(slots=True)
class Places:
    """Finds the user's file path and line, counted from 1, of an offset in a unit."""

    sources: SourceMap
    _numbers: LineNumbers = field(init=False)
    _paths: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = LineNumbers(self.sources)
        self._paths = {file.name: file.path for file in self.sources.files()}

    def find(self, unit: Unit | None, offset: int) -> Origin | None:
        """Return (file path, line), or None for what no file holds."""
        found = None if unit is None else self._numbers.locate(unit, offset)
        return None if found is None else (self._paths[found[0]], found[1])


class Text:
    """Collects lines. What is added stems from the place that `source` named last, or from none after `generated`."""

    __slots__ = ("_depth", "_lines", "_origin", "_places")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lines: list[Line] = []
        self._origin: Origin | None = None
        self._depth = 0

    def source(self, unit: Unit | None, offset: int) -> None:
        """Say where the following lines stem from."""
        self._origin = self._places.find(unit, offset)

    def generated(self) -> None:
        """Say that the following lines stem from no line of the user's."""
        self._origin = None

    def add(self, line: str) -> None:
        """Add one line at the present depth."""
        self._lines.append(("  " * self._depth + line if line else "", self._origin))

    def open(self, line: str) -> None:
        """Add a line, and indent what follows."""
        self.add(line)
        self._depth += 1

    def close(self, line: str) -> None:
        """Add a line one level further out."""
        self._depth -= 1
        self.add(line)

    def middle(self, line: str) -> None:
        """Add a line such as ELSE between two indented parts."""
        self.close(line)
        self._depth += 1

    @contextmanager
    def captured(self) -> Iterator[list[Line]]:
        """Collect what is added meanwhile in the list that this gives, instead of in the text."""
        outer, self._lines = self._lines, []
        try:
            yield self._lines
        finally:
            self._lines = outer

    def extend(self, lines: list[Line], deeper: int = 0) -> None:
        """Add lines that were collected before, `deeper` levels further in."""
        self._lines += [(f"{'  ' * deeper}{line}" if line else "", origin) for line, origin in lines]

    @property
    def lines(self) -> list[Line]:
        """All lines so far."""
        return self._lines
