"""What each construct becomes for v3's compiler: before and after."""

from __future__ import annotations

import re

import pytest

from codegen.openplc_v3.printing import body, printed
from codegen.probes import checked
from rung.codegen.artefact import Artefact
from rung.codegen.build import build_artefact

# Rule of the text, variables, statements, what they become.
REWRITTEN = [
    ("an integer literal for a REAL has decimals", "r : REAL;", "r := 1;", ["r := 1.0;"]),
    ("an integer is widened by name", "i : INT; d : DINT;", "d := i;", ["d := INT_TO_DINT(i);"]),
    ("operands are brought to one type", "i : INT; r : REAL;", "r := r + i;", ["r := r + INT_TO_REAL(i);"]),
    ("a REAL literal in a formula is no LREAL", "r : REAL;", "r := r * 0.1;", ["r := r * REAL#0.1;"]),
    ("TO_REAL has its long name", "i : INT; r : REAL;", "r := TO_REAL(i);", ["r := INT_TO_REAL(i);"]),
    ("a power is EXPT", "r : REAL;", "r := r ** 2.0;", ["r := EXPT(r, REAL#2.0);"]),
    ("a bit is masked", "w : WORD; b : BOOL;", "b := w.3;", ["b := (w AND WORD#16#8) <> WORD#16#0;"]),
    (
        "a bit of an integer is masked, too",
        "n : INT; b : BOOL;",
        "b := n.%X0;",
        ["b := (INT_TO_WORD(n) AND WORD#16#1) <> WORD#16#0;"],
    ),
    (
        "a bit is set and reset",
        "w : WORD; b : BOOL;",
        "w.3 := b;",
        ["IF b THEN", "w := w OR WORD#16#8;", "ELSE", "w := w AND WORD#16#FFF7;", "END_IF;"],
    ),
    ("a byte of a word is shifted out", "w : WORD; y : BYTE;", "y := w.%B1;", ["y := WORD_TO_BYTE(SHR(w, INT#8));"]),
    ("a division is guarded", "a, b, c : INT;", "a := b / c;", ["a := RUNG_DIV_INT(b, c);"]),
    ("a division by a number needs no guard", "a, b : INT;", "a := b / 3;", ["a := b / 3;"]),
    ("16 bits stay 16 bits where it shows", "a, b : INT; c : BOOL;", "c := a + b > 5;", ["c := MOVE(a + b) > 5;"]),
    ("and are left alone where it does not", "a, b : INT;", "a := a + b * 2;", ["a := a + (b * 2);"]),
    ("a TIME as a number is in milliseconds", "t : TIME; d : DINT;", "d := TIME_TO_DINT(t);",
     ["d := LINT_TO_DINT(RUNG_TIME_TO_NS(t) / LINT#1000000);"]),
    ("durations are added so that they compare", "t : TIME;", "t := t + T#500ms;", ["t := RUNG_TIME_ADD(t, T#500ms);"]),
    ("a fraction of a second is not cut", "t : TIME;", "t := T#2s100ms;", ["t := T#2s100.00000025ms;"]),
    ("a millisecond that v3's C would cut is not cut", "t : TIME;", "t := T#1ms;", ["t := T#1.00000025ms;"]),
    ("a millisecond that v3's C makes exactly stays", "t : TIME;", "t := T#5ms;", ["t := T#5ms;"]),
    ("there is no gap between units", "t : TIME;", "t := T#1d5ms;", ["t := T#1d0h0m0s5ms;"]),
    ("REAL to INT stops at the ends", "r : REAL; i : INT;", "i := REAL_TO_INT(r);", ["i := RUNG_ROUND_INT(REAL_TO_LREAL(r));"]),
    ("texts are compared whole", "s, t : STRING; b : BOOL;", "b := s = t;", ["b := RUNG_SAME(s, t);"]),
    ("a short text is cut", "s : STRING; t : STRING[3];", "t := s;", ["t := RUNG_LEFT(s, LINT#3);"]),
    ("a quote in a text is a code", "s : STRING;", "s := 'it$'s';", ["s := 'it$27s';"]),
    ("a hexadecimal digit after a code is one as well", "s : STRING;", "s := '$$a';", ["s := '$24$61';"]),
    ("a subrange is limited", "p : INT (0..100); i : INT;", "p := i;", ["p := LIMIT(INT#0, i, INT#100);"]),
    ("an empty body gets a statement", "i : INT;", "", ["RUNG_IDLE_1 := FALSE;"]),
    (
        "an empty branch gets a statement",
        "i : INT;",
        "IF i = 1 THEN ; END_IF;",
        ["IF i = 1 THEN", "RUNG_IDLE_1 := FALSE;", "END_IF;"],
    ),
    (
        "an index that may leave the array is looked at first",
        "a : ARRAY[1..3] OF INT; i, x : INT;",
        "x := a[i];",
        ["IF (i >= INT#1) AND (i <= INT#3) THEN", "RUNG_TMP_1 := a[i];", "ELSE", "RUNG_TMP_1 := 0;", "END_IF;", "x := RUNG_TMP_1;"],
    ),
    (
        "nothing is written outside of an array",
        "a : ARRAY[1..3] OF INT; i : INT;",
        "a[i] := 5;",
        ["IF (i >= INT#1) AND (i <= INT#3) THEN", "a[i] := 5;", "END_IF;"],
    ),
    (
        "a loop over an array needs no look",
        "a : ARRAY[1..3] OF INT; i : INT;",
        "FOR i := 1 TO 3 DO a[i] := i; END_FOR;",
        ["FOR i := 1 TO 3 DO", "a[i] := i;", "END_FOR;"],
    ),
    (
        "a loop's end is computed once",
        "i, n : INT; s : DINT;",
        "FOR i := 1 TO n MOD 8 DO s := s + 1; END_FOR;",
        ["RUNG_TMP_1 := n MOD 8;", "FOR i := 1 TO RUNG_TMP_1 DO", "s := s + 1;", "END_FOR;"],
    ),
    ("a block's call stays one", "t : TON; q : BOOL;", "t(IN := TRUE, PT := T#5s, Q => q);",
     ["t(IN := TRUE, PT := T#5s, Q => q);"]),
    (
        "EN becomes an IF",
        "t : TON; b, e : BOOL;",
        "t(EN := b, IN := TRUE, ENO => e);",
        ["RUNG_TMP_1 := b;", "IF RUNG_TMP_1 THEN", "t(EN := TRUE, IN := TRUE);", "e := TRUE;", "ELSE", "t(EN := FALSE);", "e := FALSE;",
         "END_IF;"],
    ),
    ("a shift by a number is v3's own", "w : WORD;", "w := SHL(w, 3);", ["w := SHL(w, INT#3);"]),
    ("two signs are kept apart", "r, s : REAL;", "r := s - (-(-s));", ["r := s - (-(-s));"]),
    ("a negative duration is a difference", "t, u : TIME;", "t := -u;", ["t := RUNG_TIME_SUB(T#0s, u);"]),
    ("LTIME is TIME", "t : LTIME;", "t := LTIME#5s;", ["t := T#5s;"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "variables", "statements", "expected"), REWRITTEN, ids=[row[0] for row in REWRITTEN])
def test_statements_become(rule: str, variables: str, statements: str, expected: list[str]) -> None:
    assert body(variables, statements) == expected


MAIN = "PROGRAM Main\nVAR x : INT; END_VAR\nx := x + 1;\nEND_PROGRAM\n"


def test_rule_1_the_configuration_is_config0_with_res0_whatever_the_users_name() -> None:
    text = printed(
        f"{MAIN}CONFIGURATION Plant\nRESOURCE Cpu ON Arm\nTASK t1(INTERVAL := T#10ms, PRIORITY := 1);\n"
        "PROGRAM p1 WITH t1 : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    ).text
    assert "CONFIGURATION Config0\n  RESOURCE Res0 ON PLC\n    TASK t1(INTERVAL := T#10ms, PRIORITY := 0);\n" in text
    assert "PROGRAM p1 WITH t1 : Main;" in text


def test_rule_1_a_program_without_configuration_gets_one() -> None:
    assert "CONFIGURATION Config0" in printed(MAIN).text


def test_rule_1_several_resources_are_one() -> None:
    resource = "RESOURCE {0} ON PLC\nTASK {0}t(INTERVAL := T#20ms, PRIORITY := 1);\nPROGRAM {0}p WITH {0}t : Main;\nEND_RESOURCE\n"
    text = printed(f"{MAIN}CONFIGURATION C\n{resource.format('a')}{resource.format('b')}END_CONFIGURATION\n").text
    assert text.count("RESOURCE Res0 ON PLC") == 1
    assert "PROGRAM ap WITH at_1 : Main;" in text or "PROGRAM ap WITH at : Main;" in text
    assert "PROGRAM bp WITH bt : Main;" in text


def test_rule_2_a_program_without_a_task_gets_a_periodic_one() -> None:
    text = printed(
        f"{MAIN}CONFIGURATION C\nRESOURCE R ON PLC\nPROGRAM p : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    ).text
    (task,) = re.findall(r"TASK (\w+)\(INTERVAL := T#20ms, PRIORITY := 0\);", text)
    assert f"PROGRAM p WITH {task} : Main;" in text


def test_rule_2_each_task_keeps_its_interval_for_the_device_runs_at_their_common_divisor() -> None:
    text = printed(
        f"{MAIN}CONFIGURATION C\nRESOURCE R ON PLC\nTASK a(INTERVAL := T#20ms, PRIORITY := 3);\n"
        "TASK b(INTERVAL := T#30ms, PRIORITY := 7);\nPROGRAM p WITH a : Main;\nPROGRAM q WITH b : Main;\n"
        "END_RESOURCE\nEND_CONFIGURATION\n"
    ).text
    assert re.findall(r"TASK (\w)\(INTERVAL := (T#\w+),", text) == [("a", "T#20ms"), ("b", "T#30ms")]


def test_rule_2_a_task_on_an_event_looks_at_it_in_every_base_cycle() -> None:
    text = printed(
        f"{MAIN}CONFIGURATION C\nVAR_GLOBAL go : BOOL; END_VAR\nRESOURCE R ON PLC\nTASK e(SINGLE := go, PRIORITY := 1);\n"
        "PROGRAM p WITH e : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    ).text
    assert re.search(r"IF go AND NOT RUNG_LAST THEN\n +RUNG_BODY\(\);\n +END_IF;\n +RUNG_LAST := go;\n", text)
    assert "TASK e(INTERVAL := T#20ms, PRIORITY := 0);" in text
    assert "FUNCTION_BLOCK Main" in text


def test_rule_3_and_4_the_text_is_ascii_without_bom_or_line_comments() -> None:
    program, sources = checked(
        "// Größe\nPROGRAM Main\nVAR größe : INT; (* a (* b *) *) END_VAR\ngröße := 1; // x\nEND_PROGRAM\n"
    )
    data = build_artefact(program, "openplc-v3", sources).data
    assert data.isascii()
    program_lines = [line for line in data.splitlines() if not line.startswith(b"(*")]
    assert not any(b"//" in line or b"/*" in line for line in program_lines)


@pytest.mark.parametrize("source", [f"\ufeff{MAIN}", MAIN.replace("\n", "\r\n")], ids=["byte order mark", "CRLF"])
def test_rule_3_the_mark_and_the_line_ends_of_a_source_do_not_reach_the_device(source: str) -> None:
    assert _built(source).data.replace(_built(source).md5.encode(), b"") == _built(MAIN).data.replace(
        _built(MAIN).md5.encode(), b""
    )


def test_rule_5_located_variables_have_a_section_of_their_own() -> None:
    text = printed("PROGRAM Main\nVAR a : INT; q AT %QX0.0 : BOOL; b : INT; END_VAR\nq := a > b;\nEND_PROGRAM\n").text
    assert "VAR\n  a : INT;\n  b : INT;\nEND_VAR\nVAR\n  q AT %QX0.0 : BOOL;\nEND_VAR\n" in text


def test_rule_6_globals_are_external_where_they_are_used() -> None:
    text = printed(
        "VAR_GLOBAL total : DINT; END_VAR\nPROGRAM Main\nVAR_EXTERNAL total : DINT; END_VAR\ntotal := 1;\nEND_PROGRAM\n"
    ).text
    assert "VAR_EXTERNAL\n  total : DINT;\nEND_VAR\n" in text
    assert "  VAR_GLOBAL\n    total : DINT;\n  END_VAR\n" in text


def test_rule_6_direct_addresses_become_located_globals() -> None:
    text = printed("PROGRAM Main\nVAR x : BOOL; END_VAR\n%QX0.1 := %IX0.0 OR x;\nEND_PROGRAM\n").text
    assert "RUNG_QX0_1 := RUNG_IX0_0 OR x;" in text
    assert "RUNG_IX0_0 AT %IX0.0 : BOOL;" in text
    assert "VAR_EXTERNAL" in text


def test_rule_7_enumerations_subranges_and_aliases_are_their_base_types() -> None:
    text = printed(
        "TYPE Mode : (Off, Slow := 5, Fast); Level : INT (0..9); Speed : REAL; END_TYPE\n"
        "PROGRAM Main\nVAR m : Mode := Slow; l : Level; s : Speed; END_VAR\n"
        "CASE m OF Mode#Off: m := Fast; Slow: m := Off; END_CASE;\nEND_PROGRAM\n"
    ).text
    assert "m : INT := 5;" in text
    assert "l : INT;" in text
    assert "s : REAL;" in text
    assert "CASE m OF\n  0:\n    m := 6;\n" in text


def test_rule_7_the_elementary_types_that_v3_has_are_kept() -> None:
    types = [
        "BOOL",
        "SINT",
        "INT",
        "DINT",
        "LINT",
        "USINT",
        "UINT",
        "UDINT",
        "ULINT",
        "REAL",
        "LREAL",
        "BYTE",
        "WORD",
        "DWORD",
        "LWORD",
        "TIME",
        "DATE",
        "TOD",
        "DT",
        "STRING",
    ]
    variables = " ".join(f"v{number} : {kind};" for number, kind in enumerate(types))
    text = printed(f"PROGRAM Main\nVAR {variables} END_VAR\nv0 := TRUE;\nEND_PROGRAM\n").text
    assert re.findall(r"^  v\d+ : (\w+);$", text, re.MULTILINE) == types


@pytest.mark.parametrize(("long", "short"), [("LTIME", "TIME"), ("LDATE", "DATE"), ("LTOD", "TOD"), ("LDT", "DT")])
def test_rule_7_long_times_and_dates_become_those_that_v3_has(long: str, short: str) -> None:
    text = printed(f"PROGRAM Main\nVAR a, b : {long}; END_VAR\na := b;\nEND_PROGRAM\n").text
    assert f"  a : {short};\n" in text
    assert long not in text


def test_rule_7_structures_and_arrays_are_declared_as_types_of_their_own() -> None:
    text = printed(
        "TYPE Point : STRUCT u : INT; w : REAL; END_STRUCT; Line : STRUCT a, b : Point; END_STRUCT; END_TYPE\n"
        "PROGRAM Main\nVAR grid : ARRAY[0..1, 0..2] OF INT := [1, 2, 3, 4, 5, 6]; l : Line; many : ARRAY[1..3] OF Point; END_VAR\n"
        "grid[1, 2] := l.b.u;\nmany[2].u := 1;\nEND_PROGRAM\n"
    ).text
    assert "  Line : STRUCT\n    a : Point;\n    b : Point;\n  END_STRUCT;\n" in text
    assert re.search(
        r"  (\w+) : ARRAY \[0\.\.1, 0\.\.2\] OF INT;.*  grid : \1 := \[1, 2, 3, 4, 5, 6\];", text, re.DOTALL
    )
    assert re.search(r"  (\w+) : ARRAY \[1\.\.3\] OF Point;.*  many : \1;", text, re.DOTALL)


@pytest.mark.parametrize("length", ["[20]", "(20)", ""])
def test_rule_7_a_text_of_any_length_is_declared_without_it(length: str) -> None:
    text = printed(f"PROGRAM Main\nVAR t, u : STRING{length}; END_VAR\nt := u;\nEND_PROGRAM\n").text
    assert "  t : STRING;\n" in text


def test_rule_7_an_array_of_arrays_is_one_of_structures() -> None:
    text = printed(
        "PROGRAM Main\nVAR a : ARRAY[1..2] OF ARRAY[0..1] OF INT; END_VAR\na[1][0] := 7;\nEND_PROGRAM\n"
    ).text
    assert "a[1].ROW[0] := 7;" in text


def test_rule_7_initial_values_that_no_declaration_can_say_are_set_in_the_first_call() -> None:
    text = printed(
        "TYPE P : STRUCT a : INT; b : ARRAY[0..1] OF INT; END_STRUCT; END_TYPE\n"
        "PROGRAM Main\nVAR p : P := (a := 3, b := [4, 5]); t : TON := (PT := T#5s); END_VAR\np.a := 1;\nEND_PROGRAM\n"
    ).text
    assert "IF NOT RUNG_STARTED THEN\n  RUNG_STARTED := TRUE;\n" in text
    assert all(f"  {line}\n" in text for line in ("p.a := 3;", "p.b[0] := 4;", "p.b[1] := 5;"))


def test_rule_7_an_instance_declares_the_initial_values_of_its_elementary_members() -> None:
    text = printed("PROGRAM Main\nVAR t : TON := (Q := TRUE, PT := T#5s); END_VAR\nt();\nEND_PROGRAM\n").text
    assert "t : RUNG_TON := (Q := TRUE, PT := T#5s);" in text


def test_rule_8_a_function_as_a_statement_gives_to_a_scratch_variable() -> None:
    around = "FUNCTION F : INT\nVAR_INPUT a : INT; END_VAR\nF := a;\nEND_FUNCTION\n"
    assert body("x : INT;", "F(1);", around) == ["RUNG_TMP_1 := F(a := 1);"]


def test_rule_8_a_function_without_inputs_or_result_gets_both() -> None:
    text = printed(
        "FUNCTION F\nVAR x : INT; END_VAR\nx := 1;\nEND_FUNCTION\nPROGRAM Main\nVAR y : INT; END_VAR\nF();\nEND_PROGRAM\n"
    ).text
    assert "FUNCTION F : BOOL\nVAR_INPUT\n  RUNG_NOTHING : BOOL;\nEND_VAR\n" in text
    assert "F(RUNG_NOTHING := FALSE);" in text


@pytest.mark.parametrize(
    ("written", "spelled"),
    [("a__b", "a_b"), ("b_", "b"), ("größe", "grxF6xDFe"), ("step", "step_1"), ("LEN", "LEN_1"), ("eof", "eof_1"), ("nan", "nan_1"),
     ("TCP_SEND", "TCP_SEND_1"), ("RUNG_x", "X_RUNG_x")],
)  # fmt: skip
def test_rule_8_names_that_would_not_compile_are_changed(written: str, spelled: str) -> None:
    wanted = re.sub(r"x([0-9A-F]{2})", lambda m: f"u{int(m[1], 16):x}", spelled)
    result = printed(f"PROGRAM Main\nVAR {written} : INT; END_VAR\n{written} := 1;\nEND_PROGRAM\n")
    assert f"{wanted} := 1;" in result.text
    assert (f"Main.{written}", wanted) in result.names


def test_rule_8_types_and_pous_give_way_to_variables_and_library_names() -> None:
    text = printed(
        "FUNCTION_BLOCK Motor\nVAR_INPUT run : BOOL; END_VAR\nVAR n : INT; END_VAR\nn := n + 1;\nEND_FUNCTION_BLOCK\n"
        "TYPE S1 : STRUCT a : INT; END_STRUCT; END_TYPE\n"
        "PROGRAM Main\nVAR motor : Motor; s : S1; END_VAR\nmotor(run := TRUE); s.a := 1;\nEND_PROGRAM\n"
    ).text
    assert "FUNCTION_BLOCK Motor_1" in text
    assert "motor : Motor_1;" in text
    assert "S1_1 : STRUCT" in text


def test_rule_9_a_located_declaration_has_single_blanks_and_one_before_the_colon() -> None:
    text = printed("PROGRAM Main\nVAR  q   AT   %QX0.0:BOOL:=TRUE;  END_VAR\nq := FALSE;\nEND_PROGRAM\n").text
    assert "  q AT %QX0.0 : BOOL := TRUE;\n" in text
    assert sum(" AT " in line for line in text.splitlines()) == 1


def test_rule_9_what_stands_in_comments_is_never_taken_for_a_located_declaration() -> None:
    text = _built(
        "(* a AT %QX0.1 : BOOL; *)\nPROGRAM Main\nVAR q\tAT\t%QX0.0\t:\tBOOL; // b AT %QX0.2: BOOL;\nEND_VAR\nq := TRUE;\nEND_PROGRAM\n"
    ).data.decode()
    read = [line for line in text.splitlines() if " AT " in line and "%" in line and "(*" not in line]
    assert read == ["  q AT %QX0.0 : BOOL;"]


def test_rule_10_two_variables_at_one_address_are_one() -> None:
    text = printed(
        "PROGRAM Main\nVAR a AT %QW0 : INT; b AT %QW0 : WORD; END_VAR\na := 1; b := 16#FF;\nEND_PROGRAM\n"
    ).text
    assert text.count(" AT %QW0 : INT;") == 1
    assert "RUNG_QW0 := 1;" in text
    assert "RUNG_QW0 := WORD_TO_INT(16#FF);" in text


def test_rule_10_memory_bits_are_plain_globals() -> None:
    text = printed("PROGRAM Main\nVAR m AT %MX0.0 : BOOL; END_VAR\nm := TRUE;\nEND_PROGRAM\n").text
    assert " AT " not in text
    assert "RUNG_MX0_0 : BOOL;" in text


def test_rule_11_blocks_that_v3_has_otherwise_are_printed_with_the_program() -> None:
    text = printed("PROGRAM Main\nVAR c : CTU; t : TON; f : F_TRIG; END_VAR\nc(); t(); f();\nEND_PROGRAM\n").text
    assert "FUNCTION_BLOCK RUNG_CTU_INT" in text
    assert "FUNCTION_BLOCK RUNG_F_TRIG" in text
    assert "FUNCTION_BLOCK RUNG_TON" in text
    assert "t : RUNG_TON;" in text


def test_rule_11_blocks_that_v3_has_as_well_are_its_own() -> None:
    kinds = ["RTC", "INTEGRAL", "DERIVATIVE", "PID", "RAMP", "HYSTERESIS", "SEMA", "R_TRIG", "SR", "RS"]
    variables = " ".join(f"v{number} : {kind};" for number, kind in enumerate(kinds))
    calls = " ".join(f"v{number}();" for number in range(len(kinds)))
    text = printed(f"PROGRAM Main\nVAR {variables} END_VAR\n{calls}\nEND_PROGRAM\n").text
    assert re.findall(r"^  v\d+ : (\w+);$", text, re.MULTILINE) == kinds
    assert "FUNCTION_BLOCK" not in text


@pytest.mark.parametrize("name", ["TON", "PID", "TCP_CONNECT"])
def test_rule_11_a_users_block_named_like_one_of_v3s_library_is_renamed(name: str) -> None:
    text = printed(
        f"FUNCTION_BLOCK {name}\nVAR_INPUT a : BOOL; END_VAR\nVAR b : BOOL; END_VAR\nb := a;\nEND_FUNCTION_BLOCK\n"
        f"PROGRAM Main\nVAR mine : {name}; END_VAR\nmine(a := TRUE);\nEND_PROGRAM\n"
    ).text
    assert f"FUNCTION_BLOCK {name}_1\n" in text
    assert f"  mine : {name}_1;\n" in text


@pytest.mark.parametrize("kind", ["SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT"])
@pytest.mark.parametrize("division", ["b / c", "DIV(b, c)", "b MOD c", "MOD(b, c)"])
def test_rule_12_no_integer_is_ever_divided_by_zero(kind: str, division: str) -> None:
    (line,) = body(f"a, b, c : {kind};", f"a := {division};")
    assert line == f"a := RUNG_{'MOD' if 'MOD' in division else 'DIV'}_{kind}(b, c);"


def test_each_line_says_where_it_comes_from() -> None:
    result = printed("PROGRAM Main\nVAR a : ARRAY[1..3] OF INT; i : INT; END_VAR\n\na[i] := 5;\nEND_PROGRAM\n")
    lines = result.text.splitlines()
    assert len(lines) == len(result.lines)
    assert [result.lines[n] for n, line in enumerate(lines) if "a[i] := 5;" in line or "IF (i >=" in line] == [
        ("main.st", 4)
    ] * 2
    assert result.lines[0] is None


def test_the_upload_replaces_what_an_earlier_one_left_behind() -> None:
    artefact = _built(MAIN)
    text = artefact.data.decode()
    assert artefact.file_name == "program.st"
    assert f'char md5[] = "{artefact.md5}";' in text
    assert "(*FILE:c_blocks.h // empty *)\n(*FILE:c_blocks_code.cpp // empty *)\n" in text
    assert len(artefact.lines) == len(text.splitlines())


def test_the_same_sources_give_the_same_text() -> None:
    assert _built(MAIN).data == _built(MAIN).data


def _built(text: str) -> Artefact:
    program, sources = checked(text)
    return build_artefact(program, "openplc-v3", sources)
