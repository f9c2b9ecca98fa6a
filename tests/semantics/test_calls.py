"""Calls of functions and function blocks: which argument goes where."""

from __future__ import annotations

import pytest

from rung.semantics.model import Pou, ResolvedCall, StandardFunction
from rung.semantics.wording import type_name
from rung.syntax.tree import Literal, NameExpr
from semantics.checking import body, check, problems_of, program_of

MIX = """
FUNCTION Mix : INT
VAR_INPUT a : INT; b : INT := 7; END_VAR
VAR_IN_OUT c : INT; END_VAR
VAR_OUTPUT d : BOOL; END_VAR
    Mix := a + b;
    c := c + 1;
    d := c > 5;
END_FUNCTION
"""


def only_call(text: str) -> ResolvedCall:
    [call] = program_of(text).analyses["MAIN"].calls.values()
    return call


def bound(call: ResolvedCall) -> dict[str, str]:
    """Parameter to argument, as text."""
    found = {}
    for argument in call.arguments:
        assert argument.parameter is not None
        expr = argument.expr
        assert isinstance(expr, (NameExpr, Literal))
        found[argument.parameter.name] = expr.text if isinstance(expr, NameExpr) else str(expr.value)
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("1, 2, x", {"a": "1", "b": "2", "c": "x"}),
        ("1, 2, x, q", {"a": "1", "b": "2", "c": "x", "d": "q"}),
        ("a := 1, b := 2, c := x", {"a": "1", "b": "2", "c": "x"}),
        ("c := x, a := 1", {"a": "1", "c": "x"}),
        ("1, c := x, d => q", {"a": "1", "c": "x", "d": "q"}),
        ("1, b :=, c := x, d =>", {"a": "1", "c": "x"}),
    ],
)
def test_arguments_are_bound(arguments: str, expected: dict[str, str]) -> None:
    call = only_call(MIX + body("x, y : INT; q : BOOL;", f"y := Mix({arguments});"))
    assert isinstance(call.callee, Pou)
    assert bound(call) == expected


def test_en_and_eno_stand_apart() -> None:
    call = only_call(MIX + body("x, y : INT; q, ok : BOOL;", "y := Mix(EN := q, a := 1, c := x, ENO => ok);"))
    assert bound(call) == {"a": "1", "c": "x"}
    assert isinstance(call.en, NameExpr)
    assert call.eno is not None
    assert call.eno.output


def test_a_negated_output() -> None:
    call = only_call(body("t1 : TON; q : BOOL;", "t1(IN := TRUE, PT := T#5s, NOT Q => q);"))
    assert [argument.negated for argument in call.arguments] == [False, False, True]


@pytest.mark.parametrize(
    ("call", "operation", "parameters", "result"),
    [
        ("ADD(i, 1)", "ADD", ["INT", "INT"], "INT"),
        ("ADD(i, 1, d)", "ADD", ["DINT", "DINT", "DINT"], "DINT"),
        ("ADD(IN2 := i, IN1 := 1)", "ADD", ["INT", "INT"], "INT"),
        ("MUX(1, i, 2, 3)", "MUX", ["INT", "INT", "INT", "INT"], "INT"),
        ("MUX(K := 1, IN0 := i, IN1 := i, IN2 := i)", "MUX", ["INT", "INT", "INT", "INT"], "INT"),
        ("SEL(G := q, IN0 := i, IN1 := 5)", "SEL", ["BOOL", "INT", "INT"], "INT"),
        ("LIMIT(0, i, 100)", "LIMIT", ["INT", "INT", "INT"], "INT"),
        ("INT_TO_DINT(i)", "CONVERT", ["INT"], "DINT"),
        ("TO_DINT(r)", "CONVERT", ["REAL"], "DINT"),
        ("SUB(t, T#5s)", "SUB", ["TIME", "TIME"], "TIME"),
    ],
)
def test_a_standard_function_is_resolved(call: str, operation: str, parameters: list[str], result: str) -> None:
    text = body(f"i : INT; d : DINT; r : REAL; q : BOOL; t : TIME; x : {result};", f"x := {call};")
    found = only_call(text).callee
    assert isinstance(found, StandardFunction)
    assert found.operation.startswith(operation)
    assert [type_name(kind) for kind in found.parameters] == parameters
    assert type_name(found.result) == result


