"""What the language's constructs do when they run: types, calls, parameters, initial values."""

from __future__ import annotations

import pytest

from codegen.probes import Probe, ProbeRuns

ADD_ONE = "FUNCTION ADDONE : INT VAR_INPUT x : INT; END_VAR ADDONE := x + 1; END_FUNCTION"
COUNTED = """
VAR_GLOBAL calls : INT; END_VAR
FUNCTION NOTE : BOOL
VAR_INPUT digit : INT; END_VAR
VAR_EXTERNAL calls : INT; END_VAR
calls := calls * 10 + digit;
NOTE := TRUE;
END_FUNCTION
"""

AGGREGATES = [
    Probe(
        "structures are copied as values",
        "a, b : POINT;",
        "a.x := 3; b := a; a.x := 4;",
        {"a.x": 4, "b.x": 3, "b.y": 7},
        around="TYPE POINT : STRUCT x : INT; y : INT := 7; END_STRUCT; END_TYPE",
    ),
    Probe(
        "structures nest and take initial values",
        "f : FRAME := (corner := (x := 1), name := 'box');",
        "f.size.y := f.corner.x + 10;",
        {"f.corner.x": 1, "f.corner.y": 0, "f.size.y": 11, "f.name": "box"},
        around="TYPE SPOT : STRUCT x, y : INT; END_STRUCT; FRAME : STRUCT corner, size : SPOT; name : STRING[8]; END_STRUCT; END_TYPE",
    ),
    Probe(
        "arrays take initial values and repetitions",
        "a : ARRAY[0..5] OF INT := [1, 2, 3(9)]; b : ARRAY[1..2, 1..2] OF INT := [1, 2, 3, 4];",
        ";",
        {"a[0]": 1, "a[1]": 2, "a[4]": 9, "a[5]": 0, "b[1,2]": 2, "b[2,1]": 3},
    ),
    Probe(
        "arrays of four dimensions",
        "a : ARRAY[0..1, 0..1, 0..1, 1..3] OF INT; i, j : INT := 1;",
        "a[i, j, 0, 3] := 5; a[1, 0, i, j] := a[i, 1, 0, 3] + 1;",
        {"a[1,1,0,3]": 5, "a[1,0,1,1]": 6},
    ),
    Probe(
        "arrays of arrays",
        "a : ARRAY[1..2] OF ARRAY[0..2] OF INT; i : INT := 2;",
        "a[i][i] := 8; a[1] := a[2];",
        {"a[1][2]": 8},
    ),
    Probe(
        "arrays of structures",
        "a : ARRAY[1..3] OF ITEM; i : INT;",
        "FOR i := 1 TO 3 DO a[i].n := a[i].n + i; END_FOR;",
        {"a[1].n": 6, "a[3].n": 8},
        around="TYPE ITEM : STRUCT n : INT := 5; ok : BOOL; END_STRUCT; END_TYPE",
    ),
    Probe(
        "whole arrays are assigned",
        "a : ARRAY[1..3] OF INT := [1, 2, 3]; b : ARRAY[1..3] OF INT;",
        "b := a; a[1] := 9;",
        {"b[1]": 1, "b[3]": 3, "a[1]": 9},
    ),
    Probe(
        "an index beyond the bounds touches nothing else",
        "a : INT := 1; v : ARRAY[1..3] OF INT := [3(7)]; b : INT := 2; r : INT := 5; i : INT := 4; k : INT := -30000;",
        "v[i] := 99; v[k] := 98; v[0 + i] := 97; r := v[i];",
        {"a": 1, "b": 2, "v[1]": 7, "v[3]": 7, "r": 0},
    ),
    Probe(
        "an index of any type is checked",
        "v : ARRAY[-2..2] OF INT; u : UDINT := 4294967295; l : LINT := 4294967296; w : ULINT := 18446744073709551615; r : INT := 1;",
        "v[u] := 1; v[l] := 1; v[w] := 1; r := v[-2] + v[-1] + v[0] + v[1] + v[2];",
        {"r": 0},
    ),
    Probe(
        "one bad index of several is enough",
        "m : ARRAY[1..2, 1..3] OF INT; i : INT := 1; j : INT := 4; s : INT;",
        "m[i, j] := 5; s := m[2, 1];",
        {"s": 0, "m[2,1]": 0},
    ),
]

