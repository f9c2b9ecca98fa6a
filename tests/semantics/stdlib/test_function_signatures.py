"""Every standard function of the tables: that it exists, with its parameters' names, overloads and result."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rung.semantics.stdlib import describe, function_names, lookup_function
from rung.semantics.stdlib.signature import Signature, TypeVariable
from rung.semantics.types import BOOL, ELEMENTARY, INT, REAL, TIME, UINT, WORD, Family

# Name, parameters; `...` marks a function that takes more of the last one.
TABLES = """
ABS IN|SQRT IN|LN IN|LOG IN|EXP IN|SIN IN|COS IN|TAN IN|ASIN IN|ACOS IN|ATAN IN|ATAN2 Y X
ADD IN1 IN2 ...|MUL IN1 IN2 ...|SUB IN1 IN2|DIV IN1 IN2|MOD IN1 IN2|EXPT IN1 IN2|MOVE IN
SHL IN N|SHR IN N|ROL IN N|ROR IN N|AND IN1 IN2 ...|OR IN1 IN2 ...|XOR IN1 IN2 ...|NOT IN
SEL G IN0 IN1|MUX K IN0 IN1 ...|LIMIT MN IN MX|MAX IN1 IN2 ...|MIN IN1 IN2 ...
GT IN1 IN2 ...|GE IN1 IN2 ...|EQ IN1 IN2 ...|LE IN1 IN2 ...|LT IN1 IN2 ...|NE IN1 IN2
LEN IN|LEFT IN L|RIGHT IN L|MID IN L P|CONCAT IN1 IN2 ...|INSERT IN1 IN2 P|DELETE IN L P|REPLACE IN1 IN2 L P|FIND IN1 IN2
ADD_TIME IN1 IN2|ADD_TOD_TIME IN1 IN2|ADD_DT_TIME IN1 IN2|SUB_TIME IN1 IN2|SUB_DATE_DATE IN1 IN2|SUB_TOD_TIME IN1 IN2
SUB_TOD_TOD IN1 IN2|SUB_DT_TIME IN1 IN2|SUB_DT_DT IN1 IN2|MULTIME IN1 IN2|DIVTIME IN1 IN2|MUL_TIME IN1 IN2|DIV_TIME IN1 IN2
ADD_LTIME IN1 IN2|ADD_LTOD_LTIME IN1 IN2|ADD_LDT_LTIME IN1 IN2|SUB_LTIME IN1 IN2|SUB_LDATE_LDATE IN1 IN2
SUB_LTOD_LTIME IN1 IN2|SUB_LTOD_LTOD IN1 IN2|SUB_LDT_LTIME IN1 IN2|SUB_LDT_LDT IN1 IN2|MUL_LTIME IN1 IN2|DIV_LTIME IN1 IN2
CONCAT_DATE_TOD IN1 IN2|CONCAT_DATE_LTOD IN1 IN2|CONCAT_DATE YEAR MONTH DAY|CONCAT_TOD HOUR MINUTE SECOND MILLISECOND
CONCAT_LTOD HOUR MINUTE SECOND MILLISECOND|CONCAT_DT YEAR MONTH DAY HOUR MINUTE SECOND MILLISECOND|DAY_OF_WEEK IN
CONCAT_LDT YEAR MONTH DAY HOUR MINUTE SECOND MILLISECOND|TO_BIG_ENDIAN IN|TO_LITTLE_ENDIAN IN|FROM_BIG_ENDIAN IN
FROM_LITTLE_ENDIAN IN|IS_VALID IN|IS_VALID_BCD IN|LOWER_BOUND ARR DIM|UPPER_BOUND ARR DIM|TRUNC IN|ROUND IN|TIME|LTIME
"""
ROWS = [row.split() for line in TABLES.split("\n") for row in line.split("|") if row]


def only(name: str) -> Signature:
    overloads = lookup_function(name)
    assert overloads is not None, name
    assert len(overloads) == 1
    return overloads[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_function_has_the_parameters_of_its_table(row: list[str]) -> None:
    name, parameters = row[0], [word for word in row[1:] if word != "..."]
    overloads = lookup_function(name)
    assert overloads is not None
    assert {tuple(p.name for p in signature.parameters) for signature in overloads} == {tuple(parameters)}
    assert any(signature.extensible for signature in overloads) == ("..." in row)


def test_function_names_are_the_tables_and_the_conversions() -> None:
    names = function_names()
    conversions = {
        name for name in names if "_TO_" in name or name.startswith(("TO_", "TRUNC_", "BCD_TO_")) or "_TRUNC_" in name
    }
    assert set(names) - conversions == {row[0] for row in ROWS} - conversions
    assert list(names) == sorted(names)
    assert all(lookup_function(name) and describe(name) for name in names)


@pytest.mark.parametrize(
    "name",
    [
        "FROB",
        "",
        "ADD_",
        "ADD_FROB",
        "ADD_BOOL",
        "SHL_INT",
        "LEFT_INT",
        "CONCAT_DATE_INT",
        "INT_TO_INT",
        "INT_TO_",
        "_TO_INT",
        "INT_TO_BCD",
        "TON",
        "DATE",
        "MOD_REAL",
        "SQRT_INT",
    ],
)
def test_what_is_no_standard_function(name: str) -> None:
    assert lookup_function(name) is None


def test_every_elementary_type_converts_to_every_other_and_to_strings() -> None:
    kinds = [*ELEMENTARY, "STRING", "WSTRING"]
    for source in kinds:
        for target in kinds:
            if ELEMENTARY.get(source, source) is ELEMENTARY.get(target, target):
                continue
            signature = only(f"{source}_TO_{target}")
            assert signature.operation == "CONVERT"
            assert signature.parameters[0].type.name.startswith(
                ELEMENTARY[source].name if source in ELEMENTARY else source
            )
            assert signature.result.name.startswith(ELEMENTARY[target].name if target in ELEMENTARY else target)


def test_short_and_long_spellings_are_one_conversion() -> None:
    assert only("DT_TO_TOD").result is only("DATE_AND_TIME_TO_TIME_OF_DAY").result


def test_an_overloaded_conversion_takes_anything() -> None:
    signature = only("TO_INT")
    source = signature.parameters[0].type
    assert isinstance(source, TypeVariable)
    assert source.strings
    assert source.families == frozenset(Family)
    assert signature.result is INT


def test_truncation_and_bcd_have_their_typed_names() -> None:
    assert (only("REAL_TRUNC_INT").operation, only("TRUNC_INT").operation) == ("TRUNC", "TRUNC")
    assert only("UINT_TO_BCD_WORD").parameters[0].type is UINT
    assert only("UINT_TO_BCD_WORD").result is WORD
    assert only("WORD_BCD_TO_UINT").operation == "FROM_BCD"
    assert only("BCD_TO_INT").result is INT


def test_typed_forms_of_overloaded_functions() -> None:
    assert [p.type for p in only("ADD_INT").parameters] == [INT, INT]
    assert only("ADD_INT").operation == "ADD"
    assert only("EQ_WORD").result is BOOL
    assert only("SHL_WORD").parameters[0].type is WORD
    assert isinstance(only("SHL_WORD").parameters[1].type, TypeVariable)
    assert [p.type for p in only("MULTIME_REAL").parameters] == [TIME, REAL]


def test_times_add_to_dates_by_overloads_of_add() -> None:
    named = {tuple(p.type.name for p in s.parameters): s.result.name for s in lookup_function("ADD") or ()}
    assert named["TIME_OF_DAY", "TIME"] == "TIME_OF_DAY"
    assert named["LDATE_AND_TIME", "LTIME"] == "LDATE_AND_TIME"
    assert named["ANY_MAGNITUDE", "ANY_MAGNITUDE"] == "ANY_MAGNITUDE"


def test_generic_parameters_admit_what_the_standard_says() -> None:
    def families(name: str) -> set[str]:
        variable = (lookup_function(name) or ())[-1].parameters[0].type
        assert isinstance(variable, TypeVariable)
        return {family.name for family in variable.families}

    assert families("SQRT") == {"REAL"}
    assert families("MOD") == {"SIGNED", "UNSIGNED"}
    assert families("ABS") == {"SIGNED", "UNSIGNED", "REAL"}
    assert families("SHL") == {"BOOL", "BITS"}
    assert families("SUB") == {"SIGNED", "UNSIGNED", "REAL", "DURATION"}
    assert families("MAX") == {family.name for family in Family}


@pytest.mark.parametrize("name", ["LEN", "FIND", "TRUNC", "DAY_OF_WEEK"])
def test_a_result_that_the_context_chooses_has_a_fallback(name: str) -> None:
    for signature in lookup_function(name) or ():
        assert isinstance(signature.result, TypeVariable)
        assert signature.result not in [p.type for p in signature.parameters]
        assert signature.fallback in (INT, ELEMENTARY["DINT"])


def test_importing_the_package_loads_none_of_its_tables() -> None:
    script = "import sys, rung.semantics.stdlib; print([m for m in sys.modules if m.startswith('rung.semantics.')])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['rung.semantics.stdlib']"
