"""The command line and a hub: saved, signed in, its orchestrators and vPLCs, and a program on one of them."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from aiohttp import web

from command import Ran, rung
from rung.cli import hub_session
from rung.cli.hub_session import sign_in
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hub_records import Confirmation
from runtimes.scripted_device import PASSWORD, ScriptedDevice, make_identity
from runtimes.test_credentials import MemoryKeyring
from scripted_hub import LONG_AGO, TOKEN, ScriptedHub, failure, make_hub_identity, orchestrator, own, running, vplc

NO_KEYRING = "keyring.backends.fail.Keyring"


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ScriptedHub]:
    device = ScriptedDevice(make_identity(tmp_path, "device"))
    await device.start()
    async with running(ScriptedHub(make_hub_identity(tmp_path, "plant"), device)) as made:
        yield made
    await device.stop()


class Shell:
    """A user's terminal without a terminal: commands with the same configuration, and the token in the environment as in CI."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = TOKEN

    async def __call__(self, *words: object, given: str = "") -> Ran:
        environment = {
            "RUNG_CONFIG_DIR": str(self.folder / "config"),
            "RUNG_HUB_TOKEN": self.token,
            "PYTHON_KEYRING_BACKEND": NO_KEYRING,
        }
        ran = await asyncio.to_thread(rung, *words, folder=self.folder, given=given, within=60, **environment)
        for secret in (TOKEN, PASSWORD):
            assert secret not in ran.out + ran.err
        return ran


@pytest.fixture
async def shell(tmp_path: Path, hub: ScriptedHub) -> Shell:
    """The hub is saved."""
    made = Shell(tmp_path)
    (tmp_path / "ca.pem").write_text(hub.identity.ca)
    ran = await made("connection", "add", "plant", "--hub", f"https://localhost:{hub.port}", "--ca", "ca.pem")
    assert (ran.code, ran.out, ran.err) == (0, f"Saved the hub plant: https://localhost:{hub.port}\n", "")
    return made


async def test_a_hub_is_saved_shown_tested_and_forgotten(shell: Shell, hub: ScriptedHub, tmp_path: Path) -> None:
    place = f"https://localhost:{hub.port}"
    shown = (await shell("connection", "list", "--json")).json
    assert shown == {"connections": [], "hubs": [{"name": "plant", "url": place, "user": None, "ownCa": True}]}
    assert place in (await shell("connection", "list")).out
    again = await shell("connection", "add", "Plant", "--hub", "other.example")
    assert (again.code, "--replace" in again.err) == (2, True)
    assert (await shell("connection", "add", "plant", "192.168.0.10")).code == 2

    steps = (await shell("connection", "test", "plant", "--json")).json["steps"]
    assert [(step["step"], step["ok"]) for step in steps] == [("dns", True), ("tcp", True), ("hub", True)]
    assert "chief of works (engineer)" in steps[-1]["message"]
    steps = (await shell("connection", "test", "Hall 1/Press", "--json")).json["steps"]
    assert [step["step"] for step in steps] == ["dns", "tcp", "hub", "vplc", "version", "users", "login"]
    shell.token = "rung_somebody-else"
    assert (await shell("connection", "test", "plant")).code == 4

    kept = [path.read_text() for path in (tmp_path / "config").rglob("*") if path.is_file()]
    assert not any("rung_" in text for text in kept)
    assert "Forgot the hub plant. Its" in (await shell("connection", "forget", "plant")).out
    assert (await shell("connection", "list", "--json")).json == {"connections": []}
    assert "no hub is saved" in (await shell("hub", "orchestrator", "list")).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("connection", "add", "x"), "--hub URL"),
        (("connection", "add", "x", "10.0.0.1", "--ca", "ca.pem"), "for hubs"),
        (("connection", "add", "x", "10.0.0.1", "--hub", "h"), "no machine's address"),
        (("connection", "add", "x", "--hub", "http://h"), "https"),
        (("connection", "add", "x", "--hub", "h", "--ca", "nothing.pem"), "cannot be read"),
        (("connection", "add", "x", "--hub", "h", "--ca", "main.st"), "PEM"),
        (("hub", "orchestrator", "list", "--hub", "nobody"), "Saved hubs: plant"),
        (("hub", "vplc", "show", "Press"), "ORCHESTRATOR/VPLC"),
        (("hub", "vplc", "create", "Hall 1/Mill"), "--network"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "eth0"), "cannot be read"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "veth0=eth0,ip=10.0.0.1"), "subnet"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "veth0=eth0,mode=x"), "cannot be read"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b", "--serial", "s=/dev/x,baud=fast"), "baud"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b,ip=10.0.0.300,subnet=255.0.0.0"), "no IP address"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b,ip=10.0.0.3,subnet=/24"), "no subnet mask"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b,gateway=10.0.0.1"), "by DHCP"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b,dns=10.0.0.1+x"), "no IP address"),
        (("hub", "vplc", "create", "Hall 1/Mill", "--network", "a=b,mac=zz"), "no MAC address"),
        (("hub", "vplc", "create", f"Hall 1/{'M' * 64}", "--network", "a=b"), "cannot be the name of a vPLC"),
        (("hub", "vplc", "rename", "Hall 1/Press", "Hall 1/Mill"), "cannot be the name of a vPLC"),
        (("hub", "vplc", "consumption", "Hall 1/Press", "--cpu", "banana"), "15m, 1h or 1d"),
        (("hub", "orchestrator", "enrol", "Hall/3"), "cannot be the name of an orchestrator"),
        (("hub", "orchestrator", "enrol", ""), "cannot be the name of an orchestrator"),
        (("hub", "orchestrator", "rename", "Hall 1", "-"), "cannot be the name of an orchestrator"),
        (("status", "--to", "nobody/Hall 1/Press"), "no hub"),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(shell: Shell, words: tuple[str, ...], said: str) -> None:
    (shell.folder / "main.st").write_text("PROGRAM Main END_PROGRAM")
    ran = await shell(*words)
    assert ran.code == 2
    assert said.lower() in ran.err.lower()


