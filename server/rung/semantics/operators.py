"""Operators: which types they take, in which type they compute, and what they yield (ed. 3 6.6.2.5, tables 29, 30, 33, 35).

Invariant: after `converted`, both operands of arithmetic and of a comparison have one type; the exceptions are TIME and DATE
arithmetic of table 35, whose operands keep theirs.
"""

from __future__ import annotations

from typing import Final

from rung.semantics import constants as folding
from rung.semantics.checker import Checker
from rung.semantics.operands import settle_pair, undefined
from rung.semantics.refusals import operator_remedy
from rung.semantics.types import (
    BOOL,
    DATE,
    DATE_AND_TIME,
    LDATE,
    LDATE_AND_TIME,
    LREAL,
    LTIME,
    LTIME_OF_DAY,
    NS_PER_DAY,
    REAL,
    TIME,
    TIME_OF_DAY,
    UNKNOWN,
    Array,
    Block,
    Constant,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Structure,
    Type,
    storage,
)
from rung.semantics.widening import (
    ANY_ENUMERATION,
    ANY_INTEGER,
    ANY_REAL,
    COMMON,
    DURATIONS,
    INTEGERS,
    LOGICAL,
    NUMBERS,
    PENDING,
    REALS,
    ROUNDS,
    WIDENS,
    integer_real,
)
from rung.semantics.wording import described
from rung.syntax.tree import Binary, Call, Expr, Unary

# Table 35: what sums and differences of points in time and durations yield.
_TIMES: Final[dict[tuple[str, Type, Type], Type]] = {}
for _time, _date, _tod, _dt in ((TIME, DATE, TIME_OF_DAY, DATE_AND_TIME), (LTIME, LDATE, LTIME_OF_DAY, LDATE_AND_TIME)):
    _TIMES["-", _date, _date] = _TIMES["-", _tod, _tod] = _TIMES["-", _dt, _dt] = _time
    for _op in "+-":
        _TIMES[_op, _tod, _time] = _tod
        _TIMES[_op, _dt, _time] = _dt


def binary(c: Checker, node: Binary, hint: Type | None) -> Type:
    """`left op right`."""
    op = node.op
    if op in _COMPARISONS:
        return comparison(c, node)
    left_node, right_node = node.left, node.right
    # Only a compound operand can use the wish of the context: it decides the width in which its own literals are computed.
    compound = left_node.__class__ in _COMPOUND
    left = c.handlers[left_node.__class__](c, left_node, hint if compound else None)
    if left in PENDING:
        right = c.handlers[right_node.__class__](c, right_node, hint if right_node.__class__ in _COMPOUND else None)
    else:
        right = c.handlers[right_node.__class__](c, right_node, left)
    if op in _LOGIC:
        result = left if left is right and left in LOGICAL else _logic(c, node, left, right)
    elif op == "**":
        result = _power(c, node, left, right, hint)
    elif left is right and left in NUMBERS and (op != "MOD" or left in INTEGERS):
        result = left
    else:
        result = _arithmetic(c, node, left, right, hint)
    if right_node in c.constants and result is not UNKNOWN:
        if left_node in c.constants:
            result = _fold(c, node, result)
        elif op in _DIVISIONS and c.constants[right_node] == 0 and c.constants[right_node].__class__ is int:
            return c.fail("TYP017", right_node, "This divides by zero.")
    if result not in PENDING:
        c.types[node] = result
    return result


_CLOCKS: Final = frozenset({TIME_OF_DAY, LTIME_OF_DAY})
_COMPOUND: Final = frozenset({Binary, Unary, Call})
_LOGIC: Final = frozenset({"AND", "OR", "XOR"})
_DIVISIONS: Final = frozenset({"/", "MOD"})
_COMPARISONS: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})


def _fold(c: Checker, node: Binary, result: Type) -> Type:
    left, right = c.constant(node.left), c.constant(node.right)
    assert left is not None
    assert right is not None
    op = node.op
    value: Constant | None
    try:
        if op in _LOGIC:
            value = folding.logic(op, left, right)
        elif result is ANY_INTEGER and op == "**":
            assert isinstance(left, int)
            assert isinstance(right, int)
            value = left**right
        elif op in ("*", "/") and storage(result) in DURATIONS:
            time, factor = (left, right) if storage(c.types[node.left]) in DURATIONS else (right, left)
            assert isinstance(time, int)
            value = folding.scaled_time(op, time, factor)
        else:
            value = folding.arithmetic(op, left, right, result)
            if storage(result) in _CLOCKS and isinstance(value, int):
                value %= NS_PER_DAY  # past midnight a day begins anew, as it does at run time
    except folding.DivisionByZero:
        c.types[node] = UNKNOWN
        return c.fail("TYP017", node.right, "This divides by zero.")
    if value is None:
        return result
    kind = storage(result)
    if (
        isinstance(kind, Elementary)
        and kind not in PENDING
        and isinstance(value, int)
        and not kind.low <= value <= kind.high
    ):
        c.types[node] = UNKNOWN
        return c.fail(
            "TYP003", node, f"The result {value} does not fit {kind.name}, which holds {kind.low} to {kind.high}."
        )
    c.constants[node] = value
    return result


