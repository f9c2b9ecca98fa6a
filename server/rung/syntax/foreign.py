"""What slips of the finger and habits from other languages leave in a program, told in the words of Structured Text.

Invariant: only text that the grammar refuses comes here, so nothing said here is ever said about a correct program.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.blocks import OPENER
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ASSIGN,
    BAD,
    CARET,
    CASE,
    DO,
    DOT,
    END_CASE,
    END_IF,
    EOF,
    FALSE,
    FOR,
    IDENT,
    IF,
    INTEGER,
    KEYWORDS,
    LBRACKET,
    LPAREN,
    MINUS,
    NOT,
    NUMBER,
    OF,
    POU_OPENERS,
    PRAGMA,
    PROGRAM,
    RBRACKET,
    REPEAT,
    RPAREN,
    SEMICOLON,
    SPELLING,
    STRING,
    THEN,
    TO,
    TOP_OPENERS,
    TRUE,
    TYPED,
    WHILE,
)
from rung.syntax.tree import ErrorStatement, Statement

_WITH_ELSE: Final = frozenset({END_IF, END_CASE})
_ATTACHED: Final = frozenset({DOT, LPAREN, LBRACKET, CARET})
_VALUES: Final = frozenset({IDENT, INTEGER, NUMBER, STRING, TYPED, NOT, TRUE, FALSE, MINUS, LPAREN})
_OPENING_WORDS: Final = ("IF", "CASE", "FOR", "WHILE", "ELSIF", "UNTIL")
_LONE_WORDS: Final = (
    "ELSE", "REPEAT", "EXIT", "RETURN", "CONTINUE", "END_IF", "END_CASE", "END_FOR", "END_WHILE", "END_REPEAT", "END_PROGRAM",
    "END_FUNCTION_BLOCK", "END_FUNCTION",
)  # fmt: skip
_OPERATOR_WORDS: Final = ("AND", "XOR", "MOD", "NOT", "THEN", "DO", "OF")
# Spelt as in other languages, too far from ours for a slip of the finger.
_OTHER_LANGUAGES: Final = {
    "ELSEIF": "ELSIF", "ELIF": "ELSIF", "ENDIF": "END_IF", "ENDFOR": "END_FOR", "NEXT": "END_FOR", "WEND": "END_WHILE",
    "ENDWHILE": "END_WHILE", "ENDCASE": "END_CASE", "BREAK": "EXIT", "SWITCH": "CASE", "LOOP": "REPEAT",
    "ENDPROGRAM": "END_PROGRAM", "ENDFUNCTION": "END_FUNCTION",
    "VAR_IN": "VAR_INPUT", "VAR_OUT": "VAR_OUTPUT", "VAR_INOUT": "VAR_IN_OUT",
}  # fmt: skip
_UNREAD: Final = {"JMP": "jumps", "METHOD": "methods", "ACTION": "actions", "PROPERTY": "properties"}


def statement(p: Stream, found: list[Statement]) -> bool:
    """Look at a statement that begins with a name and may have been meant to begin with a keyword.

    Returns true if something was reported; then the token has been given the kind it was meant to have, or was skipped.
    """
    pos = p.pos
    after = p.kinds[pos + 1]
    if after in _ATTACHED and not (after == LPAREN and _heads_a_block(p)):
        return False
    same_line = not p.starts_line(pos + 1)
    word = p.word()
    if word == "BEGIN" and not same_line:
        p.note(
            "SYN001",
            p.start(),
            p.end(),
            "Structured Text has no BEGIN: the statements follow the declarations. Remove it.",
        )
        p.pos += 1
        return True
    if word in _UNREAD and same_line and after == IDENT:
        _unread(p, word, found)
        return True
    if word == "END" and same_line and after in (IF, CASE, FOR, WHILE, REPEAT):
        return _two_words(p)
    if word == "END" and (after in (SEMICOLON, IDENT) or not same_line):
        return _bare_end(p, found)
    if same_line and after == IDENT and p.kinds[pos + 2] == ASSIGN and _WITH_ELSE.intersection(p.blocks):
        meant = nearest(word, ("ELSE",))
        if meant is not None:
            return _meant(p, meant)
    opens = same_line and after in _VALUES
    if not opens and same_line and after not in (SEMICOLON, EOF):
        return False
    meant = _OTHER_LANGUAGES.get(word) or nearest(word, _OPENING_WORDS if opens else _LONE_WORDS)
    if meant is None or meant not in KEYWORDS or (meant in _OPENING_WORDS) != opens:
        return False
    return _meant(p, meant)


def _bare_end(p: Stream, found: list[Statement]) -> bool:
    """Read `END` as the END of the innermost open block, or of the POU where nothing of it follows."""
    closer = next((kind for kind in reversed(p.blocks) if kind in OPENER), None)
    if closer is not None:
        return _meant(p, SPELLING[closer])
    after = p.kinds[p.pos + 2 if p.kinds[p.pos + 1] == SEMICOLON else p.pos + 1]
    if after == EOF or after in TOP_OPENERS:
        opener = next((kind for kind in p.kinds[p.pos :: -1] if kind in POU_OPENERS), PROGRAM)
        return _meant(p, f"END_{SPELLING[opener]}")
    start = p.start()
    message = "END closes nothing: no block is open here. A POU ends with the END of its own kind, such as END_PROGRAM."
    p.note("SYN006", start, p.end(), message)
    p.pos += 1
    p.accept(SEMICOLON)
    found.append(ErrorStatement(start, p.last_end()))
    return True


def _heads_a_block(p: Stream) -> bool:
    """Say whether the parenthesis after the current name is followed by THEN, DO or OF on its line."""
    pos = p.pos + 1
    depth = 0
    while not (pos > p.pos + 1 and p.starts_line(pos)):
        kind = p.kinds[pos]
        if kind == LPAREN:
            depth += 1
        elif kind == RPAREN:
            depth -= 1
        elif kind in (EOF, SEMICOLON):
            return False
        elif depth == 0:
            return kind in (THEN, DO, OF)
        pos += 1
    return False


def _meant(p: Stream, word: str) -> bool:
    text = p.texts[p.pos]
    p.note("SYN021", p.start(), p.end(), f"`{text}` is no word of the language here. Did you mean {word}?", data=word)
    p.kinds[p.pos] = KEYWORDS[word]
    return True


def _two_words(p: Stream) -> bool:
    second = p.pos + 1
    word = f"END_{p.texts[second].upper()}"
    end = p.starts[second] + len(p.texts[second])
    p.note("SYN021", p.start(), end, f"Write {word} as one word.", data=word)
    p.kinds[p.pos] = KEYWORDS[word]
    del p.kinds[second], p.starts[second], p.texts[second]
    return True


def _unread(p: Stream, word: str, found: list[Statement]) -> None:
    start = p.start()
    p.note("SYN030", start, p.end(), f"Rung does not read {_UNREAD[word]} yet, so nothing here is checked or run.")
    ending = f"END_{word}"
    kinds = p.kinds
    pos = p.pos
    if word == "JMP":
        while kinds[pos] != EOF and kinds[pos] != SEMICOLON:
            pos += 1
    else:
        while kinds[pos] != EOF and p.texts[pos].upper() != ending:
            pos += 1
    p.pos = pos + 1 if kinds[pos] != EOF else pos
    if p.kinds[p.pos] == SEMICOLON:
        p.pos += 1
    found.append(ErrorStatement(start, p.last_end()))


def respell(p: Stream, words: tuple[str, ...]) -> bool:
    """Give the current name the kind of the one of `words` that it is spelt nearly like, with a report; false if there is none."""
    if p.kinds[p.pos] != IDENT:
        return False
    word = p.word()
    if word == "END" and words[0].startswith("END_"):
        return _meant(p, words[0])
    other = _OTHER_LANGUAGES.get(word)
    joined = next((candidate for candidate in words if candidate.replace("_", "") == word.replace("_", "")), None)
    meant = other if other in words else joined or nearest(word, words)
    return meant is not None and _meant(p, meant)


def misspelt_here(p: Stream, keyword: int) -> bool:
    """Take the current name for `keyword` if it is spelt nearly so."""
    if p.kinds[p.pos] != IDENT:
        return False
    word = SPELLING[keyword]
    if nearest(p.word(), (word,)) is None and not (keyword == TO and p.word() == "UNTIL"):
        return False
    p.note(
        "SYN021",
        p.start(),
        p.end(),
        f"`{p.texts[p.pos]}` is no word of the language here. Did you mean {word}?",
        data=word,
    )
    p.pos += 1
    return True


def misplaced(p: Stream) -> bool:
    """Report a token that can begin neither a statement nor an expression."""
    kind = p.kinds[p.pos]
    if kind in _VALUES:
        return False
    if kind == BAD:
        p.expected("a statement")
        return True
    if kind in (RPAREN, RBRACKET):
        p.fail(
            "SYN012", p.start(), p.end(), f"This `{p.texts[p.pos]}` closes nothing: there is no opening bracket for it."
        )
        return True
    if p.texts[p.pos].upper() in KEYWORDS and p.texts[p.pos][0].isalpha():
        p.fail("SYN001", p.start(), p.end(), f"No statement begins with {p.shown()}.")
        return True
    if p.texts[p.pos][0] in "'\"%" or p.texts[p.pos][0].isalnum():
        return False
    p.fail("SYN001", p.start(), p.end(), f"No statement begins with {p.shown()}.")
    return True


def unexpected(p: Stream) -> None:
    """Report a token that cannot follow what stands before it on the line."""
    kind = p.kinds[p.pos]
    start, end = p.start(), p.end()
    if kind == BAD:
        p.expected("`;`")
    elif kind in (RPAREN, RBRACKET):
        p.fail("SYN012", start, end, f"This `{p.texts[p.pos]}` closes nothing: there is no opening bracket for it.")
    elif kind == IDENT and (word := nearest(p.word(), _OPERATOR_WORDS)) is not None:
        p.fail("SYN021", start, end, f"`{p.texts[p.pos]}` cannot stand here. Did you mean {word}?", data=word)
    else:
        p.fail(
            "SYN001",
            start,
            end,
            f"{_capital(p.shown())} cannot follow here. An operator or a `;` is missing before it.",
        )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def braces(p: Stream, opener: int, word: str) -> bool:
    """Report `{` where `word` should open a block; true if there was one."""
    gap_start, gap_end = p.last_end(), p.start()
    for kind, start, _ in p.trivia:
        if kind == PRAGMA and gap_start <= start < gap_end:
            # Whoever writes one block in braces writes the others so, too.
            p.problems[:] = [problem for problem in p.problems if problem.code != "SYN025" or problem.start < start]
            _report_brace(p, start, opener, word)
            return True
    if p.texts[p.pos].startswith("{"):
        _report_brace(p, p.start(), opener, word)
        return True
    return False


def _report_brace(p: Stream, start: int, opener: int, word: str) -> None:
    kind = p.kinds[opener]
    ending = SPELLING.get(_CLOSERS.get(kind, 0), "END_IF")
    p.note(
        "SYN010",
        start,
        start + 1,
        f"Braces do not hold statements in Structured Text. Write {word} here and {ending} at the end.",
        data=word,
    )
    p.forgiven.add(opener)
    if p.texts[p.pos].startswith("{"):
        p.pos += 1


_CLOSERS: Final = {opener: closer for closer, opener in OPENER.items()}


def nearest(word: str, words: tuple[str, ...]) -> str | None:
    """Return the one of `words` that `word` is a slip of the finger away from: two letters in long words, one in short ones."""
    best: str | None = None
    least = 3
    for candidate in words:
        allowed = 2 if len(candidate) > 5 else 1
        if abs(len(candidate) - len(word)) > allowed or word == candidate:
            continue
        if len(candidate) == 2 and set(word) != set(candidate):
            continue  # IN is no slip for IF, but IFF and FI are
        distance = _distance(word, candidate)
        if distance <= allowed and distance < least:
            best, least = candidate, distance
    return best


def _distance(a: str, b: str) -> int:
    """Count the letters to insert, delete, replace or swap with their neighbour between two words."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        above, row = row, [i] + [0] * len(b)
        for j in range(1, len(b) + 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                row[j] = min(row[j], before[j - 2] + 1)
        before = above
    return row[len(b)]
