"""Expressions of Structured Text as C++ expressions.

Invariants: every text has exactly the C++ type of its IEC type, so C's promotions never show; integers wrap at their width;
nothing is evaluated twice or left out, and where a user's function is called, operands are evaluated from left to right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from rung.codegen import names
from rung.codegen.scope import Scope
from rung.codegen.standard_calls import conversion, standard_call
from rung.codegen.values import integer, literal
from rung.codegen.walk import calls_user_function
from rung.semantics.model import EnumValueSymbol, StandardFunction, Variable
from rung.semantics.types import (
    Array,
    Block,
    Elementary,
    Enumeration,
    Family,
    Reference,
    Structure,
    Subrange,
    Type,
    same_type,
    storage,
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

# The standard function that does what an operator does (ed. 3 table 52).
_OPERATIONS: Final = {
    "+": "ADD", "-": "SUB", "*": "MUL", "/": "DIV", "MOD": "MOD", "**": "EXPT", "AND": "AND", "OR": "OR", "XOR": "XOR",
    "=": "EQ", "<>": "NE", "<": "LT", ">": "GT", "<=": "LE", ">=": "GE",
}  # fmt: skip
# `(float(int16_t(n))) * x` is a cast of `*x` to a function type: C++ takes for a declaration what can be one. With a local's name in
# a static_cast instead it cannot be one.
_CAST: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|\b(u?int\d+_t|unsigned|float|double|bool|char|char16_t|rung::(?:Duration|Clock|Moment))\(([A-Za-z_]\w*)\)'
)


class Expressions:
    """Writes the expressions of one body. `call` writes calls; it is given, because calls are made of expressions."""

    __slots__ = ("_analysis", "call", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._analysis = scope.analysis
        self.call: Callable[[Call], str] = _no_calls

    def value(self, expr: Expr) -> str:
        """Return the value that the context of `expr` sees, after its implicit conversion."""
        text = self.raw(expr)
        target = self._analysis.converted.get(expr)
        if target is not None:
            text = self.convert(text, self._analysis.types[expr], target)
        return _CAST.sub(_unmistakable, text)

    def convert(self, text: str, source: Type, target: Type) -> str:
        """Return `text`, of type `source`, as a value of type `target`."""
        if isinstance(strip(target), Reference):
            return text
        if same_type(source, target) or self.scope.types.name(source) == self.scope.types.name(target):
            return text
        return conversion(storage(source), storage(target), text)

    def stored(self, expr: Expr, target: Type) -> str:
        """Return the value of `expr` as a variable of type `target` takes it: converted, and within a subrange's limits."""
        text = self.convert(self.value(expr), self._analysis.used_type(expr), target)
        subrange = strip(target)
        if not isinstance(subrange, Subrange) or expr in self._analysis.constants or self._fits(expr, subrange):
            return text
        low, high = literal(subrange, subrange.low), literal(subrange, subrange.high)
        return f"within<{self.scope.types.name(subrange)}>({text}, {low}, {high})"

    def _fits(self, expr: Expr, limits: Subrange) -> bool:
        source = strip(self._analysis.types[expr])
        return isinstance(source, Subrange) and limits.low <= source.low and source.high <= limits.high

    def raw(self, expr: Expr) -> str:
        """Return the value of `expr` in its own type."""
        constant = self._analysis.constants.get(expr)
        if constant is not None and isinstance(constant, bool | int | float | str):
            return literal(self._analysis.types[expr], constant)
        match expr:
            case NameExpr():
                return self._name(expr)
            case BitAccess():
                return self._partial(expr)
            case Unary():
                return self._unary(expr)
            case Binary():
                return self.ordered((expr.left, expr.right), lambda texts: self._binary(expr, texts[0], texts[1]))
            case Call():
                return self.call(expr)
            case Index() if _is_scalar(self._analysis.types[expr]):
                return self._element(expr, "value_at({}, {})")
            case _:
                return self.place(expr)

    def _name(self, expr: NameExpr) -> str:
        symbol = self._analysis.symbols.get(expr)
        if symbol is None and isinstance(self._analysis.types[expr], Reference):
            return "nullptr"  # NULL is a name that nobody declares
        if isinstance(symbol, EnumValueSymbol):
            return literal(symbol.type, symbol.value)
        place = self.place(expr)
        loop = self.scope.loop(expr)
        if loop is None:
            return place
        return f"LOOP({self.scope.types.name(self._analysis.types[expr])}({loop.counter}), {place})"

    # ------------------------------------------------------------------------------------------------ places

    def assignment(self, expr: Expr, value: str) -> str:
        """Return the statement that writes `value` to the place that `expr` names."""
        if isinstance(expr, Index) and _is_scalar(self._analysis.types[expr]):
            access = self._element(expr, "PUT({}, {}, ")
            if access.startswith("PUT("):
                return f"{access}{value});"
            return f"SET({access}, {value});"
        return f"SET({self.place(expr)}, {value});"

    def place(self, expr: Expr) -> str:
        """Return the C++ lvalue that `expr` names."""
        match expr:
            case NameExpr() | DirectAddress():
                symbol = self._analysis.symbols[expr]
                assert isinstance(symbol, Variable), symbol
                return self.variable(symbol)
            case Member():
                return self._member(expr)
            case Index():
                return self._element(expr)
            case Dereference():
                return f"target(t, {self.value(expr.base)})"
        raise TypeError(f"{type(expr).__name__} names no place")

    def variable(self, variable: Variable) -> str:
        """Return the C++ lvalue of a variable of this body, a global, or a located one."""
        own = self.scope.locals.get(variable)
        place = own if own is not None else self.scope.places.of(variable)
        if place is None:
            raise KeyError(f"no place for {variable.name}")
        return place

    def _member(self, expr: Member) -> str:
        symbol = self._analysis.symbols.get(expr)
        if isinstance(symbol, EnumValueSymbol):
            return literal(symbol.type, symbol.value)
        base = strip(self._analysis.types[expr.base])
        if isinstance(base, Block):
            return f"{self.place(expr.base)}.{block_member(base, expr.name.key)}"
        assert isinstance(base, Structure)
        return f"{self._operand(expr.base)}.{names.variable(expr.name.key)}"

    def _operand(self, expr: Expr) -> str:
        """A structure or array to look into: a place, or the result of a call."""
        return f"({self.raw(expr)})" if isinstance(expr, Call) else self.place(expr)

    def _element(self, expr: Index, access: str = "element(t, {}, {})") -> str:
        kind = strip(self._analysis.types[expr.base])
        assert isinstance(kind, Array)
        base = self._operand(expr.base)
        if None not in kind.dimensions:
            bounds = [d for d in kind.dimensions if d is not None]
            known = [self._known_position(index, bound) for index, bound in zip(expr.indices, bounds, strict=True)]
            if None not in known:
                return self._unchecked(base, [k for k in known if k is not None], bounds)
        return access.format(base, self._position(expr, kind, base))

    def _known_position(self, index: Expr, bound: tuple[int, int]) -> tuple[str, str] | None:
        """Return how far `index` lies above its lower bound, as plain and as force-aware text, if it cannot lie outside of the
        bounds. The force-aware text is empty where it need not differ."""
        low, high = bound
        found = self.scope.limits(index)
        if found is None or found.low < low or found.high > high:
            return None
        constant = self._analysis.constants.get(index)
        if isinstance(constant, int):
            return str(constant - low), ""
        text = self._counter_text(index)
        plain = f"({text} - {integer(low)})" if low else text
        if not found.by_loop:
            return plain, ""
        kind = self._analysis.used_type(index)
        return plain, _position_text(self.value(index), kind, integer(low), str(high - low + 1))

    def _counter_text(self, expr: Expr) -> str:
        """The value of an index that needs no check, in terms of the loops' counters, which compilers see through best."""
        constant = self._analysis.constants.get(expr)
        if isinstance(constant, int):
            return integer(constant)
        loop = self.scope.loop(expr)
        if loop is not None:
            return loop.counter
        if isinstance(expr, Binary) and expr.op in ("+", "-", "*"):
            found = self.scope.limits(expr)
            if found is not None and found.by_loop:
                return f"({self._counter_text(expr.left)} {expr.op} {self._counter_text(expr.right)})"
        return self.value(expr)

    def _unchecked(self, base: str, known: Sequence[tuple[str, str]], bounds: Sequence[tuple[int, int]]) -> str:
        """An access that needs no check, except in force-aware bodies, where a loop's control variable may be forced."""
        plain, _ = known[0]
        checked = known[0][1] or f"Position({known[0][0]})"
        for (position, guarded), (low, high) in zip(known[1:], bounds[1:], strict=True):
            plain = f"({plain} * {high - low + 1} + {position})"
            checked = f"row({checked}, {guarded or f'Position({position})'}, {high - low + 1})"
        return f"KNOWN({base}, {plain}, {checked})" if any(guarded for _, guarded in known) else f"{base}.e[{plain}]"

    def _position(self, expr: Index, kind: Array, base: str) -> str:
        def build(texts: list[str]) -> str:
            position = ""
            for number, (text, index, bound) in enumerate(zip(texts, expr.indices, kind.dimensions, strict=True)):
                low = f"{base}.low[{number}]" if bound is None else integer(bound[0])
                count = f"{base}.count[{number}]" if bound is None else str(bound[1] - bound[0] + 1)
                own = _position_text(text, self._analysis.used_type(index), low, count)
                position = f"row({position}, {own}, {count})" if position else own
            return position

        return self.ordered(expr.indices, build)

    def _partial(self, expr: BitAccess) -> str:
        width = self._width(expr.base)
        base = f"uint{width}_t({self.raw(expr.base)})"
        if expr.size == "X":
            return f"bool(({base} >> {expr.index}) & 1u)"
        size = {"B": 8, "W": 16, "D": 32}[expr.size]
        return f"uint{size}_t({base} >> {expr.index * size})"

    def partial_assignment(self, expr: BitAccess, value: str) -> list[str]:
        """Return statements that write `value` into the bits that `expr` names."""
        width = self._width(expr.base)
        whole = self.scope.local("whole")
        size = {"X": 1, "B": 8, "W": 16, "D": 32}[expr.size]
        shift = expr.index * size
        mask = f"uint{width}_t({integer(((1 << size) - 1) << shift)})"
        bits = f"uint{width}_t(uint{width}_t({value}) << {shift})"
        kept = f"uint{width}_t({whole} & uint{width}_t(~{mask}))"
        kind = self.scope.types.name(self._analysis.types[expr.base])
        return ["{", f"auto &{whole} = {self.place(expr.base)};", f"SET({whole}, {kind}({kept} | {bits}));", "}"]

    def _width(self, expr: Expr) -> int:
        kind = storage(self._analysis.types[expr])
        assert isinstance(kind, Elementary)
        return max(kind.bits, 8)

    # -------------------------------------------------------------------------------------------- operations

    def ordered(self, operands: Sequence[Expr], build: Callable[[list[str]], str]) -> str:
        """Return `build` of the operands' values. If evaluating one may change another, each is evaluated in turn first."""
        texts = [self.value(operand) for operand in operands]
        varying = [operand for operand in operands if operand not in self._analysis.constants]
        if len(varying) < 2 or not any(calls_user_function(operand, self._analysis) for operand in varying):
            return build(texts)
        temporaries = [self.scope.local("o") for _ in texts]
        declared = " ".join(f"const auto {name} = {text};" for name, text in zip(temporaries, texts, strict=True))
        return f"({{ {declared} {build(temporaries)}; }})"

    def _unary(self, expr: Unary) -> str:
        operand = self.value(expr.operand)
        kind = storage(self._analysis.used_type(expr.operand))
        if expr.op == "NOT":
            return standard_call(StandardFunction("NOT", "NOT", (kind,), kind), (operand,))
        if expr.op == "+":
            return operand
        real = isinstance(kind, Elementary) and kind.family is Family.REAL
        return f"(-({operand}))" if real else f"negated<{self.scope.types.name(kind)}>({operand})"

    def _binary(self, expr: Binary, left: str, right: str) -> str:
        operands = (self._analysis.used_type(expr.left), self._analysis.used_type(expr.right))
        if expr.op in ("/", "MOD"):
            quotient = self.constant_division(expr.op, operands, expr.right, left, right)
            if quotient is not None:
                return quotient
        return standard_call(
            StandardFunction(expr.op, _OPERATIONS[expr.op], operands, self._analysis.types[expr]), (left, right)
        )

    def constant_division(
        self, operator: str, operands: Sequence[Type], divisor: Expr, left: str, right: str
    ) -> str | None:
        """Return an integer division by a constant that can neither be zero nor overflow, as plain C++, else None."""
        kind, other = storage(operands[0]), storage(operands[1])
        constant = self._analysis.constants.get(divisor)
        if not isinstance(kind, Elementary) or kind is not other or kind.family not in (Family.SIGNED, Family.UNSIGNED):
            return None
        if not isinstance(constant, int) or constant in (0, -1):
            return None
        return f"{self.scope.types.name(kind)}({left} {'/' if operator == '/' else '%'} {right})"


def block_member(block: Block, key: str) -> str:
    """Return the C++ name of a function block's variable."""
    return key if block.pou.declaration is None else names.variable(key)


def _is_scalar(kind: Type) -> bool:
    return isinstance(storage(kind), Elementary | Enumeration)


def _position_text(text: str, kind: Type, low: str, count: str) -> str:
    index = storage(kind)
    base = index.base if isinstance(index, Enumeration) else index
    assert isinstance(base, Elementary)
    function = "position" if base.high < 1 << 31 else "long_position" if base.high < 1 << 63 else "unsigned_position"
    return f"{function}({text}, {low}, {count})"


def _unmistakable(match: re.Match[str]) -> str:
    return match[0] if match[1] is None else f"static_cast<{match[1]}>({match[2]})"


def _no_calls(call: Call) -> str:
    raise TypeError(f"a call at {call.start} where none can stand")
