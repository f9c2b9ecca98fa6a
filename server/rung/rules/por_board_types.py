"""POR030 to POR032, POR037 to POR039, POR041, POR042: types and values that boards do not have, or have at a price.

Invariant: a type is reported where it is written down, once, and an expression only if none of its parts has been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rung.rules.por_targets import BOARD, BoardPouRule, BoardProgramRule
from rung.rules.por_walk import global_sections, types_in_globals, types_in_pou, types_in_type_blocks
from rung.rules.registry import Rule
from rung.rules.snippets import program
from rung.semantics.model import Analysis, Program, ResolvedCall, StandardFunction
from rung.semantics.types import (
    DATE,
    DATE_AND_TIME,
    DEFAULT_STRING_LENGTH,
    LDATE,
    LDATE_AND_TIME,
    LINT,
    LREAL,
    LTIME,
    LTIME_OF_DAY,
    LWORD,
    ULINT,
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
    Call,
    Expr,
    Literal,
    LiteralKind,
    NamedType,
    ReferenceSpec,
    SectionKind,
    StringSpec,
    StructSpec,
    SubrangeSpec,
    TypeSpec,
    Unary,
    Unit,
    VarSection,
)
from rung.targets.board import Board

_MS: Final = 1_000_000
_MOST_MS: Final = (1 << 31) - 1  # a board's TIME and TOD count milliseconds in 32 bits with a sign
_SHORTER: Final = {LTIME: "TIME", LDATE: "DATE", LTIME_OF_DAY: "TOD", LDATE_AND_TIME: "DT"}
_WIDE: Final = frozenset({LINT, ULINT, LWORD})
_DATES: Final = (DATE, DATE_AND_TIME)
_CLOCKS: Final = frozenset({Family.DURATION, Family.TIME_OF_DAY, Family.DATE_AND_TIME})
_SLOW_FAMILIES: Final = ("avr", "megaavr")  # 8 bits at a time
_SMALL_RAM: Final = 4096
_NO_MEMORY: Final = frozenset({SectionKind.VAR_EXTERNAL, SectionKind.VAR_IN_OUT})


def types_of_pou(analysis: Analysis, board: Board) -> Iterator[Problem]:
    """What a POU declares, its result's type included."""
    for spec, kind in types_in_pou(analysis):
        yield from _judge(spec, kind, board)
    for section in () if analysis.pou.declaration is None else analysis.pou.declaration.sections:
        yield from _long_texts(section, board)


def values_of_pou(analysis: Analysis, board: Board) -> Iterator[Problem]:
    """What the expressions of a POU are made of."""
    yield from _expressions(analysis.types, analysis.calls, analysis.constants, board)
    yield from _spans(analysis, board)


