"""POR001 to POR005, POR015, POR028, POR029: types and values that the compiler on OpenPLC Runtime v3 does not know.

Invariant: a type is reported where it is written down, once, and not where it is used: the declaration is what has to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rung.rules.por_targets import TITLES, V3, PouRule, ProgramRule, Targets
from rung.rules.por_walk import types_in_globals, types_in_pou, types_in_type_blocks
from rung.rules.registry import Rule
from rung.rules.snippets import function, program
from rung.semantics.model import Analysis, Program
from rung.semantics.types import (
    CHAR,
    UNKNOWN,
    WCHAR,
    Array,
    Block,
    Constant,
    Elementary,
    Family,
    StringType,
    Structure,
    Type,
    storage,
    strip,
)
from rung.syntax.problem import Problem
from rung.syntax.tree import (
    ArraySpec,
    Binary,
    Expr,
    Literal,
    LiteralKind,
    NamedType,
    ReferenceSpec,
    StringSpec,
    StructSpec,
    TypeSpec,
    Unit,
)

_LONGEST: Final = 126  # characters of v3's STRING
_MOST_SECONDS: Final = (1 << 31) - 1  # v3 counts seconds in 32 bits with a sign
_LARGEST: Final = 3.4028234663852886e38  # the greatest REAL
_LEAST: Final = 1.1754943508222875e-38  # the least above zero that has all its digits
_NS: Final = 1_000_000_000
_WIDE_PREFIXES: Final = frozenset({"WSTRING", "CHAR", "WCHAR"})
_CLOCKS: Final = frozenset({Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME})


def types_of_pou(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR001 to POR005 in a POU's declarations, its result's type included."""
    for spec, kind in types_in_pou(analysis):
        yield from _judge(spec, kind, target)


