"""One mistake gives one finding, on its place, in the words of a PLC engineer."""

from __future__ import annotations

import pytest

from fixtures import expect, syntax_problems

STATEMENTS = {
    "an unclosed IF points at the IF": """
    IF run THEN
  //^^ error[SYN003]: This IF is never closed. Write `END_IF;`
        a := 1;
""",
    "layout tells which of two nested blocks was left open": """
    IF run THEN
        IF a = 1 THEN
      //^^ error[SYN003]: never closed
            b := 1;
    END_IF;
""",
    "a loop's END closes what was left open inside": """
    FOR a := 1 TO 10 DO
        IF run THEN
      //^^ error[SYN003]: END_IF
            b := a;
    END_FOR;
    b := 1;
""",
    "a label of the CASE closes what was left open before it": """
    CASE a OF
        1: IF run THEN b := 2;
         //^^ error[SYN003]: END_IF
        4..6: b := 4;
    ELSE b := 1;
    END_CASE;
""",
    "ELSE IF": """
    IF run THEN
        a := 1;
    ELSE IF b = 2 THEN
  //^^^^^^^ error[SYN004]: Write ELSIF
        a := 2;
    ELSE
        a := 3;
    END_IF;
    b := 1;
""",
    "each ELSE IF of a chain": """
    IF run THEN
        a := 1;
    ELSE IF b = 2 THEN
  //^^^^^^^ error[SYN004]: Write ELSIF
        a := 2;
    ELSE IF b = 3 THEN
  //^^^^^^^ error[SYN004]: Write ELSIF
        a := 3;
    END_IF;
""",
    "ELSE IF inside another block": """
    IF run THEN
        IF a = 1 THEN
            b := 1;
        ELSE IF a = 2 THEN
      //^^^^^^^ error[SYN004]: Write ELSIF
            b := 2;
        END_IF;
    END_IF;
    b := 3;
""",
    "an IF inside the ELSE with its own END_IF is no mistake": """
    IF run THEN a := 1; ELSE IF b = 1 THEN a := 2; END_IF; END_IF;
""",
    "a missing semicolon is at the end of its own line": """
    a := a + 1
           //^ error[SYN002]: `;` is missing
    b := 2;
    IF run THEN
        a := 1
           //^ error[SYN002]: `;` is missing
    END_IF
       //^ error[SYN002]: `;` is missing
    b := a;
""",
    "a missing semicolon inside a line": """
    a := 1 b := 2;
       //^ error[SYN002]: between these two statements
""",
    "the keyword before the statements": """
    IF run
       //^ error[SYN005]: THEN is missing
        a := 1;
    END_IF;
    FOR a := 1 TO 10
                 //^ error[SYN005]: DO is missing
        b := 1;
    END_FOR;
    CASE a
       //^ error[SYN005]: OF is missing
        1: b := 1;
    END_CASE;
    WHILE run b := 1; END_WHILE;
          //^ error[SYN005]: DO is missing
    FOR a := 1 10 DO b := 1; END_FOR;
             //^^ error[SYN005]: TO and the end value
    WHILE run THEN b := 1; END_WHILE;
            //^^^^ error[SYN005]: After WHILE comes DO, not THEN
    REPEAT
        a := a + 1;
    END_REPEAT;
  //^^^^^^^^^^ error[SYN005]: UNTIL and the condition
""",
    "an END that belongs to nothing": """
    a := 1;
    END_IF;
  //^^^^^^ error[SYN006]: closes nothing
    b := 2;
""",
    "the wrong END": """
    IF run THEN
        a := 1;
    END_FOR;
  //^^^^^^^ error[SYN006]: cannot close this IF. Write END_IF
    b := 2;
""",
    "ELSE twice": """
    IF run THEN a := 1; ELSE a := 2; ELSE a := 3; END_IF;
                                   //^^^^ error[SYN006]: ELSE comes last, and once
""",
    "a label after the ELSE of a CASE": """
    CASE a OF
        1: b := 1;
        ELSE b := 2;
        3: b := 3;
      //^ error[SYN006]: ELSE comes last
    END_CASE;
""",
    "statements before the first label": """
    CASE a OF
        b := 1;
      //^ error[SYN001]: Write the label
        1: b := 2;
    END_CASE;
""",
    "`:=` where `=` was meant": """
    IF a := 5 THEN b := 1; END_IF;
       //^^ error[SYN009]: to compare two values write `=`
    WHILE a => 5 DO b := 1; END_WHILE;
          //^^ error[SYN009]: write `>=`
""",
    "`=` where `:=` was meant": """
    FOR a = 1 TO 10 DO b := 1; END_FOR;
        //^ error[SYN001]: assigned with `:=`
    a : = 5;
    //^^^ error[SYN001]: without a blank inside
""",
    "operators of C": """
    IF a == 5 && run || !run THEN b := a % 2; END_IF;
       //^^ error[SYN010]: Write `=`
            //^^ error[SYN010]: Write `AND`
                   //^^ error[SYN010]: Write `OR`
                      //^ error[SYN010]: Write `NOT`
                                       //^ error[SYN010]: Write `MOD`
    IF a != 5 THEN b := 1; END_IF;
       //^^ error[SYN010]: Write `<>`
    a++;
   //^^ error[SYN010]: `++` is not an operator
    a += 2;
    //^^ error[SYN010]: Write `a := a +
""",
    "braces of C": """
    if (run) {
           //^ error[SYN010]: Write THEN here and END_IF at the end
        a := 1;
    } else {
        a := 2;
    }
""",
    "a value is missing": """
    a := ;
    //^^ error[SYN011]: After `:=` a value is missing
    a := b + ;
         //^ error[SYN011]: After `+` a value is missing
    IF THEN a := 1; END_IF;
     //^^^^ error[SYN011]: not the keyword `THEN`
    IF run AND THEN a := 1; END_IF;
             //^^^^ error[SYN011]: After `AND`
    a := IF run THEN 1 ELSE 2;
       //^^ error[SYN011]: use SEL
    b := 1;
""",
    "brackets": """
    a := (b + 1;
            //^ error[SYN012]: `)` is missing
    a := b + 1);
            //^ error[SYN012]: closes nothing
    a := list[1;
            //^ error[SYN012]: `]` is missing
    a := MAX(b, 1
              //^ error[SYN012]: `)` is missing
    b := 1;
             //  the line before has its `;` missing as well, which is the same mistake
    t1(IN := run; PT := T#5s);
              //^ error[SYN001]: separated by `,`
    a := MAX(a b);
             //^ error[SYN001]: is missing before `b`
""",
    "a string that is never closed ends with its line": """
    text := 'abc;
          //^ error[SYN014]: Write `'`
    b := 2;
""",
    "misspelt keywords are read as what was meant": """
    WHLE run DO a := 1; END_WHILE;
  //^^^^ error[SYN021]: Did you mean WHILE
    IFF (run) THEN a := 1; END_IF;
  //^^^ error[SYN021]: Did you mean IF
    IF run THNE a := 1; ENDIF;
         //^^^^ error[SYN021]: Did you mean THEN
                      //^^^^^ error[SYN021]: Did you mean END_IF
    IF run THEN a := 1; ELSEIF a = 1 THEN a := 2; END IF;
                      //^^^^^^ error[SYN021]: Did you mean ELSIF
                                                //^^^^^^ error[SYN021]: END_IF as one word
    IF run ADN a = 1 THEN a := 2; END_IF;
         //^^^ error[SYN021]: Did you mean AND
    RETRUN;
  //^^^^^^ error[SYN021]: Did you mean RETURN
""",
    "characters from a text processor": """
    text := “on”;
          //^ error[SYN022]: typographic quotation mark
    a := b – 1;
         //^ error[SYN022]: is a dash
    a := b @ 1;
         //^ error[SYN022]: has no meaning
""",
    "two values without an operator": """
    a := b 5;
         //^ error[SYN001]: An operator or a `;` is missing
    b := 1;
""",
    "a declaration among the statements": """
    x : INT;
    //^ error[SYN001]: declarations stand between VAR and END_VAR
    b := 1;
""",
    "RETURN with a value": """
    RETURN a;
         //^ error[SYN001]: RETURN takes no value
""",
    "literals": """
    a := 16#F0G;
       //^^^^^^ error[SYN015]: `G` is no digit of base 16
    a := 0xFF;
       //^^^^ error[SYN015]: Write `16#FF`
    a := 5s;
       //^^ error[SYN015]: Write `T#5s`
    a := 1.;
       //^^ error[SYN015]: Write `1.0`
    a := T# 5s;
    a := INT# 5;
       //^^^^^^ error[SYN015]: no blank inside
    a := T#5m10h;
       //^^^^^^^ error[SYN016]: cannot follow m
    a := T#5;
       //^^^ error[SYN016]: has no unit
    a := D#2026-02-30;
       //^^^^^^^^^^^^ error[SYN017]: has no day 30
    a := '5 $ left';
          //^^ error[SYN018]: write `$$`
    a := %QZ0;
       //^^^^ error[SYN019]: is not an address
""",
    "jumps and methods are named as what they are": """
    JMP done;
  //^^^ error[SYN030]: jumps
    a := 1;
""",
    "an assignment sign turned round": """
    a =: 4;
    //^^ error[SYN001]: `:=`, not `=:`
    b := 1;
""",
    "a misspelt ELSE before a statement on its line": """
    IF run THEN a := 1; ELS a := 2; END_IF;
                      //^^^ error[SYN021]: Did you mean ELSE
    b := 1;
""",
    "a bare END": """
    FOR a := 1 TO 3 DO
        IF run THEN b := a; END;
                          //^^^ error[SYN021]: Did you mean END_IF
        CASE a OF 1: b := 1; ELSE b := 2; END; b := 3;
                                        //^^^ error[SYN021]: Did you mean END_CASE
    END;
  //^^^ error[SYN021]: Did you mean END_FOR
    END;
  //^^^ error[SYN006]: no block is open
""",
    "a label where OF should stand": """
    CASE a 1: b := 2; END_CASE;
       //^ error[SYN005]: OF is missing
    CASE a + 1 2, 3: b := 2; 4..5: b := 3; ELSE b := 4; END_CASE;
           //^ error[SYN005]: OF is missing
    b := 1;
""",
    "the choice operator of C": """
    a := (b > 1) ? 2 : 3;
               //^ error[SYN010]: use SEL or IF
    a := (b > 1 ? 2 : 3) + 1;
              //^ error[SYN010]: use SEL or IF
    IF run THEN a := run ? b : 3; END_IF;
                       //^ error[SYN010]: use SEL or IF
    b := 1;
""",
    "Pascal": """
    BEGIN
  //^^^^^ error[SYN001]: no BEGIN
    a := 1;
""",
}


