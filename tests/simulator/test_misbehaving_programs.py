"""Programs that crash, hang or take their process down: the device lives on and takes the corrected program."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from rung.simulator import Simulator
from simulator.minimal_program import Program, Task, crashing, dying, looping
from simulator.runtime_client import RuntimeClient

GOOD = Program("900d2233445566778899aabbccddeeff")
GOOD_MD5 = GOOD.md5.encode().hex(" ")

CRASHES = {
    "null pointer": ("*(volatile int*)nullptr = 1;", 11),
    "division by zero": ("volatile int one = 1, zero = 0; one = one / zero;", 8),
    "endless recursion": ("struct R { static int f(volatile int n) { volatile char b[4096]; b[n % 4096] = 1; "
                          "return f(n + 1) + b[n % 4096]; } }; R::f(0);", 11),
}  # fmt: skip


def alive(pid: int) -> bool:
    """Whether the process is there and not just a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def start(client: RuntimeClient, program: Program) -> None:
    assert (await client.upload(program.zip()))["UploadFileFail"] == ""
    assert (await client.compiled())["status"] == "SUCCESS"
    assert await client.get("/api/start-plc") == {"status": "START:OK"}


@pytest.mark.parametrize(("body", "signal"), CRASHES.values(), ids=CRASHES)
async def test_a_crash_freezes_the_program_and_nothing_else(client: RuntimeClient, body: str, signal: int) -> None:
    await start(client, Program(tasks=(Task(body=f"if (scans > 5) {{ {body} }}"),)))
    await client.reaches("ERROR")
    first = await client.debug_once("44 00 01 00 00 01")
    assert first.endswith("06 00 00 00"), "the values of the scan that crashed"
    assert await client.debug_once("44 00 01 00 00 01") == first
    assert f"[task fast] crashed (signal {signal}) — entering ERROR state" in await client.logs("ERROR")
    assert (await client.get("/api/status?include_stats=true"))["timing_stats"] == {"tasks": []}
    assert await client.get("/api/stop-plc") == {"status": "STOP:ERROR"}


async def test_one_task_that_crashes_stops_the_others(client: RuntimeClient) -> None:
    await start(
        client, Program(tasks=(Task(name="good"), Task(name="bad", body="if (scans > 3) *(volatile int*)nullptr = 1;")))
    )
    await client.reaches("ERROR")
    assert any(message.startswith("[task good] stopped after") for message in await client.logs("INFO"))


async def test_the_corrected_program_runs_after_a_crash(client: RuntimeClient) -> None:
    await start(client, crashing(2))
    await client.reaches("ERROR")
    await start(client, GOOD)
    await client.reaches("RUNNING")
    assert GOOD_MD5 in await client.debug_once("45 DE AD 00 00")


async def test_an_endless_loop_is_noticed_and_does_not_stand_in_the_way(
    client: RuntimeClient, simulator: Simulator
) -> None:
    await start(client, looping(3))
    began = time.monotonic()
    await client.reaches("ERROR")
    assert 1.5 < time.monotonic() - began < 6
    assert "Watchdog: No heartbeat detected - PLC program is unresponsive" in await client.logs("ERROR")
    pid = simulator.program_pid
    assert pid is not None
    assert alive(pid), "until something new is done, the values can be looked at"
    await client.upload(GOOD.zip())
    assert not alive(pid), "it must not take the processor from the compiler"
    assert await client.status() == "ERROR"
    assert (await client.compiled())["status"] == "SUCCESS"
    await client.get("/api/start-plc")
    await client.reaches("RUNNING")
    assert GOOD_MD5 in await client.debug_once("45 DE AD 00 00")


async def test_a_program_that_loops_cannot_hold_up_a_stop(client: RuntimeClient, simulator: Simulator) -> None:
    await start(client, looping(3))
    await client.reaches("RUNNING")
    pid = simulator.program_pid
    assert pid is not None
    assert await client.get("/api/stop-plc") == {"status": "STOP:OK"}
    await client.reaches("STOPPED")
    assert not alive(pid)


async def test_a_program_that_kills_its_process_ends_in_safe_mode(client: RuntimeClient) -> None:
    await start(client, dying(3))
    await client.reaches("STOPPED", timeout_s=20)
    assert (await client.logs("WARNING")).count("PLC runtime process died unexpectedly") == 3
    assert any("SAFE MODE" in message for message in await client.logs("ERROR"))
    await start(client, GOOD)
    await client.reaches("RUNNING")


async def test_a_build_forgets_the_deaths_of_the_old_program(client: RuntimeClient, simulator: Simulator) -> None:
    await client.run(GOOD.zip())
    for _ in range(2):
        for _ in range(2):
            pid = simulator.program_pid
            assert pid is not None
            os.kill(pid, 9)
            await client.wait(client.status, lambda text: text == "ERROR\n", 5)
            await client.reaches("RUNNING")
        await start(client, GOOD)
        await client.reaches("RUNNING")
    assert not any("SAFE MODE" in message for message in await client.logs())


async def test_stopping_the_simulator_ends_whatever_runs(tmp_path: Path) -> None:
    simulator = Simulator(tmp_path, port=0, discovery_port=0)
    await simulator.start()
    client = RuntimeClient(simulator.address)
    await client.log_in()
    await start(client, looping(3))
    await client.reaches("RUNNING")
    pid = simulator.program_pid
    assert pid is not None
    await client.close()
    await simulator.stop()
    assert not alive(pid)
