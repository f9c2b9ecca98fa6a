"""Permissions to enrol: named, bounded in time, and used once whatever happens at the same moment."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter

import pytest

from hub.stocked import TESTS_IMPORTABLE, admin, certificate, directly, enrolled, soon
from rung.hub.store import Store
from rung.runtimes.errors import RuntimeFailure

# A process that tries to use a permission 8 times at once, as soon as a line on its standard input says so.
RACER = """
import asyncio, sys
from hub.stocked import certificate
from rung.hub.store import Store

async def race(address, id):
    store = await Store.open(address)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    made = await asyncio.gather(*(store.complete_enrolment(id, certificate()) for _ in range(8)))
    print(sum(orchestrator is not None for orchestrator in made), flush=True)
    await store.aclose()

asyncio.run(race(sys.argv[1], sys.argv[2]))
"""


async def test_an_enrolment_becomes_an_orchestrator_with_its_name_and_certificate(store: Store) -> None:
    chief = await admin(store)
    enrolment = await store.create_enrolment(chief, "Line 1", "Hall B", soon())
    assert re.fullmatch("[0-9A-F]{32}", enrolment.id)
    assert (enrolment.tenant, enrolment.name, enrolment.issued_by, enrolment.used) == (
        "Bottling",
        "Line 1",
        "chief",
        None,
    )
    assert await store.open_enrolment(enrolment.id) == enrolment
    issued = certificate()
    orchestrator = await store.complete_enrolment(enrolment.id, issued)
    assert orchestrator is not None
    assert (orchestrator.id, orchestrator.tenant, orchestrator.name) == (enrolment.id, "Bottling", "Line 1")
    assert (orchestrator.description, orchestrator.certificate, orchestrator.renewed) == ("Hall B", issued, None)
    used = await store.enrolment("Bottling", enrolment.id)
    assert used is not None
    assert used.used is not None


async def test_a_used_enrolment_cannot_be_replayed(store: Store) -> None:
    orchestrator = await enrolled(store, await admin(store))
    assert await store.open_enrolment(orchestrator.id) is None
    assert await store.complete_enrolment(orchestrator.id, certificate()) is None
    assert await store.orchestrator("Bottling", orchestrator.id) == orchestrator


async def test_an_id_is_not_usable_again_after_its_orchestrator_was_removed(store: Store) -> None:
    orchestrator = await enrolled(store, await admin(store))
    await store.remove_orchestrator(orchestrator)
    assert await store.complete_enrolment(orchestrator.id, certificate()) is None
    assert await store.orchestrators("Bottling") == []


async def test_an_expired_enrolment_enrols_nobody_but_can_be_asked_about(store: Store) -> None:
    enrolment = await store.create_enrolment(await admin(store), "Line 1", "", soon(-1))
    assert await store.open_enrolment(enrolment.id) is None
    assert await store.complete_enrolment(enrolment.id, certificate()) is None
    assert await store.enrolment("Bottling", enrolment.id) == enrolment


@pytest.mark.parametrize("id", ["", "0" * 32, "\0", "\ud800", "x" * 10_000, "' OR 1=1 --"])
async def test_an_id_that_was_never_given_enrols_nobody(store: Store, id: str) -> None:
    await store.create_enrolment(await admin(store), "Line 1", "", soon())
    assert await store.open_enrolment(id) is None
    assert await store.complete_enrolment(id, certificate()) is None
    assert await store.enrolment("Bottling", id) is None


async def test_an_enrolment_of_another_tenant_does_not_exist(store: Store) -> None:
    await admin(store, "Bakery", "bert")
    enrolment = await store.create_enrolment(await admin(store), "Line 1", "", soon())
    assert await store.enrolment("Bakery", enrolment.id) is None


async def test_the_same_user_may_try_again_and_only_his_last_attempt_counts(store: Store) -> None:
    chief = await admin(store)
    first = await store.create_enrolment(chief, "Line 1", "", soon())
    second = await store.create_enrolment(chief, "line 1", "", soon())
    assert await store.complete_enrolment(first.id, certificate()) is None
    assert await store.complete_enrolment(second.id, certificate()) is not None


async def test_a_name_is_kept_for_whoever_enrols_with_it(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, name="bert")
    other = await enrolled(store, chief, "Line 2")
    await store.create_enrolment(chief, "Line 1", "", soon())
    with pytest.raises(ValueError, match="chief is enrolling an orchestrator called 'LINE 1'"):
        await store.create_enrolment(bert, "LINE 1", "", soon())
    with pytest.raises(ValueError, match="Another orchestrator is called 'Line 1'"):
        await store.rename_orchestrator(other, "Line 1", "")
    with pytest.raises(ValueError, match="Another orchestrator is called 'line 2'"):
        await store.create_enrolment(chief, "line 2", "", soon())
    with pytest.raises(ValueError, match="The orchestrator's name cannot be 'a/b'"):
        await store.create_enrolment(chief, "a/b", "", soon())


async def test_an_expired_attempt_does_not_keep_a_name(store: Store) -> None:
    await store.create_enrolment(await admin(store), "Line 1", "", soon(-1))
    await enrolled(store, await admin(store, name="bert"), "Line 1")
    assert [orchestrator.name for orchestrator in await store.orchestrators("Bottling")] == ["Line 1"]


async def test_an_enrolment_whose_name_was_given_away_since_enrols_nobody(store: Store, database: str) -> None:
    chief = await admin(store)
    late = await store.create_enrolment(chief, "Line 1", "", soon(-1))
    await enrolled(store, chief, "Line 1")
    directly(database, f"UPDATE enrolments SET expires = '2999-01-01 00:00:00.000000' WHERE id = '{late.id}'")
    assert await store.open_enrolment(late.id) is not None
    assert await store.complete_enrolment(late.id, certificate()) is None
    assert len(await store.orchestrators("Bottling")) == 1


async def test_nobody_enrols_for_a_tenant_that_does_not_exist(store: Store, database: str) -> None:
    chief = await admin(store)
    directly(database, "DELETE FROM users", "DELETE FROM tenants")
    with pytest.raises(RuntimeFailure):
        await store.create_enrolment(chief, "Line 1", "", soon())


async def test_of_many_that_use_an_enrolment_at_once_one_succeeds(store: Store) -> None:
    chief = await admin(store)
    for round in range(5):
        enrolment = await store.create_enrolment(chief, f"Line {round}", "", soon())
        made = await asyncio.gather(*(store.complete_enrolment(enrolment.id, certificate()) for _ in range(20)))
        winners = [orchestrator for orchestrator in made if orchestrator is not None]
        assert [await store.orchestrator("Bottling", enrolment.id)] == winners


async def test_of_three_hub_processes_that_use_an_enrolment_at_once_one_succeeds(store: Store, database: str) -> None:
    enrolment = await store.create_enrolment(await admin(store), "Line 1", "", soon())
    pipe = asyncio.subprocess.PIPE
    racers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", RACER, database, enrolment.id, stdin=pipe, stdout=pipe, env=TESTS_IMPORTABLE
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert await racer.stdout.readline() == b"ready\n"
    outs = await asyncio.gather(*(racer.communicate(b"go\n") for racer in racers))
    assert Counter(int(out) for out, _ in outs) == {1: 1, 0: 2}
    assert len(await store.orchestrators("Bottling")) == 1


async def test_of_two_users_that_take_a_name_at_once_one_gets_it(store: Store) -> None:
    users = [await admin(store, name=f"user {number}") for number in range(8)]
    asked = (store.create_enrolment(user, "Line 1", "", soon()) for user in users)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"Enrolment": 1, "ValueError": 7}