@pytest.mark.parametrize("body", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_statements(body: str) -> None:
    expect(f"PROGRAM Main\nVAR\n    a, b : INT;\nEND_VAR\n{body}\nEND_PROGRAM\n", syntax_problems)


FILES = {
    "declarations": """
    PROGRAM Main
    VAR
        a INT;
        //^^^ error[SYN001]: stands a `:`
        b : ;
          //^ error[SYN027]: a type, such as BOOL
        c : INT = 5;
              //^ error[SYN001]: `:=`
        d : INT := ;
              //^^ error[SYN011]: a value is missing
        e, : INT;
       //^ error[SYN029]: another name
        f : ARRAY[10] OF INT;
                //^^ error[SYN027]: a lower and an upper bound
        g : ARRAY[1..10] INT;
                       //^^^ error[SYN005]: OF and the type
        h := 5;
        //^^ error[SYN027]: `h : INT := …;`
        1k : INT;
      //^^ error[SYN029]: cannot begin with a digit
        l : STRING[20;
                  //^ error[SYN012]: `]` is missing
        m : INT,
             //^ error[SYN001]: end with `;`
        if : INT;
      //^^ error[SYN020]: is a keyword
        n AT IX0.0 : BOOL;
           //^^^ error[SYN019]: an address
        o : INT
            //^ error[SYN002]: `;` is missing
        p : INT;
    END_VAR
    END_PROGRAM
""",
    "a keyword as a variable is reported where it is declared": """
    PROGRAM Main
    VAR
        by : BYTE;
      //^^ error[SYN020]: is a keyword
        to, i : INT;
      //^^ error[SYN020]: is a keyword
        exit : BOOL;
      //^^^^ error[SYN020]: is a keyword
    END_VAR
        to := by + 1;
        FOR i := to TO to + 9 BY by DO
            to := MAX(by, to);
            IF exit AND NOT exit THEN exit := FALSE; EXIT; END_IF;
        END_FOR;
        FOR to := 1 TO 9 DO i := to; END_FOR;
        WHILE to > 3 DO to := to - 1; END_WHILE;
    END_PROGRAM
""",
    "types": """
    PROGRAM Main
    VAR
        a : ARAY[1..3] OF INT;
          //^^^^ error[SYN021]: Did you mean ARRAY
        b : ARRAY[1-3] OF INT;
                //^^^ error[SYN027]: Write `1..3`
        c : CONSTANT INT := 1;
          //^^^^^^^^ error[SYN001]: `VAR CONSTANT`
        d : ARRAY[0..2] OF STRUCT x : INT; y : STRUCT z : INT; END_STRUCT; END_STRUCT;
                         //^^^^^^ error[SYN027]: TYPE block
        e : ARRAY[0..2] OF STRUCT x : INT;
                         //^^^^^^ error[SYN027]: TYPE block
    END_VAR
        c := 2;
    END_PROGRAM
""",
    "a bare END of a section": """
    PROGRAM Main
    VAR a : INT; END;
               //^^^ error[SYN021]: Did you mean END_VAR
    VAR
        b : INT;
    END
  //^^^ error[SYN021]: Did you mean END_VAR
        a := b;
    END_PROGRAM
""",
    "a bare END of a POU": """
    FUNCTION_BLOCK Motor
    VAR a : INT; END_VAR
        a := 1;
    END
  //^^^ error[SYN021]: Did you mean END_FUNCTION_BLOCK

    PROGRAM Main
    END;
  //^^^ error[SYN021]: Did you mean END_PROGRAM
""",
    "a file without a POU": """
    VAR x : INT; END_VAR
  //^^^ error[SYN028]: inside a PROGRAM
    x := 1;
""",
    "a section that is never closed, before statements": """
    PROGRAM Main
    VAR
  //^^^ error[SYN008]: Write END_VAR
        a : INT;
    a := 1;
    END_PROGRAM

    PROGRAM Other
    END_PROGRAM
""",
    "a section that is never closed, before the next section": """
    PROGRAM Main
    VAR
  //^^^ error[SYN008]: Write END_VAR
        a : INT;
    VAR_INPUT
        b : INT;
    END_VAR
        a := b;
    END_PROGRAM
""",
    "a POU that is never closed does not swallow the next": """
    PROGRAM Main
  //^^^^^^^^^^^^ error[SYN007]: Write END_PROGRAM
    VAR a : INT; END_VAR
        a := 2;

    (* the motor *)
    FUNCTION_BLOCK Motor
    END_FUNCTION_BLOCK
""",
    "the wrong END of a POU": """
    FUNCTION_BLOCK Motor
    END_FUNCTION
  //^^^^^^^^^^^^ error[SYN006]: Write END_FUNCTION_BLOCK

    PROGRAM Main
    END_PROGRAM
""",
    "an END too many": """
    PROGRAM Main
    END_PROGRAM

    END_PROGRAM
  //^^^^^^^^^^^ error[SYN006]: closes nothing
""",
    "structures and enumerations": """
    TYPE
        Point : STRUCT
            x : INT;
            y : REAL
                 //^ error[SYN002]: `;` is missing
        END_STRUCT;
        Colour : (Red, Green, );
                            //^ error[SYN029]: the name of a value
        Level : INT (1 TO 5);
                     //^^ error[SYN027]: `..` and the upper bound
    END_TYPE
""",
    "a STRUCT that is never closed": """
    TYPE Point : STRUCT
               //^^^^^^ error[SYN008]: Write END_STRUCT
        x : INT;
    END_TYPE
    PROGRAM Main
    END_PROGRAM
""",
    "headers": """
    FUNCTION Sum INT
               //^^^ error[SYN001]: stands a `:`
    END_FUNCTION
    FUNCTION : INT
           //^ error[SYN029]: the name of the FUNCTION
    END_FUNCTION
    FUNCTION_BLOCK Motor : INT
                       //^ error[SYN001]: only a FUNCTION has
    END_FUNCTION_BLOCK
    PROGRM Main
  //^^^^^^ error[SYN021]: Did you mean PROGRAM
    VAR_IN a : INT; END_VAR
  //^^^^^^ error[SYN021]: Did you mean VAR_INPUT
    VAR b : INT; ENDVAR
               //^^^^^^ error[SYN021]: Did you mean END_VAR
    END_PROGRAM
""",
    "declarations after the first statement": """
    PROGRAM Main
    VAR a : INT; END_VAR
        a := 1;
    VAR b : INT; END_VAR
  //^^^ error[SYN031]: Move this section up
        b := a;
    END_PROGRAM
""",
    "statements outside of any POU": """
    lamp := TRUE;
  //^^^^ error[SYN028]: belong in a PROGRAM
    pump := FALSE;
    VAR_GLOBAL x : INT; END_VAR
""",
    "a configuration": """
    CONFIGURATION Config0
        RESOURCE Res0 ON PLC
            TASK fast(INTERVAL := T#20ms, PRIORITY := 0)
                                                     //^ error[SYN002]: `;` is missing
            TASK slow(INTERVAL = T#1s, PRIORITY := 1);
                             //^ error[SYN001]: `:=` and a value
            PROGRAM first WITH fast : Main;
            PROGRAM second WITH fast Main;
                                   //^^^^ error[SYN001]: `:` and the name of a PROGRAM
        END_RESOURCE
    END_CONFIGURATION
""",
    "a resource that is never closed": """
    CONFIGURATION Config0
        RESOURCE Res0 ON PLC
      //^^^^^^^^ error[SYN007]: Write END_RESOURCE
            PROGRAM first : Main;
    END_CONFIGURATION
""",
    "a comment that is never closed": """
    PROGRAM Main
    VAR a : INT; END_VAR
        IF a = 1 THEN
            a := 1; (* set
                  //^^ error[SYN013]: never closed
        END_IF;
    END_PROGRAM
""",
    "other languages": """
    PROGRAM List
        LD run
      //^^ error[SYN023]: Instruction List
        ANDN stop
        ST motor
    END_PROGRAM
    PROGRAM Chart
        INITIAL_STEP Start:
      //^^^^^^^^^^^^ error[SYN024]: Sequential Function Chart
            Action1(N);
        END_STEP
        TRANSITION FROM Start TO Next := run; END_TRANSITION
        STEP Next: END_STEP
        ACTION Action1: lamp := TRUE; END_ACTION
    END_PROGRAM
    INTERFACE Drive
  //^^^^^^^^^ error[SYN030]: interfaces
        METHOD Start : BOOL
        END_METHOD
    END_INTERFACE
    PROGRAM Main
    END_PROGRAM
""",
    "pragmas": """
    PROGRAM Main
    VAR a : INT; {attribute 'hide'} END_VAR
        {{
      //^^ warning[SYN025]: C code
            printf("%d", a);
        }}
        { extern void f(void); f(); }
      //^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning[SYN025]: C code
        {info 'note'}
        a := 1;
    END_PROGRAM
""",
}


@pytest.mark.parametrize("source", FILES.values(), ids=FILES.keys())
def test_files(source: str) -> None:
    expect(source, syntax_problems)


def test_an_error_names_the_opener_as_a_second_place() -> None:
    text = "PROGRAM Main\n    a := (b + 1;\nEND_PROGRAM\n"
    (problem,) = syntax_problems(text)
    assert [text[other.start] for other in problem.related] == ["("]
    assert problem.data == ")"
