"""Expressions (ed. 3, 7.3.2), initial values included.

Invariants: operators bind as in table 71, all from left to right, a sign before `**`. A function here that finds no expression
reports it, consumes nothing and returns an `ErrorExpr`. No tree is higher than `MAX_HEIGHT`.
"""

from __future__ import annotations

from rung.syntax.literals import ADDRESS as ADDRESS_SHAPE
from rung.syntax.literals import PARTIAL, read_string, read_typed
from rung.syntax.problem import Related
from rung.syntax.stream import MAX_HEIGHT, MAX_NESTING, Stream
from rung.syntax.tokens import (
    ADDRESS,
    AND,
    ARROW,
    ASSIGN,
    BAD,
    C_AND,
    C_COMPOUND,
    C_EQUAL,
    C_MOD,
    C_NOT,
    C_OR,
    C_UNEQUAL,
    CARET,
    COMMA,
    DOT,
    ENUM,
    EOF,
    EQUAL,
    FALSE,
    IDENT,
    INTEGER,
    KINDS,
    LBRACKET,
    LPAREN,
    MINUS,
    MOD,
    NOT,
    NUMBER,
    OPEN_STRING,
    OR,
    PLUS,
    RANK,
    RBRACKET,
    RPAREN,
    SEMICOLON,
    STRING,
    SYMBOL,
    TRUE,
    TYPED,
    XOR,
)
from rung.syntax.tree import (
    Argument,
    Binary,
    BitAccess,
    Call,
    Dereference,
    DirectAddress,
    EnumLiteral,
    ErrorExpr,
    Expr,
    Identifier,
    Index,
    Literal,
    LiteralKind,
    Member,
    NameExpr,
    Unary,
)
from rung.syntax.values import (
    DIGITS_LIMIT,
    bad_address,
    closes_on_line,
    cut_literal,
    foreign_operator,
    literal,
    missing_operand,
    nothing,
    number,
    open_string,
    too_deep,
)

_POSTFIX = [False] * KINDS
for _kind in (DOT, LBRACKET, LPAREN, CARET):
    _POSTFIX[_kind] = True

_FUNCTION_WORDS = frozenset({AND, OR, XOR, MOD})
_C_OPERATORS = frozenset({C_EQUAL, C_UNEQUAL, C_AND, C_OR, C_MOD})


def expression(p: Stream, floor: int = 1) -> Expr:
    """Read an expression whose operators bind at least as tightly as `floor`."""
    left = operand(p)
    rank = RANK[p.kinds[p.pos]]
    if rank < floor:
        return left
    return operations(p, left, floor)


def operations(p: Stream, left: Expr, floor: int = 1) -> Expr:
    """Read the operators and right operands that follow `left`."""
    kinds = p.kinds
    height = p.height
    p.nesting += 1
    rank = RANK[kinds[p.pos]]
    while rank >= floor:
        at = p.pos
        kind = kinds[at]
        if height >= MAX_HEIGHT or p.nesting > MAX_NESTING:
            too_deep(p)
            break
        p.pos = at + 1
        if kind in _C_OPERATORS:
            foreign_operator(p, at)
        elif (kind == EQUAL and kinds[p.pos] in (EQUAL, C_EQUAL)) or kinds[p.pos] == C_COMPOUND:
            p.expected("a value")
            p.pos += 1
        operator_start = p.starts[at]
        right = operand(p)
        next_rank = RANK[kinds[p.pos]]
        if next_rank > rank:
            right = operations(p, right, rank + 1)
            next_rank = RANK[kinds[p.pos]]
        height = max(height, p.height) + 1
        left = Binary(left.start, right.end, SYMBOL[kind], operator_start, left, right)
        rank = next_rank
    p.nesting -= 1
    p.height = height
    return left


def condition(p: Stream) -> Expr:
    """Read an expression where `:=` is easily written for `=`; what was meant is read."""
    result = expression(p)
    kind = p.kinds[p.pos]
    if kind in (ASSIGN, ARROW):
        start, end = p.start(), p.end()
        message = (
            "`:=` assigns; to compare two values write `=`."
            if kind == ASSIGN
            else "`=>` hands over an output; to compare two values write `>=`."
        )
        p.fail("SYN009", start, end, message, data="=" if kind == ASSIGN else ">=")
        p.pos += 1
        right = expression(p)
        return Binary(result.start, right.end, "=" if kind == ASSIGN else ">=", start, result, right)
    return result


