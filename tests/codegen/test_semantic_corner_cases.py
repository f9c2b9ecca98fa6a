"""What programs compute where compilers differ: the answer of IEC 61131-3, or, where it leaves one open, the one we chose.

Each row is a program; the build is one for all rows with the same number of scans.
"""

from __future__ import annotations

import pytest

from codegen.probes import Probe, ProbeRuns

INTEGERS = [
    Probe("INT wraps when it is stored", "a : INT := 32767;", "a := a + 1;", {"a": -32768}),
    Probe("SINT wraps when it is stored", "a : SINT := -128;", "a := a - 1;", {"a": 127}),
    Probe("DINT wraps when it is stored", "a : DINT := 2147483647;", "a := a + 1;", {"a": -2147483648}),
    Probe(
        "LINT wraps when it is stored", "a : LINT := 9223372036854775807;", "a := a + 1;", {"a": -9223372036854775808}
    ),
    Probe("USINT wraps when it is stored", "a : USINT := 255;", "a := a + 1;", {"a": 0}),
    Probe("an INT product wraps at its own width", "a : INT := 300; p : INT;", "p := a * a;", {"p": 90000 - 65536}),
    Probe("INT wraps inside an expression", "a : INT := 32767; r : BOOL := TRUE;", "r := (a + 1) > a;", {"r": False}),
    Probe(
        "UINT wraps inside an expression", "a : UINT := 1; b : UINT := 2; r : BOOL;", "r := (a - b) > 0;", {"r": True}
    ),
    Probe("NOT BYTE stays a BYTE", "b : BYTE := 16#F0; c : BYTE := 16#0F; r : BOOL;", "r := NOT b = c;", {"r": True}),
    Probe(
        "an INT product is widened after it was computed",
        "a : INT := 300; d : DINT;",
        "d := a * a;",
        {"d": 90000 - 65536},
    ),
    Probe(
        "division truncates towards zero", "a : INT := -7; q, m : INT;", "q := a / 2; m := a MOD 2;", {"q": -3, "m": -1}
    ),
    Probe(
        "MOD keeps the dividend's sign",
        "a : INT := 7; b : INT := -2; q, m : INT;",
        "q := a / b; m := a MOD b;",
        {"q": -3, "m": 1},
    ),
    Probe(
        "a time of day begins anew after midnight, computed here or there",
        "a : TOD := TOD#23:59:59; d : TIME := T#2s; b, c : TOD; early : BOOL;",
        "b := a + d; c := TOD#23:59:59 + T#2s; early := TOD#00:00:05 - T#10s > TOD#12:00:00;",
        {"b": 10**9, "c": 10**9, "early": True},
    ),
    Probe("division by zero gives zero", "a : INT := 5; z, q : INT;", "q := 7; q := a / z;", {"q": 0}),
    Probe("MOD zero gives zero", "a : INT := 5; z, m : INT;", "m := 7; m := a MOD z;", {"m": 0}),
    Probe(
        "the lowest value divided by -1 wraps",
        "a : DINT := -2147483648; b : DINT := -1; q : DINT;",
        "q := a / b;",
        {"q": -2147483648},
    ),
    Probe("negation wraps", "a : SINT := -128; n : SINT;", "n := -a;", {"n": -128}),
    Probe(
        "integer division is exact before it is widened", "a : INT := 1; r : REAL := 5.0;", "r := a / 2;", {"r": 0.0}
    ),
    Probe("unsigned 16-bit products do not overflow C's int", "a : UINT := 65535; p : UINT;", "p := a * a;", {"p": 1}),
]

