"""Diagnostics: what is wrong with a program, one registry row per code.

Two kinds of rule look at what the checker has decided: those that need one POU, whose findings an editor may keep as long as that
POU's analysis stands, and those that need the whole program.
"""

from __future__ import annotations

from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit
from rung.targets.board import Board


def check(program: Program) -> list[tuple[Unit, Problem]]:
    """Return every finding beyond the syntax, each with the unit that its offsets refer to."""
    found = list(program.problems)
    for analysis in program.analyses.values():
        if analysis.pou.unit is not None:
            found += [(analysis.pou.unit, problem) for problem in check_pou(analysis)]
    return found + check_program(program)


def check_pou(analysis: Analysis) -> list[Problem]:
    """Return what the rules find in one POU, beyond what the checker itself has reported. Depends on the analysis alone."""
    from rung.rules import ctl, dat, loc, typ

    rules = (*typ.POU_RULES, *ctl.POU_RULES, *dat.POU_RULES, *loc.POU_RULES)
    return [problem for rule in rules for problem in rule(analysis)]


def check_program(program: Program) -> list[tuple[Unit, Problem]]:
    """Return what the rules find in the program as a whole."""
    from rung.rules import loc, tsk

    return [pair for rule in (*loc.PROGRAM_RULES, *tsk.PROGRAM_RULES) for pair in rule(program)]


def check_pou_for(analysis: Analysis, target: str, board: Board | None = None) -> list[Problem]:
    """Return what a build target cannot do of one POU; `board` is the target if it is one. Depends on these three alone."""
    from rung.rules import por

    return list(por.check_pou(analysis, target, board))


def check_program_for(program: Program, target: str, board: Board | None = None) -> list[tuple[Unit, Problem]]:
    """Return what a build target cannot do of what stands outside of POUs, and of the program as a whole."""
    from rung.rules import por

    return list(por.check_program(program, target, board))
