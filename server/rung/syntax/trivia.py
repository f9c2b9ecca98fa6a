"""Where comments, strings and pragmas begin and end: the one place that decides it, for lexer and splitter alike.

Invariant: the extent of each depends only on the text from its own start, so a text and any part of it that is cut between two
of them are read alike. Nested `(* (* *) *)` are one comment; a `(*` inside a comment that is never closed means nothing.
"""

from __future__ import annotations

import re
from typing import Final

# Each pattern below goes on where the opening character ends, so that a scan can look for that character alone, which is quick.
# A line that a tool left in the file is one comment up to the last `*)` of the line, whatever stands between.
_TOOL_LINE: Final = r"(?<![^\r\n]\()\*(?:DBG|FILE):[^\r\n]*\*\)(?=[ \t]*(?:[\r\n]|\Z))"
_AFTER_PARENTHESIS: Final = rf"{_TOOL_LINE}|\*[\s\S]*?\*\)|\*[\s\S]*"
_AFTER_SLASH: Final = r"/[^\r\n]*|\*[\s\S]*?\*/|\*[\s\S]*"
_AFTER_QUOTE: Final = r"[^'$\r\n]*(?:\$[^\r\n][^'$\r\n]*){0,1000}'"
_AFTER_DOUBLE_QUOTE: Final = r'[^"$\r\n]*(?:\$[^\r\n][^"$\r\n]*){0,1000}"'
# C code in one pair of braces may hold braces itself; where those do not balance, the first `}` ends it.
_AFTER_BRACE: Final = r"\{[\s\S]*?\}\}|[^{}]*(?:\{[^{}]*\}[^{}]*){0,1000}\}|[^}]*\}"

TOOL_LINE: Final = rf"\({_TOOL_LINE}"
COMMENT: Final = rf"\((?:{_AFTER_PARENTHESIS})|/(?:{_AFTER_SLASH})"
STRING: Final = f"'{_AFTER_QUOTE}"
WIDE_STRING: Final = f'"{_AFTER_DOUBLE_QUOTE}'
OPEN_STRING: Final = r"""['"][^\r\n]*"""
PRAGMA: Final = rf"\{{(?:{_AFTER_BRACE})"

_MOST_OPEN: Final = 100
_TAILS: Final = (
    rf"(?<=\()(?:{_AFTER_PARENTHESIS})|(?<=/)(?:{_AFTER_SLASH})|(?<=\*)\)"
    rf"""|(?<=')(?:{_AFTER_QUOTE}|[^\r\n]*)|(?<=")(?:{_AFTER_DOUBLE_QUOTE}|[^\r\n]*)"""
)
_WITHOUT_PRAGMAS: Final = re.compile(rf"""[(/'"*](?:{_TAILS})""")
_SPANS: Final = re.compile(rf"""[(/'"*{{](?:{_TAILS}|(?<=\{{)(?:{_AFTER_BRACE}))""")
_MARKERS: Final = re.compile(rf"{TOOL_LINE}|\(\*|\*\)")
_CLOSED_STRING: Final = re.compile(rf"{STRING}|{WIDE_STRING}")


def pragmas_hopeless(text: str) -> bool:
    """Say whether so many braces are never closed that to look for their ends would take for ever; then no brace opens a pragma."""
    return text.count("{", text.rfind("}") + 1) > _MOST_OPEN or text.count("{{", text.rfind("}}") + 1) > _MOST_OPEN


def is_closed_string(piece: str) -> bool:
    """Say whether a piece that begins with a quote also ends with its own."""
    return _CLOSED_STRING.fullmatch(piece) is not None


def holds_opener(comment: str) -> bool:
    """Say whether a comment that was cut at its first `*)` holds a further `(*`, so that it may be a nested one."""
    return comment.startswith("(*") and comment.find("(*", 2) > 0 and not comment.startswith(("(*DBG:", "(*FILE:"))


def spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of every comment, string and pragma, in order and disjoint.

    A comment that holds `(*` is read to its balancing `*)`, provided that this is not itself part of a pragma or comment that
    follows the comment when it is read to its first `*)`: C code such as `(char *)x` must not close a comment further up.
    """
    found: list[tuple[int, int]] = []
    pending: list[
        tuple[int, int]
    ] = []  # nested comments under suspicion: where they would end, and their index in `found`
    ends: dict[int, int] | None = None
    pattern = _WITHOUT_PRAGMAS if pragmas_hopeless(text) else _SPANS
    position = 0
    while True:
        for match in pattern.finditer(text, position):
            start, end = match.span()
            while pending and pending[-1][0] <= start:
                pending.pop()
            first = text[start]
            if first == "*":
                if pending and pending[-1][0] == end:
                    position = _merge(found, pending, end)
                    break
                continue
            if pending and pending[-1][0] <= end and first in "'\"":
                # An apostrophe in the prose of a comment, not a string.
                position = _merge(found, pending, pending[-1][0])
                break
            found.append((start, end))
            if first == "(" and holds_opener(match.group()):
                if ends is None:
                    ends = _balanced(text)
                close = ends.get(start, 0)
                if close > end:
                    pending.append((close, len(found) - 1))
        else:
            return found


def _merge(found: list[tuple[int, int]], pending: list[tuple[int, int]], end: int) -> int:
    """Make one comment of all that was found since the innermost pending one; return where to read on."""
    _, index = pending.pop()
    start = found[index][0]
    del found[index:]
    found.append((start, end))
    return end


def _balanced(text: str) -> dict[int, int]:
    """Map the start of each `(*` to the end of the `*)` that balances it."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for match in _MARKERS.finditer(text):
        start, end = match.span()
        if text[start] == "*":
            if stack:
                ends[stack.pop()] = end
        elif end - start == 2:
            stack.append(start)
    return ends