def _convert(c: Checker, node: Expr, kind: Type) -> None:
    """Bring an operand to the operation's type."""
    have = storage(c.types[node])
    if have is not kind:
        c.fit(node, have, kind)


def _arithmetic(c: Checker, node: Binary, left: Type, right: Type, hint: Type | None) -> Type:
    op = node.op
    if left in PENDING and right in PENDING:
        if left is ANY_ENUMERATION or right is ANY_ENUMERATION:
            return undefined(c, node, *settle_pair(c, node, left, right))
        real = left is ANY_REAL or right is ANY_REAL
        if real and op == "MOD":
            return undefined(c, node, *settle_pair(c, node, left, right))
        return ANY_REAL if real else ANY_INTEGER
    wanted = hint if hint is REAL or hint is LREAL else None
    for literal, kind, other in ((node.left, left, right), (node.right, right, left)):
        if kind is ANY_REAL and storage(other) in INTEGERS:
            c.settle(literal, kind, integer_real(wanted))
    left = c.types.get(node.left, left) if left in PENDING else left
    right = c.types.get(node.right, right) if right in PENDING else right
    left, right = settle_pair(c, node, left, right)
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    one, two = storage(left), storage(right)
    if isinstance(one, Elementary) and isinstance(two, Elementary):
        if one in NUMBERS and two in NUMBERS:
            return _numbers(c, node, one, two, wanted)
        found = _times(c, node, one, two)
        if found is not None:
            return found
    if (
        isinstance(one, Elementary)
        and isinstance(two, Elementary)
        and (c.retype_direct(node.left, two) or c.retype_direct(node.right, one))
    ):
        return _arithmetic(c, node, c.types[node.left], c.types[node.right], hint)
    return undefined(c, node, left, right)


def _numbers(c: Checker, node: Binary, left: Elementary, right: Elementary, wanted: Type | None) -> Type:
    if node.op == "MOD" and not (left in INTEGERS and right in INTEGERS):
        return undefined(c, node, left, right)
    kind = COMMON[left].get(right)
    # An integer of more than 16 bits meets a REAL: LREAL holds both, but where a REAL is wanted the user has chosen.
    if wanted is REAL and kind is LREAL and LREAL not in (left, right):
        kind = REAL
    if kind is None and (left in REALS or right in REALS):
        kind = LREAL
    if kind is None:
        return c.fail(
            "TYP005", node, f"No integer type holds every {left.name} and every {right.name}. Convert one: "
            f"{left.name}_TO_{right.name}(...) or {right.name}_TO_{left.name}(...).",
        )  # fmt: skip
    _convert(c, node.left, kind)
    _convert(c, node.right, kind)
    return kind


def _times(c: Checker, node: Binary, left: Elementary, right: Elementary) -> Type | None:
    op = node.op
    if left in DURATIONS and right in DURATIONS:
        if op not in "+-":
            return None
        kind = COMMON[left][right]
        _convert(c, node.left, kind)
        _convert(c, node.right, kind)
        return kind
    if op in ("*", "/") and left in DURATIONS and right in NUMBERS:
        return left
    if op == "*" and left in NUMBERS and right in DURATIONS:
        return right
    return _TIMES.get((op, left, right))


def _power(c: Checker, node: Binary, left: Type, right: Type, hint: Type | None) -> Type:
    """`**` is EXPT: a real base, a number as exponent (table 29); an integer base is widened to a real."""
    if left in PENDING and right in PENDING and ANY_ENUMERATION not in (left, right):
        exponent, base = c.constants[node.right], c.constants[node.left]
        if left is right is ANY_INTEGER and isinstance(exponent, int) and 0 <= exponent <= 64 and abs(base) < 1 << 64:  # type: ignore[arg-type]  # an integer by its type
            return ANY_INTEGER
        return ANY_REAL
    wanted = hint if hint is REAL or hint is LREAL else None
    left, right = settle_pair(c, node, left, right)
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    one, two = storage(left), storage(right)
    if one not in NUMBERS or two not in NUMBERS or not isinstance(one, Elementary):
        return undefined(c, node, left, right)
    kind = one if one in REALS else wanted or (REAL if REAL in WIDENS[one] else LREAL)
    if two is LREAL:
        kind = LREAL
    for operand, have in ((node.left, one), (node.right, two)):
        if have is not kind:
            c.converted[operand] = kind
    return kind


