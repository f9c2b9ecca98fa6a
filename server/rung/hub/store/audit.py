"""The audit log. It is only ever added to: there is no method to change it, and the database refuses."""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import Connection, select

from rung.hub.records import AuditRow
from rung.hub.store.names import LONGEST_MESSAGE, LONGEST_NAME, name_key, plain_words
from rung.hub.store.part import Part
from rung.hub.store.tables import audit

MOST_ROWS = 1000
"""The most rows that one call reads."""


class Audit(Part):
    """Who did what to which machine."""

    async def note(self, row: AuditRow) -> None:
        """Adds a row. What is longer than a name, or in `detail` than 2000 characters, is cut."""
        await self._database.write(_note, row)

    async def audit(self, tenant: str, limit: int = 200, before: datetime | None = None) -> list[AuditRow]:
        """A tenant's rows, the newest first.

        Args:
            limit: the most rows, up to 1000.
            before: only rows of earlier times.
        """
        if before is not None and not 1970 <= before.year <= 9000:  # others may not exist in every zone
            before = None if before.year > 9000 else datetime(1970, 1, 1, tzinfo=timezone.utc)
        return await self._database.read(_rows, tenant, max(1, min(limit, MOST_ROWS)), before)


def _note(connection: Connection, row: AuditRow) -> None:
    connection.execute(
        audit.insert().values(
            at=row.at,
            tenant=row.tenant,
            tenant_key=name_key(row.tenant),
            user=plain_words(row.user, LONGEST_NAME),
            action=plain_words(row.action, LONGEST_NAME),
            orchestrator=None if row.orchestrator is None else plain_words(row.orchestrator, LONGEST_NAME),
            vplc=None if row.vplc is None else plain_words(row.vplc, LONGEST_NAME),
            outcome=row.outcome,
            detail=plain_words(row.detail, LONGEST_MESSAGE),
        )
    )


def _rows(connection: Connection, tenant: str, limit: int, before: datetime | None) -> list[AuditRow]:
    columns = audit.c
    query = (
        select(
            columns.at,
            columns.tenant,
            columns.user,
            columns.action,
            columns.orchestrator,
            columns.vplc,
            columns.outcome,
            columns.detail,
        )
        .where(columns.tenant_key == name_key(tenant))
        .order_by(columns.at.desc(), columns.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(columns.at < before)
    return [AuditRow(*row) for row in connection.execute(query)]
