"""Statements that hold no others: assignments, calls, and what was meant to be one.

Invariant: a statement that cannot be read is skipped up to where the next one surely begins.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.expressions import expression, operand, operations
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ASSIGN,
    BAD,
    BLOCK_CLOSERS,
    C_COMPOUND,
    COLON,
    COMMA,
    END_VAR,
    EOF,
    EQUAL,
    IDENT,
    RANK,
    SECTIONS,
    SEMICOLON,
    STATEMENT_OPENERS,
    TOP_CLOSERS,
    TOP_OPENERS,
)
from rung.syntax.tree import (
    Assign,
    Binary,
    Continue,
    ErrorExpr,
    ErrorStatement,
    Expr,
    ExprStatement,
    NameExpr,
    Statement,
)


def assignment(p: Stream, found: list[Statement]) -> None:
    """Read `name := value;`, by far the commonest statement."""
    pos = p.pos
    start = p.starts[pos]
    text = p.texts[pos]
    target = NameExpr(start, start + len(text), text, text.upper())
    p.pos = pos + 2
    value = expression(p)
    pos = p.pos
    if p.kinds[pos] == SEMICOLON:
        p.pos = pos + 1
        found.append(Assign(start, p.starts[pos] + 1, target, value))
    else:
        _rest(p, start, target, value, found)


def _rest(p: Stream, start: int, target: Expr, value: Expr, found: list[Statement]) -> None:
    """Finish an assignment that is not simply followed by `;`."""
    chain = [target]
    while p.kinds[p.pos] == ASSIGN and p.failed_at != p.pos:
        chain.append(value)
        p.pos += 1
        value = expression(p)
    if p.kinds[p.pos] == BAD:
        p.expected("`;`")
        value = ErrorExpr(value.start, value.end)  # what was read is only a part of what was meant
    end = finish(p)
    after = p.pos
    found.append(Assign(start, end, chain[-1], value))
    # a := b := c assigns from right to left; each node stands in one place of the tree, so b is read again as a value.
    found += [Assign(start, end, chain[index], _again(p, chain[index + 1])) for index in range(len(chain) - 2, -1, -1)]
    p.pos = after


def _again(p: Stream, target: Expr) -> Expr:
    pos = p.pos
    while p.starts[pos] > target.start:
        pos -= 1
    p.pos = pos
    return operand(p)


def named(p: Stream, found: list[Statement]) -> None:
    """Read a statement that begins with a name."""
    kinds = p.kinds
    pos = p.pos
    start = p.starts[pos]
    after = kinds[pos + 1]
    if foreign.statement(p, found):
        return
    if after == SEMICOLON and p.word() == "CONTINUE":
        p.pos = pos + 2
        found.append(Continue(start, p.last_end()))
        return
    target = operand(p)
    kind = kinds[p.pos]
    if kind == ASSIGN:
        p.pos += 1
        value = expression(p)
        if kinds[p.pos] == SEMICOLON:
            p.pos += 1
            found.append(Assign(start, p.last_end(), target, value))
        else:
            _rest(p, start, target, value, found)
        return
    if kind == C_COMPOUND:
        found.append(_compound(p, start, target))
        return
    if kind == EQUAL and kinds[p.pos + 1] == COLON and p.starts[p.pos + 1] == p.end():
        found.append(_turned(p, start, target))
        return
    if RANK[kind]:
        reported = len(p.problems)
        target = operations(p, target)
        if len(p.problems) > reported:
            found.append(ErrorStatement(start, finish(p)))
            return
    if kinds[p.pos] == COLON and isinstance(target, NameExpr):
        found.append(_colon(p, start, target))
        return
    found.append(ExprStatement(start, finish(p), target))


def _compound(p: Stream, start: int, target: Expr) -> Statement:
    at = p.pos
    sign = p.texts[at]
    written = p.text[target.start : target.end]
    p.note(
        "SYN010",
        p.start(),
        p.end(),
        f"`{sign}` is not an operator of Structured Text. Write `{written[:60]} := {written[:60]} {sign[0]} …;`.",
    )
    p.pos = at + 1
    value = expression(p)
    end = p.pos
    p.pos = at
    left = _again(p, target)
    p.pos = end
    operation = Binary(left.start, value.end, sign[0], p.starts[at], left, value)
    return Assign(start, finish(p), target, operation)


def _turned(p: Stream, start: int, target: Expr) -> Statement:
    """Read `x =: 5`."""
    p.note("SYN001", p.start(), p.start() + 2, "The assignment sign is `:=`, not `=:`.", data=":=")
    p.pos += 2
    value = expression(p)
    return Assign(start, finish(p), target, value)


def _colon(p: Stream, start: int, target: NameExpr) -> Statement:
    """Read what stands where `name :` stands as a statement: `x : = 5`, or a label to jump to."""
    if p.kinds[p.pos + 1] == EQUAL:
        p.note(
            "SYN001",
            p.start(),
            p.starts[p.pos + 1] + 1,
            "The assignment is one sign, `:=`, without a blank inside.",
            data=":=",
        )
        p.pos += 2
        value = expression(p)
        return Assign(start, finish(p), target, value)
    p.fail(
        "SYN001",
        p.start(),
        p.end(),
        f"`:` after `{target.text}` declares nothing here. To assign write `:=`; declarations stand between VAR and END_VAR.",
    )
    return ErrorStatement(start, skip(p))


def finish(p: Stream) -> int:
    """Step over the `;` of a statement, or report that it is missing; return where the statement ends."""
    pos = p.pos
    kind = p.kinds[pos]
    if kind == SEMICOLON:
        p.pos = pos + 1
        return p.starts[pos] + 1
    if p.failed_at == pos:
        return skip(p)
    end = p.last_end()
    if kind == EOF or kind in ANCHORS or p.on_new_line():
        if p.unclosed is None or kind != EOF:
            start, end = p.before()
            p.note("SYN002", start, end, "A `;` is missing at the end of this statement.", data=";")
        return end
    if kind == IDENT and _begins_statement(p, pos):
        start, end = p.before()
        p.note("SYN002", start, end, "A `;` is missing between these two statements.", data=";")
        return end
    foreign.unexpected(p)
    return skip(p)


def _begins_statement(p: Stream, pos: int) -> bool:
    return p.kinds[pos + 1] == ASSIGN


def skip(p: Stream) -> int:
    """Skip what cannot be read, up to and with the next `;`, or up to where a statement surely begins; return where that ends."""
    kinds = p.kinds
    first = p.pos
    pos = first
    while kinds[pos] not in ANCHORS:
        if kinds[pos] == SEMICOLON:
            pos += 1
            break
        if pos > first and kinds[pos] == IDENT and p.starts_line(pos) and kinds[pos + 1] not in (COMMA, EOF):
            break
        if pos == first and kinds[pos] == IDENT and kinds[pos + 1] == ASSIGN and p.starts_line(pos):
            break
        pos += 1
    p.pos = pos
    return p.last_end()


def odd(p: Stream, kind: int, found: list[Statement]) -> None:
    """Deal with a token that begins no statement."""
    start = p.start()
    if foreign.misplaced(p):
        found.append(ErrorStatement(start, skip(p)))
        return
    value = expression(p)
    if p.failed_at == p.pos:
        found.append(ErrorStatement(start, skip(p)))
        return
    if p.kinds[p.pos] == ASSIGN:
        p.pos += 1
        right = expression(p)
        found.append(Assign(start, finish(p), value, right))
        return
    found.append(ExprStatement(start, finish(p), value))


ENDS = BLOCK_CLOSERS | TOP_CLOSERS | TOP_OPENERS | SECTIONS | {EOF, END_VAR}


ANCHORS = ENDS | STATEMENT_OPENERS