REALS = [
    Probe("REAL by zero is infinite", "z, r : REAL;", "r := 1.0 / z;", {"r": "inf"}),
    Probe("zero by zero is not a number", "z, r : REAL;", "r := z / z;", {"r": "nan"}),
    Probe("powers group from the left", "a : LREAL := 2.0; r : LREAL;", "r := a ** 3.0 ** 2.0;", {"r": 64.0}),
    Probe("the sign binds before the power", "a : REAL := 2.0; r : REAL;", "r := -a ** 2.0;", {"r": 4.0}),
    Probe(
        "REAL to INT rounds ties to even",
        "a : REAL := 0.5; b : REAL := 1.5; c : REAL := 2.5; d : REAL := -1.5; i, j, k, l : INT;",
        "i := REAL_TO_INT(a); j := REAL_TO_INT(b); k := REAL_TO_INT(c); l := REAL_TO_INT(d);",
        {"i": 0, "j": 2, "k": 2, "l": -2},
    ),
    Probe(
        "REAL to an integer stops at the ends of the range",
        "a : REAL := 1.0E5; b : REAL := -5.0; c : REAL := 1.0E10; i : INT; u : UINT; d : DINT;",
        "i := REAL_TO_INT(a); u := REAL_TO_UINT(b); d := REAL_TO_DINT(c);",
        {"i": 32767, "u": 0, "d": 2147483647},
    ),
    Probe(
        "TRUNC cuts",
        "a : REAL := 1.9; b : REAL := -1.9; i, j : DINT;",
        "i := TRUNC(a); j := TRUNC(b);",
        {"i": 1, "j": -1},
    ),
    Probe("INT and REAL mix", "i : INT := 3; r : REAL := 0.5; s : REAL;", "s := i + r;", {"s": 3.5}),
    Probe("REAL is single precision", "a : REAL := 16777216.0; r : BOOL;", "r := (a + 1.0) = a;", {"r": True}),
]

LOOPS = [
    Probe(
        "FOR evaluates its end once",
        "i, e, n : INT;",
        "e := 3; FOR i := 1 TO e DO e := 10; n := n + 1; END_FOR;",
        {"n": 3},
    ),
    Probe(
        "FOR counts down",
        "i, n : INT;",
        "FOR i := 10 TO 1 BY -3 DO n := n * 10 + i MOD 10; END_FOR;",
        {"n": 741, "i": -2},
    ),
    Probe(
        "FOR counts down by a variable",
        "i, n : INT; s : INT := -3;",
        "FOR i := 10 TO 1 BY s DO n := n + 1; END_FOR;",
        {"n": 4, "i": -2},
    ),
    Probe(
        "FOR ends at the end of the type",
        "i : SINT; n : INT;",
        "FOR i := 120 TO 127 DO n := n + 1; END_FOR;",
        {"n": 8, "i": 127},
    ),
    Probe(
        "FOR ends at the lower end of the type",
        "i : SINT; n : INT;",
        "FOR i := -120 TO -128 BY -1 DO n := n + 1; END_FOR;",
        {"n": 9},
    ),
    Probe(
        "FOR of an unsigned type ends at zero",
        "i : USINT; n : INT;",
        "FOR i := 3 TO 0 BY -1 DO n := n + 1; END_FOR;",
        {"n": 4},
    ),
    Probe(
        "FOR of LINT ends at the end of the type",
        "i : LINT; n : INT;",
        "FOR i := 9223372036854775805 TO 9223372036854775807 DO n := n + 1; END_FOR;",
        {"n": 3},
    ),
    Probe(
        "FOR without a pass sets its variable",
        "i, n : INT;",
        "FOR i := 5 TO 1 DO n := n + 1; END_FOR;",
        {"n": 0, "i": 5},
    ),
    Probe(
        "the control variable stands one step past the end",
        "i : INT;",
        "FOR i := 1 TO 10 BY 4 DO ; END_FOR;",
        {"i": 13},
    ),
    Probe(
        "EXIT leaves the control variable",
        "i : INT;",
        "FOR i := 1 TO 10 DO IF i = 4 THEN EXIT; END_IF; END_FOR;",
        {"i": 4},
    ),
    Probe("a step of zero makes no pass", "i, n, s : INT;", "FOR i := 1 TO 3 BY s DO n := n + 1; END_FOR;", {"n": 0}),
    Probe(
        "the body may move the control variable",
        "i, n : INT;",
        "FOR i := 1 TO 10 DO i := i + 1; n := n + 1; END_FOR;",
        {"n": 5, "i": 11},
    ),
    Probe(
        "CONTINUE goes on with the next pass",
        "i, n : INT;",
        "FOR i := 1 TO 10 DO IF i MOD 2 = 0 THEN CONTINUE; END_IF; n := n + i; END_FOR;",
        {"n": 25},
    ),
    Probe(
        "CONTINUE in REPEAT still tests the end",
        "i, n : INT;",
        "REPEAT i := i + 1; IF i = 2 THEN CONTINUE; END_IF; n := n + i; UNTIL i >= 4 END_REPEAT;",
        {"n": 8, "i": 4},
    ),
    Probe(
        "EXIT inside CASE leaves the loop",
        "i, n : INT;",
        "WHILE TRUE DO i := i + 1; CASE i OF 1, 2: n := n + 1; 3: EXIT; END_CASE; END_WHILE;",
        {"n": 2, "i": 3},
    ),
    Probe(
        "nested loops leave one level",
        "i, j, n : INT;",
        "FOR i := 1 TO 3 DO FOR j := 1 TO 3 DO IF j > i THEN EXIT; END_IF; n := n + 1; END_FOR; END_FOR;",
        {"n": 6},
    ),
]

