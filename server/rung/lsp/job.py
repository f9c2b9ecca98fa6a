"""A job on a machine, with the editor's progress: however it is cancelled, it ends in good order and says what is true of the machine then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from lsprotocol import types

if TYPE_CHECKING:
    from rung.lsp.protocol import RungServer

_Out = TypeVar("_Out")


class Step(Protocol):
    """A step of a job: its stage, how much of that is done (0 to 1, None where it is not known), and a sentence."""

    @property
    def stage(self) -> str: ...
    @property
    def fraction(self) -> float | None: ...
    @property
    def text(self) -> str: ...
    @property
    def log_line(self) -> str | None: ...


Stages = Mapping[str, "tuple[int, int]"]
"""Where each stage begins and ends in the bar, in percent."""


class Bar:
    """The editor's progress for one job, and the lines of the tools at work for its log."""

    def __init__(self, server: RungServer, target: str, token: types.ProgressToken | None, stages: Stages) -> None:
        self._server = server
        self._target = target
        self._token = token
        self._stages = stages
        self._loop = asyncio.get_running_loop()

    def tell(self, step: Step) -> None:
        """Show a step."""
        if step.log_line is not None:
            self.log(step.log_line)
        if self._token is None:
            return
        low, high = self._stages.get(step.stage, (0, 100))
        percent = round(low + (high - low) * (step.fraction or 0.0))
        report = types.WorkDoneProgressReport(message=step.text, percentage=percent, cancellable=True)
        self._server.work_done_progress.report(self._token, report)

    def log(self, line: str) -> None:
        """Pass on a line for the log."""
        self._server.protocol.notify("rung/deployLog", {"target": self._target, "line": line})

    def when_cancelled(self, action: Callable[[], object]) -> None:
        """Have `action` called when the user cancels the progress."""
        future = None if self._token is None else self._server.work_done_progress.tokens.get(self._token)
        if future is None:
            return

        def cancelled(done: Future[object]) -> None:
            if done.cancelled():
                self._loop.call_soon_threadsafe(action)

        future.add_done_callback(cancelled)


@contextmanager
def progress_bar(server: RungServer, token: types.ProgressToken | None, target: str, stages: Stages) -> Iterator[Bar]:
    """A bar that ends with the job, also where the editor has given no token and shows none."""
    bar = Bar(server, target, token, stages)
    if token is None:
        yield bar
        return
    progress = server.work_done_progress
    progress.begin(token, types.WorkDoneProgressBegin(f"Download to {target}", cancellable=True, percentage=0))
    try:
        yield bar
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        progress.tokens.pop(token, None)


async def carry_out(work: asyncio.Future[_Out], bar: Bar, stop: Callable[[], object]) -> _Out:
    """Wait for a job to its end, which is also the end of one that is cancelled.

    Args:
        work: the job.
        bar: its progress.
        stop: asks the job to end. Called only once, however often and by whichever way the user cancels: a second time would break off what
            finds out what the machine does now.
    """
    stopped = False

    def take_back() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            stop()

    bar.when_cancelled(take_back)
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if work.cancelled():
                raise
            # A cancelled request is answered like every other: the user has to know what the machine does now.
            uncancel = getattr(asyncio.current_task(), "uncancel", None)  # Python 3.11: this one has been dealt with
            if uncancel is not None:
                uncancel()
            take_back()
    return work.result()
