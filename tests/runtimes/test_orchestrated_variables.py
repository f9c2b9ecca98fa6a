"""The variables of a machine behind a hub: as far as the orchestrator's agent carries them, for one user at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest

from rung.codegen.artefact import Artefact, Leaf
from rung.runtimes.connection import Connection
from rung.runtimes.deploy import DeployReport, deploy
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs, HubStore
from rung.runtimes.profiles import ProfileStore, resolve_target
from runtimes.scripted_device import MD5, PASSWORD, QUICK, ScriptedDevice
from scripted_hub import TOKEN, HubIdentity, ScriptedHub, failure, make_hub_identity, own, running

COUNT = Leaf(1, 3, "COUNT", "USINT", 1)
READ = "44 00 01 01 00 03"
PROGRAM = Artefact("openplc-v4", "program.zip", b"PK" * 1000, MD5)
ASK = "POST /orchestrators/O1/vplcs/v1/debug/ask"
OPEN = "POST /orchestrators/O1/vplcs/v1/debug/open"
ASK_MD5 = "POST /orchestrators/O1/vplcs/v1/debug/md5"


@pytest.fixture(scope="module")
def hub_identity(tmp_path_factory: pytest.TempPathFactory) -> HubIdentity:
    return make_hub_identity(tmp_path_factory.mktemp("hub"), "plant")


@pytest.fixture
async def hub(hub_identity: HubIdentity, device: ScriptedDevice) -> AsyncIterator[ScriptedHub]:
    device.debug_answers[READ] = "44 7e 00 00 00 00 00 01 00 01 2A"
    async with running(ScriptedHub(hub_identity, device)) as made:
        HubStore().add(made.hub())
        yield made


@pytest.fixture
async def behind(hub: ScriptedHub, device: ScriptedDevice) -> AsyncIterator[Connection]:
    """Connected; its heartbeat is out of the way."""
    hubs = Hubs(system=False)
    hubs.sign_in(hub.hub(), TOKEN)
    made = Connection(resolve_target("Hall 1/Press", ProfileStore()), hubs=hubs, heartbeat=60.0, timeouts=QUICK)
    assert (await made.connect("admin", PASSWORD)).state == "connected"
    yield made
    await made.disconnect()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    assert TOKEN not in str(vars(caught.value))
    assert PASSWORD not in str(vars(caught.value))
    return caught.value


async def download(connection: Connection) -> DeployReport:
    async def yes(question: str) -> bool:
        return True

    return await deploy(connection, PROGRAM, confirm=yes, progress=lambda step: None, poll=0.05, settle=0.05)


async def test_variables_are_read_and_forced_through_an_agent_that_carries_frames(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    force = f"42 {COUNT.array:02X} {COUNT.element >> 8:02X} {COUNT.element & 255:02X}"
    device.debug_answers[f"{force} 01 00 01 07"] = "42 7e"
    device.debug_answers[f"{force} 00 00 00"] = "427e"
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}
    await behind.debug.force(COUNT, 7)
    await behind.debug.unforce(COUNT)
    assert len(hub.opened) == 1
    assert set(hub.opened[0]) == {"token", "username", "password"}


async def test_nothing_is_opened_before_somebody_asks_and_it_is_given_back(
    behind: Connection, hub: ScriptedHub
) -> None:
    assert hub.opened == []
    assert await behind.debug.md5() == MD5
    assert len(hub.leases) == 1
    await behind.disconnect()
    assert hub.leases == []


async def test_who_has_it_is_named(behind: Connection, hub: ScriptedHub) -> None:
    hub.holder = "fitter"
    refused = await failure_of(behind.debug.read([COUNT]))
    assert (refused.kind, refused.message) == (Kind.BUSY, "fitter is watching this vPLC through the hub.")
    hub.holder = None
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}


async def test_a_loan_that_has_run_out_is_taken_again(behind: Connection, hub: ScriptedHub) -> None:
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}
    hub.leases.clear()
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}
    assert len(hub.opened) == 2


async def test_a_loan_that_somebody_else_has_taken_meanwhile_is_told(behind: Connection, hub: ScriptedHub) -> None:
    await behind.debug.read([COUNT])
    hub.leases.clear()
    hub.holder = "fitter"
    assert (await failure_of(behind.debug.read([COUNT]))).kind is Kind.BUSY


async def test_a_channel_that_broke_on_the_way_is_opened_once_more(behind: Connection, hub: ScriptedHub) -> None:
    await behind.debug.read([COUNT])
    hub.script(ASK, failure(502, "internal", "The orchestrator gave no answer of the debug channel."))
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}
    assert len(hub.opened) == 2
    hub.script(ASK, *(failure(502, "internal", "The orchestrator gave no answer of the debug channel.") for _ in "12"))
    assert (await failure_of(behind.debug.read([COUNT]))).kind is Kind.INTERNAL


async def test_what_forces_is_not_sent_again_when_its_outcome_is_unknown(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    await behind.debug.read([COUNT])
    device.debug_answers["42 00 00 00 01 00 01 07"] = "42 7e"
    hub.script(ASK, failure(504, "lost", "The orchestrator's agent gave no answer. Whether it was done is not known."))
    assert (await failure_of(behind.debug.force(COUNT, 7))).kind is Kind.LOST
    assert len(hub.opened) == 1


async def test_a_machine_s_token_that_has_ended_is_renewed(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    device.expire_tokens()
    assert await behind.debug.md5() == MD5
    assert device.logins == 2


async def test_a_user_who_may_not_watch_is_told_so_and_neither_hub_nor_machine_is_bothered_again(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    hub.script(OPEN, failure(403, "credentials", "That takes the role 'engineer' or a higher one."))
    for _ in range(3):
        refused = await failure_of(behind.debug.md5())
        assert (refused.kind, "engineer" in refused.message) == (Kind.CREDENTIALS, True)
    assert hub.requests.count(OPEN) == 1
    assert device.logins == 1


async def test_others_may_have_it_when_nobody_has_asked_for_a_while(
    behind: Connection, hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.runtimes.hub_debug._IDLE_S", 0.3)
    for _ in range(4):
        await behind.debug.read([COUNT])
        await asyncio.sleep(0.15)
        assert len(hub.leases) == 1
    await asyncio.sleep(0.5)
    assert (hub.leases, len(hub.opened)) == ([], 1)
    assert await behind.debug.read([COUNT]) == {"COUNT": 42}
    assert len(hub.opened) == 2


async def test_who_only_looked_which_program_runs_gives_it_back_sooner(
    behind: Connection, hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.runtimes.hub_debug._IDLE_AFTER_MD5_S", 0.1)
    assert await behind.debug.md5() == MD5
    await asyncio.sleep(0.4)
    assert hub.leases == []
    await behind.debug.read([COUNT])
    assert await behind.debug.md5() == MD5
    await behind.debug.read([COUNT])
    await asyncio.sleep(0.4)
    assert len(hub.leases) == 1, "who watches variables keeps it for longer"


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"lease": "1.a"},
        {"lease": "1.a", "way": "magic"},
        {"lease": "a b", "way": "raw"},
        {"lease": 5, "way": "raw"},
    ],
)
async def test_a_loan_of_another_form_is_refused(behind: Connection, hub: ScriptedHub, told: object) -> None:
    hub.script(OPEN, own(told))
    assert (await failure_of(behind.debug.md5())).kind is Kind.INTERNAL


@pytest.mark.parametrize("frame", [None, 5, "", "4", "zz", "45 7e" * 5000, "44 7e 00"])
async def test_a_frame_of_another_form_is_refused(behind: Connection, hub: ScriptedHub, frame: object) -> None:
    await behind.debug.md5()
    hub.script(ASK, own({"frame": frame}), own({"frame": frame}))
    assert (await failure_of(behind.debug.read([COUNT]))).kind is Kind.INTERNAL


# -- agents that translate -----------------------------------------------------------------------------------------


async def test_an_old_agent_tells_the_program_and_no_variables(
    behind: Connection, hub: ScriptedHub, device: ScriptedDevice
) -> None:
    hub.way = "md5"
    assert await behind.debug.md5() == MD5
    for work in (behind.debug.read([COUNT]), behind.debug.force(COUNT, 1), behind.debug.unforce(COUNT)):
        refused = await failure_of(work)
        assert refused.kind is Kind.TOO_OLD
        assert "too old" in refused.message
        assert "debug_command" in refused.hint
    assert device.debug_commands == []
    device.loaded = None
    assert await behind.debug.md5() is None


async def test_a_download_through_an_old_agent_is_verified(behind: Connection, hub: ScriptedHub) -> None:
    hub.way = "md5"
    report = await download(behind)
    assert (report.ok, report.verified, report.md5) == (True, True, MD5)


async def test_a_download_that_no_agent_can_verify_says_that_it_is_not_and_why(
    behind: Connection, hub: ScriptedHub
) -> None:
    why = "The agent of this orchestrator cannot tell which program runs."
    hub.script(OPEN, *(failure(502, "too-old", why) for _ in range(9)))
    report = await download(behind)
    assert (report.error, report.ok, report.verified, report.md5, report.plc) == (None, True, False, None, "RUNNING")
    assert report.note is not None
    assert f"Not verified: {why}" in report.note


async def test_a_download_while_somebody_else_watches_is_not_called_verified(
    behind: Connection, hub: ScriptedHub
) -> None:
    hub.holder = "fitter"
    report = await download(behind)
    assert report.error is not None
    assert (report.error.kind, report.verified, "fitter" in report.error.message) == (Kind.BUSY, False, True)
    assert "could not be read back" in report.error.message


@pytest.mark.parametrize("md5", ["", "xyz", 5, "AB" * 15])
async def test_an_md5_of_another_form_is_none(behind: Connection, hub: ScriptedHub, md5: object) -> None:
    hub.way = "md5"
    await behind.debug.md5()
    hub.script(ASK_MD5, own({"md5": md5}), own({"md5": md5}))
    assert (await failure_of(behind.debug.md5())).kind is Kind.INTERNAL


async def test_a_runtime_v4_0_is_asked_nothing_while_no_program_runs(hub: ScriptedHub, device: ScriptedDevice) -> None:
    device.version = None
    device.script("version", device.json({"version": "v4.0.3"}), forever=True)
    hubs = Hubs(system=False)
    hubs.sign_in(hub.hub(), TOKEN)
    connection = Connection(resolve_target("Hall 1/Press", ProfileStore()), hubs=hubs, heartbeat=60.0, timeouts=QUICK)
    assert (await connection.connect("admin", PASSWORD)).state == "connected"
    for way in ("md5", "raw"):
        hub.way = way
        device.plc = "STATUS:STOPPED"
        assert await connection.debug.md5() is None
        assert device.debug_commands == []
        assert f"POST /orchestrators/O1/vplcs/v1/debug/{'md5' if way == 'md5' else 'ask'}" not in hub.requests
    device.plc = "STATUS:RUNNING"
    device.debug_answers["45 AD DE 00 00"] = f"45 7e {MD5.encode().hex(' ')}"
    assert await connection.debug.md5() == MD5
    await connection.disconnect()