CHOICES = [
    Probe(
        "CASE knows negative ranges and lists",
        "a, b, c : INT;",
        "CASE -3 OF -5..-1: a := 1; 0: a := 2; END_CASE; CASE 7 OF 1, 3, 7: b := 1; ELSE b := 2; END_CASE;"
        "CASE 9 OF 1..8: c := 1; ELSE c := 2; END_CASE;",
        {"a": 1, "b": 1, "c": 2},
    ),
    Probe(
        "CASE takes the first branch that fits",
        "s : INT := 4; a : INT;",
        "CASE s OF 1..5: a := 1; 3..8: a := 2; END_CASE;",
        {"a": 1},
    ),
    Probe(
        "CASE takes what an earlier branch left",
        "s : INT := 7; a : INT;",
        "CASE s OF 1..5: a := 1; 3..8: a := 2; END_CASE;",
        {"a": 2},
    ),
    Probe(
        "CASE works on bit strings",
        "w : WORD := 16#00FF; a : INT;",
        "CASE w OF 16#00FF: a := 1; ELSE a := 2; END_CASE;",
        {"a": 1},
    ),
    Probe(
        "CASE works on enumerations",
        "l : LIGHT := LIGHT#YELLOW; a : INT;",
        "CASE l OF LIGHT#RED: a := 1; LIGHT#YELLOW: a := 2; ELSE a := 3; END_CASE;",
        {"a": 2, "l": "YELLOW"},
        around="TYPE LIGHT : (RED, YELLOW, GREEN); END_TYPE",
    ),
    Probe(
        "IF takes the first condition",
        "a : INT;",
        "IF FALSE THEN a := 1; ELSIF TRUE THEN a := 2; ELSIF TRUE THEN a := 3; ELSE a := 4; END_IF;",
        {"a": 2},
    ),
]

BITS = [
    Probe(
        "a shift by the width gives zero",
        "d : DWORD := 16#F; n : INT := 32; l, r : DWORD;",
        "l := SHL(d, n); r := SHR(d, n);",
        {"l": 0, "r": 0},
    ),
    Probe(
        "a rotation is taken modulo the width",
        "b : BYTE := 16#81; n : INT := 9; r : BYTE;",
        "r := ROL(b, n);",
        {"r": 3},
    ),
    Probe("bits are read", "w : WORD := 2#1010; a, b : BOOL;", "a := w.1; b := w.2;", {"a": True, "b": False}),
    Probe("bits are written", "w : WORD := 16#8000;", "w.0 := TRUE; w.15 := FALSE;", {"w": 1}),
    Probe(
        "bytes of a word are read and written",
        "w : WORD := 16#1234; b : BYTE;",
        "b := w.%B1; w.%B0 := 16#FF;",
        {"b": 0x12, "w": 0x12FF},
    ),
    Probe(
        "bit strings of every width are combined",
        "l : LWORD := 16#F0F0; m : LWORD := 16#FF00; a, x : LWORD;",
        "a := l AND m; x := l XOR m;",
        {"a": 0xF000, "x": 0x0FF0},
    ),
]

