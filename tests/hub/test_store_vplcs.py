"""vPLCs as last known, and who may debug them."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from hub.stocked import admin, asked_for, enrolled, now, soon
from rung.hub.records import VplcState
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure


async def test_a_vplc_is_stored_with_its_request_before_its_agent_hears_of_it(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    request = {"container_name": "x", "vnic_configs": [{"name": "eth0", "dns": ["9.9.9.9"]}], "notes": "Größe\0"}
    id = str(uuid.uuid4())
    vplc = await store.add_vplc(line, id, "Filler", request)
    assert (vplc.id, vplc.orchestrator, vplc.name, vplc.request) == (id, line.id, "Filler", request)
    assert (vplc.state, vplc.message) == (VplcState.REQUESTED, "")
    assert await store.vplc(line.id, id) == vplc


async def test_a_vplc_is_looked_up_on_its_orchestrator_alone(store: Store) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief), await enrolled(store, chief, "Line 2")
    second, first = await asked_for(store, line, "mixer"), await asked_for(store, line, "Filler")
    assert await store.vplcs(line.id) == [first, second]
    assert await store.vplcs(other.id) == []
    assert await store.vplc(other.id, first.id) is None
    for nonsense in ("", "\0", "\ud800", "x" * 1000):
        assert await store.vplc(line.id, nonsense) is None
        assert await store.vplcs(nonsense) == []


async def test_a_name_is_taken_on_its_orchestrator_alone(store: Store) -> None:
    chief = await admin(store)
    line, other = await enrolled(store, chief), await enrolled(store, chief, "Line 2")
    filler, mixer = await asked_for(store, line, "Filler"), await asked_for(store, line, "Mixer")
    await asked_for(store, other, "Filler")
    with pytest.raises(ValueError, match="Another vPLC is called 'FILLER'"):
        await asked_for(store, line, "FILLER")
    with pytest.raises(ValueError, match="Another vPLC is called 'filler'"):
        await store.rename_vplc(mixer, "filler")
    assert (await store.rename_vplc(filler, "FILLER")).name == "FILLER"
    assert [vplc.name for vplc in await store.vplcs(line.id)] == ["FILLER", "Mixer"]


@pytest.mark.parametrize(
    ("id", "request_"),
    [
        ("Filler", {}),
        ("{12345678-1234-5678-1234-567812345678}", {}),
        ("12345678-1234-5678-1234-56781234567A", {}),
        ("12345678-1234-5678-1234-567812345678", {"notes": "x" * 300_000}),
        ("12345678-1234-5678-1234-567812345678", {"cpu": float("nan")}),
    ],
)
async def test_what_no_agent_should_be_sent_is_not_stored(
    store: Store, id: str, request_: Mapping[str, object]
) -> None:
    line = await enrolled(store, await admin(store))
    with pytest.raises(ValueError, match=r"UUID|bytes|JSON"):
        await store.add_vplc(line, id, "Filler", request_)
    assert await store.vplcs(line.id) == []


async def test_an_id_is_given_once(store: Store) -> None:
    chief = await admin(store)
    filler = await asked_for(store, await enrolled(store, chief))
    with pytest.raises(ValueError, match="already a vPLC with this id"):
        await store.add_vplc(await enrolled(store, chief, "Line 2"), filler.id, "Mixer", {})


async def test_nothing_is_stored_for_an_orchestrator_that_was_removed(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    vplc = await asked_for(store, line)
    await store.remove_orchestrator(line)
    attempts = (asked_for(store, line), store.rename_vplc(vplc, "Mixer"))
    for attempt in attempts:
        with pytest.raises(RuntimeFailure) as failure:
            await attempt
        assert failure.value.kind is Kind.DNS


async def test_a_state_is_kept_with_its_time_and_the_agents_words(store: Store) -> None:
    vplc = await asked_for(store, await enrolled(store, await admin(store)))
    await store.set_vplc_state(vplc.id, VplcState.ERROR, "no space\0left\ud800 " + "x" * 5000)
    after = await store.vplc(vplc.orchestrator, vplc.id)
    assert after is not None
    assert after.state is VplcState.ERROR
    assert after.message.startswith("no space�left� xxx")
    assert len(after.message) == 2000
    assert vplc.state_at <= after.state_at <= now()


async def test_of_a_vplc_that_was_removed_nothing_is_kept(store: Store) -> None:
    vplc = await asked_for(store, await enrolled(store, await admin(store)))
    await store.remove_vplc(vplc)
    await store.set_vplc_state(vplc.id, VplcState.RUNNING, "late")
    assert await store.vplcs(vplc.orchestrator) == []
    with pytest.raises(RuntimeFailure):
        await store.rename_vplc(vplc, "Mixer")


async def test_of_many_that_take_a_name_at_once_one_gets_it(store: Store) -> None:
    line = await enrolled(store, await admin(store))
    answers = await asyncio.gather(*(asked_for(store, line) for _ in range(10)), return_exceptions=True)
    assert Counter(type(answer).__name__ for answer in answers) == {"Vplc": 1, "ValueError": 9}


async def test_a_lease_keeps_other_users_out_until_it_ends(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, name="bert")
    vplc = await asked_for(store, await enrolled(store, chief))
    assert await store.take_lease(vplc.id, chief, "a", soon()) is None
    assert await store.take_lease(vplc.id, bert, "b", soon()) == "chief"
    assert await store.renew_lease(vplc.id, "a", soon())
    assert not await store.renew_lease(vplc.id, "b", soon())
    await store.end_lease(vplc.id, "b")
    assert await store.take_lease(vplc.id, bert, "b", soon()) == "chief"
    await store.end_lease(vplc.id, "a")
    assert await store.take_lease(vplc.id, bert, "b", soon()) is None


async def test_a_lease_that_expired_keeps_nobody_out_and_cannot_be_renewed(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, name="bert")
    vplc = await asked_for(store, await enrolled(store, chief))
    assert await store.take_lease(vplc.id, chief, "a", soon(-1)) is None
    assert not await store.renew_lease(vplc.id, "a", soon())
    assert await store.take_lease(vplc.id, bert, "b", soon()) is None


async def test_a_user_takes_a_lease_over_from_himself(store: Store) -> None:
    chief = await admin(store)
    vplc = await asked_for(store, await enrolled(store, chief))
    assert await store.take_lease(vplc.id, chief, "old", soon()) is None
    assert await store.take_lease(vplc.id, chief, "new", soon()) is None
    assert not await store.renew_lease(vplc.id, "old", soon())
    assert await store.renew_lease(vplc.id, "new", soon())


@pytest.mark.parametrize("nonsense", ["", "\0", "\ud800", "x" * 1000])
async def test_a_lease_that_was_never_given_is_not_renewed(store: Store, nonsense: str) -> None:
    chief = await admin(store)
    vplc = await asked_for(store, await enrolled(store, chief))
    await store.take_lease(vplc.id, chief, "a", soon())
    assert not await store.renew_lease(vplc.id, nonsense, soon())
    assert not await store.renew_lease(nonsense, "a", soon())
    await store.end_lease(vplc.id, nonsense)
    assert await store.renew_lease(vplc.id, "a", soon())


async def test_there_is_no_lease_of_a_vplc_that_does_not_exist(store: Store) -> None:
    chief = await admin(store)
    gone = replace(await asked_for(store, await enrolled(store, chief)), id=str(uuid.uuid4()))
    with pytest.raises(RuntimeFailure) as failure:
        await store.take_lease(gone.id, chief, "a", soon())
    assert failure.value.kind is Kind.DNS


async def test_of_many_users_that_take_a_lease_at_once_one_holds_it(store: Store) -> None:
    users = [await admin(store, name=f"user {number}") for number in range(10)]
    vplc = await asked_for(store, await enrolled(store, users[0]))
    held = await asyncio.gather(*(store.take_lease(vplc.id, user, user.name, soon()) for user in users))
    (winner,) = [user.name for user, holder in zip(users, held, strict=True) if holder is None]
    assert {holder for holder in held if holder is not None} == {winner}
