"""Text to tokens.

Invariant: every character belongs to exactly one token, comment, pragma or run of blanks, so tokens, `trivia` and the gaps between
them give the text back. Lexing never fails: what no token begins with becomes a `BAD` token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rung.syntax import trivia
from rung.syntax.problem import Problem
from rung.syntax.tokens import (
    ADDRESS,
    BAD,
    BLANK,
    COMMENT,
    ENUM,
    EOF,
    IDENT,
    INTEGER,
    KEYWORDS,
    LITERAL_PREFIXES,
    NUMBER,
    OPEN_STRING,
    OPERATORS,
    PRAGMA,
    STRING,
    TYPED,
)

_EXPONENT: Final = r"[0-9][0-9_]*(?:\.[0-9][0-9_]*)?[eE][+-][0-9][0-9_]*"
_DIGITS: Final = r"[0-9]\w*(?:#\w*)?(?:\.[0-9]\w*)*"
# After these words a literal may hold `-` and `:`, elsewhere they are operators.
_DATE_WORDS: Final = (
    "D", "DT", "TOD", "LD", "LDT", "LTOD", "DATE", "LDATE", "DATE_AND_TIME", "LDATE_AND_TIME", "TIME_OF_DAY",
    "LTIME_OF_DAY",
)  # fmt: skip
_AFTER_DATE_WORD: Final = "|".join(rf"(?<=\b{word}#)" for word in _DATE_WORDS)
_DATE: Final = rf"(?i:{_AFTER_DATE_WORD})[0-9][0-9_]*(?:[-:.][0-9][0-9_]*)*"
_AFTER_HASH: Final = rf"{_DATE}|[+-]?{_EXPONENT}|[+-]?{_DIGITS}|{trivia.STRING}|{trivia.WIDE_STRING}|\w*"
_BEFORE_PRAGMA: Final = (
    rf"[^\W\d]\w*(?:\#(?:{_AFTER_HASH}))?"
    r"|[\s\ufeff]+"
    r"|:=|[;,)\[\]:^]|\.\.?"
    rf"|{_EXPONENT}|{_DIGITS}"
    rf"|{trivia.COMMENT}"
    r"|\(|<>|<=|>=|=>|==|[-+*/]=|\*\*|[-+<=>*/]"
    rf"|{trivia.STRING}|{trivia.WIDE_STRING}|{trivia.OPEN_STRING}"
)
_AFTER_PRAGMA: Final = (
    r"%[A-Za-z]{1,2}(?:\*|[0-9]+(?:\.[0-9]+)*)|%[IQMiqm][XBWDLxbwdl]?(?!\w)"
    r"|&&?|\|\||!=?|[%{}]"
    r"""|[^\w\s;,()\[\]:^.<=>+\-*/'"{}&|!%\ufeff]+"""
    r"|[\s\S]"
)
_PIECES: Final = re.compile(rf"{_BEFORE_PRAGMA}|{trivia.PRAGMA}|{_AFTER_PRAGMA}")

# What kind each piece was found to be. Names recur, so most pieces cost one look-up. Bounded, because a server lives long.
_KNOWN: dict[str, int] = dict(OPERATORS)
_KNOWN_LIMIT: Final = 100_000
_LONGEST_KNOWN: Final = 40

