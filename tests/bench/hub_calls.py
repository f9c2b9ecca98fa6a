"""What a hub adds to a request: times through hub and agent against the direct way, calls per second, and what travels over Redis between two processes.

    python tests/bench/hub_calls.py [SECONDS]

Needs PostgreSQL's and Redis' servers for the part with two processes.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[1]))

from redis import Redis

from bench.measure import percentile, summary
from hub.agent_process import AgentProcess
from hub.crowd import CrowdProcess, enrol_many
from hub.hub_process import HubProcess, until
from hub.postgres import Postgres
from hub.redis_server import RedisServer
from simulated import SimulatorProcess

SAMPLES = 300
AGENTS, USERS, EACH = 25, 25, 8
BEATING = 500
GAP_S = 0.03
"""Between two requests of a sequence: a user may ask 50 times a second."""


def main() -> None:
    """Print the figures."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub = HubProcess(folder / "hub").init()
        hub.start()
        try:
            one_machine(hub, folder)
            crowd_of(hub, hub, folder / "crowd", seconds)
        finally:
            hub.kill()
        postgres, redis = Postgres(), RedisServer()
        here = HubProcess(folder / "here", database=postgres.database(), redis=redis.url).init()
        there = here.sibling(folder / "there")
        try:
            here.start()
            there.start()
            print("two processes, PostgreSQL and Redis; editors at one, agents at the other")
            crowd_of(here, there, folder / "far", seconds, redis)
            heartbeats(there, folder / "beating", seconds, redis)
        finally:
            here.kill()
            there.kill()
            redis.close()
            postgres.close()


# -- one request -----------------------------------------------------------------------------------------------------


def one_machine(hub: HubProcess, folder: Path) -> None:
    """The same request to the same simulator, directly and through hub and agent."""
    simulator = SimulatorProcess(folder / "device")
    simulator.start()
    id, files = hub.enrol("Line 1", folder / "files")
    agent = AgentProcess(hub.agents_address, files, folder / "agent")
    try:
        agent.start()
        hub.until_online(id)
        vplc = hub.create(id, "Filler")
        path = f"{hub.url}/api/v1/orchestrators/{id}/vplcs/{vplc}/http/api/version"
        until(lambda: hub.ask("GET", path.partition("/api/v1")[2]).status_code == 200, what="its runtime")
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        direct = asyncio.run(sequence(f"https://{simulator.address}/api/version", unverified, {}))
        verified = ssl.create_default_context(cafile=str(hub.ca))
        word = {"Authorization": f"Bearer {hub.token}"}
        own = asyncio.run(sequence(f"{hub.url}/api/v1/me", verified, word))
        through = asyncio.run(sequence(path, verified, word))
        print(summary("GET api/version, direct", direct, "ms", "-"))
        print(summary("GET /me of the hub", own, "ms", "-"))
        print(summary("GET api/version, through hub and agent", through, "ms", "-"))
        print(
            f"ratio of the medians, through hub and agent to direct: {percentile(through, 0.5) / percentile(direct, 0.5):.1f}"
        )
    finally:
        agent.close()
        simulator.kill()


async def sequence(url: str, context: ssl.SSLContext, headers: Mapping[str, str]) -> list[float]:
    """Milliseconds of requests one after the other, on a connection that is kept where the server keeps it."""
    taken: list[float] = []
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=context)) as client:
        for _ in range(SAMPLES):
            began = time.perf_counter()
            async with client.get(url) as answer:
                await answer.read()
                assert answer.status == 200, answer
            taken.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(GAP_S)
    return taken


# -- many ------------------------------------------------------------------------------------------------------------


