"""Users of the simulated device: created, kept on disk, deleted; and what a stolen file or a race gives away."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path

import pytest

from rung.simulator import Simulator
from rung.simulator.accounts import Accounts
from rung.simulator.storage import DataFolderError
from simulator.runtime_client import USER, RuntimeClient


async def test_users_and_passwords_are_kept_on_disk_but_no_password_is(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    user = await accounts.create("chief", "correct horse", "admin", as_first=True)
    assert user is not None
    again = Accounts(tmp_path)
    kept = again.by_name("chief")
    assert await again.check(kept, "correct horse")
    assert not await again.check(kept, "wrong")
    assert not await again.check(None, "correct horse")
    for path in tmp_path.iterdir():
        assert b"correct horse" not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_ids_are_never_given_again(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    first = await accounts.create("one", "x", "admin", as_first=True)
    assert first is not None
    accounts.delete(first)
    second = await Accounts(tmp_path).create("two", "x", "admin", as_first=True)
    assert second is not None
    assert (first.id, second.id) == (1, 2), "a token of the deleted user must not become the new user's"


async def test_a_lost_secrets_file_is_a_reset_device(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    await accounts.create("chief", "x", "admin", as_first=True)
    (tmp_path / "secrets.json").unlink()
    reset = Accounts(tmp_path)
    assert not reset.any()
    assert reset.secrets != accounts.secrets


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"users": 3}', b"\xff\xfe"])
async def test_a_foreign_users_file_is_refused_not_overwritten(tmp_path: Path, content: bytes) -> None:
    Accounts(tmp_path)
    (tmp_path / "users.json").write_bytes(content)
    with pytest.raises(DataFolderError, match="was not written by this program"):
        Accounts(tmp_path)
    assert (tmp_path / "users.json").read_bytes() == content


async def test_a_full_disk_keeps_the_old_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(tmp_path)
    await accounts.create("chief", "x", "admin", as_first=True)
    before = (tmp_path / "users.json").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await accounts.create("eve", "x", "admin", as_first=False)
    assert (tmp_path / "users.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secrets.json", "users.json"]


async def test_only_one_of_many_who_ask_at_once_becomes_the_first_user(simulator: Simulator) -> None:
    clients = [RuntimeClient(simulator.address) for _ in range(5)]
    answers = await asyncio.gather(
        *(
            client.request("POST", "/api/create-user", json={"username": f"user{number}", "password": "x"})
            for number, client in enumerate(clients)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401]
    assert {answer.json()["msg"] for answer in answers} == {"User created", "User already created!"}
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 500),
        (b'"text"', 500),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"{}", 400),
        (b'{"username": 5, "password": "x"}', 500),
        (b'{"username": "u", "password": ["x"]}', 500),
        (json.dumps({"username": "u", "password": "x" * 2_000_000}).encode(), 413),
    ],
)
async def test_bodies_that_are_no_account_are_refused(client: RuntimeClient, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.request("POST", "/api/create-user", content=body, headers=headers)
    assert answer.status_code == status
    assert await client.get("/api/get-users-info") == [{"id": 1, "username": "admin"}]


async def test_any_text_can_be_name_and_password(client: RuntimeClient) -> None:
    odd = {"username": "Zoë\n\x00😀", "password": "\ud800 lone"}
    body = json.dumps(odd).encode()
    headers = {"Content-Type": "application/json"}
    assert (await client.request("POST", "/api/create-user", content=body, headers=headers)).status_code == 201
    assert (await client.request("POST", "/api/login", content=body, headers=headers)).status_code == 200


async def test_a_login_ends_after_its_life(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path, port=0, token_life_s=1, discovery_port=0)
    await simulator.start()
    client = RuntimeClient(simulator.address)
    await client.log_in()

    async def answer() -> tuple[int, object]:
        got = await client.request("GET", "/api/ping")
        return got.status_code, got.json()

    assert await answer() == (200, {"status": "PING:OK"})
    await client.wait(answer, lambda got: got == (401, {"msg": "Token has expired"}), 5)
    await client.close()
    await simulator.stop()


async def test_a_token_of_another_device_is_no_token(simulator: Simulator, tmp_path: Path) -> None:
    other = Simulator(tmp_path / "other", port=0, discovery_port=0)
    await other.start()
    here, there = RuntimeClient(simulator.address), RuntimeClient(other.address)
    await here.log_in()
    await there.log_in()
    here.token = there.token
    answer = await here.request("GET", "/api/ping")
    assert (answer.status_code, answer.json()) == (422, {"msg": "Signature verification failed"})
    for client in (here, there):
        await client.close()
    await other.stop()


@pytest.mark.parametrize(
    "token",
    ["a b", "x", "a.b.c", "..", "e30.e30.", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."],
)
async def test_no_bad_token_gets_in(simulator: Simulator, token: str) -> None:
    client = RuntimeClient(simulator.address)
    for path in ("/api/ping", "/api/runtime-logs", "/api/discovery/interfaces", "/api/nope"):
        answer = await client.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (401, 422), (path, answer.text)
    await client.close()


async def test_the_first_user_is_created_by_whoever_asks_first(simulator: Simulator) -> None:
    client = RuntimeClient(simulator.address)
    assert (await client.request("GET", "/api/get-users-info")).status_code == 404
    assert (await client.request("POST", "/api/create-user", json=USER)).json() == {"id": 1, "msg": "User created"}
    assert await client.get("/api/get-users-info") == {"msg": "Users found"}
    await client.close()