# The words that begin a pragma for tools. What else stands in braces is taken for C code if it looks like it.
_TOOL_PRAGMA: Final = re.compile(
    r"\{\s*(?:attribute|info|warning|error|text|region|endregion|analysis|define|undefine|if|elsif|else|end_if|flow|nobp|"
    r"library|ref|sized|enable|disable|implicit)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Tokens:
    """The tokens of a text as parallel lists, ended by `EOF` tokens, so that a parser may look three tokens ahead anywhere.

    `trivia` holds comments and pragmas as (kind, start, end). `unclosed` is where a comment without its end begins, or None.
    """

    kinds: list[int]
    starts: list[int]
    texts: list[str]
    trivia: list[tuple[int, int, int]]
    problems: list[Problem]
    unclosed: int | None


def lex(text: str) -> Tokens:
    """Split `text` into tokens and trivia.

    Problems reported here are those of comments and pragmas; a malformed literal is reported where its value is worked out.
    """
    tokens = Tokens([], [], [], [], [], None)
    hopeless = trivia.pragmas_hopeless(text)
    pieces = re.compile(rf"{_BEFORE_PRAGMA}|{_AFTER_PRAGMA}") if hopeless else _PIECES
    if not _read(pieces, text, 0, len(text), tokens, False):
        tokens = Tokens([], [], [], [], [], None)
        position = 0
        for start, end in trivia.spans(text):
            if trivia.holds_opener(text[start:end]):
                _read(pieces, text, position, start, tokens, True)
                _add_trivia(COMMENT, text[start:end], start, tokens)
                position = end
        _read(pieces, text, position, len(text), tokens, True)
    tokens.kinds += (EOF, EOF, EOF, EOF)
    tokens.starts += (len(text),) * 4
    tokens.texts += ("",) * 4
    return tokens


def _read(pieces: re.Pattern[str], text: str, position: int, end: int, tokens: Tokens, spans_known: bool) -> bool:
    """Add the tokens of a stretch of text; false if a comment may be nested, so that its end must be found with care first."""
    known = _KNOWN.get
    add_kind = tokens.kinds.append
    add_start = tokens.starts.append
    add_text = tokens.texts.append
    for piece in pieces.findall(text, position, end):
        kind = known(piece)
        if kind is None:
            kind = classify(piece)
        if kind > 0:
            add_kind(kind)
            add_start(position)
            add_text(piece)
        elif kind < 0:
            if kind == COMMENT and not spans_known and trivia.holds_opener(piece):
                return False
            _add_trivia(kind, piece, position, tokens)
        position += len(piece)
    return True


def _add_trivia(kind: int, piece: str, start: int, tokens: Tokens) -> None:
    end = start + len(piece)
    tokens.trivia.append((kind, start, end))
    if kind == PRAGMA:
        if is_c_code(piece):
            shown = min(end, start + max(1, len(piece.split("\n", 1)[0].rstrip())))
            tokens.problems.append(
                Problem(
                    "SYN025",
                    start,
                    shown,
                    "This pragma holds C code, which Rung skips: what it does on the runtime will not happen. "
                    "Write it in Structured Text, or leave it if the machine does not depend on it.",
                )
            )
    elif (piece[0] == "(" or piece[1] == "*") and not _is_closed_comment(piece):
        tokens.unclosed = start
        closer = "*)" if piece[0] == "(" else "*/"
        tokens.problems.append(
            Problem(
                "SYN013",
                start,
                start + 2,
                f"This comment is never closed, so everything after it is ignored. Write `{closer}` where it should end.",
            )
        )


def _is_closed_comment(piece: str) -> bool:
    return len(piece) >= 4 and piece.endswith("*)" if piece[0] == "(" else "*/")


def is_c_code(pragma: str) -> bool:
    """Say whether a pragma is C code for another compiler rather than a mark for tools."""
    if pragma.startswith("{{"):
        return True
    if _TOOL_PRAGMA.match(pragma):
        return False
    return any(sign in pragma for sign in ";#=(")


def classify(piece: str) -> int:
    """Return the kind of one piece of text, and remember it."""
    first = piece[0]
    if first.isspace() or first == "\ufeff":
        kind = BLANK
    elif first.isalpha() or first == "_":
        kind = _word(piece)
    elif "0" <= first <= "9":
        kind = INTEGER if piece.isascii() and piece.isdigit() else NUMBER
    elif first == "(" or first == "/":
        return COMMENT
    elif first == "{" and len(piece) > 1:
        return PRAGMA
    elif first == "'" or first == '"':
        return STRING if trivia.is_closed_string(piece) else OPEN_STRING
    elif first == "%":
        kind = ADDRESS
    elif piece[0].isalnum():
        kind = _word(piece)
    else:
        return BAD
    if len(piece) <= _LONGEST_KNOWN:
        if len(_KNOWN) > _KNOWN_LIMIT:
            _KNOWN.clear()
            _KNOWN.update(OPERATORS)
        _KNOWN[piece] = kind
    return kind


def _word(piece: str) -> int:
    mark = piece.find("#")
    if mark < 0:
        return KEYWORDS.get(piece.upper(), IDENT)
    if piece[:mark].upper() in LITERAL_PREFIXES:
        return TYPED
    return ENUM if piece[mark + 1 : mark + 2].isidentifier() else TYPED
