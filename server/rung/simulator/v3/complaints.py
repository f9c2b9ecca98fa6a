"""What the device's compiler says of a program, in its own form and with its own habits of counting lines and columns.

Invariant: lines and columns count from 1 and ranges are inclusive, but a column is one too high on the first statement line of a body, and
one too low on the first line of the file (section 3.5).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rung.syntax.lexer import Tokens, lex
from rung.syntax.lines import LineIndex
from rung.syntax.tokens import ASSIGN

NO_TARGET: Final = "invalid variable before ':=' in ST assignment statement."
TOO_MANY: Final = "Parsing failed because of too many consecutive syntax errors. Bailing out!"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One line of the compiler; offsets into the text, `end` exclusive.

    What is not `counted` does not raise the number at the end. After `runaway` the compiler finds nothing that it understands any more.
    """

    start: int
    end: int
    text: str
    counted: bool = True
    runaway: bool = False


class Places:
    """The text of a program, its tokens, and how the compiler names places in it."""

    def __init__(self, name: str, text: str) -> None:
        """`name` is the file's, as messages show it."""
        self.text = text
        self.tokens: Tokens = lex(text)
        self._name = name
        self._lines = LineIndex(text)
        self._late: set[int] = set()

    def body_begins(self, offset: int) -> None:
        """Note where the compiler meets the first word of a body: columns on that line are one too high."""
        self._late.add(self.line(offset))

    def line(self, offset: int) -> int:
        """The line of an offset, from 0."""
        return self._lines.position(offset, "utf-32")[0]

    def show(self, complaint: Complaint) -> str:
        """The line of the log."""
        last = max(complaint.start, complaint.end - 1)
        return f"./st_files/{self._name}:{self._at(complaint.start)}..{self._at(last)}: error: {complaint.text}"

    def span(self, start: int, end: int) -> str:
        """`L1-C1..L2-C2` without more."""
        return f"./st_files/{self._name}:{self._at(start)}..{self._at(max(start, end - 1))}"

    def _at(self, offset: int) -> str:
        line, column = self._lines.position(offset, "utf-32")
        shift = -1 if line == 0 else int(line in self._late)
        return f"{line + 1}-{column + 1 + shift}"

    # -- tokens --------------------------------------------------------------------------------------------------

    def token_at(self, offset: int) -> int:
        """The number of the token that stands at an offset, or of the first one after it."""
        starts = self.tokens.starts
        index = bisect_right(starts, offset) - 1
        if index >= 0 and starts[index] + len(self.tokens.texts[index]) > offset:
            return index
        return min(index + 1, len(starts) - 1)

    def token_span(self, index: int) -> tuple[int, int]:
        """Where a token begins and ends."""
        start = self.tokens.starts[index]
        return start, start + len(self.tokens.texts[index])

    def next_of(self, offset: int, texts: Collection[str]) -> int:
        """The end of the first token from an offset on that is one of `texts`; the text's end if there is none."""
        for index in range(self.token_at(offset), len(self.tokens.texts)):
            if self.tokens.texts[index].upper() in texts:
                return self.token_span(index)[1]
        return len(self.text)


def runaway(places: Places, start: int) -> Complaint:
    """The parser has lost its way at an offset: it takes everything up to the next `:=` for a variable."""
    index = places.token_at(start)
    kinds = places.tokens.kinds
    last = next((number for number in range(index + 1, len(kinds)) if kinds[number] == ASSIGN), len(kinds)) - 1
    return Complaint(start, places.token_span(max(index, last))[1], NO_TARGET, runaway=True)


def summary(count: int, *, blank: bool) -> list[str]:
    """The compiler's last lines; the parser leaves a blank line before them, the later stages do not."""
    line = f"{count} error(s) found. Bailing out!"
    return ["", line] if blank else [line]
