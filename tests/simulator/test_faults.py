"""The faults that clients are tested with do what they say, and nothing before they are switched on."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from rung.simulator import Simulator
from simulator.minimal_program import Program, crashing
from simulator.runtime_client import RuntimeClient

OTHER_MD5 = "f" * 32


async def test_answers_can_be_slowed_on_chosen_paths(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.answer_delay_s = 0.5
    simulator.faults.paths = ("/status",)
    began = time.monotonic()
    await client.get("/api/ping")
    assert time.monotonic() - began < 0.4
    began = time.monotonic()
    await client.get("/api/status")
    assert time.monotonic() - began >= 0.5


async def test_an_upload_can_be_cut(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.cut_upload_after = 100
    with pytest.raises(httpx.TransportError):
        await client.upload(Program().zip() + bytes(500_000))
    assert (await client.get("/api/compilation-status"))["status"] == "IDLE"
    simulator.faults.cut_upload_after = None
    assert (await client.upload(Program().zip()))["UploadFileFail"] == ""


async def test_answers_can_be_a_page_or_half_a_document(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.html_page = True
    answer = await client.request("GET", "/api/status")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert "X-OpenPLC-Runtime-Version" not in answer.headers, "it is a proxy's page"
    simulator.faults.html_page = False
    simulator.faults.garbage_json = True
    answer = await client.request("GET", "/api/status")
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="Unterminated string"):
        answer.json()


async def test_start_can_be_busy_for_a_while(client: RuntimeClient, simulator: Simulator) -> None:
    await client.upload(Program().zip())
    await client.compiled()
    simulator.faults.busy_for_s = 0.4
    assert await client.get("/api/start-plc") == {"status": "COMMAND:BUSY"}
    await client.wait(lambda: client.get("/api/start-plc"), lambda answer: answer == {"status": "START:OK"}, 5)


async def test_the_device_can_answer_with_another_programs_md5(client: RuntimeClient, simulator: Simulator) -> None:
    await client.run(Program().zip())
    simulator.faults.wrong_md5 = OTHER_MD5
    assert await client.debug_once("45 DE AD 00 00") == f"45 7e {OTHER_MD5.encode().hex(' ')} ad de"
    assert await client.debug_once("41") == "41 01 7e 00 02"


async def test_the_crashed_program_can_stay_in_memory(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.old_program_after_crash = True
    await client.run(crashing(10).zip())
    await client.reaches("ERROR")
    await client.upload(Program(md5=OTHER_MD5).zip())
    await client.compiled()
    await client.get("/api/start-plc")
    await client.reaches("ERROR")
    assert OTHER_MD5.encode().hex(" ") not in await client.debug_once("45 DE AD 00 00")


async def test_the_device_can_die_in_a_compile_and_come_back(client: RuntimeClient, simulator: Simulator) -> None:
    _, port = simulator.address
    simulator.faults.die_in_compile = True
    await client.upload(Program().zip())

    async def gone() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return True
        writer.close()
        return False

    await client.wait(gone, bool, 10)
    simulator.faults.die_in_compile = False
    await asyncio.sleep(1)
    await simulator.start()
    client.move_to(simulator.address)
    assert await client.status() == "EMPTY"
