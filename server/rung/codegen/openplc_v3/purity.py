"""Which functions may change something beside their result, so that the order of their calls shows."""

from __future__ import annotations

from rung.semantics.model import Pou, Program, Variable
from rung.syntax.tree import PouKind, SectionKind


def impure_functions(program: Program) -> frozenset[Pou]:
    """Return the functions with outputs or in-outs, with globals or located variables, and those that call such ones."""
    impure: set[Pou] = set()
    for pou in program.pous.values():  # callees first
        if pou.kind is PouKind.FUNCTION and pou.declaration is not None and _is_impure(pou, program, impure):
            impure.add(pou)
    return frozenset(impure)


def _is_impure(pou: Pou, program: Program, impure: set[Pou]) -> bool:
    own = set(pou.variables.values())
    for variable in own:
        if variable.section in (SectionKind.VAR_IN_OUT, SectionKind.VAR_OUTPUT) and variable.key != pou.key:
            return True
        if variable.section is SectionKind.VAR_EXTERNAL or variable.address is not None:
            return True
    analysis = program.analyses[pou.key]
    if any(
        isinstance(symbol, Variable) and symbol not in own and symbol.unit is not pou.unit
        for symbol in analysis.symbols.values()
    ):
        return True
    return any(isinstance(call.callee, Pou) and call.callee in impure for call in analysis.calls.values())
