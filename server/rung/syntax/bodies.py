"""The body of a POU, whichever language it is written in.

Invariant: a body ends before the END of a POU, before the keyword that begins the next one, or at the end of the text.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.declarations import section
from rung.syntax.statements import statements
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ADDRESS,
    BLOCK_CLOSERS,
    COLON,
    END_CONFIGURATION,
    END_RESOURCE,
    END_TYPE,
    END_VAR,
    ENUM,
    EOF,
    FALSE,
    IDENT,
    INTEGER,
    LPAREN,
    NUMBER,
    POU_CLOSERS,
    SECTIONS,
    SEMICOLON,
    STRING,
    TOP_OPENERS,
    TRUE,
    TYPED,
)
from rung.syntax.tree import ErrorStatement, Statement, VarSection

# An accumulator is loaded first, so most bodies begin with one of these; the others count only where an operand ends the line.
_IL_FIRST: Final = frozenset({"LD", "LDN", "CAL", "CALC", "CALCN"})
_IL_OPERATORS: Final = frozenset({
    "ST", "STN", "S", "R", "S1", "R1", "CLK", "CU", "CD", "PV", "IN", "PT", "JMP", "JMPC", "JMPCN", "RETC", "RETCN",
    "ANDN", "ORN", "XORN", "ADD", "SUB", "MUL", "DIV", "GT", "GE", "EQ", "NE", "LE", "LT",
})  # fmt: skip
_IL_OPERANDS: Final = frozenset({IDENT, ADDRESS, INTEGER, NUMBER, TYPED, STRING, ENUM, TRUE, FALSE})
_SFC_WORDS: Final = frozenset({"INITIAL_STEP", "STEP", "TRANSITION", "ACTION"})


def body(p: Stream, sections: list[VarSection]) -> tuple[list[Statement], int]:
    """Read a POU's body; returns it, and where declarations found among the statements end (0 for none)."""
    late_end = 0
    skipped = _other_language(p)
    found = [skipped] if skipped is not None else statements(p)
    while True:
        kind = p.kinds[p.pos]
        if kind in SECTIONS:
            p.fail(
                "SYN031",
                p.start(),
                p.end(),
                "Declarations stand before the first statement of a POU. Move this section up.",
            )
            sections.append(section(p))
            late_end = p.last_end()
        elif kind in BLOCK_CLOSERS or kind in (END_VAR, END_TYPE, END_CONFIGURATION, END_RESOURCE):
            if kind == END_CONFIGURATION:
                break
            word = p.word()
            p.fail("SYN006", p.start(), p.end(), f"{word} closes nothing: nothing is open here that it could end.")
            p.pos += 1
            p.accept(SEMICOLON)
        else:
            break
        found += statements(p)
    return found, late_end


def _other_language(p: Stream) -> Statement | None:
    """Skip a body that is not Structured Text, with one problem that names the language."""
    kinds = p.kinds
    pos = p.pos
    if kinds[pos] != IDENT:
        return None
    word = p.word()
    after = kinds[pos + 1]
    if word in _SFC_WORDS and after == IDENT:
        return _skip(p, "SYN024", "Sequential Function Chart (SFC)")
    if kinds[pos + 1] == COLON and kinds[pos + 2] == IDENT:
        pos += 2
        word = p.texts[pos].upper()
        after = kinds[pos + 1]
    if p.starts_line(pos + 1) or kinds[pos + 2] == SEMICOLON:
        return None
    if word in _IL_FIRST and (after in _IL_OPERANDS or after == LPAREN):
        return _skip(p, "SYN023", "Instruction List (IL)")
    if word in _IL_OPERATORS and after in _IL_OPERANDS and p.starts_line(pos + 2):
        return _skip(p, "SYN023", "Instruction List (IL)")
    return None


def _skip(p: Stream, code: str, language: str) -> Statement:
    start = p.start()
    p.fail(
        code,
        start,
        p.end(),
        f"This body is written in {language}, which Rung does not read yet, so it is neither checked nor run. "
        "Write it in Structured Text.",
    )
    kinds = p.kinds
    while kinds[p.pos] != EOF and kinds[p.pos] not in POU_CLOSERS:
        if kinds[p.pos] in TOP_OPENERS and p.on_new_line():
            break
        p.pos += 1
    return ErrorStatement(start, p.last_end())
