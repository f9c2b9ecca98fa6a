"""Load on the simulator: clients poll the status and read 200 variables at 10 Hz while a 10 ms program runs.

Run it with `python -m pytest` for the small form, or as a program for the numbers:

    python tests/bench/load_simulator.py [CLIENTS [SECONDS]]
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from rung.simulator import Simulator
from simulator.minimal_program import Program, Task, Variable
from simulator.runtime_client import RuntimeClient

VARIABLES = 200
PROCESSES = 2
PERIOD_S = 0.1
READ_ALL = "43 00 00 00 00 C7"
UNVERIFIED = ssl.create_default_context()
UNVERIFIED.check_hostname = False
UNVERIFIED.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Load:
    """How many clients ask for how long."""

    clients: int = 20
    seconds: float = 10.0


@dataclass
class Result:
    """What was measured; times in milliseconds, `cycle_max` (longest time between two scans) in microseconds, load in processors."""

    overruns_without: int = 0
    overruns_with: int = 0
    cycle_max_without: int = 0
    cycle_max_with: int = 0
    scans: int = 0
    server_load: float = 0.0
    status_ms: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


async def measure(load: Load) -> Result:
    """Run the program alone and then watched, both for the same time. The clients are processes of their own."""
    program = Program(arrays=((Variable("DINT", counts=True),) * VARIABLES,), tasks=(Task(interval_ns=10_000_000),))
    result = Result()
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(Path(folder), port=0, transition_s=0.1, discovery_port=0)
        await simulator.start()
        operator = RuntimeClient(simulator.address)
        await operator.log_in()
        await operator.run(program.zip())
        await asyncio.sleep(load.seconds)
        result.overruns_without, result.cycle_max_without, _ = await statistics(operator)
        await operator.get("/api/stop-plc")
        await operator.reaches("STOPPED")
        await operator.get("/api/start-plc")
        await operator.reaches("RUNNING")
        used = time.process_time()
        began = time.monotonic()
        groups = [load.clients // PROCESSES + (number < load.clients % PROCESSES) for number in range(PROCESSES)]
        answers = await asyncio.gather(
            *(run_group(simulator.address, operator.token, size, load.seconds) for size in groups if size)
        )
        result.server_load = (time.process_time() - used) / (time.monotonic() - began)
        for status_ms, read_ms in answers:
            result.status_ms += status_ms
            result.read_ms += read_ms
        result.overruns_with, result.cycle_max_with, result.scans = await statistics(operator)
        await operator.close()
        await simulator.stop()
    return result


async def run_group(
    address: tuple[str, int], token: str, clients: int, seconds: float
) -> tuple[list[float], list[float]]:
    """A process with some clients; the token goes through its standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--group", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    order = json.dumps({"address": address, "token": token, "clients": clients, "seconds": seconds})
    output, _ = await process.communicate(order.encode())
    assert process.returncode == 0
    status_ms, read_ms = json.loads(output)
    return status_ms, read_ms


async def group(order: dict[str, Any]) -> tuple[list[float], list[float]]:
    """The clients of one process."""
    measured: tuple[list[float], list[float]] = ([], [])
    address, token, seconds = tuple(order["address"]), order["token"], order["seconds"]
    await asyncio.gather(*(watch(address, token, seconds, measured) for _ in range(order["clients"])))
    return measured


async def watch(
    address: tuple[str, int], token: str, seconds: float, measured: tuple[list[float], list[float]]
) -> None:
    """One client: each period a status over HTTPS and a read of all variables on the debug socket."""
    client = RuntimeClient(address)
    client.token = token
    async with client.debug() as ask:
        next_turn = time.monotonic()
        until = next_turn + seconds
        while next_turn < until:
            began = time.monotonic()
            assert b"STATUS:RUNNING" in await status(address, token)
            measured[0].append((time.monotonic() - began) * 1000)
            asked = time.monotonic()
            data = (await ask(READ_ALL))["data"]
            measured[1].append((time.monotonic() - asked) * 1000)
            assert len(bytes.fromhex(data)) == 10 + VARIABLES * 4
            next_turn = max(next_turn + PERIOD_S, time.monotonic())
            await asyncio.sleep(next_turn - time.monotonic())
    await client.close()


async def statistics(client: RuntimeClient) -> tuple[int, int, int]:
    """Overruns, longest cycle and scans since the start."""
    task = (await client.get("/api/status?include_stats=true"))["timing_stats"]["tasks"][0]
    return task["overruns"], task["cycle_time_max"], task["scan_count"]


async def status(address: tuple[str, int], token: str) -> bytes:
    """A status request by hand: one connection, one handshake, as little work on this side as possible."""
    reader, writer = await asyncio.open_connection(*address, ssl=UNVERIFIED)
    writer.write(f"GET /api/status HTTP/1.1\r\nHost: device\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


def main() -> None:
    """Print the numbers."""
    words = sys.argv[1:]
    if words == ["--group"]:
        json.dump(asyncio.run(group(json.load(sys.stdin))), sys.stdout)
        return
    load = Load(int(words[0]) if words else 20, float(words[1]) if len(words) > 1 else 10.0)
    result = asyncio.run(measure(load))
    rate = len(result.read_ms) / load.clients / load.seconds
    print(f"{load.clients} clients, {load.seconds:.0f} s, {result.scans} scans of 10 ms, {rate:.1f} Hz per client")
    print(f"the server used {result.server_load:.2f} of a processor")
    print(f"overruns: {result.overruns_without} alone, {result.overruns_with} watched")
    print(f"longest cycle: {result.cycle_max_without} us alone, {result.cycle_max_with} us watched")
    for name, values in (("status", result.status_ms), ("read of 200", result.read_ms)):
        print(f"{name}: p50 {percentile(values, 0.5):.1f} ms, p95 {percentile(values, 0.95):.1f} ms")


if __name__ == "__main__":
    main()