def crowd_of(
    asked: HubProcess, holding: HubProcess, folder: Path, seconds: float, redis: RedisServer | None = None
) -> None:
    """Agents that answer at once, asked by many users as fast as it goes."""
    machines = asyncio.run(enrol_many(asked.folder, asked.database, AGENTS, folder))
    crowd = CrowdProcess(holding.agents_address, holding.ca, folder, AGENTS, answer_s=0.0)
    crowd.start()
    try:
        crowd.wait_online(60)
        until(lambda: holding.agents == AGENTS, what="all of them at the hub")
        tokens = [
            asked.ask("POST", "/users", {"name": f"user{number}", "role": "engineer"}).json()["token"]
            for number in range(USERS)
        ]
        began, used = traffic(redis), [one.processor_seconds() for one in (asked, holding)]
        taken, statuses, wall = asyncio.run(storm(asked, tokens, machines, seconds))
        good = statuses.count(200)
        spent = [one.processor_seconds() - before for one, before in zip((asked, holding), used, strict=True)]
        print(summary(f"{USERS} users, 200 calls under way, {AGENTS} agents", taken, "ms", "-"))
        print(
            f"  {good / wall:.0f} calls a second answered, {len(statuses) - good} refused ({sorted(set(statuses))}); processor per call: {spent[0] / len(statuses) * 1000:.1f} ms"
            + (f" where asked, {spent[1] / len(statuses) * 1000:.1f} ms where held" if asked is not holding else "")
        )
        if redis is not None:
            now = traffic(redis)
            print(
                f"  Redis: {(now[0] - began[0]) / good:.0f} bytes in and {(now[1] - began[1]) / good:.0f} bytes out per call; {now[2] - began[2]} commands for {good} calls"
            )
    finally:
        crowd.close()


def heartbeats(hub: HubProcess, folder: Path, seconds: float, redis: RedisServer) -> None:
    """What goes over Redis for agents that nobody asks, each with a heartbeat every 5 s."""
    asyncio.run(enrol_many(hub.folder, hub.database, BEATING, folder, vplcs=False))
    crowd = CrowdProcess(hub.agents_address, hub.ca, folder, BEATING)
    crowd.start()
    try:
        crowd.wait_online(120)
        time.sleep(10)  # what is told when they come online is over
        began = traffic(redis)
        time.sleep(2 * seconds)
        spent = [(now - then) / 2 / seconds / BEATING for now, then in zip(traffic(redis), began, strict=True)]
        print(
            f"{BEATING} idle agents with heartbeats: Redis takes {spent[0]:.1f} and gives {spent[1]:.1f} bytes a second for each, "
            f"{spent[2]:.2f} commands a second"
        )
    finally:
        crowd.close()


def traffic(redis: RedisServer | None) -> tuple[int, int, int]:
    """Bytes that Redis has taken and given so far, and its commands."""
    if redis is None:
        return 0, 0, 0
    with Redis(port=redis.port) as client:
        facts = client.info()
    return (
        int(facts["total_net_input_bytes"]),
        int(facts["total_net_output_bytes"]),
        int(facts["total_commands_processed"]),
    )


async def storm(
    hub: HubProcess, tokens: list[str], machines: Mapping[str, str], seconds: float
) -> tuple[list[float], list[int], float]:
    """Each user has 8 requests under way, to one machine after the other; times in ms and statuses."""
    context = ssl.create_default_context(cafile=str(hub.ca))
    paths = [f"{hub.url}/api/v1/orchestrators/{o}/vplcs/{v}/http/api/status" for o, v in machines.items()]
    taken: list[float] = []
    statuses: list[int] = []
    until_when = 0.0

    async def one(client: aiohttp.ClientSession, number: int) -> None:
        while time.perf_counter() < until_when:
            began = time.perf_counter()
            async with client.get(paths[number % len(paths)]) as answer:
                await answer.read()
            statuses.append(answer.status)
            if answer.status == 200:
                taken.append((time.perf_counter() - began) * 1000)
            number += 1

    clients = [
        aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"}, connector=aiohttp.TCPConnector(ssl=context, limit=EACH)
        )
        for token in tokens
    ]
    try:
        for client in clients:
            await asyncio.gather(*(client.get(f"{hub.url}/api/v1/me") for _ in range(EACH)))
        began = time.perf_counter()
        until_when = began + seconds
        await asyncio.gather(*(one(client, number) for number, client in enumerate(clients) for _ in range(EACH)))
        return taken, statuses, time.perf_counter() - began
    finally:
        for client in clients:
            await client.close()


if __name__ == "__main__":
    main()
