"""Feature probes of programs: statements, functions, blocks, the configuration, names."""

from __future__ import annotations

from codegen.feature_probe import FeatureProbe as P

MS = 1_000_000
S = 1_000 * MS

# --------------------------------------------------------------------------------------------------------- statements

STATEMENTS = [
    P("if_chain", "n : INT; a, b, c : INT;",
      "n := n + 1; IF n < 3 THEN a := a + 1; ELSIF n < 6 THEN b := b + 1; ELSE c := c + 1; END_IF;", {"a": 2, "b": 3, "c": 5}),
    P("case_labels", "n, a, b, c, d : INT;",
      "n := n + 1; CASE n OF 1, 3: a := a + 1; 4..6: b := b + 1; 8: IF n = 8 THEN c := 1; END_IF; ELSE d := d + 1; END_CASE;",
      {"a": 2, "b": 3, "c": 1, "d": 4}),
    P("case_overlap", "s : INT := 4; a, b : INT; t : SINT := -3;", "CASE s OF 1..5: a := 1; 3..8: a := 2; END_CASE; CASE t OF -5..-1: b := 1; END_CASE;",
      {"a": 1, "b": 1}),
    P("for_steps", "i, j, n, m : INT;",
      "n := 0; m := 0; FOR i := 10 TO 1 BY -3 DO n := n * 10 + i MOD 10; END_FOR; FOR j := 5 TO 1 DO m := m + 1; END_FOR;",
      {"n": 741, "i": -2, "m": 0, "j": 5}),
    P("for_variable_step", "i, n : INT; s : INT := -3;", "n := 0; FOR i := 10 TO 1 BY s DO n := n + 1; END_FOR;", {"n": 4, "i": -2}),
    P("for_bounds_once", "i, e, n : INT;", "n := 0; e := 3; FOR i := 1 TO e DO e := 10; n := n + 1; END_FOR;", {"n": 3}),
    P("for_type_end", "i : SINT; n : INT; u : USINT;",
      "n := 0; FOR i := 120 TO 127 DO n := n + 1; END_FOR; FOR u := 3 TO 0 BY -1 DO n := n + 1; END_FOR;", {"n": 12}),
    P("loops", "i, n, k : INT;",
      "n := 0; i := 0; WHILE i < 5 DO i := i + 1; IF i = 4 THEN EXIT; END_IF; n := n + i; END_WHILE;"
      "k := 0; REPEAT k := k + 2; UNTIL k >= 7 END_REPEAT;", {"n": 6, "i": 4, "k": 8}),
    P("loop_continue", "i, n, j, m : INT;",
      "n := 0; FOR i := 1 TO 10 DO IF i MOD 2 = 0 THEN CONTINUE; END_IF; n := n + i; END_FOR;"
      "m := 0; j := 0; REPEAT j := j + 1; IF j = 2 THEN CONTINUE; END_IF; m := m + j; UNTIL j >= 4 END_REPEAT;", {"n": 25, "m": 8}),
    P("loops_nested", "i, j, n : INT;",
      "n := 0; FOR i := 1 TO 3 DO FOR j := 1 TO 3 DO IF j > i THEN EXIT; END_IF; n := n + 1; END_FOR; END_FOR;", {"n": 6}),
    P("return_early", "n, m : INT;", "n := n + 1; IF n > 4 THEN RETURN; END_IF; m := m + 1;", {"n": 10, "m": 4}),
    P("empty_statements", "n : INT;", ";; IF n > 100 THEN ; END_IF; FOR n := 1 TO 3 DO ; END_FOR;", {"n": 4}),
    P("empty_bodies", "n : INT := 3; f : FPNOTHING;", "f(); n := f.y;", {"n": 9},
      around="FUNCTION_BLOCK FPNOTHING VAR_OUTPUT y : INT := 9; END_VAR END_FUNCTION_BLOCK"
             "\nFUNCTION_BLOCK FPSEMICOLON VAR x : INT; END_VAR ; END_FUNCTION_BLOCK"),
    P("program_without_statements", "n : INT := 5; s : STRING := 'still';", "", {"n": 5, "s": "still"}),
    P("comments", "n : INT; (* one *) m : INT; // two\n", "n := 1; (* outer (* inner *) still *) m := 2; // ;\n/* three */ n := n + m;", {"n": 3}),
    P("operator_order", "a, b, c, d : INT; e : BOOL; r : REAL;",
      "a := 2 + 3 * 4; b := -2 + 10 MOD 4 * 3; c := (2 + 3) * 4 - 10 / 3; d := 0; e := a > 1 AND b < 5 OR d = 1 XOR TRUE; r := -2.0 ** 2.0;",
      {"a": 14, "b": 4, "c": 17, "e": True, "r": 4.0}),
    P("operators_as_functions", "a, b : INT; c, d : BOOL; w : WORD; r : REAL;",
      "a := ADD(1, 2, 3); b := SUB(MUL(a, 2), DIV(9, 2)); c := GT(3, 2, 1); d := AND(c, TRUE, NOT FALSE); w := XOR(16#F0F0, 16#00FF); r := EXPT(2.0, 3);",
      {"a": 6, "b": 8, "c": True, "d": True, "w": 0xF00F, "r": 8.0}),
]  # fmt: skip

