"""Why a value or an operator is refused, and what to write instead: one sentence each, with the conversion function by name."""

from __future__ import annotations

from rung.semantics.constants import _LOGIC
from rung.semantics.types import (
    BOOL,
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
    same_type,
    storage,
)
from rung.semantics.widening import ANY_INTEGER, ANY_REAL, BIT_STRINGS, DURATIONS, INTEGERS, PENDING
from rung.semantics.wording import described, type_name, value_text
from rung.syntax.tree import Binary, BitAccess, Call, Expr, Literal, Unary


def assignable(have: Type, goal: Type) -> bool:
    """Whether a value that is neither elementary nor text may be copied without conversion."""
    if isinstance(have, Array) and isinstance(goal, Array):
        if None in goal.dimensions and len(have.dimensions) == len(goal.dimensions):
            return same_type(have.element, goal.element)
        shape = [d and d[1] - d[0] for d in have.dimensions] == [d and d[1] - d[0] for d in goal.dimensions]
        return shape and same_type(have.element, goal.element)
    if isinstance(have, Reference) and isinstance(goal, Reference):
        return have.target is UNKNOWN or same_type(have.target, goal.target)
    return same_type(have, goal)


def refusal(node: Expr, source: Type, target: Type, value: Constant | None) -> tuple[str, str, str | None]:
    """Return code, sentence and fix for a value of a wrong type."""
    have, goal = storage(source), storage(target)
    if isinstance(goal, Enumeration):
        names = ", ".join(goal.spelling.values())
        return (
            "TYP019",
            f"{_called(node, source, value)} is no value of {type_name(target)}. Its values are {names}.",
            None,
        )
    if isinstance(have, Enumeration) and isinstance(goal, Elementary):
        return (
            "TYP001",
            f"{type_name(source)} is an enumeration, not {described(target)}. Choose the number with a CASE.",
            None,
        )
    if goal is BOOL and (have is ANY_INTEGER or have in INTEGERS):
        return (
            "TYP001",
            f"{_called(node, source, value)} is not BOOL. Compare it, as in x <> 0, or write TRUE or FALSE.",
            None,
        )
    if isinstance(goal, Elementary) and goal.family is Family.DURATION and source in (ANY_INTEGER, ANY_REAL):
        return (
            "TYP001",
            f"{_called(node, source, value)} is not {goal.name}. Write a duration with its unit, as in T#{value}ms.",
            None,
        )
    if isinstance(have, Block) or isinstance(goal, Block):
        return (
            "TYP001",
            f"A function block instance cannot be copied: {described(source)} to {described(target)}.",
            None,
        )
    if source is ANY_REAL and isinstance(goal, Elementary) and goal in INTEGERS:
        return (
            "TYP002",
            f"{value} is not {described(target)}: an integer has no decimals. Round it with LREAL_TO_{goal.name}(...).",
            None,
        )
    if (
        isinstance(have, (Elementary, StringType))
        and isinstance(goal, (Elementary, StringType))
        and source not in PENDING
    ):
        function = f"{conversion_word(have)}_TO_{conversion_word(goal)}"
        narrow = isinstance(have, Elementary) and isinstance(goal, Elementary) and have.family is goal.family
        if narrow:
            return (
                "TYP002",
                f"{described(source)} does not fit {described(target)}: it may be too large. Write {function}(...) if it is not.",
                function,
            )
        return (
            "TYP001",
            f"{described(target)} is expected here, not {described(source)}. Convert it with {function}(...).",
            function,
        )
    return "TYP001", f"{described(target)} is expected here, not {_called(node, source, value)}.", None


def _called(node: Expr, source: Type, value: Constant | None) -> str:
    if value is not None and isinstance(node, (Literal, Unary)):
        return value_text(value, source)
    if isinstance(node, (Call, Binary, BitAccess)) and source in PENDING:
        return "a number"
    return described(source)


def conversion_word(kind: Elementary | StringType) -> str:
    """Return a type's name as the conversion functions spell it."""
    if isinstance(kind, StringType):
        return "WSTRING" if kind.wide else "STRING"
    return {"TIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT", "LTIME_OF_DAY": "LTOD", "LDATE_AND_TIME": "LDT"}.get(
        kind.name, kind.name
    )


def operator_remedy(op: str, left: Type, right: Type) -> str:
    """Return what to write instead of an operator that these operands do not have, with a blank before it; empty if nothing helps."""
    kinds = (left, right)
    if any(isinstance(kind, Enumeration) for kind in kinds):
        return " An enumeration has no arithmetic: compare it, or choose with a CASE."
    if any(isinstance(kind, StringType) for kind in kinds):
        return " Texts are joined with CONCAT(...)." if op == "+" else ""
    if op in _LOGIC or op == "NOT":
        number = next((kind for kind in kinds if kind in INTEGERS), None)
        if isinstance(number, Elementary):
            bits = {8: "BYTE", 16: "WORD", 32: "DWORD", 64: "LWORD"}[number.bits]
            return f" It works on BOOL and bit strings: compare first, as in x <> 0, or convert with {number.name}_TO_{bits}(...)."
        return " It works on BOOL and bit strings."
    bits_operand = next((kind for kind in kinds if kind in BIT_STRINGS), None)
    if isinstance(bits_operand, Elementary):
        number_name = {8: "USINT", 16: "UINT", 32: "UDINT", 64: "ULINT"}[bits_operand.bits]
        return f" A {bits_operand.name} is a row of bits, not a number: convert it with {bits_operand.name}_TO_{number_name}(...)."
    if any(kind in DURATIONS for kind in kinds):
        return " A duration is added to a duration, as in T#5s, and multiplied or divided by a number."
    if BOOL in kinds:
        return " BOOL is not a number."
    if any(isinstance(kind, (Array, Structure, Block)) for kind in kinds):
        return f" Name one element or member of {type_name(left if isinstance(left, (Array, Structure, Block)) else right)}."
    return ""
