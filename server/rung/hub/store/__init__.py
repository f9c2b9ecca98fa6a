"""The hub's database: everything that must survive a restart, in SQLite or PostgreSQL.

What a method has returned from is on the disk: a hub that is killed at any moment loses nothing that it said was done.
Every method works in other threads, so none blocks the event loop.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, text

from rung.hub.store.audit import Audit
from rung.hub.store.database import Database
from rung.hub.store.enrolments import Enrolments
from rung.hub.store.migrate import is_current, migrate
from rung.hub.store.orchestrators import Orchestrators
from rung.hub.store.sessions import Sessions
from rung.hub.store.users import Users
from rung.hub.store.vplcs import Vplcs

__all__ = ["Store"]


class Store(Users, Enrolments, Orchestrators, Vplcs, Sessions, Audit):
    """All that the hub stores; `Store.open` makes one.

    Every method may raise `RuntimeFailure`: BUSY, UNREACHABLE or INTERNAL, where nothing was changed, or LOST, where the
    database failed during the commit and that is not known.
    """

    @classmethod
    async def open(cls, url: str) -> Store:
        """Opens a database, and brings its tables up to this Rung; several processes may do so at once.

        Args:
            url: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/DATABASE` with the driver's options. A file is made,
                readable by its owner alone; a PostgreSQL database has to exist.

        Raises:
            RuntimeFailure: it cannot be used, is newer than this Rung, or is locked for longer than half a minute. The
                sentence names the database's place, never its password.
        """
        database = Database(url)
        try:
            await database.prepare(partial(migrate, place=database.place), is_current)
        except BaseException:
            await database.aclose()
            raise
        return cls(database)

    async def aclose(self) -> None:
        """Finishes what is under way; calls after this are refused."""
        await self._database.aclose()

    async def ping(self) -> None:
        """Asks the database whether it is there.

        Raises:
            RuntimeFailure: it is not.
        """
        await self._database.read(_ping)


def _ping(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
