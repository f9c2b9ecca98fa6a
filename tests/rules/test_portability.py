"""What each build target cannot take, or does otherwise, is said at the very place, before anything is sent."""

from __future__ import annotations

import pytest

from fixtures import expect
from rules.porting import limits_of

V3, V4_0, V4 = "openplc-v3", "openplc-v4.0", "openplc-v4"

ON_V3 = {
    "wide texts and characters": """
    TYPE
        Name : WSTRING[20];
             //^^^^^^^^^^^ error[POR001]: has no WSTRING: use STRING
        Key : STRUCT letter : CHAR; name : Name; END_STRUCT;
                            //^^^^ error[POR001]: BYTE for its code
    END_TYPE
    VAR_GLOBAL CONSTANT
        Greeting : STRING := 'hello';
    END_VAR
    FUNCTION Initial : WCHAR
                     //^^^^^ error[POR001]: has no WCHAR
    VAR_INPUT
        name : Name;
        text : WSTRING;
             //^^^^^^^ error[POR001]: has no WSTRING
    END_VAR
        Initial := WCHAR#"x";
                 //^^^^^^^^^ error[POR001]: has no WCHAR
        IF text = "abc" THEN RETURN; END_IF;
                //^^^^^ error[POR001]: write a STRING
    END_FUNCTION
    PROGRAM Main
    VAR k : Key; a : ARRAY[1..3] OF CHAR; s : STRING; n : INT; END_VAR
                                  //^^^^ error[POR001]: has no CHAR
        a[1] := k.letter;
        n := LEN(TO_WSTRING(s));
               //^^^^^^^^^^ error[POR006]: has no TO_WSTRING
    END_PROGRAM
""",
    "long texts": """
    TYPE Line : STRING[254]; END_TYPE
              //^^^^^^^^^^^ error[POR002]: holds 126 characters, not 254
    PROGRAM Main
    VAR CONSTANT LENGTH : INT := 127; END_VAR
    VAR a : STRING[126]; b : STRING[LENGTH]; c : STRING; d : Line; END_VAR
                           //^^^^^^^^^^^^^^ error[POR002]: STRING[126]
        a := c; d := b;
    END_PROGRAM
""",
    "references, once where they are declared": """
    FUNCTION_BLOCK Chain
    VAR_INPUT next : REF_TO INT; END_VAR
                   //^^^^^^^^^^ error[POR003]: VAR_IN_OUT
    VAR_OUTPUT value : INT; END_VAR
        IF next <> NULL THEN value := next^; END_IF;
    END_FUNCTION_BLOCK
    PROGRAM Main
    VAR i : INT; c : Chain; many : ARRAY[0..1] OF POINTER TO INT; END_VAR
                                                //^^^^^^^^^^^^^^ error[POR003]: no references
        c(next := REF(i));
        many[0]^ := 1;
    END_PROGRAM
""",
    "arrays of open size": """
    FUNCTION Sum : DINT
    VAR_IN_OUT a : ARRAY[*] OF DINT; END_VAR
                 //^^^^^^^^^^^^^^^^ error[POR004]: give the bounds
    VAR i : DINT; END_VAR
        FOR i := LOWER_BOUND(a, 1) TO 3 DO Sum := Sum + a[i]; END_FOR;
               //^^^^^^^^^^^ error[POR006]: an input of its own
    END_FUNCTION
    PROGRAM Main
    VAR b : ARRAY[1..3] OF DINT; n : DINT; END_VAR
        n := Sum(b) + UPPER_BOUND(b, 1);
    END_PROGRAM
""",
    "blocks inside of data": """
    FUNCTION_BLOCK Motor
    VAR t : TON; END_VAR
        t(IN := TRUE, PT := T#1s);
    END_FUNCTION_BLOCK
    TYPE
        Drives : ARRAY[1..4] OF Motor;
               //^^^^^^^^^^^^^^^^^^^^ error[POR005]: one by one
    END_TYPE
    PROGRAM Main
    VAR d : Drives; m : ARRAY[0..1, 0..1] OF TON; one : Motor; END_VAR
                      //^^^^^^^^^^^^^^^^^^^^^^^^ error[POR005]: instances of TON
        d[1](); m[0, 0](IN := TRUE, PT := T#1s); one();
    END_PROGRAM
""",
    "functions that its library lacks or has wrong": """
    TYPE Pair : STRUCT x, y : INT; END_STRUCT; END_TYPE
    PROGRAM Main
    VAR r : REAL; w : WORD; b : BOOL; d : DATE; t : TIME; s : STRING; i, j, k : INT; dt1 : DT; p1, p2 : Pair; END_VAR
        b := IS_VALID(r) AND IS_VALID_BCD(w);
           //^^^^^^^^ error[POR006]: ABS(x) <= 3.4E38
                           //^^^^^^^^^^^^ error[POR006]: 16#0F
        w := TO_BIG_ENDIAN(w);
           //^^^^^^^^^^^^^ error[POR006]: has no TO_BIG_ENDIAN
        d := CONCAT_DATE(i, j, k);
           //^^^^^^^^^^^ error[POR006]: variables of their own
        SPLIT_DATE(IN := d, YEAR => i, MONTH => j, DAY => k);
      //^^^^^^^^^^ error[POR006]: has no SPLIT_DATE
        i := DAY_OF_WEEK(d);
           //^^^^^^^^^^^ error[POR006]: whose day is known
        t := TIME();
           //^^^^ error[POR006]: measure with a TON
        s := TIME_TO_STRING(t);
           //^^^^^^^^^^^^^^ error[POR007]: DINT_TO_STRING(TIME_TO_DINT(x))
        s := TO_STRING(r);
           //^^^^^^^^^ error[POR007]: writes REAL
        d := STRING_TO_DATE(s);
           //^^^^^^^^^^^^^^ error[POR007]: reads DATE
        i := STRING_TO_INT(s);
           //^^^^^^^^^^^^^ error[POR007]: reads INT
        s := CONCAT(INT_TO_STRING(i), BOOL_TO_STRING(b));
        r := INT_TO_REAL(i) + TIME_TO_REAL(t) + ATAN2(r, r);
                                              //^^^^^ error[POR006]: mind the quadrant
        s := MAX(s, 'a');
           //^^^ error[POR006]: in an IF
        b := SHL(b, 1);
           //^^^ error[POR006]: shift a BYTE
        i := BCD_TO_INT(w);
           //^^^^^^^^^^ error[POR006]: digits
        b := EQ(p1, p2);
           //^^ error[POR006]: members one by one
        dt1 := DATE_TO_DT(d);
             //^^^^^^^^^^ error[POR006]: by way of a number
        d := DT_TO_DATE(dt1); t := TOD_TO_TIME(DT_TO_TOD(dt1)); t := LTIME_TO_TIME(LTIME#1s);
    END_PROGRAM
""",
    "addresses": """
    PROGRAM Main
    VAR
        a AT %QX1024.0 : BOOL;
           //^^^^^^^^^ error[POR008]: use 0 to 1023
        b AT %QX1023.7 : BOOL;
        c AT %QL0 : LINT;
           //^^^^ error[POR010]: to its inputs by mistake
        d AT %IL0 : LINT;
        e AT %MX0.0 : BOOL;
           //^^^^^^ warning[POR013]: no Modbus client
        f AT %MW1024 : INT;
           //^^^^^^^ warning[POR013]: no place
        g AT %ML1024 : LINT;
        h AT %ML2048 : LINT;
           //^^^^^^^ warning[POR013]
    END_VAR
        a := b;
        c := d + g + h;
        e := %IX2000.0;
           //^^^^^^^^^ error[POR008]: %IX2000.0
        f := f + 1;
    END_PROGRAM
""",
    "one address with two meanings": """
    VAR_GLOBAL
        Speed AT %ID0 : REAL;
        Bits AT %IW0 : WORD;
    END_VAR
    PROGRAM Main
    VAR_EXTERNAL Speed : REAL; Bits : WORD; END_VAR
    VAR raw AT %ID0 : DWORD; i : INT; END_VAR
             //^^^^ error[POR011]: an integer of 32 bits here and as REAL elsewhere
        i := %IW0;
        raw := raw;
        Speed := Speed;
        Bits := Bits;
    END_PROGRAM
""",
    "addresses that the configuration gives": """
    FUNCTION_BLOCK Valve
    VAR coil AT %QX* : BOOL; END_VAR
              //^^^^ error[POR012]: in the PROGRAM
        coil := NOT coil;
    END_FUNCTION_BLOCK
    PROGRAM Main
    VAR v : Valve; END_VAR
        v();
    END_PROGRAM
    PROGRAM Once
    VAR lamp AT %QX* : BOOL; END_VAR
        lamp := NOT lamp;
    END_PROGRAM
    PROGRAM Twice
    VAR lamp AT %QX* : BOOL; END_VAR
              //^^^^ error[POR012]: each of the 2 instances
        lamp := NOT lamp;
    END_PROGRAM
    CONFIGURATION Config0
        VAR_CONFIG
            a.v.coil AT %QX0.0 : BOOL;
            b.lamp AT %QX2000.1 : BOOL;
                    //^^^^^^^^^ error[POR008]: %QX2000.1
            c.lamp AT %QX0.2 : BOOL;
            d.lamp AT %QX0.3 : BOOL;
        END_VAR
        RESOURCE Res0 ON PLC
            TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
            PROGRAM a WITH fast : Main;
            PROGRAM b WITH fast : Once;
            PROGRAM c WITH fast : Twice;
            PROGRAM d WITH fast : Twice;
        END_RESOURCE
    END_CONFIGURATION
""",
    "numbers that its compiler cannot read": """
    VAR_GLOBAL CONSTANT Most : LREAL := 1.0E308; END_VAR
                                      //^^^^^^^ error[POR028]: scale the value
    PROGRAM Main
    VAR r : LREAL; END_VAR
        r := 3.4E38;
        r := 1.0E-300;
           //^^^^^^^^ error[POR028]: below 1.2E-38
        r := 1.2E-38;
        r := 1.0E30 * 1.0E30;
           //^^^^^^^^^^^^^^^ error[POR028]: not even as LREAL
    END_PROGRAM
""",
    "instances in places of their own": """
    FUNCTION Rises : BOOL
    VAR_INPUT clk : BOOL; END_VAR
    VAR edge : R_TRIG; END_VAR
             //^^^^^^ error[POR021]: make 'Rises' a FUNCTION_BLOCK
        edge(CLK := clk); Rises := edge.Q;
    END_FUNCTION
    VAR_GLOBAL Blink : TON; Level : INT; END_VAR
                     //^^^ error[POR020]: in the PROGRAM that calls it
    VAR_GLOBAL CONSTANT Factor : INT := 2; END_VAR
    FUNCTION Scaled : INT
    VAR_EXTERNAL Level : INT; END_VAR
               //^^^^^ error[POR022]: pass 'Level'
    VAR_EXTERNAL CONSTANT Factor : INT; END_VAR
        Scaled := Level * Factor + %IW0;
                                 //^^^^ error[POR022]: pass %IW0
    END_FUNCTION
    FUNCTION_BLOCK Pair
    VAR first : TON; second : TON := (Q := TRUE, PT := T#1s); END_VAR
        first(); second();
    END_FUNCTION_BLOCK
    PROGRAM Main
    VAR_EXTERNAL Blink : TON; END_VAR
    VAR b : BOOL; i : INT; p : Pair := (first := (ET := T#1s, IN := TRUE)); END_VAR
                                      //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error[POR025]: that of 'first' in Pair, or set it in the first scan
        Blink(IN := b); p.EN := b;
                      //^^^^ error[POR027]: in the call
        b := Rises(b); i := Scaled(); p();
    END_PROGRAM
""",
    "arrays of other bounds": """
    TYPE Row : ARRAY[1..3] OF INT; END_TYPE
    FUNCTION First : INT
    VAR_INPUT a : ARRAY[0..2] OF INT; END_VAR
        First := a[0];
    END_FUNCTION
    PROGRAM Main
    VAR a : Row; b : ARRAY[0..2] OF INT; c : ARRAY[1..3] OF INT; i : INT; END_VAR
        a := c;
        c := b;
           //^ error[POR023]: not [0..2] to [1..3]
        i := First(b) + First(a);
                            //^ error[POR023]: in a FOR loop
    END_PROGRAM
""",
    "a task that starts in two ways": """
    PROGRAM Main
    VAR i : INT; END_VAR
        i := i + 1;
    END_PROGRAM
    CONFIGURATION Config0
        VAR_GLOBAL go : BOOL; END_VAR
        RESOURCE Res0 ON PLC
            TASK both(INTERVAL := T#1s, SINGLE := go, PRIORITY := 1);
                                //^^^^ error[POR024]: one of INTERVAL and SINGLE
            TASK event(SINGLE := go, PRIORITY := 1);
            PROGRAM a WITH both : Main;
        END_RESOURCE
    END_CONFIGURATION
""",
    "what lasts over a restart": """
    VAR_GLOBAL RETAIN
        Hours : DINT;
      //^^^^^ warning[POR014]: %MW, %MD and %ML
    END_VAR
    PROGRAM Main
    VAR_EXTERNAL Hours : DINT; END_VAR
    VAR RETAIN starts, stops : INT; END_VAR
             //^^^^^^ warning[POR014]: 'starts'
                     //^^^^^ warning[POR014]: 'stops'
    VAR_OUTPUT NON_RETAIN o : INT; END_VAR
        Hours := Hours + 1; starts := stops; o := starts;
    END_PROGRAM
""",
    "times and dates that its clock cannot count": """
    VAR_GLOBAL CONSTANT
        Delivered : DATE := D#2040-06-01;
                          //^^^^^^^^^^^^ error[POR015]: 2038
    END_VAR
    PROGRAM Main
    VAR d : DT := DT#2038-01-20-00:00:00; t : TIME; o : TIME_OF_DAY; END_VAR
                //^^^^^^^^^^^^^^^^^^^^^^ error[POR015]: DATE_AND_TIME ends at 19 January 2038
        t := T#30000d;
           //^^^^^^^^ error[POR015]: 68 years
        t := T#20000d;
        t := T#20000d + T#20000d;
           //^^^^^^^^^^^^^^^^^^^ error[POR015]: 68 years
        d := DT#2038-01-19-03:14:07;
        o := TOD#23:59:59;
    END_PROGRAM
""",
}


