"""What every subject of the store has, and the failures that several of them share."""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.schema import Table

from rung.hub.store.database import Database
from rung.hub.store.names import name_key
from rung.hub.store.tables import tenants
from rung.runtimes.errors import Kind, RuntimeFailure


class Part:
    """The methods of one subject; `Store` is all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database


def utc_now() -> datetime:
    """This moment; expiry is measured by the clock of the process that asks."""
    return datetime.now(timezone.utc)


def lock_tenant(connection: Connection, tenant: str) -> int:
    """The tenant's number. Until the transaction ends nobody else gives or takes names there.

    Raises:
        RuntimeFailure: there is none.
    """
    number = connection.execute(
        select(tenants.c.id).where(tenants.c.key == name_key(tenant)).with_for_update()
    ).scalar_one_or_none()
    if number is None:
        raise unknown("tenant")
    return int(number)


def inserting(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what happens ON CONFLICT, which both databases know but each in its own dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def unknown(what: str) -> RuntimeFailure:
    """There is none, or it is somebody else's, which sounds the same."""
    return RuntimeFailure(Kind.DNS, f"There is no such {what}.", "Read the list again; it may have been removed.")


def taken(what: str, name: str) -> ValueError:
    """Somebody else has this name."""
    return ValueError(f"Another {what} is called {name!r}.")
