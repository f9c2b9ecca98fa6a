"""Alembic runs this file: it applies the steps on the connection, and in the transaction, that `store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from rung.hub.store.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
