"""How many agents one process holds, at small size; the bench measures the full one."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from pathlib import Path

import pytest

from hub.listening import Listening, listening
from rung.hub.agents import AgentBounds

pytestmark = pytest.mark.asyncio
AGENTS = 100
KIB_PER_AGENT = 160


async def certificates(hub: Listening, folder: Path, count: int) -> list[str]:
    """The ids of so many orchestrators; their certificates with keys are in the folder."""
    folder.mkdir()
    ids = []
    for number in range(count):
        line = await hub.enrol(f"Line {number}")
        (folder / f"{line.common_name}.pem").write_bytes(line.certificate.read_bytes() + line.key.read_bytes())
        ids.append(line.common_name)
    return ids


def resident_kib() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def test_idle_agents_take_little_memory_answer_calls_and_keep_their_sessions(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(ping_interval=0.5, ping_timeout=5.0)) as hub:
        ids = await certificates(hub, tmp_path / "agents", AGENTS)
        before = resident_kib()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("idle_agents.py")),
            *("--hub", f"localhost:{hub.listener.port}"),
            *("--ca", str(hub.authority.file)),
            *("--certificates", str(tmp_path / "agents")),
            *("--heartbeat", "1"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            report = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
            assert (report["agents"], report["refused"]) == (AGENTS, 0)
            await asyncio.sleep(1.5)
            presence = await hub.agents.presence(ids)
            assert sum(one.online for one in presence.values()) == AGENTS
            assert all(one.heartbeat["cpu_usage"] == 1.5 for one in presence.values())
            assert (resident_kib() - before) / AGENTS < KIB_PER_AGENT
            replies = await asyncio.gather(*(hub.agents.call(id, "get_serial_devices", {}) for id in ids))
            assert {reply["status"] for reply in replies} == {"success"}
        finally:
            process.stdin.close()
            await asyncio.wait_for(process.wait(), 20)
        for id in ids:
            await hub.until(id, False, 10)