def literals_of_pou(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR001, POR015 and POR028 in the values that a POU names."""
    yield from _literals(analysis.types, target)
    yield from _computed(analysis, target)


def declared_types(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR001 to POR005 in TYPE blocks and in VAR_GLOBAL."""
    for unit, spec, kind in (*types_in_type_blocks(found), *types_in_globals(found)):
        yield from ((unit, problem) for problem in _judge(spec, kind, target))


def values_outside_of_pous(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR001, POR015 and POR028 in the values of all that is declared outside of POUs."""
    for unit, tables in found.declarations.items():
        yield from ((unit, problem) for problem in _literals(tables.types, target))


POU_RULES: Final[tuple[tuple[Targets, PouRule], ...]] = (((V3,), types_of_pou), ((V3,), literals_of_pou))
PROGRAM_RULES: Final[tuple[tuple[Targets, ProgramRule], ...]] = (
    ((V3,), declared_types),
    ((V3,), values_outside_of_pous),
)


def _judge(spec: TypeSpec, kind: Type, target: str) -> Iterator[Problem]:
    """Yield what is wrong with a type specification; `kind` is the type that it describes. What a name stands for is left alone."""
    title = TITLES[target]
    match spec:
        case StringSpec() | NamedType() if isinstance(kind, StringType):
            if kind.wide:
                text = f"{title} has no WSTRING: use STRING, which holds ISO 8859-1."
                yield Problem("POR001", spec.start, spec.end, text)
            elif kind.length > _LONGEST:
                text = f"A STRING of {title} holds {_LONGEST} characters, not {kind.length}: use STRING[{_LONGEST}], or several."
                yield Problem("POR002", spec.start, spec.end, text)
        case NamedType() if kind is CHAR or kind is WCHAR:
            text = f"{title} has no {kind.name}: use STRING[1] for a character, or a BYTE for its code."
            yield Problem("POR001", spec.start, spec.end, text)
        case ReferenceSpec():
            text = (
                f"{title} has no references. Pass the variable as VAR_IN_OUT, or keep the variables in an array and "
                "hand on the index."
            )
            yield Problem("POR003", spec.start, spec.end, text)
        case ArraySpec():
            yield from _judge_array(spec, kind, title)
            yield from _judge(spec.element, kind.element if isinstance(kind, Array) else UNKNOWN, target)
        case StructSpec():
            for item in spec.fields:
                field = kind.fields.get(item.names[0].key) if isinstance(kind, Structure) and item.names else None
                member = UNKNOWN if field is None else field.type
                if isinstance(item.type, NamedType) and isinstance(strip(member), Block):
                    text = (
                        f"{title} takes no function block inside a structure: declare the instance of {strip(member).name} "
                        "beside the structure."
                    )
                    yield Problem("POR005", item.type.start, item.type.end, text)
                yield from _judge(item.type, member, target)
        case _:
            pass


def _judge_array(spec: ArraySpec, kind: Type, title: str) -> Iterator[Problem]:
    if any(dimension.low is None for dimension in spec.dimensions):
        text = f"{title} has no ARRAY[*]: give the bounds, and the number of elements in use as an input of its own."
        yield Problem("POR004", spec.start, spec.end, text)
    element = strip(kind.element) if isinstance(kind, Array) else UNKNOWN
    if isinstance(element, Block) and isinstance(spec.element, NamedType):
        text = (
            f"{title} takes no array of function blocks: declare the instances of {element.name} one by one, or keep "
            "their data in arrays and do the work in one block."
        )
        yield Problem("POR005", spec.start, spec.end, text)
    elif len(spec.dimensions) > 1 and isinstance(element, Structure | Array):
        text = (
            f"{title} cannot compile an array of several dimensions whose elements are {'arrays' if isinstance(element, Array) else 'structures'}: "
            "use one dimension and reckon the index, or an array for each member."
        )
        yield Problem("POR029", spec.start, spec.end, text)


def _literals(types: Mapping[Expr, Type], target: str) -> Iterator[Problem]:
    title = TITLES[target]
    for node, kind in types.items():
        if node.__class__ is not Literal:
            continue
        assert isinstance(node, Literal)
        if node.kind is LiteralKind.WSTRING or node.prefix in _WIDE_PREFIXES:
            word = node.prefix or "WSTRING"
            yield Problem("POR001", node.start, node.end, f"{title} has no {word}: write a STRING, as in 'text'.")
        elif isinstance(kind, Elementary) and kind.family in _CLOCKS and _is_beyond(node.value):
            yield _beyond(node, kind, title)
        elif _is_large(node.value):
            yield _large(node, title)


def _large(node: Expr, title: str) -> Problem:
    text = (
        f"The compiler of {title} reads no number beyond 3.4E38 or below 1.2E-38, not even as LREAL: scale the value."
    )
    return Problem("POR028", node.start, node.end, text)


def _is_large(value: Constant | None) -> bool:
    return isinstance(value, float) and value != 0.0 and not _LEAST <= abs(value) <= _LARGEST


def _computed(analysis: Analysis, target: str) -> Iterator[Problem]:
    """Yield sums and products of constants that the target cannot say, though it can say what they are made of."""
    for node, value in analysis.constants.items():
        if not isinstance(node, Binary):
            continue
        if _is_large(value) and not any(_is_large(analysis.constants.get(part)) for part in (node.left, node.right)):
            yield _large(node, TITLES[target])
        if not _is_beyond(value):
            continue
        kind = storage(analysis.types[node])
        inner = (analysis.constants.get(part) for part in (node.left, node.right))
        if isinstance(kind, Elementary) and kind.family in _CLOCKS and not any(map(_is_beyond, inner)):
            yield _beyond(node, kind, TITLES[target])


def _beyond(node: Expr, kind: Elementary, title: str) -> Problem:
    limit = "68 years" if kind.family is Family.DURATION else "19 January 2038"
    text = f"{title} counts seconds in 32 bits, so its {kind.name} ends at {limit}: this value would become another."
    return Problem("POR015", node.start, node.end, text)


def _is_beyond(value: Constant | None) -> bool:
    return isinstance(value, int) and abs(value) > _MOST_SECONDS * _NS


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR001", "type-not-on-target", "error", "Target has no such type",
        "The compiler on OpenPLC Runtime v3 knows STRING, but neither WSTRING nor CHAR nor WCHAR. It would refuse the program, and the "
        "machine would go without one.",
        "Use STRING, or a BYTE for a character's code.",
        program("name : WSTRING;", "name := name;"),
        program("name : STRING;", "name := name;"),
        ("IEC 61131-3, table 10",),
        targets=(V3,),
    ),
    Rule(
        "POR002", "string-too-long-for-target", "error", "STRING is longer than the target's",
        "Every STRING of OpenPLC Runtime v3 holds 126 characters. What does not fit would be lost without a word.",
        "Use at most STRING[126].",
        program("text : STRING[200];", "text := 'a';"),
        program("text : STRING[126];", "text := 'a';"),
        ("IEC 61131-3, 6.4.2",),
        targets=(V3,),
    ),
    Rule(
        "POR003", "reference-not-on-target", "error", "Target has no references",
        "The compiler on OpenPLC Runtime v3 has no REF_TO, POINTER TO or REFERENCE TO.",
        "Pass the variable as VAR_IN_OUT, or keep the variables in an array and hand on an index.",
        program("i : INT;\nr : REF_TO INT;", "r := REF(i);"),
        program("i : INT;\nr : ARRAY[0..1] OF INT;", "r[i] := 1;"),
        ("IEC 61131-3, 6.4.4.10",),
        targets=(V3,),
    ),
    Rule(
        "POR004", "open-array-not-on-target", "error", "Target has no arrays of open size",
        "The compiler on OpenPLC Runtime v3 needs to know every array's bounds.",
        "Write the bounds of the largest array, and pass how many elements are in use.",
        "FUNCTION First : INT\nVAR_IN_OUT\n    a : ARRAY[*] OF INT;\nEND_VAR\nFirst := a[0];\nEND_FUNCTION\n",
        "FUNCTION First : INT\nVAR_IN_OUT\n    a : ARRAY[0..9] OF INT;\nEND_VAR\nFirst := a[0];\nEND_FUNCTION\n",
        ("IEC 61131-3, 6.5.3",),
        targets=(V3,),
    ),
    Rule(
        "POR005", "blocks-in-data", "error", "Target takes no function blocks in arrays and structures",
        "The compiler on OpenPLC Runtime v3 knows an instance of a function block only as a variable of its own.",
        "Declare the instances one by one.",
        program("t : ARRAY[0..1] OF TON;", "t[0](IN := TRUE, PT := T#1s);\nt[1](IN := t[0].Q, PT := T#1s);"),
        program("t0, t1 : TON;", "t0(IN := TRUE, PT := T#1s);\nt1(IN := t0.Q, PT := T#1s);"),
        ("IEC 61131-3, 6.6.3",),
        targets=(V3,),
    ),
    Rule(
        "POR015", "time-beyond-target", "error", "Time or date is beyond the target's clock",
        "OpenPLC Runtime v3 counts the seconds of every time and date in 32 bits with a sign: a date ends in January 2038, a TIME at 68 "
        "years. A value beyond wraps round into another one.",
        "Use a value within that range.",
        function("d : DATE;", "IF d > D#2040-01-01 THEN Sum := 1; ELSE Sum := 0; END_IF;"),
        function("d : DATE;", "IF d > D#2030-01-01 THEN Sum := 1; ELSE Sum := 0; END_IF;"),
        targets=(V3,),
    ),
    Rule(
        "POR028", "number-beyond-target", "error", "Number is beyond what the target reads",
        "The compiler on OpenPLC Runtime v3 takes no number beyond 3.4E38, the greatest REAL, and none but 0 below 1.2E-38, not even for "
        "an LREAL.",
        "Scale the value, or compute it when the program runs.",
        program("r : LREAL;", "r := 1.0E300;"),
        program("r : LREAL;", "r := 1.0E30;"),
        targets=(V3,),
    ),
    Rule(
        "POR029", "grid-of-structures", "error", "Target takes no array of several dimensions of structures",
        "The C code that the compiler on OpenPLC Runtime v3 makes of such an array's initial values is refused by its own C++ compiler.",
        "Use one dimension and reckon the index (row * width + column), or an array of several dimensions for each member.",
        "TYPE Point : STRUCT x : INT; END_STRUCT; END_TYPE\n" + program("g : ARRAY[0..1, 0..2] OF Point;", "g[1, 2].x := 4;"),
        "TYPE Point : STRUCT x : INT; END_STRUCT; END_TYPE\n" + program("g : ARRAY[0..5] OF Point;", "g[5].x := 4;"),
        targets=(V3,),
    ),
)  # fmt: skip
