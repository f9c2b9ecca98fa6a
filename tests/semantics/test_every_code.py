"""Every code of the checker: a text that gives this finding, and no other."""

from __future__ import annotations

import pytest

from rung.semantics.codes import CODES
from semantics.checking import body, problems_of

MOTOR = "FUNCTION_BLOCK Motor\nVAR_INPUT on : BOOL; END_VAR\nVAR_OUTPUT speed : INT; END_VAR\nVAR_IN_OUT load : INT; END_VAR\n" \
    "VAR turns : INT; END_VAR\nspeed := turns;\nload := speed;\nEND_FUNCTION_BLOCK\n"  # fmt: skip
DOUBLE = "FUNCTION Double : INT\nVAR_INPUT value : INT; END_VAR\nDouble := value * 2;\nEND_FUNCTION\n"
COLOURS = "TYPE Colour : (Red, Green); Light : (Off, Red); END_TYPE\n"
POINT = "TYPE Point : STRUCT x, y : INT; END_STRUCT; END_TYPE\n"
LEVEL = "VAR_GLOBAL level : INT; END_VAR"


def configured(inside: str, variables: str = "", program: str = "") -> str:
    """A program with a CONFIGURATION whose RESOURCE has `inside`."""
    return (
        f"PROGRAM Main\n{program}\nEND_PROGRAM\nCONFIGURATION Config0\n{variables}\n"
        f"RESOURCE Res0 ON PLC\n{inside}\nEND_RESOURCE\nEND_CONFIGURATION\n"
    )


TASK = "TASK fast(INTERVAL := T#20ms, PRIORITY := 1);\n"
RUN = "PROGRAM instance0 WITH fast : Main;"