def operand(p: Stream) -> Expr:
    """Read an operand with what is attached to it: members, indices, calls."""
    pos = p.pos
    kind = p.kinds[pos]
    if kind == IDENT:
        p.pos = pos + 1
        start = p.starts[pos]
        text = p.texts[pos]
        p.height = 0
        name = NameExpr(start, start + len(text), text, text.upper())
        return _attached(p, name) if _POSTFIX[p.kinds[pos + 1]] else name
    if kind == INTEGER:
        text = p.texts[pos]
        p.pos = pos + 1
        p.height = 0
        start = p.starts[pos]
        if len(text) <= DIGITS_LIMIT and p.kinds[pos + 1] != DOT:
            return Literal(start, start + len(text), LiteralKind.INTEGER, None, int(text))
        p.pos = pos
    return _other_operand(p, kind)


def _other_operand(p: Stream, kind: int) -> Expr:
    pos = p.pos
    start = p.starts[pos]
    text = p.texts[pos]
    end = start + len(text)
    p.height = 0
    if kind == LPAREN:
        return _parenthesis(p)
    if kind in (MINUS, NOT, PLUS, C_NOT):
        if kind == NOT and p.kinds[pos + 1] == LPAREN and p.kinds[pos + 3] in (ASSIGN, ARROW):
            return _function_word(p, start, end, text)
        return _unary(p, kind)
    if kind in _FUNCTION_WORDS and p.kinds[pos + 1] == LPAREN:
        return _function_word(p, start, end, text)
    if kind in (TRUE, FALSE):
        p.pos = pos + 1
        return Literal(start, end, LiteralKind.BOOL, None, kind == TRUE)
    if kind in (INTEGER, NUMBER):
        return number(p, text)
    if kind == TYPED:
        if text[-1] == "#" and p.kinds[pos + 1] in (INTEGER, NUMBER) and not p.starts_line(pos + 1):
            return cut_literal(p, text)
        return literal(p, read_typed(text))
    if kind == STRING:
        return literal(p, read_string(text))
    if kind == OPEN_STRING:
        return open_string(p)
    if kind == ENUM:
        p.pos = pos + 1
        word, _, name = text.partition("#")
        mark = start + len(word)
        return EnumLiteral(
            start, end, Identifier(start, mark, word, word.upper()), Identifier(mark + 1, end, name, name.upper())
        )
    if kind == ADDRESS:
        p.pos = pos + 1
        if not ADDRESS_SHAPE.fullmatch(text.upper()):
            bad_address(p, start, end, text)
            return ErrorExpr(start, end)
        return DirectAddress(start, end, text.upper())
    missing_operand(p, kind)
    return nothing(p)


def _function_word(p: Stream, start: int, end: int, text: str) -> Expr:
    """Read `AND(a, b)`: an operator's word as the name of the standard function (ed. 3, tables 29 and 30)."""
    p.pos += 1
    return _attached(p, NameExpr(start, end, text, text.upper()))


def _parenthesis(p: Stream) -> Expr:
    opener = p.start()
    if p.nesting > MAX_NESTING:
        too_deep(p)
        return nothing(p)
    p.pos += 1
    p.nesting += 1
    inner = condition(p)
    if p.kinds[p.pos] == BAD:
        p.expected("a closing bracket")
        inner = ErrorExpr(inner.start, inner.end)
    p.nesting -= 1
    height = p.height
    close(p, RPAREN, opener)
    p.height = height
    return _attached(p, inner) if _POSTFIX[p.kinds[p.pos]] else inner


def close(p: Stream, kind: int, opener: int) -> int:
    """Step over a closing bracket, or report that the one opened at `opener` is not closed; return where it ends."""
    if p.kinds[p.pos] == kind:
        p.pos += 1
        return p.last_end()
    if p.kinds[p.pos] == BAD:
        p.expected("a closing bracket")
    if p.failed_at == p.pos:
        return p.last_end()
    sign = ")" if kind == RPAREN else "]"
    start, end = p.before()
    related = Related(opener, opener + 1, "It was opened here.")
    if p.kinds[p.pos] in (IDENT, INTEGER, NUMBER, STRING, TYPED, ENUM, TRUE, FALSE) and not p.on_new_line():
        p.fail(
            "SYN001", p.start(), p.end(), f"An operator, a `,` or a `{sign}` is missing before {p.shown()}.", related
        )
    else:
        p.fail("SYN012", start, end, f"A `{sign}` is missing after this.", related, data=sign)
    return end


def _unary(p: Stream, kind: int) -> Expr:
    start = p.start()
    if p.nesting > MAX_NESTING:
        too_deep(p)
        return nothing(p)
    if kind == C_NOT:
        foreign_operator(p, p.pos)
    p.pos += 1
    p.nesting += 1
    inner = operand(p)
    p.nesting -= 1
    p.height += 1
    return Unary(start, inner.end if inner.end > start else p.last_end(), SYMBOL[kind], inner)


