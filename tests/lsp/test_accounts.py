"""A machine's users from the editor: every guard is a sentence, passwords leave no trace, and one's own login goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lsp.editor import SERVER, Editor, editor
from rung.lsp import accounts
from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from simulated import SimulatorProcess

PASSWORD, OTHER, NEW = "s3cret-Horse-battery", "s3cret-Mule-battery", "s3cret-Ox-battery"


@contextmanager
def runtime(folder: Path, version: str | None) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(folder / "runtime", *([] if version is None else ["--runtime-version", version]))
    made.start()
    try:
        yield made
    finally:
        made.kill()


async def log_in(plc: Editor, machine: SimulatorProcess) -> None:
    """Save the machine as line3 and create its first user."""
    await plc.initialize()
    await plc.command("addConnection", name="line3", address=machine.address)
    answer = await plc.command("connect", target="line3")
    await plc.command("connect", target="line3", trust=answer["fingerprint"])
    answer = await plc.command("createFirstUser", target="line3", username="engineer", password=PASSWORD)
    assert answer["state"] == "connected", answer


async def test_users_are_listed_added_changed_and_deleted(tmp_path: Path) -> None:
    with runtime(tmp_path, None) as machine:
        async with editor(tmp_path / "work", *SERVER, RUNG_LOG="DEBUG") as plc:
            await log_in(plc, machine)
            only = await plc.command("users", target="line3")
            assert [user["username"] for user in only["users"]] == ["engineer"]
            assert (only["own"], only["roles"]) == ("engineer", False)

            # the last user and one's own stay
            refused = await plc.command("deleteUser", target="line3", username="engineer")
            assert "cannot be deleted" in refused["error"]["message"]
            assert "Nothing was changed" in refused["error"]["message"]

            done = await plc.command("createUser", target="line3", username="operator", password=OTHER)
            assert done == {"ok": True}
            again = await plc.command("createUser", target="line3", username="operator", password=OTHER)
            assert again["error"]["kind"] == "credentials"
            both = await plc.command("users", target="line3")
            assert [user["username"] for user in both["users"]] == ["engineer", "operator"]

            # a machine without roles
            refused = await plc.command("setRole", target="line3", username="operator", role="admin")
            assert refused["error"]["kind"] == "too-old"

            # one's own password: the connection goes on with the new one, and only that one logs in
            wrong = await plc.command("changePassword", target="line3", username="engineer", old=OTHER, new=NEW)
            assert wrong["error"]["kind"] == "credentials"
            done = await plc.command("changePassword", target="line3", username="engineer", old=PASSWORD, new=NEW)
            assert done == {"ok": True, "own": True}
            assert (await plc.command("status", target="line3"))["error"] is None
            await plc.command("disconnect", target="line3")
            old = await plc.command("connect", target="line3", username="engineer", password=PASSWORD)
            assert old["kind"] == "credentials"
            answer = await plc.command("connect", target="line3", username="engineer", password=NEW)
            assert answer["state"] == "connected"

            assert await plc.command("deleteUser", target="line3", username="operator") == {"ok": True}
            gone = await plc.command("deleteUser", target="line3", username="operator")
            assert "no user 'operator' any more" in gone["error"]["message"]
            assert await plc.shut_down() == 0
            said = plc.client.errors.decode()
            assert not any(word in said for word in (PASSWORD, OTHER, NEW))


async def test_roles_are_changed_where_the_machine_has_them_and_one_administrator_stays(tmp_path: Path) -> None:
    with runtime(tmp_path, "v4.2.3") as machine:
        async with editor(tmp_path / "work") as plc:
            await log_in(plc, machine)
            made = await plc.command("createUser", target="line3", username="operator", password=OTHER, role="user")
            assert made == {"ok": True}
            answer = await plc.command("users", target="line3")
            assert answer["roles"] is True
            assert {user["username"]: user["role"] for user in answer["users"]} == {
                "engineer": "admin",
                "operator": "user",
            }
            refused = await plc.command("setRole", target="line3", username="engineer", role="user")
            assert "last administrator" in refused["error"]["message"]
            odd = await plc.command("setRole", target="line3", username="operator", role="king")
            assert odd["error"]["message"] == "'king' is not a role. Nothing was done."
            assert await plc.command("setRole", target="line3", username="operator", role="admin") == {"ok": True}
            roles = {user["username"]: user["role"] for user in (await plc.command("users", target="line3"))["users"]}
            assert roles == {"engineer": "admin", "operator": "admin"}

            # what the row of the machine says of it, and that it has no source to give back yet
            row = (await plc.command("targets"))["targets"][0]
            assert (row["runtime"], row["encrypted"], row["snapshots"]) == ("OpenPLC Runtime v4.2.3", True, True)
            status = await plc.command("status", target="line3")
            assert status["since"] >= 0
            assert status["switch"] in ("run", "stop")
            folder = tmp_path / "fetched"
            nothing = await plc.command("pull", target="line3", folder=str(folder))
            assert nothing["error"]["kind"] == "program"
            assert not folder.exists()


async def test_users_behind_web_pages_are_refused_in_words() -> None:
    client = SimpleNamespace(accounts=None, address=Address.parse("http://10.0.0.7"))
    connection = SimpleNamespace(client=client, profile=SimpleNamespace(name="press"))
    session: Any = SimpleNamespace(machines=SimpleNamespace(connection=lambda name: connection))
    given = {"target": "press", "username": "a", "password": "b", "old": "c", "new": "d", "role": "admin"}
    commands = (accounts.users, accounts.create_user, accounts.change_password, accounts.delete_user, accounts.set_role)
    for command in commands:
        with pytest.raises(RuntimeFailure, match=r"press cannot be managed from here.*web pages") as refused:
            await command(session, given, None)
        assert refused.value.kind is Kind.TOO_OLD
        assert "http://10.0.0.7:8080" in refused.value.hint
