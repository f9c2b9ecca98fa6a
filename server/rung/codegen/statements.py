"""Statements of Structured Text as C++ statements.

Invariants: a FOR loop evaluates its bounds once, ends at its type's limits and whatever is forced; the first matching branch of a
CASE runs; every line stems from the source line of its statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.calls import Calls
from rung.codegen.cpp_text import CppText
from rung.codegen.expressions import Expressions
from rung.codegen.scope import Limits, Loop, Scope
from rung.codegen.values import integer
from rung.codegen.walk import may_write
from rung.semantics.model import Pou, Variable
from rung.semantics.types import Elementary, Enumeration, Family, storage
from rung.syntax.tree import (
    Assign,
    BitAccess,
    Call,
    Case,
    CaseBranch,
    Continue,
    Exit,
    ExprStatement,
    For,
    If,
    LabelRange,
    NameExpr,
    Repeat,
    Return,
    SectionKind,
    Statement,
    Unit,
    While,
)

_OWN: Final = frozenset({SectionKind.VAR, SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT, SectionKind.VAR_TEMP})


@dataclass(slots=True)
class _Labels:
    """The C++ labels that EXIT and CONTINUE of one loop jump to, and whether any does."""

    leave: str
    again: str
    leave_used: bool = False
    again_used: bool = False


class Statements:
    """Writes the statements of one body to `text`. `leave` is the C++ statement that RETURN becomes."""

    __slots__ = ("_calls", "_expressions", "_labels", "_leave", "_scope", "_text", "_unit")

    def __init__(self, scope: Scope, text: CppText, unit: Unit | None, leave: str) -> None:
        self._scope = scope
        self._text = text
        self._unit = unit
        self._leave = leave
        self._labels: list[_Labels] = []
        self._expressions = Expressions(scope)
        self._calls = Calls(self._expressions, scope.initial)

    def all(self, statements: Sequence[Statement]) -> None:
        """Write the statements in their order."""
        for statement in statements:
            self._text.source(self._unit, statement.start)
            self._one(statement)

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
                labels = self._begin()
                self._text.open(f"while ({self._expressions.value(statement.condition)})")
                self._body(labels, statement.body)
                self._text.close()
                self._end(labels)
            case Repeat():
                labels = self._begin()
                self._text.open("do")
                self._body(labels, statement.body)
                self._text.source(self._unit, statement.until.start)
                self._text.close(f"}} while (!{self._expressions.value(statement.until)});")
                self._end(labels)
            case Exit():
                self._labels[-1].leave_used = True
                self._text.add(f"goto {self._labels[-1].leave};")
            case Continue():
                self._labels[-1].again_used = True
                self._text.add(f"goto {self._labels[-1].again};")
            case Return():
                self._text.add(self._leave)

    def _lines(self, lines: Sequence[str]) -> None:
        self._text.add(" ".join(lines))

    def _assign(self, statement: Assign) -> None:
        kind = self._scope.analysis.types[statement.target]
        value = self._expressions.stored(statement.value, kind)
        if isinstance(statement.target, BitAccess):
            self._lines(self._expressions.partial_assignment(statement.target, value))
        else:
            self._text.add(self._expressions.assignment(statement.target, value))

    def _expression(self, statement: ExprStatement) -> None:
        expr = statement.expr
        if isinstance(expr, Call):
            callee = self._scope.analysis.calls[expr].callee
            if isinstance(callee, Pou) and callee.kind.value == "FUNCTION_BLOCK":
                self._lines(self._calls.invocation(expr))
                return
        self._text.add(f"(void)({self._expressions.raw(expr)});")

    def _if(self, statement: If) -> None:
        keyword = "if"
        for branch in statement.branches:
            self._text.source(self._unit, branch.start)
            condition = self._expressions.value(branch.condition)
            if keyword == "if":
                self._text.open(f"if ({condition})")
            else:
                self._text.close(f"}} else if ({condition}) {{")
                self._text.indent()
            self.all(branch.body)
            keyword = "else if"
        if statement.otherwise is not None:
            self._text.close("} else {")
            self._text.indent()
            self.all(statement.otherwise)
        self._text.close()

    # -------------------------------------------------------------------------------------------------- CASE

    def _case(self, statement: Case) -> None:
        kind = storage(self._scope.analysis.used_type(statement.selector))
        base = kind.base if isinstance(kind, Enumeration) else kind
        assert isinstance(base, Elementary)
        self._text.open(f"switch ({_selector_type(base)}({self._expressions.value(statement.selector)}))")
        covered: list[tuple[int, int]] = []
        for branch in statement.branches:
            labels = self._labels_of(branch, base, covered)
            self._text.source(self._unit, branch.start)
            if not labels:
                continue
            self._text.add(" ".join(labels))
            self._branch(branch.body)
        if statement.otherwise is not None:
            self._text.add("default:")
            self._branch(statement.otherwise)
        else:
            self._text.add("default: break;")
        self._text.close()

    def _branch(self, body: Sequence[Statement]) -> None:
        self._text.open("")
        self.all(body)
        self._text.close("} break;")

    def _labels_of(self, branch: CaseBranch, kind: Elementary, covered: list[tuple[int, int]]) -> list[str]:
        """Return the C++ labels of a branch without the values of earlier ones, which C++ would refuse to see twice."""
        labels: list[str] = []
        for label in branch.labels:
            low, high = (label.low, label.high) if isinstance(label, LabelRange) else (label, label)
            first, last = self._scope.analysis.constants[low], self._scope.analysis.constants[high]
            assert isinstance(first, int)
            assert isinstance(last, int)
            for start, stop in _without(max(int(first), kind.low), min(int(last), kind.high), covered):
                covered.append((start, stop))
                labels.append(
                    f"case {integer(start)}:" if start == stop else f"case {integer(start)} ... {integer(stop)}:"
                )
        return labels

    # ------------------------------------------------------------------------------------------------- loops

    def _begin(self) -> _Labels:
        number = self._scope.local("")
        labels = _Labels(f"leave{number}", f"again{number}")
        self._labels.append(labels)
        return labels

    def _body(self, labels: _Labels, body: Sequence[Statement]) -> None:
        self._text.open("")
        self.all(body)
        self._text.close()
        if labels.again_used:
            self._text.add(f"{labels.again}:;")

    def _end(self, labels: _Labels) -> None:
        self._labels.pop()
        if labels.leave_used:
            self._text.add(f"{labels.leave}:;")

    def _for(self, statement: For) -> None:
        analysis = self._scope.analysis
        kind = storage(analysis.types[statement.variable])
        assert isinstance(kind, Elementary)
        symbol = analysis.symbols.get(statement.variable) if isinstance(statement.variable, NameExpr) else None
        step = 1 if statement.step is None else analysis.constants.get(statement.step)
        own = isinstance(symbol, Variable) and symbol.section in _OWN and self._scope.places.of(symbol) is None
        steady = own and isinstance(symbol, Variable) and not may_write(statement.body, symbol, analysis)
        if steady and isinstance(symbol, Variable) and isinstance(step, int) and step != 0 and kind.bits < 64:
            self._counted(statement, symbol, kind, step)
        else:
            self._general(statement, kind)

    def _counted(self, statement: For, variable: Variable, kind: Elementary, step: int) -> None:
        """A loop whose control variable is only read in its body, so that a C++ counter leads it. Where a step may leave the type,
        the support headers say how that is noticed."""
        cpp = self._scope.types.name(kind)
        counter, last = self._scope.local("n"), self._scope.local("last")
        place = self._expressions.variable(variable)
        first, final = self._scope.limits(statement.first), self._scope.limits(statement.last)
        limits: Limits | None = None
        counter_type = f"Counter<{cpp}>::type"
        ends = f"if (is_last<{cpp}>({counter}, {integer(step)})) goto {{}};"
        if first is not None and final is not None:
            lower, upper = (first, final) if step > 0 else (final, first)
            limits = Limits(lower.low, max(lower.low, upper.high), True)
            if kind.low <= lower.low + min(step, 0) and upper.high + max(step, 0) <= kind.high:
                counter_type = cpp  # no step can leave the type
        labels = self._begin()
        first_text = self._expressions.stored(statement.first, kind)
        last_text = self._expressions.stored(statement.last, kind)
        self._text.open("")
        self._text.add(f"{counter_type} {counter} = {first_text}; const {counter_type} {last} = {last_text};")
        self._text.open(f"for (; {counter} {'<=' if step > 0 else '>='} {last}; {counter} += {integer(step)})")
        self._text.add(f"SET({place}, {cpp}({counter}));")
        outer = self._scope.loops.get(variable)
        self._scope.loops[variable] = Loop(counter, limits)
        self._body(labels, statement.body)
        if outer is None:
            del self._scope.loops[variable]
        else:
            self._scope.loops[variable] = outer
        if counter_type != cpp:
            self._text.add(ends.format(labels.leave))
            labels.leave_used = True
        self._text.close()
        # One step past the end, as the test at the beginning of each pass implies, unless the type has no such value.
        fits = f"if ({counter} <= {integer(kind.high)}) " if step > 0 else f"if ({counter} >= {integer(kind.low)}) "
        self._text.add(f"{'' if counter_type == cpp else fits}SET({place}, {cpp}({counter}));")
        self._text.close()
        self._end(labels)

    def _general(self, statement: For, kind: Elementary) -> None:
        """A loop whose body may write the control variable: the next value comes from what the body left there, unless that is
        what it found, so that a forced control variable does not keep the loop from ending."""
        cpp = self._scope.types.name(kind)
        control, counter, last, step, seen = (self._scope.local(p) for p in ("control", "n", "last", "step", "seen"))
        step_text, step_kind = "int8_t(1)", "int8_t"
        if statement.step is not None:
            step_kind = self._scope.types.name(self._scope.analysis.used_type(statement.step))
            step_text = self._expressions.value(statement.step)
        signed = kind.family is Family.SIGNED or statement.step is not None
        labels = self._begin()
        self._text.open("")
        self._text.add(
            f"auto &{control} = {self._expressions.place(statement.variable)}; "
            f"{cpp} {counter} = {self._expressions.stored(statement.first, kind)}; "
            f"const {cpp} {last} = {self._expressions.stored(statement.last, kind)}; const {step_kind} {step} = {step_text}; "
            f"if ({step} == 0) fault();"
        )
        self._text.open("for (;;)")
        self._text.add(f"SET({control}, {counter});")
        test = f"{step} > 0 ? {counter} <= {last} : {counter} >= {last}" if signed else f"{counter} <= {last}"
        self._text.add(f"if ({step} == 0 || !({test})) break;")
        self._text.add(f"const {cpp} {seen} = {control};")
        self._body(labels, statement.body)
        self._text.add(f"if ({control} != {seen}) {counter} = {control};")
        self._text.add(f"if (__builtin_add_overflow({counter}, {step}, &{counter})) break;")
        self._text.close()
        self._text.close()
        self._end(labels)


def _selector_type(kind: Elementary) -> str:
    return f"{'uint' if kind.low == 0 else 'int'}{max(kind.bits, 8)}_t"


def _without(low: int, high: int, covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the parts of `low..high` outside of the `covered` ranges."""
    parts = [(low, high)] if low <= high else []
    for start, stop in covered:
        parts = [
            piece for a, b in parts for piece in ((a, min(b, start - 1)), (max(a, stop + 1), b)) if piece[0] <= piece[1]
        ]
    return parts
