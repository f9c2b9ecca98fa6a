"""Text to tree: the front door of `rung.syntax`.

Invariants: `parse_unit` never raises and depends on nothing but its text, so its result may be kept for as long as the text stays
the same; the units of `parse_file` put together are the file.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.bodies import body
from rung.syntax.configuration import configuration
from rung.syntax.declarations import section, type_block
from rung.syntax.lexer import lex
from rung.syntax.problem import Problem, Related
from rung.syntax.split import split
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ARRAY,
    COLON,
    COMMA,
    CONFIGURATION,
    END_FUNCTION,
    END_FUNCTION_BLOCK,
    END_PROGRAM,
    EOF,
    FUNCTION,
    FUNCTION_BLOCK,
    IDENT,
    POU_CLOSERS,
    POU_OPENERS,
    PROGRAM,
    SECTIONS,
    SEMICOLON,
    SPELLING,
    TOP_OPENERS,
    TYPE,
    VAR_GLOBAL,
)
from rung.syntax.tree import Declaration, Identifier, PouDecl, PouKind, TypeSpec, Unit, VarSection
from rung.syntax.types import specification

_CLOSER = {FUNCTION: END_FUNCTION, FUNCTION_BLOCK: END_FUNCTION_BLOCK, PROGRAM: END_PROGRAM}
_OPENING_WORDS = ("PROGRAM", "FUNCTION", "FUNCTION_BLOCK", "TYPE", "CONFIGURATION")
_SECTION_WORDS = ("VAR", "VAR_INPUT", "VAR_OUTPUT", "VAR_IN_OUT", "VAR_TEMP", "VAR_EXTERNAL", "VAR_GLOBAL")
_UNREAD = {
    "CLASS": "classes", "INTERFACE": "interfaces", "NAMESPACE": "namespaces", "METHOD": "methods", "USING": "namespaces",
    "UNION": "unions", "ACTION": "actions", "ACTIONS": "actions", "PROPERTY": "properties",
}  # fmt: skip


def parse_file(text: str) -> list[tuple[int, Unit]]:
    """Split a file into units and parse each; returns each unit with the offset in `text` where it begins."""
    starts = split(text)
    ends = [*starts[1:], len(text)]
    return [(start, parse_unit(text[start:end])) for start, end in zip(starts, ends, strict=True)]


def parse_unit(text: str) -> Unit:
    """Parse the text of one unit. Problems of syntax are in the unit; nothing is raised, whatever the text."""
    p = Stream(text, lex(text))
    declarations: list[Declaration] = []
    while p.kinds[p.pos] != EOF:
        pos = p.pos
        kind = p.kinds[pos]
        declared = _declaration(p)
        if declared is not None:
            declarations.append(declared)
        if p.pos == pos and p.kinds[pos] == kind:
            p.pos = pos + 1
    p.problems.sort(key=_place)
    return Unit(text, declarations, p.problems)


def _place(problem: Problem) -> tuple[int, int]:
    return problem.start, problem.end


def _declaration(p: Stream) -> Declaration | None:
    kind = p.kinds[p.pos]
    if kind in POU_OPENERS:
        return _pou(p)
    if kind == TYPE:
        return type_block(p)
    if kind == CONFIGURATION:
        return configuration(p)
    if kind in SECTIONS:
        if kind != VAR_GLOBAL:
            word = SPELLING[kind]
            _outside(p, f"{word} stands outside of any POU. Only VAR_GLOBAL may; put this inside a PROGRAM.")
        return section(p)
    if kind == SEMICOLON:
        p.pos += 1
        return None
    _stray(p)
    return None


def _stray(p: Stream) -> None:
    """Report and skip what stands outside of any declaration."""
    kind = p.kinds[p.pos]
    start = p.start()
    word = p.word()
    if p.kinds[p.pos + 1] == IDENT and not p.starts_line(p.pos + 1) and foreign.respell(p, _OPENING_WORDS):
        return
    if kind in POU_CLOSERS or (word.startswith("END_") and kind != IDENT):
        p.fail("SYN006", start, p.end(), f"{word} closes nothing: nothing is open here that it could end.")
        p.pos += 1
        p.accept(SEMICOLON)
        return
    if kind == IDENT and word in _UNREAD and p.kinds[p.pos + 1] == IDENT:
        p.fail("SYN030", start, p.end(), f"Rung does not read {_UNREAD[word]} yet, so nothing here is checked or run.")
    elif not (kind == IDENT and word.startswith("END_")):
        if p.kinds[p.pos] == EOF:
            return
        message = "This stands outside of any POU, where nothing runs. Statements belong in a PROGRAM, FUNCTION_BLOCK or FUNCTION."
        _outside(p, message)
    while p.kinds[p.pos] != EOF:
        p.pos += 1
        kind = p.kinds[p.pos]
        if kind in TOP_OPENERS or kind == VAR_GLOBAL or (kind in SECTIONS and p.on_new_line()):
            break
        if kind in POU_CLOSERS:
            p.pos += 1
            p.accept(SEMICOLON)
            break


def _outside(p: Stream, message: str) -> None:
    """Report what stands outside of any POU. Once in a unit: what is missing is the POU around all of it."""
    if not any(problem.code == "SYN028" for problem in p.problems):
        p.fail("SYN028", p.start(), p.end(), message)


def _pou(p: Stream) -> PouDecl:
    opener = p.pos
    keyword = p.kinds[opener]
    start = p.starts[opener]
    p.pos += 1
    kind = PouKind(SPELLING[keyword])
    name = _pou_name(p, kind)
    result: TypeSpec | None = None
    if keyword == FUNCTION and p.kinds[p.pos] == COLON:
        p.pos += 1
        result = specification(p)
    elif keyword == FUNCTION and p.kinds[p.pos] in (IDENT, ARRAY) and not p.on_new_line():
        p.fail("SYN001", p.start(), p.end(), "Between a function's name and its result type stands a `:`.", data=":")
        result = specification(p)
    elif p.kinds[p.pos] == COLON:
        p.fail("SYN001", p.start(), p.end(), f"A {kind.value} has no result type; only a FUNCTION has.")
        p.pos += 1
        specification(p)
    p.accept(SEMICOLON)
    sections: list[VarSection] = []
    _sections(p, sections)
    header_end = p.last_end()
    statements, late_end = body(p, sections)
    end = _close(p, opener, name)
    return PouDecl(start, end, kind, name, result, sections, statements, max(header_end, late_end))


def _sections(p: Stream, sections: list[VarSection]) -> None:
    while p.kinds[p.pos] in SECTIONS or _misspelt_section(p):
        sections.append(section(p))
        p.accept(SEMICOLON)


def _misspelt_section(p: Stream) -> bool:
    """Read `VAR_IN` and its like as a section's keyword, with a report, where a declaration follows."""
    pos = p.pos
    if p.kinds[pos] != IDENT or not p.word().startswith("VAR"):
        return False
    declares = p.kinds[pos + 1] == IDENT and p.kinds[pos + 2] in (COLON, COMMA, IDENT)
    return declares and foreign.respell(p, _SECTION_WORDS)