@pytest.mark.parametrize("source", ON_V3.values(), ids=ON_V3.keys())
def test_on_v3(source: str) -> None:
    expect(source, limits_of(V3))


TASKS = """
    PROGRAM Main
    VAR i : INT; END_VAR
        i := i + 1;
    END_PROGRAM
    CONFIGURATION Config0
        RESOURCE Res0 ON PLC
            {tasks}
        END_RESOURCE
    END_CONFIGURATION
"""

ON_V4_0 = {
    "addresses": """
    PROGRAM Main
    VAR
        a AT %QX1024.0 : BOOL;
           //^^^^^^^^^ error[POR008]: use 0 to 1023
        c AT %QL0 : LINT;
        e AT %MX0.0 : BOOL;
        f AT %MB0 : BYTE;
           //^^^^ warning[POR013]: no place %MB0
        name : WSTRING; many : ARRAY[0..1] OF TON;
    END_VAR
        a := NOT e;
        c := c + 1;
        f := f OR 1;
        name := "abc";
        many[0](IN := a, PT := T#1s);
    END_PROGRAM
""",
    "what lasts over a restart": """
    PROGRAM Main
    VAR RETAIN starts : INT; END_VAR
             //^^^^^^ warning[POR014]: keeps nothing
        starts := starts + 1;
    END_PROGRAM
""",
    "tasks, which share one thread": TASKS.format(
        tasks="""
            TASK slow(INTERVAL := T#4s, PRIORITY := 1);
            TASK slower(INTERVAL := T#5s, PRIORITY := 1);
               //^^^^^^ info[POR017]: delays the others
            PROGRAM a WITH slow : Main;
            PROGRAM b WITH slower : Main;
"""
    ),
    "intervals with no common period": TASKS.format(
        tasks="""
            TASK even(INTERVAL := T#10ms, PRIORITY := 1);
            TASK odd(INTERVAL := T#10030us, PRIORITY := 1);
                               //^^^^^^^^^ error[POR019]: multiples of 1 ms
            PROGRAM a WITH even : Main;
"""
    ),
}


