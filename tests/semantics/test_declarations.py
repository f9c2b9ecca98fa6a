"""Declarations: types, defaults, initial values, addresses."""

from __future__ import annotations

import pytest

from rung.semantics.located import check_type, parse_address
from rung.semantics.types import (
    BOOL,
    DINT,
    INT,
    REAL,
    Array,
    Enumeration,
    Structure,
    Subrange,
    default_value,
    string_type,
)
from semantics.checking import body, check, problems_of, program_of

TYPES = """
TYPE
    Speed : INT := 50;
    Colour : (Red, Green := 5, Blue) := Green;
    Sized : USINT (Small, Large);
    Part : INT (1..10);
    Name : STRING[20] := 'none';
    Motor : STRUCT
        speed : Speed;
        on : BOOL := TRUE;
        colour : Colour;
        label : Name;
    END_STRUCT;
    Fast : Motor := (speed := 99);
    Row : ARRAY[0..2] OF INT := [1, 2(7)];
    Matrix : ARRAY[0..1, 0..2] OF INT;
END_TYPE
"""


def initial(declaration: str) -> object:
    """The initial value of `v`, its type's default where it has none of its own."""
    variable = program_of(TYPES + body(declaration, "")).pous["MAIN"].variables["V"]
    return variable.initial if variable.initial is not None else default_value(variable.type)


MOTOR = {"SPEED": 50, "ON": True, "COLOUR": 5, "LABEL": "none"}


@pytest.mark.parametrize(
    ("declaration", "value"),
    [
        ("v : INT;", 0),
        ("v : INT := 2#1010;", 10),
        ("v : REAL := 1;", 1.0),
        ("v : REAL := 1 / 2;", 0.0),
        ("v : BOOL := 1;", True),
        ("v : TIME := T#1.5s;", 1_500_000_000),
        ("v : Speed;", 50),
        ("v : Speed := 7;", 7),
        ("v : Colour;", 5),
        ("v : Colour := Blue;", 6),
        ("v : Colour := Colour#Red;", 0),
        ("v : Part;", 1),
        ("v : INT (-3..3);", -3),
        ("v : Name;", "none"),
        ("v : STRING[3] := 'abc';", "abc"),
        ("v : Motor;", MOTOR),
        ("v : Motor := (on := FALSE, speed := 3);", MOTOR | {"ON": False, "SPEED": 3}),
        ("v : Fast;", MOTOR | {"SPEED": 99}),
        ("v : Row;", (1, 7, 7)),
        ("v : ARRAY[1..4] OF INT := [1, 2];", (1, 2, 0, 0)),
        ("v : ARRAY[1..3] OF Part := [2, 5];", (2, 5, 1)),
        ("v : Matrix := [1, 2(3), 3(4)];", (1, 3, 3, 4, 4, 4)),
        ("v : Matrix := [[1, 2, 3], [4, 5, 6]];", (1, 2, 3, 4, 5, 6)),
        ("v : ARRAY[0..1] OF ARRAY[0..1] OF INT := [[1, 2], [3, 4]];", ((1, 2), (3, 4))),
        ("v : ARRAY[0..2] OF BOOL := [3(TRUE)];", (True, True, True)),
        ("v : TON := (PT := T#5s);", {"PT": 5_000_000_000}),
        ("v : ARRAY[0..1] OF TON := [(PT := T#5s), (PT := T#6s)];", ({"PT": 5_000_000_000}, {"PT": 6_000_000_000})),
    ],
)
def test_a_variable_starts_with(declaration: str, value: object) -> None:
    assert initial(declaration) == value


def test_types_have_the_declared_shape() -> None:
    types = program_of(TYPES).types
    colour, sized, part, motor, matrix = (types[key] for key in ("COLOUR", "SIZED", "PART", "MOTOR", "MATRIX"))
    assert isinstance(colour, Enumeration)
    assert colour.values == {"RED": 0, "GREEN": 5, "BLUE": 6}
    assert colour.base is INT
    assert isinstance(sized, Enumeration)
    assert sized.base.name == "USINT"
    assert isinstance(part, Subrange)
    assert (part.low, part.high) == (1, 10)
    assert isinstance(motor, Structure)
    assert list(motor.fields) == ["SPEED", "ON", "COLOUR", "LABEL"]
    assert isinstance(matrix, Array)
    assert matrix.dimensions == ((0, 1), (0, 2))
    assert matrix.size == 6


