"""Two processes of one hub, joined by PostgreSQL and Redis: an editor at one works with an agent at the other, and each part may fail."""

from __future__ import annotations

import asyncio
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from command import Ran, rung
from hub.agent_process import AgentFiles, AgentProcess
from hub.hub_process import Figure, HubProcess, until
from hub.postgres import Postgres
from hub.private_server import binary
from hub.redis_server import RedisServer
from runtimes.every_runtime import CONFIGURATION, MAIN
from runtimes.scripted_device import PASSWORD
from simulated import own_port

SETTLED_S = 20.0
Line = tuple[str, str, AgentProcess]
"""An orchestrator, its vPLC and its agent."""
PROXY = "127.0.0.5"
HAPROXY = Path(__file__).parents[2] / "docs" / "haproxy.cfg"


@dataclass
class Twins:
    """The hub: an editor is at `here`, agents dial `there`."""

    here: HubProcess
    there: HubProcess
    postgres: Postgres
    redis: RedisServer
    folder: Path

    def agent(self, name: str, *options: str) -> tuple[str, AgentFiles, AgentProcess]:
        """An enrolled agent whose address is `there`; both processes say that it is online."""
        id, files = self.here.enrol(name, self.folder / name)
        agent = AgentProcess(self.there.agents_address, files, self.folder / name / "data", *options)
        agent.start()
        self.here.until_online(id)
        return id, files, agent


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    folder = tmp_path_factory.mktemp("twins")
    postgres, redis = Postgres(), RedisServer()
    here = HubProcess(folder / "here", database=postgres.database(), redis=redis.url).init()
    with (here.folder / "hub.toml").open("a") as settings:
        settings.write(f'proxy_protocol = ["{PROXY}/32"]\n')
    there = here.sibling(folder / "there")
    try:
        yield Twins(here.start(), there.start(), postgres, redis, folder)
    finally:
        for part in (here, there):
            part.kill()
        redis.close()
        postgres.close()


@pytest.fixture
def line(twins: Twins, request: pytest.FixtureRequest) -> Iterator[Line]:
    """An orchestrator with a vPLC that is a simulator, and its agent at `there`."""
    id, _, agent = twins.agent(f"Line of {request.node.name[:40]}", "--heartbeats", "--heartbeat-s", "0.5")
    try:
        yield id, twins.here.create(id, "Filler"), agent
    finally:
        agent.close()


