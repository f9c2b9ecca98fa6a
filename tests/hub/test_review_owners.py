"""A tenant keeps an owner, whoever takes roles away and at whatever moment; and who was shut out can be let in again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.api_hub import bench
from rung.hub.records import User
from rung.hub.roles import Role
from rung.hub.store import Store


async def two_owners(store: Store) -> tuple[User, User]:
    return await store.add_user("Bottling", "chief", Role.OWNER), await store.add_user("Bottling", "other", Role.OWNER)


async def test_the_last_owner_keeps_the_role(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    chief, other = await two_owners(store)
    await store.disable_user(other)
    with pytest.raises(ValueError, match="last owner"):
        await store.set_role(chief, Role.ADMIN)
    with pytest.raises(ValueError, match="last owner"):
        await store.disable_user(chief)
    assert (await store.find_user("Bottling", "chief")).role is Role.OWNER
    assert (await store.set_role(await store.enable_user(other), Role.OWNER)).role is Role.OWNER
    assert (await store.set_role(chief, Role.VIEWER)).role is Role.VIEWER, "other is one again"
    await store.aclose()


async def test_two_owners_who_remove_each_other_at_once_leave_one(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/hub.db")
    chief, other = await two_owners(store)
    done = await asyncio.gather(store.set_role(chief, Role.ADMIN), store.disable_user(other), return_exceptions=True)
    assert [type(one) for one in done].count(ValueError) == 1
    assert len([one for one in await store.users() if one.role is Role.OWNER and not one.disabled]) == 1
    await store.aclose()


async def test_a_user_who_was_shut_out_is_let_in_again_without_the_old_tokens(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        path = "/users/Bottling-viewer"
        assert (await desk.ask("PATCH", path, body={"disabled": True})).json()["user"]["disabled"] is True
        answer = await desk.ask("PATCH", path, body={"disabled": False})
        assert (answer.status, answer.json()["user"]["disabled"]) == (200, False)
        assert (await desk.ask("GET", "/me", Role.VIEWER)).status == 401, "its tokens have ended"
        assert (await desk.ask("POST", f"{path}/tokens", body={})).status == 201


async def test_the_last_owner_is_told_why_the_role_stays(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        for body in ({"role": "viewer"}, {"disabled": True}):
            answer = await desk.ask("PATCH", "/users/Bottling-owner", body=body)
            assert answer.status == 409
            assert "last owner" in answer.json()["error"]["message"]
        assert (await desk.ask("GET", "/users")).status == 200
