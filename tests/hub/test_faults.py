"""What is left when something dies or is withheld in the middle: an upload, an enrolment, the creation of a vPLC, the database. Real processes throughout."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from hub.agent_process import AgentProcess, signing_request
from hub.hub_process import Figure, HubProcess, until
from rung.runtimes.connection import Connection
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs, HubStore
from rung.runtimes.machine import PlcState
from rung.runtimes.profiles import Profile
from runtimes.every_runtime import PATIENT, download, program
from runtimes.scripted_device import PASSWORD

NETWORK = {"name": "veth0", "parent": "eth0", "mode": "dhcp"}
LARGEST_FRAME = 4 * 1024 * 1024 - 1


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path_factory.mktemp("hub") / "hub").init()
    yield made.start()
    made.kill()


@pytest.fixture
def agent(hub: HubProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    """An agent that is online; `agent.data.parent.name` is its orchestrator's id."""
    id, files = hub.enrol(request.node.name[:63], tmp_path / "certificate")
    made = AgentProcess(hub.agents_address, files, tmp_path / id / "data")
    made.start()
    hub.until_online(id)
    yield made
    made.close()


def id_of(agent: AgentProcess) -> str:
    return agent.data.parent.name


def locked(hub: HubProcess) -> sqlite3.Connection:
    """The hub's database, which another program has locked for writing; closing it ends that."""
    connection = sqlite3.connect(hub.folder / "hub.db", isolation_level=None, timeout=10)
    connection.execute("BEGIN IMMEDIATE")
    return connection


class Asked(threading.Thread):
    """A request that is under way, and its answer if one came."""

    def __init__(self, ask: Callable[[], httpx.Response]) -> None:
        super().__init__(daemon=True)
        self.answer: httpx.Response | None = None
        self._ask = ask
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except httpx.TransportError:
            return


def enrol_request(hub: HubProcess, id: str, folder: Path) -> httpx.Response:
    csr = signing_request(id, folder)
    with hub.api(token=None) as client:
        return client.post(
            f"{hub.url}/orchestrators/enroll", files={"csr": ("client.csr", csr, "application/octet-stream")}
        )


def named(hub: HubProcess, name: str) -> list[str]:
    """The ids of the orchestrators of this name."""
    return [one["id"] for one in hub.ask("GET", "/orchestrators").json()["orchestrators"] if one["name"] == name]


# -- an upload -------------------------------------------------------------------------------------------------------


async def test_an_agent_killed_during_an_upload_leaves_a_machine_whose_state_is_told(
    hub: HubProcess, agent: AgentProcess, tmp_path: Path, figure: Figure
) -> None:
    vplc = await asyncio.to_thread(hub.create, id_of(agent), "Filler")
    name = hub.ask("GET", f"/orchestrators/{id_of(agent)}").json()["name"]
    until(lambda: relayed(hub, id_of(agent), vplc, "api/version").status_code == 200, what="its runtime")
    hubs = Hubs(HubStore(tmp_path / "hubs.json"), system=False)
    hubs.store.add(hub.saved())
    hubs.sign_in(hub.saved(), hub.token)
    connection = Connection(
        Profile("filler", hub.saved().address.behind(name, "Filler")),
        hubs=hubs,
        heartbeat=0.5,
        back_off=(0.2, 0.5),
        timeouts=PATIENT,
    )
    try:
        assert (await connection.connect()).state == "needs-first-user"
        assert (await connection.create_first_user("admin", PASSWORD)).state == "connected"
        agent.faults(die="after api/upload-file")
        report = await download(connection, program())
        agent.wait_ended()
        assert report.error is not None
        assert (report.ok, report.verified, report.stage) == (False, False, "upload")
        assert report.error.kind is Kind.LOST, report.error
        assert "not known" in report.error.message
        figure("agent killed during an upload, the deploy says", report.error.message)

        agent.faults()
        agent.start()
        began = time.monotonic()
        status = None
        while status is None or status.state is PlcState.COMPILING:
            assert time.monotonic() - began < 30, connection.event
            with suppress(RuntimeFailure):
                status = await connection.status()
            await asyncio.sleep(0.05)
        figure(
            "connected again by itself after",
            f"{time.monotonic() - began:.1f} s; the machine says {status.state.sentence!r}",
        )
        again = await download(connection, program())
        assert (again.ok, again.verified, again.plc) == (True, True, "RUNNING"), again
    finally:
        await connection.disconnect()


