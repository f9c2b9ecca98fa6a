"""What a board cannot take is said at the very place, by the board's name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures import expect, read
from rules.porting import limits_of
from rung.targets.board import Board, find_board

ON_UNO = {
    "floating point of 64 bits": """
    TYPE
        Level : LREAL;
              //^^^^^ error[POR030]: Arduino Uno has no LREAL, for its chip's numbers have 32 bits: use REAL
        Pair : STRUCT x : REAL; y : LREAL; END_STRUCT;
                                  //^^^^^ error[POR030]
    END_TYPE
    VAR_GLOBAL
        factor : LREAL := 2.5;
               //^^^^^ error[POR030]
    END_VAR
    FUNCTION Doubled : LREAL
                     //^^^^^ error[POR030]
    VAR_INPUT x : REAL; END_VAR
        Doubled := LREAL#2.0;
                 //^^^^^^^^^ error[POR030]
    END_FUNCTION
    PROGRAM Main
    VAR_EXTERNAL factor : LREAL; END_VAR
    VAR l : Level; p : Pair; r : REAL; n : DINT; a : ARRAY[0..3] OF LREAL; END_VAR
                                                                  //^^^^^ error[POR030]
        l := p.y + factor * 2.0 + Doubled(r);
        a[1] := l;
        r := LREAL_TO_REAL(a[1]);
        r := LREAL_TO_REAL(DINT_TO_LREAL(n));
                         //^^^^^^^^^^^^^^^^ error[POR030]
        r := r * 2.5 + SQRT(r);
        n := TRUNC(2.5);
    END_PROGRAM
""",
    "times of nanoseconds": """
    PROGRAM Main
    VAR
        a : LTIME; b : LDATE; c : LTOD; d : LDT; e : TIME; f : DT;
          //^^^^^ error[POR031]: its clock counts milliseconds: use TIME
                     //^^^^^ error[POR031]: use DATE
                                //^^^^ error[POR031]: use TOD
                                          //^^^ error[POR031]: use DT
        t : TON_LTIME;
          //^^^^^^^^^ error[POR031]: has no LTIME
        q : BOOL;
    END_VAR
        a := LTIME#5s;
           //^^^^^^^^ error[POR031]
        a := a + LTIME#5us + LTIME#30d;
               //^^^^^^^^^ error[POR031]
                           //^^^^^^^^^ error[POR031]
        d := f; b := b; c := c;
        t(IN := q, PT := a);
        q := e > LT#3s;
               //^^^^^ error[POR031]
    END_PROGRAM
""",
    "wide texts": """
    PROGRAM Main
    VAR w : WSTRING; c : WCHAR; s : STRING[10]; k : CHAR; n : INT; END_VAR
          //^^^^^^^ error[POR032]: use STRING
                       //^^^^^ error[POR032]: use CHAR
        w := "abc";
           //^^^^^ error[POR032]
        n := LEN(STRING_TO_WSTRING(s));
               //^^^^^^^^^^^^^^^^^^^^ error[POR032]
        c := c; k := k;
    END_PROGRAM
""",
    "integers of 64 bits, which work": """
    PROGRAM Main
    VAR n : LINT; c : CTU_ULINT; w : ARRAY[0..1] OF LWORD; u : UDINT; END_VAR
          //^^^^ warning[POR039]: handles LINT one byte at a time
                    //^^^^^^^^^ warning[POR039]: handles ULINT
                                                  //^^^^^ warning[POR039]
        n := n + 1; c(CU := u > 3); w[0] := w[1];
    END_PROGRAM
""",
    "texts of the usual length": """
    PROGRAM Main
    VAR s : STRING; t : STRING[20]; many : ARRAY[0..3] OF STRING; END_VAR
          //^^^^^^ warning[POR041]: 127 bytes or more of the 2048 that Arduino Uno has for everything
                                                        //^^^^^^ warning[POR041]: or more each of the 2048
        t := s; many[0] := t;
    END_PROGRAM
""",
    "times beyond the clock, and below it": """
    VAR_GLOBAL CONSTANT
        Season : TIME := T#25d;
                       //^^^^^ error[POR037]: ends at T#24d20h31m23s647ms
        Blink : TIME := T#1.5ms;
                      //^^^^^^^ error[POR038]: whole milliseconds
    END_VAR
    PROGRAM Main
    VAR t : TIME := T#24d20h31m23s647ms; o : TOD; b : BOOL; d : DT; END_VAR
        t := T#24d20h31m23s648ms;
           //^^^^^^^^^^^^^^^^^^^ error[POR037]
        t := T#20d + T#20d;
           //^^^^^^^^^^^^^ error[POR037]
        t := T#20d * 3 + T#2s / 2;
           //^^^^^^^^^ error[POR037]
        t := T#1ms / 2;
           //^^^^^^^^^ error[POR038]
        t := T#100us + t;
           //^^^^^^^ error[POR038]
        b := o > TOD#12:00:00.0005;
               //^^^^^^^^^^^^^^^^^ error[POR038]: counts TIME_OF_DAY in milliseconds
        d := DT#2200-01-01-00:00:00;
    END_PROGRAM
""",
    "spans between dates": """
    PROGRAM Main
    VAR a, b : DATE; c, d : DT; o : TOD; t : TIME; END_VAR
        t := a - b;
           //^^^^^ warning[POR042]: Arduino Uno ends at 24 days
        t := SUB_DT_DT(c, d);
           //^^^^^^^^^^^^^^^ warning[POR042]: Compare the dates
        c := c - t; t := o - o; t := t - t;
    END_PROGRAM