@pytest.mark.parametrize("source", ON_V4_0.values(), ids=ON_V4_0.keys())
def test_on_v4_0(source: str) -> None:
    expect(source, limits_of(V4_0, on_request=True))


ON_V4 = {
    "addresses": """
    PROGRAM Main
    VAR
        a AT %QX1024.0 : BOOL;
           //^^^^^^^^^ warning[POR009]: before 4.2
        b AT %MW1024 : INT;
           //^^^^^^^ warning[POR009]: before 4.2
        f AT %MB0 : BYTE;
           //^^^^ warning[POR013]: no place %MB0
        e AT %MX0.0 : BOOL;
    END_VAR
        a := NOT e;
        b := b + 1;
        f := f OR 1;
    END_PROGRAM
""",
    "a task that the watchdog takes for dead": TASKS.format(
        tasks="""
            TASK slow(INTERVAL := T#2s, PRIORITY := 1);
                                //^^^^ error[POR016]: at most T#1s
            TASK slower(INTERVAL := T#5s, PRIORITY := 1);
            PROGRAM a WITH slow : Main;
            PROGRAM b WITH slower : Main;
"""
    ),
    "slow tasks beside a fast one": TASKS.format(
        tasks="""
            TASK slow(INTERVAL := T#4s, PRIORITY := 1);
            TASK fast(INTERVAL := T#1s, PRIORITY := 1);
            PROGRAM a WITH slow : Main;
            PROGRAM b WITH fast : Main;
"""
    ),
    "a fast task that runs nothing": TASKS.format(
        tasks="""
            TASK slow(INTERVAL := T#4s, PRIORITY := 1);
                                //^^^^ error[POR016]
            TASK fast(INTERVAL := T#1s, PRIORITY := 1);
            PROGRAM a WITH slow : Main;
"""
    ),
    "a program without a task runs in every cycle": TASKS.format(
        tasks="""
            TASK slow(INTERVAL := T#4s, PRIORITY := 1);
            TASK fast(INTERVAL := T#1s, PRIORITY := 1);
            PROGRAM a WITH slow : Main;
            PROGRAM b : Main;
"""
    ),
    "a long name": TASKS.format(
        tasks="""
            TASK a_task_with_a_name_of_forty_characters(INTERVAL := T#1s, PRIORITY := 1);
               //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ info[POR018]: 'a_task_with_a_name_of_forty_cha'
            PROGRAM a WITH a_task_with_a_name_of_forty_characters : Main;
"""
    ),
}


@pytest.mark.parametrize("source", ON_V4.values(), ids=ON_V4.keys())
def test_on_v4(source: str) -> None:
    expect(source, limits_of(V4, on_request=True))


@pytest.mark.parametrize("source", [*ON_V3.values(), *ON_V4_0.values(), *ON_V4.values()])
def test_the_host_takes_everything(source: str) -> None:
    from fixtures import read

    assert list(limits_of("host", on_request=True)(read(source).text)) == []
