"""What users of OpenPLC write today, and what the standard allows: none of it gives a finding."""

from __future__ import annotations

import pytest

from rung.semantics.codes import CODES
from semantics.checking import body, problems_of

PASSES = {
    "an enumerator with its type": "TYPE Colour : (Red, Green); END_TYPE\n" + body("c : Colour;", "c := Colour#Red;"),
    "an enumerator with its type and a dot": "TYPE Colour : (Red, Green); END_TYPE\n"
    + body("c : Colour;", "c := Colour.Red;"),
    "the same enumerator in two enumerations": "TYPE Colour : (Red, Green); Light : (Off, Red); END_TYPE\n"
    + body(
        "c : Colour := Red;\nl : Light;",
        "l := Red;\nIF l = Red OR Red = c THEN c := Green; END_IF;\nCASE l OF Red: ; Off: ; END_CASE;",
    ),
    "an input written from outside": body("t1 : TON;", "t1.IN := TRUE;\nt1.PT := T#5s;\nt1();"),
    "EN and ENO on a function": body("i : INT;\nok : BOOL;", "i := ADD(EN := ok, IN1 := i, IN2 := 5, ENO => ok);"),
    "EN and ENO on a block": body(
        "t1 : TON;\nok : BOOL;", "t1(EN := ok, IN := TRUE, PT := T#5s, ENO => ok);\nok := t1.ENO;"
    ),
    "an own parameter named EN": "FUNCTION_BLOCK Valve\nVAR_INPUT EN : BOOL; END_VAR\nVAR_OUTPUT ENO : BOOL; END_VAR\nENO := EN;\n"
    "END_FUNCTION_BLOCK\n" + body("v : Valve;\nb : BOOL;", "v(EN := TRUE, ENO => b);"),
    "globals of a resource": "PROGRAM Main\nVAR_EXTERNAL level : INT; END_VAR\nlevel := 5;\nEND_PROGRAM\nCONFIGURATION Config0\n"
    "RESOURCE Res0 ON PLC\nVAR_GLOBAL level : INT := 3; END_VAR\nTASK t(INTERVAL := T#20ms, PRIORITY := 0);\n"
    "PROGRAM i WITH t : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n",
    "globals at top level": "VAR_GLOBAL level : INT; END_VAR\n" + body("", "level := 5;"),
    "defaults in TYPE": "TYPE Speed : INT := 50; Colour : (Red, Green) := Green; Part : INT (1..10) := 5;\n"
    "Motor : STRUCT speed : Speed := 10; on : BOOL; END_STRUCT := (on := TRUE);\nRow : ARRAY[0..2] OF INT := [3(7)]; END_TYPE\n"
    + body("s : Speed; c : Colour; p : Part; m : Motor; r : Row;", "s := 5;"),
    "initial values of a structure": "TYPE Motor : STRUCT speed : INT; on : BOOL; END_STRUCT; END_TYPE\n"
    + body("m : Motor := (speed := 5, on := TRUE);\nall : ARRAY[0..1] OF Motor := [(speed := 1), (on := TRUE)];", ""),
    "initial values of an instance": body("t1 : TON := (PT := T#5s);", "t1(IN := TRUE);"),
    "CONTINUE and EXIT": body(
        "i : INT;", "FOR i := 0 TO 9 DO IF i = 5 THEN CONTINUE; END_IF; IF i = 7 THEN EXIT; END_IF; END_FOR;"
    ),
    "bit strings of any width": body(
        "b : BYTE; w : WORD; d : DWORD; l : LWORD;",
        "d := w AND d;\nl := b OR NOT l XOR d;\nw := b AND 16#0F;\nw := NOT w;\nw := 16#F0 OR 16#0F;\nd := SHL(d, 4) OR w;",
    ),
    "0 and 1 as BOOL": body("b : BOOL := 1;", "b := 0;\nIF b = 1 THEN b := 0; END_IF;"),
    "widening": body(
        "s : SINT; i : INT; d : DINT; l : LINT; u : UINT; r : REAL; lr : LREAL;",
        "i := s;\nd := i + s;\nl := u + d;\nr := i;\nlr := d;\nlr := r;\nr := r * i + 1;\nd := u;\nr := i * 1.5;\nlr := i / 3 * 0.5;",
    ),
    "a FOR of mixed integers": body(
        "i : INT; n : DINT; u : USINT;",
        "FOR i := 0 TO n DO ; END_FOR;\nFOR i := 10 TO 0 BY -1 DO ; END_FOR;\nFOR u := 0 TO UINT#9 BY i DO ; END_FOR;",
    ),
    "arithmetic of times": body(
        "t : TIME; d : DATE; tod : TOD; dt : DT; i : INT; r : REAL;",
        "t := t + T#5s - t;\nt := t * 2;\nt := 2 * t / i;\nt := t * r;\nt := d - d;\nt := dt - dt;\ntod := tod + t;\ndt := dt - t;\n"
        "t := tod - tod;\nt := -t;\nIF t > T#5s THEN t := T#0s; END_IF;",
    ),
    "direct addresses": body(
        "i : INT; b : BOOL; r : REAL;",
        "%QX0.0 := %IX0.1 AND b;\n%QW3 := 5;\ni := %IW0;\n%QW1 := i;\n"
        "b := %IW2 > 100;\nr := %ID4;\nIF %IX0.0 THEN i := %IW0 + i; END_IF;",
    ),
    "mixed calls": body("t1 : TON; b : BOOL; e : TIME;", "t1(b, PT := T#5s, Q => b);\nt1(b, T#5s, b, e);\nt1();"),
    "arrays of instances": body(
        "t : ARRAY[0..3] OF TON; i : INT;",
        "FOR i := 0 TO 3 DO t[i](IN := TRUE, PT := T#1s); END_FOR;\nt[2].PT := T#2s;",
    ),
    "constants in bounds": "PROGRAM Main\nVAR a : ARRAY[0..LAST, 1..LAST * 2] OF INT; END_VAR\nVAR CONSTANT LAST : INT := 9; END_VAR\n"
    "a[LAST, 18] := LAST;\nEND_PROGRAM\n",
    "nested arrays and structures": "TYPE P : STRUCT v : ARRAY[0..1] OF ARRAY[0..1] OF INT; END_STRUCT; END_TYPE\n"
    + body("p : ARRAY[1..2] OF P; q : P;", "p[1].v[0][1] := 5;\nq := p[2];\np[1] := q;\nq.v := p[1].v;"),
    "a variable named like a standard function": body(
        "len : INT; sel : BOOL; ton : TON;", "len := LEN('abc');\nsel := ton.Q;"
    ),
    "a user's own version of a standard block": "FUNCTION_BLOCK RAMP\nVAR_INPUT go : BOOL; END_VAR\nEND_FUNCTION_BLOCK\n"
    + body("r : RAMP;", "r(go := TRUE);"),
    "an inline enumeration": body("state : (Idle, Busy) := Busy;", "IF state = Idle THEN state := Busy; END_IF;"),
    "ARRAY[*]": "FUNCTION Sum : DINT\nVAR_IN_OUT a : ARRAY[*] OF INT; END_VAR\nVAR i : DINT; END_VAR\n"
    "FOR i := LOWER_BOUND(a, 1) TO UPPER_BOUND(a, 1) DO Sum := Sum + a[i]; END_FOR;\nEND_FUNCTION\n"
    + body("v : ARRAY[3..7] OF INT; d : DINT;", "d := Sum(v);"),
    "a function without result": "FUNCTION Reset\nVAR_IN_OUT i : INT; END_VAR\ni := 0;\nEND_FUNCTION\n"
    + body("i : INT;", "Reset(i);"),
    "texts of several lengths": body(
        "s : STRING[10]; t : STRING; b : BOOL; i : INT;",
        "s := 'abc';\nt := CONCAT(s, 'x', t);\ns := t;\nb := s = t;\ni := LEN(s);\ns := MID(t, 2, 1);",
    ),
    "bits of words and numbers": body(
        "w : WORD; i : INT; b : BOOL;", "w.3 := TRUE;\nb := w.%X15;\ni.0 := b;\nb := i.7;"
    ),
    "partial results": body(
        "i : INT; r : REAL;",
        "i := TRUNC(r) + i;\ni := TRUNC(r);\nr := SQRT(i);\nr := MAX(1, 2);\ni := SEL(TRUE, 0, 5);",
    ),
    "VAR_CONFIG": "PROGRAM Main\nVAR lamp AT %Q* : BOOL; END_VAR\nlamp := TRUE;\nEND_PROGRAM\nCONFIGURATION C\nRESOURCE R ON PLC\n"
    "TASK t(INTERVAL := T#20ms, PRIORITY := 0);\nPROGRAM i WITH t : Main;\nEND_RESOURCE\n"
    "VAR_CONFIG R.i.lamp AT %QX0.0 : BOOL; END_VAR\nEND_CONFIGURATION\n",
    "connections of a program": "VAR_GLOBAL g : INT; END_VAR\nPROGRAM Main\nVAR_INPUT a : INT; END_VAR\nVAR_OUTPUT b : INT; END_VAR\nb := a;\n"
    "END_PROGRAM\nCONFIGURATION C\nRESOURCE R ON PLC\nTASK t(INTERVAL := T#20ms, PRIORITY := 0);\n"
    "PROGRAM i WITH t : Main(a := 5, b => g);\nEND_RESOURCE\nEND_CONFIGURATION\n",
    "a power": body("i : INT; r : REAL;", "i := 2 ** 3;\nr := r ** 2;\nr := i ** 2;\nr := 2.0 ** r;"),
    "references": body(
        "i : INT; p : REF_TO INT; b : BOOL;",
        "p := REF(i);\nIF p <> NULL THEN p^ := 5; END_IF;\np := NULL;\nb := p = NULL;",
    ),
    "a list of nodes": "TYPE Node : STRUCT value : INT; next : REF_TO Node; END_STRUCT; END_TYPE\n"
    + body("n : Node; m : Node;", "n.next := REF(m);\nn.next^.value := 5;"),
}


@pytest.mark.parametrize("name", PASSES)
def test_this_passes(name: str) -> None:
    assert [problem.message for problem in problems_of(PASSES[name]) if CODES[problem.code][0] != "hint"] == []
