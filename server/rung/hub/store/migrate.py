"""Brings a database to the tables of this Rung, or refuses one that is none of ours or newer than we are."""

from __future__ import annotations

import threading

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from rung.hub.store.tables import metadata
from rung.hub.store.url import Place
from rung.runtimes.errors import Kind, RuntimeFailure

VERSION_TABLE = "rung_schema"
"""Holds the revision of the tables; not alembic's usual name, which another program's tables may have."""

# Alembic keeps the connection it works on in globals of its own.
_ALEMBIC = threading.Lock()


def is_current(connection: Connection) -> bool:
    """Whether the tables are exactly those of this Rung."""
    return _revision(connection) == _scripts(_config()).get_current_head()


def migrate(connection: Connection, place: Place) -> None:
    """Runs the migrations that are missing, within the connection's transaction.

    Raises:
        RuntimeFailure: the database is not empty and not ours, newer than this Rung, or not in UTF-8.
    """
    config = _config()
    scripts = _scripts(config)
    here = _revision(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if here is not None and here not in known:
        raise RuntimeFailure(
            Kind.TOO_OLD,
            f"The hub's database ({place.shown}) was written by a newer Rung: its tables are {here}, and this Rung "
            f"knows them up to {scripts.get_current_head()}. Nothing was changed.",
            "Start the newer Rung, or restore the backup that was made before it.",
        )
    if here is None:
        _check_empty(connection, place)
    with _ALEMBIC:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _check_empty(connection: Connection, place: Place) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if taken:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"The database ({place.shown}) holds tables that are not of a hub: {', '.join(taken)}. Nothing was changed.",
            "Name a database of the hub's own.",
        )
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"The hub's database ({place.shown}) has the encoding {encoding}, which does not hold every name.",
                "Create it anew with: createdb --encoding UTF8 --template template0 NAME",
            )


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "rung.hub.store:migrations")
    return config


def _scripts(config: Config) -> ScriptDirectory:
    return ScriptDirectory.from_config(config)
