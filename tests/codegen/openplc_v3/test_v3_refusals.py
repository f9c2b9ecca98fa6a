"""What v3 cannot take is refused by name, with the line and the reason; and what is printed is a program that Rung itself takes."""

from __future__ import annotations

import pytest

from codegen.openplc_v3.printing import printed
from codegen.probes import checked
from rung.codegen.build import BuildError
from rung.codegen.openplc_v3.refusals import REFUSED

# Key of the table, declarations before the program, variables, statements, what the error names.
ROWS = [
    ("wide text", "", "w : WSTRING;", "w := w;", "Variable w"),
    ("character", "", "c : CHAR;", "c := c;", "Variable c"),
    ("long string", "", "s : STRING[200];", "s := 'x';", "STRING[200]"),
    ("reference", "", "r : REF_TO INT; i : INT;", "r := REF(i);", "REF()"),
    ("array of blocks", "", "t : ARRAY[1..2] OF TON;", "t[1](IN := TRUE);", "array"),
    (
        "array of structures",
        "TYPE P : STRUCT x : INT; END_STRUCT; END_TYPE",
        "g : ARRAY[0..1, 0..1] OF P;",
        "g[0, 0].x := 1;",
        "array",
    ),
    ("global block", "VAR_GLOBAL t : TON; END_VAR", "x : INT;", "x := 1;", "Global variable t"),
    ("address", "", "q AT %QW2000 : INT;", "q := 1;", "%QW2000"),
    ("shared address", "", "a AT %QD0 : REAL; b AT %QD0 : DINT;", "a := 1.0; b := 1;", "%QD0"),
    ("text of number", "", "s : STRING; r : REAL;", "s := REAL_TO_STRING(r);", "REAL to text"),
    ("number of text", "", "s : STRING; i : INT;", "i := STRING_TO_INT(s);", "text to INT"),
    ("function", "", "r : REAL;", "r := ATAN2(r, r);", "ATAN2"),
    ("large number", "", "r : LREAL;", "r := 1.0E300;", "1e+300"),
    ("large number", "", "r : LREAL := 1.0E300;", "r := 1.0;", "1e+300"),
    ("large number", "", "r : LREAL := 1.0E-300;", "r := 1.0;", "1e-300"),
    ("large number", "TYPE P : STRUCT a : LREAL := -1.0E300; END_STRUCT; END_TYPE", "p : P;", "p.a := 1.0;", "-1e+300"),
    ("enable", "", "t : TON;", "t.EN := FALSE; t();", "EN"),
]


@pytest.mark.parametrize(
    ("key", "around", "variables", "statements", "named"), ROWS, ids=[f"{row[0]}: {row[4]}" for row in ROWS]
)
def test_is_refused(key: str, around: str, variables: str, statements: str, named: str) -> None:
    with pytest.raises(BuildError) as error:
        printed(f"{around}\nPROGRAM Main\nVAR {variables} END_VAR\n{statements}\nEND_PROGRAM\n")
    text = str(error.value)
    assert named in text
    assert "OpenPLC Runtime v3" in text
    assert REFUSED[key] in text
    assert "main.st:" in text


def test_an_address_for_one_of_several_instances_is_refused_where_it_is_given() -> None:
    with pytest.raises(
        BuildError, match=r"^A\.LAMP AT %QX0\.0 in VAR_CONFIG \(main\.st:8\) cannot be built for OpenPLC Runtime v3"
    ):
        printed(
            "PROGRAM Main\nVAR lamp AT %QX* : BOOL; END_VAR\nlamp := NOT lamp;\nEND_PROGRAM\n"
            "CONFIGURATION Plant\nVAR_CONFIG\n\nCpu.a.lamp AT %QX0.0 : BOOL; b.lamp AT %QX0.1 : BOOL;\nEND_VAR\nRESOURCE Cpu ON PLC\n"
            "TASK t(INTERVAL := T#20ms, PRIORITY := 1);\nPROGRAM a WITH t : Main;\nPROGRAM b WITH t : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n"
        )


def test_the_printed_text_is_itself_a_program_without_errors() -> None:
    text = printed(
        "TYPE P : STRUCT a : INT; b : ARRAY[0..1] OF REAL := [1.5, 2.5]; END_STRUCT; END_TYPE\n"
        "FUNCTION F : REAL\nVAR_INPUT a : INT; END_VAR\nVAR_OUTPUT o : BOOL; END_VAR\nF := INT_TO_REAL(a) ** 2.0; o := a > 1;\nEND_FUNCTION\n"
        "PROGRAM Main\nVAR p : P; i, x : INT; d : DINT; w : WORD; t : TIME; s, u : STRING[20]; ok : BOOL; c : CTUD; q AT %QX0.0 : BOOL; END_VAR\n"
        "p.b[i] := F(i, o => ok) + 1; d := i / d; w.3 := w.%B1 = 16#1; t := (t + T#1s200ms) * 3; d := TIME_TO_DINT(t);\n"
        "s := INSERT(u, 'x', 2); ok := s < u; i := FIND(s, u); i := REAL_TO_INT(p.b[1]); c(CU := %IX0.0, PV := 3, QU => q);\n"
        "FOR i := 1 TO x MOD 5 DO IF i = 3 THEN CONTINUE; END_IF; w := ROL(w, i); END_FOR;\nEND_PROGRAM\n"
    ).text
    checked(text)
