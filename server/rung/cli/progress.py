"""A deploy's progress: a bar on a terminal, plain lines in a pipe, nothing when only JSON is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.runtimes.deploy import Progress


@contextmanager
def progress_display(quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Yield what a deploy tells its progress to."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines().show


class _Lines:
    """One line for each new stage or text; fractions would fill a log."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, progress: Progress) -> None:
        line = f"{progress.stage:<8} {progress.text}"
        if line != self._last and progress.fraction in (None, 0.0, 1.0):
            self._last = line
            print(line, file=sys.stderr, flush=True)


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[stage]:<8}", markup=False),
        BarColumn(24),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bars:
        row = bars.add_task("", total=None, stage="")

        def show(progress: Progress) -> None:
            total = None if progress.fraction is None else 1.0
            bars.update(
                row, description=progress.text, total=total, completed=progress.fraction or 0.0, stage=progress.stage
            )

        yield show