async def test_signing_in_keeps_the_token_where_there_is_a_keyring_only(shell: Shell) -> None:
    ran = await shell("hub", "login", "--token-stdin", given=f"{TOKEN}\n")
    assert ran.code == 4
    assert "The token is good (that of chief, engineer), but it could not be kept" in ran.err
    assert (await shell("hub", "login", "--token-stdin", given="rung_somebody-else\n")).code == 4
    empty = await shell("hub", "login", "--token-stdin", given="")
    assert (empty.code, "where a token was to be" in empty.err) == (2, True)
    nobody = await shell("hub", "login")  # there is nobody to be asked
    assert (nobody.code, "--token-stdin" in nobody.err, "password" in nobody.err) == (4, True, False)
    await shell("connection", "add", "other", "--hub", "other.example")
    assert "rung hub login NAME" in (await shell("hub", "login", "--token-stdin", given=f"{TOKEN}\n")).err


async def test_who_saves_a_hub_is_told_how_to_sign_in(shell: Shell) -> None:
    shell.token = ""
    assert "rung hub login 'west'" in (await shell("connection", "add", "west", "--hub", "west.example")).err


async def test_a_vplc_is_saved_by_the_names_that_the_other_commands_take(shell: Shell, hub: ScriptedHub) -> None:
    for number, words in enumerate(("Hall 1/Press", "plant/Hall 1/Press")):
        assert (await shell("connection", "add", f"p{number}", words, "--user", "admin")).code == 0
    saved = (await shell("connection", "list", "--json")).json["connections"]
    assert [row["address"] for row in saved] == [f"hub://localhost:{hub.port}/Hall%201/Press"] * 2
    assert (await shell("connection", "add", "p2", "nobody/Hall 1/Press")).code == 2


async def test_wrong_usage_is_one_document_where_json_is_asked_for(shell: Shell, hub: ScriptedHub) -> None:
    ran = await shell("hub", "vplc", "show", "Press", "--json")
    assert (ran.code, ran.err, "ORCHESTRATOR/VPLC" in ran.json["error"]["message"]) == (2, "", True)


