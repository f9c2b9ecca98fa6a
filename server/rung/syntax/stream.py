"""The parser's place in the tokens, and how it reports what it finds there.

Invariant: one mistake gives one problem. A report at a token silences further reports until the parser has moved on, so no function
needs to know whether the one it called has already complained.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.keyword_names import read_as_names
from rung.syntax.lexer import Tokens
from rung.syntax.problem import Problem, Related
from rung.syntax.tokens import BAD, EOF, IDENT, INTEGER, KEYWORDS, NUMBER, OPEN_STRING, STRING, TYPED
from rung.syntax.tree import Identifier

# How deep a program may nest. What walks the tree recursively stays far from the interpreter's own limit.
MAX_NESTING: Final = 80
MAX_BLOCKS: Final = 50
MAX_HEIGHT: Final = 250

_LONGEST_SHOWN: Final = 40


class Stream:
    """Tokens with a position.

    `nesting` counts the brackets and operators the parser is inside of, `height` is the height of the expression read last,
    `blocks` holds the kind of END that each open statement waits for, innermost last, and `forgiven` the openers whose END nobody
    misses any more. `words_as_names` holds the keywords that were declared as names.
    """

    __slots__ = (
        "blocks", "failed_at", "forgiven", "height", "kinds", "nesting", "pos", "problems", "starts", "text", "texts", "trivia",
        "unclosed", "words_as_names",
    )  # fmt: skip

    def __init__(self, text: str, tokens: Tokens) -> None:
        self.text: str = text
        self.kinds: list[int] = tokens.kinds
        self.starts: list[int] = tokens.starts
        self.texts: list[str] = tokens.texts
        self.trivia: list[tuple[int, int, int]] = tokens.trivia
        self.problems: list[Problem] = tokens.problems
        self.unclosed: int | None = tokens.unclosed
        self.pos: int = 0
        self.failed_at: int = -1
        self.nesting: int = 0
        self.height: int = 0
        self.blocks: list[int] = []
        self.forgiven: set[int] = set()
        self.words_as_names: set[int] = set()

    def start(self) -> int:
        """Return where the current token begins."""
        return self.starts[self.pos]

    def end(self) -> int:
        """Return where the current token ends."""
        return self.starts[self.pos] + len(self.texts[self.pos])

    def last_end(self) -> int:
        """Return where the token before the current one ends."""
        pos = self.pos - 1
        return self.starts[pos] + len(self.texts[pos]) if pos >= 0 else 0

    def word(self) -> str:
        """Return the current token's text in upper case."""
        return self.texts[self.pos].upper()

    def accept(self, kind: int) -> bool:
        """Step over a token of this kind, if it is next."""
        if self.kinds[self.pos] == kind:
            self.pos += 1
            return True
        return False

    def on_new_line(self) -> bool:
        """Say whether a line ends between the token before and the current one."""
        return self.starts_line(self.pos)

    def starts_line(self, pos: int) -> bool:
        """Say whether the token at `pos` is the first of its line."""
        if pos == 0:
            return True
        gap = self.text[self.starts[pos - 1] + len(self.texts[pos - 1]) : self.starts[pos]]
        return "\n" in gap or "\r" in gap

    def column(self, pos: int) -> int:
        """Return how many characters stand before the token at `pos` on its line."""
        start = self.starts[pos]
        line = self.text.rfind("\n", 0, start) + 1
        return start - max(line, self.text.rfind("\r", line, start) + 1)

    def note(self, code: str, start: int, end: int, message: str, *related: Related, data: str | None = None) -> None:
        """Report a problem that does not make the parser lose its place."""
        self.problems.append(Problem(code, start, max(end, start), message, related, data))

    def fail(self, code: str, start: int, end: int, message: str, *related: Related, data: str | None = None) -> None:
        """Report that the current token is not what the language wants here, unless something was already reported at it."""
        if self.failed_at == self.pos:
            return
        self.failed_at = self.pos
        self.note(code, start, end, message, *related, data=data)

    def expected(self, what: str, code: str = "SYN001") -> None:
        """Report that `what` should stand where the current token is."""
        kind = self.kinds[self.pos]
        if kind == BAD:
            text = self.texts[self.pos]
            self.fail("SYN010" if text[0] == "?" else "SYN022", self.start(), self.end(), unknown_character(text))
        elif kind == EOF or self.on_new_line():
            start, end = self.before()
            self.fail(code, start, end, f"After this, {what} is missing.")
        else:
            self.fail(code, self.start(), self.end(), f"Here {what} should stand, not {self.shown()}.")

    def before(self) -> tuple[int, int]:
        """Return the range of the last character before the current token: where something missing is shown."""
        end = self.last_end()
        return max(end - 1, 0), end

    def shown(self) -> str:
        """Describe the current token to a reader."""
        text = self.texts[self.pos]
        kind = self.kinds[self.pos]
        if kind == EOF:
            return "the end of the text"
        if len(text) > _LONGEST_SHOWN:
            text = text[:_LONGEST_SHOWN] + "…"
        if kind in (STRING, OPEN_STRING, TYPED):
            return f"the literal {text}"
        return f"the keyword `{text}`" if text.upper() in KEYWORDS and text[0].isalpha() else f"`{text}`"

    def name(self, what: str) -> Identifier | None:
        """Read a name, or report that `what` is missing. A keyword in its place is reported and read as the name."""
        pos = self.pos
        text = self.texts[pos]
        if self.kinds[pos] != IDENT:
            if self.kinds[pos] in (NUMBER, INTEGER):
                self.fail(
                    "SYN029",
                    self.start(),
                    self.end(),
                    f"Here {what} should stand. A name cannot begin with a digit, as `{text[:40]}` does.",
                )
                return None
            if text.upper() not in KEYWORDS or not text[0].isalpha():
                self.expected(what, "SYN029")
                return None
            self.fail(
                "SYN020",
                self.start(),
                self.end(),
                f"`{text}` is a keyword of the language and cannot name anything. Choose another name, for instance `{text}_1`.",
            )
            if self.kinds[pos] not in self.words_as_names:
                self.words_as_names.add(self.kinds[pos])
                read_as_names(self.kinds, pos)
        self.pos = pos + 1
        start = self.starts[pos]
        return Identifier(start, start + len(text), text, text.upper())


def unknown_character(text: str) -> str:
    """Say what is wrong with characters that no token begins with."""
    if text[0] in "‘’‚“”„´`":
        return f"`{text[0]}` is a typographic quotation mark. Write ' around a STRING and \" around a WSTRING."
    if text[0] in "–—−":
        return f"`{text[0]}` is a dash, not the minus sign `-`."
    if text[0] == "?":
        return "There is no `?:` in Structured Text; use SEL or IF: `SEL(condition, value_if_false, value_if_true)`."
    if text[0] in "{}":
        return f"`{text[0]}` does not open or close a block here. Blocks are written with keywords, such as THEN and END_IF."
    if text[0] in "≤≥≠":
        return f"Write `{'<=' if text[0] == '≤' else '>=' if text[0] == '≥' else '<>'}` for `{text[0]}`."
    shown = text[0] if text[0].isprintable() else f"U+{ord(text[0]):04X}"
    return f"The character `{shown}` has no meaning in Structured Text."
