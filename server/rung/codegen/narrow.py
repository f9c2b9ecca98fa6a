"""What of a program the core cannot compute on a board: types that are wider than the board's, and times that its clock does not have.

Invariant: rules (POR) have said all of it before, at the place in the source; this is for whoever builds without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rung.semantics.model import Analysis, Program, Variable
from rung.semantics.types import LREAL, WCHAR, Array, Elementary, Family, StringType, Structure, Type, storage, strip

_LONG_TIMES: Final = frozenset({"LTIME", "LDATE", "LTIME_OF_DAY", "LDATE_AND_TIME"})
_TICKED: Final = (Family.DURATION, Family.TIME_OF_DAY, Family.DATE_AND_TIME)
_NS_PER_MS: Final = 1_000_000
_LONGEST_MS: Final = (1 << 31) - 1


def objection(program: Program, lreal: bool) -> str | None:
    """Return why the program does not fit a board, as a sentence, or None if it does. `lreal`: the board's `double` has 64 bits."""
    seen: set[Type] = set()
    for kind in _types(program):
        for part in _parts(kind, seen):
            if isinstance(part, StringType) and part.wide:
                return "WSTRING is not for boards: use STRING."
            if part is WCHAR:
                return "WCHAR is not for boards: use CHAR."
            if part is LREAL and not lreal:
                return "The board has no LREAL: its numbers have 32 bits. Use REAL."
            if isinstance(part, Elementary) and part.name in _LONG_TIMES:
                return f"{part.name} is not for boards, which count milliseconds: use the type without the L."
    for value, kind in _constants(program):
        if value % _NS_PER_MS:
            return "A board counts times in whole milliseconds; the program has a constant that is finer."
        if kind.family is Family.DURATION and abs(value) > _LONGEST_MS * _NS_PER_MS:
            return "TIME on a board ends at T#24d20h31m23s647ms; the program has a constant beyond."
    return None


def _constants(program: Program) -> Iterator[tuple[int, Elementary]]:
    """The constant times, in nanoseconds."""
    tables = [(tables.constants, tables.types) for tables in program.declarations.values()]
    for constants, types in [*tables, *((a.constants, a.types) for a in program.analyses.values())]:
        for expr, value in constants.items():
            kind = storage(types[expr]) if expr in types else None
            if isinstance(kind, Elementary) and kind.family in _TICKED and isinstance(value, int):
                yield value, kind


def _types(program: Program) -> Iterator[Type]:
    tables: list[Mapping[str, Variable]] = [program.globals, *(pou.variables for pou in program.pous.values())]
    if program.configuration is not None:
        tables.append(program.configuration.globals)
        tables += [resource.globals for resource in program.configuration.resources]
    for table in tables:
        yield from (variable.type for variable in table.values())
    for analysis in program.analyses.values():
        yield from _computed(analysis)


def _computed(analysis: Analysis) -> Iterator[Type]:
    """The types of everything that is computed when the program runs; what is constant was computed here."""
    yield from (kind for expr, kind in analysis.types.items() if expr not in analysis.constants)
    yield from analysis.converted.values()


def _parts(kind: Type, seen: set[Type]) -> Iterator[Type]:
    """A type and all that it is made of. A block's variables are looked at where the block is declared."""
    if kind in seen:
        return
    seen.add(kind)
    match strip(kind):
        case Array() as array:
            yield from _parts(array.element, seen)
        case Structure() as structure:
            for member in structure.fields.values():
                yield from _parts(member.type, seen)
        case plain:
            yield storage(plain)