# ------------------------------------------------------------------------------------------------- functions, blocks

FUNCTIONS = [
    P("function_standard", "a : REAL; b : INT; c, d : LREAL; e, f : INT; g : REAL; h : INT := -5; k : BOOL;",
      "a := SQRT(2.25) + ABS(-1.5); b := ABS(h) + MIN(3, 1, 2) + MAX(4, 9); c := SIN(0.5) * COS(0.5); d := LN(EXP(2.0)) + LOG(100.0);"
      "e := LIMIT(0, 15, 10) + SEL(TRUE, 1, 2); f := MUX(1, 7, 8, 9); g := ATAN(1.0); b := MOVE(b); k := SEL(FALSE, TRUE, FALSE);",
      {"a": 3.0, "b": 15, "c": 0.42073549240394825, "d": 4.0, "e": 12, "f": 8, "g": 0.7853982, "k": True}),
    P("function_power", "a : REAL := 2.0; b : LREAL; c : REAL; n : INT := 3;", "b := EXPT(2.0, 10); c := a ** n + a ** 0.5;",
      {"b": 1024.0, "c": 8.0 + 2.0 ** 0.5}),
    P("function_user", "r : INT; s : INT;", "r := FPADDONE(FPADDONE(x := r)); s := FPADDONE(2);", {"r": 20, "s": 3},
      around="FUNCTION FPADDONE : INT VAR_INPUT x : INT; END_VAR FPADDONE := x + 1; END_FUNCTION"),
    P("function_locals", "a, b : INT;", "a := FPLOCAL(3); b := FPLOCAL(3);", {"a": 8, "b": 8},
      around="FUNCTION FPLOCAL : INT VAR_INPUT x : INT; END_VAR VAR n : INT := 5; END_VAR n := n + x; FPLOCAL := n; END_FUNCTION"),
    P("function_defaults", "a, b : INT;", "a := FPDEFAULT(m := 2); b := FPDEFAULT(n := 1, m := 2);", {"a": 42, "b": 12},
      around="FUNCTION FPDEFAULT : INT VAR_INPUT n : INT := 4; m : INT; END_VAR FPDEFAULT := n * 10 + m; END_FUNCTION"),
    P("function_outputs", "a : INT := 1; b, c : INT; ok : BOOL;", "ok := FPSPLIT(v := 25, acc := a, tens => b, ones => c);",
      {"ok": True, "a": 251, "b": 2, "c": 5},
      around="FUNCTION FPSPLIT : BOOL VAR_INPUT v : INT; END_VAR VAR_IN_OUT acc : INT; END_VAR VAR_OUTPUT tens, ones : INT; END_VAR"
             " tens := v / 10; ones := v MOD 10; acc := acc + v; FPSPLIT := TRUE; END_FUNCTION"),
    P("function_structures", "p : FPTWO; v : ARRAY[1..3] OF INT := [1, 2, 3]; n : INT; s : STRING;",
      "p.a := 1; p := FPSWAP(p); n := FPSUM(v); s := FPHELLO('you');", {"p.b": 1, "p.a": 0, "n": 6, "s": "hello you"},
      around="TYPE FPTWO : STRUCT a, b : INT; END_STRUCT; END_TYPE"
             "\nFUNCTION FPSWAP : FPTWO VAR_INPUT p : FPTWO; END_VAR FPSWAP.a := 0; FPSWAP.b := p.a; END_FUNCTION"
             "\nFUNCTION FPSUM : INT VAR_INPUT v : ARRAY[1..3] OF INT; END_VAR VAR i : INT; END_VAR"
             " FOR i := 1 TO 3 DO FPSUM := FPSUM + v[i]; END_FOR; END_FUNCTION"
             "\nFUNCTION FPHELLO : STRING VAR_INPUT s : STRING; END_VAR FPHELLO := CONCAT('hello ', s); END_FUNCTION"),
    P("function_enable", "a, b : INT := 9; p, q, r : BOOL := TRUE;",
      "a := FPTEN(EN := FALSE, x := 1, ENO => p); b := FPTEN(EN := TRUE, x := 1, ENO => q); r := p;", {"a": 0, "b": 11, "p": False, "q": True, "r": False},
      around="FUNCTION FPTEN : INT VAR_INPUT x : INT; END_VAR FPTEN := x + 10; END_FUNCTION"),
    P("function_standard_enable", "a, b : INT := 9; ok : BOOL;", "a := ADD(EN := a > 100, IN1 := 1, IN2 := 2, ENO => ok); b := ADD(EN := TRUE, IN1 := 1, IN2 := 2);",
      {"a": 0, "b": 3, "ok": False}),
    P("function_as_statement", "n : INT;", "FPCOUNT(n); FPCOUNT(v := n);", {"n": 20},
      around="FUNCTION FPCOUNT : BOOL VAR_IN_OUT v : INT; END_VAR v := v + 1; FPCOUNT := TRUE; END_FUNCTION"),
    P("function_without_result", "n : INT;", "FPRAISE(n);", {"n": 20},
      around="FUNCTION FPRAISE VAR_IN_OUT v : INT; END_VAR v := v + 2; END_FUNCTION"),
    P("function_without_inputs", "n : INT;", "n := n + FPSEVEN();", {"n": 70}, around="FUNCTION FPSEVEN : INT FPSEVEN := 7; END_FUNCTION"),
    P("function_order", "r : INT;", "r := FPBEFORE(4);", {"r": 9},
      around="FUNCTION FPBEFORE : INT VAR_INPUT x : INT; END_VAR FPBEFORE := FPAFTER(x) + 1; END_FUNCTION"
             "\nFUNCTION FPAFTER : INT VAR_INPUT x : INT; END_VAR FPAFTER := x * 2; END_FUNCTION"),
    P("function_evaluation", "r : BOOL; n : INT;", "n := 0; r := (FALSE AND FPNOTE(n)) OR (FPNOTE(n) AND FPNOTE(n));", {"n": 3, "r": True},
      around="FUNCTION FPNOTE : BOOL VAR_IN_OUT v : INT; END_VAR v := v + 1; FPNOTE := TRUE; END_FUNCTION"),
    P("function_open_array", "a : ARRAY[2..5] OF INT := [4(2)]; n : INT;", "n := FPOPEN(a);", {"n": 8},
      around="FUNCTION FPOPEN : INT VAR_IN_OUT v : ARRAY[*] OF INT; END_VAR VAR i : DINT; END_VAR"
             " FOR i := LOWER_BOUND(v, 1) TO UPPER_BOUND(v, 1) DO FPOPEN := FPOPEN + v[i]; END_FOR; END_FUNCTION",
      refused={"openplc-v3": "has no ARRAY"}),
    P("block", "c : FPTALLY; a, b : INT;", "c(n := 5); a := c.total; c(); b := c.total;", {"a": 95, "b": 100, "c.total": 100, "c.n": 5},
      around="FUNCTION_BLOCK FPTALLY VAR_INPUT n : INT; END_VAR VAR_OUTPUT total : INT; END_VAR total := total + n; END_FUNCTION_BLOCK"),
    P("block_members", "d : FPDOUBLE; a, b : INT;", "a := d.y; d.x := 4; d(); b := d.y; d(x := 1, y => a);", {"a": 2, "b": 8},
      around="FUNCTION_BLOCK FPDOUBLE VAR_INPUT x : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := x * 2; END_FUNCTION_BLOCK"),
    P("block_negated_output", "s : SR; a, b : BOOL;", "s(S1 := TRUE, R := FALSE, Q1 => a); s(NOT Q1 => b);", {"a": True, "b": False}),
    P("block_temporary", "f : FPTEMP; a, b : INT;", "f(); a := f.y; f(); b := f.y;", {"a": 3, "b": 3},
      around="FUNCTION_BLOCK FPTEMP VAR_OUTPUT y : INT; END_VAR VAR_TEMP t : INT; END_VAR t := t + 3; y := t; END_FUNCTION_BLOCK"),
    P("block_in_out", "f : FPRAISER; n : INT := 3; v : ARRAY[1..2] OF INT; i : INT := 2;", "f(v := n); f(v := v[i]);", {"n": 13, "v[2]": 10},
      around="FUNCTION_BLOCK FPRAISER VAR_IN_OUT v : INT; END_VAR v := v + 1; END_FUNCTION_BLOCK"),
    P("block_in_out_array", "f : FPFILL; v : ARRAY[1..3] OF INT; s : FPTHREE;", "f(v := v, s := s);", {"v[2]": 20, "s.n": 10},
      around="TYPE FPTHREE : STRUCT n : INT; END_STRUCT; END_TYPE\nFUNCTION_BLOCK FPFILL VAR_IN_OUT v : ARRAY[1..3] OF INT; s : FPTHREE; END_VAR"
             " VAR i : INT; END_VAR FOR i := 1 TO 3 DO v[i] := v[i] + i; END_FOR; s.n := s.n + 1; END_FUNCTION_BLOCK"),
    P("block_initial", "t : TON := (PT := T#5s); k : FPKEEP := (n := 7); m : FPKEEP; a : INT;", "k(); m(); a := k.y * 10 + m.y;", {"a": 72, "t.PT": 5 * S},
      around="FUNCTION_BLOCK FPKEEP VAR_INPUT n : INT := 2; END_VAR VAR_OUTPUT y : INT; END_VAR y := n; END_FUNCTION_BLOCK"),
    P("block_array", "c : ARRAY[1..3] OF FPSTEP; i, n : INT;", "FOR i := 1 TO 3 DO c[i](n := i); END_FOR; n := c[3].total;",
      {"n": 30, "c[2].total": 20},
      around="FUNCTION_BLOCK FPSTEP VAR_INPUT n : INT; END_VAR VAR_OUTPUT total : INT; END_VAR total := total + n; END_FUNCTION_BLOCK",
      refused={"openplc-v3": "no arrays or structures of function block instances"}),
    P("block_nested", "o : FPOUTER; n : INT;", "o(go := TRUE); n := o.n;", {"n": 10, "o.inner.deep.count": 10},
      around="FUNCTION_BLOCK FPDEEP VAR_INPUT go : BOOL; END_VAR VAR_OUTPUT count : INT; END_VAR IF go THEN count := count + 1; END_IF; END_FUNCTION_BLOCK"
             "\nFUNCTION_BLOCK FPINNER VAR_INPUT go : BOOL; END_VAR VAR_OUTPUT n : INT; END_VAR VAR deep : FPDEEP; END_VAR deep(go := go, count => n); END_FUNCTION_BLOCK"
             "\nFUNCTION_BLOCK FPOUTER VAR_INPUT go : BOOL; END_VAR VAR_OUTPUT n : INT; END_VAR VAR inner : FPINNER; END_VAR inner(go := go); n := inner.n; END_FUNCTION_BLOCK"),
    P("block_arrays_inside", "f : FPBUFFER; n : INT;", "f(x := 2); n := f.sum;", {"n": 20, "f.kept[2]": 0, "f.kept[1]": 18, "f.at": 0},
      around="FUNCTION_BLOCK FPBUFFER VAR_INPUT x : INT; END_VAR VAR_OUTPUT sum : INT; END_VAR VAR kept : ARRAY[1..2] OF INT; at : INT; p : ARRAY[0..1] OF REAL; END_VAR"
             " sum := sum + x; kept[1] := sum - x; p[1] := 1.5; END_FUNCTION_BLOCK"),
    P("block_edges", "f : FPEDGES; up, down, i : INT; b : BOOL;", "b := NOT b; f(r := b, f := b);", {"f.ups": 5, "f.downs": 5},
      around="FUNCTION_BLOCK FPEDGES VAR_INPUT r : BOOL R_EDGE; f : BOOL F_EDGE; END_VAR VAR_OUTPUT ups, downs : INT; END_VAR"
             " IF r THEN ups := ups + 1; END_IF; IF f THEN downs := downs + 1; END_IF; END_FUNCTION_BLOCK"),
    P("block_enable", "c : FPGATED; ok : BOOL := TRUE; n : INT;", "c(EN := FALSE, x := 5, ENO => ok); n := n + c.y; c(EN := TRUE, x := 2);",
      {"ok": False, "n": 18, "c.y": 2},
      around="FUNCTION_BLOCK FPGATED VAR_INPUT x : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := x; END_FUNCTION_BLOCK"),
    P("block_return", "f : FPLEAVE; n : INT;", "f(); n := f.y;", {"n": 4},
      around="FUNCTION_BLOCK FPLEAVE VAR_OUTPUT y : INT; END_VAR IF y >= 4 THEN RETURN; END_IF; y := y + 1; END_FUNCTION_BLOCK"),
]  # fmt: skip

