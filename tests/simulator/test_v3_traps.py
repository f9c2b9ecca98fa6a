"""What a v3 does that its users do not expect: each trap is real behaviour of the simulated device."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peers.v3_device import GOOD, GOOD_MD5, GOOD_VARIABLES, Browser, V3Client, debug_block, modbus, plain, v3
from rung.simulator.v3 import V3Simulator

STUB_MD5 = "00112233445566778899aabbccddeeff"
BROKEN = plain("  n := ;\n")
COUNTING = plain("  n := n + 1;\n")


@pytest.fixture
async def device(tmp_path: Path, certificate_folder: Path) -> AsyncIterator[V3Simulator]:
    async with v3(tmp_path / "device", certificate_folder) as simulator:
        yield simulator


@pytest.fixture
async def client(device: V3Simulator) -> AsyncIterator[V3Client]:
    connected = V3Client(device.address)
    await connected.log_in()
    yield connected
    await connected.close()


async def md5(device: V3Simulator) -> str:
    async with modbus(device) as plc:
        return (await plc.ask("45 de ad 00 00"))[2:].decode()


async def test_after_a_failed_compile_the_old_program_starts_and_the_dashboard_names_the_new_one(
    device: V3Simulator, client: V3Client
) -> None:
    assert (await client.deploy(COUNTING + debug_block(GOOD_MD5, [("N", "INT")])))["status"] == "SUCCESS"
    browser = Browser(device.web_address)
    await browser.log_in()
    await browser.get("/programs")
    page = await browser.post("/upload-program", file=BROKEN.encode())
    file = page.text.split("' id='prog_file'")[0].rsplit("'", 1)[1]
    await browser.post(
        "/upload-program-action", prog_name="New", prog_descr="", prog_file=file, epoch_time="1795326330"
    )
    await browser.get(f"/compile-program?file={file}")
    assert (await browser.compiled()).endswith("Error generating C files\nCompilation finished with errors!\n")
    assert (await client.start_plc()).json() == {"status": "START:OK"}
    assert await client.status() == "RUNNING"
    assert await md5(device) == GOOD_MD5
    assert "<b>Program:</b> New<br>" in (await browser.get("/dashboard")).text
    await browser.close()


async def test_a_debug_block_is_kept_for_later_uploads_without_one(device: V3Simulator, client: V3Client) -> None:
    await client.deploy(
        GOOD.replace("tick", "ticks").replace("level", "LEVEL;") + debug_block(GOOD_MD5, GOOD_VARIABLES)
    )
    build = await client.deploy(GOOD.replace("tick", "ticks"))
    assert build["status"] == "FAILED"
    at = build["logs"].index("Compiling main program...")
    assert build["logs"][at + 1].startswith("debug.cpp:")
    assert build["logs"][at + 1].endswith(":24: error: ‘struct MAIN’ has no member named ‘TICK’; did you mean ‘TICKS’?")
    assert build["logs"][at + 2].endswith(" |     {&(RES0__INSTANCE0.TICK), DINT_ENUM},")
    assert build["logs"][at + 3 : at + 5] == [
        "      |                        ^~~~",
        "      |                        TICKS",
    ]
    assert build["logs"][-2:] == ["Error compiling C files", "Compilation finished with errors!"]
    cured = await client.deploy(GOOD.replace("tick", "ticks") + debug_block(STUB_MD5, []))
    assert cured["status"] == "SUCCESS"
    await client.start_plc()
    assert await md5(device) == STUB_MD5


async def test_files_of_c_blocks_are_kept_until_others_replace_them(client: V3Client) -> None:
    bad = await client.deploy(COUNTING + "(*FILE:c_blocks_code.cpp this is not C++*)\n")
    assert bad["status"] == "FAILED"
    assert "    1 | this is not C++" in bad["logs"]
    assert bad["logs"][-2] == "Error compiling C files"
    stranger = await client.deploy(plain("  n := n + 2;\n"))
    assert "    1 | this is not C++" in stranger["logs"]
    cured = await client.deploy(COUNTING + "(*FILE:c_blocks.h // empty *)\n(*FILE:c_blocks_code.cpp // empty *)\n")
    assert cured["status"] == "SUCCESS"


async def test_a_crash_right_after_the_start_leaves_nothing_but_stopped(device: V3Simulator, client: V3Client) -> None:
    assert (await client.deploy(plain("  n := 10 / zero;\n", "    zero : INT;\n")))["status"] == "SUCCESS"
    assert (await client.start_plc()).json() == {"status": "START:OK"}
    assert await client.reaches("STOPPED") == "STOPPED"
    assert await client.log_text() == ""
    assert device.program_pid is None
    with pytest.raises(OSError, match=r"Connect|refused"):
        async with modbus(device):
            pass


async def test_an_orphan_is_met_again_by_the_next_web_server(device: V3Simulator, client: V3Client) -> None:
    await client.deploy(COUNTING + debug_block(GOOD_MD5, [("N", "INT")]))
    await client.start_plc()
    orphan = device.program_pid
    await device.kill_web_server()
    assert await md5(device) == GOOD_MD5
    await device.start()
    client.move_to(device.address)
    assert await client.status() == "STOPPED"
    assert device.program_pid == orphan
    assert (await client.get("/api/compilation-status"))["logs"] == []
    await client.deploy(plain("  n := n + 3;\n") + debug_block(STUB_MD5, [("N", "INT")]))
    assert (await client.start_plc()).json() == {"status": "START:OK"}
    assert await client.status() == "RUNNING"
    assert await md5(device) == GOOD_MD5, "the old program answers, not the one that was uploaded"
    await client.stop_plc()
    assert device.program_pid is None
    await client.start_plc()
    assert await md5(device) == STUB_MD5


async def test_a_modbus_port_in_use_is_told_by_the_log_alone(device: V3Simulator, client: V3Client) -> None:
    assert device.modbus_address is not None
    with socket.socket() as stranger:
        stranger.bind(device.modbus_address)
        stranger.listen()
        assert (await client.start_plc()).json() == {"status": "START:OK"}
        assert await client.status() == "RUNNING"
        assert "Server: error binding socket => Address already in use\n" in await client.log_text()


async def test_text_that_is_not_utf8_leaves_the_compile_without_an_end(client: V3Client) -> None:
    answer = await client.upload_text(b"(* caf\xe9 *)\n" + GOOD.encode())
    assert answer.status_code == 500
    assert answer.json() == {"error": "'utf-8' codec can't decode byte 0xe9 in position 6: invalid continuation byte"}
    assert await client.get("/api/compilation-status") == {"exit_code": 0, "logs": [], "status": "COMPILING"}
    assert await client.status() == "STOPPED"


async def test_a_located_declaration_without_a_blank_before_its_colon_starts_with_an_error(
    device: V3Simulator, client: V3Client
) -> None:
    odd = GOOD.replace("%QX0.0 :", "%QX0.0:")
    assert (await client.deploy(odd))["status"] == "SUCCESS"
    answer = await client.start_plc()
    assert (answer.status_code, answer.json()) == (500, {"error": "list index out of range"})
    assert await client.status() == "RUNNING"
    browser = Browser(device.web_address)
    await browser.log_in()
    page = (await browser.get("/monitoring")).text
    assert "<td>btn</td>" in page
    assert "<td>lamp</td>" not in page, "the list ends where the odd line stands"
    await browser.close()


async def test_an_upload_stops_the_running_plc_for_good(device: V3Simulator, client: V3Client) -> None:
    await client.start_plc()
    assert await client.status() == "RUNNING"
    await client.deploy(BROKEN)
    await asyncio.sleep(0.2)
    assert await client.status() == "STOPPED"


async def test_without_a_configuration_the_compile_fails_without_a_line(client: V3Client) -> None:
    build = await client.deploy(COUNTING[: COUNTING.index("CONFIGURATION")])
    assert build["exit_code"] == 1
    assert build["logs"] == [
        "Generating C files...",
        "POUS.c",
        "POUS.h",
        "LOCATED_VARIABLES.h",
        "VARIABLES.csv",
        "Including Siemens S7 Protocol via snap7",
        "Moving Files...",
        "mv: cannot stat 'Config0.c': No such file or directory",
        "mv: cannot stat 'Config0.h': No such file or directory",
        "mv: cannot stat 'Res0.c': No such file or directory",
        "Error moving files",
        "Compilation finished with errors!",
    ]


async def test_an_address_outside_of_every_image_is_taken_without_a_word(client: V3Client) -> None:
    build = await client.deploy(GOOD.replace("%QX0.0", "%QX9000.0"))
    assert "varName: __QX9000_0\tvarType: BOOL" in build["logs"]
    assert build["status"] == "SUCCESS"
