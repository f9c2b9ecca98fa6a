"""A program of several files in memory, with `$0` where the cursor is."""

from __future__ import annotations

from pathlib import Path

from fixtures import read
from rung.ide.definition import definition
from rung.ide.hover import hover
from rung.project.snapshot import EMPTY, Snapshot

FOLDER = Path("/plant").absolute()


def place(main: str, **others: str) -> tuple[Snapshot, Path, int]:
    """A snapshot of `main.st` and other files, and where the cursor is."""
    texts = {"main": main, **others}
    snapshot = EMPTY
    at: tuple[Path, int] | None = None
    for name, source in texts.items():
        fixture = read(source)
        path = FOLDER / f"{name}.st"
        snapshot = snapshot.with_text(path, fixture.text)
        if fixture.cursor is not None:
            at = (path, fixture.cursor)
    assert at is not None, "no cursor"
    return snapshot, *at


def hovered(main: str, **others: str) -> str | None:
    """The text of a hover at the cursor."""
    found = hover(*place(main, **others))
    return None if found is None else found.markdown


def declared(main: str, **others: str) -> str | None:
    """Where the cursor's word is declared: file, line (from 1) and the line's text, with the declared name in `[]`."""
    target = definition(*place(main, **others))
    if target is None:
        return None
    text = target.file.text
    line, column = target.file.lines.position(target.start)
    row = text.splitlines()[line]
    marked = row[:column] + "[" + text[target.start : target.end] + "]" + row[column + target.end - target.start :]
    return f"{target.file.path.stem}:{line + 1}: {marked.strip()}"