STANDARD_BLOCKS = [
    P("bistables", "s : SR; r : RS; n : INT; a, b, c, d : BOOL;",
      "n := n + 1; s(S1 := n = 2, R := n = 5 OR n = 2); r(S := n = 2, R1 := n = 2); a := s.Q1; b := r.Q1; IF n = 4 THEN c := s.Q1; END_IF; r(S := n = 9, R1 := FALSE); d := r.Q1;",
      {"a": False, "b": True, "c": True, "d": True}),
    P("edges", "r : R_TRIG; f : F_TRIG; b : BOOL; n, m : INT;", "b := NOT b; r(CLK := b); f(CLK := b); IF r.Q THEN n := n + 1; END_IF; IF f.Q THEN m := m + 1; END_IF;",
      {"n": 5, "m": 5, "r.Q": False, "f.Q": True}),
    P("edges_first_call", "r : R_TRIG; f : F_TRIG; n, m : INT;", "r(CLK := TRUE); f(CLK := FALSE); IF r.Q THEN n := n + 1; END_IF; IF f.Q THEN m := m + 1; END_IF;",
      {"n": 1, "m": 1}),
    P("counter_up", "c : CTU; b : BOOL; n : INT;", "n := n + 1; b := NOT b; c(CU := b, R := n = 4, PV := 3);", {"c.CV": 3, "c.Q": True}),
    P("counter_down", "c : CTD; b : BOOL; n : INT;", "n := n + 1; b := NOT b; c(CD := b, LD := n = 2, PV := 3);", {"c.CV": -1, "c.Q": True}),
    P("counter_both", "c : CTUD; b : BOOL; n : INT;", "n := n + 1; b := NOT b; c(CU := b, CD := b AND n > 6, R := FALSE, LD := n = 1, PV := 2);",
      {"c.CV": 4, "c.QU": True, "c.QD": False}),
    P("counters_typed", "a : CTU_DINT; b : CTD_UDINT; c : CTUD_LINT; d : CTU_ULINT; x : BOOL;",
      "x := NOT x; a(CU := x, R := FALSE, PV := 70000); b(CD := x, LD := FALSE, PV := 5); c(CU := x, PV := 3); d(CU := x, PV := 2);",
      {"a.CV": 5, "b.CV": 0, "c.CV": 5, "d.Q": True}),
    P("timer_on", "t : TON; n, at : INT; z : TON; zq : INT;",
      "n := n + 1; t(IN := n >= 2, PT := T#50ms); IF t.Q AND at = 0 THEN at := n; END_IF; z(IN := TRUE, PT := T#0s); IF z.Q THEN zq := zq + 1; END_IF;",
      {"at": 5, "t.ET": 50 * MS, "t.Q": True, "zq": 10}),
    P("timer_off", "t : TOF; n, at : INT;", "n := n + 1; t(IN := n <= 3, PT := T#50ms); IF n > 3 AND NOT t.Q AND at = 0 THEN at := n; END_IF;",
      {"at": 7, "t.Q": False, "t.ET": 50 * MS}),
    P("timer_pulse", "t : TP; n, on : INT;", "n := n + 1; t(IN := n = 2 OR n >= 7, PT := T#50ms); IF t.Q THEN on := on + 1; END_IF;",
      {"on": 6, "t.Q": False, "t.ET": 50 * MS}),
    P("timers_without_time", "a : TON; b : TOF; c : TP; x : BOOL; n, m, k : INT;",
      "x := NOT x; a(IN := x, PT := T#0s); b(IN := x, PT := T#0s); c(IN := x, PT := T#0s); IF a.Q THEN n := n + 1; END_IF;"
      "IF b.Q THEN m := m + 1; END_IF; IF c.Q THEN k := k + 1; END_IF;", {"n": 5, "m": 5, "k": 0}),
    P("timer_restart", "t : TON; n, ons : INT;", "n := n + 1; t(IN := n MOD 4 <> 0, PT := T#40ms); IF t.Q THEN ons := ons + 1; END_IF;",
      {"ons": 2, "t.ET": 20 * MS}),
]  # fmt: skip

