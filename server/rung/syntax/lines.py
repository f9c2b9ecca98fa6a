"""Offsets to lines and columns and back: the border between the inside, which counts characters, and the editors outside.

Invariant: any offset and any position, even one outside the text, gives the nearest place inside it. A line ends with LF, CR or
CRLF, as the Language Server Protocol has it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from io import StringIO
from itertools import accumulate
from typing import Final, Literal

Units = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END: Final = re.compile(r"\r\n?|\n")
_WIDTH: Final = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
_CODEC: Final = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


class LineIndex:
    """The lines of one text. Lines and columns count from 0."""

    __slots__ = ("_ascii", "_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text: str = text
        self._ascii: bool = text.isascii()
        self._starts: list[int] = _line_starts(text)

    @property
    def count(self) -> int:
        """Number of lines; a text that ends with a line end has an empty last one."""
        return len(self._starts)

    def position(self, offset: int, units: Units = "utf-16") -> tuple[int, int]:
        """Return the line and column of an offset, the column counted in code units of `units`."""
        offset = min(max(offset, 0), len(self._text))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        if self._ascii or units == "utf-32":
            return line, offset - start
        return line, len(_encode(self._text[start:offset], units)) // _WIDTH[units]

    def offset(self, line: int, column: int, units: Units = "utf-16") -> int:
        """Return the offset of a position. A column past the end of its line means the end, before the line end itself; one inside
        a character means the character's beginning."""
        if line < 0:
            return 0
        if line >= len(self._starts):
            return len(self._text)
        start = self._starts[line]
        end = self.line_end(line)
        if self._ascii or units == "utf-32":
            return min(start + max(column, 0), end)
        encoded = _encode(self._text[start:end], units)[: max(column, 0) * _WIDTH[units]]
        return start + len(encoded.decode(_CODEC[units], "ignore"))

    def line_start(self, line: int) -> int:
        """Return the offset at which a line begins."""
        return self._starts[min(max(line, 0), len(self._starts) - 1)]

    def line_end(self, line: int) -> int:
        """Return the offset at which a line ends, before CR and LF."""
        line = min(max(line, 0), len(self._starts) - 1)
        if line + 1 == len(self._starts):
            return len(self._text)
        end = self._starts[line + 1] - 1
        if end > self._starts[line] and self._text[end] == "\n" and self._text[end - 1] == "\r":
            end -= 1
        return end


def _line_starts(text: str) -> list[int]:
    if text.count("\r") == text.count("\r\n"):
        # The usual case, ten times as fast: every line ends with LF.
        starts = [0, *accumulate(map(len, StringIO(text, newline="\n")))]
        if not text.endswith("\n"):
            starts.pop()
        return starts or [0]
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


def _encode(text: str, units: Units) -> bytes:
    return text.encode(_CODEC[units], "surrogatepass")
