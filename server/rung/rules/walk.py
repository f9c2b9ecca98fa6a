"""Over the statements of a body, the parts of an expression, and the variables that a statement writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rung.semantics.model import Analysis, Variable
from rung.syntax.tree import (
    Assign,
    Binary,
    BitAccess,
    Call,
    Case,
    Dereference,
    Expr,
    For,
    If,
    Index,
    Member,
    Repeat,
    SectionKind,
    Statement,
    Unary,
    While,
)


def lists(body: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """Yield a body and every list of statements inside it. Nesting costs no recursion."""
    pending = [body]
    while pending:
        current = pending.pop()
        yield current
        for statement in current:
            match statement:
                case If():
                    pending += [branch.body for branch in statement.branches]
                    pending += [statement.otherwise] if statement.otherwise else []
                case Case():
                    pending += [branch.body for branch in statement.branches]
                    pending += [statement.otherwise] if statement.otherwise else []
                case For() | While() | Repeat():
                    pending.append(statement.body)
                case _:
                    pass


def statements(body: Sequence[Statement]) -> Iterator[Statement]:
    """Yield every statement of a body, those inside others too."""
    for items in lists(body):
        yield from items


def parts(expr: Expr) -> Iterator[Expr]:
    """Yield an expression and everything in it. Nesting costs no recursion."""
    pending: list[Expr] = [expr]
    while pending:
        current = pending.pop()
        yield current
        match current:
            case Binary():
                pending += [current.left, current.right]
            case Unary():
                pending.append(current.operand)
            case Member() | BitAccess() | Dereference():
                pending.append(current.base)
            case Index():
                pending += [current.base, *current.indices]
            case Call():
                pending += [current.callee, *(item.value for item in current.arguments if item.value is not None)]
            case _:
                pass


def root(analysis: Analysis, expr: Expr) -> Variable | None:
    """Return the variable that `a`, `a.b`, `a[i].c` or `a.3` is a part of; None if there is none, or if it lies behind a reference."""
    while isinstance(expr, Member | BitAccess | Index):
        expr = expr.base
    symbol = analysis.symbols.get(expr)
    return symbol if isinstance(symbol, Variable) else None


def writes(analysis: Analysis, body: Sequence[Statement]) -> Iterator[tuple[Expr, Variable]]:
    """Yield every place in a body that changes a variable, with that variable: assignments, loops that count, calls."""
    for statement in statements(body):
        if not isinstance(statement, Assign | For):
            continue
        target = statement.target if isinstance(statement, Assign) else statement.variable
        variable = root(analysis, target)
        if variable is not None:
            yield target, variable
    yield from _written_by_calls(analysis, body)


def _written_by_calls(analysis: Analysis, body: Sequence[Statement]) -> Iterator[tuple[Expr, Variable]]:
    """Yield what calls change: outputs, in-outs, what a reference is taken of, and the called instance itself."""
    if not body:
        return
    first, last = body[0].start, body[-1].end
    for call, resolved in analysis.calls.items():
        if not first <= call.start <= last:
            continue
        places: list[Expr] = [call.callee]
        places += [item.expr for item in resolved.arguments if item.output or _is_in_out(item.parameter)]
        places += [resolved.eno.expr] if resolved.eno is not None else []
        places += [item.expr for item in resolved.arguments if item.parameter is None] if _takes_address(call) else []
        for place in places:
            variable = root(analysis, place)
            if variable is not None:
                yield place, variable


def _is_in_out(parameter: Variable | None) -> bool:
    return parameter is not None and parameter.section is SectionKind.VAR_IN_OUT


def _takes_address(call: Call) -> bool:
    return getattr(call.callee, "key", "") in ("REF", "ADR")
