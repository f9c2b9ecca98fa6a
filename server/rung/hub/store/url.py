"""The database's address: what may be written, and how it is shown, which is always without the password."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from rung.runtimes.errors import Kind, RuntimeFailure

_HINT = (
    "Write sqlite:///FOLDER/hub.sqlite or postgresql://USER:PASSWORD@HOST/DATABASE; "
    "characters such as '@', '/' and '%' in the password are percent-encoded."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is.

    Attributes:
        url: for the driver; it holds the password.
        shown: the place in words, without user, password and options.
        file: the database's file; None for PostgreSQL.
    """

    url: URL = field(repr=False)
    shown: str
    file: Path | None


def place_of(address: str) -> Place:
    """The place that an address names.

    Raises:
        RuntimeFailure: it is none that the hub can use. The address itself, which may hold a password, is not repeated.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise RuntimeFailure(Kind.INTERNAL, "The address of the hub's database cannot be read.", _HINT) from None
    driver = url.drivername
    if driver in ("sqlite", "sqlite+pysqlite"):
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise RuntimeFailure(Kind.INTERNAL, "The hub's SQLite database needs a file of its own.", _HINT)
        file = Path(url.database).absolute()
        return Place(URL.create("sqlite+pysqlite", database=str(file)), f"SQLite file {file}", file)
    if driver in ("postgresql", "postgresql+psycopg"):
        if "@" in (url.host or ""):  # the rest of a password; the driver would name it as a host that it cannot find
            raise RuntimeFailure(Kind.INTERNAL, "The address of the hub's database has more than one '@'.", _HINT)
        host = url.host or url.query.get("host") or "this computer"
        if isinstance(host, tuple):
            host = ", ".join(host)
        shown = f"PostgreSQL database {url.database or '(default)'} on {host}{f':{url.port}' if url.port else ''}"
        return Place(url.set(drivername="postgresql+psycopg"), shown, None)
    raise RuntimeFailure(
        Kind.INTERNAL, "The hub keeps its data in SQLite or PostgreSQL; the address names something else.", _HINT
    )
