"""What is known of a body's integers before it runs: which array accesses need no guard."""

from __future__ import annotations

from dataclasses import dataclass, field

from rung.semantics.model import Analysis, Variable
from rung.semantics.types import Elementary, Family, storage
from rung.syntax.tree import Binary, Expr, NameExpr

Limits = tuple[int, int]


@dataclass(slots=True)
class Bounds:
    """The least and greatest values of expressions. `loops` holds those of the control variables of open FOR loops."""

    analysis: Analysis
    loops: dict[Variable, Limits] = field(default_factory=dict)

    def limits(self, expr: Expr) -> Limits | None:
        """Return the least and greatest value of an integer expression, None where its type is too wide to say."""
        constant = self.analysis.constants.get(expr)
        if isinstance(constant, int):
            return int(constant), int(constant)
        kind = storage(self.analysis.types[expr])
        if not isinstance(kind, Elementary) or kind.family not in (Family.SIGNED, Family.UNSIGNED) or kind.bits > 32:
            return None
        widest = (kind.low, kind.high)
        if isinstance(expr, NameExpr):
            symbol = self.analysis.symbols.get(expr)
            return self.loops.get(symbol, widest) if isinstance(symbol, Variable) else widest
        if not isinstance(expr, Binary) or expr.op not in ("+", "-", "*", "MOD"):
            return widest
        left, right = self.limits(expr.left), self.limits(expr.right)
        computed = None if left is None or right is None else _combined(expr.op, left, right)
        # What may leave the type wraps round, and can then be anything.
        return computed if computed is not None and kind.low <= computed[0] and computed[1] <= kind.high else widest

    def fits(self, expr: Expr, low: int, high: int) -> bool:
        """Whether an expression's value surely lies within `low..high`."""
        found = self.limits(expr)
        return found is not None and low <= found[0] and found[1] <= high


def _combined(operator: str, left: Limits, right: Limits) -> Limits | None:
    if operator == "+":
        return left[0] + right[0], left[1] + right[1]
    if operator == "-":
        return left[0] - right[1], left[1] - right[0]
    if operator == "*":
        corners = [a * b for a in left for b in right]
        return min(corners), max(corners)
    if right[0] != right[1] or right[0] <= 0:
        return None
    rest = right[0] - 1
    return (0 if left[0] >= 0 else -rest), (min(left[1], rest) if left[1] >= 0 else 0)
