"""Statements as v3's compiler takes them.

Invariants: no part of a statement is empty; a FOR loop's bounds are computed once and it ends at its type's limits; what a condition
needs beforehand is computed each time the condition is.
"""

from __future__ import annotations

from collections.abc import Sequence

from rung.codegen.openplc_v3.body import Body, operand
from rung.codegen.openplc_v3.calls import Calls
from rung.codegen.openplc_v3.conversions import convert
from rung.codegen.openplc_v3.expressions import Expressions
from rung.codegen.openplc_v3.library import unsigned_name
from rung.codegen.openplc_v3.literals import literal, scalar
from rung.codegen.walk import may_write
from rung.semantics.model import Pou, Variable
from rung.semantics.types import BOOL, ELEMENTARY, LINT, Elementary, Family
from rung.syntax.tree import (
    Assign,
    BitAccess,
    Call,
    Case,
    Continue,
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
    Statement,
    While,
)


class Statements:
    """Writes the statements of one body."""

    __slots__ = ("_body", "_calls", "_expressions", "_text")

    def __init__(self, body: Body) -> None:
        self._body = body
        self._text = body.text
        self._expressions = Expressions(body)
        self._calls = Calls(body, self._expressions)

    def all(self, statements: Sequence[Statement]) -> None:
        """Write the statements in their order, or one that does nothing if there are none."""
        with self._text.captured() as lines:
            for statement in statements:
                self._text.source(self._body.pou.unit, statement.start)
                self._one(statement)
        if not lines:
            self._text.add(f"{self._body.fresh(BOOL, 'IDLE')} := FALSE;")
        self._text.extend(lines)

    def _one(self, statement: Statement) -> None:
        match statement:
            case Assign():
                self._assign(statement)
            case ExprStatement():
                self._expression(statement)
            case If():
                self._if(statement)
            case Case():
                self._case(statement)
            case For():
                self._for(statement)
            case While():
                self._while(statement)
            case Repeat():
                self._repeat(statement)
            case Exit():
                self._text.add("EXIT;")
            case Continue():
                self._text.add("CONTINUE;")
            case Return():
                self._text.add("RETURN;")

    def _assign(self, statement: Assign) -> None:
        kind = self._body.analysis.types[statement.target]
        text = self._expressions.slot(statement.value, kind)
        if isinstance(statement.target, BitAccess) and text not in ("TRUE", "FALSE"):
            text = self._expressions.value(statement.value)
        self._expressions.assign(statement.target, text)

    def _expression(self, statement: ExprStatement) -> None:
        expr = statement.expr
        if not isinstance(expr, Call):
            return
        callee = self._body.analysis.calls[expr].callee
        if isinstance(callee, Pou) and callee.kind is PouKind.FUNCTION_BLOCK:
            self._calls.invocation(expr)
            return
        text = self._calls.function(expr)
        if "(" in text:  # not one that was written as a statement of its own already
            self._body.hoist(text, self._body.analysis.calls[expr].result or BOOL)

    def _condition(self, expr: Expr) -> str:
        return self._expressions.value(expr)

    def _if(self, statement: If) -> None:
        depth = 0
        for number, branch in enumerate(statement.branches):
            self._text.source(self._body.pou.unit, branch.start)
            with self._text.captured() as before:
                condition = self._condition(branch.condition)
            if number == 0 or before:
                if number:
                    self._text.middle("ELSE")
                self._text.extend(before)
                self._text.open(f"IF {condition} THEN")
                depth += 1
            else:
                self._text.middle(f"ELSIF {condition} THEN")
            self.all(branch.body)
        if statement.otherwise is not None:
            self._text.middle("ELSE")
            self.all(statement.otherwise)
        for _ in range(depth):
            self._text.close("END_IF;")

    # --------------------------------------------------------------------------------------------------- CASE

    def _case(self, statement: Case) -> None:
        kind = scalar(self._body.analysis.used_type(statement.selector))
        assert isinstance(kind, Elementary)
        selector = self._expressions.value(statement.selector)
        if kind.family is Family.BITS:
            number = ELEMENTARY[unsigned_name(kind)]
            selector, kind = f"{kind.name}_TO_{number.name}({selector})", number
        covered: list[tuple[int, int]] = []
        branches = [(branch, self._labels(branch.labels, kind, covered)) for branch in statement.branches]
        branches = [(branch, labels) for branch, labels in branches if labels]
        if not branches:
            self.all(statement.otherwise or ())
            return
        self._text.open(f"CASE {selector} OF")
        for branch, labels in branches:
            self._text.source(self._body.pou.unit, branch.start)
            self._text.open(f"{', '.join(labels)}:")
            self.all(branch.body)
            self._text.close("")
        if statement.otherwise is not None:
            self._text.middle("ELSE")
            self.all(statement.otherwise)
        self._text.close("END_CASE;")

    def _labels(
        self, labels: Sequence[Expr | LabelRange], kind: Elementary, covered: list[tuple[int, int]]
    ) -> list[str]:
        found = []
        for label in labels:
            low, high = (label.low, label.high) if isinstance(label, LabelRange) else (label, label)
            first, last = self._body.analysis.constants[low], self._body.analysis.constants[high]
            assert isinstance(first, int)
            assert isinstance(last, int)
            for start, stop in _without(max(int(first), kind.low), min(int(last), kind.high), covered):
                covered.append((start, stop))
                texts = [literal(kind, bound) for bound in (start, stop)]
                found.append(texts[0] if start == stop else f"{texts[0]}..{texts[1]}")
        return found

    # -------------------------------------------------------------------------------------------------- loops

    def _while(self, statement: While) -> None:
        with self._text.captured() as before:
            condition = self._condition(statement.condition)
        if before:
            self._text.open("WHILE TRUE DO")
            self._text.extend(before, 1)
            self._leave_unless(condition)
        else:
            self._text.open(f"WHILE {condition} DO")
        self.all(statement.body)
        self._text.close("END_WHILE;")

    def _leave_unless(self, condition: str) -> None:
        self._text.open(f"IF NOT {operand(condition)} THEN")
        self._text.add("EXIT;")
        self._text.close("END_IF;")

    def _repeat(self, statement: Repeat) -> None:
        with self._text.captured() as before:
            self._text.source(self._body.pou.unit, statement.until.start)
            condition = self._condition(statement.until)
        self._text.source(self._body.pou.unit, statement.start)
        if not before:
            self._text.open("REPEAT")
            self.all(statement.body)
            self._text.source(self._body.pou.unit, statement.until.start)
            self._text.close(f"UNTIL {condition}")
            self._text.add("END_REPEAT;")
            return
        again = self._body.fresh(BOOL, "AGAIN")
        self._text.add(f"{again} := FALSE;")
        self._text.open("WHILE TRUE DO")
        self._text.open(f"IF {again} THEN")
        self._text.extend(before, 2)
        self._leave_unless(f"NOT {operand(condition)}")
        self._text.close("END_IF;")
        self._text.add(f"{again} := TRUE;")
        self.all(statement.body)
        self._text.close("END_WHILE;")

    def _for(self, statement: For) -> None:
        analysis = self._body.analysis
        kind = scalar(analysis.types[statement.variable])
        assert isinstance(kind, Elementary)
        step = 1 if statement.step is None else analysis.constants.get(statement.step)
        variable = self._steady(statement)
        if variable is None or not isinstance(step, int) or step == 0 or kind.bits == 64:
            self._general(statement, kind, step if isinstance(step, int) and step else None)
            return
        first, last = self._expressions.slot(statement.first, kind), self._expressions.slot(statement.last, kind)
        name = self._body.variable(variable, self._body.where(statement.variable))[0]
        limits = (self._body.bounds.limits(statement.first), self._body.bounds.limits(statement.last))
        assert limits[0] is not None
        assert limits[1] is not None
        low = limits[0][0] if step > 0 else limits[1][0]
        high = max(low, limits[1][1] if step > 0 else limits[0][1])
        by = "" if step == 1 else f" BY {literal(kind if kind.low <= step <= kind.high else LINT, step)}"
        safe = kind.low <= low + min(step, 0) and high + max(step, 0) <= kind.high and kind.low <= step
        if safe and variable.address is None:
            if statement.last not in analysis.constants:
                last = self._body.hoist(last, kind)
            self._text.open(f"FOR {name} := {first} TO {last}{by} DO")
            self._looped(statement, variable, (low, high))
            self._text.close("END_FOR;")
            return
        counter = self._body.fresh(LINT, "N")
        where = self._body.where(statement.variable)
        ends = [convert(self._body, text, kind, LINT, where) for text in (first, last)]
        end = self._body.hoist(ends[1], LINT)
        back = convert(self._body, counter, LINT, kind, where)
        by = "" if step == 1 else f" BY {step}"
        self._text.open(f"FOR {counter} := {ends[0]} TO {end}{by} DO")
        self._expressions.assign(statement.variable, back)
        self._looped(statement, variable, (low, high))
        self._text.close("END_FOR;")
        test = f"{counter} <= LINT#{kind.high}" if step > 0 else f"{counter} >= LINT#{kind.low}"
        self._text.open(f"IF {test} THEN")
        self._expressions.assign(statement.variable, back)
        self._text.close("END_IF;")

    def _steady(self, statement: For) -> Variable | None:
        """The control variable, if it is one of the body's own that the loop's body leaves alone."""
        symbol = (
            self._body.analysis.symbols.get(statement.variable) if isinstance(statement.variable, NameExpr) else None
        )
        if (
            not isinstance(symbol, Variable)
            or symbol.target is not None
            or symbol in self._body.shared.global_variables
        ):
            return None
        if self._expressions.cell(statement.variable) is not None:
            return None
        return None if may_write(statement.body, symbol, self._body.analysis) else symbol

    def _looped(self, statement: For, variable: Variable, limits: tuple[int, int]) -> None:
        loops = self._body.bounds.loops
        outer = loops.get(variable)
        loops[variable] = limits
        self.all(statement.body)
        if outer is None:
            del loops[variable]
        else:
            loops[variable] = outer

    def _general(self, statement: For, kind: Elementary, step: int | None) -> None:
        """A loop whose body may write the control variable, or whose step or type says too little beforehand."""
        expressions, out = self._expressions, self._text
        expressions.assign(statement.variable, expressions.slot(statement.first, kind))
        last = self._body.hoist(expressions.slot(statement.last, kind), kind)
        by = self._step(statement, kind, step)
        again = self._body.fresh(BOOL, "AGAIN")
        out.add(f"{again} := FALSE;")
        out.open("WHILE TRUE DO")
        control = expressions.value(statement.variable)
        top, bottom = (literal(kind, bound, typed=True) for bound in (kind.high, kind.low))
        over, under = f"({by} > 0) AND ({control} > {top} - {by})", f"({by} < 0) AND ({control} < {bottom} - {by})"
        out.open(f"IF {again} THEN")
        self._leave_unless(f"NOT (({over}) OR ({under}))" if kind.low < 0 else f"NOT ({over})")
        expressions.assign(statement.variable, f"{control} + {by}")
        out.close("END_IF;")
        out.add(f"{again} := TRUE;")
        control = expressions.value(statement.variable)
        rising, falling = f"({by} > 0) AND ({control} <= {last})", f"({by} < 0) AND ({control} >= {last})"
        self._leave_unless(f"({rising}) OR ({falling})" if kind.low < 0 else rising)
        self.all(statement.body)
        out.close("END_WHILE;")

    def _step(self, statement: For, kind: Elementary, step: int | None) -> str:
        if statement.step is None:
            return literal(kind, 1, typed=True)
        if step is not None and kind.low <= step <= kind.high:
            return self._body.hoist(literal(kind, step), kind)
        return self._body.hoist(self._expressions.slot(statement.step, kind), kind)


def _without(low: int, high: int, covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of `low..high` outside of the `covered` ranges."""
    parts = [(low, high)] if low <= high else []
    for start, stop in covered:
        cut = [((a, min(b, start - 1)), (max(a, stop + 1), b)) for a, b in parts]
        parts = [piece for pair in cut for piece in pair if piece[0] <= piece[1]]
    return parts