# ------------------------------------------------------------------------------------------------------ configuration

CONFIGURATION = [
    P("globals", "n : INT;", "fpg_total := fpg_total + 2; n := fpg_limit;", {"n": 40}, sections="VAR_EXTERNAL fpg_total : DINT; END_VAR VAR_EXTERNAL CONSTANT fpg_limit : INT; END_VAR",
      globals="VAR_GLOBAL fpg_total : DINT := 100; END_VAR VAR_GLOBAL CONSTANT fpg_limit : INT := 40; END_VAR", elsewhere={"FPG_TOTAL": 120}),
    P("globals_structured", "n : INT;", "fps_list[2] := fps_list[2] + 1; fps_point.x := 7; n := fps_list[1];", {"n": 5},
      sections="VAR_EXTERNAL fps_list : ARRAY[1..3] OF INT; fps_point : FPGPOINT; END_VAR", around="TYPE FPGPOINT : STRUCT x, y : INT; END_STRUCT; END_TYPE",
      globals="VAR_GLOBAL fps_list : ARRAY[1..3] OF INT := [5, 6, 7]; fps_point : FPGPOINT; END_VAR", elsewhere={"FPS_LIST[2]": 16, "FPS_POINT.X": 7, "FPS_POINT.Y": 0}),
    P("globals_in_blocks", "f : FPUSER; n : INT;", "f(); f(); n := f.y;", {"n": 20}, globals="VAR_GLOBAL fpb_n : INT; END_VAR", elsewhere={"FPB_N": 20},
      around="FUNCTION_BLOCK FPUSER VAR_EXTERNAL fpb_n : INT; END_VAR VAR_OUTPUT y : INT; END_VAR fpb_n := fpb_n + 1; y := fpb_n; END_FUNCTION_BLOCK"),
    P("globals_block", "b : BOOL;", "b := NOT b; fpf_count(CU := b, PV := 3);", {"b": False}, sections="VAR_EXTERNAL fpf_count : CTU; END_VAR",
      globals="VAR_GLOBAL fpf_count : CTU; END_VAR", elsewhere={"FPF_COUNT.CV": 5, "FPF_COUNT.Q": True},
      refused={"openplc-v3": "cannot compile a function block as a global"}),
    P("constants", "n : INT;", "n := FPMOST + 1;", {"n": 8}, sections="VAR CONSTANT FPMOST : INT := 7; END_VAR"),
    P("retained", "", "n := n + 1; m := m + 1;", {"n": 14, "m": 10}, sections="VAR RETAIN n : INT := 4; END_VAR VAR NON_RETAIN m : INT; END_VAR"),
    P("located_outputs", "b : BOOL; out AT %QX100.3 : BOOL; level AT %QW100 : INT := 5; word AT %QD100 : DINT; byte AT %QB100 : BYTE;",
      "b := NOT b; out := NOT b; level := level + 1; word := word - 1; byte := 16#7F;", {"out": True, "level": 15, "word": -10, "byte": 0x7F}),
    P("located_inputs", "in AT %IX101.0 : BOOL; level AT %IW101 : INT; n : INT;", "IF NOT in AND level = 0 THEN n := n + 1; END_IF;", {"n": 10, "in": False, "level": 0}),
    P("located_memory", "w AT %MW102 : INT; d AT %MD102 : REAL := 1.5; l AT %ML102 : LINT;", "w := w + 3; d := d + 0.5; l := l - 1;",
      {"w": 30, "d": 6.5, "l": -10}),
    P("located_memory_bits", "b AT %MX103.1 : BOOL; c AT %MB103 : USINT := 3;", "b := NOT b; c := c + 1;", {"b": False, "c": 13}),
    P("located_globals", "n : INT;", "fpl_lamp := NOT fpl_lamp; fpl_speed := fpl_speed + 1; IF NOT fpl_in THEN n := n + 1; END_IF;", {"n": 10},
      sections="VAR_EXTERNAL fpl_lamp : BOOL; fpl_speed : INT; fpl_in : BOOL; END_VAR",
      globals="VAR_GLOBAL fpl_lamp AT %QX104.0 : BOOL; fpl_speed AT %QW104 : INT := 7; fpl_in AT %IX104.0 : BOOL; END_VAR",
      elsewhere={"FPL_SPEED": 17, "FPL_LAMP": False}),
    P("located_twice", "x AT %MW105 : INT; y AT %MW105 : WORD; z : INT;", "x := -1; y := y AND 16#00FF; z := x;", {"x": 255, "y": 255, "z": 255}),
    P("direct_addresses", "n : INT; b : BOOL;", "%MW106 := INT_TO_WORD(n); %QX106.2 := TRUE; b := %QX106.2; n := n + 1; %QW106 := %MW106;", {"n": 10, "b": True}),
    P("located_by_configuration", "lamp AT %Q* : BOOL; n : INT;", "lamp := NOT lamp; n := n + 1;", {"n": 10}, addresses="located_by_configuration.lamp AT %QX107.0 : BOOL;"),
    P("program_connections", "x : INT;", "x := x + 1;", {"x": 10}, around="PROGRAM P_FPSUM VAR_INPUT a, b : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := a + b + y; END_PROGRAM",
      globals="VAR_GLOBAL fpc_in : INT := 4; fpc_out : INT; END_VAR", instances="PROGRAM fpsum1 WITH T : P_FPSUM (a := 5, b := fpc_in, y => fpc_out);",
      elsewhere={"FPC_OUT": 90, "FPSUM1.Y": 90, "FPSUM1.A": 5}),
    P("program_instances", "n : INT;", "n := n + 2;", {"n": 20}, instances="PROGRAM fpsecond WITH T : P_program_instances;", elsewhere={"FPSECOND.N": 20}),
    P("several_tasks", "n : INT;", "n := n + 1; fpt_order := fpt_order * 10 + 1; IF n > 1 THEN fpt_order := 0; END_IF;", {"n": 10},
      sections="VAR_EXTERNAL fpt_order : DINT; END_VAR", globals="VAR_GLOBAL fpt_order : DINT; fpt_slow : INT; END_VAR",
      around="PROGRAM P_FPSLOW VAR_EXTERNAL fpt_slow : INT; END_VAR VAR n : INT; t : TON; at : INT; END_VAR"
             " n := n + 1; t(IN := TRUE, PT := T#100ms); IF t.Q AND at = 0 THEN at := n; END_IF; fpt_slow := fpt_slow + 1; END_PROGRAM",
      tasks="TASK FPSLOW(INTERVAL := T#60ms, PRIORITY := 5); TASK FPSLOWER(INTERVAL := T#100ms, PRIORITY := 7);",
      instances="PROGRAM fpslow1 WITH FPSLOW : P_FPSLOW; PROGRAM fpslow2 WITH FPSLOWER : P_FPSLOW;",
      elsewhere={"FPSLOW1.N": 4, "FPSLOW2.N": 2, "FPT_SLOW": 6, "FPSLOW1.AT": 3, "FPSLOW2.AT": 2}),
    P("event_task", "n : INT;", "n := n + 1; fpe_go := n = 3 OR n > 6;", {"n": 10}, sections="VAR_EXTERNAL fpe_go : BOOL; END_VAR",
      globals="VAR_GLOBAL fpe_go : BOOL; END_VAR", around="PROGRAM P_FPEVENT VAR n : INT; END_VAR n := n + 1; END_PROGRAM",
      tasks="TASK FPEVENT(SINGLE := fpe_go, PRIORITY := 3);", instances="PROGRAM fpevent1 WITH FPEVENT : P_FPEVENT;", elsewhere={"FPEVENT1.N": 2}),
    P("program_without_task", "n : INT;", "n := n + 1;", {"n": 10}, around="PROGRAM P_FPFREE VAR n : INT; END_VAR n := n + 3; END_PROGRAM",
      instances="PROGRAM fpfree1 : P_FPFREE;", elsewhere={"FPFREE1.N": 30}),
]  # fmt: skip

