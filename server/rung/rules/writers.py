"""Which programs write which global variables, through whatever they call.

Invariant: what one body writes depends on its analysis alone, so it is worked out once for each analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rung.rules.walk import writes
from rung.semantics.model import Analysis, Pou, Program, Variable
from rung.syntax.tree import Expr, SectionKind, Unit


@dataclass(slots=True, frozen=True)
class Body:
    """What one body does: the globals it writes, each with the first place, and the POUs it calls, by upper-case name."""

    written: Mapping[Variable, tuple[Unit, Expr]]
    called: frozenset[str]


# Of the program looked at last, so that an edit costs the bodies it touched; analyses that no program holds any more are let go.
_known: dict[Analysis, Body] = {}


def bodies(program: Program) -> dict[str, Body]:
    """Return what each body of a program does, by upper-case name."""
    global _known
    known = _known
    found = {key: known.get(analysis) or _body(analysis) for key, analysis in program.analyses.items()}
    _known = {analysis: found[key] for key, analysis in program.analyses.items()}
    return found


def written_by(pou: Pou, known: Mapping[str, Body]) -> dict[Variable, tuple[Unit, Expr]]:
    """Return every global that a POU or anything it calls writes, with a place where it does."""
    found: dict[Variable, tuple[Unit, Expr]] = {}
    pending, seen = [pou.key], {pou.key}
    while pending:
        body = known.get(pending.pop())
        if body is None:
            continue
        for variable, place in body.written.items():
            found.setdefault(variable, place)
        for key in sorted(body.called - seen):
            seen.add(key)
            pending.append(key)
    return found


def _body(analysis: Analysis) -> Body:
    declaration, unit = analysis.pou.declaration, analysis.pou.unit
    written: dict[Variable, tuple[Unit, Expr]] = {}
    if declaration is not None and unit is not None:
        for place, variable in writes(analysis, declaration.body):
            known = variable.target or variable
            if known.section is SectionKind.VAR_GLOBAL:
                written.setdefault(known, (unit, place))
    called = {resolved.callee.key for resolved in analysis.calls.values() if isinstance(resolved.callee, Pou)}
    return Body(written, frozenset(called))
