"""Every diagnostic code that Rung knows, one row each.

Invariant: a code is emitted by exactly one layer, has exactly one row, and keeps its meaning once published. The row decides how
severe a finding is; whoever reports one only names the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit

Severity = Literal["error", "warning", "info", "hint"]
Tag = Literal["unnecessary", "deprecated", "on-request", "once"]

PouRule = Callable[[Analysis], Iterator[Problem]]
ProgramRule = Callable[[Program], Iterator[tuple[Unit, Problem]]]


@dataclass(slots=True, frozen=True)
class Rule:
    """A row of the registry.

    `why` says what the finding means for the program and the machine, `fix` what to do. `bad` is a text that shows this finding
    and no other, `good` the same without any. `references` name clauses of IEC 61131-3 ed. 3 and comparable rules elsewhere.
    Of the `tags`, `on-request` findings are shown only to who asks, and of `once` findings a file shows the first, which names the others.
    `targets` are the build targets whose limit the finding is about, the first that of the examples; empty: it holds for every target. `board` among
    them stands for all boards.
    """

    code: str
    slug: str
    severity: Severity
    title: str
    why: str
    fix: str
    bad: str
    good: str
    references: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    targets: tuple[str, ...] = ()


@cache
def rules() -> dict[str, Rule]:
    """Return all rows by code, in the order of their codes within each family."""
    from rung.rules import cal, cfg, ctl, dat, loc, nam, por, syn, tsk, typ

    families = (syn, nam, typ, cal, ctl, dat, loc, tsk, por, cfg)
    return {row.code: row for family in families for row in family.RULES}


def find(code: str) -> Rule:
    """Return the row of a code.

    Raises:
        KeyError: no layer may emit a code without a row.
    """
    return rules()[code]
