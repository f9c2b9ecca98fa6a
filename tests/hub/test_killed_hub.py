"""A hub that is killed in the middle of a creation: what it had promised is there afterwards, and nothing is asked for twice."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from hub.agent_process import AgentProcess, enrol
from rung.hub.init import make_hub
from rung.hub.store import Store


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def start(folder: Path) -> subprocess.Popen[str]:
    """The hub in a process of its own, once it serves."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RUNG_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "rung", "hub", "serve", "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)][2].startswith("The hub serves")
    return process


async def test_a_creation_goes_on_over_the_death_of_the_hub(tmp_path: Path) -> None:
    folder, editors, agents = tmp_path / "hub", free_port(), free_port()
    table = {
        "names": ["localhost", "127.0.0.1"],
        "editors_listen": f"127.0.0.1:{editors}",
        "agents_listen": f"127.0.0.1:{agents}",
    }
    new = await make_hub(folder, table, "Bottling", "olga")
    process = await asyncio.to_thread(start, folder)
    agent: AgentProcess | None = None
    context = ssl.create_default_context(cafile=str(folder / "server-ca.pem"))
    client = httpx.AsyncClient(
        base_url=f"https://127.0.0.1:{editors}/api/v1",
        verify=context,
        headers={"Authorization": f"Bearer {new.owner_token}"},
        trust_env=False,
    )
    try:
        id = (await client.post("/enrolments", json={"name": "Line 1"})).json()["id"]
        ca = folder / "server-ca.pem"
        files = await asyncio.to_thread(enrol, f"https://127.0.0.1:{editors}", ca, id, tmp_path / "keys")
        agent = AgentProcess(f"localhost:{agents}", files, tmp_path / "agent", "--step-s", "0.2")
        agent.start()
        await asyncio.to_thread(agent.wait_online)
        agent.faults(slow={"create_new_runtime": 1.0})
        network = {"name": "veth0", "parent": "eth0", "mode": "dhcp"}
        body = {"name": "Filler", "networks": [network]}
        asking = asyncio.ensure_future(client.post(f"/orchestrators/{id}/vplcs", json=body))
        await until(client, id, "requested")
        process.kill()
        process.wait()
        await asyncio.gather(asking, return_exceptions=True)
        store = await Store.open(new.settings.database_url)
        (left,) = await store.vplcs(id)
        rows = [(row.action, row.outcome) for row in reversed(await store.audit("Bottling"))]
        await store.aclose()
        assert (left.name, left.state.value) == ("Filler", "requested")
        assert rows[-1] == ("vplc.create", "begun"), "it can be seen that it was begun and not how it ended"
        process = await asyncio.to_thread(start, folder)
        await until(client, id, "running")
        (one,) = (await client.get(f"/orchestrators/{id}/vplcs")).json()["vplcs"]
        assert one["id"] == left.id, "the container that was asked for, and no second one"
    finally:
        await client.aclose()
        process.kill()
        process.wait()
        if agent is not None:
            agent.close()


async def until(client: httpx.AsyncClient, id: str, state: str) -> None:
    told: dict[str, Any] = {}
    for _ in range(600):
        try:
            told = (await client.get(f"/orchestrators/{id}/vplcs")).json()
        except httpx.TransportError:
            told = {}
        if [one["state"] for one in told.get("vplcs", [])] == [state]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(told)