def _attached(p: Stream, base: Expr) -> Expr:
    """Read members, indices, calls and dereferences after `base`."""
    kinds = p.kinds
    height = p.height
    while True:
        pos = p.pos
        kind = kinds[pos]
        if not _POSTFIX[kind]:
            break
        if height >= MAX_HEIGHT or p.nesting > MAX_NESTING:
            too_deep(p)
            break
        height += 1
        p.nesting += 1
        if kind == DOT:
            p.pos = pos + 1
            base = _member(p, base)
        elif kind == LBRACKET:
            p.pos = pos + 1
            indices, end, inner = _indices(p, p.starts[pos])
            base = Index(base.start, end, base, indices)
            height = max(height, inner + 1)
        elif kind == LPAREN:
            p.pos = pos + 1
            values, end, inner = arguments(p, p.starts[pos])
            base = Call(base.start, end, base, values)
            height = max(height, inner + 1)
        else:
            p.pos = pos + 1
            base = Dereference(base.start, p.starts[pos] + 1, base)
        p.nesting -= 1
        if p.failed_at == p.pos:
            break
    p.height = height
    return base


def _member(p: Stream, base: Expr) -> Expr:
    pos = p.pos
    kind = p.kinds[pos]
    text = p.texts[pos]
    start = p.starts[pos]
    end = start + len(text)
    if kind == IDENT or (kind > EOF and text[0].isalpha() and "#" not in text):
        if kind != IDENT and p.on_new_line():
            p.expected("the name of a member", "SYN029")
            return Member(base.start, p.last_end(), base, Identifier(p.last_end(), p.last_end(), "", ""))
        p.pos = pos + 1
        return Member(base.start, end, base, Identifier(start, end, text, text.upper()))
    if kind == INTEGER and len(text) <= 3:
        p.pos = pos + 1
        return BitAccess(base.start, end, base, "X", int(text))
    if kind == ADDRESS:
        partial = PARTIAL.fullmatch(text.upper())
        p.pos = pos + 1
        if partial is not None:
            return BitAccess(base.start, end, base, partial.group(1), int(partial.group(2)))
        p.note(
            "SYN019",
            start,
            end,
            f"`{text}` does not name a part of a bit string. Write for instance `.%X3` for a bit or `.%B1` for a byte.",
        )
        return BitAccess(base.start, end, base, "X", 0)
    p.expected("the name of a member or the number of a bit", "SYN029")
    return Member(base.start, p.last_end(), base, Identifier(p.last_end(), p.last_end(), "", ""))


def _indices(p: Stream, opener: int) -> tuple[list[Expr], int, int]:
    values = [expression(p)]
    height = p.height
    while p.accept(COMMA):
        values.append(expression(p))
        height = max(height, p.height)
    return values, close(p, RBRACKET, opener), height


def arguments(p: Stream, opener: int) -> tuple[list[Argument], int, int]:
    """Read the arguments of a call up to and with the closing parenthesis; return them, its end, and their greatest height."""
    found: list[Argument] = []
    height = 0
    if p.kinds[p.pos] == RPAREN:
        p.pos += 1
        return found, p.last_end(), height
    while True:
        before = p.pos
        found.append(_argument(p))
        if p.height > height:
            height = p.height
        if p.kinds[p.pos] == COMMA:
            p.pos += 1
        elif p.kinds[p.pos] == SEMICOLON and p.kinds[p.pos + 1] in (IDENT, INTEGER, NUMBER) and closes_on_line(p):
            p.fail("SYN001", p.start(), p.end(), "Arguments are separated by `,`, not by `;`.")
            p.pos += 1
        else:
            break
        if p.pos == before:
            break
    return found, close(p, RPAREN, opener), height


def _argument(p: Stream) -> Argument:
    pos = p.pos
    start = p.starts[pos]
    kinds = p.kinds
    negated = kinds[pos] == NOT and kinds[pos + 2] == ARROW
    at = pos + 1 if negated else pos
    after = kinds[at + 1]
    text = p.texts[at]
    if after in (ASSIGN, ARROW) and text and (kinds[at] == IDENT or text[0].isalpha()):
        name = Identifier(p.starts[at], p.starts[at] + len(text), text, text.upper())
        p.pos = at + 2
        if kinds[p.pos] in (COMMA, RPAREN):
            p.height = 0
            return Argument(start, p.last_end(), name, None, after == ARROW, negated)
        value = expression(p)
        return Argument(start, max(value.end, p.last_end()), name, value, after == ARROW, negated)
    value = expression(p)
    return Argument(value.start, value.end, None, value, False, False)