def test_a_type_stands_after_those_it_is_made_of() -> None:
    types = program_of("TYPE A : STRUCT b : B; END_STRUCT; B : ARRAY[0..1] OF C; C : (X, Y); END_TYPE\n").types
    assert list(types) == ["C", "B", "A"]


def test_constants_come_from_anywhere() -> None:
    program = program_of(
        "TYPE Row : ARRAY[0..LAST] OF INT; END_TYPE\nVAR_GLOBAL CONSTANT LAST : INT := SIZE - 1; SIZE : INT := 10; END_VAR\n"
        + body("r : Row;", "r[9] := 1;")
    )
    row = program.types["ROW"]
    assert isinstance(row, Array)
    assert row.dimensions == ((0, 9),)
    assert program.problems == []


def test_constants_that_need_each_other_are_one_error() -> None:
    check("""
        VAR_GLOBAL CONSTANT
            a : INT := b + 1;
            b : INT := a + 1;
                     //^ error[NAM012]: depends on itself
        END_VAR
    """)


def test_variables_keep_their_order_though_constants_are_read_first() -> None:
    program = program_of(
        "FUNCTION F : INT\nVAR_INPUT a : ARRAY[0..N] OF INT; END_VAR\nVAR CONSTANT N : INT := 3; END_VAR\nF := a[N];\nEND_FUNCTION\n"
    )
    assert list(program.pous["F"].variables) == ["F", "A", "N"]


def test_one_wrong_value_in_a_list_is_reported_on_its_place() -> None:
    check("""
        PROGRAM Main
        VAR
            a : ARRAY[0..2] OF SINT := [1, 300, 3];
                                         //^^^ error[TYP003]: 300 does not fit SINT, which holds -128 to 127
            m : ARRAY[0..1] OF INT := [1, 2, 3];
                                           //^ error[TYP015]: 3 values are given, but the array has 2 elements
        END_VAR
        END_PROGRAM
    """)


def test_a_structure_that_contains_itself_through_another() -> None:
    codes = [
        problem.code for problem in problems_of("TYPE A : STRUCT b : B; END_STRUCT; B : ARRAY[0..1] OF A; END_TYPE\n")
    ]
    assert codes == ["NAM012"]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("%IX0.0", "%IX0.0"),
        ("%I0.7", "%IX0.7"),
        ("%QX3", "%QX3.0"),
        ("%MW12", "%MW12"),
        ("%ML1023", "%ML1023"),
        ("%QB2", "%QB2"),
    ],
)
def test_an_address_is_read(text: str, canonical: str) -> None:
    located, flaw = parse_address(text)
    assert flaw is None
    assert located is not None
    assert located.text == canonical


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("%ZX0.0", "LOC001"),
        ("%IX", "LOC001"),
        ("%IX0.8", "LOC002"),
        ("%IX0.99999999999", "LOC002"),
        ("%QW99999999999", "LOC003"),
        ("%QW1.0", "LOC004"),
    ],
)
def test_a_bad_address_says_what_is_wrong(text: str, code: str) -> None:
    _, flaw = parse_address(text)
    assert flaw is not None
    assert flaw.code == code


def test_an_address_still_to_be_given() -> None:
    assert parse_address("%I*") == (None, None)
    assert parse_address("%QX*") == (None, None)


def test_the_bit_above_7_names_the_right_byte() -> None:
    _, flaw = parse_address("%IX0.11")
    assert flaw is not None
    assert "%IX1.3" in flaw.message


def test_an_address_has_the_width_of_its_type() -> None:
    word, double = parse_address("%IW0")[0], parse_address("%QD0")[0]
    assert word is not None
    assert double is not None
    assert check_type(word, INT) is None
    assert check_type(double, REAL) is None
    for located, kind in ((word, DINT), (word, BOOL), (double, string_type())):
        assert check_type(located, kind) is not None