def _logic(c: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left in PENDING and right in PENDING:
        if left is ANY_INTEGER and right is ANY_INTEGER:
            return ANY_INTEGER
        return undefined(c, node, *settle_pair(c, node, left, right))
    left, right = settle_pair(c, node, left, right)
    if left is UNKNOWN or right is UNKNOWN:
        return UNKNOWN
    one, two = storage(left), storage(right)
    if isinstance(one, Elementary) and isinstance(two, Elementary) and one in LOGICAL and two in LOGICAL:
        kind = COMMON[one][two]
        for operand, have in ((node.left, one), (node.right, two)):
            if have is not kind:
                c.converted[operand] = kind
        return kind
    return undefined(c, node, left, right)


def comparison(c: Checker, node: Binary) -> Type:
    left_node, right_node = node.left, node.right
    left = c.handlers[left_node.__class__](c, left_node, None)
    right = c.handlers[right_node.__class__](c, right_node, None if left in PENDING else left)
    c.types[node] = BOOL
    if left is not right or left.__class__ is not Elementary or left in PENDING:
        _compare(c, node, left, right)
    if left_node in c.constants and right_node in c.constants:
        one, two = c.constant(left_node), c.constant(right_node)
        value = None if one is None or two is None else folding.comparison(node.op, one, two)
        if value is not None:
            c.constants[node] = value
    return BOOL


def _compare(c: Checker, node: Binary, left: Type, right: Type) -> None:
    """Both sides get one type; what has none in common is reported."""
    if left in PENDING and right in PENDING and ANY_ENUMERATION not in (left, right):
        if left is ANY_REAL or right is ANY_REAL:
            c.settle(node.left, left, LREAL)
            c.settle(node.right, right, LREAL)
            return
        left, right = c.settle_alone(node.left, left), c.settle_alone(node.right, right)
    else:
        if (left is ANY_REAL and storage(right) in INTEGERS) or (right is ANY_REAL and storage(left) in INTEGERS):
            literal, integer = (node.left, node.right) if left is ANY_REAL else (node.right, node.left)
            c.settle(literal, ANY_REAL, LREAL)
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
        kind: Type | None = COMMON[one].get(two)
        if (kind is None and two in ROUNDS.get(one, ())) or one in ROUNDS.get(two, ()):
            kind = LREAL
        if kind is not None:
            for operand, have in ((node.left, one), (node.right, two)):
                if have is not kind:
                    c.converted[operand] = kind
            return
        if _same_width_direct(c, node, one, two):
            return
        c.report("TYP005", node, f"{described(left)} and {described(right)} cannot be compared: convert one of them.")
        return
    if isinstance(one, StringType) and isinstance(two, StringType) and one.wide == two.wide:
        shorter = node.left if one.length < two.length else node.right
        c.converted[shorter] = two if one.length < two.length else one
        return
    if _text_and_character(c, node, one, two) or (
        isinstance(one, Reference) and isinstance(two, Reference) and node.op in ("=", "<>")
    ):
        return
    c.report("TYP005", node, f"{described(left)} and {described(right)} cannot be compared.")


def _same_width_direct(c: Checker, node: Binary, left: Elementary, right: Elementary) -> bool:
    """A direct address takes the type that it is compared with: `%IW0 > level`."""
    return c.retype_direct(node.left, right) or c.retype_direct(node.right, left)


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


def unary(c: Checker, node: Unary, hint: Type | None) -> Type:
    """`-x`, `+x`, `NOT x`."""
    operand = node.operand
    kind = c.handlers[operand.__class__](
        c, operand, None if node.op != "NOT" and operand.__class__ not in _COMPOUND else hint
    )
    base = storage(kind)
    if node.op == "NOT":
        if kind is ANY_INTEGER and isinstance(hint, Elementary) and hint in LOGICAL and c.settle(operand, kind, hint):
            base = hint
        elif kind in PENDING:
            base = c.settle_alone(operand, kind)
        if base in LOGICAL and operand in c.constants:
            assert isinstance(base, Elementary)
            folded = folding.inverted(c.constants[operand], base)
            if folded is not None:
                c.constants[node] = folded
    elif operand in c.constants and kind is not ANY_ENUMERATION:
        value = c.constants[operand]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = -value if node.op == "-" else value
            if (
                isinstance(base, Elementary)
                and base not in PENDING
                and isinstance(value, int)
                and not base.low <= value <= base.high
            ):
                c.types[node] = UNKNOWN
                return c.fail(
                    "TYP003", node, f"{value} does not fit {base.name}, which holds {base.low} to {base.high}."
                )
            c.constants[node] = value
    if kind is ANY_INTEGER or kind is ANY_REAL:
        if node.op != "NOT":
            return kind
    elif kind is ANY_ENUMERATION:
        base = c.settle_alone(operand, kind)
    allowed = LOGICAL if node.op == "NOT" else NUMBERS | DURATIONS
    if base not in allowed and base is not UNKNOWN:
        c.types[node] = UNKNOWN
        return c.fail(
            "TYP004", node, f"{node.op} is not defined for {described(kind)}.{operator_remedy(node.op, base, base)}"
        )
    c.types[node] = base
    return base
