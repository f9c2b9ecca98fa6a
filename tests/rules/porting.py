"""Asking what a build target cannot do of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rung.rules import check_pou_for, check_program_for
from rung.rules.por_targets import BOARD
from rung.rules.registry import find
from rung.semantics.analysis import analyse
from rung.syntax.parser import parse_file
from rung.syntax.problem import Problem
from rung.targets.board import Board, find_board

Findings = Callable[[str], Iterator[Problem]]


def limits_of(target: str, *, on_request: bool = False, board: Board | None = None) -> Findings:
    """Return what finds a target's limits in a text that has no errors otherwise, in offsets into that text.

    A target that is a board is `board`, or as the table has it.
    """
    board = board or find_board(target)
    family = target if board is None else BOARD

    def findings(text: str) -> Iterator[Problem]:
        offsets = {unit: offset for offset, unit in parse_file(text)}
        program = analyse(list(offsets))
        wrong = [problem.message for _, problem in program.problems if find(problem.code).severity == "error"]
        assert wrong == []
        found = [
            (item.pou.unit, problem)
            for item in program.analyses.values()
            for problem in check_pou_for(item, target, board)
        ]
        for unit, problem in [*found, *check_program_for(program, target, board)]:
            assert unit is not None
            assert family in find(problem.code).targets
            at = offsets[unit]
            if on_request or "on-request" not in find(problem.code).tags:
                yield Problem(problem.code, problem.start + at, problem.end + at, problem.message)

    return findings
