"""In which type an expression computes, and what it is worth when it is made of constants."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.semantics import constants as folding
from rung.semantics.types import DINT, LREAL, REAL
from semantics.checking import Typed

VARIABLES = (
    "s : SINT; i : INT; d : DINT; l : LINT; us : USINT; u : UINT; ud : UDINT; ul : ULINT;\n"
    "r : REAL; lr : LREAL; b : BYTE; w : WORD; dw : DWORD; q : BOOL; t : TIME; part : INT (0..100);"
)


@pytest.mark.parametrize(
    ("expression", "target", "kind", "converted"),
    [
        ("5", "INT", "INT", None),
        ("5", "LINT", "LINT", None),
        ("-5", "SINT", "SINT", None),
        ("-32768", "INT", "INT", None),
        ("16#FFFF", "WORD", "WORD", None),
        ("5", "REAL", "REAL", None),
        ("1.5", "LREAL", "LREAL", None),
        ("30000 * 2", "DINT", "DINT", None),
        ("i + 1", "INT", "INT", None),
        ("i + 40000", "DINT", "DINT", None),
        ("1 + i", "DINT", "INT", "DINT"),
        ("i * i", "DINT", "INT", "DINT"),
        ("s + d", "DINT", "DINT", None),
        ("i + u", "DINT", "DINT", None),
        ("s + ud", "LINT", "LINT", None),
        ("i * 1.5", "REAL", "REAL", None),
        ("i * 1.5", "LREAL", "LREAL", None),
        ("d * 1.5", "LREAL", "LREAL", None),
        ("r + d", "LREAL", "LREAL", None),
        ("r * lr", "LREAL", "LREAL", None),
        ("1 / 2", "REAL", "INT", "REAL"),
        ("i / 2", "REAL", "INT", "REAL"),
        ("r / 2", "REAL", "REAL", None),
        ("part + 1", "INT", "INT", None),
        ("w AND b", "DWORD", "WORD", "DWORD"),
        ("NOT b", "BYTE", "BYTE", None),
        ("b AND 16#0F", "BYTE", "BYTE", None),
        ("t * 2", "TIME", "TIME", None),
        ("t / i", "TIME", "TIME", None),
        ("t - T#5s", "TIME", "TIME", None),
        ("i > 5", "BOOL", "BOOL", None),
        ("q AND i > 5 OR w.3", "BOOL", "BOOL", None),
        ("i ** 2", "REAL", "REAL", None),
        ("TRUNC(r)", "INT", "INT", None),
        ("TRUNC(r)", "BOOL", "DINT", None),
        ("LEN('abc')", "UDINT", "UDINT", None),
        ("MAX(i, 5)", "INT", "INT", None),
        ("MAX(i, d)", "DINT", "DINT", None),
        ("SEL(q, 0, 5)", "SINT", "SINT", None),
        ("SQRT(i)", "REAL", "REAL", None),
        ("SQRT(d)", "LREAL", "LREAL", None),
        ("INT_TO_REAL(5)", "REAL", "REAL", None),
        ("SHL(w, 2)", "WORD", "WORD", None),
        ("ADD(t, T#5s)", "TIME", "TIME", None),
    ],
)
def test_an_expression_has_this_type(expression: str, target: str, kind: str, converted: str | None) -> None:
    typed = Typed(VARIABLES, target, expression)
    assert typed.type == kind
    assert typed.converted == converted


@pytest.mark.parametrize(
    ("target", "expression", "value"),
    [
        ("INT", "-7 / 2", -3),
        ("INT", "-7 MOD 2", -1),
        ("INT", "7 MOD -2", 1),
        ("INT", "2 ** 3 ** 2", 64),
        ("REAL", "-2.0 ** 2.0", 4.0),
        ("REAL", "1 / 2", 0),
        ("REAL", "1.0 / 2", 0.5),
        ("REAL", "0.1", struct.unpack("f", struct.pack("f", 0.1))[0]),
        ("LREAL", "0.1", 0.1),
        ("LREAL", "1.0 / 0.0", math.inf),
        ("TIME", "T#1s * 2 - T#500ms", 1_500_000_000),
        ("TIME", "T#500ms + T#500ms", 1_000_000_000),
        ("TIME", "T#-1.5s", -1_500_000_000),
        ("BOOL", "T#500ms + T#500ms = T#1s", True),
        ("BOOL", "2 < 3 AND 'a' < 'b'", True),
        ("BYTE", "NOT BYTE#16#F0", 0x0F),
        ("WORD", "16#F0 XOR 16#FF", 0x0F),
        ("INT", "300 - 100", 200),
    ],
)
def test_constants_are_folded(target: str, expression: str, value: object) -> None:
    typed = Typed("", target, expression)
    assert typed.codes == []
    assert typed.constant == value


@pytest.mark.parametrize(
    ("target", "expression", "code"),
    [
        ("INT", "40000", "TYP003"),
        ("DINT", "16#FFFF_FFFF", "TYP003"),
        ("USINT", "-1", "TYP003"),
        ("INT", "INT#30000 + INT#30000", "TYP003"),
        ("INT", "5 / 0", "TYP017"),
        ("INT", "5 MOD 0", "TYP017"),
        ("INT", "1.5", "TYP002"),
        ("INT", "d", "TYP002"),
        ("REAL", "lr", "TYP002"),
        ("UINT", "i", "TYP001"),
        ("INT", "w", "TYP001"),
        ("WORD", "i", "TYP001"),
        ("BOOL", "i", "TYP001"),
        ("INT", "q", "TYP001"),
        ("TIME", "t + 5", "TYP004"),
        ("WORD", "w + 1", "TYP004"),
        ("INT", "i AND i", "TYP004"),
        ("BOOL", "l = ul", "TYP005"),
        ("LINT", "l + ul", "TYP005"),
        ("BOOL", "i = t", "TYP005"),
        ("BOOL", "q = i", "TYP005"),
    ],
)
def test_what_does_not_go_is_one_error(target: str, expression: str, code: str) -> None:
    assert Typed(VARIABLES, target, expression).codes == [code]


def test_a_narrowing_names_the_function_that_converts() -> None:
    [problem] = Typed(VARIABLES, "SINT", "i").problems
    assert "INT_TO_SINT(...)" in problem.message
    assert problem.data == "INT_TO_SINT"


def test_a_large_integer_in_a_real_is_a_warning() -> None:
    assert Typed(VARIABLES, "REAL", "d").codes == ["TYP018"]
    assert Typed(VARIABLES, "REAL", "i").codes == []


def test_both_operands_have_one_type_after_conversion() -> None:
    typed = Typed(VARIABLES, "LREAL", "i + d * r")
    for node in typed.analysis.types:
        left, right = getattr(node, "left", None), getattr(node, "right", None)
        if left is not None and right is not None:
            assert typed.analysis.used_type(left) is typed.analysis.used_type(right)


_DINTS = st.integers(DINT.low, DINT.high)


@given(_DINTS, _DINTS.filter(bool))
def test_division_and_remainder_belong_together(dividend: int, divisor: int) -> None:
    quotient, rest = (
        folding.arithmetic("/", dividend, divisor, DINT),
        folding.arithmetic("MOD", dividend, divisor, DINT),
    )
    assert isinstance(quotient, int)
    assert isinstance(rest, int)
    assert quotient * divisor + rest == dividend
    assert abs(rest) < abs(divisor)
    assert rest == 0 or (rest < 0) == (dividend < 0)


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
def test_a_real_keeps_32_bits(left: float, right: float) -> None:
    total = folding.arithmetic("+", left, right, REAL)
    assert isinstance(total, float)
    assert math.isnan(total) or folding.round_real(total, REAL) == total


@given(st.floats(), st.floats())
def test_real_arithmetic_never_fails(left: float, right: float) -> None:
    for op in ("+", "-", "*", "/", "**"):
        assert isinstance(folding.arithmetic(op, left, right, LREAL), float)
