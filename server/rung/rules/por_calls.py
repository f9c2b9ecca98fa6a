"""POR006, POR007 and POR026: standard functions that a target's library does not have, or has wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.por_targets import TITLES, V3, PouRule, ProgramRule, Targets
from rung.rules.registry import Rule
from rung.rules.snippets import function
from rung.semantics.model import Analysis, Pou, StandardFunction
from rung.semantics.types import BOOL, CHAR, UNKNOWN, WCHAR, Array, Elementary, Family, StringType, Structure, storage
from rung.syntax.problem import Problem
from rung.syntax.tree import Call, PouKind

_PARTS: Final = "keep the parts in variables of their own"
_BYTES: Final = "move the bytes with ROL, SHL and SHR"
_DIGITS: Final = "take the digits apart with SHR and AND, or with / and MOD"
# What to do instead of a function that is not there, by canonical name.
_INSTEAD: Final = {
    "IS_VALID": "test `ABS(x) <= 3.4E38`, which is FALSE for what is no number",
    "IS_VALID_BCD": "test the digits one by one, as in `(x AND 16#0F) <= 9`",
    "TO_BIG_ENDIAN": _BYTES,
    "TO_LITTLE_ENDIAN": _BYTES,
    "FROM_BIG_ENDIAN": _BYTES,
    "FROM_LITTLE_ENDIAN": _BYTES,
    "TO_BCD": _DIGITS,
    "FROM_BCD": _DIGITS,
    "ATAN2": "use ATAN of the quotient, and mind the quadrant",
    "DAY_OF_WEEK": "count the days from a date whose day is known",
    "CONCAT_DATE": _PARTS,
    "CONCAT_TOD": _PARTS,
    "CONCAT_DT": _PARTS,
    "NOW": "measure with a TON, or count scans",
}
# The canonical names of what v3's library has, or what is made of that; of REF its type has said everything.
_ON_V3: Final = frozenset({
    "EQ", "NE", "LT", "GT", "LE", "GE", "ADD", "SUB", "MUL", "DIV", "MOD", "EXPT", "ABS", "SQRT", "LN", "LOG", "EXP",
    "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "TRUNC", "ROUND", "MOVE", "CONVERT", "NOT", "AND", "OR", "XOR",
    "SHL", "SHR", "ROL", "ROR", "SEL", "MUX", "MAX", "MIN", "LIMIT", "LEN", "LEFT", "RIGHT", "MID", "CONCAT",
    "INSERT", "DELETE", "REPLACE", "FIND", "CONCAT_DATE_TOD", "LOWER_BOUND", "UPPER_BOUND", "REF",
})  # fmt: skip
_BOUNDS: Final = ("LOWER_BOUND", "UPPER_BOUND")
_CLOCKS: Final = frozenset({Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME})
_WRITTEN_OTHERWISE: Final = _CLOCKS | {Family.REAL}
_BETWEEN_CLOCKS: Final = frozenset(
    {
        (Family.TIME_OF_DAY, Family.DURATION),
        (Family.DATE_AND_TIME, Family.DATE),
        (Family.DATE_AND_TIME, Family.TIME_OF_DAY),
    }
)


def missing_function(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR006 and POR007: calls of standard functions that the target does not have."""
    title = TITLES[target]
    for call, resolved in analysis.calls.items():
        callee = resolved.callee
        if isinstance(callee, Pou):
            if callee.declaration is None and callee.kind is PouKind.FUNCTION:
                yield _missing(call, callee.name, title, _PARTS)
            continue
        instead = _missing_form(analysis, call, callee)
        if instead is not None:
            yield _missing(call, callee.name, title, instead)
        elif callee.operation == "CONVERT":
            yield from _conversion(call, callee, title)


def _missing_form(analysis: Analysis, call: Call, callee: StandardFunction) -> str | None:
    """Return what to do instead of a function that v3 does not have, or not for these types; None if it has it."""
    operation, kinds = callee.operation, [storage(kind) for kind in callee.parameters]
    if operation not in _ON_V3:
        return _INSTEAD.get(operation, "write a FUNCTION that does it")
    if operation in _BOUNDS:
        return None if _is_known(analysis, call) else "pass the bound as an input of its own"
    if operation in ("MAX", "MIN", "LIMIT") and isinstance(kinds[0], StringType):
        return "compare the texts in an IF"
    if operation in ("SHL", "SHR", "ROL", "ROR") and kinds[0] is BOOL:
        return "shift a BYTE"
    if operation in ("EQ", "NE") and isinstance(kinds[0], Array | Structure):
        return "compare the elements or members one by one"
    return None


