"""The first stage of the device's compiler: what its parser refuses, and names that it knows only while it parses.

Rules of section 3.3 and the recorded messages. A declaration that is refused takes its variable with it, so every assignment to that
variable is refused, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rung.project.snapshot import PlacedUnit, Snapshot
from rung.rules.registry import find
from rung.semantics.model import Pou
from rung.semantics.stdlib import lookup_block
from rung.semantics.types import ELEMENTARY
from rung.simulator.v3.complaints import NO_TARGET, TOO_MANY, Complaint, Places, runaway
from rung.simulator.v3.iec2c_bodies import body_complaints
from rung.syntax.tokens import COMMENT, STRING
from rung.syntax.tree import (
    ArraySpec,
    NamedType,
    PouDecl,
    PouKind,
    ReferenceSpec,
    SectionKind,
    StringSpec,
    TypeSpec,
    VariableDecl,
    VarSection,
)

_NO_TYPE: Final = "invalid specification in variable declaration."
_NO_EXTERNAL: Final = "invalid specification in external variable declaration."
_NO_LOCATED: Final = "invalid located variable declaration."
_NO_PLAIN: Final = "invalid variable(s) declaration."
_AFTER_VAR: Final = "unexpected token after 'VAR' in located variable(s) declaration."
_NO_ITEM: Final = "invalid item data type in array specification."
_UNKNOWN: Final = "unknown syntax error."
_ABSENT_TYPES: Final = frozenset({
    "CHAR", "WCHAR", "LTIME", "LDATE", "LTOD", "LDT", "LTIME_OF_DAY", "LDATE_AND_TIME",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Body:
    """A POU with its place; `dropped` are the upper-case names whose declarations were refused."""

    offset: int
    decl: PouDecl
    dropped: frozenset[str]


def hopeless(places: Places, snapshot: Snapshot) -> list[str] | None:
    """The whole output for what makes the compiler give up at once; None when it goes on."""
    if places.text.startswith("\ufeff"):
        return [f"{places.span(0, 0).split(':')[0]}:1-0..1-0: error: {_UNKNOWN}", "", "1 error(s) found. Bailing out!"]
    for kind, text in zip(places.tokens.kinds, places.tokens.texts, strict=True):
        if kind != STRING and not text.isascii():
            return ["", TOO_MANY]
    for _, decl in _pous(snapshot):
        if decl.kind is PouKind.FUNCTION_BLOCK and lookup_block(decl.name.key) is not None:
            return ["", "Internal compiler error in file ../util/symtable.cc at line 120."]
    return None


def syntax_complaints(places: Places, snapshot: Snapshot) -> list[Complaint]:
    """What the parser says, in the order of the text."""
    found: list[Complaint] = []
    names = frozenset(snapshot.program.pous) | frozenset(snapshot.program.types)
    bodies: list[_Body] = []
    addresses: set[str] = set()
    for offset, decl in _pous(snapshot):
        declared = _Declarations(places, offset, names, snapshot, addresses)
        for section in decl.sections:
            found += declared.section(section)
        bodies.append(_Body(offset, decl, frozenset(declared.dropped)))
    comments = list(_bad_comments(places))
    for body in bodies:
        _note_first_line(places, body, comments)
    found += (_comment_complaint(places, start, bodies) for start in comments)
    found += _global_sections(snapshot)
    for body in bodies:
        found += body_complaints(places, snapshot, body.offset, body.decl, body.dropped)
    found += _problems(places, snapshot)
    return _in_order(places, found)


def _in_order(places: Places, found: Sequence[Complaint]) -> list[Complaint]:
    """One complaint a place, line by line; what is said of one line keeps its own order."""
    seen: set[tuple[int, str]] = set()
    kept: list[Complaint] = []
    for complaint in sorted(found, key=lambda item: places.line(item.start)):
        if (complaint.start, complaint.text) not in seen:
            seen.add((complaint.start, complaint.text))
            kept.append(complaint)
    return kept


def _pous(snapshot: Snapshot) -> Iterator[tuple[int, PouDecl]]:
    for placed in _units(snapshot):
        for decl in placed.unit.declarations:
            if isinstance(decl, PouDecl):
                yield placed.offset, decl


def _units(snapshot: Snapshot) -> Iterator[PlacedUnit]:
    for file in snapshot.files.values():
        yield from file.units


def _global_sections(snapshot: Snapshot) -> Iterator[Complaint]:
    """Globals are declared in a CONFIGURATION or nowhere."""
    for placed in _units(snapshot):
        for decl in placed.unit.declarations:
            if isinstance(decl, VarSection):
                yield Complaint(placed.offset + decl.start, placed.offset + decl.end, _UNKNOWN)


def _note_first_line(places: Places, body: _Body, comments: Sequence[int]) -> None:
    starts = [body.offset + statement.start for statement in body.decl.body[:1]]
    header, end = body.offset + body.decl.header_end, body.offset + body.decl.end
    starts += [start for start in comments if header <= start < end]
    if starts:
        places.body_begins(min(starts))


# -- comments ----------------------------------------------------------------------------------------------------


def _bad_comments(places: Places) -> Iterator[int]:
    """Where a comment begins that is none to this compiler; of a nested one what stands after its first end."""
    for kind, start, end in places.tokens.trivia:
        if kind != COMMENT:
            continue
        text = places.text[start:end]
        if not text.startswith("(*"):
            yield start
        elif "(*" in text[2:] and text.find("*)") + 2 < len(text):
            rest = text.find("*)") + 2
            yield start + rest + len(text[rest:]) - len(text[rest:].lstrip())


def _comment_complaint(places: Places, start: int, bodies: Sequence[_Body]) -> Complaint:
    follows = places.token_at(start)
    _, end = places.token_span(follows)
    for body in bodies:
        if body.offset + body.decl.header_end <= start < body.offset + body.decl.end:
            return Complaint(start, end, NO_TARGET)
        if body.offset + body.decl.start <= start < body.offset + body.decl.header_end:
            return Complaint(start, places.next_of(start, (";",)) - 1, _NO_PLAIN)
    line_end = places.text.find("\n", start)
    return Complaint(start, len(places.text) if line_end < 0 else line_end, _UNKNOWN)


# -- declarations ------------------------------------------------------------------------------------------------


class _Declarations:
    """The variable sections of one POU."""

    def __init__(
        self, places: Places, offset: int, names: frozenset[str], snapshot: Snapshot, addresses: set[str]
    ) -> None:
        self.dropped: set[str] = set()
        self._places = places
        self._offset = offset
        self._names = names
        self._snapshot = snapshot
        self._addresses = addresses
        self._seen: set[str] = set()

    def section(self, section: VarSection) -> Iterator[Complaint]:
        located = bool(section.declarations) and section.declarations[0].address is not None
        for decl in section.declarations:
            refused = list(self._declaration(section, decl, located))
            if refused or (decl.address is not None and decl.address.text.endswith("*")):
                self.dropped.update(name.key for name in decl.names)
            external = section.kind is SectionKind.VAR_EXTERNAL
            yield from refused or self._type(decl.type, _NO_EXTERNAL if external else _NO_TYPE)
            self._seen.update(name.key for name in decl.names)

    def _declaration(self, section: VarSection, decl: VariableDecl, located: bool) -> Iterator[Complaint]:
        start = self._offset + decl.start
        end = self._end(decl)
        name = decl.names[0] if decl.names else None
        if name is None:
            return
        mark = name.text.find("__")
        first = decl is section.declarations[0]
        if mark >= 0:
            yield Complaint(start + mark, end, _NO_LOCATED)
            yield Complaint(start, start + max(1, mark) + 1, _AFTER_VAR, counted=False)
        elif self._is_taken(name.key):
            yield Complaint(start, end, _NO_LOCATED if first or located else _NO_PLAIN)
            if first:
                yield Complaint(start, start + len(name.text), _AFTER_VAR, counted=False)
        elif section.kind is SectionKind.VAR and located != (decl.address is not None):
            yield Complaint(start, end, _NO_LOCATED if located else _NO_PLAIN)
        elif any(other.key in self._seen for other in decl.names):
            yield Complaint(start, end, _NO_PLAIN)
        elif decl.address is not None:
            if decl.address.text in self._addresses:
                yield Complaint(self._offset + decl.address.start, self._offset + decl.address.end, _DUPLICATE_ADDRESS)
            self._addresses.add(decl.address.text)

    def _type(self, spec: TypeSpec, message: str = _NO_TYPE) -> Iterator[Complaint]:
        span = self._offset + spec.start, self._offset + spec.end
        if isinstance(spec, NamedType):
            kind = spec.name.key
            if not self._known(kind):
                yield Complaint(*span, message)
        elif isinstance(spec, ArraySpec):
            if isinstance(spec.element, NamedType) and not self._is_data(spec.element.name.key):
                first, last = spec.dimensions[0], spec.dimensions[-1]
                yield Complaint(self._offset + first.start, self._offset + last.end, _NO_ITEM)
            else:
                yield from self._type(spec.element)
        elif isinstance(spec, StringSpec) and spec.length is not None:
            if self._places.text[span[0] : span[1]].rstrip().endswith(")"):
                yield Complaint(*span, _NO_LOCATED)
        elif isinstance(spec, ReferenceSpec) and spec.keyword != "REF_TO":
            yield Complaint(span[0], span[0] + len(spec.keyword), _NO_TYPE)

    def _is_taken(self, key: str) -> bool:
        """Whether a name means something else everywhere: a type, a POU, a block of the library."""
        return key in self._names or (key in ELEMENTARY and key not in _ABSENT_TYPES) or lookup_block(key) is not None

    def _known(self, key: str) -> bool:
        return self._is_data(key) or self._is_block(key)

    def _is_data(self, key: str) -> bool:
        if key in _ABSENT_TYPES:
            return False
        return key in ELEMENTARY or key in ("STRING", "WSTRING") or key in self._snapshot.program.types

    def _is_block(self, key: str) -> bool:
        pou = self._snapshot.program.pous.get(key)
        return (isinstance(pou, Pou) and pou.kind is PouKind.FUNCTION_BLOCK) or lookup_block(key) is not None

    def _end(self, decl: VariableDecl) -> int:
        """Where the declaration ends, its semicolon left out."""
        end = self._offset + decl.end
        text = self._places.text[:end].rstrip()
        return len(text) - 1 if text.endswith(";") else len(text)


# -- what Rung's own parser found --------------------------------------------------------------------------------

_BY_CODE: Final = {
    "SYN002": "';' missing at the end of statement in ST statement.",
    "SYN011": "invalid expression after ':=' in ST assignment statement.",
    "SYN012": "')' missing at the end of expression in ST expression.",
    "SYN027": _NO_TYPE,
    "SYN020": _NO_LOCATED,
    "SYN028": _UNKNOWN,
}
_SETTLED: Final = frozenset({"SYN013", "SYN023", "SYN024", "SYN025", "SYN031"})
_DUPLICATE_ADDRESS: Final = "invalid location in global location declaration."


def _problems(places: Places, snapshot: Snapshot) -> Iterator[Complaint]:
    for placed in _units(snapshot):
        for problem in placed.unit.problems:
            if find(problem.code).severity != "error" or problem.code in _SETTLED:
                continue
            start, end = placed.offset + problem.start, placed.offset + problem.end
            if problem.code == "SYN002":
                start, end = _around(places, end)
                if _first_and_last(placed, start):
                    yield Complaint(
                        _first_statement(placed, start), places.token_span(places.token_at(start))[1], _NO_IL
                    )
                    continue
            if problem.code in ("SYN003", "SYN007"):
                yield _runaway(places, placed, start)
                continue
            if problem.code == "SYN028":
                line_end = places.text.find("\n", start)
                end = line_end if line_end >= 0 else len(places.text)
            if problem.code == "SYN030":
                yield from _unread(places, placed, start, end)
                continue
            if problem.code == "SYN012":
                start, end = _around(places, end)
            yield Complaint(start, end, _BY_CODE.get(problem.code, "invalid statement in ST statement."))
    for unit, problem in snapshot.program.problems:
        offset = snapshot.place(unit).offset
        start, end = offset + problem.start, offset + problem.end
        if problem.code == "TSK008":
            yield Complaint(start, end, "invalid program type name after ':' in program configuration.")


_NO_IL: Final = "invalid IL instruction."


def _runaway(places: Places, placed: PlacedUnit, offset: int) -> Complaint:
    """What is never closed is noticed at the end of its POU, and from there on nothing is understood."""
    decl = next((decl for decl in placed.unit.declarations if isinstance(decl, PouDecl)), None)
    closer = places.token_at(max(0, placed.offset + decl.end - 1)) if decl is not None else places.token_at(offset)
    return runaway(places, places.token_span(closer)[0])


def _unread(places: Places, placed: PlacedUnit, start: int, end: int) -> Iterator[Complaint]:
    """A construct of the third edition: METHOD in a block, NAMESPACE around everything."""
    closing = f"END_{places.text[start:end].split()[0].upper()}"
    close = places.next_of(start, (closing,))
    for decl in placed.unit.declarations:
        if isinstance(decl, PouDecl) and decl.start <= start - placed.offset < decl.end:
            yield Complaint(placed.offset + decl.name.start, close, "unknown error in function block declaration.")
            return
    line_end = places.text.find("\n", start)
    yield Complaint(start, line_end if line_end >= 0 else len(places.text), _UNKNOWN)
    if places.text[:close].upper().endswith(closing):
        yield Complaint(close - len(closing), close, _UNKNOWN)


def _around(places: Places, offset: int) -> tuple[int, int]:
    """From the word before something that is missing to the end of the word after it."""
    before = places.token_at(max(0, offset - 1))
    return places.token_span(before)[0], places.token_span(min(before + 1, len(places.tokens.starts) - 1))[1]


def _first_and_last(placed: PlacedUnit, offset: int) -> bool:
    """A body of one statement that lacks its semicolon: the compiler takes it for Instruction List."""
    return any(
        isinstance(decl, PouDecl) and len(decl.body) == 1 and decl.start <= offset - placed.offset < decl.end
        for decl in placed.unit.declarations
    )


def _first_statement(placed: PlacedUnit, offset: int) -> int:
    for decl in placed.unit.declarations:
        if isinstance(decl, PouDecl) and decl.body and decl.start <= offset - placed.offset < decl.end:
            return placed.offset + decl.body[0].start
    return offset
