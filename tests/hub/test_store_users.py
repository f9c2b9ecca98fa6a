"""Tenants, users and tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.stocked import admin, asked_for, directly, enrolled, now, soon
from rung.hub.records import User
from rung.hub.roles import Role
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure


async def test_a_user_is_added_with_the_tenant_and_found_by_name_in_any_case(store: Store) -> None:
    chief = await store.add_user("Bottling", "chief", Role.OWNER)
    assert (chief.tenant, chief.name, chief.role, chief.disabled) == ("Bottling", "chief", Role.OWNER, False)
    assert chief.created.utcoffset() is not None
    assert abs((now() - chief.created).total_seconds()) < 60
    assert await store.find_user("bottling", "CHIEF") == chief


async def test_a_name_is_taken_in_its_tenant_alone(store: Store) -> None:
    await admin(store, "Bottling", "chief")
    with pytest.raises(ValueError, match="Another user is called 'CHIEF'"):
        await store.add_user("BOTTLING", "CHIEF", Role.VIEWER)
    elsewhere = await admin(store, "Bakery", "chief")
    assert [user.tenant for user in await store.users()] == ["Bakery", "Bottling"]
    assert await store.users("Bakery") == [elsewhere]
    assert await store.users("Brewery") == []


@pytest.mark.parametrize(("tenant", "name"), [("Bottling", "bert"), ("Brewery", "chief"), ("", ""), ("\0", "\ud800")])
async def test_an_unknown_user_and_one_of_another_tenant_sound_the_same(store: Store, tenant: str, name: str) -> None:
    await admin(store)
    await admin(store, "Bakery", "bert")
    with pytest.raises(RuntimeFailure) as failure:
        await store.find_user(tenant, name)
    assert (failure.value.kind, failure.value.message) == (Kind.DNS, "There is no such user.")


@pytest.mark.parametrize(("tenant", "name"), [("Bottling", "a/b"), ("a/b", "chief")])
async def test_a_name_that_cannot_be_one_leaves_nothing_behind(store: Store, tenant: str, name: str) -> None:
    with pytest.raises(ValueError, match="name cannot be"):
        await store.add_user(tenant, name, Role.ADMIN)
    assert await store.users() == []


async def test_a_token_signs_its_user_in_with_the_role_he_has_now(store: Store) -> None:
    chief = await admin(store)
    token = await store.issue_token(chief, "laptop", None)
    assert token.startswith("rung_")
    assert len(token) == 48
    assert await store.user_of_token(token) == chief
    viewer = await store.set_role(chief, Role.VIEWER)
    assert viewer.role is Role.VIEWER
    assert await store.user_of_token(token) == viewer


@pytest.mark.parametrize(
    "wrong", ["", "rung_", "rung_" + "A" * 43, "rung_" + "é" * 43, "rung_\0" + "A" * 42, "x" * 10_000]
)
async def test_nobody_signs_in_with_what_is_no_token(store: Store, wrong: str) -> None:
    await store.issue_token(await admin(store), "laptop", None)
    assert await store.user_of_token(wrong) is None


async def test_a_token_ends_when_it_expires(store: Store) -> None:
    chief = await admin(store)
    good, over = await store.issue_token(chief, "", soon()), await store.issue_token(chief, "", soon(-1))
    assert await store.user_of_token(good) == chief
    assert await store.user_of_token(over) is None


async def test_revoking_ends_every_token_of_one_user_and_counts_the_good_ones(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, name="bert")
    tokens = [await store.issue_token(chief, "", expires) for expires in (None, soon(), soon(-1))]
    other = await store.issue_token(bert, "", None)
    assert await store.revoke_tokens(chief) == 2
    assert [await store.user_of_token(token) for token in tokens] == [None] * 3
    assert await store.revoke_tokens(chief) == 0
    assert await store.user_of_token(other) == bert


async def test_a_disabled_user_is_out_at_once_and_comes_back_only_with_a_new_token(store: Store) -> None:
    chief = await admin(store)
    token = await store.issue_token(chief, "", None)
    await store.disable_user(chief)
    assert await store.user_of_token(token) is None
    assert (await store.find_user("Bottling", "chief")).disabled
    with pytest.raises(RuntimeFailure):
        await store.issue_token(chief, "", None)
    assert not (await store.enable_user(chief)).disabled
    assert await store.user_of_token(token) is None
    assert await store.user_of_token(await store.issue_token(chief, "", None)) == chief


async def test_what_a_disabled_user_began_ends_with_him(store: Store) -> None:
    chief, bert = await admin(store), await admin(store, name="bert")
    vplc = await asked_for(store, await enrolled(store, bert))
    mine = await store.create_enrolment(chief, "Line 2", "", soon())
    others = await store.create_enrolment(bert, "Line 3", "", soon())
    await store.take_lease(vplc.id, chief, "lease", soon())
    await store.disable_user(chief)
    assert await store.open_enrolment(mine.id) is None
    assert await store.open_enrolment(others.id) == others
    assert await store.take_lease(vplc.id, bert, "lease of bert", soon()) is None


async def test_a_user_that_does_not_exist_cannot_be_given_anything(store: Store) -> None:
    ghost = User(4711, "Bottling", "ghost", Role.OWNER, now())
    for attempt in (store.set_role(ghost, Role.OWNER), store.enable_user(ghost)):
        with pytest.raises(RuntimeFailure):
            await attempt
    with pytest.raises(RuntimeFailure):
        await store.issue_token(ghost, "", None)


async def test_the_database_does_not_hold_the_token(store: Store, database: str, tmp_path: Path) -> None:
    token = await store.issue_token(await admin(store), "laptop", None)
    (row,) = directly(database, "SELECT * FROM tokens")
    assert not any(token in str(value) or token[5:] in str(value) for value in row)
    await store.aclose()
    assert not any(token[5:].encode() in file.read_bytes() for file in tmp_path.iterdir())
