"""CTL: the flow of control. The checker finds CTL001 to CTL010, which are explained here; the others are found here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rung.rules.registry import PouRule, Rule
from rung.rules.snippets import function, program
from rung.rules.walk import lists, parts, root, statements, writes
from rung.semantics.model import Analysis, Variable
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import (
    Binary,
    Call,
    Case,
    Continue,
    Dereference,
    DirectAddress,
    ErrorExpr,
    Exit,
    Expr,
    ExprStatement,
    For,
    If,
    NameExpr,
    Repeat,
    Return,
    SectionKind,
    Statement,
    While,
)

# Variables that nobody but the POU itself can change while it runs.
_PRIVATE: Final = frozenset({SectionKind.VAR, SectionKind.VAR_TEMP, SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT})


def _syntax(analysis: Analysis) -> Sequence[Problem]:
    return analysis.pou.unit.problems if analysis.pou.unit is not None else ()


def without_effect(analysis: Analysis) -> Iterator[Problem]:
    """CTL011: an expression that stands as a statement."""
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if not isinstance(statement, ExprStatement) or isinstance(statement.expr, Call | ErrorExpr):
            continue
        if any(problem.start <= statement.end and problem.end >= statement.start for problem in _syntax(analysis)):
            continue  # the parser has said what is wrong with it
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


def never_counts(analysis: Analysis) -> Iterator[Problem]:
    """CTL013: a FOR between two written numbers whose step leads away from its end.

    Named constants are left alone: a length that is configured as 0 rightly makes a loop that does not run.
    """
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if not isinstance(statement, For):
            continue
        first, last = _written(analysis, statement.first), _written(analysis, statement.last)
        step = 1 if statement.step is None else _written(analysis, statement.step)
        if first is None or last is None or not step or (first <= last if step > 0 else first >= last):
            continue
        other = f"BY {-step}" if statement.step is not None else "BY -1"
        text = f"This loop never runs: from {first} in steps of {step} it is already past {last}. Write {other}, or swap the ends."
        yield Problem("CTL013", statement.first.start, (statement.step or statement.last).end, text)


def _written(analysis: Analysis, expr: Expr) -> int | None:
    value = analysis.constants.get(expr)
    if isinstance(value, bool) or not isinstance(value, int) or any(isinstance(part, NameExpr) for part in parts(expr)):
        return None
    return value


def never_ends(analysis: Analysis) -> Iterator[Problem]:
    """CTL014: a WHILE or REPEAT that, once entered, nothing can end."""
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if not isinstance(statement, While | Repeat) or _leaves(statement.body):
            continue
        test = statement.condition if isinstance(statement, While) else statement.until
        value = analysis.constants.get(test)
        if value is not None:
            endless = value is isinstance(statement, While)
        else:
            endless = _stays(analysis, test, statement.body)
        if endless:
            word = "WHILE" if isinstance(statement, While) else "REPEAT"
            text = f"This {word} never ends once it runs: nothing inside changes its condition. The scan would hang, with the outputs as they are."
            yield Problem("CTL014", test.start, test.end, text)


def _leaves(body: list[Statement], inside: bool = False) -> bool:
    """Say whether a body may leave the loop around it. `inside` a further loop EXIT only leaves that one."""
    for statement in body:
        match statement:
            case Return():
                return True
            case Exit() if not inside:
                return True
            case If() | Case():
                branches = [branch.body for branch in statement.branches] + [statement.otherwise or []]
                if any(_leaves(branch, inside) for branch in branches):
                    return True
            case For() | While() | Repeat():
                if _leaves(statement.body, True):
                    return True
            case _:
                pass
    return False


def _stays(analysis: Analysis, test: Expr, body: list[Statement]) -> bool:
    """Say whether a condition depends on private variables alone, none of which the body changes."""
    read: set[Variable] = set()
    for part in parts(test):
        if isinstance(part, Call | Dereference | DirectAddress | ErrorExpr):
            return False
        if isinstance(part, NameExpr) and part not in analysis.constants:
            variable = root(analysis, part)
            if variable is None or variable.section not in _PRIVATE or variable.address is not None:
                return False
            read.add(variable)
    return bool(read) and read.isdisjoint(variable for _, variable in writes(analysis, body))


def asked_twice(analysis: Analysis) -> Iterator[Problem]:
    """CTL015: a condition of an IF that an earlier branch of the same IF has already asked."""
    declaration, unit = analysis.pou.declaration, analysis.pou.unit
    if declaration is None or unit is None:
        return
    for statement in statements(declaration.body):
        if not isinstance(statement, If) or len(statement.branches) < 2:
            continue
        seen: dict[str, Expr] = {}
        for branch in statement.branches:
            test = branch.condition
            text = " ".join(unit.text[test.start : test.end].split())
            if not text or any(isinstance(part, Call | ErrorExpr) for part in parts(test)):
                continue
            key = text if "'" in text or '"' in text else text.upper()
            first = seen.setdefault(key, test)
            if first is not test:
                there = Related(first.start, first.end, "It is asked here.")
                yield Problem(
                    "CTL015",
                    test.start,
                    test.end,
                    "The same condition comes earlier in this IF, so this branch never runs.",
                    (there,),
                )


POU_RULES: Final[tuple[PouRule, ...]] = (without_effect, unreachable, never_counts, never_ends, asked_twice)

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
        "With a step of 0 the loop would never end, and the scan would hang, with the outputs as they are.",
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
    Rule(
        "CTL013", "loop-never-runs", "warning", "FOR never runs",
        "The step leads away from the end, so the statements inside never run.",
        "Correct the sign of the step, or swap the ends. A loop that counts down needs BY -1.",
        program("i, k : INT;", "FOR i := 9 TO 0 DO\n    k := k + i;\nEND_FOR;"),
        program("i, k : INT;", "FOR i := 9 TO 0 BY -1 DO\n    k := k + i;\nEND_FOR;"),
        ("IEC 61131-3, 7.3.3.4.2",),
    ),
    Rule(
        "CTL014", "endless-loop", "warning", "Loop never ends",
        "Once it runs, nothing can end the loop: its condition stays as it is, and neither EXIT nor RETURN leaves it. A PLC program must "
        "end in every scan; a scan that hangs keeps the outputs as they are, until a watchdog stops the machine; Runtime v3 has none.",
        "Change in the loop what its condition depends on, or wait over many scans with IF instead of a loop.",
        program("Busy : BOOL;\ni : INT;", "Busy := TRUE;\nWHILE Busy DO\n    i := i + 1;\nEND_WHILE;"),
        program("Busy : BOOL;\ni : INT;", "Busy := TRUE;\nWHILE Busy DO\n    i := i + 1;\n    Busy := i < 10;\nEND_WHILE;"),
        ("IEC 61131-3, 7.3.3.4.4",),
    ),
    Rule(
        "CTL015", "condition-repeated", "warning", "Condition is asked twice",
        "An earlier branch of the same IF has the same condition, and the first branch that fits wins.",
        "Correct one of the conditions, or remove the branch.",
        program("i, k : INT;", "IF i > 5 THEN\n    k := 1;\nELSIF i > 5 THEN\n    k := 2;\nEND_IF;"),
        program("i, k : INT;", "IF i > 5 THEN\n    k := 1;\nELSIF i > 3 THEN\n    k := 2;\nEND_IF;"),
        ("IEC 61131-3, 7.3.3.3.2",),
    ),
)  # fmt: skip
