"""Which block was left open: the search that only a broken program pays for.

Invariant: reading only; the parser's place does not change.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.problem import Related
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    CASE,
    ELSE,
    END_CASE,
    END_FOR,
    END_IF,
    END_REPEAT,
    END_WHILE,
    FOR,
    IF,
    REPEAT,
    SPELLING,
    WHILE,
)

_FARTHEST: Final = 20_000  # tokens; no block that a person wrote is longer

CLOSER: Final = {IF: END_IF, CASE: END_CASE, FOR: END_FOR, WHILE: END_WHILE, REPEAT: END_REPEAT}
OPENER: Final = {closer: opener for opener, closer in CLOSER.items()}


def report_unclosed(p: Stream, opener: int) -> None:
    """Report that the block whose keyword is the token at `opener` has no END before the current token.

    The END that is missing need not be that of `opener`: layout tells which of the blocks inside was meant to end earlier, and an
    `ELSE IF` tells that a second END_IF was never intended.
    """
    if opener in p.forgiven or (p.unclosed is not None and p.unclosed >= p.starts[opener]):
        return
    silent = p.failed_at == p.pos
    if p.pos - opener <= _FARTHEST:
        opener = _culprit(p, opener)
    if silent and (p.kinds[opener] != ELSE or opener in p.forgiven):
        return
    kind = p.kinds[opener]
    start = p.starts[opener]
    word = SPELLING[kind]
    end = start + len(p.texts[opener])
    if kind == ELSE:
        end = p.starts[opener + 1] + len(p.texts[opener + 1])
        message = "Write ELSIF here. ELSE IF begins a second IF inside the ELSE, which needs an END_IF of its own, and that is missing."
        p.failed_at = p.pos
        p.forgiven.add(opener)
        p.note("SYN004", start, end, message, data="ELSIF")
        return
    closer = SPELLING[CLOSER[kind]]
    here = p.starts[p.pos]
    related = (
        () if not p.texts[p.pos] else (Related(here, here + len(p.texts[p.pos]), f"{closer} is missing before this."),)
    )
    p.fail(
        "SYN003", start, end, f"This {word} is never closed. Write `{closer};` where it ends.", *related, data=closer
    )


def _culprit(p: Stream, opener: int) -> int:
    """Return the token to blame: an IF, CASE, FOR, WHILE or REPEAT without its END, or the ELSE of an `ELSE IF`."""
    kinds = p.kinds
    stack: list[int] = []
    stray: list[int] = []  # blocks closed by an END that, by its column, belongs to a block around them
    in_else: set[int] = set()
    for pos in range(opener, p.pos):
        kind = kinds[pos]
        if kind in CLOSER:
            if kind == IF and pos > opener and kinds[pos - 1] == ELSE and not p.starts_line(pos):
                in_else.add(pos)
            stack.append(pos)
        elif kind in OPENER and stack and kinds[stack[-1]] == OPENER[kind]:
            closed = stack.pop()
            if stack and p.starts_line(pos) and _margin(p, closed, in_else) > p.column(pos) and not stray:
                stray.append(closed)
    suspects = stray or stack[-1:]
    wanted = kinds[opener]
    candidates = sorted(pos for pos in in_else if pos > opener)
    if wanted == IF and candidates:
        if not stray:
            return candidates[0] - 1
        first = stray[0]
        if first in in_else:
            return first - 1
        inside = [pos for pos in candidates if pos > first]
        return inside[0] - 1 if inside else first
    if suspects and kinds[suspects[0]] == wanted and p.column(suspects[0]) > p.column(opener):
        return suspects[0]
    return opener


def _margin(p: Stream, pos: int, in_else: set[int]) -> int:
    """Return the column a block's END should stand in: that of its keyword, or of the ELSE before it."""
    at = pos - 1 if pos in in_else else pos
    return p.column(at) if p.starts_line(at) else -1
