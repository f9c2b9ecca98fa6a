"""POR: portability. What the target that a program is built for cannot take, or does otherwise than the others.

Invariants: a rule judges one POU by its analysis alone, or what stands outside of POUs; every refusal of an adapter in `codegen` has an
error here before it, so that a program without errors can be built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules import por_addresses, por_boards, por_calls, por_scopes, por_tasks, por_types
from rung.rules.registry import Rule
from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit
from rung.targets.board import Board

_ROOMS: Final = (por_types, por_calls, por_scopes, por_addresses, por_tasks)
_POU_RULES: Final = tuple(row for room in _ROOMS for row in room.POU_RULES)
_PROGRAM_RULES: Final = tuple(row for room in _ROOMS for row in room.PROGRAM_RULES)


def check_pou(analysis: Analysis, target: str, board: Board | None) -> Iterator[Problem]:
    """Yield what `target`, which is `board` if there is one, cannot do of one POU. Depends on these alone."""
    if board is not None:
        for check in por_boards.POU_RULES:
            yield from check(analysis, board)
        return
    for targets, rule in _POU_RULES:
        if target in targets:
            yield from rule(analysis, target)


def check_program(program: Program, target: str, board: Board | None) -> Iterator[tuple[Unit, Problem]]:
    """Yield what `target` cannot do of all that stands outside of POUs, and of the program as a whole."""
    if board is not None:
        for check in por_boards.PROGRAM_RULES:
            yield from check(program, board)
        return
    for targets, rule in _PROGRAM_RULES:
        if target in targets:
            yield from rule(program, target)


RULES: Final[tuple[Rule, ...]] = tuple(
    sorted((rule for room in (*_ROOMS, por_boards) for rule in room.RULES), key=lambda rule: rule.code)
)
