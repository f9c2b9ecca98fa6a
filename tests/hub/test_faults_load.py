"""Much at once, at a size that takes seconds (`tests/bench/hub_*.py` measure the full one): calls, idle agents, clients that trickle."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bench.measure import percentile
from hub.crowd import KEY, CrowdProcess, enrol_many
from hub.hub_process import Figure, HubProcess, until

AGENTS, EACH = 25, 8
USERS, OF_A_USER = 13, 16
IDLE = 1000
KB_PER_AGENT = 300
TRICKLING = 200
LONGEST_TRICKLE_S = 30.0


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path / "hub").init()
    yield made.start()
    made.kill()


def test_200_calls_at_once_are_all_answered(hub: HubProcess, tmp_path: Path, figure: Figure) -> None:
    machines = asyncio.run(enrol_many(hub.folder, hub.database, AGENTS, tmp_path / "crowd"))
    crowd = CrowdProcess(hub.agents_address, hub.ca, tmp_path / "crowd", AGENTS, answer_s=0.2)
    crowd.start()
    try:
        crowd.wait_online(60)
        until(lambda: hub.agents == AGENTS, what="all of them at the hub")
        tokens = [
            hub.ask("POST", "/users", {"name": f"user{number}", "role": "engineer"}).json()["token"]
            for number in range(USERS)
        ]
        answered, seconds, wall = asyncio.run(calls(hub, tokens, machines))
        assert answered == [200] * AGENTS * EACH
        until(lambda: crowd.state["answered"] >= AGENTS * EACH, what="the agents' own count")
        assert crowd.state["answered"] == AGENTS * EACH, "each was asked once"
        assert hub.figure('rung_hub_agents{figure="calls_under_way"}') == 0
        times = f"p50 {percentile(seconds, 0.5):.2f} s, p95 {percentile(seconds, 0.95):.2f} s, all within {wall:.2f} s"
        figure(f"{AGENTS * EACH} calls at once to {AGENTS} agents that take 0.2 s each", times)
    finally:
        crowd.close()


async def calls(
    hub: HubProcess, tokens: list[str], machines: Mapping[str, str]
) -> tuple[list[int], list[float], float]:
    """As many calls to each machine at once as an agent takes; their statuses, how long each took, and all of them."""
    context = ssl.create_default_context(cafile=str(hub.ca))
    paths = [f"/orchestrators/{o}/vplcs/{v}/http/api/status" for o, v in machines.items() for _ in range(EACH)]
    seconds: list[float] = []

    async def ask(client: aiohttp.ClientSession, path: str) -> int:
        began = time.monotonic()
        async with client.get(f"{hub.url}/api/v1{path}") as answer:
            await answer.read()
        seconds.append(time.monotonic() - began)
        return answer.status

    clients = [
        aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"}, connector=aiohttp.TCPConnector(ssl=context, limit=OF_A_USER)
        )
        for token in tokens
    ]
    try:
        for client in clients:  # the connections are there before, as those of editors are
            assert await asyncio.gather(*(ask(client, "/me") for _ in range(OF_A_USER))) == [200] * OF_A_USER
        seconds.clear()
        began = time.monotonic()
        answered = await asyncio.gather(*(ask(clients[n % len(clients)], path) for n, path in enumerate(paths)))
        return list(answered), seconds, time.monotonic() - began
    finally:
        for client in clients:
            await client.close()


def test_idle_agents_come_online_cost_little_and_come_back_after_a_kill(
    hub: HubProcess, tmp_path: Path, figure: Figure
) -> None:
    asyncio.run(enrol_many(hub.folder, hub.database, IDLE, tmp_path / "crowd", vplcs=False))
    until(lambda: hub.ask("GET", "/me").status_code == 200)
    before = hub.memory()
    crowd = CrowdProcess(hub.agents_address, hub.ca, tmp_path / "crowd", IDLE, heartbeat_s=2.0)
    crowd.start()
    try:
        took = crowd.wait_online(60)
        until(lambda: hub.agents == IDLE, what="all of them at the hub")
        each = (hub.memory() - before) / IDLE / 1000
        heard = crowd.state["heartbeats"]
        until(lambda: crowd.state["heartbeats"] >= heard + 2 * IDLE, what="heartbeats of all")
        shown = hub.ask("GET", "/orchestrators").json()["orchestrators"]
        assert all(one["online"] and one["heartbeat"]["cpu_usage"] == 12.5 for one in shown)
        assert len(shown) == IDLE
        assert crowd.state["lost"] == 0
        assert each < KB_PER_AGENT
        figure(f"{IDLE} idle agents", f"online after {took:.1f} s, {each:.0f} kB of memory each")
        hub.kill()
        until(lambda: crowd.state["online"] == 0, what="the loss")
        hub.start()
        figure("after kill -9 and a restart all are back after", f"{crowd.wait_online(60, 2 * IDLE):.1f} s")
        until(lambda: hub.agents == IDLE, what="all of them at the hub")
    finally:
        crowd.close()


# -- clients that trickle --------------------------------------------------------------------------------------------


@dataclass
class Trickle:
    """Connections that send a byte a second, and how long each was let."""

    let: list[float] = field(default_factory=list)

    async def one(self, port: int, source: str, context: ssl.SSLContext | None, words: bytes) -> None:
        began = time.monotonic()
        try:
            options = {} if context is None else {"ssl": context, "server_hostname": "localhost"}
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), **options)  # type: ignore[arg-type]  # of a form that the stubs cannot say
            ended = asyncio.ensure_future(reader.read())
            for byte in words:
                writer.write(bytes([byte]))
                await asyncio.wait({ended}, timeout=1.0)
                if ended.done():
                    break
            writer.transport.abort()
            await asyncio.gather(ended, return_exceptions=True)
        except OSError:
            pass
        self.let.append(time.monotonic() - began)


def test_clients_that_trickle_are_ended_and_hold_up_nobody(hub: HubProcess, tmp_path: Path, figure: Figure) -> None:
    crowd = tmp_path / "crowd"
    ids = sorted(asyncio.run(enrol_many(hub.folder, hub.database, 5, crowd, vplcs=False)))
    seconds, let, online = asyncio.run(trickled(hub, ids, crowd))
    assert len(let) == TRICKLING
    assert max(let) < LONGEST_TRICKLE_S
    assert online < 5.0
    assert percentile(seconds, 0.95) < 1.0
    served = f"p50 {percentile(seconds, 0.5) * 1000:.0f} ms, p95 {percentile(seconds, 0.95) * 1000:.0f} ms with a handshake each"
    figure(
        f"{TRICKLING} clients that send a byte a second",
        f"all ended within {max(let):.1f} s; meanwhile editors: {served}; an agent online after {online:.1f} s",
    )


async def trickled(hub: HubProcess, ids: list[str], crowd: Path) -> tuple[list[float], list[float], float]:
    """Times of others' requests meanwhile, how long each connection was let, and when another agent was online."""
    editors = ssl.create_default_context(cafile=str(hub.ca))
    agents = [ssl.create_default_context(cafile=str(hub.ca)) for _ in ids[1:]]
    for id, context in zip(ids[1:], agents, strict=True):
        context.load_cert_chain(crowd / f"{id}.crt", crowd / KEY)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
    head = b"GET /socket.io/?transport=polling&EIO=4 HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"y" * 500
    trickle, seconds, online = Trickle(), [], 0.0
    ways = [
        *((hub.agents_port, None, hello),) * 50,
        *((hub.editors_port, None, hello),) * 50,
        *((hub.agents_port, agents[number % 4], head) for number in range(50)),
        *((hub.editors_port, editors, head),) * 50,
    ]
    work = [asyncio.create_task(trickle.one(port, "127.0.9.9", context, words)) for port, context, words in ways]
    last = CrowdProcess(hub.agents_address, hub.ca, crowd, 1)
    began = time.monotonic()
    last.start()
    try:
        connector = aiohttp.TCPConnector(ssl=editors, force_close=True)
        headers = {"Authorization": f"Bearer {hub.token}"}
        async with aiohttp.ClientSession(headers=headers, connector=connector) as client:
            while not all(task.done() for task in work):
                asked = time.monotonic()
                async with client.get(f"{hub.url}/api/v1/me") as answer:
                    assert answer.status == 200
                seconds.append(time.monotonic() - asked)
                online = online or (last.state["online"] and time.monotonic() - began)
                assert time.monotonic() - began < 2 * LONGEST_TRICKLE_S
                await asyncio.sleep(0.05)
    finally:
        last.close()
    return seconds, trickle.let, online
