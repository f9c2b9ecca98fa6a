"""SYN: what the text says, before anything is known about its names."""

from __future__ import annotations

from typing import Final

from rung.rules.registry import Rule
from rung.rules.snippets import program

_GOOD_IF: Final = program(
    "run, stop, motor : BOOL;", "IF run THEN\n    motor := TRUE;\nELSIF stop THEN\n    motor := FALSE;\nEND_IF;"
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "SYN001", "unexpected", "error", "Unexpected text",
        "Something stands where the language does not allow it, so what was meant is unclear. Nothing can be built from this file "
        "until it is clear.",
        "Look at the place itself and at what stands right before it: an operator, a comma, a semicolon or a colon is often missing.",
        program("a, b : INT;", "a := b 5;"),
        program("a, b : INT;", "a := b + 5;"),
        ("IEC 61131-3, 7.3",),
    ),
    Rule(
        "SYN002", "missing-semicolon", "error", "Missing semicolon",
        "Every statement and every declaration ends with a semicolon, END_IF and its like included. Without it the next line would "
        "belong to this one.",
        "Write `;` at the end of the marked line.",
        program("a, b : INT;", "a := 1\nb := a;"),
        program("a, b : INT;", "a := 1;\nb := a;"),
        ("IEC 61131-3, 7.3.3",),
    ),
    Rule(
        "SYN003", "unclosed-block", "error", "Block is never closed",
        "The marked IF, CASE, FOR, WHILE or REPEAT has no END of its own before the block around it ends, so it is unclear which "
        "statements depend on it.",
        "Write the END that is missing where the block was meant to end. The layout was used to guess which block is the open one.",
        program("run, motor : BOOL;", "IF run THEN\n    motor := TRUE;"),
        program("run, motor : BOOL;", "IF run THEN\n    motor := TRUE;\nEND_IF;"),
        ("IEC 61131-3, table 72",),
    ),
    Rule(
        "SYN004", "else-if", "error", "ELSE IF instead of ELSIF",
        "ELSE IF begins a second IF inside the ELSE, which needs an END_IF of its own. ELSIF adds a further condition to the same IF.",
        "Write ELSIF; or, if a second IF was meant, add its END_IF.",
        program("run, stop, motor : BOOL;", "IF run THEN\n    motor := TRUE;\nELSE IF stop THEN\n    motor := FALSE;\nEND_IF;"),
        _GOOD_IF,
        ("IEC 61131-3, table 72",),
    ),
    Rule(
        "SYN005", "missing-then", "error", "Missing THEN, DO, OF, TO or UNTIL",
        "The keyword between a condition and what depends on it is missing, so it is unclear where the condition ends.",
        "Write the keyword: IF ... THEN, CASE ... OF, FOR ... TO ... DO, WHILE ... DO, REPEAT ... UNTIL.",
        program("run, motor : BOOL;", "IF run\n    motor := TRUE;\nEND_IF;"),
        program("run, motor : BOOL;", "IF run THEN\n    motor := TRUE;\nEND_IF;"),
        ("IEC 61131-3, table 72",),
    ),
    Rule(
        "SYN006", "stray-end", "error", "END without its beginning",
        "An END, ELSE or UNTIL stands where no block of its kind is open. Often the block was closed one line too early, or with the "
        "wrong END.",
        "Remove it, or write the END that belongs to the open block.",
        program("a : INT;", "a := 1;\nEND_IF;"),
        program("a : INT;", "a := 1;"),
        ("IEC 61131-3, table 72",),
    ),
    Rule(
        "SYN007", "unclosed-pou", "error", "POU, TYPE or CONFIGURATION is never closed",
        "The declaration has no END of its own, so it would swallow what follows.",
        "Write END_PROGRAM, END_FUNCTION_BLOCK, END_FUNCTION, END_TYPE, END_RESOURCE or END_CONFIGURATION where it ends.",
        "PROGRAM Main\nVAR\n    a : INT;\nEND_VAR\n    a := 1;\n",
        program("a : INT;", "a := 1;"),
        ("IEC 61131-3, 6.6",),
    ),
    Rule(
        "SYN008", "unclosed-section", "error", "Variable section or STRUCT is never closed",
        "A VAR section or STRUCT has no END_VAR or END_STRUCT, so statements would be read as declarations.",
        "Write END_VAR or END_STRUCT after the last declaration.",
        "PROGRAM Main\nVAR\n    a : INT;\n\n    a := 1;\nEND_PROGRAM\n",
        program("a : INT;", "a := 1;"),
        ("IEC 61131-3, 6.5.2",),
    ),
    Rule(
        "SYN009", "assignment-in-expression", "error", "Assignment inside an expression",
        "`:=` stores a value and is a statement; a condition compares with `=`.",
        "Write `=` to compare.",
        program("a : INT;\nrun : BOOL;", "IF a := 5 THEN\n    run := TRUE;\nEND_IF;"),
        program("a : INT;\nrun : BOOL;", "IF a = 5 THEN\n    run := TRUE;\nEND_IF;"),
        ("IEC 61131-3, table 71",),
    ),
    Rule(
        "SYN010", "foreign-operator", "error", "Operator of another language",
        "`==`, `!=`, `&&`, `||`, `!`, `%`, `++`, `+=` and braces are signs of C. Structured Text writes them with words or other signs.",
        "Write `=`, `<>`, AND, OR, NOT, MOD, or the whole assignment `x := x + 1;`.",
        program("a : INT;\nrun : BOOL;", "run := a == 5;"),
        program("a : INT;\nrun : BOOL;", "run := a = 5;"),
        ("IEC 61131-3, table 71",),
    ),
    Rule(
        "SYN011", "missing-expression", "error", "Missing expression",
        "An operator, an assignment or a keyword is followed by nothing it could work on.",
        "Write the value that is missing, or remove the operator.",
        program("a : INT;", "a := ;"),
        program("a : INT;", "a := 0;"),
        ("IEC 61131-3, 7.3.2",),
    ),
    Rule(
        "SYN012", "unclosed-bracket", "error", "Bracket is never closed",
        "A `(` or `[` has no partner in the same statement, or the other way round.",
        "Write the missing bracket, or remove the one too many.",
        program("a, b : INT;", "a := (b + 1 * 2;"),
        program("a, b : INT;", "a := (b + 1) * 2;"),
        ("IEC 61131-3, table 71",),
    ),
    Rule(
        "SYN013", "unclosed-comment", "error", "Comment is never closed",
        "The comment has no end, so the rest of the file is part of it and does not run.",
        "Write `*)` after a comment that began with `(*`, and `*/` after one that began with `/*`.",
        "PROGRAM Main\nVAR\n    a : INT;\nEND_VAR\n    a := 1;  (* set once\nEND_PROGRAM\n",
        "PROGRAM Main\nVAR\n    a : INT;\nEND_VAR\n    a := 1;  (* set once *)\nEND_PROGRAM\n",
        ("IEC 61131-3, 6.1.5",),
    ),
    Rule(
        "SYN014", "unclosed-string", "error", "String is never closed",
        "The string has no closing quote on its line. A string cannot go over the end of a line; `$N` stands for a line end inside it.",
        "Write the closing quote. A quote inside the string is written `$'`.",
        program("text : STRING;", "text := 'running;"),
        program("text : STRING;", "text := 'running';"),
        ("IEC 61131-3, 6.3.3",),
    ),
    Rule(
        "SYN015", "malformed-number", "error", "Malformed number",
        "A number has digits that its base does not have, a base that does not exist, or a point without digits after it.",
        "Numbers look like 12, 1_000, 16#FF, 2#1010, 1.5, 1.5E-3, INT#5.",
        program("a : WORD;", "a := 16#F0G;"),
        program("a : WORD;", "a := 16#F0;"),
        ("IEC 61131-3, table 5",),
    ),
    Rule(
        "SYN016", "malformed-duration", "error", "Malformed duration",
        "A duration needs a unit after every number, from the greatest to the least: d, h, m, s, ms, us, ns. A timer with a wrong time "
        "moves the machine at the wrong moment, so nothing is guessed.",
        "Write for instance T#1h30m, T#500ms or T#1.5s.",
        program("pause : TIME;", "pause := T#5m10h;"),
        program("pause : TIME;", "pause := T#10h5m;"),
        ("IEC 61131-3, table 8",),
    ),
    Rule(
        "SYN017", "malformed-date", "error", "Malformed date or time of day",
        "The date does not exist, or the literal is not written year-month-day and hour:minute:second.",
        "Write D#2026-12-31, TOD#12:30:00 or DT#2026-12-31-12:30:00.",
        program("day : DATE;", "day := D#2026-02-30;"),
        program("day : DATE;", "day := D#2026-02-28;"),
        ("IEC 61131-3, table 9",),
    ),
    Rule(
        "SYN018", "malformed-escape", "error", "Malformed character code in a string",
        "In a string `$` begins a code for a character. What follows here is none.",
        "Write `$$` for the sign itself, `$'` for a quote, `$N` for a new line, `$0D` for the character with that number.",
        program("text : STRING;", "text := '5 $ left';"),
        program("text : STRING;", "text := '5 $$ left';"),
        ("IEC 61131-3, table 7",),
    ),
    Rule(
        "SYN019", "malformed-address", "error", "Malformed address",
        "A located address names an area (I inputs, Q outputs, M memory), a size (X bit, B byte, W word, D double word, L long word) "
        "and numbers. An address that is not understood would connect nothing.",
        "Write for instance %IX0.0, %QX1.7, %IW3 or %MD10.",
        program("lamp AT %QZ0.0 : BOOL;", "lamp := TRUE;"),
        program("lamp AT %QX0.0 : BOOL;", "lamp := TRUE;"),
        ("IEC 61131-3, table 16",),
    ),
    Rule(
        "SYN020", "keyword-as-name", "error", "Keyword used as a name",
        "A word that the language uses itself cannot name a variable, type or POU.",
        "Choose another name.",
        program("to : INT;", ";"),
        program("target : INT;", "target := 1;"),
        ("IEC 61131-3, 6.1.3",),
    ),
    Rule(
        "SYN021", "misspelt-keyword", "error", "Misspelt keyword",
        "A word that the language does not know stands where a keyword is needed, and it is spelt nearly like one.",
        "Write the keyword that the message proposes.",
        program("run, motor : BOOL;", "IFF run THEN\n    motor := TRUE;\nEND_IF;"),
        program("run, motor : BOOL;", "IF run THEN\n    motor := TRUE;\nEND_IF;"),
        ("IEC 61131-3, table 72",),
    ),
    Rule(
        "SYN022", "unknown-character", "error", "Character that the language does not know",
        "The character has no meaning outside of comments and strings. Typographic quotes and dashes come from text processors.",
        "Remove it, or write the plain sign for it.",
        program("a, b : INT;", "a := b – 1;"),
        program("a, b : INT;", "a := b - 1;"),
        ("IEC 61131-3, 6.1.1",),
    ),
    Rule(
        "SYN023", "instruction-list", "error", "Body in Instruction List",
        "Rung reads Structured Text. A body in Instruction List (IL) cannot be checked or built. The third edition of the standard "
        "deprecates IL.",
        "Rewrite the body in Structured Text.",
        program("run, motor : BOOL;", "LD run\nST motor"),
        program("run, motor : BOOL;", "motor := run;"),
        ("IEC 61131-3, 7.2",),
    ),
    Rule(
        "SYN024", "sequential-function-chart", "error", "Body in Sequential Function Chart",
        "Rung reads Structured Text. A body in the textual form of Sequential Function Chart (SFC) cannot be checked or built yet.",
        "Write the sequence as a CASE over a step variable.",
        "PROGRAM Main\nVAR\n    run : BOOL;\nEND_VAR\n    INITIAL_STEP Start:\n    END_STEP\n    TRANSITION FROM Start TO Start := run;\n"
        "    END_TRANSITION\nEND_PROGRAM\n",
        program("step : INT;\nrun : BOOL;", "CASE step OF\n    0:\n        IF run THEN\n            step := 1;\n        END_IF;\nEND_CASE;"),
        ("IEC 61131-3, 6.7",),
    ),
    Rule(
        "SYN025", "pragma-skipped", "warning", "C code in a pragma is skipped",
        "Some compilers paste the text between braces into the C program they make. Rung does not, so whatever that code does on the "
        "runtime will not happen.",
        "Write the effect in Structured Text. If the machine does not depend on it, as with the log block that OpenPLC Editor adds, "
        "nothing needs to be done.",
        program("a : INT;", "a := 1;\n{{ printf(\"set\"); }}"),
        program("a : INT;", "a := 1;"),
        ("IEC 61131-3, 6.1.6",),
        ("once",),
    ),
    Rule(
        "SYN026", "too-deep", "error", "Too deeply nested",
        "There are more brackets, operators or blocks inside each other than Rung reads (80 brackets, 250 operators in a row, 50 "
        "blocks). No program that a person wrote is like that.",
        "Split the expression over several assignments, or move inner statements into a FUNCTION.",
        program("a : INT;", f"a := {'(' * 90}1{')' * 90};"),
        program("a : INT;", "a := ((1));"),
    ),
    Rule(
        "SYN027", "missing-type", "error", "Missing or malformed type",
        "Every variable needs a type, and arrays and subranges need a lower and an upper bound.",
        "Write for instance `x : INT;`, `list : ARRAY[1..10] OF REAL;` or `level : INT (0..100);`.",
        program("a := 5;\nb : INT;", "b := 1;"),
        program("a : INT := 5;\nb : INT;", "b := a;"),
        ("IEC 61131-3, 6.4.4",),
    ),
    Rule(
        "SYN028", "outside-of-pou", "error", "Text outside of any POU",
        "Statements and variables that stand in no PROGRAM, FUNCTION_BLOCK or FUNCTION belong to nothing and never run.",
        "Put them inside a POU. Variables for several POUs go into VAR_GLOBAL.",
        "lamp := TRUE;\n",
        program("lamp : BOOL;", "lamp := TRUE;"),
        ("IEC 61131-3, 6.6",),
    ),
    Rule(
        "SYN029", "missing-name", "error", "Missing name",
        "A name should stand here.",
        "Write the name of the variable, type, member or POU.",
        program("a, : INT;", "a := 1;"),
        program("a, b : INT;", "a := b;"),
        ("IEC 61131-3, 6.1.2",),
    ),
    Rule(
        "SYN030", "not-read-yet", "error", "Not read yet",
        "The standard has this construct, but Rung does not read it yet, so nothing in it is checked or built.",
        "Write it in another way: a FUNCTION_BLOCK for a class, a FUNCTION for a method, IF and CASE for jumps.",
        program("a : INT;", "a := 1;\nJMP done;"),
        program("a : INT;", "a := 1;\nRETURN;"),
        ("IEC 61131-3, 6.6.5",),
    ),
    Rule(
        "SYN031", "late-declarations", "error", "Declarations after the first statement",
        "All variable sections of a POU stand before its first statement.",
        "Move the section up.",
        "PROGRAM Main\nVAR\n    a : INT;\nEND_VAR\n    a := 1;\nVAR\n    b : INT;\nEND_VAR\n    b := a;\nEND_PROGRAM\n",
        program("a : INT;\nb : INT;", "a := 1;\nb := a;"),
        ("IEC 61131-3, 6.6.1",),
    ),
    Rule(
        "SYN032", "not-text", "error", "File is not text",
        "The file holds bytes that no text has, so it is a program of another kind, a picture, or damaged. Nothing in it was read.",
        "Remove the file from the project, or restore it.",
        "PROGRAM Main\0END_PROGRAM\n",
        program("a : INT;", "a := 1;"),
    ),
    Rule(
        "SYN033", "not-utf-8", "warning", "Text is not UTF-8",
        "The file was saved in an older encoding. Rung read it as Latin-1, which is right for Western European texts, but other tools "
        "may show other characters in names, comments and strings.",
        "Save the file as UTF-8.",
        "(* Füllstand *)\n" + program("a : INT;", "a := 1;"),
        "(* Fill level *)\n" + program("a : INT;", "a := 1;"),
    ),
)  # fmt: skip
