"""Where a unit's text stands in the user's files.

Invariant: the code generator knows offsets into units only; names and line numbers come from here, and no absolute path
enters generated code, so the same program gives the same MD5 in every folder.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rung.syntax.tree import Unit


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """One file of a program. `name` is unique within the program, short and free of folders of the user's machine; the C++
    compiler prints it. `path` is how the user names the file. `text` is the whole file."""

    name: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A unit's place: its text is `file.text[offset : offset + len(unit.text)]`."""

    file: SourceFile
    offset: int


class SourceMap(Protocol):
    """What a project supplies so that a message of any C++ compiler leads back to Structured Text."""

    def files(self) -> Sequence[SourceFile]:
        """Return the program's files in a stable order."""

    def origin(self, unit: Unit) -> Origin | None:
        """Return where `unit` stands, or None for a unit that is in no file."""


@dataclass(slots=True)
class FileUnits:
    """A `SourceMap` of files whose units are known."""

    sources: list[SourceFile]
    _origins: dict[Unit, Origin] = field(default_factory=dict)

    @classmethod
    def of(cls, parsed: Iterable[tuple[SourceFile, Sequence[Unit]]]) -> FileUnits:
        """Make the map from each file and the units that its text was parsed into, in order: together they are the text."""
        made = cls([])
        for source, units in parsed:
            made.sources.append(source)
            offset = 0
            for unit in units:
                made._origins[unit] = Origin(source, offset)
                offset += len(unit.text)
        return made

    def files(self) -> Sequence[SourceFile]:
        return self.sources

    def origin(self, unit: Unit) -> Origin | None:
        return self._origins.get(unit)


@dataclass(slots=True)
class LineNumbers:
    """Turns a unit and an offset into a file name and a line counted from 1, as `#line` wants it."""

    sources: SourceMap
    _starts: dict[str, list[int]] = field(default_factory=dict)

    def locate(self, unit: Unit, offset: int) -> tuple[str, int] | None:
        """Return (file name, line) of `offset` in `unit.text`, or None when the unit is in no file."""
        origin = self.sources.origin(unit)
        if origin is None:
            return None
        starts = self._starts.get(origin.file.name)
        if starts is None:
            text = origin.file.text
            starts = [0, *(i + 1 for i, c in enumerate(text) if c == "\n")]
            self._starts[origin.file.name] = starts
        return origin.file.name, bisect_right(starts, origin.offset + offset)
