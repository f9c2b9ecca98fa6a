"""Diagnostics: what is wrong with a program, one registry row per code."""

from __future__ import annotations

from rung.semantics.model import Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit


def check(program: Program) -> list[tuple[Unit, Problem]]:
    """Return every finding beyond the syntax, each with the unit that its offsets refer to."""
    found = list(program.problems)
    for analysis in program.analyses.values():
        if analysis.pou.unit is not None:
            found += [(analysis.pou.unit, problem) for problem in analysis.problems]
    return found
