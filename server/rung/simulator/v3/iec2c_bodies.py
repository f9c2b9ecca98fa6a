"""What the parser of the device's compiler refuses in a body: statements and operands that its grammar does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.project.snapshot import Snapshot
from rung.semantics.model import Analysis, Pou, StandardFunction, Variable
from rung.semantics.stdlib import lookup_function
from rung.simulator.v3.complaints import NO_TARGET, Complaint, Places, runaway
from rung.simulator.v3.tree_walk import Node, walk
from rung.syntax.tokens import PRAGMA, SEMICOLON
from rung.syntax.tree import (
    Assign,
    BitAccess,
    Call,
    CaseBranch,
    DirectAddress,
    Empty,
    Expr,
    ExprStatement,
    Index,
    Member,
    NameExpr,
    PouDecl,
    PouKind,
    SectionKind,
)

_NO_VALUE: Final = "invalid expression after ':=' in ST assignment statement."
_NO_SEMICOLON: Final = "';' missing at the end of statement in ST statement."
_NO_STATEMENT: Final = "invalid statement in ST statement."
_NO_CASE: Final = "invalid statement in case element of ST 'CASE' statement."
_NO_PARAMETER: Final = "no parameter defined in function invocation of ST expression."
_FUNCTION_STATEMENT: Final = (
    "Function invocation in ST code is not allowed outside an expression. "
    "To allow this non-standard syntax, activate the apropriate command line option."
)
_KINDS: Final = {
    PouKind.PROGRAM: "program", PouKind.FUNCTION: "function", PouKind.FUNCTION_BLOCK: "function block",
}  # fmt: skip
# Functions of the third edition and of OpenPLC's newer compiler that this one has never heard of.
_UNKNOWN_FUNCTIONS: Final = frozenset({
    "ATAN2", "IS_VALID", "IS_VALID_BCD", "LOWER_BOUND", "UPPER_BOUND", "DAY_OF_WEEK", "CONCAT_DATE", "CONCAT_TOD", "CONCAT_DT",
    "TO_BIG_ENDIAN", "TO_LITTLE_ENDIAN", "FROM_BIG_ENDIAN", "FROM_LITTLE_ENDIAN",
})  # fmt: skip


def body_complaints(
    places: Places, snapshot: Snapshot, offset: int, decl: PouDecl, dropped: frozenset[str]
) -> Iterator[Complaint]:
    """Complain about one body.

    Args:
        places: the text.
        snapshot: the program.
        offset: where the POU's unit begins.
        decl: the POU.
        dropped: upper-case names whose declarations were refused.
    """
    if not any(not isinstance(statement, Empty) for statement in decl.body) and not _is_pragma(places, offset, decl):
        yield from _no_body(places, offset, decl)
        return
    analysis = snapshot.program.analyses.get(decl.name.key)
    if analysis is None:
        return
    body = _Body(places, offset, analysis, dropped)
    for node, above in walk(decl.body):
        yield from body.node(node, above)


def _is_pragma(places: Places, offset: int, decl: PouDecl) -> bool:
    """A body of C code in braces, as editors write the blocks that they bring along."""
    start, end = offset + decl.start, offset + decl.end
    return any(kind == PRAGMA and start <= at < end for kind, at, _ in places.tokens.trivia)


def _no_body(places: Places, offset: int, decl: PouDecl) -> Iterator[Complaint]:
    end = offset + decl.end
    last = places.token_at(max(offset + decl.start, end - 1))
    closer = places.token_span(last)
    head = offset + (decl.sections[-1].end if decl.sections else decl.header_end)
    lone = next(
        (n for n in (places.token_at(head - 1), places.token_at(head)) if places.tokens.kinds[n] == SEMICOLON), None
    )
    if lone is not None:
        places.body_begins(places.tokens.starts[lone])
        yield runaway(places, places.tokens.starts[lone])
    elif decl.sections:
        yield Complaint(
            offset + decl.sections[-1].end - 1, closer[0] + 1, f"no body defined in {_KINDS[decl.kind]} declaration."
        )
    else:
        yield Complaint(offset + decl.name.start, closer[1], f"unknown error in {_KINDS[decl.kind]} declaration.")


class _Body:
    def __init__(self, places: Places, offset: int, analysis: Analysis, dropped: frozenset[str]) -> None:
        self._places = places
        self._offset = offset
        self._analysis = analysis
        self._dropped = dropped

    def node(self, node: Node, above: tuple[Node, ...]) -> Iterator[Complaint]:
        match node:
            case Assign():
                if not self._is_variable(node.target):
                    yield self._complaint(node.target.start, node.target.end, NO_TARGET)
            case BitAccess() | DirectAddress():
                if not _is_target(node, above):
                    yield from self._operand(node)
            case ExprStatement():
                if isinstance(node.expr, Call):
                    yield from self._call_statement(node.expr)
            case CaseBranch():
                if not any(not isinstance(statement, Empty) for statement in node.body):
                    after = self._places.token_span(self._places.token_at(self._offset + node.end))
                    yield Complaint(*after, _NO_CASE)
            case Call():
                if not (above and isinstance(above[-1], ExprStatement)):
                    yield from self._call(node)

    def _operand(self, node: BitAccess | DirectAddress) -> Iterator[Complaint]:
        text = self._places.text[self._offset + node.start : self._offset + node.end]
        point = text.find(".%")
        if point < 0:
            yield self._complaint(node.start, node.end, _NO_VALUE)
            return
        yield self._complaint(node.start, node.start + point + 2, _NO_VALUE)
        yield self._complaint(node.start + point + 1, node.start + point + 3, _NO_SEMICOLON)
        yield self._complaint(node.start + point + 2, node.end, _NO_STATEMENT)

    def _call_statement(self, call: Call) -> Iterator[Complaint]:
        resolved = self._analysis.calls.get(call)
        if resolved is None:
            if not self._is_variable(call.callee):
                name = call.arguments[0].name if call.arguments else None
                yield self._complaint(call.start, name.end if name is not None else call.callee.end, NO_TARGET)
                yield self._complaint(call.end - 2, call.end, _NO_SEMICOLON)
                yield self._complaint(call.end - 1, call.end, _NO_STATEMENT)
            return
        is_function = isinstance(resolved.callee, StandardFunction) or resolved.callee.kind is PouKind.FUNCTION
        if is_function and not (isinstance(resolved.callee, StandardFunction) and resolved.callee.name == "EXPT"):
            yield self._complaint(call.start, call.end, _FUNCTION_STATEMENT)

    def _call(self, call: Call) -> Iterator[Complaint]:
        resolved = self._analysis.calls.get(call)
        callee = resolved.callee if resolved is not None else None
        opening = self._places.text.index("(", self._offset + call.callee.end) - self._offset
        if callee is None and isinstance(call.callee, NameExpr) and lookup_function(call.callee.key) is not None:
            if not _is_unknown(call.callee.key):
                return  # known, but not for these types: that is found by the next stage
        elif isinstance(callee, Pou):
            if not any(variable.section is SectionKind.VAR_INPUT for variable in callee.variables.values()):
                yield self._complaint(opening, call.end, _NO_PARAMETER)
            return
        elif isinstance(callee, StandardFunction) and not _is_unknown(callee.name):
            return
        yield self._complaint(call.callee.end - 1, opening + 1, _NO_SEMICOLON)
        yield self._complaint(opening, call.end, _NO_STATEMENT)

    def _is_variable(self, target: Expr) -> bool:
        """Whether the parser takes an expression for a variable: it knows the declared names, but not what is inside of them."""
        while isinstance(target, Member | Index):
            target = target.base
        if not isinstance(target, NameExpr) or target.key in self._dropped:
            return False
        return isinstance(self._analysis.symbols.get(target), Variable)

    def _complaint(self, start: int, end: int, text: str) -> Complaint:
        return Complaint(self._offset + start, self._offset + end, text)


def _is_target(node: Node, above: tuple[Node, ...]) -> bool:
    return bool(above) and isinstance(above[-1], Assign) and above[-1].target is node


def _is_unknown(name: str) -> bool:
    return name.startswith("TO_") or name in _UNKNOWN_FUNCTIONS or "LTIME" in name or "WSTRING" in name
