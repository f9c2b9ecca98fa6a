"""All findings of a program with lines and columns: the border between offsets in units and positions in files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.project.settings import Settings, board_for
from rung.project.snapshot import Place, Snapshot, SourceFile
from rung.rules import check_pou, check_pou_for, check_program, check_program_for
from rung.rules.registry import find
from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit
from rung.targets.board import Board, PinsError, find_board
from rung.targets.names import DEFAULT_TARGET

if TYPE_CHECKING:
    from rung.codegen.plugins import Uses

Position = tuple[int, int]  # line and character, both from 0, characters in UTF-16 units


@dataclass(slots=True, frozen=True)
class RelatedPlace:
    """A second place that explains a finding."""

    file: Path
    start: Position
    end: Position
    message: str


@dataclass(slots=True, frozen=True)
class Diagnostic:
    """A finding as a user sees it; `severity` is error, warning, info or hint."""

    file: Path
    start: Position
    end: Position
    severity: str
    code: str
    message: str
    related: tuple[RelatedPlace, ...] = ()
    tags: tuple[str, ...] = ()
    data: str | None = None


class Findings:
    """The findings of one snapshot after another; what an edit did not touch is taken over."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._target = DEFAULT_TARGET
        self._board: Board | None = None
        self._found: dict[Path, list[Diagnostic]] = {}
        self._by_pou: dict[Analysis, list[Problem]] = {}
        self._ported: dict[Analysis, list[Problem]] = {}
        self._addresses: Uses = {}

    def of(self, snapshot: Snapshot, target: str = DEFAULT_TARGET) -> dict[Path, list[Diagnostic]]:
        """Return every finding by file, in the order of their places; files without findings are left out.

        Args:
            snapshot: the program.
            target: what it is to be built for; what that target cannot do is found, too.
        """
        board = _board(snapshot.settings, target)
        if target != self._target or board != self._board:
            self._target, self._board, self._ported, self._snapshot = target, board, {}, None
        if snapshot is not self._snapshot:
            self._found = _locate(snapshot, self._problems(snapshot.program))
            self._found |= self._about_settings(snapshot, target)
            self._snapshot = snapshot
        return self._found

    def _about_settings(self, snapshot: Snapshot, target: str) -> dict[Path, list[Diagnostic]]:
        if not snapshot.settings.device and not snapshot.settings.pins:
            return {}
        from rung.ide.device_settings import settings_findings  # only a project with a configured device pays for this

        return settings_findings(snapshot, target, self._addresses)

    def _problems(self, program: Program) -> Iterator[tuple[Unit, Problem]]:
        known, ported = self._by_pou, self._ported
        self._by_pou, self._ported = {}, {}
        yield from program.problems
        for analysis in program.analyses.values():
            found, more = known.get(analysis), ported.get(analysis)
            if found is None:
                found = check_pou(analysis)
            if more is None:
                more = check_pou_for(analysis, self._target, self._board)
            self._by_pou[analysis], self._ported[analysis] = found, more
            unit = analysis.pou.unit
            assert unit is not None, "only what stands in a text is analysed"
            yield from ((unit, problem) for problem in found)
            yield from ((unit, problem) for problem in more)
        yield from check_program(program)
        yield from check_program_for(program, self._target, self._board)


def diagnostics(snapshot: Snapshot, target: str = DEFAULT_TARGET) -> dict[Path, list[Diagnostic]]:
    """Return every finding by file, in the order of their places; files without findings are left out.

    `target` is what the program is to be built for; what that target cannot do is found, too.
    """
    return Findings().of(snapshot, target)


def retargeted(
    snapshot: Snapshot, found: Mapping[Path, Sequence[Diagnostic]], target: str
) -> dict[Path, list[Diagnostic]]:
    """Return known findings about a program as they are for `target`: what they say of any target's limits is replaced."""
    board = _board(snapshot.settings, target)
    fresh = _locate_rules(snapshot, _portability(snapshot.program, target, board))
    for path, items in found.items():
        fresh[path] += [item for item in items if not find(item.code).targets]
    settings = snapshot.settings
    if settings.path is not None and snapshot.program.configuration is not None and (settings.device or settings.pins):
        from rung.ide.device_settings import target_findings

        fresh[settings.path] += target_findings(settings, target)
    return _in_order(fresh)


def _board(settings: Settings, target: str) -> Board | None:
    """Return the board that a program is for. Has it pins that it cannot have, which is a finding of its own, it is as the table has it."""
    try:
        return board_for(settings, target)
    except PinsError:
        return find_board(target)