BAD = {
    "NAM001": body("level : INT;", "levl := 5;"),
    "NAM002": body("level : INT;\nLevel : REAL;", ""),
    "NAM003": DOUBLE + DOUBLE + body("", ""),
    "NAM004": body("level : INTT;", ""),
    "NAM005": POINT + body("p : Point;", "p.z := 1;"),
    "NAM006": COLOURS + body("c : Colour;", "c := Colour#Blue;"),
    "NAM007": COLOURS + body("i : INT;", "i := Red;"),
    "NAM008": "PROGRAM Main\nVAR_EXTERNAL level : INT; END_VAR\nEND_PROGRAM\n",
    "NAM009": configured(TASK + RUN, LEVEL, "VAR_EXTERNAL level : REAL; END_VAR"),
    "NAM010": configured(TASK + RUN, LEVEL, "level := 5;"),
    "NAM011": POINT + body("i : INT;", "i := Point;"),
    "NAM012": "TYPE Node : STRUCT next : Node; END_STRUCT; END_TYPE\n",
    "NAM013": MOTOR + body("m : Motor;\ni : INT;", "m(load := i);\ni := m.turns;"),
    "NAM014": "PROGRAM Main\nVAR_GLOBAL level : INT; END_VAR\nEND_PROGRAM\n",
    "TYP001": body("t : TIME;", "t := 5;"),
    "TYP002": body("i : INT;\nd : DINT;", "i := d;"),
    "TYP003": body("i : SINT := 300;", ""),
    "TYP004": body("b : BOOL;\ni : INT;", "i := i + b;"),
    "TYP005": body("i : INT;\nw : WORD;\nb : BOOL;", "b := i = w;"),
    "TYP006": "FUNCTION_BLOCK F\nVAR_IN_OUT level : INT := 5; END_VAR\nEND_FUNCTION_BLOCK\n",
    "TYP007": body("a : ARRAY[0..9] OF INT;\nr : REAL;", "a[r] := 1;"),
    "TYP008": body("a : ARRAY[0..9] OF INT;", "a[10] := 1;"),
    "TYP009": body("a : ARRAY[0..9, 0..9] OF INT;", "a[1] := 1;"),
    "TYP010": body("i : INT;", "i[1] := 1;"),
    "TYP011": body("i : INT;", "i.x := 1;"),
    "TYP012": body("w : WORD;", "w.16 := TRUE;"),
    "TYP013": body("i : INT;\na : ARRAY[0..i] OF INT;", ""),
    "TYP014": body("a : ARRAY[9..0] OF INT;", ""),
    "TYP015": body("a : ARRAY[0..1] OF INT := [1, 2, 3];", ""),
    "TYP016": body("i : INT := [1, 2];", ""),
    "TYP017": body("i : INT;", "i := 5 / 0;"),
    "TYP018": body("d : DINT;\nr : REAL;", "r := d;"),
    "TYP019": COLOURS + body("c : Colour;", "c := 1;"),
    "TYP020": body("i : INT;", "i := i^;"),
    "TYP021": "PROGRAM Main\nVAR CONSTANT limit : INT := 5; END_VAR\nlimit := 6;\nEND_PROGRAM\n",
    "TYP022": DOUBLE + body("i : INT;", "Double(i) := 5;"),
    "TYP023": MOTOR + body("m : Motor;\ni : INT;", "m(load := i);\nm.speed := 5;"),
    "TYP024": "FUNCTION_BLOCK F\nVAR_INPUT level : INT; END_VAR\nlevel := 5;\nEND_FUNCTION_BLOCK\n",
    "TYP025": body("s : STRING[300];", ""),
    "TYP026": body("s : STRING[3];", "s := 'hello';"),
    "TYP027": "TYPE Part : REAL (0..1); END_TYPE\n",
    "TYP028": "FUNCTION_BLOCK F\nVAR_INPUT count : INT R_EDGE; END_VAR\nEND_FUNCTION_BLOCK\n",
    "CAL001": body("i : INT;", "i(5);"),
    "CAL002": body("b : BOOL;", "TON(IN := b, PT := T#5s);"),
    "CAL003": body("i : INT;", "i := Tripple(i);"),
    "CAL004": DOUBLE + body("i : INT;", "i := Double(i, 5);"),
    "CAL005": body("t1 : TON;", "t1(INN := TRUE);"),
    "CAL006": body("t1 : TON;", "t1(IN := TRUE, IN := FALSE);"),
    "CAL007": body("t1 : TON;\nb : BOOL;", "t1(Q := b);"),
    "CAL008": MOTOR + body("m : Motor;", "m(on := TRUE);"),
    "CAL009": MOTOR + body("m : Motor;\nd : DINT;", "m(load := d);"),
    "CAL010": body("t1 : TON;", "t1(IN := TRUE, T#5s);"),
    "CAL011": body("r : REAL;", "r := SQRT(T#5s);"),
    "CAL012": "FUNCTION Reset\nVAR_IN_OUT i : INT; END_VAR\ni := 0;\nEND_FUNCTION\n"
    + body("i : INT;", "i := Reset(i);"),
    "CAL013": DOUBLE + body("i : INT;", "Double(i);"),
    "CAL014": "FUNCTION Loop : INT\nVAR_INPUT i : INT; END_VAR\nLoop := Loop(i);\nEND_FUNCTION\n",
    "CAL015": "FUNCTION_BLOCK F\nVAR inner : F; END_VAR\nEND_FUNCTION_BLOCK\n",
    "CAL016": MOTOR + body("m : Motor;\ni : INT;", "m.load := i;\nm(on := TRUE);"),
    "CTL001": body("i : INT;", "IF i THEN i := 0; END_IF;"),
    "CTL002": body("", "EXIT;"),
    "CTL003": body("", "CONTINUE;"),
    "CTL004": body("r : REAL;", "FOR r := 0 TO 9 DO ; END_FOR;"),
    "CTL005": body("i : INT;", "FOR i := 0 TO 9 BY 0 DO ; END_FOR;"),
    "CTL006": body("i : INT;", "FOR i := 0 TO 9 DO i := i + 1; END_FOR;"),
    "CTL007": body("r : REAL;", "CASE r OF 1: ; END_CASE;"),
    "CTL008": body("i : INT;", "CASE i OF 1: ; 0..2: ; END_CASE;"),
    "CTL009": body("i : INT;", "CASE i OF 5..1: ; END_CASE;"),
    "CTL010": "FUNCTION Forgotten : INT\nVAR_INPUT i : INT; END_VAR\nVAR k : INT; END_VAR\nk := i;\nEND_FUNCTION\n",
    "LOC001": body("", "%IX* := TRUE;"),
    "LOC002": body("b AT %IX0.8 : BOOL;", ""),
    "LOC003": body("b AT %IX70000.0 : BOOL;", ""),
    "LOC004": body("i AT %IW1.2 : INT;", ""),
    "LOC005": body("i AT %QX0.0 : INT;", ""),
    "LOC006": body("s AT %QB0 : STRING;", ""),
    "LOC007": "FUNCTION F : INT\nVAR i AT %IW0 : INT; END_VAR\nF := i;\nEND_FUNCTION\n",
    "LOC008": "FUNCTION_BLOCK F\nVAR i AT %IW0 : INT; END_VAR\nEND_FUNCTION_BLOCK\n",
    "LOC009": body("a, b AT %IW0 : INT;", ""),
    "LOC010": configured(TASK + RUN, "VAR_CONFIG instance0.lamp AT %QX0.0 : BOOL; END_VAR"),
    "LOC011": body("b AT %IX* : BOOL;", ""),
    "LOC012": body("i AT %MX0.0 : INT;", ""),
    "TSK001": "PROGRAM One\nEND_PROGRAM\nPROGRAM Two\nEND_PROGRAM\n",
    "TSK002": configured(TASK + RUN) + "CONFIGURATION Other\nRESOURCE Res0 ON PLC\nEND_RESOURCE\nEND_CONFIGURATION\n",
    "TSK003": configured(TASK + TASK + RUN),
    "TSK004": configured("TASK fast(INTERVALL := T#20ms, INTERVAL := T#20ms);\n" + RUN),
    "TSK005": configured("TASK fast(INTERVAL := T#0s);\n" + RUN),
    "TSK006": configured("TASK fast(INTERVAL := T#20ms, PRIORITY := -1);\n" + RUN),
    "TSK007": configured("TASK fast(PRIORITY := 1);\n" + RUN),
    "TSK008": configured(TASK + "PROGRAM instance0 WITH fast : Mian;"),
    "TSK009": configured(TASK + "PROGRAM instance0 WITH fats : Main;"),
    "TSK010": configured("TASK fast(SINGLE := 5);\n" + RUN),
}


@pytest.mark.parametrize("code", CODES)
def test_this_mistake_gives_this_finding_alone(code: str) -> None:
    found = problems_of(BAD[code])
    assert [problem.code for problem in found] == [code], [problem.message for problem in found]


@pytest.mark.parametrize("code", CODES)
def test_a_message_is_a_sentence(code: str) -> None:
    for problem in problems_of(BAD[code]):
        assert (
            problem.message[0].isupper()
            or problem.message[0] in "'%-0123456789"
            or problem.message.split()[0].lower() in BAD[code].lower()
        )
        assert problem.message.endswith((".", "?", ")", ";", "END_VAR"))
        assert "  " not in problem.message
