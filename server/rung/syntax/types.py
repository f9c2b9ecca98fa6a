"""Type specifications and initial values (ed. 3, 6.4.4).

Invariant: where a type should stand and does not, an `ErrorType` stands, already reported.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.expressions import close, expression, operand
from rung.syntax.stream import MAX_NESTING, Stream
from rung.syntax.tokens import (
    ARRAY,
    ASSIGN,
    COMMA,
    DOT,
    DOTDOT,
    END_STRUCT,
    END_TYPE,
    END_VAR,
    EOF,
    IDENT,
    INTEGER,
    LBRACKET,
    LPAREN,
    OF,
    RBRACKET,
    RPAREN,
    SECTIONS,
    STAR,
    STRUCT,
    TO,
    TOP_CLOSERS,
    TOP_OPENERS,
)
from rung.syntax.tree import (
    ArrayInitial,
    ArraySpec,
    Binary,
    Dimension,
    EnumSpec,
    EnumValue,
    ErrorExpr,
    ErrorType,
    Expr,
    FieldInitial,
    Identifier,
    NamedType,
    ReferenceSpec,
    Repetition,
    StringSpec,
    StructInitial,
    SubrangeSpec,
    TypeSpec,
)
from rung.syntax.values import nothing

_QUALIFIERS = frozenset({"CONSTANT", "RETAIN", "NON_RETAIN", "PERSISTENT"})
_AFTER_STRUCTURE = SECTIONS | TOP_OPENERS | TOP_CLOSERS | {END_TYPE, END_VAR, EOF}


def specification(p: Stream) -> TypeSpec:
    """Read a type, except STRUCT, which only the caller can read because it holds declarations."""
    if p.kinds[p.pos] == IDENT:
        _misplaced_word(p)
    pos = p.pos
    kind = p.kinds[pos]
    start = p.starts[pos]
    if p.nesting > MAX_NESTING:
        p.fail(
            "SYN026", start, p.end(), "This type is nested too deeply. Declare the inner types by name in TYPE blocks."
        )
        return ErrorType(p.last_end(), p.last_end())
    if kind == IDENT:
        text = p.texts[pos]
        key = text.upper()
        end = start + len(text)
        after = p.kinds[pos + 1]
        p.pos = pos + 1
        if key == "STRING" or key == "WSTRING":
            return _string(p, start, key == "WSTRING")
        if key == "REF_TO":
            return _reference(p, start, key)
        if (key == "POINTER" or key == "REFERENCE") and after == TO:
            p.pos += 1
            return _reference(p, start, key)
        name = Identifier(start, end, text, key)
        if after == LPAREN:
            return _restricted(p, name)
        return NamedType(start, end, name)
    if kind == ARRAY:
        return _array(p, start)
    if kind == LPAREN:
        return _enumeration(p, start, None)
    if kind == STRUCT:
        return _nameless_structure(p)
    p.expected("a type, such as BOOL or INT,", "SYN027")
    return ErrorType(p.last_end(), p.last_end())


def _misplaced_word(p: Stream) -> None:
    """Report a qualifier before a type, and a misspelt ARRAY."""
    while p.word() in _QUALIFIERS and p.kinds[p.pos + 1] in (IDENT, ARRAY) and not p.starts_line(p.pos + 1):
        word = p.word()
        message = (
            f"{word} holds for a whole section. Write `VAR {word}` … END_VAR around such declarations, not {word} here."
        )
        p.fail("SYN001", p.start(), p.end(), message)
        p.pos += 1
    if p.kinds[p.pos + 1] == LBRACKET and p.word() not in ("STRING", "WSTRING"):
        foreign.respell(p, ("ARRAY",))


def _nameless_structure(p: Stream) -> TypeSpec:
    """Report and skip a STRUCT where only the name of one can stand."""
    start = p.start()
    message = "A STRUCT has no place here. Declare it in a TYPE block and write its name here."
    p.fail("SYN027", start, p.end(), message)
    kinds = p.kinds
    depth = 0
    while kinds[p.pos] not in _AFTER_STRUCTURE:
        depth += (kinds[p.pos] == STRUCT) - (kinds[p.pos] == END_STRUCT)
        p.pos += 1
        if depth == 0:
            break
    else:
        p.failed_at = p.pos
    return ErrorType(start, p.last_end())


def _reference(p: Stream, start: int, keyword: str) -> TypeSpec:
    p.nesting += 1
    target = specification(p)
    p.nesting -= 1
    return ReferenceSpec(start, p.last_end(), keyword, target)


def _string(p: Stream, start: int, wide: bool) -> StringSpec:
    length: Expr | None = None
    kind = p.kinds[p.pos]
    if kind in (LBRACKET, LPAREN):
        opener = p.start()
        p.pos += 1
        length = expression(p)
        close(p, RBRACKET if kind == LBRACKET else RPAREN, opener)
    return StringSpec(start, p.last_end(), wide, length)


def _restricted(p: Stream, base: Identifier) -> TypeSpec:
    """Read what stands in parentheses after a type's name: bounds, or enumerators with that type to store them."""
    if p.kinds[p.pos + 1] == IDENT and p.kinds[p.pos + 2] in (COMMA, RPAREN, ASSIGN):
        return _enumeration(p, base.start, base)
    opener = p.start()
    p.pos += 1
    low = expression(p)
    if not p.accept(DOTDOT):
        p.expected("`..` and the upper bound", "SYN027")
        if p.failed_at == p.pos and p.kinds[p.pos] == RPAREN:
            p.pos += 1
        return SubrangeSpec(base.start, p.last_end(), base, low, ErrorExpr(p.last_end(), p.last_end()))
    high = expression(p)
    close(p, RPAREN, opener)
    return SubrangeSpec(base.start, p.last_end(), base, low, high)


