"""How the checker's tests state what a program should give: marked fixtures, and questions about a typed program."""

from __future__ import annotations

from fixtures import Mark, read
from rung.semantics.analysis import analyse
from rung.semantics.codes import CODES
from rung.semantics.model import Program
from rung.semantics.types import Constant, Type
from rung.semantics.wording import type_name
from rung.syntax.lines import LineIndex
from rung.syntax.parser import parse_file
from rung.syntax.problem import Problem
from rung.syntax.tree import Assign, Expr, Unit


def units_of(text: str) -> list[Unit]:
    """Parse a text that has no syntax errors."""
    units = [unit for _, unit in parse_file(text)]
    broken = [problem.message for unit in units for problem in unit.problems]
    assert not broken, broken
    return units


def program_of(text: str) -> Program:
    """Return the typed program of a text without syntax errors."""
    return analyse(units_of(text))


def problems_of(text: str) -> list[Problem]:
    """Return what the checker finds, in offsets into the text."""
    offsets = {unit: offset for offset, unit in parse_file(text)}
    places = list(offsets.items())
    program = analyse([unit for unit, _ in places])
    return [
        Problem(item.code, item.start + offsets[unit], item.end + offsets[unit], item.message, item.related, item.data)
        for unit, item in program.problems
    ]


def check(source: str) -> None:
    """Assert that a fixture gives exactly its marks; see `fixtures`."""
    fixture = read(source)
    lines = LineIndex(fixture.text)
    found = []
    for problem in problems_of(fixture.text):
        line, column = lines.position(problem.start, "utf-32")
        length = max(1, min(problem.end, lines.line_end(line)) - problem.start)
        found.append(Mark(line, column, length, CODES[problem.code][0], problem.code, problem.message))
    shown = "\n".join(
        f"{m.line}: {' ' * max(0, m.column - 2)}//{'^' * m.length} {m.severity}[{m.code}]: {m.message}" for m in found
    )
    assert len(found) == len(fixture.marks), f"\n{fixture.text}\nfound:\n{shown}"
    for one, mark in zip(found, sorted(fixture.marks, key=lambda mark: (mark.line, mark.column)), strict=True):
        same = (one.line, one.column, one.length, one.severity, one.code) == (
            mark.line,
            mark.column,
            mark.length,
            mark.severity,
            mark.code,
        )
        assert same, f"\n{fixture.text}\nfound:\n{shown}\npromised:\n{mark}"
        assert mark.message in one.message, f"\nfound:\n{shown}\npromised:\n{mark}"


def body(variables: str, statements: str) -> str:
    """Return a PROGRAM with these declarations and statements."""
    return f"PROGRAM Main\nVAR\n{variables}\nEND_VAR\n{statements}\nEND_PROGRAM\n"


class Typed:
    """The value of `x := expression;` in a PROGRAM with some declarations."""

    def __init__(self, declarations: str, target: str, expression: str, prelude: str = "") -> None:
        program = program_of(
            f"{prelude}\nPROGRAM Main\nVAR\n{declarations}\nx : {target};\nEND_VAR\nx := {expression};\nEND_PROGRAM\n"
        )
        self.problems = [problem for _, problem in program.problems]
        self.analysis = program.analyses["MAIN"]
        declaration = program.pous["MAIN"].declaration
        assert declaration is not None
        statement = declaration.body[0]
        assert isinstance(statement, Assign)
        self.node: Expr = statement.value

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def type(self) -> str:
        """The name of the type of the value itself."""
        return type_name(self.analysis.types[self.node])

    @property
    def converted(self) -> str | None:
        """The name of the type that the value is implicitly converted to, None if it is not."""
        kind: Type | None = self.analysis.converted.get(self.node)
        return None if kind is None else type_name(kind)

    @property
    def constant(self) -> Constant | None:
        return self.analysis.constants.get(self.node)
