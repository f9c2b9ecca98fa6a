"""A keyword that somebody declared as a name: its uses are names, too.

Invariant: the word stays a keyword wherever only the keyword can stand, so a `FOR i := 1 TO 9` is read right although `to` was
declared as a variable.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.tokens import (
    AND,
    ARRAY,
    ARROW,
    ASSIGN,
    BY,
    CASE,
    COMMA,
    DO,
    DOT,
    DOTDOT,
    ELSIF,
    EOF,
    FALSE,
    FOR,
    IDENT,
    IF,
    LBRACKET,
    LPAREN,
    MOD,
    NOT,
    OF,
    OR,
    RANK,
    THEN,
    TO,
    TRUE,
    UNTIL,
    WHILE,
    XOR,
)

_JOINTS: Final = frozenset({TO, BY, DO, THEN, OF})
_BEFORE_VALUE: Final = frozenset({ASSIGN, ARROW, COMMA, LPAREN, LBRACKET, DOTDOT, NOT})
_BEFORE_CONDITION: Final = frozenset({IF, ELSIF, WHILE, UNTIL, CASE, FOR, TO, BY})
_VALUES: Final = frozenset({NOT, TRUE, FALSE})
_FUNCTION_WORDS: Final = frozenset({AND, OR, XOR, MOD})


def read_as_names(kinds: list[int], declared: int) -> None:
    """Make names of the tokens after `declared` that are the same keyword and stand where a variable would."""
    keyword = kinds[declared]
    for pos in range(declared + 1, len(kinds)):
        if kinds[pos] == EOF:
            break
        if kinds[pos] == keyword and _is_name(keyword, kinds[pos - 1], kinds[pos + 1]):
            kinds[pos] = IDENT


def _is_name(keyword: int, before: int, after: int) -> bool:
    if after in (ASSIGN, DOT):
        return True
    if keyword in _VALUES or (after == LPAREN and keyword in _FUNCTION_WORDS):
        return False
    if after == LBRACKET and keyword != ARRAY and keyword not in _JOINTS:
        return True
    return before in _BEFORE_VALUE or before in _BEFORE_CONDITION or RANK[before] > 0
