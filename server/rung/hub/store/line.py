"""SQLite's writes, in one line and committed in groups.

A commit costs a wait for the disk, whatever is in it. While one is waited for, more writes queue up; they then go into one
transaction, each within a savepoint of its own, and are told of their success together after its commit. So a thousand
agents that come back at once need a few dozen waits instead of thousands, and nobody hears "done" before it is on the disk.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine

from rung.hub.store.engines import writing
from rung.hub.store.failures import TROUBLE, failure_of, is_busy
from rung.hub.store.url import Place
from rung.runtimes.errors import RuntimeFailure

T = TypeVar("T")

GROUP = 64
"""The most writes in one transaction; it bounds how long other processes are kept out."""


@dataclass(slots=True, eq=False)
class _Write(Generic[T]):
    """A write in line, and what became of it."""

    work: Callable[[Connection], T]
    future: Future[T]
    asked: float
    error: BaseException | None = None
    result: T | None = None

    def attempt(self, connection: Connection, place: Place) -> None:
        """Does it within a savepoint; its own failure undoes only itself."""
        savepoint = connection.begin_nested()
        try:
            self.result = self.work(connection)
        except TROUBLE as error:
            savepoint.rollback()  # fails if the error has ended the whole transaction, and so ends the group
            self.error = failure_of(error, place, committing=False)
        except BaseException as error:
            savepoint.rollback()
            self.error = error
        else:
            savepoint.commit()

    def tell(self) -> None:
        """Lets whoever waits go on."""
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # T may itself be None


class Line:
    """One writer for a whole process.

    Args:
        engine: SQLite's.
        place: the database, for the log.
        patience: seconds that `engine` waits for another process's lock.
    """

    def __init__(self, engine: Engine, place: Place, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._place = place
        self._waiting: deque[_Write[object]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub-write")
        self._door = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """Puts a write at the end of the line.

        Raises:
            RuntimeError: the line is closed.
        """
        future: Future[T] = Future()
        with self._door:
            if self._closed:
                raise RuntimeError("the line is closed")
            write = _Write(work, future, time.monotonic())
            self._waiting.append(write)  # type: ignore[arg-type]  # a deque of many T
            self._thread.submit(self._advance)
        return future

    def close(self) -> None:
        """Finishes what is in line. Blocks."""
        with self._door:
            self._closed = True
        self._thread.shutdown()

    def _advance(self) -> None:
        group = self._take(GROUP, time.monotonic())
        if not group:
            return  # an earlier turn took them along
        committing = False
        try:
            with writing(self._engine) as connection, connection.begin():
                for write in group:
                    write.attempt(connection, self._place)
                committing = True
        except TROUBLE as error:
            if is_busy(error):  # whoever stood in line as long as that need not wait once more
                group += self._take(len(self._waiting), time.monotonic() - self._patience)
            failure = failure_of(error, self._place, committing)
            for write in group:
                write.error = write.error or RuntimeFailure(failure.kind, failure.message, failure.hint)
        except BaseException as error:
            for write in group:
                write.error = write.error or error
        for write in group:
            write.tell()

    def _take(self, most: int, asked_before: float) -> list[_Write[object]]:
        group: list[_Write[object]] = []
        while self._waiting and len(group) < most and self._waiting[0].asked <= asked_before:
            write = self._waiting.popleft()
            if write.future.set_running_or_notify_cancel():
                group.append(write)
        return group
