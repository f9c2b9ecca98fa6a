"""A program's files at one moment, and what they mean.

Invariants: a snapshot never changes, an edit makes a new one; two snapshots share every unit whose text did not change, and the
meaning of every body that its edit cannot have touched. Editing a body costs in proportion to that body.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rung.project.resplit import resplit
from rung.project.settings import Settings
from rung.semantics.analysis import analyse
from rung.semantics.model import Program
from rung.syntax.lines import LineIndex
from rung.syntax.parser import parse_unit
from rung.syntax.problem import Problem
from rung.syntax.source import decode
from rung.syntax.split import split
from rung.syntax.tree import Unit


@dataclass(slots=True, frozen=True)
class PlacedUnit:
    """A unit and the offset in its file at which its text begins."""

    offset: int
    unit: Unit


@dataclass(slots=True, eq=False)
class SourceFile:
    """One file: its text, cut into units. `problems` are findings about the file as such (its encoding), in file offsets."""

    path: Path
    text: str
    units: tuple[PlacedUnit, ...]
    problems: tuple[Problem, ...] = ()
    _lines: LineIndex | None = field(default=None, repr=False)

    @property
    def lines(self) -> LineIndex:
        """Line and column of an offset; made when first asked for."""
        if self._lines is None:
            self._lines = LineIndex(self.text)
        return self._lines


@dataclass(slots=True, frozen=True)
class Place:
    """Where a unit stands."""

    file: SourceFile
    offset: int


class Snapshot:
    """The files of one program, by path, and what its `rung.toml` says."""

    __slots__ = ("_places", "_previous", "_program", "files", "settings")

    def __init__(
        self, files: Mapping[Path, SourceFile], previous: Program | None = None, settings: Settings | None = None
    ) -> None:
        self.files = files
        self.settings = settings or Settings()
        self._previous = previous
        self._program: Program | None = None
        self._places: dict[Unit, Place] | None = None

    @property
    def program(self) -> Program:
        """The whole program, typed. Computed once; bodies that the last edit did not touch are taken over."""
        if self._program is None:
            units = [placed.unit for path in sorted(self.files) for placed in self.files[path].units]
            self._program = analyse(units, self._previous)
            self._previous = None
        return self._program

    def place(self, unit: Unit) -> Place:
        """Return where a unit stands: one of this snapshot, or an earlier one whose place it took by an edit inside a body."""
        if self._places is None:
            self._places = {
                placed.unit: Place(file, placed.offset) for file in self.files.values() for placed in file.units
            }
        place = self._places.get(unit)
        if place is None:
            environment = self.program.environment
            assert environment is not None
            place = self._places[environment.unit_now(unit)]
        return place

    def changed(self, contents: Mapping[Path, str | bytes | None]) -> Snapshot:
        """Return the snapshot in which some files hold something else: a text, bytes as read from a disk, or None for no file."""
        files = dict(self.files)
        for path, content in contents.items():
            previous = files.pop(path, None)
            if isinstance(content, str):
                files[path] = make_file(path, content, previous)
            elif content is not None:
                files[path] = read_bytes(path, content, previous)
        return Snapshot(files, self._program or self._previous, self.settings)

    def with_text(self, path: Path, text: str) -> Snapshot:
        """Return the snapshot in which `path` holds `text`, a new file or a changed one."""
        return self.changed({path: text})

    def with_settings(self, settings: Settings) -> Snapshot:
        """Return the snapshot of the same files in a project with these settings."""
        return Snapshot(self.files, self._program or self._previous, settings)


EMPTY = Snapshot({})


def load(paths: Iterable[Path], settings: Settings | None = None) -> Snapshot:
    """Read files into a snapshot of a project with these settings.

    Raises:
        OSError: a file cannot be read; the exception names it.
    """
    return Snapshot({path: read_bytes(path, path.read_bytes(), None) for path in paths}, settings=settings)


def read_bytes(path: Path, data: bytes, previous: SourceFile | None) -> SourceFile:
    """Make a source file of bytes: decoded, findings about the encoding kept."""
    text, problems = decode(data)
    file = make_file(path, text, previous)
    file.problems = tuple(problems)
    return file


def make_file(path: Path, text: str, previous: SourceFile | None) -> SourceFile:
    """Cut a text into units, taking over from the previous version every unit whose text is the same."""
    known: defaultdict[str, list[Unit]] = defaultdict(list)
    if previous is None:
        starts = split(text)
    else:
        starts = resplit(previous.text, [placed.offset for placed in previous.units], text)
        for placed in reversed(previous.units):
            known[placed.unit.text].append(placed.unit)
    units: list[PlacedUnit] = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        part = text[start:end]
        same = known.get(part)
        units.append(PlacedUnit(start, same.pop() if same else parse_unit(part)))
    return SourceFile(path, text, tuple(units))