def _enumeration(p: Stream, start: int, base: Identifier | None) -> EnumSpec:
    opener = p.start()
    p.pos += 1
    values: list[EnumValue] = []
    while True:
        name = p.name("the name of a value")
        if name is None:
            break
        value = expression(p) if p.accept(ASSIGN) else None
        values.append(EnumValue(name.start, p.last_end(), name, value))
        if not p.accept(COMMA):
            break
    close(p, RPAREN, opener)
    if base is None and p.kinds[p.pos] == IDENT and p.failed_at != p.pos:
        base = p.name("the type that stores the values")
    return EnumSpec(start, p.last_end(), base, values)


def _array(p: Stream, start: int) -> TypeSpec:
    p.pos += 1
    opener = p.start()
    dimensions: list[Dimension] = []
    if p.accept(LBRACKET):
        while True:
            dimensions.append(_dimension(p))
            if not p.accept(COMMA):
                break
        close(p, RBRACKET, opener)
    else:
        p.expected("the bounds of the array, as in `[1..10]`,", "SYN027")
    if not p.accept(OF):
        p.expected("OF and the type of the elements", "SYN005")
        if p.failed_at == p.pos and p.kinds[p.pos] != IDENT:
            return ArraySpec(start, p.last_end(), dimensions, ErrorType(p.last_end(), p.last_end()))
    p.nesting += 1
    element = specification(p)
    p.nesting -= 1
    return ArraySpec(start, p.last_end(), dimensions, element)


def _dimension(p: Stream) -> Dimension:
    if p.accept(STAR):
        return Dimension(p.last_end() - 1, p.last_end(), None, None)
    low = expression(p)
    start = low.start
    if not p.accept(DOTDOT):
        if p.kinds[p.pos] == RBRACKET or p.kinds[p.pos] == COMMA:
            written = p.text[low.start : low.end]
            message = f"An array has a lower and an upper bound. Write for instance `0..{written} - 1` for {written} elements."
            if isinstance(low, Binary) and low.op == "-":
                bounds = f"{p.text[low.left.start : low.left.end]}..{p.text[low.right.start : low.right.end]}"
                message = f"Between the bounds of an array stand two points. Write `{bounds}`."
            p.fail("SYN027", start, max(low.end, start), message)
            p.failed_at = -1
        else:
            p.expected("`..` and the upper bound", "SYN027")
        return Dimension(start, p.last_end(), low, ErrorExpr(p.last_end(), p.last_end()))
    high = expression(p)
    return Dimension(start, max(high.end, p.last_end()), low, high)


def initial_value(p: Stream) -> Expr:
    """Read what stands after `:=` in a declaration: an expression, `[...]` for an array, `(a := 1)` for a structure or block."""
    kind = p.kinds[p.pos]
    if kind == LBRACKET or (kind == LPAREN and _is_structure(p)):
        start = p.start()
        if p.nesting > MAX_NESTING:
            p.fail("SYN026", start, start + 1, "This initial value is nested too deeply.")
            return nothing(p)
        p.nesting += 1
        result = _array_initial(p, start) if kind == LBRACKET else _structure_initial(p, start)
        p.nesting -= 1
        return result
    return expression(p)


def _is_structure(p: Stream) -> bool:
    text = p.texts[p.pos + 1]
    return p.kinds[p.pos + 2] == ASSIGN and text != "" and (text[0].isalpha() or text[0] == "_")


def _array_initial(p: Stream, start: int) -> Expr:
    p.pos += 1
    values: list[Expr] = []
    if p.kinds[p.pos] != RBRACKET:
        while True:
            values.append(_element(p))
            if not p.accept(COMMA):
                break
    close(p, RBRACKET, start)
    return ArrayInitial(start, p.last_end(), values)


def _element(p: Stream) -> Expr:
    if p.kinds[p.pos] != INTEGER or p.kinds[p.pos + 1] != LPAREN:
        return initial_value(p)
    count = operand(p)
    opener = p.start()
    p.pos += 1
    values: list[Expr] = []
    if p.kinds[p.pos] != RPAREN:
        while True:
            values.append(initial_value(p))
            if not p.accept(COMMA):
                break
    close(p, RPAREN, opener)
    return Repetition(count.start, p.last_end(), count, values)


def _structure_initial(p: Stream, start: int) -> Expr:
    p.pos += 1
    fields: list[FieldInitial] = []
    while True:
        name = p.name("the name of a member")
        if name is None:
            break
        while p.kinds[p.pos] == DOT and p.kinds[p.pos + 1] == IDENT:
            p.fail(
                "SYN001",
                p.start(),
                p.end(),
                "Only the structure's own members are named here; give an inner structure its own `( )`.",
            )
            p.pos += 2
        if not p.accept(ASSIGN):
            p.expected("`:=` and a value")
            break
        value = initial_value(p)
        fields.append(FieldInitial(name.start, max(value.end, p.last_end()), name, value))
        if not p.accept(COMMA):
            break
    close(p, RPAREN, start)
    return StructInitial(start, p.last_end(), fields)
