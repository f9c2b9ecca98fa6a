"""Expressions as v3's compiler takes them: every conversion written, every literal typed where nothing else types it.

Invariants: what may go wrong at run time on v3 (an index out of range, a division by zero) is guarded before the statement, by a
scratch variable; AND and OR have evaluated both sides then, as on the other targets. v3 computes 8 and 16 bits with 32: where the
upper ones would show, MOVE cuts them off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rung.codegen.openplc_v3.bits import read_part, write_part
from rung.codegen.openplc_v3.body import Body, operand
from rung.codegen.openplc_v3.cells import Cell
from rung.codegen.openplc_v3.conversions import convert
from rung.codegen.openplc_v3.literals import NoLiteral, literal, scalar
from rung.codegen.openplc_v3.types import ROW
from rung.codegen.walk import children
from rung.semantics.model import EnumValueSymbol, Pou, Variable
from rung.semantics.types import (
    Array,
    Block,
    Elementary,
    Family,
    StringType,
    Structure,
    Subrange,
    Type,
    default_value,
    same_type,
    strip,
)
from rung.syntax.tree import (
    Binary,
    BitAccess,
    Call,
    Dereference,
    DirectAddress,
    Expr,
    Index,
    Member,
    NameExpr,
    Unary,
)

Operation = Callable[[str, Sequence[Type], Type, Sequence[str]], str]
_WRAPPING: Final = frozenset({"+", "-", "*", "AND", "OR", "XOR"})
_INTEGERS: Final = frozenset({Family.SIGNED, Family.UNSIGNED})
_TIMES: Final = frozenset({Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME})


class Expressions:
    """Writes the expressions of one body. `call` and `operation` are given, because calls are made of expressions."""

    __slots__ = ("_analysis", "body", "call", "operation")

    def __init__(self, body: Body) -> None:
        self.body = body
        self._analysis = body.analysis
        self.call: Callable[[Call], str] = _no_calls
        self.operation: Operation = _no_operation

    # ------------------------------------------------------------------------------------------------- values

    def slot(self, expr: Expr, target: Type) -> str:
        """Return a value for a place of type `target`: converted to it, within a subrange's limits."""
        constant = self._constant(expr, target)
        if constant is not None:
            return constant
        source = self._analysis.used_type(expr)
        text = convert(self.body, self.value(expr, loose=True), source, target, self.body.where(expr))
        self._same_bounds(expr, source, target)
        limits = strip(target)
        if not isinstance(limits, Subrange) or self._fits(expr, limits):
            return text
        low, high = (literal(limits.base, bound, typed=True) for bound in (limits.low, limits.high))
        return f"LIMIT({low}, {text}, {high})"

    def _constant(self, expr: Expr, target: Type) -> str | None:
        """A constant stands in a place as a bare literal of the place's type."""
        value = self._analysis.constants.get(expr)
        goal, source = scalar(target), scalar(self._analysis.used_type(expr))
        if not isinstance(value, bool | int | float | str) or goal is None or source is None:
            return None
        if isinstance(goal, StringType):
            return literal(goal, str(value)[: goal.length]) if isinstance(value, str) and not goal.wide else None
        if isinstance(source, StringType) or isinstance(value, str):
            return None
        both = (source.family, goal.family)
        numbers = both[0] in _INTEGERS and both[1] in {*_INTEGERS, Family.REAL}
        if source is not goal and not (
            numbers or (both[0] is both[1] and both[0] in (Family.BITS, Family.REAL, *_TIMES))
        ):
            return None
        if goal.family in (*_INTEGERS, Family.BITS) and not goal.low <= int(value) <= goal.high:
            return None
        try:
            return literal(goal, float(value) if goal.family is Family.REAL else value)
        except NoLiteral:
            return None  # an infinite number: the device computes it

    def _fits(self, expr: Expr, limits: Subrange) -> bool:
        source = strip(self._analysis.types[expr])
        if isinstance(source, Subrange) and limits.low <= source.low and source.high <= limits.high:
            return True
        return self.body.bounds.fits(expr, limits.low, limits.high)

    def _same_bounds(self, expr: Expr, source: Type, target: Type) -> None:
        have, goal = strip(source), strip(target)
        if isinstance(have, Array) and isinstance(goal, Array) and not same_type(have, goal):
            self.body.shared.refusals.refuse("array bounds", "This assignment of an array", *self.body.where(expr))

    def value(self, expr: Expr, loose: bool = False, bare: bool = False) -> str:
        """Return the value that the context of `expr` sees, after its implicit conversion.

        `loose`: bits above the type's width do no harm here. `bare`: a literal's type is plain from what stands around it.
        """
        target = self._analysis.converted.get(expr)
        if target is not None and not same_type(target, self._analysis.types[expr]):
            constant = self._constant(expr, target)
            base = scalar(target)
            if constant is not None and base is not None:
                return constant if bare or isinstance(base, StringType) else _retyped(base, constant)
            inner = self.raw(expr, loose=True)
            return convert(self.body, inner, self._analysis.types[expr], target, self.body.where(expr))
        return self.raw(expr, loose, bare)

    def raw(self, expr: Expr, loose: bool = False, bare: bool = False) -> str:
        """Return the value of `expr` in its own type."""
        constant = self._analysis.constants.get(expr)
        kind = self._analysis.types[expr]
        if constant is not None and isinstance(constant, bool | int | float | str) and scalar(kind) is not None:
            self.body.shared.types.spell(kind, self.body.where(expr), "This literal")
            try:
                return literal(kind, constant, typed=not bare)
            except NoLiteral as number:
                if not isinstance(expr, Unary | Binary | Call):
                    self.body.shared.refusals.refuse("large number", str(number), *self.body.where(expr))
        match expr:
            case NameExpr() | DirectAddress() | Member() | Index():
                return self._read(expr)
            case BitAccess():
                return read_part(self, expr)
            case Unary():
                return self._unary(expr, loose)
            case Binary():
                return self._binary(expr, loose)
            case Call():
                return self.call(expr)
            case Dereference():
                self.body.shared.refusals.refuse("reference", "This dereference", *self.body.where(expr))
        raise TypeError(f"{type(expr).__name__} has no value")

    # ------------------------------------------------------------------------------------------------- places

    def place(self, expr: Expr, write: bool = False) -> tuple[str, list[str]]:
        """Return the printed place that `expr` names, and the conditions under which it exists."""
        match expr:
            case NameExpr() | DirectAddress():
                symbol = self._analysis.symbols[expr]
                assert isinstance(symbol, Variable), symbol
                return self.body.variable(symbol, self.body.where(expr))[0], []
            case Member():
                return self._member(expr, write)
            case Index():
                return self._element(expr)
            case Call():
                return self.body.hoist(self.call(expr), self._analysis.types[expr]), []
            case Dereference():
                self.body.shared.refusals.refuse("reference", "This dereference", *self.body.where(expr))
        raise TypeError(f"{type(expr).__name__} names no place")

    def cell(self, expr: Expr) -> Cell | None:
        """Return the located cell that an expression names as another type than it is declared with."""
        symbol = self._analysis.symbols.get(expr) if isinstance(expr, NameExpr | DirectAddress) else None
        if not isinstance(symbol, Variable):
            return None
        cell = self.body.shared.cells.of(symbol)
        return None if cell is None or cell.kind is scalar(symbol.type) else cell

    def _member(self, expr: Member, write: bool) -> tuple[str, list[str]]:
        base = strip(self._analysis.types[expr.base])
        text, guards = self.place(expr.base)
        if isinstance(base, Block):
            key = expr.name.key
            if key in ("EN", "ENO") and key not in base.pou.variables:
                if write:
                    what = f"The assignment of {key}"
                    self.body.shared.refusals.refuse("enable", what, *self.body.where(expr))
                return f"{text}.{key}", guards
            variable = base.pou.variables[key]
            cell = self.body.shared.cells.of(variable)
            if cell is not None:
                return self.body.variable(variable, self.body.where(expr))[0], guards
            return f"{text}.{self.body.shared.names.member(base.pou, key)}", guards
        assert isinstance(base, Structure)
        return f"{text}.{self.body.shared.names.field(base, expr.name.key)}", guards

    def _element(self, expr: Index) -> tuple[str, list[str]]:
        kind = strip(self._analysis.types[expr.base])
        assert isinstance(kind, Array)
        self.body.shared.types.spell(kind, self.body.where(expr), "This array")
        base, guards = self.place(expr.base)
        texts = []
        for index, bound in zip(expr.indices, kind.dimensions, strict=True):
            assert bound is not None
            text = self.value(index, bare=True)
            if not self.body.bounds.fits(index, *bound):
                text, own = self._guarded(index, text, bound)
                guards += own
            texts.append(text)
        row = f".{ROW}" if isinstance(strip(kind.element), Array) else ""
        return f"{base}[{', '.join(texts)}]{row}", guards

    def _guarded(self, index: Expr, text: str, bound: tuple[int, int]) -> tuple[str, list[str]]:
        kind = scalar(self._analysis.used_type(index))
        assert isinstance(kind, Elementary)
        if not isinstance(index, NameExpr):
            text = self.body.hoist(text, kind)
        low, high = bound
        guards = []
        if low > kind.low:
            guards.append(f"{text} >= {literal(kind, low, typed=True)}" if low <= kind.high else "FALSE")
        if high < kind.high:
            guards.append(f"{text} <= {literal(kind, high, typed=True)}" if high >= kind.low else "FALSE")
        return text, guards

    def _read(self, expr: Expr) -> str:
        symbol = self._analysis.symbols.get(expr)
        if isinstance(symbol, EnumValueSymbol):
            return literal(symbol.type, symbol.value, typed=True)
        if isinstance(expr, NameExpr) and symbol is None:
            self.body.shared.refusals.refuse("reference", f"{expr.text}", *self.body.where(expr))
        text, guards = self.place(expr)
        cell = self.cell(expr)
        if cell is not None:
            return convert(self.body, text, cell.kind, self._analysis.types[expr], self.body.where(expr))
        if not guards:
            return text
        kind = self._analysis.types[expr]
        name = self.body.fresh(kind)
        base = scalar(kind)
        nothing = literal(base, default_value(base)) if base is not None else self.body.fresh(kind, "NOTHING")
        out = self.body.text
        out.open(f"IF {conjunction(guards)} THEN")
        out.add(f"{name} := {text};")
        out.middle("ELSE")
        out.add(f"{name} := {nothing};")
        out.close("END_IF;")
        return name

    def assign(self, target: Expr, text: str) -> None:
        """Write the statement that gives a place a value of its own type; nothing is written to a place that does not exist."""
        if isinstance(target, BitAccess):
            write_part(self, target, text)
            return
        place, guards = self.place(target, write=True)
        cell = self.cell(target)
        if cell is not None:
            text = convert(self.body, text, self._analysis.types[target], cell.kind, self.body.where(target))
        self.guarded(guards, [f"{place} := {text};"])

    def guarded(self, guards: Sequence[str], lines: Sequence[str]) -> None:
        """Write statements that run only where all conditions hold."""
        out = self.body.text
        if guards:
            out.open(f"IF {conjunction(guards)} THEN")
        for line in lines:
            out.add(line)
        if guards:
            out.close("END_IF;")

    # --------------------------------------------------------------------------------------------- operations

    def ordered(self, operands: Sequence[Expr], texts: Callable[[Expr], str]) -> list[str]:
        """Return the operands' values. Where evaluating one may change another, each is computed in turn before the statement."""
        varying = [each for each in operands if each not in self._analysis.constants]
        in_turn = len(varying) > 1 and any(self.changes(each) for each in varying)
        found = []
        for each in operands:
            text = texts(each)
            found.append(self.body.hoist(text, self._analysis.used_type(each)) if in_turn and each in varying else text)
        return found

    def changes(self, expr: Expr) -> bool:
        """Whether evaluating an expression may change a variable."""
        if isinstance(expr, Call):
            resolved = self._analysis.calls[expr]
            if resolved.eno is not None or (
                isinstance(resolved.callee, Pou) and resolved.callee in self.body.shared.impure
            ):
                return True
        return any(self.changes(child) for child in children(expr))

    def _unary(self, expr: Unary, loose: bool) -> str:
        kind = scalar(self._analysis.used_type(expr.operand))
        assert isinstance(kind, Elementary)
        text = operand(self.value(expr.operand, loose=kind.family is not Family.BOOL))
        if expr.op == "+":
            return text
        if expr.op == "NOT":
            return f"NOT {text}" if kind.family is Family.BOOL else self._narrow(kind, f"NOT {text}", loose)
        if kind.family is Family.DURATION:
            return self.operation("SUB", (kind, kind), kind, ("T#0s", text))
        if kind.family is Family.UNSIGNED:
            return self._narrow(kind, f"{literal(kind, 0, typed=True)} - {text}", loose)
        return self._narrow(kind, f"-{text}", loose)

    def _binary(self, expr: Binary, loose: bool) -> str:
        kinds = [self._analysis.used_type(side) for side in (expr.left, expr.right)]
        constants = [side in self._analysis.constants for side in (expr.left, expr.right)]
        result = scalar(self._analysis.types[expr])
        carries = expr.op in _WRAPPING and isinstance(result, Elementary) and result.family is not Family.BOOL
        bare = same_type(kinds[0], kinds[1]) and not any(_is_typed(scalar(kind)) for kind in kinds)

        def text(side: Expr) -> str:
            other = constants[0] if side is expr.right else constants[1]
            return self.value(side, loose=carries, bare=bare and not other)

        texts = self.ordered((expr.left, expr.right), text)
        operation = {"+": "ADD", "-": "SUB", "*": "MUL", "/": "DIV", "**": "EXPT"}.get(
            expr.op, _COMPARISONS.get(expr.op, expr.op)
        )
        if operation in ("DIV", "MOD") and self.plain_division(expr.right, kinds):
            made = f"{operand(texts[0])} {expr.op} {operand(texts[1])}"
        else:
            made = self.operation(operation, kinds, self._analysis.types[expr], texts)
        return self._narrow(result, made, loose) if carries and isinstance(result, Elementary) else made

    def plain_division(self, divisor: Expr, kinds: Sequence[Type]) -> bool:
        """Whether an integer division is by a constant that can neither be zero nor overflow."""
        constant = self._analysis.constants.get(divisor)
        kind = scalar(kinds[0])
        integers = isinstance(kind, Elementary) and kind.family in _INTEGERS
        return integers and isinstance(constant, int) and constant not in (0, -1)

    def _narrow(self, kind: Elementary, text: str, loose: bool) -> str:
        """Cut off what v3 computes above the type's width, where it would show."""
        wide = kind.bits >= 32 or kind.family not in (*_INTEGERS, Family.BITS)
        return text if wide or loose else f"MOVE({text})"


_COMPARISONS: Final = {"=": "EQ", "<>": "NE", "<": "LT", ">": "GT", "<=": "LE", ">=": "GE"}


def conjunction(conditions: Sequence[str]) -> str:
    """Return conditions joined by AND."""
    return conditions[0] if len(conditions) == 1 else " AND ".join(f"({condition})" for condition in conditions)


def _is_typed(kind: Elementary | StringType | None) -> bool:
    """Whether literals of the type need it before them, whatever stands around: a bare REAL is one of C's doubles."""
    return isinstance(kind, Elementary) and kind.family in (Family.REAL, Family.BITS)


def _retyped(kind: Elementary, bare: str) -> str:
    typed = kind.family in (Family.SIGNED, Family.UNSIGNED, Family.REAL, Family.BITS) and "#" not in bare.replace(
        "16#", ""
    )
    return f"{kind.name}#{bare}" if typed else bare


def _no_calls(call: Call) -> str:
    raise TypeError(f"a call at {call.start} where none can stand")


def _no_operation(operation: str, kinds: Sequence[Type], result: Type, texts: Sequence[str]) -> str:
    raise TypeError(f"{operation} where none can stand")
