"""What passes the device's first compiler and fails in its second: constructs whose C code is broken (section 3.3 rule 8)."""

from __future__ import annotations

from collections.abc import Iterator

from rung.project.snapshot import Snapshot
from rung.simulator.v3.complaints import Places
from rung.simulator.v3.tree_walk import walk
from rung.syntax.lexer import is_c_code
from rung.syntax.tokens import PRAGMA, STRING
from rung.syntax.tree import Binary, ReferenceSpec


def c_problems(places: Places, snapshot: Snapshot) -> Iterator[str]:
    """The lines of g++; its own lines and columns are those of generated C, so they lead nowhere in the program's text."""
    for kind, start, end in places.tokens.trivia:
        if kind == PRAGMA and not is_c_code(places.text[start:end]):
            word = places.text[start + 1 : end - 1].split()[:1]
            yield f"./core/POUS.c:{_line(places, start)}:2: error: ‘{word[0] if word else '}'}’ was not declared in this scope"
    for kind, start, text in zip(places.tokens.kinds, places.tokens.starts, places.tokens.texts, strict=True):
        if kind == STRING and "$'" in text[1:-1]:
            yield f'./core/POUS.c:{_line(places, start)}:1: error: unterminated argument list invoking macro "__SET_VAR"'
    for file in snapshot.files.values():
        for placed in file.units:
            for node, _ in walk(placed.unit.declarations):
                at = _line(places, placed.offset + node.start)
                if isinstance(node, Binary) and node.op == "**":
                    yield (
                        f"./core/POUS.c:{at}:25: error: ‘__expt’ was not declared in this scope; did you mean ‘__expl’?"
                    )
                elif isinstance(node, ReferenceSpec):
                    yield f"./core/POUS.c:{at}:22: error: expected unqualified-id before ‘(’ token"


def _line(places: Places, offset: int) -> int:
    return places.line(offset) + 1