async def test_what_the_hub_does_not_take_is_wrong_usage_and_no_mistake_of_rung(shell: Shell, hub: ScriptedHub) -> None:
    said = "Another orchestrator is called 'Hall 2'."
    hub.script("PATCH /orchestrators/O1", failure(409, "internal", said), failure(409, "internal", said))
    ran = await shell("hub", "orchestrator", "rename", "Hall 1", "Hall 2")
    assert (ran.code, ran.err.startswith(f"rung hub: {said}")) == (2, True)
    ran = await shell("hub", "orchestrator", "rename", "Hall 1", "Hall 2", "--json")
    assert (ran.code, ran.json["error"]["message"]) == (2, said)


async def test_what_an_agent_cannot_do_is_said(shell: Shell, hub: ScriptedHub) -> None:
    old = {"version": None, "watchesVariables": False, "startsContainers": False}
    new = {"version": "1.2.6", "watchesVariables": True, "startsContainers": False}
    shown = [own({**hub.orchestrators[0], "agent": agent}) for agent in (old, new)]
    hub.script("GET /orchestrators/O1", *shown)
    said = "its agent tells no version; it carries no variables, only the program's MD5, and cannot start or stop containers"
    assert said in (await shell("hub", "orchestrator", "show", "Hall 1")).out
    said = "agent 1.2.6; it carries variables, and cannot start or stop containers"
    assert said in (await shell("hub", "orchestrator", "show", "Hall 1")).out


async def test_the_audit_log_names_machines_and_ends_with_the_latest(shell: Shell, hub: ScriptedHub) -> None:
    def row(minute: int, action: str, **more: object) -> dict[str, object]:
        at = f"2026-01-02T03:{minute:02}:00Z"
        return {
            "at": at,
            "user": "chief",
            "action": action,
            "orchestrator": "O1",
            "vplc": None,
            "outcome": "ok",
            "detail": "",
            **more,
        }

    rows = [row(5, "vplc.delete", vplc="gone-1", outcome="unknown", detail="bell\x07"), row(4, "orchestrator.rename")]
    hub.script("GET /audit", own({"rows": rows}), own({"rows": rows}))
    ran = await shell("hub", "audit", "--limit", "2")
    assert ran.out.splitlines() == [
        "2026-01-02T03:04:00Z  chief  orchestrator.rename  Hall 1  ok",
        "2026-01-02T03:05:00Z  chief  vplc.delete  Hall 1/gone-1  unknown: bell",
    ]
    assert [one["action"] for one in (await shell("hub", "audit", "--json")).json["rows"]] == [
        "vplc.delete",
        "orchestrator.rename",
    ]
    assert (await shell("hub", "audit", "--limit", "0")).code == 2


