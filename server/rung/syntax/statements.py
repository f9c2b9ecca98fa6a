"""Statements (ed. 3, 7.3.3).

Invariants: every function here either moves on or leaves the token to a caller that wants it; an unclosed block is reported at its
opener and closed at the END of the block around it, so that one missing END gives one problem.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.blocks import CLOSER, report_unclosed
from rung.syntax.expressions import condition, expression, operand
from rung.syntax.joints import then
from rung.syntax.problem import Related
from rung.syntax.simple import ANCHORS, ENDS, assignment, finish, named, odd, skip
from rung.syntax.stream import MAX_BLOCKS, Stream
from rung.syntax.tokens import (
    ASSIGN,
    BLOCK_CLOSERS,
    BY,
    CASE,
    COLON,
    COMMA,
    DO,
    DOT,
    DOTDOT,
    ELSE,
    ELSIF,
    END_CASE,
    END_FOR,
    END_IF,
    END_REPEAT,
    END_WHILE,
    ENUM,
    EOF,
    EQUAL,
    EXIT,
    FOR,
    IDENT,
    IF,
    INTEGER,
    MINUS,
    NUMBER,
    OF,
    RETURN,
    SEMICOLON,
    SPELLING,
    STATEMENT_OPENERS,
    STRING,
    THEN,
    TO,
    TOP_CLOSERS,
    TYPED,
    UNTIL,
    WHILE,
)
from rung.syntax.tree import (
    Case,
    CaseBranch,
    Empty,
    ErrorExpr,
    ErrorStatement,
    Exit,
    Expr,
    For,
    If,
    IfBranch,
    LabelRange,
    Repeat,
    Return,
    Statement,
    While,
)

_LABEL_STARTS = frozenset({INTEGER, NUMBER, TYPED, STRING, ENUM, MINUS})
_LABEL_ENDS = frozenset({COLON, COMMA, DOTDOT})


# Where a list of statements ends, whoever asked for it.
# Where the parser finds its feet again after a broken statement.
def statements(p: Stream) -> list[Statement]:
    """Read statements up to a keyword that ends the list, or up to the next label where a CASE is open."""
    found: list[Statement] = []
    kinds = p.kinds
    add = found.append
    while True:
        pos = p.pos
        kind = kinds[pos]
        if kind == IDENT:
            if kinds[pos + 1] == ASSIGN:
                assignment(p, found)
            elif END_CASE in p.blocks and at_label(p):
                return found
            else:
                named(p, found)
        elif kind == SEMICOLON:
            p.pos = pos + 1
            add(Empty(p.starts[pos], p.starts[pos] + 1))
        elif kind in STATEMENT_OPENERS:
            add(_keyword(p, kind))
        elif kind in ENDS or (kind in _LABEL_STARTS and END_CASE in p.blocks and at_label(p)):
            return found
        else:
            odd(p, kind, found)
        if p.pos == pos and kinds[pos] == kind:
            p.pos = pos + 1


def at_label(p: Stream) -> bool:
    """Say whether the current token begins the labels of a CASE."""
    kinds = p.kinds
    pos = p.pos
    if kinds[pos] == MINUS:
        pos += 1
    if kinds[pos] == IDENT:
        while kinds[pos + 1] == DOT and kinds[pos + 2] == IDENT:
            pos += 2
    elif kinds[pos] not in _LABEL_STARTS:
        return False
    return kinds[pos + 1] in _LABEL_ENDS


# ------------------------------------------------------------------------------------------------ statements with keywords


def _keyword(p: Stream, kind: int) -> Statement:
    pos = p.pos
    start = p.starts[pos]
    p.pos = pos + 1
    if kind == EXIT:
        return Exit(start, finish(p))
    if kind == RETURN:
        return _return(p, start)
    if len(p.blocks) >= MAX_BLOCKS:
        p.failed_at = -1
        p.pos = pos
        p.fail(
            "SYN026",
            start,
            start + len(p.texts[pos]),
            "Statements are nested too deeply. Move the inner ones to a FUNCTION.",
        )
        return ErrorStatement(start, _skip_block(p))
    p.blocks.append(CLOSER[kind])
    if kind == IF:
        result: Statement = _if(p, pos)
    elif kind == CASE:
        result = _case(p, pos)
    elif kind == FOR:
        result = _for(p, pos)
    elif kind == WHILE:
        result = _while(p, pos)
    else:
        result = _repeat(p, pos)
    return result


def _return(p: Stream, start: int) -> Statement:
    if p.kinds[p.pos] not in (SEMICOLON, EOF) and not p.on_new_line() and p.kinds[p.pos] not in ANCHORS:
        p.fail(
            "SYN001",
            p.start(),
            p.end(),
            "RETURN takes no value. Assign the result to the function's own name first, then write `RETURN;`.",
        )
        expression(p)
        p.failed_at = p.pos
    return Return(start, finish(p))


def _skip_block(p: Stream) -> int:
    """Skip a block with all that it holds; return where it ends."""
    depth = 0
    kinds = p.kinds
    pos = p.pos
    closers = CLOSER.values()
    while kinds[pos] != EOF and kinds[pos] not in TOP_CLOSERS:
        if kinds[pos] in CLOSER:
            depth += 1
        elif kinds[pos] in closers:
            depth -= 1
        pos += 1
        if depth == 0:
            break
    p.pos = pos
    p.accept(SEMICOLON)
    return p.last_end()


def _end(p: Stream, kind: int, opener: int) -> int:
    """Close the block that token `opener` opened; return where it ends."""
    p.blocks.pop()
    found = p.kinds[p.pos]
    if found == kind:
        p.pos += 1
        return finish(p)
    if found in BLOCK_CLOSERS and not _wanted_outside(p, found):
        word, right = SPELLING[found], SPELLING[kind]
        opening = SPELLING[p.kinds[opener]]
        start = p.starts[opener]
        related = Related(start, start + len(p.texts[opener]), f"The {opening} begins here.")
        if found in (ELSE, ELSIF, UNTIL):
            p.fail("SYN006", p.start(), p.end(), f"{word} does not belong to a {opening}.", related)
            p.pos += 1
            skip(p)
            p.blocks.append(kind)
            statements(p)
            return _end(p, kind, opener)
        p.fail("SYN006", p.start(), p.end(), f"{word} cannot close this {opening}. Write {right}.", related, data=right)
        p.pos += 1
        p.accept(SEMICOLON)
        return p.last_end()
    end = p.last_end()
    report_unclosed(p, opener)
    return end


def _wanted_outside(p: Stream, found: int) -> bool:
    """Say whether a block further out is waiting for this keyword."""
    if found in (ELSIF, ELSE):
        return END_IF in p.blocks or (found == ELSE and END_CASE in p.blocks)
    if found == UNTIL:
        return END_REPEAT in p.blocks
    return found in p.blocks


def _if(p: Stream, opener: int) -> If:
    branches: list[IfBranch] = []
    otherwise: list[Statement] | None = None
    at = opener
    while True:
        test = condition(p)
        then(p, THEN, at)
        body = statements(p)
        branches.append(IfBranch(p.starts[at], p.last_end(), test, body))
        kind = p.kinds[p.pos]
        if kind != ELSIF:
            break
        at = p.pos
        p.pos += 1
    if kind == ELSE:
        p.pos += 1
        otherwise = statements(p)
        while p.kinds[p.pos] in (ELSE, ELSIF):
            word = p.texts[p.pos].upper()
            p.fail(
                "SYN006",
                p.start(),
                p.end(),
                f"{word} cannot follow the ELSE of the same IF. ELSE comes last, and once.",
            )
            if p.kinds[p.pos] == ELSIF:
                p.pos += 1
                condition(p)
                then(p, THEN, at)
            else:
                p.pos += 1
            otherwise += statements(p)
    end = _end(p, END_IF, opener)
    return If(p.starts[opener], end, branches, otherwise)


def _case(p: Stream, opener: int) -> Case:
    selector = condition(p)
    then(p, OF, opener)
    branches: list[CaseBranch] = []
    otherwise: list[Statement] | None = None
    kinds = p.kinds
    if not at_label(p) and kinds[p.pos] not in (ELSE, END_CASE):
        start, end = p.start(), p.end()
        if statements(p) and p.failed_at != p.pos:
            p.note(
                "SYN001",
                start,
                end,
                "Between OF and the first label of a CASE no statement can stand. Write the label and `:` before it.",
            )
    while at_label(p):
        start = p.start()
        labels = _labels(p)
        body = statements(p)
        branches.append(CaseBranch(start, p.last_end(), labels, body))
    if kinds[p.pos] == ELSE:
        p.pos += 1
        p.accept(COLON)
        p.blocks.append(ELSE)
        otherwise = _without_labels(p)
        p.blocks.pop()
    end = _end(p, END_CASE, opener)
    return Case(p.starts[opener], end, selector, branches, otherwise)


def _without_labels(p: Stream) -> list[Statement]:
    """Read the statements after the ELSE of a CASE, where no label can follow."""
    found = statements(p)
    while at_label(p) and p.failed_at != p.pos:
        p.fail("SYN006", p.start(), p.end(), "After the ELSE of a CASE no label can follow. ELSE comes last.")
        _labels(p)
        found += statements(p)
    return found


def _labels(p: Stream) -> list[Expr | LabelRange]:
    labels: list[Expr | LabelRange] = []
    while True:
        low = expression(p)
        if p.accept(DOTDOT):
            high = expression(p)
            labels.append(LabelRange(low.start, max(high.end, p.last_end()), low, high))
        else:
            labels.append(low)
        if not p.accept(COMMA):
            break
    if not p.accept(COLON):
        p.expected("a `:` after the label")
    return labels


def _for(p: Stream, opener: int) -> For:
    variable = operand(p)
    if not p.accept(ASSIGN):
        if p.kinds[p.pos] == EQUAL:
            p.note(
                "SYN001",
                p.start(),
                p.end(),
                "The start value of a FOR is assigned with `:=`, not compared with `=`.",
                data=":=",
            )
            p.pos += 1
        else:
            p.expected("`:=` and the start value")
    first = expression(p)
    if not p.accept(TO) and not foreign.misspelt_here(p, TO):
        p.expected("TO and the end value", "SYN005")
    last = expression(p)
    step = expression(p) if p.accept(BY) else None
    then(p, DO, opener)
    body = statements(p)
    end = _end(p, END_FOR, opener)
    return For(p.starts[opener], end, variable, first, last, step, body)


def _while(p: Stream, opener: int) -> While:
    test = condition(p)
    then(p, DO, opener)
    body = statements(p)
    end = _end(p, END_WHILE, opener)
    return While(p.starts[opener], end, test, body)


def _repeat(p: Stream, opener: int) -> Repeat:
    body = statements(p)
    if p.accept(UNTIL):
        until: Expr = condition(p)
        p.accept(SEMICOLON)
        if p.failed_at == p.pos:
            skip(p)
    else:
        at = p.last_end()
        if p.kinds[p.pos] == END_REPEAT:
            p.note(
                "SYN005",
                p.start(),
                p.end(),
                "Before END_REPEAT, UNTIL and the condition that ends the loop are missing.",
                data="UNTIL",
            )
        until = ErrorExpr(at, at)
    end = _end(p, END_REPEAT, opener)
    return Repeat(p.starts[opener], end, body, until)
