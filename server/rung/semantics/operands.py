"""What both kinds of binary operator need: literals that settle beside the other operand, and the refusal of operands."""

from __future__ import annotations

from rung.semantics.checker import Checker
from rung.semantics.refusals import operator_remedy
from rung.semantics.types import UNKNOWN, Elementary, Enumeration, Type, storage
from rung.semantics.widening import ANY_ENUMERATION, ANY_INTEGER, PENDING, RANGES, REALS
from rung.semantics.wording import described
from rung.syntax.tree import Binary, Expr


def settle_pair(c: Checker, node: Binary, left: Type, right: Type) -> tuple[Type, Type]:
    """Give literals the other operand's type where they fit it, else their own, and return the types of both."""
    if left in PENDING:
        left = _settle_beside(c, node.left, left, right)
    if right in PENDING:
        right = _settle_beside(c, node.right, right, left)
    return left, right


def _settle_beside(c: Checker, node: Expr, kind: Type, other: Type) -> Type:
    goal = storage(other)
    value = c.constants.get(node)
    fits = False
    if kind is ANY_ENUMERATION:
        fits = isinstance(goal, Enumeration) and goal is not ANY_ENUMERATION
    elif isinstance(goal, Elementary) and goal not in PENDING:
        whole = isinstance(value, int) and kind is ANY_INTEGER
        bounds = RANGES.get(goal)
        fits = goal in REALS or (
            whole and bounds is not None and isinstance(value, int) and bounds[0] <= value <= bounds[1]
        )
    if not fits:
        return c.settle_alone(node, kind)
    c.settle(node, kind, goal)
    return c.types[node]


def undefined(c: Checker, node: Binary, left: Type, right: Type) -> Type:
    """Report an operator that its operands do not have."""
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    one, two = storage(left), storage(right)
    both = described(left) if left is right else f"{described(left)} and {described(right)}"
    return c.fail("TYP004", node, f"{node.op} is not defined for {both}.{operator_remedy(node.op, one, two)}")
