"""Statements: assignments, conditions, choices and loops (ed. 3 7.3.3, table 72).

Invariant: statements after RETURN or EXIT are checked like all others; whether they are ever reached is a rule's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rung.semantics.checker import Checker
from rung.semantics.model import Pou, Variable
from rung.semantics.places import target
from rung.semantics.types import (
    BOOL,
    UNKNOWN,
    Array,
    Block,
    Elementary,
    Enumeration,
    Type,
    storage,
    strip,
)
from rung.semantics.widening import ANY_INTEGER, BIT_STRINGS, INTEGERS, PENDING
from rung.semantics.wording import described, value_text
from rung.syntax.problem import Related
from rung.syntax.tree import (
    Assign,
    Call,
    Case,
    CaseBranch,
    Continue,
    Empty,
    ErrorStatement,
    Exit,
    Expr,
    ExprStatement,
    For,
    If,
    LabelRange,
    NameExpr,
    PouKind,
    Repeat,
    Return,
    SectionKind,
    Statement,
    While,
)


def body(c: Checker, statements: Sequence[Statement]) -> None:
    """Check a list of statements."""
    for statement in statements:
        STATEMENTS[statement.__class__](c, statement)


def _assign(c: Checker, node: Assign) -> None:
    place = node.target
    goal: Type
    if place.__class__ is NameExpr:
        variable = c.scope.get(place.key)
        if variable is not None and variable.section in _OPEN and not variable.constant and not c.loop_variables:
            c.symbols[place] = variable
            goal = c.types[place] = variable.type
            if variable.key == c.pou.key:
                c.result_written = True
        else:
            goal = target(c, place)
    else:
        goal = target(c, place)
    value = node.value
    source = c.handlers[value.__class__](c, value, goal)
    if goal.__class__ is not Elementary and source is not UNKNOWN and holds_block(goal):
        c.report(
            "TYP001",
            value,
            f"A function block instance cannot be copied, so {described(goal)} cannot be assigned as a whole.",
        )
        return
    if source is goal:
        return
    if goal is UNKNOWN:
        if source in PENDING:
            c.settle_alone(value, source)
        return
    have = storage(source)
    if isinstance(have, Elementary) and have not in PENDING and c.retype_direct(place, have):
        return
    c.fit(value, source, goal)


# What a POU may write without further ado.
_OPEN: Final = (SectionKind.VAR, SectionKind.VAR_OUTPUT, SectionKind.VAR_TEMP, SectionKind.VAR_IN_OUT)


def holds_block(kind: Type) -> bool:
    """Whether a type is a function block, or an array of them."""
    kind = strip(kind)
    if isinstance(kind, Array):
        return holds_block(kind.element)
    return isinstance(kind, Block)


def _expression(c: Checker, node: ExprStatement) -> None:
    expr = node.expr
    if not isinstance(expr, Call):
        c.value(expr)
        return
    c.statement_call = expr
    c.visit(expr)
    call = c.calls.get(expr)
    if (
        call is not None
        and call.result is not None
        and call.result is not UNKNOWN
        and not any(a.output for a in call.arguments)
    ):
        name = call.callee.name
        has_effect = isinstance(call.callee, Pou) and any(v.section in _EFFECTS for v in call.callee.variables.values())
        if not has_effect and call.eno is None:
            c.report("CAL013", expr, f"The result of {name} is not used. Assign it to a variable, or remove the call.")


# A function with such parameters may be called for what it does to them.
_EFFECTS: Final = (SectionKind.VAR_IN_OUT, SectionKind.VAR_EXTERNAL)


def _condition(c: Checker, node: Expr, word: str) -> None:
    kind = c.handlers[node.__class__](c, node, BOOL)
    if kind is BOOL:
        return
    if kind in PENDING:
        kind = c.settle_alone(node, kind)
    base = storage(kind)
    if base is BOOL or base is UNKNOWN or (isinstance(base, Elementary) and c.retype_direct(node, BOOL)):
        return
    number = base in INTEGERS or base in BIT_STRINGS
    remedy = " Compare it, as in x <> 0." if number else ""
    c.report("CTL001", node, f"The condition of {word} is TRUE or FALSE, but this is {described(kind)}.{remedy}")


def _if(c: Checker, node: If) -> None:
    for position, branch in enumerate(node.branches):
        _condition(c, branch.condition, "ELSIF" if position else "IF")
        body(c, branch.body)
    if node.otherwise:
        body(c, node.otherwise)


def _while(c: Checker, node: While) -> None:
    _condition(c, node.condition, "WHILE")
    _loop(c, node.body)


def _repeat(c: Checker, node: Repeat) -> None:
    _loop(c, node.body)
    _condition(c, node.until, "UNTIL")


def _loop(c: Checker, statements: Sequence[Statement]) -> None:
    c.loop_depth += 1
    body(c, statements)
    c.loop_depth -= 1


def _for(c: Checker, node: For) -> None:
    kind = target(c, node.variable)
    counter = storage(kind)
    if counter is not UNKNOWN and counter not in INTEGERS:
        c.report("CTL004", node.variable, f"FOR counts with an integer variable, not with {described(kind)}.")
        counter = UNKNOWN
    _bound(c, node.first, counter, exact=True)
    _bound(c, node.last, counter, exact=False)
    if node.step is not None:
        _bound(c, node.step, counter, exact=False)
        if c.constants.get(node.step) == 0:
            c.report("CTL005", node.step, "A FOR loop with step 0 never ends.")
    symbol = c.symbols.get(node.variable)
    counted = symbol if isinstance(symbol, Variable) and isinstance(node.variable, NameExpr) else None
    if counted is not None:
        c.loop_variables.append(counted)
    _loop(c, node.body)
    if counted is not None:
        c.loop_variables.pop()


def _bound(c: Checker, node: Expr, counter: Type, exact: bool) -> None:
    """The end and the step may be of any integer type, as the loop compares with them only; the start is assigned."""
    if counter is UNKNOWN:
        c.value(node)
        return
    source = c.handlers[node.__class__](c, node, counter)
    if source is counter:
        return
    value = c.constants.get(node)
    if not exact and value is None and storage(source) in INTEGERS:
        return
    if (
        not exact
        and source is ANY_INTEGER
        and isinstance(value, int)
        and isinstance(counter, Elementary)
        and value < counter.low
    ):
        # `FOR u := 10 TO 0 BY -1` counts an unsigned variable down; `TO 256` of a USINT never ends, and is reported.
        c.settle_alone(node, source)
        return
    c.fit(node, source, counter)


def _case(c: Checker, node: Case) -> None:
    kind = c.value(node.selector)
    base = storage(kind)
    if not (
        base is UNKNOWN or base is BOOL or base in INTEGERS or base in BIT_STRINGS or isinstance(base, Enumeration)
    ):
        c.report(
            "CTL007",
            node.selector,
            f"CASE chooses by an integer, a bit string or an enumeration, not by {described(kind)}.",
        )
        kind = UNKNOWN
    seen: dict[int, Expr] = {}
    ranges: list[tuple[int, int, LabelRange]] = []
    for branch in node.branches:
        _labels(c, branch, kind, seen, ranges)
        body(c, branch.body)
    if node.otherwise:
        body(c, node.otherwise)


def _labels(
    c: Checker, branch: CaseBranch, kind: Type, seen: dict[int, Expr], ranges: list[tuple[int, int, LabelRange]]
) -> None:
    for label in branch.labels:
        if isinstance(label, LabelRange):
            low, high = _label(c, label.low, kind), _label(c, label.high, kind)
            if low is None or high is None:
                continue
            if low > high:
                c.report(
                    "CTL009",
                    label,
                    f"This range is empty: {low} is greater than {high}. Write the smaller value first.",
                )
                continue
            earlier: Expr | LabelRange | None = next(
                (place for value, place in seen.items() if low <= value <= high), None
            )
            earlier = earlier or next((place for start, end, place in ranges if low <= end and start <= high), None)
            ranges.append((low, high, label))
            text = f"{value_text(low, kind)}..{value_text(high, kind)}"
        else:
            value = _label(c, label, kind)
            if value is None:
                continue
            earlier = seen.get(value) or next((place for start, end, place in ranges if start <= value <= end), None)
            seen.setdefault(value, label)
            text = value_text(value, kind)
        if earlier is not None:
            first = Related(earlier.start, earlier.end, "The earlier label, whose branch is taken.")
            c.report(
                "CTL008",
                label,
                f"{text} is already handled by an earlier label, so this one is never chosen for it.",
                (first,),
            )


def _label(c: Checker, node: Expr, kind: Type) -> int | None:
    if kind is UNKNOWN:
        c.value(node)
        return None
    if not c.expect(node, kind):
        return None
    value = c.constant(node)
    if isinstance(value, int):
        return int(value)
    if c.types.get(node) is not UNKNOWN:
        c.report("TYP013", node, "A label of CASE is a constant: a number, a CONSTANT variable or an enumerator.")
    return None


def _exit(c: Checker, node: Exit) -> None:
    if c.loop_depth == 0:
        c.report("CTL002", node, "EXIT leaves a FOR, WHILE or REPEAT loop, but stands in none. RETURN leaves the POU.")


def _continue(c: Checker, node: Continue) -> None:
    if c.loop_depth == 0:
        c.report("CTL003", node, "CONTINUE goes to the next pass of a FOR, WHILE or REPEAT loop, but stands in none.")


def _nothing(c: Checker, node: Return | Empty | ErrorStatement) -> None:
    """Nothing to type."""


_GIVES_BACK: Final = frozenset({SectionKind.VAR_OUTPUT, SectionKind.VAR_IN_OUT})


def missing_result(c: Checker) -> None:
    """Report a function that never gives its result, unless it gives something else back."""
    declaration = c.pou.declaration
    if (
        c.pou.kind is PouKind.FUNCTION
        and c.pou.result is not None
        and not c.result_written
        and not any(
            variable.section in _GIVES_BACK and variable.key != c.pou.key for variable in c.pou.variables.values()
        )
        and declaration is not None
        and not c.doubtful
    ):
        c.report(
            "CTL010",
            declaration.name,
            f"{c.pou.name} never assigns its result, so it always gives the initial value. Write {c.pou.name} := ... in its body.",
        )


Check = Callable[..., None]

STATEMENTS: Final[Mapping[type, Check]] = {
    Assign: _assign,
    ExprStatement: _expression,
    If: _if,
    Case: _case,
    For: _for,
    While: _while,
    Repeat: _repeat,
    Exit: _exit,
    Continue: _continue,
    Return: _nothing,
    Empty: _nothing,
    ErrorStatement: _nothing,
}
