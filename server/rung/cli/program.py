"""Reading a program from what the user named, and showing findings about it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from rung.cli import WrongUsage
from rung.ide.diagnostics import Diagnostic
from rung.project.discovery import sources_below
from rung.project.snapshot import Snapshot, load

_COLOURS = {"error": "31", "warning": "33", "info": "36", "hint": "2"}


def load_program(paths: Sequence[Path]) -> Snapshot:
    """Read files and folders as one program.

    Raises:
        WrongUsage: there is nothing to read, or it cannot be read.
    """
    files: list[Path] = []
    try:
        for path in paths:
            if path.is_dir():
                below = sources_below(path)
                if not below:
                    raise WrongUsage(f"there is no Structured Text (.st) in {path}.")
                files += below
            else:
                files.append(path)
        return load(dict.fromkeys(files))
    except FileNotFoundError as error:
        raise WrongUsage(f"there is no {error.filename}.") from None
    except OSError as error:
        raise WrongUsage(f"{error.filename} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise WrongUsage(str(error)) from None


def print_diagnostics(snapshot: Snapshot, items: Iterable[Diagnostic], out: TextIO | None = None) -> None:
    """Print findings: one line each in a pipe; with the source line, a caret and colour on a terminal."""
    stream = out or sys.stdout
    terminal = stream.isatty()
    for item in items:
        line, character = item.start
        mark = f"{item.severity}[{item.code}]"
        if terminal:
            mark = f"\x1b[1;{_COLOURS[item.severity]}m{mark}\x1b[0m"
        print(f"{item.file}:{line + 1}:{character + 1}: {mark}: {item.message}", file=stream)
        if terminal:
            print(_excerpt(snapshot, item), file=stream)
        for other in item.related:
            print(f"    {other.file}:{other.start[0] + 1}:{other.start[1] + 1}: {other.message}", file=stream)


def _excerpt(snapshot: Snapshot, item: Diagnostic) -> str:
    lines = snapshot.files[item.file].text.splitlines()
    if item.start[0] >= len(lines):
        return ""
    # A program may come from anywhere: what would steer the terminal is shown as a dot, so the caret still points right.
    source = "".join(letter if letter.isprintable() else "·" for letter in lines[item.start[0]].expandtabs(1)[:200])
    last = item.end[1] if item.end[0] == item.start[0] else len(source)
    width = max(1, min(last, len(source)) - item.start[1])
    return f"  {source}\n  {' ' * item.start[1]}\x1b[{_COLOURS[item.severity]}m{'^' * width}\x1b[0m"
