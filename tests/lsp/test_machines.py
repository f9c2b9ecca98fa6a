"""What is said of a machine is true of the machine that is meant, and a machine that may run is not stopped unasked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rung.lsp import commands, protocol
from rung.lsp.deploying import device_rows
from rung.lsp.documents import Documents
from rung.lsp.machines import Machines, connect_answer
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.connection import ConnectionEvent, Outcome, State
from rung.runtimes.discover import Found
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs
from rung.runtimes.machine import PlcState, RuntimeStatus
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import Recognised

OURS, THEIRS = "a" * 32, "b" * 32


@dataclass(slots=True)
class Device:
    """A connection with a machine behind it that others can change, too."""

    profile: Profile
    hubs: Hubs
    state: State = State.CONNECTED
    plc: str | None = "RUNNING"
    loaded: str | None = OURS
    answers: bool = True
    reads: int = 0
    stops: int = 0
    info: Recognised | None = None
    since: float | None = None
    switch: str | None = None
    event: ConnectionEvent | None = None
    listeners: list[Callable[[ConnectionEvent], None]] = field(default_factory=list)

    @property
    def debug(self) -> Device:
        return self

    client = debug

    async def project_name(self) -> str | None:
        return "press"

    async def md5(self) -> str | None:
        self.reads += 1
        if not self.answers:
            raise RuntimeFailure(Kind.TIMEOUT, "It does not answer.", "Wait.")
        return self.loaded

    async def status(self) -> RuntimeStatus:
        return RuntimeStatus(PlcState(self.plc), switch=self.switch)

    async def stop(self) -> RuntimeStatus:
        self.stops += 1
        return RuntimeStatus(PlcState.STOPPED)

    def note(self, status: RuntimeStatus) -> None:
        self.plc = status.plc

    async def disconnect(self) -> None:
        self.state = State.DISCONNECTED

    def on_change(self, callback: Callable[[ConnectionEvent], None]) -> None:
        self.listeners.append(callback)


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> Machines:
    monkeypatch.setenv("RUNG_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr("rung.lsp.machines.Connection", Device)

    async def ours(home: Path | None, target: str) -> str:
        return OURS

    made = Machines(lambda event: None, ours, Hubs(system=False), clock=lambda: clock[0])
    made.add("line3", "10.0.0.1", None)
    return made


def device(machines: Machines) -> Device:
    found: Any = machines.connection("line3")
    assert isinstance(found, Device)
    return found


def session(machines: Machines) -> Any:
    return SimpleNamespace(machines=machines)


async def test_status_reads_what_the_machine_has_now(machines: Machines) -> None:
    plc = device(machines)
    plc.plc = "STOPPED"
    assert (await commands.status(session(machines), {"target": "line3"}, None))["inSync"] is True
    plc.loaded = THEIRS  # somebody else has downloaded, and the machine stands as before
    answer = await commands.status(session(machines), {"target": "line3"}, None)
    assert (answer["md5"], answer["inSync"]) == (THEIRS, False)
    assert answer["md5Unread"] is None
    plc.answers = False
    answer = await commands.status(session(machines), {"target": "line3"}, None)
    assert (answer["md5"], answer["inSync"], answer["md5Unread"]) == (None, None, "It does not answer.")


async def test_status_says_how_long_it_is_connected_and_where_the_mode_switch_stands(machines: Machines) -> None:
    plc = device(machines)
    answer = await commands.status(session(machines), {"target": "line3"}, None)
    assert answer["program"] == "press"
    assert (answer["since"], answer["switch"], answer["runtime"], answer["encrypted"]) == (None, None, None, None)
    plc.since, plc.switch = time.monotonic() - 90.5, "stop"
    plc.info = Recognised(plc.profile.address, of_line(Line.V3_WEB), users_exist=True)
    answer = await commands.status(session(machines), {"target": "line3"}, None)
    assert (answer["since"], answer["switch"]) == (90, "stop")
    assert (answer["runtime"], answer["encrypted"]) == ("OpenPLC Runtime v3", False)
    row = (await machines.rows())[0]
    assert (row["runtime"], row["encrypted"], row["snapshots"]) == ("OpenPLC Runtime v3", False, False)


async def test_targets_says_in_sync_for_one_heartbeat_and_then_looks_again(
    machines: Machines, clock: list[float]
) -> None:
    plc = device(machines)
    for _ in range(3):
        assert (await machines.rows())[0]["inSync"] is True
    assert plc.reads == 1
    plc.loaded = THEIRS
    clock[0] += 2.1
    row = (await machines.rows())[0]
    assert (row["md5"], row["inSync"]) == (THEIRS, False)
    plc.answers = False
    clock[0] += 2.1
    row = (await machines.rows())[0]
    assert (row["md5"], row["inSync"]) == (None, None)


async def test_a_machine_that_is_not_connected_is_in_sync_with_nothing(machines: Machines) -> None:
    plc = device(machines)
    assert (await machines.rows())[0]["inSync"] is True
    plc.state = State.ERROR
    row = (await machines.rows())[0]
    assert (row["md5"], row["inSync"]) == (None, None)


async def test_a_name_that_was_given_to_another_machine_drives_neither(machines: Machines) -> None:
    plc = device(machines)
    machines.add("line3", "10.0.0.2", None)
    assert (await machines.rows())[0]["address"] == "10.0.0.1:8443"  # what is connected, not what is saved
    for command in (commands.stop, commands.start, commands.status, commands.connect, commands.logs):
        with pytest.raises(RuntimeFailure, match=r"10\.0\.0\.1.*10\.0\.0\.2.*Nothing was done") as refused:
            await command(session(machines), {"target": "line3", "confirmed": True}, None)
        assert "reconnect first" in refused.value.hint.lower()
    assert plc.stops == 0
    await commands.disconnect(session(machines), {"target": "line3"}, None)
    assert (await machines.rows())[0]["address"] == "10.0.0.2:8443"
    assert machines.connection("line3").profile.address == Address.parse("10.0.0.2")


async def test_a_connection_whose_address_changed_can_be_removed(machines: Machines) -> None:
    plc = device(machines)
    machines.add("line3", "10.0.0.2", None)
    await machines.remove("line3")
    assert plc.state is State.DISCONNECTED
    assert await machines.rows() == []


@pytest.mark.parametrize("state", list(PlcState))
async def test_a_machine_is_stopped_unasked_only_if_it_surely_stands(machines: Machines, state: PlcState) -> None:
    plc = device(machines)
    plc.plc = state.value
    answer = await commands.stop(session(machines), {"target": "line3"}, None)
    asked = state not in (PlcState.STOPPED, PlcState.EMPTY, PlcState.ERROR, PlcState.COMPILING)
    assert answer.get("needsConfirmation", False) is asked
    assert plc.stops == (0 if asked else 1)
    await commands.stop(session(machines), {"target": "line3", "confirmed": True}, None)
    assert plc.stops == (1 if asked else 2)


def test_what_the_device_says_has_the_shape_of_our_own_findings() -> None:
    rows = device_rows(
        (DeviceDiagnostic("/w/main.st", 7, 3, "error", "no"), DeviceDiagnostic(None, 0, None, "info", "x"))
    )
    place, nowhere = {"line": 6, "character": 2}, {"line": 0, "character": 0}
    assert rows == [
        {"file": "/w/main.st", "range": {"start": place, "end": place}, "severity": "error", "code": "device",
         "message": "no", "related": []},
        {"file": None, "range": {"start": nowhere, "end": nowhere}, "severity": "info", "code": "device",
         "message": "x", "related": []},
    ]  # fmt: skip


async def test_folders_are_searched_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rung.project import discovery

    real, searched = discovery.sources_below, []

    def watched(folder: Path) -> list[Path]:
        searched.append(threading.current_thread())
        return real(folder)

    monkeypatch.setattr(discovery, "sources_below", watched)
    (tmp_path / "main.st").write_text("PROGRAM Main\nVAR\n    n : INT;\nEND_VAR\nn := 1;\nEND_PROGRAM\n")
    (tmp_path / "other.st").write_text("FUNCTION Other : INT\nOther := 1;\nEND_FUNCTION\n")
    documents = Documents(lambda path, version, found: None, lambda text: None, 0)
    try:
        documents.in_folders([tmp_path])
        documents.opened(tmp_path / "main.st", 1, "")
        documents.on_disk([tmp_path / "other.st"], regroup=True)
        # A question that follows at once is still about all files.
        files = await documents.ask(tmp_path / "main.st", lambda snapshot: set(snapshot.files))
        assert files == {tmp_path / "main.st", tmp_path / "other.st"}
        assert searched
        assert threading.main_thread() not in searched
    finally:
        documents.close()


def test_the_answer_to_connect_says_what_runtime_it_is_and_whether_it_is_encrypted() -> None:
    web = of_line(Line.V3_WEB)
    reached: Any = SimpleNamespace(info=Recognised(Address("10.0.0.1", 8080, "http"), web, users_exist=True))
    answer = connect_answer(Outcome("needs-login", "Not encrypted.", "Take care.", encrypted=False), reached)
    assert answer == {
        "state": "needs-login",
        "encrypted": False,
        "line": "v3-web",
        "version": "v3",
        "message": "Not encrypted.",
        "hint": "Take care.",
    }
    unknown: Any = SimpleNamespace(info=None)
    assert connect_answer(Outcome("connected"), unknown) == {"state": "connected", "encrypted": True}


def test_the_editor_is_told_of_every_command_and_of_no_other() -> None:
    assert sorted(protocol.COMMANDS) == sorted(commands.COMMANDS)


async def test_what_is_found_on_the_network_is_listed(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nearby() -> tuple[Found, ...]:
        return (Found("10.0.0.7", 8443, "v4.1.4", "press-2"),)

    monkeypatch.setattr("rung.runtimes.discover.discover", nearby)
    row = {
        "host": "10.0.0.7",
        "port": 8443,
        "version": "v4.1.4",
        "hostname": "press-2",
        "project": None,
        "recovery": False,
    }
    assert await commands.discover(session(machines), {}, None) == {"found": [row]}


@pytest.mark.parametrize(
    ("address", "agreed", "sent"),
    [("http://10.0.0.1", False, None), ("http://10.0.0.1", True, "s3cret"), ("10.0.0.1", False, "s3cret")],
)
async def test_a_password_goes_out_unencrypted_only_if_the_request_itself_agrees(
    machines: Machines, monkeypatch: pytest.MonkeyPatch, address: str, agreed: bool, sent: str | None
) -> None:
    given: list[str | None] = []

    async def connect(user: str | None, password: str | None, trust: str | None, plain: bool) -> Outcome:
        given.append(password)
        return Outcome("needs-login")

    machines.add("line3", address, None)  # perhaps while the password was typed
    monkeypatch.setattr(Device, "connect", staticmethod(connect), raising=False)
    request = {"target": "line3", "username": "eng", "password": "s3cret", "allowPlain": agreed}
    await commands.connect(session(machines), request, None)
    assert given == [sent]
