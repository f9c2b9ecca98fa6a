"""TYP: types, constants and ranges. The checker finds TYP001 to TYP028, which are explained here; the other is found here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import PouRule, Rule
from rung.rules.snippets import block, program
from rung.semantics.model import Analysis
from rung.semantics.types import LREAL, REAL
from rung.syntax.problem import Problem
from rung.syntax.tree import Binary, Expr

_COLOUR: Final = "TYPE Colour : (Red, Green); END_TYPE\n"
_MOTOR: Final = block(
    "VAR_INPUT\n    Run : BOOL;\nEND_VAR\nVAR_OUTPUT\n    Speed : INT;\nEND_VAR",
    "IF Run THEN\n    Speed := 5;\nEND_IF;",
)


def real_equality(analysis: Analysis) -> Iterator[Problem]:
    """TYP029: a computed REAL, or a fraction, compared for equality. Comparing two variables, as one does to notice a change, and
    comparing with a whole number that was assigned somewhere is sound and left alone."""
    for node in analysis.types:
        if not isinstance(node, Binary) or node.op not in ("=", "<>"):
            continue
        left, right = node.left, node.right
        if analysis.used_type(left) not in (REAL, LREAL) or (
            left in analysis.constants and right in analysis.constants
        ):
            continue
        if _is_rounded(analysis, left) or _is_rounded(analysis, right):
            text = "A computed REAL is seldom exactly equal to another value. Compare the distance: ABS(a - b) < tolerance."
            yield Problem("TYP029", node.start, node.end, text)


def _is_rounded(analysis: Analysis, expr: Expr) -> bool:
    value = analysis.constants.get(expr)
    if isinstance(value, float):
        return value % 1.0 != 0.0
    return value is None and isinstance(expr, Binary)


POU_RULES: Final[tuple[PouRule, ...]] = (real_equality,)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "TYP001", "wrong-type", "error", "Value is of another type than expected",
        "The value has a type that is never converted by itself to the one expected here, for instance a number to a TIME. What was "
        "meant is unclear, so nothing is built.",
        "Write a value of the expected type, or name the conversion: INT_TO_TIME, REAL_TO_INT, and so on.",
        program("t : TIME;", "t := 5;"),
        program("t : TIME;", "t := T#5s;"),
        ("IEC 61131-3, 6.4.2, figure 11",),
    ),
    Rule(
        "TYP002", "narrowing", "error", "Value may be too large for its target",
        "The type of the value holds more than the type of its target, so at run time digits could be lost without a word. The "
        "standard converts by itself only where nothing can be lost.",
        "Make the target wider, or say by a conversion function that the loss is intended.",
        program("i : INT;\nd : DINT;", "i := d;"),
        program("i : INT;\nd : DINT;", "i := DINT_TO_INT(d);"),
        ("IEC 61131-3, 6.6.2.5.1, figure 11",),
    ),
    Rule(
        "TYP003", "constant-out-of-range", "error", "Constant is out of range",
        "The constant does not fit the type or the subrange that it is given to; the machine would work with another number.",
        "Write a constant within the range, or use a wider type.",
        program("i : SINT := 300;", "i := i + 1;"),
        program("i : INT := 300;", "i := i + 1;"),
        ("IEC 61131-3, table 10",),
    ),
    Rule(
        "TYP004", "operator-not-defined", "error", "Operator is not defined for this type",
        "The standard does not define this operator for operands of this type.",
        "Convert the operand to a type that the operator takes, or use the operator or function that was meant.",
        program("b : BOOL;\ni : INT;", "i := i + b;"),
        program("b : BOOL;\ni : INT;", "i := i + BOOL_TO_INT(b);"),
        ("IEC 61131-3, table 71",),
    ),
    Rule(
        "TYP005", "operands-differ", "error", "Operands do not go together",
        "The two operands have types between which there is no implicit conversion in either direction.",
        "Convert one of them by name to the type of the other.",
        program("i : INT;\nw : WORD;\nb : BOOL;", "b := i = w;"),
        program("i : INT;\nw : WORD;\nb : BOOL;", "b := i = WORD_TO_INT(w);"),
        ("IEC 61131-3, 6.6.2.5",),
    ),
    Rule(
        "TYP006", "initial-value-not-here", "error", "Initial value does not belong here",
        "A VAR_IN_OUT or VAR_EXTERNAL stands for a variable that lives elsewhere and has its own initial value there.",
        "Remove the initial value here; give it where the variable itself is declared.",
        block("VAR_IN_OUT\n    Level : INT := 5;\nEND_VAR", "Level := Level + 1;"),
        block("VAR_IN_OUT\n    Level : INT;\nEND_VAR", "Level := Level + 1;"),
        ("IEC 61131-3, 6.5.1",),
    ),
    Rule(
        "TYP007", "index-not-integer", "error", "Index is not an integer",
        "An array's elements are counted, so an index is an integer.",
        "Convert the index to an integer by name.",
        program("a : ARRAY[0..9] OF INT;\nr : REAL;", "a[r] := 1;"),
        program("a : ARRAY[0..9] OF INT;\nr : REAL;", "a[REAL_TO_INT(r)] := 1;"),
        ("IEC 61131-3, 6.4.4.5",),
    ),
    Rule(
        "TYP008", "index-out-of-range", "error", "Index is out of range",
        "The array has no element of this number.",
        "Correct the index or the array's bounds.",
        program("a : ARRAY[0..9] OF INT;", "a[10] := 1;"),
        program("a : ARRAY[0..9] OF INT;", "a[9] := 1;"),
        ("IEC 61131-3, 6.4.4.5",),
    ),
    Rule(
        "TYP009", "wrong-number-of-indices", "error", "Wrong number of indices",
        "An element is named by as many indices as the array has dimensions.",
        "Give one index for each dimension.",
        program("a : ARRAY[0..9, 0..9] OF INT;", "a[1] := 1;"),
        program("a : ARRAY[0..9, 0..9] OF INT;", "a[1, 0] := 1;"),
        ("IEC 61131-3, 6.4.4.5",),
    ),
    Rule(
        "TYP010", "index-on-no-array", "error", "Index on something that is not an array",
        "Only an array has elements.",
        "Remove the index, or declare an ARRAY. A single bit of a WORD is written `w.3`.",
        program("i : INT;", "i[1] := 1;"),
        program("i : ARRAY[0..1] OF INT;", "i[1] := 1;"),
    ),
    Rule(
        "TYP011", "member-of-nothing", "error", "Member of something that has none",
        "Only structures and function-block instances have members.",
        "Remove the member, or use the structure or instance that was meant.",
        program("i : INT;", "i.x := 1;"),
        "TYPE Point : STRUCT x, y : INT; END_STRUCT; END_TYPE\n" + program("i : Point;", "i.x := 1;"),
    ),
    Rule(
        "TYP012", "no-such-bit", "error", "Bit that does not exist",
        "A BYTE has the bits 0 to 7, a WORD 0 to 15, a DWORD 0 to 31, an LWORD 0 to 63.",
        "Correct the number, or use a wider type.",
        program("w : WORD;", "w.16 := TRUE;"),
        program("w : WORD;", "w.15 := TRUE;"),
        ("IEC 61131-3, table 17",),
    ),
    Rule(
        "TYP013", "not-constant", "error", "Expression is not constant",
        "Bounds, lengths, initial values and CASE labels are fixed before the program runs, so they are made of literals and CONSTANTs.",
        "Write a literal, or declare the variable in a VAR CONSTANT section.",
        program("i : INT := 9;\na : ARRAY[0..i] OF INT;", "a[0] := i;"),
        program("a : ARRAY[0..9] OF INT;", "a[0] := 9;"),
        ("IEC 61131-3, 6.4.4.5",),
    ),
    Rule(
        "TYP014", "impossible-bounds", "error", "Impossible bounds",
        "The lower bound is above the upper one, or there are more elements than a program can have.",
        "Write the smaller bound first.",
        program("a : ARRAY[9..0] OF INT;", "a[0] := 1;"),
        program("a : ARRAY[0..9] OF INT;", "a[0] := 1;"),
        ("IEC 61131-3, 6.4.4.5",),
    ),
    Rule(
        "TYP015", "too-many-initial-values", "error", "Too many initial values",
        "There are more initial values than elements; the last ones would go nowhere.",
        "Remove the surplus or enlarge the array.",
        program("a : ARRAY[0..1] OF INT := [1, 2, 3];", "a[0] := a[1];"),
        program("a : ARRAY[0..2] OF INT := [1, 2, 3];", "a[0] := a[1];"),
        ("IEC 61131-3, table 15",),
    ),
    Rule(
        "TYP016", "initial-value-shape", "error", "Initial value has another shape than its type",
        "A list in brackets initialises an array, names in parentheses a structure or a function block, a single value everything else.",
        "Write the initial value in the shape of its type.",
        program("i : INT := [1, 2];", "i := i + 1;"),
        program("i : ARRAY[0..1] OF INT := [1, 2];", "i[0] := i[1];"),
        ("IEC 61131-3, tables 13 to 15",),
    ),
    Rule(
        "TYP017", "division-by-zero", "error", "Division by zero",
        "The divisor is the constant zero. At run time the result would be 0 and the fault counter would rise in every scan.",
        "Correct the divisor.",
        program("i : INT;", "i := 5 / 0;"),
        program("i : INT;", "i := 5 / 2;"),
        ("IEC 61131-3, table 29",),
    ),
    Rule(
        "TYP018", "real-loses-digits", "warning", "Large integer loses digits in a REAL",
        "A REAL holds about seven digits, a DINT up to ten, so large counts come out rounded. The conversion is allowed.",
        "Use LREAL, or name the conversion to say that the loss is intended.",
        program("d : DINT;\nr : REAL;", "d := d + 1;\nr := d;"),
        program("d : DINT;\nr : LREAL;", "d := d + 1;\nr := d;"),
        ("IEC 61131-3, figure 11",),
    ),
    Rule(
        "TYP019", "not-an-enumerator", "error", "Value is not one of the enumeration",
        "A variable of an enumeration takes its named values only, so that a CASE over them stays complete.",
        "Write the name of the value.",
        _COLOUR + program("c : Colour;", "c := 1;"),
        _COLOUR + program("c : Colour;", "c := Green;"),
        ("IEC 61131-3, 6.4.4.2",),
    ),
    Rule(
        "TYP020", "no-reference", "error", "Dereference of something that is no reference",
        "`^` follows a REF_TO; this is an ordinary variable.",
        "Remove the `^`.",
        program("i : INT;", "i := i^;"),
        program("i : INT;", "i := i + 1;"),
        ("IEC 61131-3, 6.4.4.10",),
    ),
    Rule(
        "TYP021", "write-to-constant", "error", "Write to a CONSTANT",
        "A CONSTANT keeps its initial value; nothing may write to it.",
        "Declare it without CONSTANT, or write to the variable that was meant.",
        "PROGRAM Main\nVAR CONSTANT Limit : INT := 5; END_VAR\nLimit := 6;\nEND_PROGRAM\n",
        "PROGRAM Main\nVAR Limit : INT := 5; END_VAR\nLimit := Limit + 1;\nEND_PROGRAM\n",
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "TYP022", "write-to-no-variable", "error", "Write to something that is no variable",
        "On the left of `:=`, and as an output or in-out, stands a variable.",
        "Write the variable that is to take the value.",
        program("i : INT;", "5 := i;"),
        program("i : INT;", "i := 5;"),
        ("IEC 61131-3, 7.3.3.1",),
    ),
    Rule(
        "TYP023", "write-to-output", "error", "Write to an output from outside",
        "An output belongs to its function block, which writes it anew in every call.",
        "Give the block an input for what you want to tell it.",
        _MOTOR + program("m : Motor;", "m(Run := TRUE);\nm.Speed := 5;"),
        _MOTOR + program("m : Motor;\nSpeed : INT;", "m(Run := TRUE, Speed => Speed);"),
        ("IEC 61131-3, 6.5.2.2, 6.6.3.2",),
    ),
    Rule(
        "TYP024", "write-to-input", "warning", "Write to an input",
        "The block writes to its own input. The value lasts only until the caller gives the input again, which surprises whoever reads "
        "the call. Programs in the field do it, so it is allowed.",
        "Copy the input to a variable of the block's own and write to that.",
        block("VAR_INPUT\n    Level : INT;\nEND_VAR", "Level := Level + 1;"),
        block("VAR_INPUT\n    Level : INT;\nEND_VAR\nVAR_OUTPUT\n    Next : INT;\nEND_VAR", "Next := Level + 1;"),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "TYP025", "string-length", "error", "Impossible length of a STRING",
        "A STRING holds 1 to 254 characters; the length is a constant integer.",
        "Write a length in that range; a longer text needs an ARRAY.",
        program("s : STRING[300];", "s := 'a';"),
        program("s : STRING[200];", "s := 'a';"),
        ("IEC 61131-3, table 10",),
    ),
    Rule(
        "TYP026", "text-cut-off", "warning", "Text is cut off",
        "The text is longer than its target, which keeps the beginning only.",
        "Make the target longer or the text shorter.",
        program("s : STRING[3];", "s := 'hello';"),
        program("s : STRING[5];", "s := 'hello';"),
        ("IEC 61131-3, table 10",),
    ),
    Rule(
        "TYP027", "base-not-integer", "error", "Base is not an integer type",
        "A subrange limits an integer type, and an enumeration is stored in one.",
        "Use an integer type as the base.",
        "TYPE Part : REAL (0..1); END_TYPE\n" + program("p : Part;", "p := 1;"),
        "TYPE Part : INT (0..1); END_TYPE\n" + program("p : Part;", "p := 1;"),
        ("IEC 61131-3, 6.4.4.4",),
    ),
    Rule(
        "TYP028", "edge-not-bool", "error", "Edge of something that is not BOOL",
        "R_EDGE and F_EDGE are for inputs of type BOOL; only those have a rising and a falling edge.",
        "Remove the edge, or make the input BOOL.",
        block("VAR_INPUT\n    Count : INT R_EDGE;\nEND_VAR\nVAR_OUTPUT\n    Q : BOOL;\nEND_VAR", "Q := Count > 0;"),
        block("VAR_INPUT\n    Count : BOOL R_EDGE;\nEND_VAR\nVAR_OUTPUT\n    Q : BOOL;\nEND_VAR", "Q := Count;"),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "TYP029", "real-equality", "info", "REAL compared for equality",
        "A REAL is rounded after every operation, so 0.1 + 0.2 is not exactly 0.3. A comparison for equality may never become true, and "
        "the step that waits for it never comes.",
        "Compare the distance with a tolerance: `ABS(a - b) < 0.001`.",
        program("r : REAL;\nb : BOOL;", "b := r * 0.1 = 0.3;"),
        program("r : REAL;\nb : BOOL;", "b := ABS(r * 0.1 - 0.3) < 0.001;"),
        ("IEC 60559", "PLCopen CP8", "CODESYS SA0054"),
    ),
)  # fmt: skip
