"""Questions about a stretch of tree that the generator asks before it writes: what is called in it, what is written by it.

Invariant: an answer errs only to the safe side (a call that may be there, a variable that may be written).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rung.semantics.model import Analysis, Pou, StandardFunction, Variable
from rung.syntax.tree import (
    ArrayInitial,
    Assign,
    Binary,
    BitAccess,
    Call,
    Case,
    Dereference,
    Expr,
    ExprStatement,
    For,
    If,
    Index,
    LabelRange,
    Member,
    NameExpr,
    Repeat,
    Repetition,
    SectionKind,
    Statement,
    StructInitial,
    Unary,
    While,
)


def children(expr: Expr) -> Iterator[Expr]:
    """Yield the expressions that `expr` is made of."""
    match expr:
        case Member() | BitAccess() | Dereference():
            yield expr.base
        case Index():
            yield expr.base
            yield from expr.indices
        case Unary():
            yield expr.operand
        case Binary():
            yield expr.left
            yield expr.right
        case Call():
            yield expr.callee
            yield from (argument.value for argument in expr.arguments if argument.value is not None)
        case ArrayInitial():
            yield from expr.values
        case Repetition():
            yield expr.count
            yield from expr.values
        case StructInitial():
            yield from (member.value for member in expr.fields)


def calls_user_function(expr: Expr, analysis: Analysis) -> bool:
    """Whether evaluating `expr` may call something that changes variables: a function of the user's, or one with outputs."""
    if isinstance(expr, Call):
        resolved = analysis.calls[expr]
        if isinstance(resolved.callee, Pou) or resolved.eno is not None:
            return True
    return any(calls_user_function(child, analysis) for child in children(expr))


def expressions(statements: Iterable[Statement]) -> Iterator[Expr]:
    """Yield the outermost expressions of all statements, nested ones included."""
    for statement in statements:
        match statement:
            case Assign():
                yield statement.target
                yield statement.value
            case ExprStatement():
                yield statement.expr
            case If():
                for branch in statement.branches:
                    yield branch.condition
                    yield from expressions(branch.body)
                yield from expressions(statement.otherwise or ())
            case Case():
                yield statement.selector
                for choice in statement.branches:
                    for label in choice.labels:
                        if isinstance(label, LabelRange):
                            yield from (label.low, label.high)
                        else:
                            yield label
                    yield from expressions(choice.body)
                yield from expressions(statement.otherwise or ())
            case For():
                yield from (statement.variable, statement.first, statement.last)
                if statement.step is not None:
                    yield statement.step
                yield from expressions(statement.body)
            case While():
                yield statement.condition
                yield from expressions(statement.body)
            case Repeat():
                yield from expressions(statement.body)
                yield statement.until


def _written_by(statements: Iterable[Statement]) -> Iterator[Expr]:
    for statement in statements:
        match statement:
            case Assign():
                yield statement.target
            case For():
                yield statement.variable
                yield from _written_by(statement.body)
            case If():
                for branch in statement.branches:
                    yield from _written_by(branch.body)
                yield from _written_by(statement.otherwise or ())
            case Case():
                for choice in statement.branches:
                    yield from _written_by(choice.body)
                yield from _written_by(statement.otherwise or ())
            case While() | Repeat():
                yield from _written_by(statement.body)


def _calls(expr: Expr) -> Iterator[Call]:
    if isinstance(expr, Call):
        yield expr
    for child in children(expr):
        yield from _calls(child)


def _root(expr: Expr) -> Expr:
    while isinstance(expr, Member | Index | BitAccess | Dereference):
        expr = expr.base
    return expr


def may_write(statements: Iterable[Statement], variable: Variable, analysis: Analysis) -> bool:
    """Whether the statements may write a variable of the body itself: by assignment, as a FOR's control variable, or as the actual
    parameter of an output or in-out. A reference taken to it anywhere counts as a write."""
    body = list(statements)

    def is_it(expr: Expr) -> bool:
        root = _root(expr)
        return isinstance(root, NameExpr) and analysis.symbols.get(root) is variable

    if any(is_it(target) for target in _written_by(body)):
        return True
    for expr in expressions(body):
        for call in _calls(expr):
            if any(is_it(written) for written in _written_arguments(call, analysis)):
                return True
    return False


def _written_arguments(call: Call, analysis: Analysis) -> Iterator[Expr]:
    resolved = analysis.calls[call]
    reference = isinstance(resolved.callee, StandardFunction) and resolved.callee.operation == "REF"
    for bound in resolved.arguments:
        in_out = bound.parameter is not None and bound.parameter.section is SectionKind.VAR_IN_OUT
        if bound.output or in_out or reference:
            yield bound.expr
    if resolved.eno is not None:
        yield resolved.eno.expr
