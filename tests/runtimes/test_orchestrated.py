"""A machine behind a hub: the same states, the same first user, the same verified download, and the truth about what the hub adds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from aiohttp import web

from rung.codegen.artefact import Artefact
from rung.runtimes.capabilities import Line
from rung.runtimes.connection import Connection
from rung.runtimes.deploy import DeployReport, deploy
from rung.runtimes.errors import Kind
from rung.runtimes.hubs import Hubs, HubStore
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import ProfileStore, resolve_target
from rung.runtimes.troubleshoot import test_connection as steps_of_connection
from runtimes.scripted_device import MD5, OTHER_MD5, PASSWORD, QUICK, Events, ScriptedDevice
from scripted_hub import TOKEN, HubIdentity, ScriptedHub, failure, make_hub_identity, orchestrator, own, running, vplc

PROGRAM = Artefact("openplc-v4", "program.zip", b"PK" * 1000, MD5)
UPLOAD = "POST /orchestrators/O1/vplcs/v1/http/api/upload-file"
STATUS = "GET /orchestrators/O1/vplcs/v1/http/api/status"


@pytest.fixture(scope="module")
def hub_identity(tmp_path_factory: pytest.TempPathFactory) -> HubIdentity:
    return make_hub_identity(tmp_path_factory.mktemp("hub"), "plant")


@pytest.fixture
async def hub(hub_identity: HubIdentity, device: ScriptedDevice) -> AsyncIterator[ScriptedHub]:
    async with running(ScriptedHub(hub_identity, device)) as made:
        HubStore().add(made.hub())
        yield made


@pytest.fixture
def hubs(hub: ScriptedHub) -> Hubs:
    """Signed in."""
    made = Hubs(system=False)
    made.sign_in(hub.hub(), TOKEN)
    return made


@pytest.fixture
async def behind(hubs: Hubs) -> AsyncIterator[Connection]:
    """A connection to the vPLC that nobody has connected yet."""
    profile = resolve_target("hall 1/press", ProfileStore())
    made = Connection(profile, hubs=hubs, heartbeat=0.1, back_off=(0.05, 0.1), timeouts=QUICK)
    yield made
    await made.disconnect()


async def download(connection: Connection, program: Artefact = PROGRAM) -> DeployReport:
    async def yes(question: str) -> bool:
        return True

    return await deploy(connection, program, confirm=yes, progress=lambda step: None, poll=0.05, settle=0.05)


# -- the way in ----------------------------------------------------------------------------------------------------


async def test_a_new_machine_gets_its_first_user_and_a_verified_program(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    device.users.clear()
    assert (await behind.connect()).state == "needs-first-user"
    assert (await behind.create_first_user("admin", PASSWORD)).state == "connected"
    assert (behind.capabilities.line, behind.capabilities.version) == (Line.V4_1, "v4.1.4")
    report = await download(behind)
    assert (report.error, report.ok, report.verified, report.plc, report.md5) == (None, True, True, "RUNNING", MD5)
    assert device.uploads == [PROGRAM.data]
    await behind.disconnect()
    assert hub.leases == []


async def test_the_machine_is_sent_its_own_token_and_never_the_hub_s(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    assert (await behind.connect("admin", PASSWORD)).state == "connected"
    await behind.status()
    *_, last = hub.relayed_headers
    assert last["Authorization"] == f"Bearer {TOKEN}"
    assert last["Rung-Runtime-Authorization"].startswith("Bearer token-")
    first = hub.relayed_headers[0]
    assert "Rung-Runtime-Authorization" not in first


async def test_without_a_token_for_the_hub_nothing_is_asked(hub: ScriptedHub) -> None:
    connection = Connection(resolve_target("Hall 1/Press", ProfileStore()), hubs=Hubs(system=False), timeouts=QUICK)
    outcome = await connection.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.CREDENTIALS)
    assert "rung hub login plant" in outcome.hint
    assert hub.requests == []


async def test_a_fingerprint_means_nothing_behind_a_hub(behind: Connection, hub: ScriptedHub) -> None:
    outcome = await behind.connect("admin", PASSWORD, trust="AB" * 32)
    assert (outcome.state, outcome.kind) == ("error", Kind.UNTRUSTED)
    assert hub.requests == []


async def test_an_orchestrator_that_is_offline_is_said_to_be_with_its_age_and_at_once(
    behind: Connection, hub: ScriptedHub
) -> None:
    hub.orchestrators = [orchestrator("Hall 1", vplc("Press"), online=False)]
    began = time.monotonic()
    outcome = await behind.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.UNREACHABLE)
    assert "last seen" in outcome.message
    assert "days ago" in outcome.message
    assert time.monotonic() - began < 1.0
    assert hub.requests == ["GET /orchestrators"]


@pytest.mark.parametrize(
    ("rows", "kind", "word"),
    [
        ([], Kind.DNS, "no orchestrator called hall 1"),
        ([orchestrator("Hall 2", vplc("Press"))], Kind.DNS, "no orchestrator called hall 1"),
        ([orchestrator("Hall 1", vplc("Mill"))], Kind.DNS, "no vPLC called press"),
        (
            [orchestrator("Hall 1", vplc("Press", state="creating", message="pulling_image"))],
            Kind.BUSY,
            "pulling_image",
        ),
        ([orchestrator("Hall 1", vplc("Press", state="requested"))], Kind.BUSY, "still being created"),
        ([orchestrator("Hall 1", vplc("Press", state="deleting"))], Kind.UNREACHABLE, "being deleted"),
        ([orchestrator("Hall 1", vplc("Press", state="gone"))], Kind.UNREACHABLE, "is gone"),
        ([{**orchestrator("Hall 1", vplc("Press")), "revoked": "2026-01-01T00:00:00Z"}], Kind.UNREACHABLE, "revoked"),
    ],
)
async def test_a_machine_that_is_not_there_yet_or_any_more_is_said_so(
    behind: Connection, hub: ScriptedHub, rows: list[dict[str, object]], kind: Kind, word: str
) -> None:
    hub.orchestrators = rows
    outcome = await behind.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", kind)
    assert word in outcome.message


async def test_a_container_that_stands_is_tried_all_the_same_and_named_when_it_does_not_answer(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    hub.orchestrators = [orchestrator("Hall 1", vplc("Press", state="stopped"))]
    assert (await behind.connect("admin", PASSWORD)).state == "connected"
    await behind.disconnect()
    await device.stop()
    outcome = await behind.connect("admin", PASSWORD)
    assert outcome.kind is Kind.REFUSED
    assert "its container's state is stopped" in outcome.message.lower()


async def test_a_runtime_v3_is_not_reached_through_a_hub(behind: Connection, device: ScriptedDevice) -> None:
    device.version = "v3"
    outcome = await behind.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.TOO_OLD)
    assert "POST login" not in device.requests


async def test_an_answer_that_the_hub_has_not_marked_is_not_the_machine_s(behind: Connection, hub: ScriptedHub) -> None:
    hub.script(
        "GET /orchestrators/O1/vplcs/v1/http/api/get-users-info",
        web.json_response({"msg": "No users found"}, status=404, headers={"X-OpenPLC-Runtime-Version": "v4.1.4"}),
    )
    outcome = await behind.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.NOT_OPENPLC)


async def test_the_machine_s_no_is_not_the_hub_s(behind: Connection) -> None:
    outcome = await behind.connect("admin", "wrong")
    assert (outcome.kind, "does not know this user" in outcome.message) == (Kind.CREDENTIALS, True)
    assert (await behind.connect("admin", PASSWORD)).state == "connected"


async def test_each_step_of_the_way_is_tried(hub: ScriptedHub, hubs: Hubs) -> None:
    profile = resolve_target("Hall 1/Press", ProfileStore())

    async def walk() -> list[tuple[str, bool | None]]:
        steps = steps_of_connection(profile, username="admin", password=PASSWORD, hubs=hubs, timeouts=QUICK)
        return [(step.name, step.ok) async for step in steps]

    names = ["dns", "tcp", "hub", "vplc", "version", "users", "login"]
    assert await walk() == [(name, True) for name in names]
    hub.orchestrators = [orchestrator("Hall 1", vplc("Press"), online=False)]
    assert (await walk())[-1] == ("vplc", False)
    hubs.sign_out(hub.hub())
    assert (await walk())[-1] == ("hub", False)
    await hub.stop()
    assert (await walk())[-1] == ("tcp", False)


# -- what happens on the way ---------------------------------------------------------------------------------------


async def test_an_orchestrator_that_goes_makes_the_connection_lost_until_it_is_back(
    behind: Connection, hub: ScriptedHub
) -> None:
    await behind.connect("admin", PASSWORD)
    events = Events(behind)
    offline = failure(503, "unreachable", "The orchestrator is offline. Nothing was sent.")
    hub.script(STATUS, *(offline for _ in range(3)))
    hub.orchestrators = [orchestrator("Hall 1", vplc("Press"), online=False)]
    lost = await events.wait_for("error", Kind.LOST)
    assert "is not known" in lost.message
    hub.orchestrators = [orchestrator("Hall 1", vplc("Press"))]
    assert (await events.wait_for("connected")).plc == "STOPPED"


async def test_a_hub_that_dies_takes_no_machine_with_it(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    await behind.connect("admin", PASSWORD)
    device.plc = "STATUS:RUNNING"
    events = Events(behind)
    await hub.stop()
    assert "hub" in (await events.wait_for("error", Kind.LOST)).message
    await hub.start()
    assert (await events.wait_for("connected")).plc == "RUNNING"


@pytest.mark.parametrize(
    "now", [orchestrator("Hall 1", vplc("Press", "v2")), orchestrator("Hall 1", vplc("Press", "v1"), id="O2")]
)
async def test_a_password_that_was_meant_for_one_vplc_does_not_go_to_another_that_has_got_its_name(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice, now: dict[str, object]
) -> None:
    assert (await behind.connect("admin", PASSWORD)).state == "connected"
    await behind.disconnect()
    hub.orchestrators = [now]
    before = list(device.requests)
    refused = await behind.connect("admin", PASSWORD)
    assert (refused.state, refused.kind) == ("error", Kind.CERTIFICATE_CHANGED)
    assert "another vPLC than the one that you used" in refused.message
    assert device.requests == before
    PinStore().forget(behind.profile.address)
    assert (await behind.connect("admin", PASSWORD)).kind is not Kind.CERTIFICATE_CHANGED


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (orchestrator("Hall 1", vplc("Press", "v2")), "another vPLC"),
        (orchestrator("Hall 1", vplc("Press", "v1"), id="O2"), "another orchestrator"),
    ],
)
async def test_another_machine_under_the_same_name_is_never_taken_for_it(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice, now: dict[str, object], word: str
) -> None:
    await behind.connect("admin", PASSWORD)
    events = Events(behind)
    gone = failure(404, "dns", "The hub knows no such thing.")
    hub.script(STATUS, *(gone for _ in range(3)))
    hub.orchestrators = [now]
    await events.wait_for("error", Kind.LOST)
    before = list(device.requests)
    other = await events.wait_for("error", Kind.NOT_OURS)
    assert "another machine now" in other.message
    assert word in other.message
    await asyncio.sleep(0.3)
    assert device.requests == before


async def test_a_token_that_is_revoked_stops_the_trying(behind: Connection, hub: ScriptedHub) -> None:
    await behind.connect("admin", PASSWORD)
    events = Events(behind)
    hub.script(STATUS, failure(401, "credentials", "This token was revoked."))
    assert (await events.wait_for("error", Kind.CREDENTIALS)).message == "This token was revoked."
    count = len(hub.requests)
    await asyncio.sleep(0.3)
    assert len(hub.requests) == count


async def test_a_new_token_counts_from_the_next_request_on(behind: Connection, hub: ScriptedHub, hubs: Hubs) -> None:
    await behind.connect("admin", PASSWORD)
    other = "rung_the-next-token"
    hubs.sign_in(hub.hub(), other)
    seen: list[str] = []

    async def notes(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return own({"error": {}}, 503)

    hub.script(STATUS, notes)
    with suppress(Exception):
        await behind.status()
    assert seen == [f"Bearer {other}"]


# -- a download that goes wrong ------------------------------------------------------------------------------------


async def test_an_upload_that_the_hub_did_not_hand_on_leaves_the_machine_as_it_was(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    await behind.connect("admin", PASSWORD)
    for kind, status in (
        (Kind.UNREACHABLE, 503),
        (Kind.UPLOAD_REFUSED, 413),
        (Kind.BUSY, 429),
        (Kind.CREDENTIALS, 403),
    ):
        hub.script(UPLOAD, failure(status, kind.value, "Nothing was sent."))
        report = await download(behind)
        assert report.error is not None
        assert (report.error.kind, report.ok, report.verified) == (kind, False, False)
        assert "the machine keeps its old program" in report.error.message
        assert "is not known" not in report.error.message
    assert device.uploads == []


async def test_an_upload_whose_answer_is_lost_may_have_arrived(behind: Connection, hub: ScriptedHub) -> None:
    await behind.connect("admin", PASSWORD)
    hub.script(UPLOAD, failure(504, "lost", "The session was lost; the outcome is not known."))
    report = await download(behind)
    assert report.error is not None
    assert (report.error.kind, report.plc, report.verified) == (Kind.LOST, None, False)
    assert "whether the device takes it is not known" in report.error.message


async def test_a_hub_that_dies_in_the_middle_of_an_upload_leaves_it_open_and_the_true_state_is_shown_after(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    await behind.connect("admin", PASSWORD)
    events = Events(behind)

    async def dies(request: web.Request) -> web.StreamResponse:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        return own({})

    hub.script(UPLOAD, dies)
    report = await download(behind)
    assert report.error is not None
    assert report.error.kind is Kind.LOST
    assert report.plc in (None, "STOPPED"), (
        "nothing, or what a heartbeat has found in the meantime: the device's own state"
    )
    assert "is not known" in report.error.message
    await hub.stop()
    await events.wait_for("error", Kind.LOST)
    device.plc = "STATUS:EMPTY"
    await hub.start()
    assert (await events.wait_for("connected")).plc == "EMPTY"


async def test_a_start_whose_answer_is_lost_is_judged_by_the_state(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    await behind.connect("admin", PASSWORD)
    device.plc = "STATUS:RUNNING"
    hub.script("GET /orchestrators/O1/vplcs/v1/http/api/start-plc", failure(504, "lost", "It is not known."))
    assert (await behind.client.start()).plc == "RUNNING"
    assert "GET start-plc" not in device.requests


async def test_another_program_behind_a_hub_is_noticed(behind: Connection, device: ScriptedDevice) -> None:
    await behind.connect("admin", PASSWORD)
    device.loaded = OTHER_MD5
    report = await download(behind)
    assert report.error is not None
    assert (report.error.kind, report.verified) == (Kind.NOT_OURS, False)
