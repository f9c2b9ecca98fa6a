"""What a v3 installation keeps, what it is without REST, and how it misbehaves on request."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from peers.v3_device import GOOD_MD5, Browser, V3Client, debug_block, modbus, plain, v3
from rung.simulator import Faults
from rung.simulator.server import AddressError

COUNTING = plain("  n := n + 1;\n") + debug_block(GOOD_MD5, [("N", "INT")])


async def test_another_simulator_on_the_folder_is_the_same_device(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path, certificate_folder, autostart_run_mode=True) as device:
        client = V3Client(device.address)
        await client.log_in()
        token, fingerprint, port = client.token, device.fingerprint, device.modbus_address
        await client.deploy(COUNTING)
        await client.close()
    async with v3(tmp_path) as device:
        client = V3Client(device.address)
        client.token = token
        assert await client.status() == "RUNNING", "it started by itself"
        assert (device.fingerprint, device.modbus_address) == (fingerprint, port)
        assert await client.get("/api/compilation-status") == {"exit_code": 0, "logs": [], "status": "COMPILING"}
        async with modbus(device) as plc:
            assert (await plc.ask("45 de ad 00 00"))[2:] == GOOD_MD5.encode()
        await client.close()


async def test_a_service_that_is_stopped_takes_its_program_with_it(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path, certificate_folder) as device:
        client = V3Client(device.address)
        await client.log_in()
        await client.deploy(COUNTING)
        await client.start_plc()
        assert device.program_pid is not None
        address = device.modbus_address
        assert address is not None
        await client.close()
    assert device.program_pid is None
    with socket.socket() as plc:
        assert plc.connect_ex(address) != 0


async def test_an_old_installation_has_the_web_pages_alone(tmp_path: Path) -> None:
    async with v3(tmp_path, rest=False) as device:
        with pytest.raises(RuntimeError):
            _ = device.address
        browser = Browser(device.web_address)
        assert (await browser.log_in()).headers["Location"] == "/dashboard"
        assert "Status: <i>Stopped</" in (await browser.get("/dashboard")).text
        assert (await browser.get("/api/get-users-info")).status_code == 404
        await browser.close()


async def test_a_port_that_is_taken_is_named(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path / "one", certificate_folder) as device:
        with pytest.raises(AddressError, match=str(device.web_address[1])):
            async with v3(tmp_path / "two", certificate_folder, web_port=device.web_address[1]):
                pass


async def test_faults_reach_both_servers(tmp_path: Path, certificate_folder: Path) -> None:
    faults = Faults(html_page=True)
    async with v3(tmp_path, certificate_folder, faults=faults) as device:
        client, browser = V3Client(device.address), Browser(device.web_address)
        assert (await client.request("GET", "/api/get-users-info")).status_code == 502
        assert (await browser.get("/login")).status_code == 502
        faults.html_page = False
        assert (await browser.get("/login")).status_code == 200
        await client.log_in()
        faults.die_in_compile = True
        assert (await client.upload_text(COUNTING)).json()["UploadFileFail"] == ""
        with pytest.raises(httpx.TransportError):
            await client.compiled()
        await client.close()
        await browser.close()


async def test_tokens_and_certificate_change_on_request(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path, certificate_folder) as device:
        client = V3Client(device.address)
        await client.log_in()
        device.expire_tokens()
        answer = await client.request("GET", "/api/status")
        assert (answer.status_code, answer.json()) == (401, {"msg": "Token has expired"})
        before = device.fingerprint
        await device.change_certificate()
        assert device.fingerprint != before
        await client.close()
