"""What the two kinds of database need to be told on each connection, so that "committed" means "on the disk"."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from tempfile import mkstemp

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from rung.hub.store.url import Place
from rung.runtimes.errors import Kind, RuntimeFailure

# An option of a connection: the words that its transactions begin with on SQLite.
_BEGIN = "rung_begin"
# Among others, the seconds and milliseconds after which a server that has vanished from the network is given up.
_OPTIONS: dict[str, object] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "client_encoding": "utf8",
    "application_name": "rung hub",
}
_LONGEST_STATEMENT_MS = 30_000


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection whose transactions lock the database for writing from their beginning, where that is SQLite."""
    with engine.connect() as connection:
        yield connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


def open_sqlite(place: Place, patience: float, connections: int) -> Engine:
    """An engine for a file, which nobody but its owner may read.

    Args:
        place: where the file is or is to be.
        patience: seconds to wait for another process's lock.
        connections: the most at a time.

    Raises:
        RuntimeFailure: the file cannot be opened or made.
    """
    assert place.file is not None
    try:
        _make_private(place.file)
    except OSError as error:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"The hub's database ({place.shown}) cannot be opened: {error.strerror or error}.",
            "Check that its folder exists and that the hub's account may write there.",
        ) from None
    engine = create_engine(
        place.url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        connect_args={"timeout": patience},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: SqliteConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver would begin transactions late and of the wrong kind
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        words = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if words:
            connection.exec_driver_sql(words)

    return engine


def _make_private(file: Path) -> None:
    """Makes an empty file that only its owner reads, unless there is one.

    The file itself is never opened: closing it would, by a rule of POSIX, drop the locks that SQLite holds on it for
    another store of this process, and two writers at once would ruin the database.
    """
    if file.exists():
        return
    descriptor, name = mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
    os.close(descriptor)
    try:
        with suppress(FileExistsError):  # somebody was quicker
            os.link(name, file)
    finally:
        os.unlink(name)


def write_ahead(engine: Engine, place: Place) -> None:
    """Switches a SQLite file to write-ahead logging, for good: readers and the writer do not wait for each other.

    Raises:
        RuntimeFailure: its folder does not support that.
        SQLAlchemyError: somebody has it open.
    """
    with engine.connect() as connection:
        connection.execution_options(**{_BEGIN: ""})  # the mode cannot change within a transaction
        mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
    if mode != "wal":
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"The folder of the hub's database ({place.shown}) does not support write-ahead logging.",
            "Put the file on a local disk, or use PostgreSQL.",
        )


def open_server(place: Place, patience: float, connections: int) -> Engine:
    """An engine for PostgreSQL. What the address says (`?sslmode=verify-full`, time-outs) counts before our own choice.

    Args:
        place: the database.
        patience: seconds to wait for a lock.
        connections: the most at a time.
    """
    engine = create_engine(
        place.url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        pool_pre_ping=True,  # a restarted server is found before a transaction begins, not within it
        connect_args={key: value for key, value in _OPTIONS.items() if key not in place.url.query},
    )

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(patience * 1000)}")
        cursor.execute(f"SET statement_timeout = {_LONGEST_STATEMENT_MS}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {_LONGEST_STATEMENT_MS}")
        # A server that is set up to lose the last moments in a crash does not do so with our data.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
        cursor.close()
        connection.commit()

    return engine
