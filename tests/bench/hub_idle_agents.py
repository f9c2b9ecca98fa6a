"""Idle agents on one hub process: time until all are online, memory and processor for each, and the wave in which they come back after a kill.

    python tests/bench/hub_idle_agents.py [AGENTS [SECONDS]]

The agents are one process of their own (`tests/hub/crowd.py`), each with its certificate and its address, on this computer: it shares the
processors with the hub.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hub.crowd import CrowdProcess, enrol_many
from hub.hub_process import HubProcess, until

_NEVER = 1e6


def main() -> None:
    """Print the figures."""
    words = sys.argv[1:]
    agents = int(words[0]) if words else 5000
    seconds = float(words[1]) if len(words) > 1 else 30.0
    with tempfile.TemporaryDirectory() as folder:
        hub = HubProcess(Path(folder) / "hub").init()
        hub.start()
        try:
            measure(hub, Path(folder) / "crowd", agents, seconds)
        finally:
            hub.kill()


def measure(hub: HubProcess, folder: Path, agents: int, seconds: float) -> None:
    """All figures of one hub process."""
    began = time.monotonic()
    asyncio.run(enrol_many(hub.folder, hub.database, agents, folder, vplcs=False))
    print(f"{agents} orchestrators written into SQLite by one process in {time.monotonic() - began:.1f} s")
    before, used = hub.memory(), hub.processor_seconds()
    crowd = CrowdProcess(hub.agents_address, hub.ca, folder, agents, heartbeat_s=5.0)
    crowd.start()
    try:
        took = online(hub, crowd, agents, 0)
        spent = hub.processor_seconds() - used
        print(
            f"online: all after {took:.1f} s ({agents / took:.0f} a second); {spent / agents * 1000:.1f} ms of processor each"
        )
        idle(hub, seconds, f"with a heartbeat each 5 s ({agents / 5:.0f} a second)")
        each = (hub.memory() - before) / agents / 1000
        print(f"memory: {before / 1e6:.0f} MB empty, {hub.memory() / 1e6:.0f} MB with all: {each:.0f} kB each")
        listed = time.monotonic()
        shown = hub.ask("GET", "/orchestrators", timeout=60).json()["orchestrators"]
        assert sum(one["online"] for one in shown) == agents
        print(f"the list of all of them: {time.monotonic() - listed:.2f} s")
        hub.kill()
        until(lambda: crowd.state["online"] == 0, 60)
        failed = crowd.state["failed"]
        began = time.monotonic()
        hub.start()
        started, used = time.monotonic() - began, hub.processor_seconds()
        took = online(hub, crowd, agents, 2 * agents)
        tries = crowd.state["failed"] - failed
        spent = hub.processor_seconds() - used
        print(
            f"kill -9: the hub serves again after {started:.1f} s, all are back {took:.1f} s later; {tries} tries failed meanwhile; {spent / agents * 1000:.1f} ms of processor each"
        )
    finally:
        crowd.close()
    until(lambda: hub.agents == 0, 120)
    crowd = CrowdProcess(hub.agents_address, hub.ca, folder, agents, heartbeat_s=_NEVER)
    crowd.start()
    try:
        online(hub, crowd, agents, 0)
        idle(hub, seconds, "without heartbeats")
    finally:
        crowd.close()


def online(hub: HubProcess, crowd: CrowdProcess, agents: int, connected: int) -> float:
    """Wait until agents and hub say that all are online."""
    began = time.monotonic()
    try:
        crowd.wait_online(600, connected)
    finally:
        print(f"  ({crowd.state})")
    until(lambda: hub.agents == agents, 60)
    return time.monotonic() - began


def idle(hub: HubProcess, seconds: float, how: str) -> None:
    """What an idle hub uses."""
    used = hub.processor_seconds()
    time.sleep(seconds)
    share = (hub.processor_seconds() - used) / seconds
    asked = time.monotonic()
    hub.ask("GET", "/me")
    print(
        f"idle {how}: {share:.2f} of a processor; a request of an editor takes {(time.monotonic() - asked) * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