def declared_types(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """What TYPE blocks and VAR_GLOBAL declare."""
    for unit, spec, kind in (*types_in_type_blocks(found), *types_in_globals(found)):
        yield from ((unit, problem) for problem in _judge(spec, kind, board))
    for unit, section in global_sections(found):
        yield from ((unit, problem) for problem in _long_texts(section, board))


def values_outside_of_pous(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """The values of all that is declared outside of POUs."""
    intervals = _intervals(found)
    for unit, tables in found.declarations.items():
        types = {node: kind for node, kind in tables.types.items() if node not in intervals}
        yield from ((unit, problem) for problem in _expressions(types, {}, tables.constants, board))


POU_RULES: Final[tuple[BoardPouRule, ...]] = (types_of_pou, values_of_pou)
PROGRAM_RULES: Final[tuple[BoardProgramRule, ...]] = (declared_types, values_outside_of_pous)


# --------------------------------------------------------------------------------------------------------------------- types


def _judge(spec: TypeSpec, kind: Type, board: Board) -> Iterator[Problem]:
    """Yield what is wrong with a type specification; `kind` is the type that it describes. What a name stands for is left alone."""
    match spec:
        case ArraySpec():
            yield from _judge(spec.element, kind.element if isinstance(kind, Array) else UNKNOWN, board)
        case StructSpec():
            for item in spec.fields:
                field = kind.fields.get(item.names[0].key) if isinstance(kind, Structure) and item.names else None
                yield from _judge(item.type, UNKNOWN if field is None else field.type, board)
        case ReferenceSpec():
            yield from _judge(spec.target, getattr(strip(kind), "target", UNKNOWN), board)
        case NamedType() | StringSpec() | SubrangeSpec():
            kind = storage(kind) if isinstance(spec, SubrangeSpec) else kind
            if isinstance(kind, Block):
                kind = _of_standard_block(kind)
            said = _missing(kind, board) or _slow(kind, board)
            if said is not None:
                yield Problem(said[0], spec.start, spec.end, said[1])
        case _:
            pass


def _of_standard_block(kind: Block) -> Type:
    """Return the type that makes a standard block unfit for a board (of a CTU_LINT LINT), UNKNOWN if there is none."""
    if kind.pou.declaration is not None:
        return UNKNOWN
    types = (variable.type for variable in kind.pou.variables.values())
    return next((found for found in types if found in _SHORTER or found in _WIDE), UNKNOWN)


def _missing(kind: Type, board: Board) -> tuple[str, str] | None:
    """Return the code and the sentence about a type that a board does not have."""
    if kind is LREAL and not board.has_lreal:
        return (
            "POR030",
            f"{board.title} has no LREAL, for its chip's numbers have 32 bits: use REAL, which keeps about 7 digits.",
        )
    if isinstance(kind, Elementary) and kind in _SHORTER:
        return "POR031", f"{board.title} has no {kind.name}, for its clock counts milliseconds: use {_SHORTER[kind]}."
    if isinstance(kind, StringType) and kind.wide:
        return "POR032", f"{board.title} has no WSTRING: use STRING, which holds ISO 8859-1."
    if kind is WCHAR:
        return "POR032", f"{board.title} has no WCHAR: use CHAR."
    return None


def _slow(kind: Type, board: Board) -> tuple[str, str] | None:
    if isinstance(kind, Elementary) and kind in _WIDE and board.family in _SLOW_FAMILIES:
        return "POR039", (
            f"{board.title} handles {kind.name} one byte at a time, which costs time and program memory: use 32 bits or less where they do."
        )
    return None


def _long_texts(section: VarSection, board: Board) -> Iterator[Problem]:
    if board.ram > _SMALL_RAM or section.kind in _NO_MEMORY:
        return
    for item in section.declarations:
        spec, many = item.type, ""
        while isinstance(spec, ArraySpec):
            spec, many = spec.element, " each"
        if isinstance(spec, StringSpec) and spec.length is None and not spec.wide:
            text = (
                f"A STRING takes {DEFAULT_STRING_LENGTH + 1} bytes or more{many} of the {board.ram} that {board.title} has for everything: "
                "say how long it gets, as in STRING[20]."
            )
            yield Problem("POR041", spec.start, spec.end, text)


# -------------------------------------------------------------------------------------------------------------------- values


def _expressions(
    types: Mapping[Expr, Type], calls: Mapping[Call, ResolvedCall], constants: Mapping[Expr, Constant], board: Board
) -> Iterator[Problem]:
    for node, kind in types.items():
        base = storage(kind)
        said = _missing(base, board)
        if said is not None and _begins_here(node, types, calls, board):
            yield Problem(said[0], node.start, node.end, said[1])
        elif said is None and isinstance(base, Elementary) and isinstance(node, Literal | Binary):
            yield from _clock_value(node, base, types, constants, board)


def _begins_here(node: Expr, types: Mapping[Expr, Type], calls: Mapping[Call, ResolvedCall], board: Board) -> bool:
    """Whether an expression has a type that the board lacks although no part of it has, and no declaration has said so."""
    parts: list[Expr]
    match node:
        case Literal():
            # A number without a prefix takes the type that it meets; the least that it can be is in the board's reach.
            return node.kind is LiteralKind.WSTRING or (node.prefix or "").startswith(("L", "W"))
        case Call() if node in calls and isinstance(calls[node].callee, StandardFunction):
            parts = [argument.expr for argument in calls[node].arguments]
        case Binary():
            parts = [node.left, node.right]
        case Unary():
            parts = [node.operand]
        case _:
            return False
    return all(_missing(storage(types.get(part, UNKNOWN)), board) is None for part in parts)


def _clock_value(
    node: Literal | Binary,
    kind: Elementary,
    types: Mapping[Expr, Type],
    constants: Mapping[Expr, Constant],
    board: Board,
) -> Iterator[Problem]:
    """POR037 and POR038 of a literal, or of a sum or product of constants whose parts are well."""
    parts = (node.left, node.right) if isinstance(node, Binary) else ()
    if any(_flaw(constants.get(part), storage(types.get(part, UNKNOWN))) for part in parts):
        return
    flaw = _flaw(constants.get(node), kind)
    if flaw == "POR037":
        text = f"TIME on {board.title} counts milliseconds in 32 bits, so it ends at T#24d20h31m23s647ms: this value would become another."
        yield Problem("POR037", node.start, node.end, text)
    elif flaw == "POR038":
        text = f"{board.title} counts {kind.name} in milliseconds, so what is less than one would be lost: write whole milliseconds."
        yield Problem("POR038", node.start, node.end, text)


def _flaw(value: Constant | None, kind: Type) -> str | None:
    """Return the code of what is wrong with a value, in ns, of a time or date; None of anything else."""
    if not isinstance(value, int) or not isinstance(kind, Elementary) or kind.family not in _CLOCKS:
        return None
    if kind.family is Family.DURATION and abs(value) > _MOST_MS * _MS:
        return "POR037"
    return "POR038" if value % _MS else None


def _spans(analysis: Analysis, board: Board) -> Iterator[Problem]:
    """POR042: the difference of two dates, which may be longer than a TIME."""
    pairs: list[tuple[Expr, Sequence[Type]]] = [
        (node, (analysis.types[node.left], analysis.types[node.right]))
        for node in analysis.types
        if isinstance(node, Binary) and node.op == "-"
    ]
    pairs += [
        (call, resolved.callee.parameters)
        for call, resolved in analysis.calls.items()
        if isinstance(resolved.callee, StandardFunction) and resolved.callee.operation == "SUB"
    ]
    for node, types in pairs:
        if node not in analysis.constants and len(types) == 2 and all(storage(kind) in _DATES for kind in types):
            text = f"A TIME on {board.title} ends at 24 days: a longer span between two dates wraps round. Compare the dates themselves where it may be longer."
            yield Problem("POR042", node.start, node.end, text)


def _intervals(found: Program) -> frozenset[Expr]:
    """Return the tasks' intervals, of which a rule of their own speaks."""
    if found.configuration is None:
        return frozenset()
    tasks = (task for resource in found.configuration.resources for task in resource.tasks)
    return frozenset(
        item.value
        for task in tasks
        if task.declaration is not None
        for item in task.declaration.properties
        if item.name.key == "INTERVAL"
    )


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR030", "no-lreal-on-board", "error", "Board has no LREAL",
        "The compiler of an AVR chip has floating point of 32 bits only: an LREAL would silently be a REAL, with 7 digits instead of 15.",
        "Use REAL, or integers in a smaller unit.",
        program("level : LREAL;", "level := level + 1.0;"),
        program("level : REAL;", "level := level + 1.0;"),
        ("IEC 61131-3, table 10",),
        targets=(BOARD,),
    ),
    Rule(
        "POR031", "no-long-time-on-board", "error", "Board has no long times and dates",
        "A board's clock counts milliseconds. An LTIME, LDATE, LTOD or LDT promises nanoseconds, which nothing on the board could measure.",
        "Use TIME, DATE, TOD or DT.",
        program("rest : LTIME;", "rest := rest;"),
        program("rest : TIME;", "rest := T#5s;"),
        ("IEC 61131-3, table 10",),
        targets=(BOARD,),
    ),
    Rule(
        "POR032", "no-wide-text-on-board", "error", "Board has no wide text",
        "WSTRING and WCHAR take two bytes for each character, of which a board has few, and no part of its firmware could show them.",
        "Use STRING or CHAR.",
        program("name : WSTRING;", "name := name;"),
        program("name : STRING[20];", "name := name;"),
        ("IEC 61131-3, table 10",),
        targets=(BOARD,),
    ),
    Rule(
        "POR037", "time-beyond-board", "error", "Time is beyond the board's clock",
        "A TIME on a board is a number of milliseconds in 32 bits with a sign, so that timers stay small: it ends at 24 days, 20 hours and 31 "
        "minutes. A value beyond wraps round into another one.",
        "Count hours or days with a counter.",
        program("t : TIME;", "t := T#25d;"),
        program("t : TIME;", "t := T#24d;"),
        targets=(BOARD,),
    ),
    Rule(
        "POR038", "time-too-fine", "error", "Time is finer than the board's clock",
        "A board counts TIME, TOD and DT in milliseconds. T#500us would be no time at all.",
        "Write whole milliseconds.",
        program("t : TIME;", "t := T#1500us;"),
        program("t : TIME;", "t := T#2ms;"),
        targets=(BOARD,),
    ),
    Rule(
        "POR039", "wide-integer-on-board", "warning", "Integer of 64 bits on an 8-bit chip",
        "An AVR chip handles 64 bits one byte at a time, with functions that take much of its memory. The values are right, but scans get longer.",
        "Use DINT, UDINT or DWORD where 32 bits are enough.",
        program("total : LINT;", "total := total + 1;"),
        program("total : DINT;", "total := total + 1;"),
        tags=("once",),
        targets=(BOARD,),
    ),
    Rule(
        "POR041", "long-string-on-board", "warning", "STRING of the usual length on a small board",
        f"A STRING without a length holds {DEFAULT_STRING_LENGTH} characters, whether they are used or not. On a board with 2 KB of memory a few of them "
        "leave no room for anything else.",
        "Say how long the text gets.",
        program("name : STRING;", "name := 'pump';"),
        program("name : STRING[20];", "name := 'pump';"),
        ("IEC 61131-3, 6.4.2",),
        targets=(BOARD,),
    ),
    Rule(
        "POR042", "span-beyond-board", "warning", "Difference of dates may be longer than a TIME",
        "A TIME on a board ends at 24 days, 20 hours and 31 minutes. The time between two dates that lie further apart wraps round into "
        "another one, without a word.",
        "Compare the dates themselves, or make sure that they lie within three weeks.",
        program("begun, ended : DATE;\nspan : TIME;", "span := ended - begun;"),
        program("begun, ended : DATE;\nlate : BOOL;", "late := ended > begun;"),
        targets=(BOARD,),
    ),
)  # fmt: skip