async def test_orchestrators_are_listed_and_shown(shell: Shell, hub: ScriptedHub) -> None:
    hub.orchestrators.append(orchestrator("Hall 2", id="O2", online=False))
    listed = await shell("hub", "orchestrator", "list")
    assert "Hall 1: online, 1 vPLC\nHall 2: offline, last seen" in listed.out
    assert (await shell("hub", "orchestrator", "list", "--json")).json == {
        "orchestrators": hub.orchestrators,
        "error": None,
    }
    assert "Press: running" in (await shell("hub", "orchestrator", "show", "hall 1")).out
    assert (await shell("hub", "vplc", "list")).out == "Hall 1/Press: running\n"
    assert (await shell("hub", "vplc", "list", "--json")).json["vplcs"] == [{"orchestrator": "Hall 1", **vplc("Press")}]
    assert "container: running" in (await shell("hub", "vplc", "show", "Hall 1/Press")).out
    hub.orchestrators.append({**orchestrator("Hall 4", vplc("Saw"), id="O4", online=False), "lastSeen": None})
    assert "Hall 4: never connected yet, 1 vPLC" in (await shell("hub", "orchestrator", "list")).out
    assert "as last known" in (await shell("hub", "orchestrator", "show", "Hall 4")).out
    never = await shell("status", "--to", "Hall 4/Saw")
    assert (never.code, "has never connected" in never.err) == (3, True)
    none = await shell("hub", "vplc", "show", "plant/Hall 1/Mill", "--json")
    assert (none.code, none.json["error"]["kind"]) == (3, "dns")
    assert (await shell("hub", "orchestrator", "show", "Hall 9")).code == 3
    hub.script("GET /orchestrators/O1/interfaces", own({"interfaces": [{"name": "eth0", "ip_address": "10.0.0.2"}]}))
    assert (await shell("hub", "orchestrator", "interfaces", "Hall 1")).out == "eth0: 10.0.0.2\n"
    hub.script("GET /orchestrators/O1/serial-devices", own({"devices": []}))
    assert (await shell("hub", "orchestrator", "serial", "Hall 1")).out == "It has no serial port.\n"
    hub.script(
        "GET /orchestrators/O1/consumption",
        own({"cpu": 4, "memory": 2048, "disk": 64, "cpu_usage": [{"timestamp": 1, "cpu": 7}], "memory_usage": []}),
    )
    used = (await shell("hub", "orchestrator", "consumption", "Hall 1")).out
    assert "cpu: 4 cores\n  memory: 2048 MB\n  disk: 64 GB\n" in used
    assert "cpu usage: 7 (1 values)" in used
    assert "memory usage: not measured" in used


async def test_a_host_is_enrolled_and_waited_for(shell: Shell, hub: ScriptedHub) -> None:
    command = "curl -fsS https://hub.example/install.sh | sudo sh -s -- AB12"

    def issued() -> web.Response:
        return own({"id": "AB12", "expiresAt": LONG_AGO, "command": command}, 201)

    hub.script("POST /enrolments", issued(), issued(), issued())
    ran = await shell("hub", "orchestrator", "enrol", "Hall 3", "--json")
    assert ran.json == {"id": "AB12", "expiresAt": LONG_AGO, "command": command, "error": None}
    hub.script(
        "GET /enrolments/AB12",
        own({"id": "AB12", "state": "waiting"}),
        own({"id": "AB12", "state": "online", "orchestrator": "O1"}),
        own({"id": "AB12", "state": "expired"}),
    )
    ran = await shell("hub", "orchestrator", "enrol", "Hall 3", "--wait")
    assert (ran.code, command in ran.out, "Hall 1 is online." in ran.out) == (0, True, True)
    ran = await shell("hub", "orchestrator", "enrol", "Hall 3", "--wait", "--json")
    assert (ran.code, ran.json["error"]["kind"], command in ran.err) == (3, "timeout", True)


async def test_a_host_is_enrolled_again_by_its_name(shell: Shell, hub: ScriptedHub) -> None:
    again = {
        "id": "CD34",
        "expiresAt": LONG_AGO,
        "command": "curl | sudo sh -s -- CD34",
        "message": "The present one ends.",
    }
    hub.script("POST /orchestrators/O1/enrolments", own(again, 201), own(again, 201))
    ran = await shell("hub", "orchestrator", "enrol", "hall 1", "--again")
    assert ran.code == 0
    assert "  curl | sudo sh -s -- CD34\n\nThe present one ends." in ran.out
    ran = await shell("hub", "orchestrator", "enrol", "Hall 1", "--again", "--json")
    assert ran.json == {**again, "error": None}
    ran = await shell("hub", "orchestrator", "enrol", "Hall 99", "--again")
    assert (ran.code, "CD34" in ran.out) == (3, False)


