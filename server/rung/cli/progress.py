"""The progress of a deploy or a flash: a bar on a terminal, plain lines in a pipe, nothing when only JSON is wanted.

Invariant: while a question waits for its answer nothing is drawn over it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress


class Step(Protocol):
    """Where it is: `fraction` is from 0 to 1, or None where it cannot be known."""

    @property
    def stage(self) -> str: ...

    @property
    def fraction(self) -> float | None: ...

    @property
    def text(self) -> str: ...


class Display(Protocol):
    """What is told of the progress."""

    def __call__(self, progress: Step) -> None:
        """Show a step."""

    def pause(self) -> AbstractContextManager[None]:
        """Leave the terminal to a question."""


@contextmanager
def progress_display(quiet: bool = False) -> Iterator[Display]:
    """Yield what is told of the progress."""
    if quiet:
        yield _Nothing()
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines()


class _Nothing:
    def __call__(self, progress: Step) -> None:
        return

    def pause(self) -> AbstractContextManager[None]:
        return nullcontext()


class _Lines(_Nothing):
    """One line for each new stage or text; fractions would fill a log."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, progress: Step) -> None:
        line = f"{progress.stage:<8} {progress.text}"
        if line != self._last and progress.fraction in (None, 0.0, 1.0):
            self._last = line
            print(line, file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._row = bars.add_task("", total=None, stage="")

    def __call__(self, progress: Step) -> None:
        total = None if progress.fraction is None else 1.0
        done = progress.fraction or 0.0
        self._bars.update(self._row, description=progress.text, total=total, completed=done, stage=progress.stage)

    @contextmanager
    def pause(self) -> Iterator[None]:
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()


@contextmanager
def _bar() -> Iterator[_Bar]:
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
        yield _Bar(bars)