def _portability(program: Program, target: str, board: Board | None) -> Iterator[tuple[Unit, Problem]]:
    for analysis in program.analyses.values():
        unit = analysis.pou.unit
        assert unit is not None, "only what stands in a text is analysed"
        yield from ((unit, problem) for problem in check_pou_for(analysis, target, board))
    yield from check_program_for(program, target, board)


def _locate(snapshot: Snapshot, rules: Iterable[tuple[Unit, Problem]]) -> dict[Path, list[Diagnostic]]:
    found = _locate_rules(snapshot, rules)
    for file in snapshot.files.values():
        found[file.path] += [_located(snapshot, Place(file, 0), None, problem) for problem in file.problems]
        for placed in file.units:
            here = Place(file, placed.offset)
            found[file.path] += [_located(snapshot, here, placed.unit, problem) for problem in placed.unit.problems]
    return _in_order(found)


def _locate_rules(snapshot: Snapshot, rules: Iterable[tuple[Unit, Problem]]) -> defaultdict[Path, list[Diagnostic]]:
    found: defaultdict[Path, list[Diagnostic]] = defaultdict(list)
    for unit, problem in rules:
        place = snapshot.place(unit)
        found[place.file.path].append(_located(snapshot, place, unit, problem))
    return found


def _in_order(found: Mapping[Path, list[Diagnostic]]) -> dict[Path, list[Diagnostic]]:
    return {
        path: _merged(sorted(items, key=lambda item: (item.start, item.end, item.code)))
        for path, items in found.items()
        if items
    }


def _merged(items: list[Diagnostic]) -> list[Diagnostic]:
    """Of findings that a file shows once, let the first name the others. `items` are those of one file, in order."""
    first: dict[str, int] = {}
    kept: list[Diagnostic] = []
    for item in items:
        if "once" not in item.tags:
            kept.append(item)
        elif item.code not in first:
            first[item.code] = len(kept)
            kept.append(item)
        else:
            shown = kept[first[item.code]]
            other = RelatedPlace(item.file, item.start, item.end, "Another one is here.")
            kept[first[item.code]] = replace(shown, related=(*shown.related, other))
    return kept


def flat(found: Mapping[Path, Sequence[Diagnostic]]) -> list[Diagnostic]:
    """Return the findings of all files in one list, file by file."""
    return [item for path in sorted(found) for item in found[path]]


def to_json(items: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """Return findings as the JSON contract has them."""
    return [
        {
            "file": str(item.file),
            "range": _range(item.start, item.end),
            "severity": item.severity,
            "code": item.code,
            "message": item.message,
            "related": [
                {"file": str(other.file), "range": _range(other.start, other.end), "message": other.message}
                for other in item.related
            ],
        }
        for item in items
    ]


def device_to_json(file: str | None, line: int, column: int | None, severity: str, message: str) -> dict[str, object]:
    """Return what a device's compiler said in the same form.

    Args:
        file: the user's file; None where the place is not in the user's program.
        line: from 1; 0 where there is none.
        column: from 1; None where there is none.
        severity: error, warning or info.
        message: what it said.
    """
    place = (max(line - 1, 0), max((column or 1) - 1, 0))
    return {
        "file": file,
        "range": _range(place, place),
        "severity": severity,
        "code": "device",
        "message": message,
        "related": [],
    }


def has_errors(items: Sequence[Diagnostic]) -> bool:
    """Whether a program with these findings cannot be built."""
    return any(item.severity == "error" for item in items)


def _located(snapshot: Snapshot, place: Place, unit: Unit | None, problem: Problem) -> Diagnostic:
    rule = find(problem.code)
    related = []
    for other in problem.related:
        there = place if other.unit is None or other.unit is unit else snapshot.place(other.unit)
        start, end = _span(there.file, there.offset, other.start, other.end)
        related.append(RelatedPlace(there.file.path, start, end, other.message))
    start, end = _span(place.file, place.offset, problem.start, problem.end)
    return Diagnostic(
        place.file.path,
        start,
        end,
        rule.severity,
        problem.code,
        problem.message,
        tuple(related),
        tuple(rule.tags),
        problem.data,
    )


def _span(file: SourceFile, offset: int, start: int, end: int) -> tuple[Position, Position]:
    return file.lines.position(offset + start), file.lines.position(offset + max(start, end))


def _range(start: Position, end: Position) -> dict[str, object]:
    return {"start": {"line": start[0], "character": start[1]}, "end": {"line": end[0], "character": end[1]}}
