"""A file's text to units: one top-level declaration each.

Invariant: purely a function of the text, at the speed of two regular-expression scans. A boundary never lies inside a comment,
string or pragma, and a declaration that is never closed does not swallow the next one that begins a line.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final

from rung.syntax.trivia import spans

_WORDS: Final = frozenset({
    "FUNCTION_BLOCK", "FUNCTION", "PROGRAM", "TYPE", "CONFIGURATION", "VAR_GLOBAL",
    "END_FUNCTION_BLOCK", "END_FUNCTION", "END_PROGRAM", "END_TYPE", "END_CONFIGURATION", "END_VAR",
})  # fmt: skip


def _any_case(word: str) -> str:
    return "".join(f"[{sign}{sign.lower()}]" if sign.isalpha() else sign for sign in word)


# Whatever has the first letter of one of the words and, nearly, the rest of one: a scan for a few letters is quick, and what it finds
# too much is found out by the word itself.
_EVENTS: Final = re.compile(
    rf"[EFPTCVefptcv](?<![\w.#%].)(?:{'|'.join(_any_case(tail) for tail in ('ND_', 'UNCT', 'ROGR', 'YPE', 'ONFI', 'AR_G'))})\w*"
)
# `PROGRAM inst WITH task : Type` in a resource, and not a declaration.
_INSTANCE: Final = re.compile(r"\s+(?:(?:NON_)?RETAIN\s+)?\w+\s*(?:WITH\b|:)", re.IGNORECASE)
_AS_NAME: Final = re.compile(r"\s*[:,]")
_BLANKS: Final = re.compile(r"[ \t\ufeff]*;?[ \t]*")
_LINE_END: Final = re.compile(r"\r\n?|\n|\Z")


def split(text: str) -> list[int]:
    """Return where each unit of `text` begins, in order; the first begins at 0.

    A unit is one POU, TYPE block, VAR_GLOBAL section outside of a POU, or CONFIGURATION, with the comments before it and those
    after it on its last line.
    """
    starts = [0]
    trivia = spans(text)
    trivia_starts = [start for start, _ in trivia]
    trivia_ends = [end for _, end in trivia]
    opened = ""
    for match in _EVENTS.finditer(text):
        word = match.group().upper()
        if word not in _WORDS:
            continue
        at, end = match.span()
        index = bisect_right(trivia_starts, at) - 1
        if index >= 0 and trivia_ends[index] > at:
            continue
        if word.startswith("END_"):
            if _closes(word, opened):
                opened = ""
                starts.append(_line_rest(text, end, trivia_starts, trivia_ends))
        elif not opened:
            opened = word
        elif _begins_unit(text, at, end, word, opened):
            opened = word
            starts.append(_with_comments(text, _line_start(text, at), starts[-1], trivia, trivia_ends))
    if len(starts) > 1 and not text[starts[-1] :].strip():
        starts.pop()
    return starts


def _closes(word: str, opened: str) -> bool:
    if not opened:
        return False
    if opened == "CONFIGURATION":
        return word == "END_CONFIGURATION"
    return word != "END_VAR" or opened == "VAR_GLOBAL"


def _begins_unit(text: str, at: int, end: int, word: str, opened: str) -> bool:
    """Say whether an opener inside an open declaration shows that the END of that one is missing."""
    if not _first_of_line(text, at) or _AS_NAME.match(text, end):
        return False
    if word == "VAR_GLOBAL":
        return opened in ("TYPE", "VAR_GLOBAL")
    return not (opened == "CONFIGURATION" and word == "PROGRAM" and _INSTANCE.match(text, end))


def _first_of_line(text: str, at: int) -> bool:
    at -= 1
    while at >= 0 and text[at] in " \t":
        at -= 1
    return at < 0 or text[at] in "\r\n\ufeff"


def _line_start(text: str, at: int) -> int:
    start = text.rfind("\n", 0, at) + 1
    return max(start, text.rfind("\r", start, at) + 1)


def _line_rest(text: str, at: int, trivia_starts: list[int], trivia_ends: list[int]) -> int:
    """Return where the line goes on with something else than a `;`, blanks and comments, or where the next line begins."""
    while True:
        blanks = _BLANKS.match(text, at)
        at = blanks.end() if blanks else at
        index = bisect_left(trivia_starts, at)
        if index < len(trivia_starts) and trivia_starts[index] == at and text[at] in "(/{":
            at = trivia_ends[index]
            continue
        line_end = _LINE_END.match(text, at)
        return line_end.end() if line_end else at


def _with_comments(text: str, at: int, least: int, trivia: list[tuple[int, int]], trivia_ends: list[int]) -> int:
    """Return where the comments that stand right before the line at `at` begin, but not less than `least`."""
    index = bisect_right(trivia_ends, at) - 1
    while index >= 0 and not text[trivia[index][1] : at].strip():
        start = trivia[index][0]
        if not _first_of_line(text, start) or text[start] not in "(/{":
            break
        line = _line_start(text, start)
        if line < least:
            break
        at = line
        index -= 1
    return at
