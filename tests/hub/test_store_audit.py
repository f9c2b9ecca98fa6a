"""The audit log: read by its own tenant, and never changed."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import DBAPIError

from hub.stocked import directly, now
from rung.hub.records import AuditRow
from rung.hub.store import Store


async def test_rows_are_read_newest_first_by_the_tenant_they_belong_to(store: Store) -> None:
    begun = AuditRow(now(), "Bottling", "chief", "vplc.create", "A" * 32, "some vPLC", "begun", "Filler")
    done = AuditRow(begun.at + timedelta(seconds=1), "Bottling", "chief", "vplc.create", "A" * 32, None, "ok")
    foreign = AuditRow(now(), "Bakery", "-", "orchestrator.enrol", None, None, "refused", "unknown id")
    for row in (begun, done, foreign):
        await store.note(row)
    assert await store.audit("BOTTLING") == [done, begun]
    assert await store.audit("Bakery") == [foreign]
    assert await store.audit("Brewery") == []


async def test_a_long_log_is_read_in_pages(store: Store) -> None:
    first = now()
    rows = [
        AuditRow(first + timedelta(seconds=n), "Bottling", "chief", "program.start", None, None, "ok", str(n))
        for n in range(10)
    ]
    for row in rows:
        await store.note(row)
    page = await store.audit("Bottling", limit=4)
    assert page == rows[:5:-1]
    assert await store.audit("Bottling", limit=100, before=page[-1].at) == rows[5::-1]
    assert await store.audit("Bottling", before=datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))) == []
    assert len(await store.audit("Bottling", before=datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))))) == 10
    assert len(await store.audit("Bottling", limit=0)) == 1
    assert len(await store.audit("Bottling", limit=10**30)) == 10


async def test_rows_of_one_moment_stay_in_their_order(store: Store) -> None:
    at = now()
    rows = [AuditRow(at, "Bottling", "chief", "a", None, None, "ok", str(n)) for n in range(5)]
    for row in rows:
        await store.note(row)
    assert await store.audit("Bottling") == rows[::-1]


async def test_what_peers_sent_is_cut_and_made_storable(store: Store) -> None:
    await store.note(AuditRow(now(), "Bottling", "x" * 100, "\0", "\ud800", "y" * 100, "failed", "z" * 9000))
    (row,) = await store.audit("Bottling")
    assert (len(row.user), row.action, row.orchestrator, len(row.vplc or ""), len(row.detail)) == (
        63,
        "�",
        "�",
        63,
        2000,
    )


@pytest.mark.parametrize("statement", ["UPDATE audit SET outcome = 'ok'", "DELETE FROM audit"])
async def test_the_database_refuses_to_change_what_was_noted(store: Store, database: str, statement: str) -> None:
    row = AuditRow(now(), "Bottling", "mallory", "vplc.delete", None, None, "failed")
    await store.note(row)
    with pytest.raises(DBAPIError, match="only ever added to"):
        directly(database, statement)
    assert await store.audit("Bottling") == [row]


async def test_there_are_no_other_outcomes_than_those_that_readers_know(store: Store) -> None:
    with pytest.raises(Exception, match=r"refused|nothing was changed"):
        await store.note(AuditRow(now(), "Bottling", "chief", "vplc.delete", None, None, "perhaps"))
    assert await store.audit("Bottling") == []