TYPES = [
    Probe(
        "enumerations have values, defaults and names",
        "a : COLOUR; b : COLOUR := COLOUR#Red; c : COLOUR; n : BOOL;",
        "c := COLOUR#Blue; n := a = COLOUR#Green;",
        {"a": "Green", "b": "Red", "c": "Blue", "n": True},
        around="TYPE COLOUR : (Red := 3, Green, Blue := 10) := Green; END_TYPE",
    ),
    Probe(
        "the same enumerator in two enumerations",
        "a : SHAPE1; b : SHAPE2;",
        "a := SHAPE1#BIG; b := SHAPE2#BIG;",
        {"a": "BIG", "b": "BIG"},
        around="TYPE SHAPE1 : (SMALL, BIG); SHAPE2 : (BIG, SMALL); END_TYPE",
    ),
    Probe(
        "a subrange starts at its lower bound and stops at its limits",
        "p : PERCENT; q : PERCENT := 20; n : INT := 150; m : INT := -5; r : PERCENT;",
        "q := n; r := m;",
        {"p": 0, "q": 100, "r": 0},
        around="TYPE PERCENT : INT (0..100); END_TYPE",
    ),
    Probe(
        "an alias brings its default",
        "s : SPEED; t : SPEED := 3;",
        ";",
        {"s": 40, "t": 3},
        around="TYPE SPEED : INT := 40; END_TYPE",
    ),
    Probe(
        "inline enumerations",
        "m : (IDLE, BUSY) := BUSY; n : INT;",
        "IF m = BUSY THEN n := 1; END_IF; m := IDLE;",
        {"n": 1, "m": "IDLE"},
    ),
    Probe(
        "user names may be C++ words",
        "class, int, template, SET, t, self : INT;",
        "class := 1; int := class + 1; template := int; SET := 4; t := 5; self := 6;",
        {"int": 2, "template": 2, "SET": 4, "t": 5, "self": 6},
    ),
]