def test_a_users_function_comes_before_the_standard_one() -> None:
    call = only_call(
        "FUNCTION ADD : INT\nVAR_INPUT a : INT; END_VAR\nADD := a;\nEND_FUNCTION\n" + body("i : INT;", "i := ADD(5);")
    )
    assert isinstance(call.callee, Pou)


def test_swapped_arrows_are_explained() -> None:
    check("""
        PROGRAM Main
        VAR
            t1 : TON;
            q : BOOL;
        END_VAR
            t1(IN => q, PT := T#5s, Q := q);
             //^^ error[CAL007]: 'IN' is an input of TON: write IN := value.
                                  //^ error[CAL007]: 'Q' is an output of TON: write Q => variable.
        END_PROGRAM
    """)


def test_a_conversion_of_the_wrong_type_names_the_right_one() -> None:
    check("""
        PROGRAM Main
        VAR
            i : INT;
            r : REAL;
        END_VAR
            r := DINT_TO_REAL(r);
                            //^ error[TYP001]: DINT_TO_REAL takes DINT, not REAL. No conversion is needed.
            i := REAL_TO_INT(T#5s);
                           //^^^^ error[TYP001]: REAL_TO_INT takes REAL, not TIME. Write TIME_TO_INT(...).
        END_PROGRAM
    """)


def test_an_overloaded_function_says_what_it_takes() -> None:
    [problem] = problems_of(body("q : BOOL; i : INT;", "i := ADD(i, q);"))
    assert problem.code == "CAL011"
    assert "ADD is not defined for INT, BOOL" in problem.message


def test_arguments_of_a_wrong_call_are_resolved_all_the_same() -> None:
    program = program_of(body("i : INT;", "i := Tripple(i + 1);"))
    assert "I" in {symbol.key for symbol in program.analyses["MAIN"].symbols.values()}


def test_a_circle_of_calls_is_told_step_by_step() -> None:
    def function(name: str, callee: str) -> str:
        return f"FUNCTION {name} : INT\nVAR_INPUT v : INT; END_VAR\n{name} := {callee}(v);\nEND_FUNCTION\n"

    [problem] = problems_of(function("One", "Two") + function("Two", "Three") + function("Three", "One"))
    assert problem.code == "CAL014"
    assert problem.message.startswith("One calls Two, which calls Three, which calls One.")
    assert len(problem.related) == 2


def test_blocks_that_contain_each_other() -> None:
    def block(name: str, inner: str) -> str:
        return f"FUNCTION_BLOCK {name}\nVAR inner : ARRAY[0..1] OF {inner}; END_VAR\nEND_FUNCTION_BLOCK\n"

    [problem] = problems_of(block("One", "Two") + block("Two", "One"))
    assert problem.code == "CAL015"
    assert "One contains Two, which contains One." in problem.message


def test_a_call_without_value_is_no_operand() -> None:
    check("""
        FUNCTION Reset
        VAR_IN_OUT i : INT; END_VAR
            i := 0;
        END_FUNCTION
        PROGRAM Main
        VAR
            i : INT;
            t1 : TON;
            q : BOOL;
        END_VAR
            Reset(i);
            i := i + Reset(i);
                   //^^^^^^^^ error[CAL012]: Reset gives no value
            q := t1(IN := q, PT := T#5s);
               //^^^^^^^^^^^^^^^^^^^^^^^ error[CAL012]: TON gives no value
        END_PROGRAM
    """)


def test_an_unknown_result_type_is_one_error() -> None:
    check("""
        FUNCTION Double : INTT
                        //^^^^ error[NAM004]: Did you mean 'INT'?
        VAR_INPUT v : INT; END_VAR
            Double := v * 2;
        END_FUNCTION
        PROGRAM Main
        VAR
            i : INT;
        END_VAR
            i := Double(i) + 1;
        END_PROGRAM
    """)