""",
    "addresses that no pin has": """
    PROGRAM Main
    VAR
        a AT %IX0.4 : BOOL; b AT %IX0.5 : BOOL; c AT %QX1.0 : BOOL; d AT %IW5 : INT; e AT %QW3 : UINT;
                               //^^^^^^ error[POR033]: Arduino Uno has no pin at %IX0.5: its digital inputs are %IX0.0 to %IX0.4. Use
                                                   //^^^^^^ error[POR033]: its digital outputs are %QX0.0 to %QX0.3
                                                                                        //^^^^ error[POR033]: its analog outputs are %QW0 to %QW2
        f AT %IB0 : BYTE; g AT %QD0 : DINT; h AT %MW0 : INT; i AT %MX0.0 : BOOL; f_copy : BYTE;
           //^^^^ error[POR033]: its pins are bits and words: its digital inputs are %IX0.0 to %IX0.4, and its analog inputs are %IW0 to %IW5
                             //^^^^ error[POR033]: has no %QD0
                                               //^^^^ warning[POR034]: Modbus reaches none of %M on Arduino Uno
                                                                //^^^^^^ warning[POR034]: no Modbus client sees %MX0.0
    END_VAR
        c := a AND b; e := INT_TO_UINT(d); f_copy := f; g := g; h := h + 1; i := NOT i;
        %QX0.7 := a;
      //^^^^^^ error[POR033]: no pin at %QX0.7
    END_PROGRAM
""",
    "addresses of globals, and those that the configuration gives": """
    VAR_GLOBAL lamp AT %QX0.4 : BOOL; END_VAR
                     //^^^^^^ error[POR033]: no pin at %QX0.4
    PROGRAM Main
    VAR q AT %Q* : BOOL; END_VAR
    VAR_EXTERNAL lamp : BOOL; END_VAR
        q := lamp;
    END_PROGRAM
    CONFIGURATION Config0
        RESOURCE Res0 ON PLC
            TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
            PROGRAM a WITH fast : Main;
        END_RESOURCE
        VAR_CONFIG Res0.a.q AT %QX0.6 : BOOL; END_VAR
                             //^^^^^^ error[POR033]: no pin at %QX0.6
    END_CONFIGURATION
""",
    "tasks, which share one thread, and their intervals": """
    PROGRAM Main
    VAR RETAIN i : INT; END_VAR
             //^ warning[POR036]: Arduino Uno does not keep 'i': after a reset
        i := i + 1;
    END_PROGRAM
    CONFIGURATION Config0
        VAR_GLOBAL RETAIN g : INT; END_VAR
                        //^ warning[POR036]: does not keep 'g'
        RESOURCE Res0 ON PLC
            TASK even(INTERVAL := T#20ms, PRIORITY := 1);
            TASK other(INTERVAL := T#30ms, PRIORITY := 1);
               //^^^^^ info[POR040]: none interrupts another
            TASK odd(INTERVAL := T#500us, PRIORITY := 1);
                               //^^^^^^^ error[POR035]: whole milliseconds, 1 ms at the least: give 'odd' such an interval
            PROGRAM a WITH even : Main;
            PROGRAM b WITH other : Main;
        END_RESOURCE
    END_CONFIGURATION
""",
}


@pytest.mark.parametrize("source", ON_UNO.values(), ids=ON_UNO.keys())
def test_on_uno(source: str) -> None:
    expect(source, limits_of("uno", on_request=True))


@pytest.mark.parametrize("source", ON_UNO.values(), ids=ON_UNO.keys())
def test_the_host_has_none_of_these_limits(source: str) -> None:
    assert list(limits_of("host", on_request=True)(read(source).text)) == []


LARGER = """
    PROGRAM Main
    VAR l : LREAL; n : LINT; s : STRING; a AT %MW19 : INT; b AT %MW20 : INT; t : LTIME; END_VAR
                                                              //^^^^^ warning[POR034]: reaches %MW0 to %MW19
                                                                               //^^^^^ error[POR031]
        l := l + 1.0; n := n + 1; s := 'a'; a := b; b := a; t := t;
    END_PROGRAM
"""


def test_a_board_of_32_bits_has_more() -> None:
    expect(LARGER, limits_of("due"))


def uno() -> Board:
    board = find_board("uno")
    assert board is not None
    return board


def test_a_pin_that_the_project_gives_an_address_counts() -> None:
    board = uno().with_pins({"%IX1.0": "A3", "%QX0.0": "A0"})
    source = """
    PROGRAM Main
    VAR a AT %IX1.0 : BOOL; b AT %IX0.5 : BOOL; c AT %QX0.0 : BOOL; d AT %IW3 : INT; END_VAR
                               //^^^^^^ error[POR033]: its digital inputs are %IX0.0 to %IX0.4, %IX1.0. Use one of these
                                                                       //^^^^ error[POR033]: are %IW1 to %IW2, %IW4 to %IW5
        c := a AND b AND d > 0;
    END_PROGRAM
"""
    expect(source, limits_of("uno", board=board))


def test_a_board_without_analog_outputs_says_so() -> None:
    source = """
    PROGRAM Main
    VAR q AT %QW0 : INT; END_VAR
           //^^^^ error[POR033]: has no pin at %QW0: it has no analog outputs
        q := 1;
    END_PROGRAM
"""
    expect(source, limits_of("uno", board=replace(uno(), analog_outputs=())))