STRINGS = [
    Probe("a string is cut at its length", "l : STRING := 'abcdefgh'; s : STRING[5];", "s := l;", {"s": "abcde"}),
    Probe("INSERT puts in after the position", "s : STRING;", "s := INSERT('abcdef', 'XYZ', 1);", {"s": "aXYZbcdef"}),
    Probe(
        "REPLACE replaces from the position", "s : STRING;", "s := REPLACE('abcdef', 'XYZ', 2, 3);", {"s": "abXYZef"}
    ),
    Probe("FIND finds overlapping beginnings", "n : INT;", "n := FIND('aaab', 'aab');", {"n": 2}),
    Probe("LEFT of a negative length is empty", "s : STRING := 'x'; n : INT := -1;", "s := LEFT('abc', n);", {"s": ""}),
    Probe(
        "a literal may come first",
        "n : INT; s : STRING;",
        "n := LEN('abc'); s := CONCAT('a', 'b');",
        {"n": 3, "s": "ab"},
    ),
    Probe("a based literal is read from a string", "n : INT;", "n := STRING_TO_INT('16#1F');", {"n": 31}),
    Probe(
        "strings compare by content",
        "a : STRING := 'abc'; b : STRING[10] := 'abd'; r, e : BOOL;",
        "r := a < b; e := a = 'abc';",
        {"r": True, "e": True},
    ),
    Probe("escapes are characters", "s : STRING := 'a$Nb$$c$41';", ";", {"s": "a\nb$cA"}),
    Probe(
        "a string may look like C++",
        "s : STRING; n : INT;",
        "s := CONCAT('float(n) // \"', '?)%s{}'); n := LEN(s);",
        {"s": 'float(n) // "?)%s{}', "n": 19},
    ),
    Probe("wide strings work", 'w : WSTRING := "Grüße"; n : INT;', "n := LEN(w);", {"w": "Grüße", "n": 5}),
    Probe(
        "a string may be assigned to itself in part",
        "s : STRING := 'hello';",
        "s := CONCAT(s, s);",
        {"s": "hellohello"},
    ),
]

TIMES = [
    Probe(
        "times are exact",
        "a : TIME := T#14.7s; b : TIME := T#500ms; r : BOOL;",
        "r := b + b = T#1s;",
        {"a": 14_700_000_000, "r": True},
    ),
    Probe("times may be negative", "a : TIME := T#-1.5s;", ";", {"a": -1_500_000_000}),
    Probe(
        "times are scaled",
        "a, b : TIME; t : TIME := T#2s;",
        "a := t * 1.5; b := t / 4;",
        {"a": 3_000_000_000, "b": 500_000_000},
    ),
    Probe(
        "TIME counts milliseconds as a number",
        "d : DINT; t : TIME;",
        "d := TIME_TO_DINT(T#1500ms); t := DINT_TO_TIME(1500);",
        {"d": 1500, "t": 1_500_000_000},
    ),
    Probe("dates subtract to a time", "t : TIME;", "t := D#2024-03-01 - D#2024-02-28;", {"t": 2 * 86_400 * 10**9}),
    Probe(
        "a date and time is taken apart",
        "t : TOD; d : DATE; p : DT := DT#2024-02-29-12:34:56;",
        "t := DT_TO_TOD(p); d := DT_TO_DATE(p);",
        {"t": 45_296 * 10**9, "d": 1_709_164_800 * 10**9},
    ),
]

ALL = [*INTEGERS, *REALS, *LOOPS, *CHOICES, *BITS, *STRINGS, *TIMES]
RUNS = ProbeRuns(ALL)


@pytest.mark.parametrize("probe", ALL, ids=lambda probe: probe.name)
def test_corner_case(probe: Probe) -> None:
    RUNS.check(probe)
