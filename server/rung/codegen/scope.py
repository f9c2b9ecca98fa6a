"""What the texts of one body share, and what is known of its integers before it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from rung.codegen.cpp_types import CppTypes
from rung.codegen.initial import Initialisers
from rung.codegen.places import Places
from rung.semantics.model import Analysis, Variable
from rung.semantics.types import Elementary, Family, storage
from rung.syntax.tree import Binary, Expr, NameExpr


@dataclass(slots=True, frozen=True)
class Limits:
    """The values an integer can have. `by_loop`: that rests on a loop's control variable, which may be forced."""

    low: int
    high: int
    by_loop: bool


@dataclass(slots=True)
class Loop:
    """A FOR loop whose body leaves its control variable alone: `counter` is a C++ local that holds the same value in plain bodies.
    `limits` is None where nothing is known of it before run time."""

    counter: str
    limits: Limits | None


@dataclass(slots=True)
class Scope:
    """What the texts of one body share. `locals` holds the places of the POU's own variables, `loops` those of the FOR loops that
    are open, `fresh` numbers C++ locals."""

    analysis: Analysis
    types: CppTypes
    places: Places
    initial: Initialisers
    locals: dict[Variable, str]
    loops: dict[Variable, Loop] = field(default_factory=dict)
    fresh: int = 0

    def local(self, prefix: str) -> str:
        """Return a new name for a C++ local."""
        self.fresh += 1
        return f"{prefix}{self.fresh}"

    def loop(self, expr: Expr) -> Loop | None:
        """Return the open FOR loop whose control variable `expr` names."""
        symbol = self.analysis.symbols.get(expr) if isinstance(expr, NameExpr) else None
        return self.loops.get(symbol) if isinstance(symbol, Variable) else None

    def limits(self, expr: Expr) -> Limits | None:
        """Return the least and greatest value that an integer expression can have, None if its type is too wide to say."""
        constant = self.analysis.constants.get(expr)
        if isinstance(constant, int):
            return Limits(constant, constant, False)
        kind = storage(self.analysis.types[expr])
        if not isinstance(kind, Elementary) or kind.family not in (Family.SIGNED, Family.UNSIGNED) or kind.bits > 32:
            return None
        widest = Limits(kind.low, kind.high, False)
        if isinstance(expr, NameExpr):
            loop = self.loop(expr)
            return widest if loop is None or loop.limits is None else loop.limits
        if not isinstance(expr, Binary) or expr.op not in ("+", "-", "*", "MOD"):
            return widest
        left, right = self.limits(expr.left), self.limits(expr.right)
        computed = None if left is None or right is None else _combined(expr.op, left, right)
        # What may leave the type wraps round, and can then be anything.
        return computed if computed is not None and kind.low <= computed.low and computed.high <= kind.high else widest


def _combined(operator: str, left: Limits, right: Limits) -> Limits | None:
    by_loop = left.by_loop or right.by_loop
    if operator == "+":
        return Limits(left.low + right.low, left.high + right.high, by_loop)
    if operator == "-":
        return Limits(left.low - right.high, left.high - right.low, by_loop)
    if operator == "*":
        corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
        return Limits(min(corners), max(corners), by_loop)
    if right.low != right.high or right.low <= 0:
        return None
    rest = right.low - 1
    return Limits(0 if left.low >= 0 else -rest, min(left.high, rest) if left.high >= 0 else 0, by_loop)
