"""The faults that clients are tested with do what they say, and nothing before they are switched on."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import time
from pathlib import Path

import httpx
import pytest
import socketio  # type: ignore[import-untyped]  # it ships no types

from rung.simulator import V4_0, Cut, Simulator
from simulator.matiec_program import MatiecProgram
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


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_connection_can_be_cut_at_every_step(client: RuntimeClient, simulator: Simulator, cut: Cut) -> None:
    simulator.faults.cut = cut
    simulator.faults.paths = ("/create-user",)
    new = {"username": "op", "password": "pw"}
    with pytest.raises(httpx.TransportError):
        await client.request("POST", "/api/create-user", json=new)
    simulator.faults.cut = None
    done = (await client.request("POST", "/api/create-user", json=new)).status_code == 409
    assert done == (cut in (Cut.ANSWER, Cut.BODY)), "only what was cut after the work has been done, is done"


async def test_half_of_the_body_arrives(client: RuntimeClient, simulator: Simulator) -> None:
    whole = (await client.request("GET", "/api/runtime-logs")).text
    simulator.faults.cut = Cut.BODY
    reader, writer = await asyncio.open_connection(*simulator.address, ssl=_anything())
    writer.write(f"GET /api/runtime-logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n\r\n".encode())
    head, _, body = (await asyncio.wait_for(reader.read(-1), 5)).decode().partition("\r\n\r\n")
    writer.close()
    promised = int(next(line for line in head.split("\r\n") if line.startswith("Content-Length"))[15:])
    assert promised >= len(whole)
    assert len(body) == promised // 2


async def test_the_debug_socket_can_be_cut_by_name(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.cut = Cut.REQUEST
    simulator.faults.paths = ("socket.io",)
    assert await client.status() == "EMPTY"
    with pytest.raises(httpx.TransportError):
        await client.request("GET", "/socket.io/?transport=polling&EIO=4")


async def test_an_open_debug_socket_can_be_cut(client: RuntimeClient, simulator: Simulator) -> None:
    socket = socketio.AsyncSimpleClient(ssl_verify=False, reconnection=False)
    await socket.connect(client.url, namespace="/api/debug", auth={"token": client.token}, transports=["websocket"])
    simulator.cut_connections()

    async def listen() -> None:
        while True:
            await socket.receive(timeout=5)

    with pytest.raises(socketio.exceptions.SocketIOError):
        await listen()
    await socket.disconnect()
    assert await client.debug_once("41") == "41 83"


async def test_a_fault_can_heal(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.error_inside = "Runtime is confused"
    simulator.faults.times = 2
    for _ in range(2):
        answer = await client.request("GET", "/api/status")
        assert (answer.status_code, answer.json()) == (200, {"error": "Runtime is confused"})
    assert await client.status() == "EMPTY"


async def test_tokens_can_end_at_once(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.expire_tokens()
    answer = await client.request("GET", "/api/status")
    assert (answer.status_code, answer.json()) == (401, {"msg": "Token has expired"})
    await client.log_in()
    assert await client.status() == "EMPTY"


async def test_the_certificate_can_change_while_it_runs(client: RuntimeClient, simulator: Simulator) -> None:
    before = (simulator.address, simulator.fingerprint)
    certificate = await asyncio.to_thread(ssl.get_server_certificate, simulator.address)
    await simulator.change_certificate()
    assert simulator.address == before[0]
    assert simulator.fingerprint != before[1]
    assert await asyncio.to_thread(ssl.get_server_certificate, simulator.address) != certificate
    assert await client.status() == "EMPTY"


async def test_the_device_can_die_in_a_start(client: RuntimeClient, simulator: Simulator) -> None:
    simulator.faults.die_in_start = True
    assert await client.get("/api/start-plc") == {"status": "START:OK"}
    await asyncio.sleep(1.2)
    with pytest.raises(httpx.TransportError):
        await client.status()


async def test_a_library_left_behind_makes_a_failed_compile_a_success(tmp_path: Path, certificate_folder: Path) -> None:
    shutil.copytree(certificate_folder, tmp_path / "device")
    device = Simulator(tmp_path / "device", port=0, personality=V4_0)
    await device.start()
    client = RuntimeClient(device.address)
    await client.log_in()

    async def finished() -> bool:
        return "Cleanup finished" in "".join((await client.get("/api/compilation-status"))["logs"])

    await client.upload(MatiecProgram("1" * 32).zip())
    await client.wait(finished, bool, 60)
    await client.reaches("RUNNING")
    device.faults.library_left_behind = True
    await client.upload(MatiecProgram(OTHER_MD5, files={"Config0.c": "broken("}).zip())
    await client.wait(finished, bool, 60)
    build = await client.get("/api/compilation-status")
    assert "[ERROR] Build failed (exit=1)\n" in build["logs"]
    assert (build["status"], build["exit_code"]) == ("SUCCESS", 0)
    await client.reaches("RUNNING")
    assert await client.debug_once("45 AD DE") == f"45 7e {'31 ' * 32}".strip(), "the old program runs again"
    await client.close()
    await device.stop()


def _anything() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
