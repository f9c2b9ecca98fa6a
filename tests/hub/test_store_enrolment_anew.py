"""Permissions to enrol an orchestrator anew: it keeps all but its agent, and every older certificate is void."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hub.stocked import admin, asked_for, certificate, enrolled, known, now, soon
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure


async def test_it_keeps_everything_but_its_certificate(store: Store) -> None:
    anna = await admin(store)
    line = await enrolled(store, anna)
    filler = await asked_for(store, line)
    await store.store_renewal(line.agent, certificate())
    again = await store.create_enrolment_anew(anna, line, soon())
    assert (again.name, again.orchestrator) == ("Line 1", line.id)
    assert again.id != line.id
    issued = certificate()
    after = await store.complete_enrolment(again.id, issued)
    assert after == replace(line, agent=again.id, certificate=issued)
    assert await store.orchestrators("Bottling") == [after]
    assert await store.vplcs(line.id) == [filler]
    used = await store.enrolment("Bottling", again.id)
    assert used is not None
    assert used.used is not None


async def test_the_agent_before_is_nobody_any_more(store: Store) -> None:
    anna = await admin(store)
    line = await enrolled(store, anna)
    again = await store.create_enrolment_anew(anna, line, soon())
    after = await store.complete_enrolment(again.id, certificate())
    assert await store.orchestrator_of_agent(line.agent) is None
    assert await store.orchestrator_of_agent(again.id) == after
    with pytest.raises(RuntimeFailure) as failure:
        await store.session_began(line.id, "hub-1", "old", now(), line.agent)
    assert failure.value.kind is Kind.CREDENTIALS
    for attempt in (
        store.store_renewal(line.agent, certificate()),
        store.take_renewal(line.agent, line.certificate.fingerprint),
    ):
        with pytest.raises(RuntimeFailure) as failure:
            await attempt
        assert failure.value.kind is Kind.DNS
    assert await known(store, line) == replace(after or line, last_seen=None)
    assert await store.session_began(line.id, "hub-1", "new", now(), again.id) is None
    assert set(await store.sessions()) == {line.id}


async def test_until_it_is_used_a_permission_changes_nothing(store: Store) -> None:
    anna = await admin(store)
    line = await enrolled(store, anna)
    await store.create_enrolment_anew(anna, line, soon())
    late = await store.create_enrolment_anew(anna, line, soon(-1))
    assert await store.complete_enrolment(late.id, certificate()) is None
    assert await known(store, line) == line


async def test_a_revoked_one_comes_back(store: Store) -> None:
    anna = await admin(store)
    line = await enrolled(store, anna)
    await store.revoke(line, now())
    again = await store.create_enrolment_anew(anna, line, soon())
    assert (await known(store, line)).revoked is not None
    after = await store.complete_enrolment(again.id, certificate())
    assert after is not None
    assert after.revoked is None


async def test_revoking_ends_the_permissions_of_before(store: Store) -> None:
    anna = await admin(store)
    line, other = await enrolled(store, anna), await enrolled(store, anna, "Line 2")
    again, others = [await store.create_enrolment_anew(anna, one, soon()) for one in (line, other)]
    await store.revoke(line, now())
    assert await store.open_enrolment(again.id) is None
    assert await store.complete_enrolment(again.id, certificate()) is None
    assert (await known(store, line)).revoked is not None
    assert await store.complete_enrolment(others.id, certificate()) is not None


async def test_only_the_last_permission_counts_whoever_asked_for_it(store: Store) -> None:
    anna, bert = await admin(store), await admin(store, name="bert")
    line = await enrolled(store, anna)
    first = await store.create_enrolment_anew(anna, line, soon())
    second = await store.create_enrolment_anew(bert, line, soon())
    assert await store.complete_enrolment(first.id, certificate()) is None
    assert await store.complete_enrolment(second.id, certificate()) is not None


async def test_of_many_that_use_a_permission_at_once_one_succeeds(store: Store, database: str) -> None:
    anna, other = await admin(store), await Store.open(database)
    line = await enrolled(store, anna)
    for _ in range(5):
        again = await store.create_enrolment_anew(anna, line, soon())
        made = await asyncio.gather(
            *(one.complete_enrolment(again.id, certificate()) for one in (store, other) for _ in range(10))
        )
        winners = [orchestrator for orchestrator in made if orchestrator is not None]
        assert winners == [await known(store, line)]
    await other.aclose()


async def test_a_removed_one_does_not_come_back(store: Store) -> None:
    anna = await admin(store)
    line = await enrolled(store, anna)
    again = await store.create_enrolment_anew(anna, line, soon())
    await store.remove_orchestrator(line)
    assert await store.complete_enrolment(again.id, certificate()) is None
    assert await store.enrolment("Bottling", again.id) is None
    assert await store.orchestrators("Bottling") == []
    with pytest.raises(RuntimeFailure) as failure:
        await store.create_enrolment_anew(anna, line, soon())
    assert failure.value.kind is Kind.DNS


async def test_removal_revocation_and_use_at_once_end_without_waiting_for_each_other(store: Store) -> None:
    anna = await admin(store)
    for round in range(8):
        line = await enrolled(store, anna, f"Line {round}")
        again = await store.create_enrolment_anew(anna, line, soon())
        outcomes = await asyncio.gather(
            store.session_began(line.id, "hub-1", "sid", now()),
            store.complete_enrolment(again.id, certificate()),
            store.create_enrolment_anew(anna, line, soon()),
            store.revoke(line, now()),
            store.remove_orchestrator(line),
            return_exceptions=True,
        )
        failures = {one.kind for one in outcomes if isinstance(one, RuntimeFailure)}
        assert failures <= {Kind.DNS, Kind.CREDENTIALS}, outcomes
        assert await store.orchestrator("Bottling", line.id) is None


async def test_a_user_of_another_tenant_gets_no_permission(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    with pytest.raises(RuntimeFailure) as failure:
        await store.create_enrolment_anew(await admin(store, "Bakery", "bert"), line, soon())
    assert failure.value.kind is Kind.DNS


async def test_names_are_free_to_change_meanwhile(store: Store) -> None:
    anna, bert = await admin(store), await admin(store, name="bert")
    line = await enrolled(store, anna)
    again = await store.create_enrolment_anew(anna, line, soon())
    await store.rename_orchestrator(line, "Line 7", "")
    assert (await enrolled(store, bert, "Line 1")).name == "Line 1"
    after = await store.complete_enrolment(again.id, certificate())
    assert after is not None
    assert (after.id, after.name) == (line.id, "Line 7")


async def test_all_its_agents_are_remembered_and_no_others(store: Store) -> None:
    anna = await admin(store)
    line, other = await enrolled(store, anna), await enrolled(store, anna, "Line 2")
    agents = [line.agent]
    for _ in range(2):
        again = await store.create_enrolment_anew(anna, line, soon())
        assert await store.complete_enrolment(again.id, certificate()) is not None
        agents.append(again.id)
    waiting = await store.create_enrolment_anew(anna, line, soon())
    assert [await store.was_agent_of(line.id, one) for one in agents] == [True] * 3
    for stranger in (waiting.id, other.agent, "0" * 32, "", "\0"):
        assert not await store.was_agent_of(line.id, stranger)
    assert not await store.was_agent_of(other.id, agents[2])