FUNCTIONS = [
    Probe("functions return", "r : INT;", "r := ADDONE(ADDONE(x := 1));", {"r": 3}, around=ADD_ONE),
    Probe(
        "function variables start anew in each call",
        "a, b : INT;",
        "a := LOCALF(); b := LOCALF();",
        {"a": 6, "b": 6},
        around="FUNCTION LOCALF : INT VAR n : INT := 5; END_VAR n := n + 1; LOCALF := n; END_FUNCTION",
    ),
    Probe(
        "functions have outputs and in-outs",
        "a : INT := 1; b, c : INT; ok : BOOL;",
        "ok := SPLITF(v := 25, acc := a, tens => b, ones => c);",
        {"a": 26, "b": 2, "c": 5, "ok": True},
        around=(
            "FUNCTION SPLITF : BOOL VAR_INPUT v : INT; END_VAR VAR_IN_OUT acc : INT; END_VAR VAR_OUTPUT tens, ones : INT; END_VAR "
            "tens := v / 10; ones := v MOD 10; acc := acc + v; SPLITF := TRUE; END_FUNCTION"
        ),
    ),
    Probe(
        "an input left out has its initial value",
        "a, b : INT;",
        "a := WITHDEFAULT(m := 2); b := WITHDEFAULT(n := 1, m := 2);",
        {"a": 44, "b": 3},
        around="FUNCTION WITHDEFAULT : INT VAR_INPUT n : INT := 42; m : INT; END_VAR WITHDEFAULT := n + m; END_FUNCTION",
    ),
    Probe(
        "conversions of conversions stay values",
        "r, s : REAL; i : INT; b : BOOL;",
        "r := CHAIN(a := 3, b := 2.5); FOR i := 1 TO 3 DO s := s + INT_TO_REAL(i) * r; END_FOR; b := BYTES(16#0F, 16#03);",
        {"r": 13.5, "s": 81.0, "b": True},
        around=(
            "FUNCTION CHAIN : REAL VAR_INPUT a : INT; b : REAL; END_VAR "
            "CHAIN := DINT_TO_REAL(INT_TO_DINT(a)) * b + DINT_TO_REAL(INT_TO_DINT(a)) - -DINT_TO_REAL(INT_TO_DINT(a)); END_FUNCTION "
            "FUNCTION BYTES : BOOL VAR_INPUT a, b : BYTE; END_VAR "
            "BYTES := (BYTE_TO_INT(a) - BYTE_TO_INT(b) = 12) AND (WORD_TO_DINT(BYTE_TO_WORD(a)) - 3 = 12); END_FUNCTION"
        ),
    ),
    Probe(
        "RETURN leaves at once",
        "a : INT;",
        "a := EARLY(TRUE) * 10 + EARLY(FALSE);",
        {"a": 12},
        around="FUNCTION EARLY : INT VAR_INPUT e : BOOL; END_VAR EARLY := 1; IF e THEN RETURN; END_IF; EARLY := 2; END_FUNCTION",
    ),
    Probe(
        "both operands are evaluated, from left to right",
        "r : BOOL; n : INT;",
        "calls := 0; r := (FALSE AND NOTE(1)) OR (NOTE(2) AND NOTE(3)); n := calls;",
        {"n": 123, "r": True},
        around=COUNTED,
        sections="VAR_EXTERNAL calls : INT; END_VAR",
    ),
    Probe(
        "a variable is read before the call that changes it",
        "r : INT;",
        "g2 := 5; r := g2 + BUMP(); r := r * 10 + g2;",
        {"r": 116},
        around="VAR_GLOBAL g2 : INT; END_VAR FUNCTION BUMP : INT VAR_EXTERNAL g2 : INT; END_VAR g2 := g2 + 1; BUMP := g2; END_FUNCTION",
        sections="VAR_EXTERNAL g2 : INT; END_VAR",
    ),
    Probe(
        "functions take and return structures, arrays and strings",
        "p, q : PAIR; v : ARRAY[1..3] OF INT := [1, 2, 3]; s : STRING; n : INT;",
        "p.a := 1; q := SWAPPED(p); n := TOTAL(v); s := GREETING('you');",
        {"q.a": 0, "q.b": 1, "p.a": 1, "n": 6, "s": "hello you", "v[1]": 1},
        around=(
            "TYPE PAIR : STRUCT a, b : INT; END_STRUCT; END_TYPE "
            "FUNCTION SWAPPED : PAIR VAR_INPUT p : PAIR; END_VAR SWAPPED.a := p.b; SWAPPED.b := p.a; END_FUNCTION "
            "FUNCTION TOTAL : INT VAR_INPUT v : ARRAY[1..3] OF INT; END_VAR VAR i : INT; END_VAR "
            "FOR i := 1 TO 3 DO TOTAL := TOTAL + v[i]; END_FOR; END_FUNCTION "
            "FUNCTION GREETING : STRING VAR_INPUT who : STRING; END_VAR GREETING := CONCAT('hello ', who); END_FUNCTION"
        ),
    ),
    Probe(
        "open arrays know their bounds",
        "a : ARRAY[2..5] OF INT; b : ARRAY[-1..0] OF INT; n, m : INT;",
        "n := FILL(a); m := FILL(b);",
        {"n": 4, "m": 2, "a[2]": 2, "a[5]": 5, "b[-1]": -1},
        around=(
            "FUNCTION FILL : INT VAR_IN_OUT v : ARRAY[*] OF INT; END_VAR VAR i : DINT; END_VAR "
            "FOR i := LOWER_BOUND(v, 1) TO UPPER_BOUND(v, 1) DO v[i] := DINT_TO_INT(i); FILL := FILL + 1; END_FOR; END_FUNCTION"
        ),
    ),
    Probe(
        "EN gates a function, ENO tells",
        "a, b : INT := 9; ok1, ok2 : BOOL := TRUE; z : INT; q : INT := 3; ok3 : BOOL := TRUE;",
        "a := ADDTEN(EN := FALSE, x := 1, ENO => ok1); b := ADDTEN(EN := TRUE, x := 1, ENO => ok2);"
        "q := DIV(EN := TRUE, IN1 := 1, IN2 := z, ENO => ok3);",
        {"a": 0, "ok1": False, "b": 11, "ok2": True, "ok3": False},
        around="FUNCTION ADDTEN : INT VAR_INPUT x : INT; END_VAR ADDTEN := x + 10; END_FUNCTION",
    ),
]