# -------------------------------------------------------------------------------------------------------------- names

NAMES = [
    P("names_of_library_parameters", "p : PT; q : ET; s : S1; n : INT;", "p.x := p.x + 1; q := ET#CU; s := s + 2; n := CLK(n);", {"p.x": 10, "s": 20, "n": 10, "q": ("CU", 1)},
      around="TYPE PT : STRUCT x : INT; END_STRUCT; S1 : INT; ET : (CD, CU, PV); END_TYPE\nFUNCTION CLK : INT VAR_INPUT IN : INT; END_VAR CLK := IN + 1; END_FUNCTION"),
    P("names_of_c", "int, class, for_, EOF, NULL, OVERFLOW, M_PI, main, errno, value, table, flags, data, retain : INT;",
      "int := 1; class := int + 1; EOF := EOF + 1; NULL := 3; OVERFLOW := 4; M_PI := 5; main := 6; errno := 7; value := 8; table := 9; flags := 10; data := 11; retain_ := 12;",
      {"class": 2, "EOF": 10, "NULL": 3, "OVERFLOW": 4, "M_PI": 5, "main": 6, "flags": 10, "data": 11}, sections="VAR retain_ : INT; END_VAR"),
    P("names_of_variables_like_pous", "FPSAME : INT; P_names_of_c : INT; f : FPSAME;", "FPSAME := FPSAME + 1; P_names_of_c := 2; f(x := FPSAME);",
      {"FPSAME": 10, "f.x": 10, "P_names_of_c": 2}, around="FUNCTION_BLOCK FPSAME VAR_INPUT x : INT; END_VAR VAR FPSAME2 : INT; END_VAR FPSAME2 := x; END_FUNCTION_BLOCK"),
    P("names_with_letters", "größe : INT; Ünit : INT;", "größe := größe + 1; Ünit := größe * 2;", {"größe": 10}),
    P("names_with_underscores", "_a : INT; a_b_c : INT; x_1 : INT;", "_a := _a + 1; a_b_c := _a; x_1 := a_b_c;", {"_a": 10, "x_1": 10}),
    P("names_of_conversions", "step, action, transition, initial_step, ld, st, jmp, ret, with_, on_ : INT;", "ld := ld + 1; st := ld; jmp := 3; ret := jmp;",
      {"ld": 10, "st": 10, "ret": 3}),
]  # fmt: skip