def relayed(hub: HubProcess, orchestrator: str, vplc: str, path: str) -> httpx.Response:
    return hub.ask("GET", f"/orchestrators/{orchestrator}/vplcs/{vplc}/http/{path}")


def test_a_message_of_4_mib_is_never_sent_and_one_byte_less_is(
    hub: HubProcess, agent: AgentProcess, figure: Figure
) -> None:
    vplc = hub.create(id_of(agent), "Filler")
    until(lambda: relayed(hub, id_of(agent), vplc, "api/version").status_code == 200, what="its runtime")

    def upload(size: int, file_name: str) -> httpx.Response:
        with hub.api() as client:
            files = {"file": (file_name, b"\0" * size, "application/zip")}
            return client.post(f"/orchestrators/{id_of(agent)}/vplcs/{vplc}/http/api/upload-file", files=files)

    def over(answer: httpx.Response) -> int:
        """By how many bytes the message would have been too long, as the refusal says."""
        assert answer.status_code == 413, answer.text
        found = re.search(r"would have ([0-9,]+) bytes.*Nothing was sent", answer.text)
        assert found is not None, answer.text
        return int(found[1].replace(",", "")) - LARGEST_FRAME

    for _ in range(2):  # a message's number has a digit more from time to time
        size, name = 3 * 1024 * 1024 + 3, "program.zip"
        # Base64 goes in steps of four bytes, a file's name in steps of one.
        most = over(upload(size, name))
        size, name = size - most // 4 * 3, name[most % 4 :]
        refused = [over(upload(size, "x" * more + name)) for more in (1, 2)]
        if refused == [1, 2]:
            break
    assert refused == [1, 2]
    passed = upload(size, name)
    assert (passed.headers["Rung-Hub"], passed.status_code) == ("relayed", 401), "the runtime wants a login first"
    assert agent.session()["connected"] == 1
    figure("largest message to an agent, bytes", f"{LARGEST_FRAME:,}; of one more and two more nothing was sent")


# -- an enrolment ----------------------------------------------------------------------------------------------------


def test_a_hub_killed_before_an_enrolment_is_written_leaves_its_id_open(hub: HubProcess, tmp_path: Path) -> None:
    id = hub.ask("POST", "/enrolments", {"name": "Killed before"}).json()["id"]
    lock = locked(hub)
    asked = Asked(lambda: enrol_request(hub, id, tmp_path / "first"))
    time.sleep(0.5)  # it waits for the lock, which cannot be seen from here
    hub.kill()
    lock.close()
    asked.join(10)
    assert asked.answer is None
    hub.start()
    assert named(hub, "Killed before") == []
    assert hub.ask("GET", f"/enrolments/{id}").json()["state"] == "waiting"
    assert enrol_request(hub, id, tmp_path / "second").status_code == 200
    assert named(hub, "Killed before") == [id]


