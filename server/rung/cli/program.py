"""Reading a program from what the user named, and showing findings about it."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rung.cli import WrongUsage
from rung.ide.diagnostics import Diagnostic
from rung.project.discovery import settings_of, sources_below
from rung.project.settings import Settings
from rung.project.snapshot import Snapshot, load
from rung.targets.names import is_target, known_targets

_COLOURS = {"error": "31", "warning": "33", "info": "36", "hint": "2"}


def target_name(word: str) -> str:
    """Return what a program is to be built for, as the user names it: a runtime or a board.

    Raises:
        ArgumentTypeError: there is no such target; the text names those that there are.
    """
    if not is_target(word):
        raise ArgumentTypeError(known_targets(word))
    return word


def load_program(paths: Sequence[Path], target: str | None = None) -> Snapshot:
    """Read files and folders as one program; `target` is what the user wants it for, None if that is for the project to say.

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
        return load(dict.fromkeys(files), _settings_of(paths, target))
    except FileNotFoundError as error:
        raise WrongUsage(f"there is no {error.filename}.") from None
    except OSError as error:
        raise WrongUsage(f"{error.filename} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise WrongUsage(str(error)) from None


def _settings_of(paths: Sequence[Path], target: str | None) -> Settings:
    """Return what the project of some files and folders says of itself.

    Raises:
        ValueError: `rung.toml` cannot be read.
        WrongUsage: the paths belong to projects for different targets, and nobody says which.
    """
    found = {settings.path: settings for settings in map(settings_of, paths)}
    targets = {settings.target for settings in found.values()} if target is None else {target}
    if len(targets) > 1:
        raise WrongUsage(
            f"these files belong to projects for {' and '.join(sorted(targets))}: say which with --target."
        )
    # Files of several projects can be looked at together, but what one of these says of its device holds for it alone.
    settings = next(iter(found.values())) if len(found) == 1 else Settings()
    return replace(settings, target=targets.pop())


def print_diagnostics(snapshot: Snapshot, items: Iterable[Diagnostic], out: TextIO | None = None) -> None:
    """Print findings: one line each in a pipe; with the source line, a caret and colour on a terminal."""
    stream = out or sys.stdout
    terminal = stream.isatty()
    for item in items:
        line, character = item.start
        mark = f"{item.severity}[{item.code}]"
        if terminal:
            mark = f"\x1b[1;{_COLOURS[item.severity]}m{mark}\x1b[0m"
        print(f"{_shown(str(item.file))}:{line + 1}:{character + 1}: {mark}: {_shown(item.message)}", file=stream)
        if terminal:
            print(_excerpt(snapshot, item), file=stream)
        for other in item.related:
            place = f"{_shown(str(other.file))}:{other.start[0] + 1}:{other.start[1] + 1}"
            print(f"    {place}: {_shown(other.message)}", file=stream)


def _shown(text: str) -> str:
    """A program may come from anywhere: what would steer the terminal is shown as a dot."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


def _excerpt(snapshot: Snapshot, item: Diagnostic) -> str:
    file = snapshot.files.get(item.file)
    lines = (file.text if file is not None else snapshot.settings.text).splitlines()
    if item.start[0] >= len(lines):
        return ""
    source = _shown(lines[item.start[0]].expandtabs(1)[:200])  # letter for letter, so the caret still points right
    last = item.end[1] if item.end[0] == item.start[0] else len(source)
    width = max(1, min(last, len(source)) - item.start[1])
    return f"  {source}\n  {' ' * item.start[1]}\x1b[{_COLOURS[item.severity]}m{'^' * width}\x1b[0m"
