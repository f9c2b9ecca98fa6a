"""CTL: the flow of control. The checker finds CTL001 to CTL010, which are explained here; the others are found here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import PouRule, Rule
from rung.rules.snippets import function, program
from rung.rules.walk import lists, statements
from rung.semantics.model import Analysis
from rung.syntax.problem import Problem
from rung.syntax.tree import Binary, Call, Continue, ErrorExpr, Exit, ExprStatement, Return


def without_effect(analysis: Analysis) -> Iterator[Problem]:
    """CTL011: an expression that stands as a statement."""
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if not isinstance(statement, ExprStatement) or isinstance(statement.expr, Call | ErrorExpr):
            continue
        compares = isinstance(statement.expr, Binary) and statement.expr.op == "="
        meant = (
            "`=` compares and changes nothing. Write `:=` to assign."
            if compares
            else "This computes a value and drops it."
        )
        yield Problem("CTL011", statement.start, statement.end, meant)


def unreachable(analysis: Analysis) -> Iterator[Problem]:
    """CTL012: statements after one that always leaves."""
    declaration = analysis.pou.declaration
    for items in lists(declaration.body if declaration else ()):
        for number, statement in enumerate(items[:-1]):
            if isinstance(statement, Return | Exit | Continue):
                word = type(statement).__name__.upper()
                yield Problem(
                    "CTL012", items[number + 1].start, items[-1].end, f"This is never reached: {word} stands before it."
                )
                break


POU_RULES: Final[tuple[PouRule, ...]] = (without_effect, unreachable)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "CTL001", "condition-not-bool", "error", "Condition is not BOOL",
        "IF, WHILE and UNTIL decide by a BOOL; a number is not true or false in Structured Text.",
        "Compare: `i <> 0`.",
        program("i : INT;", "IF i THEN\n    i := 0;\nEND_IF;"),
        program("i : INT;", "IF i <> 0 THEN\n    i := 0;\nEND_IF;"),
        ("IEC 61131-3, 7.3.3.3",),
    ),
    Rule(
        "CTL002", "exit-outside", "error", "EXIT outside of a loop",
        "EXIT leaves the innermost FOR, WHILE or REPEAT, and there is none around it.",
        "Use RETURN to leave the POU, or remove it.",
        program("i : INT;", "i := i + 1;\nEXIT;"),
        program("i : INT;", "FOR i := 0 TO 9 DO\n    EXIT;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4",),
    ),
    Rule(
        "CTL003", "continue-outside", "error", "CONTINUE outside of a loop",
        "CONTINUE goes on with the next round of the innermost loop, and there is none around it.",
        "Remove it.",
        program("i : INT;", "i := i + 1;\nCONTINUE;"),
        program("i, k : INT;", "FOR i := 0 TO 9 DO\n    IF i = 5 THEN\n        CONTINUE;\n    END_IF;\n    k := k + i;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4",),
    ),
    Rule(
        "CTL004", "for-not-integer", "error", "FOR counts with something that is not an integer",
        "A FOR counts with an integer variable; a REAL would miss its end by rounding.",
        "Count with an integer and compute the REAL from it.",
        program("r : REAL;", "FOR r := 0 TO 9 DO\n    ;\nEND_FOR;"),
        program("i : INT;\nr : REAL;", "FOR i := 0 TO 9 DO\n    r := r + 0.5;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4.2",),
    ),
    Rule(
        "CTL005", "step-zero", "error", "FOR with step 0",
        "With a step of 0 the loop would never end, and the watchdog would stop the machine.",
        "Write the step that was meant, or leave BY out for 1.",
        program("i, k : INT;", "FOR i := 0 TO 9 BY 0 DO\n    k := k + i;\nEND_FOR;"),
        program("i, k : INT;", "FOR i := 0 TO 9 BY 3 DO\n    k := k + i;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4.2",),
    ),
    Rule(
        "CTL006", "loop-variable-changed", "warning", "Loop variable is changed inside its loop",
        "The standard forbids to change the variable that a FOR counts with: how often the loop then runs depends on the compiler.",
        "Use a variable of its own, or a WHILE.",
        program("i : INT;", "FOR i := 0 TO 9 DO\n    i := i + 1;\nEND_FOR;"),
        program("i, k : INT;", "FOR i := 0 TO 9 DO\n    k := k + 1;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4.2", "PLCopen L22"),
    ),
    Rule(
        "CTL007", "case-selector", "error", "CASE on something that cannot be listed",
        "A CASE chooses by an integer, a bit string or an enumeration.",
        "Use IF and ELSIF for other types.",
        program("r : REAL;\ni : INT;", "CASE r OF\n    1: i := 1;\nEND_CASE;"),
        program("r, i : INT;", "CASE r OF\n    1: i := 1;\nEND_CASE;"),
        ("IEC 61131-3, 7.3.3.3.3",),
    ),
    Rule(
        "CTL008", "label-never-chosen", "warning", "CASE label is never chosen",
        "An earlier label covers this value, and the first label that fits wins.",
        "Remove the label or correct the earlier one.",
        program("i, k : INT;", "CASE i OF\n    1: k := 1;\n    0..2: k := 2;\nEND_CASE;"),
        program("i, k : INT;", "CASE i OF\n    1: k := 1;\n    2..3: k := 2;\nEND_CASE;"),
        ("IEC 61131-3, 7.3.3.3.3",),
    ),
    Rule(
        "CTL009", "empty-range", "error", "Empty range of CASE labels",
        "The lower end of the range is above the upper one, so no value lies in it.",
        "Write the smaller end first.",
        program("i, k : INT;", "CASE i OF\n    5..1: k := 1;\nEND_CASE;"),
        program("i, k : INT;", "CASE i OF\n    1..5: k := 1;\nEND_CASE;"),
        ("IEC 61131-3, 7.3.3.3.3",),
    ),
    Rule(
        "CTL010", "result-never-assigned", "warning", "Function never assigns its result",
        "A function gives its result by an assignment to its own name. Without one it always returns the initial value of its type.",
        "Assign the result, or declare the function without a result type.",
        function("i : INT;", "RETURN;"),
        function("i : INT;", "Sum := i + 1;"),
        ("IEC 61131-3, 6.6.2.1",),
    ),
    Rule(
        "CTL011", "no-effect", "warning", "Statement without effect",
        "The expression is computed and its value dropped. Mostly an assignment was meant: `=` compares, `:=` assigns.",
        "Write `:=`, or remove the statement.",
        program("i : INT;", "i = 5;"),
        program("i : INT;", "i := 5;"),
        ("IEC 61131-3, 7.3.3.1", "CODESYS SA0095"),
    ),
    Rule(
        "CTL012", "unreachable", "warning", "Statement is never reached",
        "RETURN, EXIT and CONTINUE leave at once, so what follows them in the same list of statements never runs.",
        "Remove the statements, or make the leaving depend on a condition.",
        program("i : INT;", "i := 1;\nRETURN;\ni := 2;"),
        program("i : INT;", "i := 1;\nIF i > 5 THEN\n    RETURN;\nEND_IF;\ni := 2;"),
        tags=("unnecessary",),
    ),
)  # fmt: skip
