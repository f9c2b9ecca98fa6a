"""Names: where they are looked for, and what is said when they are not found."""

from __future__ import annotations

from rung.semantics.model import EnumValueSymbol, Variable
from rung.semantics.spelling import closest
from rung.syntax.tree import NameExpr
from semantics.checking import body, check, problems_of, program_of


def test_a_misspelt_name_is_reported_with_the_nearest_one() -> None:
    check("""
        PROGRAM Main
        VAR
            level : INT;
        END_VAR
            levl := 5;
          //^^^^ error[NAM001]: 'levl' is not declared. Did you mean 'level'?
        END_PROGRAM
    """)


def test_a_name_is_reported_once_however_often_it_is_used() -> None:
    check("""
        PROGRAM Main
        VAR
            level : INT;
        END_VAR
            pump := TRUE;
          //^^^^ error[NAM001]: 'pump' is not declared
            pump := level > 5 AND pump;
            IF PUMP THEN level := 0; END_IF;
        END_PROGRAM
    """)


def test_one_unknown_type_does_not_spoil_its_users() -> None:
    check("""
        PROGRAM Main
        VAR
            motor : Moter;
                  //^^^^^ error[NAM004]: There is no type or function block 'Moter'
        END_VAR
            motor(on := TRUE);
            motor.speed := motor.level + 5;
            IF motor.running THEN motor.speed := T#5s; END_IF;
        END_PROGRAM
    """)


def test_a_duplicate_points_at_the_first_declaration() -> None:
    [problem] = problems_of(body("level : INT;\nother, LEVEL : REAL;", ""))
    [first] = problem.related
    assert problem.code == "NAM002"
    assert first.start < problem.start


def test_the_suggestion_is_given_to_the_quick_fix() -> None:
    [problem] = problems_of(body("level : INT;", "levl := 5;"))
    assert problem.data == "level"


def test_names_ignore_case() -> None:
    assert problems_of(body("Level : INT;", "LEVEL := level + LeVeL;")) == []


def test_a_member_is_named_with_what_there_is() -> None:
    check("""
        PROGRAM Main
        VAR
            t1 : TON;
            b : BOOL;
        END_VAR
            t1(IN := b, PT := T#5s);
            b := t1.QQ;
                  //^^ error[NAM005]: Function block TON has no member 'QQ'
        END_PROGRAM
    """)


def test_a_function_that_stands_without_its_parentheses() -> None:
    check("""
        FUNCTION Double : INT
        VAR_INPUT v : INT; END_VAR
            Double := v * 2;
        END_FUNCTION
        PROGRAM Main
        VAR
            i : INT;
        END_VAR
            i := Double;
               //^^^^^^ error[NAM011]: A function is called with parentheses: Double(...)
        END_PROGRAM
    """)


def test_a_local_name_hides_a_global_one() -> None:
    program = program_of("VAR_GLOBAL level : REAL; END_VAR\n" + body("level : INT;", "level := 5;"))
    symbols = [symbol for node, symbol in program.analyses["MAIN"].symbols.items() if isinstance(node, NameExpr)]
    assert symbols == [program.pous["MAIN"].variables["LEVEL"]]


def test_a_bare_enumerator_is_that_of_the_context() -> None:
    program = program_of(
        "TYPE A : (Off, On); B : (On, Off); END_TYPE\n"
        + body("a : A; b : B;", "a := On;\nb := On;\nIF b = Off OR Off = a THEN ; END_IF;")
    )
    found = [symbol for symbol in program.analyses["MAIN"].symbols.values() if isinstance(symbol, EnumValueSymbol)]
    assert [(symbol.type.name, symbol.key, symbol.value) for symbol in found] == [
        ("A", "ON", 1),
        ("B", "ON", 0),
        ("B", "OFF", 1),
        ("A", "OFF", 0),
    ]


def test_an_external_stands_for_the_global() -> None:
    program = program_of(
        "VAR_GLOBAL CONSTANT limit : INT := 7; END_VAR\nVAR_GLOBAL level : INT; END_VAR\n"
        "PROGRAM Main\nVAR_EXTERNAL level : INT; limit : INT; END_VAR\nlevel := limit;\nEND_PROGRAM\n"
    )
    level, limit = (program.pous["MAIN"].variables[key] for key in ("LEVEL", "LIMIT"))
    assert level.target is program.globals["LEVEL"]
    assert limit.constant
    assert limit.initial == 7
    assert program.problems == []


def test_a_header_with_a_syntax_error_does_not_make_its_names_unknown() -> None:
    problems = problems_of(
        "PROGRAM Main\nVAR\n  a : ARRAY[ OF INT;\n  b INT;\nEND_VAR\na[1] := 5;\nb := 6;\nEND_PROGRAM\n"
    )
    assert problems == []


def test_only_what_is_near_is_suggested() -> None:
    names = ["LEVEL", "LIMIT", "PUMP_ON"]
    assert closest("LEVL", names) == "LEVEL"
    assert closest("LEEVL", names) == "LEVEL"
    assert closest("PUMP_NO", names) == "PUMP_ON"
    assert closest("TEMPERATURE", names) is None
    assert closest("X", ["Y", "Z"]) is None


def test_what_a_variable_is_tied_to_is_known() -> None:
    variable = program_of(body("level AT %IW3 : INT := 5;", "level := 6;")).pous["MAIN"].variables["LEVEL"]
    assert isinstance(variable, Variable)
    assert variable.address is not None
    assert variable.address.text == "%IW3"
    assert variable.initial == 5


def test_where_an_enumeration_is_wanted_its_value_goes_before_a_variable_of_another_type() -> None:
    check("""
        TYPE Mode : (Manual, Automatic); END_TYPE
        PROGRAM Main
        VAR
            Manual : BOOL;
            state : Mode;
        END_VAR
            IF Manual THEN state := MANUAL; END_IF;
        END_PROGRAM
    """)
