"""Where the rules beyond the checker speak, and where they keep silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures import expect
from rung.rules import check_pou, check_program
from rung.semantics.analysis import analyse
from rung.syntax.parser import parse_file
from rung.syntax.problem import Problem


def lints(text: str) -> Iterator[Problem]:
    """What the rules find in a text that the checker has no word against, in offsets into it."""
    offsets = {unit: offset for offset, unit in parse_file(text)}
    program = analyse(list(offsets))
    assert [problem.message for _, problem in program.problems] == []
    found = [(analysis.pou.unit, problem) for analysis in program.analyses.values() for problem in check_pou(analysis)]
    for unit, problem in [*found, *check_program(program)]:
        assert unit is not None
        at = offsets[unit]
        if problem.code != "TSK011":
            yield Problem(problem.code, problem.start + at, problem.end + at, problem.message)


BODIES = {
    "a comparison as a statement": """
    i = 5;
  //^^^^^^ warning[CTL011]: Write `:=`
    i + 1;
  //^^^^^^ warning[CTL011]: drops it
    i := i + 1;
""",
    "what RETURN and EXIT leave behind": """
    FOR i := 0 TO 9 DO
        EXIT;
        k := i;
      //^^^^^^^ warning[CTL012]: EXIT stands before it
    END_FOR;
    IF b THEN RETURN; END_IF;
    RETURN;
    k := 1;
  //^^^^^^^ warning[CTL012]: RETURN stands before it
""",
    "loops that count away from their end": """
    FOR i := 0 TO 9 BY -1 DO k := k + i; END_FOR;
           //^^^^^^^^^^^^ warning[CTL013]: Write BY 1
    FOR i := 9 TO 0 DO k := k + i; END_FOR;
           //^^^^^^ warning[CTL013]: Write BY -1
    FOR i := 9 TO 0 BY -3 DO k := k + i; END_FOR;
    FOR i := 3 TO 3 DO k := k + i; END_FOR;
    FOR i := 0 TO k DO b := NOT b; END_FOR;
    FOR i := 1 TO NONE DO k := k + i; END_FOR;
""",
    "loops that nothing can end": """
    WHILE TRUE DO k := k + 1; END_WHILE;
        //^^^^ warning[CTL014]: never ends
    REPEAT k := k + 1; UNTIL FALSE END_REPEAT;
                           //^^^^^ warning[CTL014]: never ends
    WHILE b AND i < 5 DO k := k + 1; END_WHILE;
        //^^^^^^^^^^^ warning[CTL014]: nothing inside changes its condition
    WHILE b DO FOR i := 0 TO 9 DO EXIT; END_FOR; END_WHILE;
        //^ warning[CTL014]: never ends