def test_a_hub_killed_after_an_enrolment_was_written_has_used_its_id(hub: HubProcess, tmp_path: Path) -> None:
    id = hub.ask("POST", "/enrolments", {"name": "Killed after"}).json()["id"]
    files = {"csr": ("client.csr", signing_request(id, tmp_path / "first"), "application/octet-stream")}
    request = httpx.Request("POST", f"{hub.url}/orchestrators/enroll", files=files)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    context = ssl.create_default_context(cafile=str(hub.ca))
    with (
        socket.create_connection(("127.0.0.1", hub.editors_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as device,
        sqlite3.connect(hub.folder / "hub.db", isolation_level=None, timeout=10) as database,
    ):
        device.sendall(f"POST /orchestrators/enroll HTTP/1.1\r\n{head}\r\n".encode() + request.read())
        until(lambda: database.execute("SELECT 1 FROM orchestrators WHERE id = ?", (id,)).fetchone(), what="its row")
        hub.kill()  # whatever it has answered, the device has not read it
    hub.start()
    assert named(hub, "Killed after") == [id]
    replayed = enrol_request(hub, id, tmp_path / "second")
    assert (replayed.status_code, named(hub, "Killed after")) == (403, [id])
    # Nobody has the key that goes with it; its administrator removes it and enrols the device anew.
    assert hub.ask("DELETE", f"/orchestrators/{id}", {"typed": "Killed after"}).json() == {"ok": True}
    again = hub.ask("POST", "/enrolments", {"name": "Killed after"}).json()["id"]
    assert enrol_request(hub, again, tmp_path / "third").status_code == 200
    assert named(hub, "Killed after") == [again]


# -- a vPLC's creation -----------------------------------------------------------------------------------------------


def test_a_hub_killed_during_create_knows_the_vplc_and_never_makes_it_twice(
    hub: HubProcess, tmp_path: Path, figure: Figure
) -> None:
    agents: dict[str, AgentProcess] = {}
    for name in ("Heard", "Unheard"):
        id, files = hub.enrol(name, tmp_path / name)
        agents[id] = AgentProcess(hub.agents_address, files, tmp_path / name / "data")
        agents[id].start()
    heard, unheard = agents
    try:
        for id in agents:
            hub.until_online(id)
        agents[heard].faults(slow={"create_new_runtime": 3.0})
        agents[unheard].faults(die="before create_new_runtime")
        wanted = {"name": "Filler", "networks": [NETWORK]}
        asked = [Asked(partial(hub.ask, "POST", f"/orchestrators/{id}/vplcs", wanted)) for id in agents]
        for id in agents:
            assert until(partial(states, hub, id), what="its record") == ["requested"]
        agents[unheard].wait_ended()
        hub.kill()
        for request in asked:
            request.join(10)
            assert request.answer is None or request.answer.status_code == 504
        agents[unheard].faults()
        agents[unheard].start()
        began = time.monotonic()
        hub.start()
        for id in agents:
            assert len(states(hub, id)) == 1
        until(lambda: states(hub, heard) == ["running"], 30, "the container that the agent was told to make")
        figure(
            "hub killed during create: the container is running", f"{time.monotonic() - began:.1f} s after the restart"
        )
        until(lambda: states(hub, unheard) == ["gone"], 40, "the truth of the other one")
        figure("hub killed during create: the other one is known to be none", f"{time.monotonic() - began:.1f} s after")
        assert len(json.loads((agents[heard].data / "vplcs.json").read_text())) == 1
        assert not (agents[unheard].data / "vplcs.json").exists()
        begun = [row for row in hub.ask("GET", "/audit").json()["rows"] if row["action"] == "vplc.create"]
        assert [row["outcome"] for row in begun if row["orchestrator"] == heard] == ["begun"]
    finally:
        for one in agents.values():
            one.close()


def states(hub: HubProcess, orchestrator: str) -> list[str]:
    rows = hub.ask("GET", f"/orchestrators/{orchestrator}/vplcs").json()["vplcs"]
    return [row["state"] for row in rows]


# -- the database ----------------------------------------------------------------------------------------------------


def test_a_locked_database_is_said_and_nothing_is_half_done(
    hub: HubProcess, agent: AgentProcess, figure: Figure
) -> None:
    vplc = hub.create(id_of(agent), "Filler")
    until(lambda: relayed(hub, id_of(agent), vplc, "api/version").status_code == 200, what="its runtime")
    rows = len(hub.ask("GET", "/audit").json()["rows"])
    lock = locked(hub)
    began = time.monotonic()
    refused = hub.ask("PATCH", f"/orchestrators/{id_of(agent)}", {"name": "Renamed"})
    took = time.monotonic() - began
    assert relayed(hub, id_of(agent), vplc, "api/version").status_code == 200, "what is only read goes on"
    lock.close()
    assert (refused.status_code, refused.json()["error"]["kind"]) == (429, "busy")
    assert "locked by something else; nothing was changed" in refused.json()["error"]["message"]
    assert int(refused.headers["Retry-After"]) >= 1
    assert named(hub, "Renamed") == []
    assert len(hub.ask("GET", "/audit").json()["rows"]) == rows
    assert hub.ask("PATCH", f"/orchestrators/{id_of(agent)}", {"name": "Renamed"}).status_code == 200
    assert named(hub, "Renamed") == [id_of(agent)]
    assert agent.session()["connected"] == 1
    figure("a locked database is given up after", f"{took:.1f} s")