BLOCKS = [
    Probe(
        "a block keeps its variables and its inputs",
        "c : TALLY; a, b : INT;",
        "c(n := 5); a := c.total; c(); b := c.total;",
        {"a": 5, "b": 10, "c.n": 5},
        around="FUNCTION_BLOCK TALLY VAR_INPUT n : INT := 1; END_VAR VAR_OUTPUT total : INT; END_VAR"
        " total := total + n; END_FUNCTION_BLOCK",
    ),
    Probe(
        "inputs are written from outside, outputs read before the first call",
        "d : DOUBLER; a, b : INT;",
        "a := d.y; d.x := 4; d(); b := d.y;",
        {"a": -1, "b": 8},
        around="FUNCTION_BLOCK DOUBLER VAR_INPUT x : INT; END_VAR VAR_OUTPUT y : INT := -1; END_VAR y := 2 * x; END_FUNCTION_BLOCK",
    ),
    Probe(
        "VAR_TEMP starts anew in each call",
        "f : TEMPS; a, b : INT;",
        "f(); a := f.y; f(); b := f.y;",
        {"a": 4, "b": 4},
        around="FUNCTION_BLOCK TEMPS VAR_OUTPUT y : INT; END_VAR VAR_TEMP n : INT := 3; END_VAR n := n + 1; y := n; END_FUNCTION_BLOCK",
    ),
    Probe(
        "VAR_IN_OUT is the variable itself",
        "f : RAISER; n : INT := 3; s : ARRAY[1..2] OF INT; i : INT := 2;",
        "f(v := n); f(v := n); f(v := s[i]);",
        {"n": 5, "s[2]": 1},
        around="FUNCTION_BLOCK RAISER VAR_IN_OUT v : INT; END_VAR v := v + 1; END_FUNCTION_BLOCK",
    ),
    Probe(
        "a VAR_IN_OUT that is left out is the block's own",
        "f, g : ADDER; a : REAL; n : REAL := 5.0; m : REAL;",
        "f.y := 10.0; f(x := 1.0); f(x := 1.0); a := f.y; g(x := 2.0, y := n); m := g.y;",
        {"a": 12.0, "n": 7.0, "m": 7.0},
        around="FUNCTION_BLOCK ADDER VAR_INPUT x : REAL; END_VAR VAR_IN_OUT y : REAL; END_VAR y := y + x; END_FUNCTION_BLOCK",
    ),
    Probe(
        "blocks have initial values",
        "t : TON := (PT := T#5s); k : KEEPER := (n := 7); m : KEEPER;",
        ";",
        {"t.PT": 5_000_000_000, "k.n": 7, "m.n": 2},
        around="FUNCTION_BLOCK KEEPER VAR n : INT := 2; END_VAR n := n; END_FUNCTION_BLOCK",
    ),
    Probe(
        "arrays of blocks",
        "c : ARRAY[1..3] OF STEPPER; i : INT; n : INT;",
        "FOR i := 1 TO 3 DO c[i](n := i); c[i](); END_FOR; n := c[3].total;",
        {"n": 6, "c[2].total": 4},
        around="FUNCTION_BLOCK STEPPER VAR_INPUT n : INT; END_VAR VAR_OUTPUT total : INT; END_VAR"
        " total := total + n; END_FUNCTION_BLOCK",
    ),
    Probe(
        "edge inputs see edges",
        "f : EDGES; up, down, i : INT;",
        "FOR i := 1 TO 4 DO f(r := i >= 2, f := i < 3); END_FOR; up := f.ups; down := f.downs;",
        {"up": 1, "down": 1},
        around=(
            "FUNCTION_BLOCK EDGES VAR_INPUT r : BOOL R_EDGE; f : BOOL F_EDGE; END_VAR VAR_OUTPUT ups, downs : INT; END_VAR "
            "IF r THEN ups := ups + 1; END_IF; IF f THEN downs := downs + 1; END_IF; END_FUNCTION_BLOCK"
        ),
    ),
    Probe(
        "EN gates a block, ENO tells",
        "c : GATED; ok : BOOL := TRUE; n : INT;",
        "c(EN := FALSE, x := 5, ENO => ok); c(EN := TRUE, x := 2); n := c.y;",
        {"ok": False, "n": 2},
        around="FUNCTION_BLOCK GATED VAR_INPUT x : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := y + x; END_FUNCTION_BLOCK",
    ),
    Probe(
        "EN and ENO are read and written as members",
        "t : TON; c : WATCHED; a, b, d, e : BOOL;",
        "a := t.ENO; c.EN := FALSE; c(x := 5); b := c.ENO; c(EN := TRUE, x := 3); d := c.ENO; t(IN := TRUE, PT := T#1s); e := t.ENO;",
        {"a": True, "b": False, "d": True, "e": True, "c.y": 3},
        around="FUNCTION_BLOCK WATCHED VAR_INPUT x : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := y + x; END_FUNCTION_BLOCK",
    ),
    Probe(
        "outputs are connected, also negated",
        "t : SR; a, b : BOOL;",
        "t(S1 := TRUE, R := FALSE, Q1 => a); t(NOT Q1 => b);",
        {"a": True, "b": False},
    ),
    Probe(
        "blocks hold blocks",
        "o : OUTER; n : INT;",
        "o(); o(); n := o.inner.n;",
        {"n": 2, "o.inner.n": 2},
        around=(
            "FUNCTION_BLOCK INNERB VAR_OUTPUT n : INT; END_VAR n := n + 1; END_FUNCTION_BLOCK "
            "FUNCTION_BLOCK OUTER VAR_OUTPUT inner : INNERB; END_VAR inner(); END_FUNCTION_BLOCK"
        ),
    ),
    Probe(
        "set and reset dominate",
        "s : SR; r : RS; a, b : BOOL;",
        "s(S1 := TRUE, R := TRUE); r(S := TRUE, R1 := TRUE); a := s.Q1; b := r.Q1;",
        {"a": True, "b": False},
    ),
    Probe(
        "first calls of edges",
        "r : R_TRIG; f : F_TRIG; a, b : BOOL;",
        "r(CLK := TRUE); f(CLK := FALSE); a := r.Q; b := f.Q;",
        {"a": True, "b": True},
    ),
]

