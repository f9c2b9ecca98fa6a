"""The language in which tests state what a text should give.

A fixture is Structured Text in which `$0` is a cursor and a comment under a line marks what is found on that line:

    IF a THEN
  //^^ error[SYN003]: never closed

The carets stand under the finding; after the colon comes a part of its message. The whole set of findings is compared, so a text
without marks must give none. Marks and cursor are taken out before the text is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rung.rules.registry import find
from rung.syntax.lines import LineIndex
from rung.syntax.parser import parse_file
from rung.syntax.problem import Problem

_MARK = re.compile(r"^\s*//\s*(\^+)\s*(error|warning|info|hint)\[([A-Z]{3}\d{3})\](?::\s*(.*?))?\s*$")


@dataclass(frozen=True)
class Mark:
    """A finding that a fixture promises."""

    line: int
    column: int
    length: int
    severity: str
    code: str
    message: str


@dataclass(frozen=True)
class Fixture:
    """A text without its marks; `cursor` is the offset where `$0` stood, or None."""

    text: str
    cursor: int | None
    marks: tuple[Mark, ...]


def read(source: str) -> Fixture:
    """Take marks and cursor out of a fixture."""
    lines: list[str] = []
    marks: list[Mark] = []
    for line in source.split("\n"):
        mark = _MARK.match(line)
        if mark is None:
            lines.append(line)
            continue
        carets, severity, code, message = mark.groups()
        marks.append(Mark(len(lines) - 1, mark.start(1), len(carets), severity, code, message or ""))
    text = "\n".join(lines)
    cursor = text.find("$0")
    if cursor >= 0:
        return Fixture(text[:cursor] + text[cursor + 2 :], cursor, tuple(marks))
    return Fixture(text, None, tuple(marks))


def expect(source: str, findings: Callable[[str], Iterable[Problem]]) -> None:
    """Assert that `findings`, given the fixture's text, yields exactly the marked findings, in offsets into that text."""
    fixture = read(source)
    lines = LineIndex(fixture.text)
    found = sorted(findings(fixture.text), key=lambda problem: (problem.start, problem.code))
    shown = [_describe(lines, problem) for problem in found]
    unmet = list(fixture.marks)
    unexpected = []
    for problem, text in zip(found, shown, strict=True):
        mark = next((mark for mark in unmet if _meets(lines, problem, mark)), None)
        if mark is None:
            unexpected.append(text)
        else:
            unmet.remove(mark)
    assert (unmet, unexpected) == ([], []), _report(fixture.text, unmet, unexpected)


def syntax_problems(text: str) -> list[Problem]:
    """Return what the parser finds in a file, in offsets into the file."""
    return [
        Problem(item.code, item.start + offset, item.end + offset, item.message, item.related, item.data)
        for offset, unit in parse_file(text)
        for item in unit.problems
    ]


def _meets(lines: LineIndex, problem: Problem, mark: Mark) -> bool:
    line, column, length = _place(lines, problem)
    return (
        (line, column, length) == (mark.line, mark.column, mark.length)
        and problem.code == mark.code
        and find(problem.code).severity == mark.severity
        and mark.message in problem.message
    )


def _place(lines: LineIndex, problem: Problem) -> tuple[int, int, int]:
    """Return line, column and length on that line; an empty range counts as one character."""
    line, column = lines.position(problem.start, "utf-32")
    end = min(problem.end, lines.line_end(line))
    return line, column, max(1, end - problem.start)


def _describe(lines: LineIndex, problem: Problem) -> str:
    line, column, length = _place(lines, problem)
    return f"line {line}: {' ' * max(0, column - 2)}//{'^' * length} {find(problem.code).severity}[{problem.code}]: {problem.message}"


def _report(text: str, unmet: list[Mark], unexpected: list[str]) -> str:
    numbered = "\n".join(f"{number:3} {line}" for number, line in enumerate(text.split("\n")))
    missing = "\n".join(
        f"  line {mark.line}: column {mark.column} {mark.severity}[{mark.code}]: {mark.message}" for mark in unmet
    )
    return f"\n{numbered}\npromised but not found:\n{missing or '  -'}\nfound but not promised:\n" + (
        "\n".join(unexpected) or "  -"
    )