async def test_a_vplc_is_created_renamed_and_removed(shell: Shell, hub: ScriptedHub) -> None:
    wanted: list[object] = []

    async def creates(request: web.Request) -> web.StreamResponse:
        wanted.append(await request.json())
        return own(vplc("Mill", "v2", "creating"), 202)

    hub.script("POST /orchestrators/O1/vplcs", creates)
    rows = {"interfaces": [{"name": "eth0"}, {"name": "eth1"}]}
    hub.script("GET /orchestrators/O1/interfaces", own(rows), own(rows))
    none = await shell("hub", "vplc", "create", "Hall 1/Mill", "--network", "veth0=eht0")
    assert (none.code, "It has: eth0, eth1. Nothing was created." in none.err, wanted) == (2, True, [])
    hub.script(
        "GET /orchestrators/O1/vplcs/v2", own(vplc("Mill", "v2", "creating", "pulling_image")), own(vplc("Mill", "v2"))
    )
    ran = await shell(
        "hub", "vplc", "create", "Hall 1/Mill", "--runtime-version", "v4.1.4",
        "--network", "veth0=eth0", "--network", "veth1=eth1,ip=10.0.0.5,subnet=255.0.0.0,dns=10.0.0.1+10.0.0.2",
        "--serial", "modbus=/dev/serial/by-id/x,baud=9600",
    )  # fmt: skip
    assert (ran.code, "pulling_image" in ran.err) == (0, True)
    assert "rung deploy PROGRAM --to 'Hall 1/Mill'" in ran.out
    assert wanted == [
        {
            "name": "Mill",
            "networks": [
                {"name": "veth0", "parent": "eth0", "mode": "dhcp"},
                {
                    "name": "veth1", "parent": "eth1", "mode": "static",
                    "ip": "10.0.0.5", "subnet": "255.0.0.0", "dns": ["10.0.0.1", "10.0.0.2"],
                },
            ],
            "serial": [{"name": "modbus", "device": "/dev/serial/by-id/x", "path": "/dev/modbus", "baud": 9600}],
            "runtimeVersion": "v4.1.4",
        }
    ]  # fmt: skip
    hub.script("PATCH /orchestrators/O1/vplcs/v1", own(vplc("Lathe")))
    assert (
        "Hall 1/Press is called Hall 1/Lathe now."
        in (await shell("hub", "vplc", "rename", "Hall 1/Press", "Lathe")).out
    )

    asked: list[object] = []

    async def deletes(request: web.Request) -> web.StreamResponse:
        fields = await request.json()
        asked.append(fields)
        if fields.get("typed") != "Press":
            return own({"needsConfirmation": True, "message": "Press will be removed.", "type": "Press"}, 409)
        if not fields["running"]:
            return own({"needsConfirmation": True, "message": "Press RUNS its program now.", "running": True}, 409)
        return own(vplc("Press", state="deleting"), 202)

    delete = "DELETE /orchestrators/O1/vplcs/v1"
    hub.script(delete, *(deletes for _ in range(4)))
    ran = await shell("hub", "vplc", "delete", "Hall 1/Press")
    assert (ran.code, "--confirm 'Press'" in ran.err, "Nothing was done" in ran.err) == (1, True, True)
    ran = await shell("hub", "vplc", "delete", "Hall 1/Press", "--confirm", "Mill", "--running")
    assert ran.code == 1
    ran = await shell("hub", "vplc", "delete", "Hall 1/Press", "--confirm", "Press", "--json")
    assert (ran.code, ran.json["error"]["kind"], "RUNS" in ran.json["error"]["message"]) == (1, "cancelled", True)
    assert (await shell("hub", "vplc", "delete", "Hall 1/Press", "--confirm", "Press", "--running")).code == 0
    assert len(asked) == 4


async def test_an_orchestrator_leaves_only_when_its_name_was_given(shell: Shell, hub: ScriptedHub) -> None:
    question = {"needsConfirmation": True, "message": "Hall 1 will be forgotten.", "type": "Hall 1"}
    hub.script("DELETE /orchestrators/O1", own(question, 409), own({"ok": True}))
    hub.script("POST /orchestrators/O1/revoke", own(question, 409), own({"ok": True}))
    for action in ("delete", "revoke"):
        assert (await shell("hub", "orchestrator", action, "Hall 1")).code == 1
        assert (await shell("hub", "orchestrator", action, "Hall 1", "--confirm", "Hall 1")).code == 0
    hub.script("DELETE /orchestrators/O1", failure(403, "credentials", "That takes the role 'owner'."))
    ran = await shell("hub", "orchestrator", "delete", "Hall 1", "--confirm", "Hall 1", "--json")
    assert (ran.code, ran.json["error"]["message"]) == (4, "That takes the role 'owner'.")