def eno_without_faults(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR026: ENO of a function, which is TRUE there whenever the function was called."""
    for resolved in analysis.calls.values():
        if resolved.eno is not None and isinstance(resolved.callee, StandardFunction):
            text = (
                f"{TITLES[target]} counts no faults: its ENO is TRUE whenever the function was called, also after a division by zero or a value "
                "out of range."
            )
            yield Problem("POR026", resolved.eno.expr.start, resolved.eno.expr.end, text)


POU_RULES: Final[tuple[tuple[Targets, PouRule], ...]] = (
    ((V3,), missing_function),
    ((V3,), eno_without_faults),
)
PROGRAM_RULES: Final[tuple[tuple[Targets, ProgramRule], ...]] = ()


def _missing(call: Call, name: str, title: str, instead: str) -> Problem:
    text = f"{title} has no {name} in its library: {instead}."
    return Problem("POR006", call.callee.start, call.callee.end, text)


def _is_known(analysis: Analysis, call: Call) -> bool:
    """Whether the bound that is asked for is known beforehand: of an array whose bounds are, in a dimension that is."""
    values = [argument.value for argument in call.arguments if argument.value is not None]
    if len(values) < 2:
        return False
    kinds = [storage(analysis.types.get(value, UNKNOWN)) for value in values]
    open_array = any(isinstance(kind, Array) and None in kind.dimensions for kind in kinds)
    return not open_array and any(value in analysis.constants for value in values)


def _conversion(call: Call, callee: StandardFunction, title: str) -> Iterator[Problem]:
    source, result = storage(callee.parameters[0]), storage(callee.result)
    if any(kind is CHAR or kind is WCHAR or (isinstance(kind, StringType) and kind.wide) for kind in (source, result)):
        yield _missing(call, callee.name, title, "it knows STRING alone")
    elif isinstance(source, StringType) and isinstance(result, Elementary):
        text = f"{title} reads {result.name} from text in another way than the other runtimes: work on the number, not on its text."
        yield Problem("POR007", call.callee.start, call.callee.end, text)
    elif isinstance(result, StringType) and isinstance(source, Elementary) and source.family in _WRITTEN_OTHERWISE:
        text = (
            f"{title} writes {source.name} as text in another way than the other runtimes: make it an integer first, as in "
            f"DINT_TO_STRING({source.name}_TO_DINT(x))."
        )
        yield Problem("POR007", call.callee.start, call.callee.end, text)
    elif (
        isinstance(source, Elementary) and isinstance(result, Elementary) and not _has_clock_conversion(source, result)
    ):
        yield _missing(call, callee.name, title, "convert by way of a number, and mind the unit")


def _has_clock_conversion(source: Elementary, result: Elementary) -> bool:
    """Whether v3 can make `result` of `source`, if both are times or dates."""
    families = (source.family, result.family)
    return not _CLOCKS.issuperset(families) or families in _BETWEEN_CLOCKS or source.family is result.family


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR006", "function-not-on-target", "error", "Target's library has no such function",
        "OpenPLC Runtime v3 compiles the program with a library of its own, which stems from the second edition of IEC 61131-3 and has not "
        "every function of the third.",
        "Write what the function does, or do without it.",
        function("r : REAL;", "IF IS_VALID(r) THEN Sum := 1; ELSE Sum := 0; END_IF;"),
        function("r : REAL;", "IF ABS(r) <= 3.4E38 THEN Sum := 1; ELSE Sum := 0; END_IF;"),
        ("IEC 61131-3, tables 36 to 39",),
        targets=(V3,),
    ),
    Rule(
        "POR007", "text-conversion-differs", "error", "Target converts texts in its own way",
        "OpenPLC Runtime v3 writes REALs, times and dates as text, and reads all numbers from text, in another form than the other runtimes, "
        "so a program would behave differently there.",
        "Work on the numbers themselves; for a text make an integer of the value first.",
        function("t : TIME;", "Sum := LEN(TIME_TO_STRING(t));"),
        function("t : TIME;", "Sum := LEN(DINT_TO_STRING(TIME_TO_DINT(t)));"),
        targets=(V3,),
    ),
    Rule(
        "POR026", "eno-without-faults", "info", "ENO does not tell of faults",
        "Elsewhere ENO becomes FALSE when a function cannot give a sensible result, after a division by zero for instance. OpenPLC Runtime v3 "
        "counts no faults: there ENO only says whether the function was called.",
        "Test the inputs before the call where it matters.",
        "PROGRAM Main\nVAR\n    a, b : INT;\n    ok : BOOL;\nEND_VAR\na := DIV(IN1 := 10, IN2 := b, ENO => ok);\nIF ok THEN b := a; END_IF;\n"
        "END_PROGRAM\n",
        "PROGRAM Main\nVAR\n    a, b : INT;\n    ok : BOOL;\nEND_VAR\nok := b <> 0;\na := DIV(IN1 := 10, IN2 := b);\nIF ok THEN b := a; END_IF;\n"
        "END_PROGRAM\n",
        ("IEC 61131-3, 6.6.1.5",),
        ("on-request",),
        (V3,),
    ),
)  # fmt: skip
