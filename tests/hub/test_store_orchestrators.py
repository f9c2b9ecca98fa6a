"""Orchestrators: whose they are, what they are called, and which certificate counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from hub.stocked import admin, asked_for, certificate, enrolled, now, soon
from rung.hub.records import AuditRow
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure


async def test_a_tenant_sees_its_own_orchestrators_by_name(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, "Bakery", "bert")
    second, first = await enrolled(store, chief, "line 2"), await enrolled(store, chief, "Line 1")
    foreign = await enrolled(store, bert, "Line 1")
    assert await store.orchestrators("BOTTLING") == [first, second]
    assert await store.orchestrator("Bottling", first.id) == first
    assert await store.orchestrators("Bakery") == [foreign]


@pytest.mark.parametrize("id", ["foreign", "0" * 32, "", "\0", "\ud800", "é"])
async def test_a_foreign_orchestrator_and_an_absent_one_are_both_none(store: Store, id: str) -> None:
    foreign = await enrolled(store, await admin(store, "Bakery", "bert"))
    await enrolled(store, await admin(store))
    assert await store.orchestrator("Bottling", foreign.id if id == "foreign" else id) is None


async def test_an_agents_certificate_leads_to_its_orchestrator_whichever_tenant_has_it(store: Store) -> None:
    orchestrator = await enrolled(store, await admin(store))
    assert await store.orchestrator_of_agent(orchestrator.id) == orchestrator
    assert await store.orchestrator_of_agent("0" * 32) is None
    assert await store.orchestrator_of_agent("é\0") is None


async def test_renaming_keeps_to_the_rules_of_names(store: Store) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief, "Line 1"), await enrolled(store, chief, "Line 2")
    renamed = await store.rename_orchestrator(line, "LINE 1", "Hall B\0")
    assert (renamed.name, renamed.description) == ("LINE 1", "Hall B�")
    assert await store.orchestrator("Bottling", line.id) == renamed
    with pytest.raises(ValueError, match="Another orchestrator is called 'line 2'"):
        await store.rename_orchestrator(line, "line 2", "")
    with pytest.raises(ValueError, match="name cannot be"):
        await store.rename_orchestrator(line, "", "")
    with pytest.raises(RuntimeFailure) as failure:
        await store.rename_orchestrator(replace(other, tenant="Bakery"), "Line 3", "")
    assert failure.value.kind is Kind.DNS


async def test_a_renewed_certificate_counts_from_its_first_use(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    renewed = certificate()
    await store.store_renewal(line.id, renewed)
    both = await store.orchestrator_of_agent(line.id)
    assert both is not None
    assert (both.certificate, both.renewed) == (line.certificate, renewed)
    await store.take_renewal(line.id, renewed.fingerprint)
    await store.take_renewal(line.id, renewed.fingerprint)
    after = await store.orchestrator_of_agent(line.id)
    assert after is not None
    assert (after.certificate, after.renewed) == (renewed, None)


async def test_a_renewal_that_was_renewed_again_is_void(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    first, second = certificate(), certificate()
    await store.store_renewal(line.id, first)
    await store.store_renewal(line.id, second)
    with pytest.raises(RuntimeFailure) as failure:
        await store.take_renewal(line.id, first.fingerprint)
    assert failure.value.kind is Kind.CREDENTIALS
    await store.take_renewal(line.id, second.fingerprint)
    with pytest.raises(RuntimeFailure):
        await store.take_renewal(line.id, line.certificate.fingerprint)


async def test_the_first_revocation_counts_and_ends_renewing_and_connecting(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    renewed = certificate()
    await store.store_renewal(line.id, renewed)
    at = now()
    await store.revoke(line, at)
    await store.revoke(line, soon())
    after = await store.orchestrator("Bottling", line.id)
    assert after is not None
    assert after.revoked == at
    attempts = (
        store.store_renewal(line.id, certificate()),
        store.take_renewal(line.id, renewed.fingerprint),
    )
    for attempt in attempts:
        with pytest.raises(RuntimeFailure) as failure:
            await attempt
        assert failure.value.kind is Kind.CREDENTIALS
    with pytest.raises(RuntimeFailure, match="revoked"):
        await store.session_began(line.id, "hub-1", "sid", now())


async def test_removing_takes_its_vplcs_session_and_leases_along_but_not_what_was_noted(store: Store) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief), await enrolled(store, chief, "Line 2")
    vplc, kept = await asked_for(store, line), await asked_for(store, other)
    await store.session_began(line.id, "hub-1", "sid", now())
    await store.take_lease(vplc.id, chief, "lease", soon())
    await store.note(AuditRow(now(), "Bottling", "chief", "orchestrator.delete", line.id, None, "ok"))
    await store.remove_orchestrator(line)
    await store.remove_orchestrator(line)
    assert await store.orchestrators("Bottling") == [other]
    assert await store.vplcs(line.id) == []
    assert await store.vplcs(other.id) == [kept]
    assert await store.sessions() == {}
    assert not await store.renew_lease(vplc.id, "lease", soon())
    assert [row.orchestrator for row in await store.audit("Bottling")] == [line.id]
    with pytest.raises(RuntimeFailure):
        await store.session_began(line.id, "hub-1", "sid", now())


async def test_last_seen_only_moves_forward(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    assert line.last_seen is None
    late = now()
    await store.seen(line.id, late)
    await store.seen(line.id, late - timedelta(hours=1))
    after = await store.orchestrator("Bottling", line.id)
    assert after is not None
    assert after.last_seen == late


async def test_times_come_back_in_utc_to_the_microsecond_whatever_zone_they_were_given_in(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    at = now().astimezone(timezone(timedelta(hours=5, minutes=30)))
    await store.seen(line.id, at)
    after = await store.orchestrator("Bottling", line.id)
    assert after is not None
    assert after.last_seen == at
    assert after.last_seen.utcoffset() == timedelta(0)


async def test_of_many_that_rename_to_one_name_at_once_one_gets_it(store: Store) -> None:
    chief = await admin(store)
    lines = [await enrolled(store, chief, f"Line {number}") for number in range(6)]
    answers = await asyncio.gather(
        *(store.rename_orchestrator(line, "Filling", "") for line in lines), return_exceptions=True
    )
    assert sum(isinstance(answer, ValueError) for answer in answers) == 5
    assert sum(line.name == "Filling" for line in await store.orchestrators("Bottling")) == 1
