"""Which process holds which agent: the newest session counts, and only while its process lives."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.stocked import admin, directly, enrolled, now
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure


def silent(database: str, process: str, seconds: float) -> None:
    """Puts the last beat of a process back."""
    earlier = (
        "beat - make_interval(secs => {})" if database.startswith("postgresql") else "datetime(beat, '-{} seconds')"
    )
    directly(database, f"UPDATE processes SET beat = {earlier.format(seconds)} WHERE name = '{process}'")


async def test_a_session_counts_from_its_beginning_to_its_end(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    began, ended = now(), now() + timedelta(minutes=1)
    await store.beat("hub-1")
    assert await store.session_began(line.id, "hub-1", "sid-1", began) is None
    assert await store.sessions() == {line.id: ("hub-1", "sid-1", began)}
    assert await store.session_ended(line.id, "sid-1", ended)
    assert await store.sessions() == {}
    after = await store.orchestrator("Bottling", line.id)
    assert after is not None
    assert after.last_seen == ended


async def test_a_session_that_came_before_the_first_beat_of_its_process_counts(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    await store.session_began(line.id, "hub-1", "sid-1", now())
    assert set(await store.sessions()) == {line.id}


async def test_the_newest_session_wins_and_the_end_of_an_older_one_changes_nothing(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    await store.session_began(line.id, "hub-1", "old", now())
    newest = now()
    assert await store.session_began(line.id, "hub-2", "new", newest) == ("hub-1", "old")
    assert not await store.session_ended(line.id, "old", now())
    assert await store.sessions([line.id]) == {line.id: ("hub-2", "new", newest)}


async def test_of_many_sessions_that_begin_at_once_each_but_the_last_is_replaced_once(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    replaced = await asyncio.gather(
        *(store.session_began(line.id, f"hub-{number % 3}", f"sid-{number}", now()) for number in range(24))
    )
    sids = [before[1] for before in replaced if before is not None]
    (survivor,) = (sid for _, sid, _ in (await store.sessions()).values())
    assert len(sids) == len(set(sids)) == 23
    assert {*sids, survivor} == {f"sid-{number}" for number in range(24)}


async def test_sessions_are_asked_for_by_orchestrator(store: Store) -> None:
    chief = await admin(store)
    lines = [await enrolled(store, chief, f"Line {number}") for number in range(3)]
    for line in lines:
        await store.session_began(line.id, "hub-1", f"sid of {line.name}", now())
    assert set(await store.sessions([line.id for line in lines[:2]])) == {line.id for line in lines[:2]}
    assert set(await store.sessions([lines[0].id, *(f"{n:032X}" for n in range(100_000))])) == {lines[0].id}
    assert await store.sessions([]) == {}
    assert len(await store.sessions()) == 3


async def test_the_sessions_of_a_silent_process_do_not_count_until_it_is_heard_again(
    store: Store, database: str
) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief, "Line 1"), await enrolled(store, chief, "Line 2")
    await store.session_began(line.id, "hub-1", "sid-1", now())
    await store.session_began(other.id, "hub-2", "sid-2", now())
    silent(database, "hub-1", 14)
    assert set(await store.sessions()) == {line.id, other.id}
    silent(database, "hub-1", 2)
    assert set(await store.sessions()) == {other.id}
    await store.beat("hub-1")
    assert set(await store.sessions()) == {line.id, other.id}


async def test_a_session_replaces_one_of_a_process_that_died(store: Store, database: str) -> None:
    line = await enrolled(store, await admin(store))
    await store.session_began(line.id, "hub-1", "sid-1", now())
    silent(database, "hub-1", 60)
    assert await store.session_began(line.id, "hub-2", "sid-2", now()) == ("hub-1", "sid-1")
    assert [process for process, _, _ in (await store.sessions()).values()] == ["hub-2"]


async def test_a_process_that_ends_takes_its_sessions_along(store: Store) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief, "Line 1"), await enrolled(store, chief, "Line 2")
    await store.session_began(line.id, "hub-1", "sid-1", now() - timedelta(hours=1))
    await store.session_began(other.id, "hub-2", "sid-2", now())
    await store.forget_process("hub-1")
    assert set(await store.sessions()) == {other.id}
    after = await store.orchestrator("Bottling", line.id)
    assert after is not None
    assert after.last_seen is not None
    assert now() - after.last_seen < timedelta(minutes=1)


async def test_processes_of_long_ago_are_forgotten(store: Store, database: str) -> None:
    line = await enrolled(store, await admin(store))
    for process in ("crashed", "holder", "hub-1"):
        await store.beat(process)
    await store.session_began(line.id, "holder", "sid", now())
    for process in ("crashed", "holder"):
        silent(database, process, 100_000)
    await store.beat("hub-1")
    assert sorted(directly(database, "SELECT name FROM processes")) == [("holder",), ("hub-1",)]


async def test_no_session_begins_for_an_orchestrator_that_does_not_exist(store: Store) -> None:
    with pytest.raises(RuntimeFailure) as failure:
        await store.session_began("0" * 32, "hub-1", "sid", now())
    assert failure.value.kind is Kind.DNS
    assert not await store.session_ended("0" * 32, "sid", now())
