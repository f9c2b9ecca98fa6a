"""Comparisons: `= <> < > <= >=` (ed. 3 tables 33 and 71).

Invariant: after `converted` both sides have one type, in which they are compared; the result is BOOL also where they have none.
"""

from __future__ import annotations

from rung.semantics import constants as folding
from rung.semantics.checker import Checker
from rung.semantics.operands import settle_pair, undefined
from rung.semantics.refusals import assignable, conversion_word
from rung.semantics.types import (
    BOOL,
    LREAL,
    UNKNOWN,
    Array,
    Block,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Structure,
    Type,
    same_type,
    storage,
)
from rung.semantics.widening import ANY_ENUMERATION, ANY_REAL, COMMON, INTEGERS, PENDING, ROUNDS
from rung.semantics.wording import described
from rung.syntax.tree import Binary


def comparison(c: Checker, node: Binary) -> Type:
    """`left = right` and its like."""
    left_node, right_node = node.left, node.right
    left = c.handlers[left_node.__class__](c, left_node, None)
    right = c.handlers[right_node.__class__](c, right_node, None if left in PENDING else left)
    c.types[node] = BOOL
    if left is not right or left.__class__ is not Elementary or left in PENDING:
        _compare(c, node, left, right)
        if left is UNKNOWN or right is UNKNOWN:
            c.types[node] = UNKNOWN
            return UNKNOWN
    if left_node in c.constants and right_node in c.constants:
        one, two = c.constant(left_node), c.constant(right_node)
        value = None if one is None or two is None else folding.comparison(node.op, one, two)
        if value is not None:
            c.constants[node] = value
    return BOOL


def _compare(c: Checker, node: Binary, left: Type, right: Type) -> None:
    """Give both sides one type; report what has none in common."""
    if (
        left in PENDING
        and right in PENDING
        and (left is ANY_REAL or right is ANY_REAL)
        and ANY_ENUMERATION not in (left, right)
    ):
        c.settle(node.left, left, LREAL)
        c.settle(node.right, right, LREAL)
        return
    for literal, kind, integer, other in ((node.left, left, node.right, right), (node.right, right, node.left, left)):
        if kind is ANY_REAL and storage(other) in INTEGERS:
            c.settle(literal, kind, LREAL)
            c.converted[integer] = LREAL
            return
    left, right = settle_pair(c, node, left, right)
    if left is UNKNOWN or right is UNKNOWN:
        return
    one, two = storage(left), storage(right)
    if one is two and not isinstance(one, (Array, Structure, Block)):
        if isinstance(one, (Enumeration, Reference)) and node.op not in ("=", "<>"):
            undefined(c, node, left, right)
        return
    if isinstance(one, Elementary) and isinstance(two, Elementary):
        _compare_elementary(c, node, one, two)
    elif isinstance(one, StringType) and isinstance(two, StringType) and one.wide == two.wide:
        shorter = node.left if one.length < two.length else node.right
        c.converted[shorter] = two if one.length < two.length else one
    elif _text_and_character(c, node, one, two):
        return
    elif isinstance(one, Reference) and isinstance(two, Reference) and node.op in ("=", "<>") and assignable(one, two):
        if one.target is UNKNOWN:
            c.types[node.left] = right
    else:
        remedy = (
            " Compare their parts one by one." if isinstance(one, (Array, Structure)) and same_type(one, two) else ""
        )
        c.report("TYP005", node, f"{described(left)} and {described(right)} cannot be compared.{remedy}")


def _compare_elementary(c: Checker, node: Binary, left: Elementary, right: Elementary) -> None:
    kind = COMMON[left].get(right)
    if kind is None and (right in ROUNDS.get(left, ()) or left in ROUNDS.get(right, ())):
        kind = LREAL
    if kind is not None:
        for operand, have in ((node.left, left), (node.right, right)):
            if have is not kind:
                c.converted[operand] = kind
    elif not (c.retype_direct(node.left, right) or c.retype_direct(node.right, left)):
        function = f"{conversion_word(right)}_TO_{conversion_word(left)}"
        c.report(
            "TYP005",
            node,
            f"{left.name} and {right.name} cannot be compared. Convert one of them, as with {function}(...).",
            data=function,
        )


def _text_and_character(c: Checker, node: Binary, left: Type, right: Type) -> bool:
    for operand, have, other in ((node.left, left, right), (node.right, right, left)):
        if (
            isinstance(have, Elementary)
            and have.family is Family.CHAR
            and isinstance(other, StringType)
            and other.wide == (have.bits == 16)
        ):
            c.converted[operand] = other
            return True
    return False
