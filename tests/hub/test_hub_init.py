"""Making a hub, and its users on the command line: every secret once, nothing twice, and nothing lost by a failure half-way."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.enrolling import made_settings
from rung.cli import main
from rung.hub import settings
from rung.hub.authority import Authority
from rung.hub.init import make_hub
from rung.hub.records import AuditRow, User
from rung.hub.roles import Role
from rung.hub.settings import load
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure

TABLE = {"names": ["localhost", "127.0.0.1"]}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNG_HUB_DATABASE", "RUNG_HUB_REDIS", "RUNG_HUB_METRICS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNG_HUB_DIR", str(tmp_path / "hub"))


async def whose(folder: Path, token: str) -> User | None:
    store = await Store.open(load(folder).database_url)
    try:
        return await store.user_of_token(token)
    finally:
        await store.aclose()


async def test_a_hub_is_made_whole(tmp_path: Path) -> None:
    made = await make_hub(tmp_path / "hub", TABLE, "plant", "chief")
    assert made.made
    assert made.owner_token is not None
    user = await whose(tmp_path / "hub", made.owner_token)
    assert user is not None
    assert (user.tenant, user.name, user.role) == ("plant", "chief", Role.OWNER)
    authority = Authority.open(tmp_path / "hub")
    authority.server_context(made.settings)
    authority.editors_context(made.settings)
    assert made.owner_token not in repr(made)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "hub").iterdir())
    assert made.owner_token.encode() not in kept


async def test_making_it_again_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    first = await make_hub(folder, TABLE, "plant", "chief")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = await make_hub(folder, {"names": ["other.example"]}, "other", "eve")
    assert (again.made, again.owner_token) == (False, None)
    assert again.settings == first.settings
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


async def test_after_a_failure_half_way_it_goes_on_with_the_same_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hub"

    def full(*_: object) -> None:
        raise RuntimeFailure(Kind.INTERNAL, "There is no space left.", "Make room.")

    with monkeypatch.context() as broken:
        broken.setattr(settings, "save", full)
        with pytest.raises(RuntimeFailure, match="no space"):
            await make_hub(folder, TABLE, "plant", "chief")
    with pytest.raises(RuntimeFailure, match="There is no hub"):
        settings.load(folder)
    roots = {path.name: path.read_bytes() for path in folder.glob("*-ca.*")}
    made = await make_hub(folder, {"names": ["hub.example"]}, "plant", "chief")
    assert made.made
    assert {path.name: path.read_bytes() for path in folder.glob("*-ca.*")} == roots
    assert made.owner_token is not None
    assert await whose(folder, made.owner_token) is not None


async def test_the_database_of_another_hub_is_not_taken_over(tmp_path: Path) -> None:
    first = await make_hub(tmp_path / "first", TABLE, "plant", "chief")
    table = {**TABLE, "database": first.settings.database_url}
    with pytest.raises(RuntimeFailure, match="users of another hub"):
        await make_hub(tmp_path / "second", table, "plant", "eve")
    assert first.owner_token is not None
    assert await whose(tmp_path / "first", first.owner_token) is not None


async def test_a_folder_that_others_may_look_into_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub").chmod(0o755)
    with pytest.raises(RuntimeFailure, match="mode 0755"):
        await make_hub(tmp_path / "hub", TABLE, "plant", "chief")
    assert list((tmp_path / "hub").iterdir()) == []


def rung(capsys: Capture, *words: str) -> tuple[int, str, str]:
    code = main(["hub", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_token_is_the_last_line_and_the_rest_says_what_to_do(tmp_path: Path, capsys: Capture) -> None:
    code, out, err = rung(capsys, "init", "--name", "Hub.Example", "--name", "192.0.2.1", "--owner", "chief")
    assert code == 0
    assert out.startswith("rung_")
    assert len(out.split()) == 1
    assert "rung hub serve" in err
    assert "https://hub.example:8444" in err
    assert str(tmp_path / "hub" / "server-ca.pem") in err
    assert out.strip() not in err
    code, out, err = rung(capsys, "init", "--name", "other")
    assert (code, err) == (0, "")
    assert "Nothing was changed." in out
    assert load(tmp_path / "hub").names == ("hub.example", "192.0.2.1")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--name", "my hub"], "neither a DNS name nor an IP address"),
        (["--name", "hub", "--tenant", "a/b"], "it takes 1 to 63 letters"),
        (["--name", "hub", "--owner", ""], "it takes 1 to 63 letters"),
        (["--name", "hub", "--certificate", "c.pem"], "go together"),
        (["--name", "hub", "--database", "postgresql+psycopg://rung:pw@db/rung"], "RUNG_HUB_DATABASE"),
        (["--name", "hub", "--redis", "redis://:pw@cache"], "RUNG_HUB_REDIS"),
        (["--name", "hub", "--agents-listen", "3001"], "not ADDRESS:PORT"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    words: Sequence[str], sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    code, out, err = rung(capsys, "init", *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "pw" not in err
    assert not (tmp_path / "hub").exists()


def test_an_operators_own_certificate(tmp_path: Path, capsys: Capture) -> None:
    brought = made_settings(tmp_path / "brought")
    words = ["--certificate", str(brought.certificate), "--key", str(brought.key)]
    code, _, err = rung(capsys, "init", "--name", "hub.example", *words)
    assert code == 0
    assert "server-ca.pem" not in err
    made = load(tmp_path / "hub")
    assert (made.certificate, made.key, made.server_authority) == (brought.certificate, brought.key, None)
    assert not (tmp_path / "hub" / "server-ca.key").exists()


def test_users_come_and_go(tmp_path: Path, capsys: Capture) -> None:
    rung(capsys, "init", "--name", "hub")
    code, out, _ = rung(capsys, "user", "add", "fitter", "engineer", "--days", "30")
    token = out.splitlines()[-1]
    assert (code, token[:5]) == (0, "rung_")
    assert rung(capsys, "user", "list")[1].splitlines() == ["main/fitter  engineer", "main/owner  owner"]
    assert rung(capsys, "user", "role", "fitter", "admin")[:2] == (0, "fitter of main is admin now.\n")
    code, out, _ = rung(capsys, "user", "token", "fitter", "--json")
    answer = json.loads(out)
    assert answer["error"] is None
    assert answer["user"]["role"] == "admin"
    assert answer["token"].startswith("rung_")
    assert answer["token"] != token
    assert json.loads(rung(capsys, "user", "revoke", "fitter", "--json")[1])["revoked"] == 2
    assert rung(capsys, "user", "disable", "fitter")[0] == 0
    assert "main/fitter  admin  disabled" in rung(capsys, "user", "list")[1]
    code, _, err = rung(capsys, "user", "token", "fitter")
    assert (code, "is disabled and gets no token" in err) == (2, True)


def test_a_token_of_a_user_signs_in_until_it_is_revoked(tmp_path: Path, capsys: Capture) -> None:
    rung(capsys, "init", "--name", "hub")
    token = rung(capsys, "user", "add", "fitter", "viewer")[1].splitlines()[-1]
    user = asyncio.run(whose(tmp_path / "hub", token))
    assert user is not None
    assert user.name == "fitter"
    rung(capsys, "user", "revoke", "fitter")
    assert asyncio.run(whose(tmp_path / "hub", token)) is None


def test_what_is_done_with_the_hubs_folder_is_in_the_audit_log(tmp_path: Path, capsys: Capture) -> None:
    rung(capsys, "init", "--name", "hub")
    token = rung(capsys, "user", "add", "fitter", "viewer")[1].splitlines()[-1]
    rung(capsys, "user", "role", "fitter", "admin")
    rung(capsys, "user", "list")

    async def rows() -> list[AuditRow]:
        store = await Store.open(load(tmp_path / "hub").database_url)
        try:
            return await store.audit("main")
        finally:
            await store.aclose()

    kept = asyncio.run(rows())
    assert [(row.user, row.action, row.outcome, row.detail) for row in kept] == [
        ("-", "user.change", "ok", "fitter, admin; with the hub's folder"),
        ("-", "user.create", "ok", "fitter, viewer; with the hub's folder"),
    ]
    assert token not in repr(kept)


def test_an_unknown_user_and_an_unknown_tenant_are_said(capsys: Capture) -> None:
    rung(capsys, "init", "--name", "hub")
    code, _, err = rung(capsys, "user", "role", "nobody", "admin")
    assert (code, "has no user called 'nobody'" in err) == (2, True)
    code, out, _ = rung(capsys, "user", "disable", "nobody", "--json")
    assert (code, "'nobody'" in json.loads(out)["error"]["message"]) == (2, True)
    rung(capsys, "user", "add", "fitter", "viewer", "--tenant", "second")
    code, _, err = rung(capsys, "user", "add", "tom", "viewer")
    assert (code, "There are 2 tenants: main, second." in err) == (2, True)
    assert rung(capsys, "user", "add", "fitter", "viewer", "--tenant", "main", "--days", "0")[0] == 2


def test_without_a_hub_no_user(capsys: Capture) -> None:
    code, _, err = rung(capsys, "user", "list")
    assert (code, "There is no hub in" in err) == (1, True)


def test_an_unknown_action_is_said(capsys: Capture) -> None:
    code, out, err = rung(capsys, "inti")
    assert (code, out) == (2, "")
    assert err.startswith("rung hub: there is no action 'inti'.")
    assert "orchestrator" in err


def test_an_actions_help_is_its_own(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["hub", "init", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: rung hub init")
    assert "--certificate" in said


PROBE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sqlalchemy", "alembic", "psycopg", "redis", "prometheus_client"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from rung.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_without_the_extra_it_is_said_how_to_get_it(tmp_path: Path) -> None:
    environment = {**os.environ, "RUNG_HUB_DIR": str(tmp_path / "hub")}
    command = [sys.executable, "-c", PROBE, "hub", "init", "--name", "hub"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "rung[hub]"' in done.stderr
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize(
    "words", [["--help"], ["hub"], ["hub", "--help"], ["hub", "init", "--help"], ["hub", "user", "--help"]]
)
def test_help_needs_no_library_of_the_hub(words: Sequence[str]) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == (2 if words == ["hub"] else 0), done.stderr
    assert "usage: rung" in done.stdout + done.stderr
