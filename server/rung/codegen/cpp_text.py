"""The text of one generated C++ file, with the compiler's idea of file and line kept in step.

Invariant: a line written under `source` is reported by any C++ compiler as that line of Structured Text; a line written under
`generated` as its true line in the generated file.
"""

from __future__ import annotations

from rung.codegen.sources import LineNumbers
from rung.syntax.tree import Unit


class CppText:
    """Lines of C++ for the file `name`."""

    __slots__ = ("_believed", "_indent", "_lines", "_numbers", "_wanted", "name")

    def __init__(self, name: str, numbers: LineNumbers) -> None:
        self.name = name
        self._numbers = numbers
        self._lines: list[str] = []
        self._indent = 0
        self._wanted: tuple[str, int] | None = None
        self._believed: tuple[str, int] = (name, 1)  # what the compiler takes the next line for

    def source(self, unit: Unit | None, offset: int) -> None:
        """From here on, lines stem from `offset` in `unit`; a unit outside all files counts as generated."""
        self._wanted = None if unit is None else self._numbers.locate(unit, offset)

    def generated(self) -> None:
        """From here on, lines are the generator's own."""
        self._wanted = None

    def add(self, line: str) -> None:
        """Append one line."""
        believed = self._believed
        if self._wanted is not None:
            wanted = self._wanted
        else:
            here = len(self._lines) + 1
            # A #line directive takes a line itself, so the true number of what follows it is one more.
            wanted = (self.name, here if believed == (self.name, here) else here + 1)
        if wanted != believed:
            file = "".join(c if c.isprintable() else "_" for c in wanted[0]).replace("\\", "/").replace('"', "'")
            self._lines.append(f'#line {wanted[1]} "{file}"')
        self._lines.append(f"{'    ' * self._indent}{line}")
        self._believed = (wanted[0], wanted[1] + 1)

    def open(self, line: str) -> None:
        """Append `line` and an opening brace, and indent what follows."""
        self.add(f"{line} {{" if line else "{")
        self._indent += 1

    def indent(self) -> None:
        """Indent what follows: `close` has written the head of the next block."""
        self._indent += 1

    def close(self, tail: str = "}") -> None:
        """End what `open` began."""
        self._indent -= 1
        self.add(tail)

    def render(self) -> str:
        """Return the file's text."""
        return "\n".join(self._lines) + "\n"