REFERENCES = [
    Probe(
        "references are followed, and compared with NULL",
        "a : INT := 1; b : INT; r : REF_TO INT; before, after : BOOL;",
        "before := r = NULL; r := REF(a); r^ := r^ + 5; b := r^; after := r <> NULL;",
        {"a": 6, "b": 6, "before": True, "after": True},
    ),
    Probe(
        "a reference to nothing touches nothing",
        "a : INT := 1; r : REF_TO INT; b : INT := 9;",
        "r^ := 7; b := r^;",
        {"a": 1, "b": 0},
    ),
    Probe(
        "structures may point to their like",
        "x, y : NODE; n : INT;",
        "y.value := 4; x.next := REF(y); n := x.next^.value;",
        {"n": 4},
        around="TYPE NODE : STRUCT value : INT; next : REF_TO NODE; END_STRUCT; END_TYPE",
    ),
]

LOCATED = [
    Probe(
        "all variables at one address are one",
        "x AT %MW5 : INT; y AT %MW5 : WORD;",
        "x := -1; y := y AND 16#00FF;",
        {"x": 255, "y": 255},
    ),
    Probe(
        "of two variables at one address the last initial value applies",
        "x AT %MW6 : INT; y AT %MW6 : INT := 9; z AT %MW8 : INT := 3; u AT %MW8 : INT;",
        ";",
        {"x": 9, "y": 9, "u": 3},
    ),
    Probe("an address stands before or after the name's type", "a AT %MX7.1 : BOOL;", "a := TRUE;", {"a": True}),
    Probe("direct addresses are variables", "n : WORD;", "%MW9 := 16#12; n := %MW9;", {"n": 0x12}),
    Probe(
        "located outputs start at their initial value", "x AT %QW7 : INT := 5; n : INT;", "n := x;", {"n": 5, "x": 5}
    ),
]

ALL = [*AGGREGATES, *TYPES, *FUNCTIONS, *BLOCKS, *REFERENCES, *LOCATED]
RUNS = ProbeRuns(ALL)


@pytest.mark.parametrize("probe", ALL, ids=lambda probe: probe.name)
def test_construct(probe: Probe) -> None:
    RUNS.check(probe)
