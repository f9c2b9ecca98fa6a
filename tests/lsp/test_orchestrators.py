"""Hubs, orchestrators and vPLCs from the editor, over standard input and output: who is signed in, what is told of a hub that goes, and that
a machine behind a hub is a machine like any other."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lsp.editor import SERVER, Editor, editor
from runtimes.scripted_device import PASSWORD, ScriptedDevice, make_identity
from scripted_hub import (
    TOKEN,
    HubIdentity,
    ScriptedHub,
    failure,
    make_hub_identity,
    orchestrator,
    own,
    running,
    vplc,
)

WRONG = "rung_" + "w" * 43
VPLC = "/orchestrators/O1/vplcs/v1"
PLACE = {"hub": "plant", "orchestrator": "O1"}


@pytest.fixture(scope="module")
def hub_identity(tmp_path_factory: pytest.TempPathFactory) -> HubIdentity:
    return make_hub_identity(tmp_path_factory.mktemp("hub"), "plant")


@pytest.fixture
async def hub(hub_identity: HubIdentity) -> AsyncIterator[ScriptedHub]:
    async with running(ScriptedHub(hub_identity)) as made:
        yield made


@asynccontextmanager
async def station(folder: Path, hub: ScriptedHub, token: str | None = TOKEN) -> AsyncIterator[Editor]:
    """An editor that has saved the hub and, with a token, is signed in to it. Neither its log nor its files hold the token."""
    async with editor(folder / "work", *SERVER, RUNG_LOG="DEBUG") as plc:
        await plc.initialize()
        place = f"localhost:{hub.port}"
        assert await plc.command("addHub", name="plant", address=place, ca=hub.identity.ca) == {"ok": True}
        if token is not None:
            await sign_in(plc, token)
        yield plc
        said = plc.client.errors.decode()
        assert all(secret not in said for secret in (TOKEN, WRONG, PASSWORD))
    for path in folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


async def sign_in(plc: Editor, token: str = TOKEN) -> dict[str, Any]:
    """Give the server a token for the hub."""
    return await plc.command_with([{"hub": "plant", "token": token}], "signInToHub")


async def row(plc: Editor) -> dict[str, Any]:
    """What is told of the only hub."""
    (only,) = (await plc.command("hubs"))["hubs"]
    assert isinstance(only, dict)
    return only


def news(plc: Editor, told: int) -> bool | None:
    return True if len(plc.hubs) > told else None


async def until_state(plc: Editor, state: str) -> dict[str, Any]:
    """What is told of the hub once it is in a state; found by its notifications, not by asking again and again."""
    for _ in range(20):
        told = len(plc.hubs)
        found = await row(plc)
        if found["state"] == state:
            return found
        await plc.until(partial(news, plc, told), 20)
    raise AssertionError(f"the hub did not become {state}")


# -- signing in ----------------------------------------------------------------------------------------------------


async def test_whoever_is_signed_in_sees_orchestrators_and_under_which_target_a_vplc_is_reached(
    tmp_path: Path, hub: ScriptedHub
) -> None:
    async with station(tmp_path, hub, None) as plc:
        first = await row(plc)
        assert (first["state"], first["signedIn"], first["user"]) == ("signed-out", False, None)
        assert first["address"] == f"localhost:{hub.port}"
        refused = await plc.command("orchestrators", hub="plant")
        assert (refused["error"]["kind"], "Sign In" in refused["error"]["hint"]) == ("credentials", True)
        assert hub.requests == []

        answer = await sign_in(plc)
        assert answer == {"user": "chief", "role": "engineer", "tenant": "works"}
        assert (await until_state(plc, "online"))["role"] == "engineer"
        (one,) = (await plc.command("orchestrators", hub="plant"))["orchestrators"]
        assert (one["name"], one["online"], one["certificate"]["notAfter"]) == ("Hall 1", True, "2027-01-01T00:00:00Z")
        (machine,) = one["vplcs"]
        assert machine["target"] == "plant/Hall 1/Press"
        assert machine["address"] == f"hub://localhost:{hub.port}/Hall%201/Press"

        assert await plc.command("signOutOfHub", hub="plant") == {"ok": True}
        assert (await row(plc))["state"] == "signed-out"
        asked = len(hub.requests)
        assert (await plc.command("orchestrators", hub="plant"))["error"]["kind"] == "credentials"
        assert len(hub.requests) == asked, "who has signed out sends nothing"
        assert await plc.command("removeHub", hub="plant") == {"ok": True}
        assert await plc.command("hubs") == {"hubs": []}


async def test_a_token_that_the_hub_refuses_is_forgotten(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub, None) as plc:
        refused = await sign_in(plc, WRONG)
        assert refused["error"]["kind"] == "credentials"
        found = await row(plc)
        assert (found["state"], found["signedIn"], found["message"]) == ("refused", False, "This token is not known.")
        asked = len(hub.requests)
        assert (await plc.command("orchestrators", hub="plant"))["error"]["kind"] == "credentials"
        assert len(hub.requests) == asked
        await sign_in(plc)
        assert (await row(plc))["state"] == "online"


async def test_a_token_goes_to_no_hub_of_another_authority(tmp_path: Path, hub: ScriptedHub) -> None:
    other = make_hub_identity(tmp_path, "other")
    async with editor(tmp_path / "work") as plc:
        await plc.initialize()
        await plc.command("addHub", name="plant", address=f"localhost:{hub.port}", ca=other.ca)
        refused = await sign_in(plc)
        assert refused["error"]["kind"] == "untrusted"
        assert (await row(plc))["state"] == "refused"
        assert hub.requests == []


async def test_a_hub_is_saved_once_and_only_if_it_can_be_one(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub, None) as plc:
        wrong = (
            {"name": "plant", "address": "other.example"},
            {"name": "a/b", "address": "other.example"},
            {"name": "other", "address": "http://other.example"},
            {"name": "other", "address": "other.example", "ca": "no certificate"},
            {"name": "other", "address": f"localhost:{hub.port}"},
        )
        for given in wrong:
            answer = await plc.command("addHub", **given)
            assert "Nothing was saved" in answer["error"]["hint"], given
        assert [one["name"] for one in (await plc.command("hubs"))["hubs"]] == ["plant"]
        assert (await plc.command("orchestrators", hub="none"))["error"]["message"].startswith("No hub 'none' is saved")


# -- a hub that goes -----------------------------------------------------------------------------------------------


async def test_a_hub_that_does_not_answer_is_tried_until_it_does(tmp_path: Path, hub: ScriptedHub) -> None:
    await hub.stop()
    async with station(tmp_path, hub, None) as plc:
        failed = await sign_in(plc)
        assert failed["error"]["kind"] == "refused"  # the connection, not the token
        found = await row(plc)
        assert (found["state"], found["signedIn"]) == ("offline", True)
        assert found["message"].endswith(".")
        await hub.start()
        assert (await until_state(plc, "online"))["user"] == "chief"
        assert (await row(plc))["message"] is None


async def test_a_hub_that_goes_is_offline_and_keeps_nobody_waiting(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        await until_state(plc, "online")
        await hub.stop()
        assert (await until_state(plc, "offline"))["message"]
        began = asyncio.get_running_loop().time()
        assert (await plc.command("targets")) == {"targets": []}
        assert (await plc.command("orchestrators", hub="plant"))["error"]["kind"] in ("refused", "lost")
        assert asyncio.get_running_loop().time() - began < 3
        hub.events = asyncio.Queue()
        await hub.start()
        await until_state(plc, "online")


async def test_a_token_that_is_revoked_ends_the_session(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        await until_state(plc, "online")
        hub.script("GET /events", failure(401, "credentials", "This token was revoked."))
        hub.events.put_nowait(None)
        found = await until_state(plc, "refused")
        assert (found["message"], found["signedIn"]) == ("This token was revoked.", False)


async def test_many_changes_are_told_as_few(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        await until_state(plc, "online")
        told = len(plc.hubs)
        for _ in range(50):
            hub.events.put_nowait(b"event: orchestrator\ndata: {}\n\n")
        await plc.until(partial(news, plc, told), 5)
        await asyncio.sleep(0.5)
        assert len(plc.hubs) - told <= 2
        assert await plc.shut_down() == 0  # with the stream open


# -- creating and deleting -----------------------------------------------------------------------------------------


async def test_a_vplc_is_created_with_the_agents_steps_as_progress(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        made = vplc("Oven", "v1", "creating", "validating_config")
        hub.script("POST /orchestrators/O1/vplcs", ask := Asked(own(made, 202)))
        hub.script(f"GET {VPLC}", own({**made, "message": "pulling_image"}), own(vplc("Oven", "v1")))
        network = {"name": "veth0", "parent": "eth0", "mode": "static", "ip": "192.0.2.5", "subnet": "255.255.255.0",
                   "gateway": "192.0.2.1", "dns": ["192.0.2.2"]}  # fmt: skip
        serial = {"name": "serial0", "device": "usb-1", "path": "/dev/ttyUSB0"}
        given = {**PLACE, "name": "Oven", "runtimeVersion": "v4.1.4", "networks": [network], "serial": [serial]}
        answer = await plc.command("createVplc", token="bar", **given)
        assert answer == {"ok": True, "target": "plant/Hall 1/Oven"}
        assert ask.body == {"name": "Oven", "runtimeVersion": "v4.1.4", "networks": [network], "serial": [serial]}
        shown = [item for item in plc.progress if item["token"] == "bar"]
        assert [item["kind"] for item in (shown[0], shown[-1])] == ["begin", "end"]
        assert "pulling image" in [item.get("message") for item in shown]


async def test_whoever_stops_waiting_for_a_vplc_is_told_that_it_goes_on(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        made = vplc("Oven", "v1", "creating", "pulling_image")
        hub.script("POST /orchestrators/O1/vplcs", own(made, 202))
        hub.script(f"GET {VPLC}", *[own(made)] * 20)
        work = asyncio.ensure_future(plc.command("createVplc", token="bar", **PLACE, name="Oven", networks=[]))
        await plc.until(
            lambda: True if any(item.get("message") == "pulling image" for item in plc.progress) else None, 20
        )
        plc.stop_progress("bar")
        answer = await work
        assert answer["error"]["kind"] == "cancelled"
        assert "goes on" in answer["error"]["message"]


async def test_whether_a_vplc_is_created_is_not_known_when_the_hub_goes(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        made = vplc("Oven", "v1", "creating", "pulling_image")
        hub.script("POST /orchestrators/O1/vplcs", own(made, 202))
        hub.script(f"GET {VPLC}", failure(503, "unreachable", "The hub is being stopped."))
        answer = await plc.command("createVplc", **PLACE, name="Oven", networks=[])
        assert answer["error"]["kind"] == "unreachable"
        assert "The hub is being stopped. Whether Oven was created is not known." in answer["error"]["message"]


async def test_a_vplc_that_cannot_be_created_is_a_sentence(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        hub.script("POST /orchestrators/O1/vplcs", own(vplc("Oven", "v1", "creating"), 202))
        hub.script(f"GET {VPLC}", own(vplc("Oven", "v1", "error", "No such image.")))
        answer = await plc.command("createVplc", **PLACE, name="Oven", networks=[])
        assert "No such image" in answer["error"]["message"]
        odd = await plc.command("createVplc", **PLACE, name="Oven", networks=[{"name": "veth0"}])
        assert odd["error"]["message"] == "The command's argument has no text 'parent'. Nothing was done."


@pytest.mark.parametrize(
    ("command", "request_line", "given"),
    [
        ("deleteVplc", f"DELETE {VPLC}", {"vplc": "v1"}),
        ("deleteOrchestrator", "DELETE /orchestrators/O1", {"uninstall": True}),
        ("revokeOrchestrator", "POST /orchestrators/O1/revoke", {}),
    ],
)
async def test_what_destroys_is_asked_for_in_the_words_of_the_hub(
    tmp_path: Path, hub: ScriptedHub, command: str, request_line: str, given: dict[str, object]
) -> None:
    async with station(tmp_path, hub) as plc:
        question = {"needsConfirmation": True, "message": "It goes with all it has.", "type": "Press"}
        runs = {"needsConfirmation": True, "message": "It RUNS.", "type": None}
        first, second, third = Asked(own(question, 409)), Asked(own(runs, 409)), Asked(own({"ok": True}))
        hub.script(request_line, first, second, third)
        given = {**PLACE, **given}
        assert await plc.command_with([given], command) == question
        assert await plc.command_with([{**given, "typed": "Press"}], command) == runs
        assert await plc.command_with([{**given, "typed": "Press", "running": True}], command) == {"ok": True}
        assert [body.get("typed") for body in (first.body, second.body, third.body)] == [None, "Press", "Press"]
        if command != "revokeOrchestrator":
            assert [body["running"] for body in (first.body, second.body, third.body)] == [False, False, True]


async def test_enrolment_names_interfaces_ports_and_the_audit_log(tmp_path: Path, hub: ScriptedHub) -> None:
    async with station(tmp_path, hub) as plc:
        ticket = {"id": "A" * 32, "expiresAt": "2026-01-02T03:09:05Z", "command": "curl https://plant | sudo sh"}
        hub.script("POST /enrolments", ask := Asked(own(ticket, 201)))
        assert await plc.command("enrol", hub="plant", name="Hall 2", description="by the door") == ticket
        assert ask.body == {"name": "Hall 2", "description": "by the door"}
        again = {**ticket, "message": "The present certificate ends when the new one is issued."}
        hub.script("POST /orchestrators/O1/enrolments", own(again, 201))
        assert await plc.command("enrolAgain", hub="plant", orchestrator="O1") == again
        hub.script(f"GET /enrolments/{'A' * 32}", own({"id": "A" * 32, "state": "online", "orchestrator": "O2"}))
        answer = await plc.command("enrolment", hub="plant", id="A" * 32)
        assert answer == {"state": "online", "orchestrator": "O2"}
        eth0 = {"name": "eth0", "ip_address": "192.0.2.10", "ipv4_addresses": ["192.0.2.10"], "subnet": "192.0.2.0/24"}
        hub.script("GET /orchestrators/O1/interfaces", own({"interfaces": [eth0]}))
        (found,) = (await plc.command("interfaces", **PLACE))["interfaces"]
        assert (found["name"], found["addresses"], found["subnet"]) == ("eth0", ["192.0.2.10"], "192.0.2.0/24")
        hub.script(
            "GET /orchestrators/O1/serial-devices", own({"devices": [{"path": "/dev/ttyUSB0", "device_id": "x"}]})
        )
        (port,) = (await plc.command("serialDevices", **PLACE))["devices"]
        assert (port["path"], port["device"]) == ("/dev/ttyUSB0", "x")
        hub.script("PATCH /orchestrators/O1", ask := Asked(own(orchestrator("Hall 9"))))
        assert await plc.command("renameOrchestrator", **PLACE, name="Hall 9", description="") == {"ok": True}
        assert ask.body == {"name": "Hall 9", "description": ""}
        hub.script(f"PATCH {VPLC}", ask := Asked(own(vplc("Mixer"))))
        assert await plc.command("renameVplc", **PLACE, vplc="v1", name="Mixer") == {"ok": True}
        assert ask.body == {"name": "Mixer"}
        line = {"at": "2026-01-02T03:04:05Z", "user": "chief", "action": "vplc.delete", "orchestrator": "Hall 1",
                "vplc": "Press", "outcome": "ok", "detail": "bell\x07"}  # fmt: skip
        hub.script("GET /audit", own({"rows": [line]}), own({"rows": "none"}))
        (audited,) = (await plc.command("audit", hub="plant"))["rows"]
        assert (audited["action"], "\x07" in audited["detail"]) == ("vplc.delete", False)
        assert "a form that this Rung does not know" in (await plc.command("audit", hub="plant"))["error"]["message"]


# -- a machine behind a hub ----------------------------------------------------------------------------------------


@pytest.fixture
async def press(hub: ScriptedHub, tmp_path: Path) -> AsyncIterator[ScriptedDevice]:
    """The runtime of the vPLC."""
    made = ScriptedDevice(make_identity(tmp_path, "device"))
    await made.start()
    hub.device = made
    yield made
    await made.stop()


async def test_a_vplc_is_connected_watched_and_left_like_any_machine(
    tmp_path: Path, hub: ScriptedHub, press: ScriptedDevice
) -> None:
    async with station(tmp_path, hub) as plc:
        target = "plant/Hall 1/Press"
        answer = await plc.command("connect", target=target)
        assert (answer["state"], answer["version"]) == ("needs-login", "v4.1.4")
        wrong = await plc.command("connect", target=target, username="admin", password="wrong")
        assert (wrong["state"], wrong["kind"]) == ("error", "credentials")  # of the machine: asked again
        answer = await plc.command("connect", target=target, username="admin", password=PASSWORD)
        assert answer["state"] == "connected", answer
        (machine,) = (await plc.command("targets"))["targets"]
        assert (machine["name"], machine["state"]) == (target, "connected")
        assert machine["address"] == f"hub://localhost:{hub.port}/Hall%201/Press"
        status = await plc.command("status", target=target)
        assert (status["error"], status["version"]) == (None, "v4.1.4")
        assert plc.states[-1]["target"] == target
        # signing out ends what was reached with the token
        await plc.command("signOutOfHub", hub="plant")
        assert plc.states[-1]["state"] == "disconnected"
        assert (await plc.command("targets"))["targets"] == []


async def test_no_password_of_a_machine_is_asked_for_because_of_its_hub(
    tmp_path: Path, hub: ScriptedHub, press: ScriptedDevice
) -> None:
    async with station(tmp_path, hub, None) as plc:
        target = "plant/Hall 1/Press"
        answer = await plc.command("connect", target=target, username="admin", password=PASSWORD)
        assert (answer["error"]["kind"], "state" in answer) == ("credentials", False)
        assert "Nobody is signed in to the hub plant" in answer["error"]["message"]
        assert hub.requests == []
        await sign_in(plc)
        press.users.clear()
        assert (await plc.command("connect", target=target))["state"] == "needs-first-user"
        hub.script(f"POST {VPLC}/http/api/create-user", failure(403, "credentials", "This needs the role engineer."))
        answer = await plc.command("createFirstUser", target=target, username="chief", password=PASSWORD)
        assert answer["error"]["message"] == "This needs the role engineer."
        assert press.users == {}


def test_who_has_no_hub_loads_nothing_of_hubs() -> None:
    program = "import json, sys, rung.lsp.server, rung.lsp.commands; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    assert "rung.runtimes.connection" in loaded
    late = (
        "rung.hub",
        "rung.lsp.orchestrators",
        "rung.lsp.hub_sessions",
        "rung.runtimes.hub_",
        "sqlalchemy",
        "socketio",
    )
    assert [name for name in loaded if name.startswith(late)] == []


class Asked:
    """An answer that keeps what it was asked."""

    def __init__(self, answer: web.Response) -> None:
        self._answer = answer
        self.body: dict[str, Any] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.body = await request.json()
        return self._answer