def _pou_name(p: Stream, kind: PouKind) -> Identifier:
    if (
        p.kinds[p.pos] == IDENT
        and p.kinds[p.pos + 1] == IDENT
        and p.word() in ("ABSTRACT", "FINAL")
        and not p.starts_line(p.pos + 1)
    ):
        p.note("SYN030", p.start(), p.end(), f"Rung does not read {p.word()} yet.")
        p.pos += 1
    if p.on_new_line() and p.kinds[p.pos] != IDENT:
        p.expected(f"the name of the {kind.value}", "SYN029")
        return Identifier(p.last_end(), p.last_end(), "", "")
    name = p.name(f"the name of the {kind.value}")
    while p.kinds[p.pos] == IDENT and p.word() in ("EXTENDS", "IMPLEMENTS") and p.kinds[p.pos + 1] == IDENT:
        p.note(
            "SYN030", p.start(), p.end(), f"Rung does not read {p.word()} yet, so what is inherited is missing here."
        )
        p.pos += 2
    return name if name is not None else Identifier(p.last_end(), p.last_end(), "", "")


def _close(p: Stream, opener: int, name: Identifier) -> int:
    """Step over the END of a POU, or report that it is missing."""
    keyword = p.kinds[opener]
    closer = _CLOSER[keyword]
    found = p.kinds[p.pos]
    word = SPELLING[keyword]
    right = SPELLING[closer]
    start = p.starts[opener]
    opened_to = max(start + len(p.texts[opener]), name.end)
    if found == closer:
        p.pos += 1
    elif found in POU_CLOSERS:
        related = Related(start, opened_to, f"The {word} begins here.")
        p.fail(
            "SYN006",
            p.start(),
            p.end(),
            f"{SPELLING[found]} cannot close a {word}. Write {right}.",
            related,
            data=right,
        )
        p.pos += 1
    elif p.unclosed is None or p.unclosed < start:
        shown = f"{word} {name.text}".rstrip()
        p.failed_at = -1
        p.fail("SYN007", start, opened_to, f"{shown} is never closed. Write {right} where it ends.", data=right)
    end = p.last_end()
    p.accept(SEMICOLON)
    return end