async def test_a_vplc_is_deployed_to_like_any_machine(shell: Shell, hub: ScriptedHub) -> None:
    assert hub.device is not None
    hub.device.users.clear()
    (shell.folder / "main.st").write_text("PROGRAM Main\nVAR n : INT; END_VAR\nn := n + 1;\nEND_PROGRAM\n")
    hub.device.loaded = (await shell("build", "main.st")).out.split()[-1]
    ran = await shell(
        "deploy", "main.st", "--to", "Hall 1/Press", "--user", "admin", "--create-first-user", "--password-stdin", "--json",
        given=f"{PASSWORD}\n",
    )  # fmt: skip
    told = {key: ran.json[key] for key in ("ok", "stage", "plc", "verified", "error")}
    assert told == {"ok": True, "stage": "verify", "plc": "RUNNING", "verified": True, "error": None}, ran.json
    status = await shell(
        "status", "--to", "plant/Hall 1/Press", "--user", "admin", "--password-stdin", "--json", given=f"{PASSWORD}\n"
    )
    assert (status.json["state"], status.json["plc"], status.json["md5"]) == ("connected", "RUNNING", ran.json["md5"])
    hub.orchestrators[0]["online"] = False
    offline = await shell(
        "status", "--to", "Hall 1/Press", "--user", "admin", "--password-stdin", given=f"{PASSWORD}\n"
    )
    assert (offline.code, "offline" in offline.err) == (3, True)


# -- where somebody is there to be asked ---------------------------------------------------------------------------


@pytest.fixture
def secrets() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


async def test_a_good_token_is_kept_for_its_hub_and_user(hub: ScriptedHub, secrets: MemoryKeyring) -> None:
    assert (
        await sign_in(replace(hub.hub(), user="Chief"), f" {TOKEN} ")
        == "Signed in to plant as chief of works (engineer)."
    )
    assert secrets.rows == {("rung hub", f"Chief@https://localhost:{hub.port}"): TOKEN}


async def test_a_token_of_somebody_else_or_of_nobody_is_not_kept(hub: ScriptedHub, secrets: MemoryKeyring) -> None:
    for user, token, word in (
        ("fitter", TOKEN, "that of chief"),
        (None, "rung_of-nobody", "not known"),
        (None, "x", "no token"),
    ):
        with pytest.raises(RuntimeFailure, match=word) as caught:
            await sign_in(replace(hub.hub(), user=user), token)
        assert caught.value.kind is Kind.CREDENTIALS
    assert secrets.rows == {}


@pytest.mark.parametrize(
    ("typed", "yes", "done"), [("Press", True, True), ("Mill", True, False), ("Press", False, False)]
)
async def test_what_destroys_something_is_done_after_the_name_was_typed_and_a_yes(
    monkeypatch: pytest.MonkeyPatch, typed: str, yes: bool, done: bool
) -> None:
    monkeypatch.setattr(hub_session, "on_terminal", lambda: True)
    monkeypatch.setattr(hub_session, "ask_text", lambda question: typed)
    monkeypatch.setattr(hub_session, "ask", lambda question: yes)
    tried: list[tuple[str | None, bool]] = []

    async def attempt(said: str | None, running: bool) -> Confirmation | None:
        tried.append((said, running))
        if said != "Press":
            return Confirmation("Press will be removed.", "Press")
        return None if running else Confirmation("Press RUNS its program now.", None)

    options = Namespace(confirm=None, running=False)
    if done:
        await hub_session.confirmed(options, attempt)
        assert tried == [(None, False), ("Press", False), ("Press", True)]
    else:
        with pytest.raises(RuntimeFailure) as caught:
            await hub_session.confirmed(options, attempt)
        wrong = "It was not confirmed" if typed == "Press" else "What was typed is not Press"
        assert (caught.value.kind, caught.value.message) == (Kind.CANCELLED, f"{wrong}. Nothing was done.")
        assert tried[-1] != ("Press", True)
