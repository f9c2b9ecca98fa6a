"""The engine and its transactions, off the event loop: what `write` has returned from is on the disk.

Every call is one transaction in a worker thread. SQLite has one writer at a time anyway: its writes stand in one line
(`line`) instead of polling for each other's locks, and `BEGIN IMMEDIATE` keeps other processes out from the start, so that
no transaction finds half-way that what it has read is old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, text

from rung.hub.store.engines import open_server, open_sqlite, write_ahead, writing
from rung.hub.store.failures import TROUBLE, closed, failure_of, is_busy, overloaded, unusable
from rung.hub.store.line import Line
from rung.hub.store.url import Place, place_of

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 5.0
"""Seconds to wait for a lock before a call fails as busy."""
QUEUE_PATIENCE = 20.0
"""Seconds after which a write that has not begun fails: whoever asked has given up by then."""
START_PATIENCE = 30.0
"""Seconds that a start waits for another process that is changing the tables."""
READERS = 4
WRITERS = 4
MIGRATION_LOCK = 0x52756E67
"""The advisory lock that processes take on PostgreSQL while they change the tables: "Rung" as a number."""


class Database:
    """An open database.

    Args:
        address: `sqlite:///FILE` or `postgresql://…`; nothing is connected yet.

    Raises:
        RuntimeFailure: the address is none that the hub can use, or the file cannot be made.
    """

    def __init__(self, address: str) -> None:
        self.place: Place = place_of(address)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="hub-read")
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="hub-write")
        if self.place.file is not None:
            self._engine: Engine = open_sqlite(self.place, PATIENCE, READERS + 1)
            self._line: Line | None = Line(self._engine, self.place, PATIENCE)
        else:
            self._engine = open_server(self.place, PATIENCE, READERS + WRITERS)
            self._line = None

    async def read(self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Does `work` in a transaction that sees one state of the database.

        Raises:
            RuntimeFailure: the database cannot be read now.
        """
        return await _result(lambda: self._readers.submit(self._transact, lambda c: work(c, *args, **kwargs), False))

    async def write(self, work: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Does `work` in a transaction and commits it; an exception of `work` undoes all that it did.

        Whoever is cancelled while he waits does not undo it.

        Raises:
            RuntimeFailure: BUSY, UNREACHABLE or INTERNAL, where nothing was changed; LOST, where that is not known.
        """
        latest = time.monotonic() + QUEUE_PATIENCE

        def in_time(connection: Connection) -> T:
            if time.monotonic() > latest:
                raise overloaded()
            return work(connection, *args, **kwargs)

        line = self._line
        if line is not None:
            return await _result(lambda: line.submit(in_time))
        return await _result(lambda: self._writers.submit(self._transact, in_time, True))

    async def aclose(self) -> None:
        """Finishes what is under way and closes the connections."""
        await asyncio.to_thread(self._close)

    async def prepare(self, migrate: Callable[[Connection], None], is_current: Callable[[Connection], bool]) -> None:
        """Brings the database to this Rung's tables; several processes may do so at once.

        Args:
            migrate: makes the changes, in the transaction of its connection, beside which there is no other.
            is_current: whether there is nothing to do.

        Raises:
            RuntimeFailure: the database cannot be used. The sentence names its place: the hub's operator reads it.
        """
        await asyncio.to_thread(self._prepare, migrate, is_current)

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
        self._readers.shutdown()
        self._writers.shutdown()
        self._engine.dispose()

    def _transact(self, work: Callable[[Connection], T], writes: bool) -> T:
        committing = False
        try:
            with self._engine.connect() as connection, connection.begin():
                result = work(connection)
                committing = writes
            return result
        except TROUBLE as error:
            raise failure_of(error, self.place, committing) from None

    def _prepare(self, migrate: Callable[[Connection], None], is_current: Callable[[Connection], bool]) -> None:
        latest = time.monotonic() + START_PATIENCE
        while True:
            try:
                if self.place.file is not None:
                    write_ahead(self._engine, self.place)
                with self._engine.connect() as connection, connection.begin():
                    if is_current(connection):
                        return
                with writing(self._engine) as connection, connection.begin():
                    if self.place.file is None:
                        patience = int(START_PATIENCE * 1000)
                        connection.execute(text(f"SET LOCAL lock_timeout = {patience}"))
                        connection.execute(text("SET LOCAL statement_timeout = 0"))
                        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
                    migrate(connection)
                return
            except TROUBLE as error:
                if not is_busy(error) or time.monotonic() > latest:
                    raise unusable(error, self.place) from None
                time.sleep(0.05)  # switching to write-ahead logging does not wait for locks by itself


async def _result(submit: Callable[[], Future[T]]) -> T:
    try:
        future = submit()
    except RuntimeError:  # what a closed executor raises
        raise closed() from None
    return await asyncio.wrap_future(future)