def editor(twins: Twins, *words: object, given: str = "") -> Ran:
    """`rung` on an engineer's computer, whose hub is `here`."""
    variables = {
        "RUNG_CONFIG_DIR": str(twins.folder / "editor"),
        "RUNG_HUB_TOKEN": twins.here.token,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    return rung(*words, folder=twins.folder, given=given, within=60.0, **variables)


def status_of(hub: HubProcess, line: Line) -> httpx.Response:
    """A request that its agent has to answer: 200 with the version, or what the hub says instead."""
    return hub.ask("GET", f"/orchestrators/{line[0]}/vplcs/{line[1]}/http/api/version")


def answers(hub: HubProcess, line: Line) -> bool:
    with suppress(httpx.TransportError):
        return bool(status_of(hub, line).status_code == 200)
    return False


def test_an_editor_at_one_process_deploys_to_an_agent_at_the_other(twins: Twins, line: Line) -> None:
    assert (twins.here.agents, twins.there.agents) == (0, 1)
    (twins.folder / "main.st").write_text(MAIN + CONFIGURATION)
    name = twins.here.ask("GET", f"/orchestrators/{line[0]}").json()["name"]
    saved = editor(twins, "connection", "add", "plant", "--hub", twins.here.url, "--ca", twins.here.ca)
    assert saved.code == 0, saved.err
    where = ["--to", f"{name}/Filler", "--user", "admin", "--password-stdin", "--json"]
    until(lambda: answers(twins.here, line), what="the vPLC's runtime")
    ran = editor(twins, "deploy", "main.st", *where, "--create-first-user", given=f"{PASSWORD}\n")
    told = {key: ran.json[key] for key in ("ok", "stage", "plc", "verified", "error")}
    assert told == {"ok": True, "stage": "verify", "plc": "RUNNING", "verified": True, "error": None}, ran.json
    status = editor(twins, "status", *where, given=f"{PASSWORD}\n").json
    assert (status["plc"], status["md5"]) == ("RUNNING", ran.json["md5"])
    assert re.fullmatch("[0-9a-f]{32}", status["md5"])
    rows = [row["action"] for row in twins.there.ask("GET", "/audit").json()["rows"]]
    assert {"vplc.create", "vplc.http", "debug.open"} <= set(rows)


def test_heartbeats_and_presence_of_one_process_are_seen_at_the_other(twins: Twins, line: Line) -> None:
    shown = until(lambda: twins.here.ask("GET", f"/orchestrators/{line[0]}").json()["heartbeat"], what="a heartbeat")
    assert shown.keys() >= {"cpu_usage", "uptime"}


async def test_an_editor_at_one_process_hears_of_an_agent_at_the_other(twins: Twins, line: Line) -> None:
    async with twins.here.client() as client, aclosing(client.events()) as events:  # type: ignore[type-var]  # it is a generator
        assert (await asyncio.wait_for(anext(events), 10)).kind == "resync"
        line[2].cut()
        heard: list[object] = []

        async def hear() -> None:
            while heard[-2:] != [False, True]:
                event = await anext(events)
                if event.kind == "orchestrator" and event.data["orchestrator"] == line[0]:
                    heard.append(event.data["online"])

        await asyncio.wait_for(hear(), SETTLED_S)


def test_revoking_at_one_process_ends_the_session_at_the_other(twins: Twins, figure: Figure) -> None:
    id, _, agent = twins.agent("Revoked")
    try:
        told = twins.here.ask("POST", f"/orchestrators/{id}/revoke", {"typed": "Revoked"})
        assert told.json() == {"ok": True}
        took = twins.here.until_online(id, False, within=2.0)
        until(lambda: "was revoked on the hub" in twins.there.log, what="the refusal of its next try")
        figure("revoked at one process, ended at the other after", f"{took:.2f} s")
    finally:
        agent.close()


def test_without_redis_agents_of_the_asked_process_answer_and_others_are_said_to_be_out_of_reach(
    twins: Twins, line: Line
) -> None:
    until(lambda: answers(twins.here, line), what="the vPLC's runtime")
    twins.redis.stop()
    try:
        refused = status_of(twins.here, line)
        assert (refused.status_code, refused.json()["error"]["kind"]) == (503, "unreachable")
        assert "Nothing was sent" in refused.json()["error"]["message"]
        assert "Redis" in refused.json()["error"]["hint"]
        assert status_of(twins.there, line).status_code == 200
        assert twins.here.online(line[0])
        until(
            lambda: not twins.here.api().get(f"{twins.here.url}/readyz").json()["redis"], what="its absence on /readyz"
        )
    finally:
        twins.redis.start()
    until(lambda: answers(twins.here, line), SETTLED_S, "the way over Redis")


def test_a_restart_of_postgresql_needs_no_restart_of_the_hub(twins: Twins, line: Line) -> None:
    until(lambda: answers(twins.here, line), what="the vPLC's runtime")
    twins.postgres.stop()
    try:
        refused = status_of(twins.here, line)
        assert (refused.status_code, refused.json()["error"]["kind"]) == (503, "unreachable")
        assert "database" in refused.json()["error"]["message"]
    finally:
        twins.postgres.start()
    until(lambda: answers(twins.here, line), SETTLED_S, "the database's return")
    assert line[2].session()["connected"] == 1, "the agent's session has nothing to do with the database"


def test_an_agent_of_a_killed_process_is_missed_and_comes_back_with_it(
    twins: Twins, line: Line, figure: Figure
) -> None:
    twins.there.kill()
    missed = twins.here.until_online(line[0], False)
    twins.there.start()
    back = twins.here.until_online(line[0])
    until(lambda: answers(twins.here, line), what="its answer")
    figure("killed process", f"its agent is missed after {missed:.1f} s, and back {back:.1f} s after the restart")


def test_behind_haproxy_an_agent_of_a_killed_process_comes_back_at_the_other(twins: Twins, figure: Figure) -> None:
    port = own_port()
    file = twins.folder / "haproxy.cfg"
    editors = own_port()
    file.write_text(_local(HAPROXY.read_text(), port, editors, twins))
    subprocess.run([binary("haproxy", "haproxy"), "-c", "-q", "-f", str(file)], check=True)
    with (twins.folder / "haproxy.log").open("wb") as log:
        proxy = subprocess.Popen([binary("haproxy", "haproxy"), "-db", "-f", str(file)], stdout=log, stderr=log)
    id, files = twins.here.enrol("Behind HAProxy", twins.folder / "proxied")
    agent = AgentProcess(f"localhost:{port}", files, twins.folder / "proxied" / "data")
    agent.start()
    try:
        agent.wait_online()
        twins.here.until_online(id)
        assert any(f"Agent {id} is online, from 127.0.0.1." in one.log for one in (twins.here, twins.there))
        holder, other = (twins.here, twins.there) if twins.here.agents else (twins.there, twins.here)
        holder.kill()
        killed = time.monotonic()
        agent.wait_online(SETTLED_S, connected=2)
        other.until_online(id)
        assert other.agents == 1
        figure("behind HAProxy, after a kill online at the other process after", f"{time.monotonic() - killed:.1f} s")
        assert other.ask("GET", f"/orchestrators/{id}/serial-devices").status_code == 200
        context = ssl.create_default_context(cafile=str(other.ca))
        with httpx.Client(verify=context, trust_env=False) as client:
            ready = until(lambda: ready_at(client, editors), what="an editor's way through it")
        assert ready == {"ready": True, "database": True, "redis": True}
    finally:
        agent.close()
        proxy.kill()
        proxy.wait()
    holder.start()


def ready_at(client: httpx.Client, port: int) -> object:
    """What the hub says at another port of this computer; None while nothing answers there."""
    with suppress(httpx.TransportError):
        return client.get(f"https://localhost:{port}/readyz").json()
    return None


def _local(text: str, agents: int, editors: int, twins: Twins) -> str:
    """The documented file with the addresses of this test, and as few connections as a test's computer allows."""
    text = re.sub(r"(?m)^ *#.*\n", "", text)
    text = re.sub(r"(?m)^    maxconn .*$", "    maxconn 200", text)
    text = text.replace("bind :3001", f"bind 127.0.0.1:{agents}").replace("bind :8444", f"bind 127.0.0.1:{editors}")
    for address, process in (("192.0.2.11", twins.here), ("192.0.2.12", twins.there)):
        text = text.replace(f"{address}:3001", f"127.0.0.1:{process.agents_port} source {PROXY}")
        text = text.replace(f"{address}:8444", f"127.0.0.1:{process.editors_port} source {PROXY}")
    assert "192.0.2." not in text
    return text
