"""The keywords between a condition and what depends on it: THEN, DO, OF.

Invariant: after a broken condition the parser goes on behind its keyword if that is still to come, else at the next statement.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.simple import ANCHORS
from rung.syntax.stream import Stream
from rung.syntax.tokens import ASSIGN, COLON, COMMA, DO, DOTDOT, EOF, IDENT, OF, SEMICOLON, SPELLING, THEN


def then(p: Stream, keyword: int, opener: int) -> None:
    """Step over THEN, DO or OF, or report that it is missing after what began at token `opener`."""
    if p.accept(keyword):
        return
    word = SPELLING[keyword]
    if p.failed_at == p.pos:
        resume(p, keyword)
        return
    if foreign.braces(p, opener, word):
        return
    kind = p.kinds[p.pos]
    if kind in (THEN, DO, OF):
        opening = SPELLING[p.kinds[opener]]
        p.fail("SYN005", p.start(), p.end(), f"After {opening} comes {word}, not {SPELLING[kind]}.", data=word)
        p.pos += 1
        return
    start, end = p.before()
    if (
        p.on_new_line()
        or kind in ANCHORS
        or kind in (SEMICOLON, EOF)
        or (kind == IDENT and p.kinds[p.pos + 1] == ASSIGN)
        or (keyword == OF and p.kinds[p.pos + 1] in (COLON, COMMA, DOTDOT))
    ):
        p.note("SYN005", start, end, f"{word} is missing after this.", data=word)
        if kind == SEMICOLON:
            p.pos += 1
        return
    if not foreign.misspelt_here(p, keyword):
        foreign.unexpected(p)
        resume(p, keyword)


def resume(p: Stream, keyword: int) -> None:
    """After a broken condition go on behind the keyword that ends it, if that comes before the next statement."""
    pos = p.pos
    kinds = p.kinds
    while kinds[pos] not in ANCHORS and kinds[pos] != SEMICOLON:
        if kinds[pos] == keyword:
            p.pos = pos + 1
            return
        if kinds[pos] == IDENT and p.starts_line(pos) and pos > p.pos:
            break
        pos += 1
    p.pos = pos