""",
    "loops that end": """
    WHILE TRUE DO k := k + 1; IF k > 5 THEN EXIT; END_IF; END_WHILE;
    WHILE TRUE DO k := k + 1; IF k > 5 THEN RETURN; END_IF; END_WHILE;
    WHILE b AND i < 5 DO i := i + 1; END_WHILE;
    WHILE NOT t1.Q DO t1(IN := b, PT := T#1s); END_WHILE;
    WHILE a[i] < 5 DO a[2] := a[2] + 1; END_WHILE;
    WHILE button DO k := k + 1; END_WHILE;
    WHILE FALSE DO k := k + 1; END_WHILE;
    REPEAT k := k + 1; UNTIL k > 5 END_REPEAT;
    REPEAT k := k + 1; UNTIL TRUE END_REPEAT;
    WHILE FIND(text, 'x') > 0 DO text := DELETE(text, 1, 1); END_WHILE;
""",
    "a condition that comes twice": """
    IF i > 5 THEN k := 1;
    ELSIF b THEN k := 2;
    ELSIF I  >  5 THEN k := 3;
        //^^^^^^^ warning[CTL015]: never runs
    ELSIF i > 6 THEN k := 4;
    END_IF;
    IF text = 'a' THEN k := 1; ELSIF text = 'A' THEN k := 2; END_IF;
""",
    "REALs that are compared for equality": """
    b := r * 0.1 = 0.3;
       //^^^^^^^^^^^^^ info[TYP029]: ABS(a - b) < tolerance
    b := r <> 0.1;
       //^^^^^^^^ info[TYP029]: Compare the distance
    b := r = 100.0 OR r = 0 OR r <> s OR r * 2.0 > 0.3 OR i + 1 = 2;
""",
    "inputs are read, not written": """
    button := TRUE;
  //^^^^^^ warning[LOC014]: is an input
""",
}
FRAME = """PROGRAM Main
VAR CONSTANT NONE : INT := 0; END_VAR
VAR i, k : INT; b : BOOL; r, s : REAL; text : STRING; t1 : TON; a : ARRAY[0..9] OF INT; button AT %IX0.0 : BOOL; END_VAR
IF b AND button AND t1.Q AND text = '' AND a[NONE] = k AND r > s AND i > 0 THEN t1(); END_IF;
{}
END_PROGRAM
"""


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_in_a_body(body: str) -> None:
    expect(FRAME.format(body), lints)


FILES = {
    "a variable that nothing uses": """
    PROGRAM Main
    VAR_INPUT parameter : INT; END_VAR
    VAR used, unused : INT; END_VAR
            //^^^^^^ hint[DAT001]: never used
        used := used + 1;
    END_PROGRAM
""",
    "a block that is read but never called": """
    FUNCTION_BLOCK Motor
    VAR_IN_OUT timer : TON; END_VAR
    VAR_OUTPUT q : BOOL; END_VAR
        timer();
        q := timer.Q;
    END_FUNCTION_BLOCK
    PROGRAM Main
    VAR t1, t2, t3 : TON; m : Motor; b : BOOL; END_VAR
        t1();
        m(timer := t2);
        b := t1.Q AND t2.Q AND t3.Q;
                             //^^^^ warning[DAT002]: never called
    END_PROGRAM
""",
    "two names for one output": """
    PROGRAM Main
    VAR a AT %QW0 : INT; b AT %QW0 : INT; c AT %QX0.0 : BOOL; d AT %IW0 : INT; e AT %IW0 : INT; END_VAR
                       //^ warning[LOC013]: %QW0
        a := d; b := e; c := NOT c;
    END_PROGRAM
""",
    "outputs and globals that several programs write": """
    FUNCTION_BLOCK Blinker
    VAR_EXTERNAL lamp : BOOL; END_VAR
        lamp := NOT lamp;
      //^^^^ warning[LOC015]: also written by 'one'
    END_FUNCTION_BLOCK
    PROGRAM First
    VAR_EXTERNAL lamp : BOOL; level, count : INT; END_VAR
        lamp := TRUE;
        lamp := FALSE;
        level := level + 1;
        count := 1;
    END_PROGRAM
    PROGRAM Second
    VAR_EXTERNAL count : INT; END_VAR
    VAR blinker1 : Blinker; END_VAR
        blinker1();
        count := 2;
    END_PROGRAM
    PROGRAM Third
    VAR_EXTERNAL level : INT; END_VAR
        level := level - 1;
      //^^^^^ info[TSK013]: also written by 'one'
    END_PROGRAM
    PROGRAM Forgotten
          //^^^^^^^^^ warning[TSK012]: never runs
    END_PROGRAM
    CONFIGURATION Config0
        VAR_GLOBAL lamp AT %QX0.0 : BOOL; level, count : INT; END_VAR
        RESOURCE Res0 ON PLC
            TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
            TASK slow(INTERVAL := T#100ms, PRIORITY := 2);
            PROGRAM one WITH fast : First;
            PROGRAM two WITH fast : Second;
            PROGRAM three WITH slow : Third;
        END_RESOURCE
    END_CONFIGURATION
""",
}


@pytest.mark.parametrize("source", FILES.values(), ids=FILES.keys())
def test_in_a_program(source: str) -> None:
    expect(source, lints)
