"""CAL: calls of functions and function blocks. All of these are found by the checker; here they are explained."""

from __future__ import annotations

from typing import Final

from rung.rules.registry import Rule
from rung.rules.snippets import block, function, program

_DOUBLE: Final = "FUNCTION Double : INT\nVAR_INPUT Value : INT; END_VAR\nDouble := Value * 2;\nEND_FUNCTION\n"
_RESET: Final = "FUNCTION Reset\nVAR_IN_OUT i : INT; END_VAR\ni := 0;\nEND_FUNCTION\n"
_MOTOR: Final = block(
    "VAR_INPUT\n    Run : BOOL;\nEND_VAR\nVAR_IN_OUT\n    Load : INT;\nEND_VAR",
    "IF Run THEN\n    Load := Load + 1;\nEND_IF;",
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "CAL001", "not-callable", "error", "Call of something that cannot be called",
        "Only functions and instances of function blocks are called.",
        "Remove the parentheses, or call the function or instance that was meant.",
        program("i : INT;", "i(5);"),
        program("i : INT;", "i := ABS(i);"),
        ("IEC 61131-3, 6.6.1.4",),
    ),
    Rule(
        "CAL002", "block-without-instance", "error", "Function block is called without an instance",
        "A function block remembers things from scan to scan, so it is called through an instance that holds its memory.",
        "Declare an instance, `t1 : TON;`, and call that.",
        program("b : BOOL;", "TON(IN := b, PT := T#5s);"),
        program("b : BOOL;\nt1 : TON;", "t1(IN := b, PT := T#5s);\nb := t1.Q;"),
        ("IEC 61131-3, 6.6.3.4",),
    ),
    Rule(
        "CAL003", "unknown-function", "error", "Unknown function",
        "Neither the program nor the standard library has a function of this name.",
        "Correct the name, or declare the function.",
        program("i : INT;", "i := Tripple(i);"),
        _DOUBLE + program("i : INT;", "i := Double(i);"),
    ),
    Rule(
        "CAL004", "wrong-argument-count", "error", "Wrong number of arguments",
        "The call gives more or fewer arguments than there are parameters.",
        "Give one argument for each parameter; with names (`Value := i`) some may be left out.",
        _DOUBLE + program("i : INT;", "i := Double(i, 5);"),
        _DOUBLE + program("i : INT;", "i := Double(i);"),
        ("IEC 61131-3, 6.6.1.4.2",),
    ),
    Rule(
        "CAL005", "unknown-parameter", "error", "Unknown parameter",
        "What is called has no parameter of this name.",
        "Correct the name.",
        program("t1 : TON;\nb : BOOL;", "t1(INN := TRUE, PT := T#1s);\nb := t1.Q;"),
        program("t1 : TON;\nb : BOOL;", "t1(IN := TRUE, PT := T#1s);\nb := t1.Q;"),
        ("IEC 61131-3, 6.6.1.4.2",),
    ),
    Rule(
        "CAL006", "parameter-twice", "error", "Parameter is given twice",
        "One call gives each parameter one value.",
        "Remove one of the two.",
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, PT := T#1s, IN := FALSE);\nb := t1.Q;"),
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, PT := T#1s);\nb := t1.Q;"),
    ),
    Rule(
        "CAL007", "input-output-mixed", "error", "Input and output are mixed up",
        "An input takes a value with `:=`, an output gives one with `=>`.",
        "Use `=>` for outputs and `:=` for inputs.",
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, PT := T#1s, Q := b);"),
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, PT := T#1s, Q => b);"),
        ("IEC 61131-3, table 71",),
    ),
    Rule(
        "CAL008", "in-out-missing", "error", "In-out is missing",
        "A VAR_IN_OUT works on a variable of the caller's; without one there is nothing to work on.",
        "Give a variable for it.",
        _MOTOR + program("m : Motor;", "m(Run := TRUE);"),
        _MOTOR + program("m : Motor;\nLoad : INT;", "m(Run := TRUE, Load := Load);"),
        ("IEC 61131-3, 6.6.1.4.2",),
    ),
    Rule(
        "CAL009", "in-out-type", "error", "In-out has another type",
        "A VAR_IN_OUT is the caller's variable itself, so there is no conversion: the types must be the same.",
        "Declare the variable with the type of the in-out, and convert before and after the call.",
        _MOTOR + program("m : Motor;\nLoad : DINT;", "m(Run := TRUE, Load := Load);"),
        _MOTOR + program("m : Motor;\nLoad : INT;", "m(Run := TRUE, Load := Load);"),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "CAL010", "name-after-position", "error", "Argument without a name after one with a name",
        "After an argument with a name, the position of the next one says nothing any more.",
        "Name the arguments that follow, too.",
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, T#5s);\nb := t1.Q;"),
        program("t1 : TON;\nb : BOOL;", "t1(IN := b, PT := T#5s);\nb := t1.Q;"),
        ("IEC 61131-3, 6.6.1.4.2",),
    ),
    Rule(
        "CAL011", "no-overload", "error", "Function is not defined for these types",
        "The standard defines this function, but not for arguments of these types.",
        "Convert the arguments by name to types that it takes.",
        program("r : REAL;", "r := SQRT(T#5s);"),
        program("r : REAL;", "r := SQRT(5.0);"),
        ("IEC 61131-3, tables 28 to 36",),
    ),
    Rule(
        "CAL012", "no-value", "error", "Call gives no value",
        "A function without a result type, and a function block, give no value that could be used here.",
        "Call it in a statement of its own and read its outputs.",
        _RESET + program("i : INT;", "i := Reset(i);"),
        _RESET + program("i : INT;", "Reset(i);"),
        ("IEC 61131-3, 6.6.2.1",),
    ),
    Rule(
        "CAL013", "result-unused", "hint", "Result is not used",
        "The function's result goes nowhere. A function without outputs does nothing else, so the call has no effect.",
        "Use the result or remove the call.",
        _DOUBLE + program("i : INT;", "Double(i);"),
        _DOUBLE + program("i : INT;", "i := Double(i);"),
    ),
    Rule(
        "CAL014", "recursion", "error", "Recursive call",
        "A function or function block calls itself, directly or through others. The standard forbids it: a PLC cannot promise to have "
        "the memory, nor that the scan ends.",
        "Use a loop.",
        function("i : INT;", "Sum := Sum(i - 1) + i;"),
        function("i : INT;", "Sum := (i + 1) * i / 2;"),
        ("IEC 61131-3, 6.6.1.2",),
    ),
    Rule(
        "CAL015", "contains-itself", "error", "Function block contains itself",
        "The block holds an instance of itself, directly or through others, so it would be infinitely large.",
        "Remove the instance; chain instances in the program that uses them.",
        block("VAR\n    Inner : Motor;\nEND_VAR", "Inner();"),
        block("VAR\n    Inner : TON;\n    Q : BOOL;\nEND_VAR", "Inner(IN := NOT Inner.Q, PT := T#1s);\nQ := Inner.Q;"),
        ("IEC 61131-3, 6.6.1.2",),
    ),
    Rule(
        "CAL016", "in-out-copy", "warning", "In-out works on a copy",
        "The in-out was assigned from outside (`m.Load := i`) and is not given in the call, so the block works on a copy: what it writes "
        "does not reach the variable.",
        "Give the variable in the call: `m(Load := i)`.",
        _MOTOR + program("m : Motor;\ni : INT;", "m.Load := i;\nm(Run := TRUE);"),
        _MOTOR + program("m : Motor;\ni : INT;", "m(Run := TRUE, Load := i);"),
        ("IEC 61131-3, 6.5.2.2",),
    ),
)  # fmt: skip
