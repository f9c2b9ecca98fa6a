"""Literals as they stand in expressions, and what is said where an expression goes wrong.

Invariant: nothing here reads an operand inside another, so nothing here recurses.
"""

from __future__ import annotations

from rung.syntax.literals import Reading, read_number, read_typed
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    BAD,
    CASE,
    COMMA,
    DOT,
    EOF,
    IDENT,
    IF,
    INTEGER,
    LPAREN,
    RBRACKET,
    RPAREN,
    SEMICOLON,
    TOP_CLOSERS,
)
from rung.syntax.tree import ErrorExpr, Expr, Literal, LiteralKind


def bad_address(p: Stream, start: int, end: int, text: str) -> None:
    """Report an address that has not the shape of one."""
    p.note(
        "SYN019",
        start,
        end,
        f"`{text}` is not an address. It has an area I, Q or M, a size X, B, W, D or L, and numbers: `%IX0.0`, `%QW3`, `%MD10`.",
    )


def number(p: Stream, text: str) -> Expr:
    """Read a number that is not just a few decimal digits."""
    if p.kinds[p.pos] == INTEGER and p.kinds[p.pos + 1] == DOT:
        start, end = p.start(), p.end()
        p.pos += 2
        if p.kinds[p.pos] not in (IDENT, INTEGER) or p.starts[p.pos] > end + 1:
            p.note(
                "SYN015",
                start,
                end + 1,
                f"A real number has a digit after its point. Write `{text}.0`.",
                data=f"{text}.0",
            )
            return Literal(
                start, end + 1, LiteralKind.REAL, None, float(text[:DIGITS_LIMIT]) if len(text) < 300 else 0.0
            )
        p.pos -= 2
    return literal(p, read_number(text))


def literal(p: Stream, reading: Reading) -> Expr:
    """Make a literal of the current token and report what is wrong with it."""
    start = p.start()
    end = p.end()
    if reading.code:
        at = start + reading.at
        p.note(reading.code, at, at + reading.length if reading.length else end, reading.message)
    p.pos += 1
    return Literal(start, end, reading.kind, reading.prefix, reading.value)


def cut_literal(p: Stream, text: str) -> Expr:
    """Read `T# 5s`. In a duration OpenPLC's older compiler takes the blank, so programs have it; elsewhere it is reported."""
    start = p.start()
    p.pos += 1
    value = p.texts[p.pos]
    reading = read_typed(text + value)
    if reading.code:
        p.note(reading.code, start, p.end(), reading.message)
    elif reading.kind is not LiteralKind.TIME:
        p.note("SYN015", start, p.end(), f"A literal has no blank inside. Write `{text}{value}`.", data=text + value)
    p.pos += 1
    return Literal(start, p.last_end(), reading.kind, reading.prefix, reading.value)


def open_string(p: Stream) -> Expr:
    start, end = p.start(), p.end()
    quote = p.texts[p.pos][0]
    p.note("SYN014", start, start + 1, f"This string is not closed. Write `{quote}` where it ends, on the same line.")
    p.pos += 1
    p.failed_at = p.pos  # the rest of the line is inside the string, so nothing after it can be missed
    kind = LiteralKind.WSTRING if quote == '"' else LiteralKind.STRING
    return Literal(start, end, kind, None, p.text[start + 1 : end])


def nothing(p: Stream) -> ErrorExpr:
    """Return what stands for an expression that is not there: an empty place behind the last token."""
    end = p.last_end()
    return ErrorExpr(end, end)


def too_deep(p: Stream) -> None:
    """Report an expression that nests too deeply, and skip to where it ends."""
    p.fail(
        "SYN026",
        p.start(),
        p.end(),
        "This expression is nested too deeply or has too many operators in a row. Split it over several assignments.",
    )
    while p.kinds[p.pos] not in (SEMICOLON, EOF) and p.kinds[p.pos] < IF:
        p.pos += 1
    p.failed_at = p.pos


_MEANT = {"==": "=", "!=": "<>", "&&": "AND", "||": "OR", "%": "MOD", "!": "NOT"}


def foreign_operator(p: Stream, pos: int) -> None:
    text = p.texts[pos]
    start = p.starts[pos]
    meant = _MEANT[text]
    p.note(
        "SYN010",
        start,
        start + len(text),
        f"`{text}` is not an operator of Structured Text. Write `{meant}`.",
        data=meant,
    )


def missing_operand(p: Stream, kind: int) -> None:
    """Report that an expression should stand at the current token."""
    previous = p.texts[p.pos - 1] if p.pos else ""
    if kind == BAD or not previous:
        p.expected("a value", "SYN011")
        return
    if (
        previous in ("+", "-")
        and p.pos > 1
        and p.texts[p.pos - 2] == previous
        and p.starts[p.pos - 1] == p.starts[p.pos - 2] + 1
    ):
        sign = previous * 2
        p.fail(
            "SYN010",
            p.starts[p.pos - 2],
            p.last_end(),
            f"`{sign}` is not an operator of Structured Text. Write the whole assignment, `x := x {previous} 1;`.",
        )
        return
    if kind in (IF, CASE) and not p.on_new_line() and previous not in (";", ":"):
        word = p.word()
        p.fail(
            "SYN011",
            p.start(),
            p.end(),
            f"{word} is a statement and gives no value. Assign inside its branches, or use SEL.",
        )
        while p.kinds[p.pos] not in (SEMICOLON, EOF) and p.kinds[p.pos] not in TOP_CLOSERS:
            p.pos += 1
        p.failed_at = p.pos
        return
    if kind > EOF and not p.on_new_line() and kind not in (SEMICOLON, RPAREN, COMMA, RBRACKET):
        p.fail("SYN011", p.start(), p.end(), f"After `{previous}` a value should stand, not {p.shown()}.")
        return
    start, end = p.before()
    p.fail(
        "SYN011",
        start if len(previous) == 1 else end - min(len(previous), 12),
        end,
        f"After `{previous[:40]}` a value is missing.",
    )


DIGITS_LIMIT = 400


def closes_on_line(p: Stream) -> bool:
    """Say whether, after a `;` among arguments, the parenthesis is closed before any statement could begin."""
    pos = p.pos + 1
    while not p.starts_line(pos) and p.kinds[pos] not in (SEMICOLON, EOF, LPAREN):
        if p.kinds[pos] == RPAREN:
            return True
        pos += 1
    return False
