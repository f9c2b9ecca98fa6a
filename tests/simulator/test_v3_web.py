"""The web pages of a v3: sessions, forms, programs, users and settings."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from peers.v3_device import Browser, hidden, modbus, plain, v3
from rung.simulator.v3 import V3Simulator

REFUSED = plain("  n := nothing;\n").encode()


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[V3Simulator]:
    async with v3(tmp_path, rest=False) as simulator:
        yield simulator


@pytest.fixture
async def browser(device: V3Simulator) -> AsyncIterator[Browser]:
    connected = Browser(device.web_address)
    await connected.log_in()
    yield connected
    await connected.close()


async def test_a_session_ends_after_its_life_unless_it_is_used(tmp_path: Path) -> None:
    async with v3(tmp_path, rest=False, session_life_s=2) as device:
        browser = Browser(device.web_address)
        await browser.log_in()
        for _ in range(3):
            await asyncio.sleep(0.8)
            assert (await browser.get("/dashboard")).status_code == 200
        await asyncio.sleep(2.1)
        assert (await browser.get("/dashboard")).headers["Location"] == "/login"
        await browser.close()


async def test_a_restart_logs_everybody_out(device: V3Simulator, browser: Browser) -> None:
    await device.kill_web_server()
    await device.start()
    again = Browser(device.web_address)
    again._http.cookies = browser._http.cookies
    assert (await again.get("/dashboard")).headers["Location"] == "/login"
    await again.close()


async def test_a_form_of_another_session_is_refused(device: V3Simulator, browser: Browser) -> None:
    stranger = Browser(device.web_address)
    await stranger.get("/login")
    browser.token = stranger.token
    answer = await browser.post("/upload-program", file=REFUSED)
    assert (answer.status_code, "The CSRF tokens do not match." in answer.text) == (400, True)
    browser.token = "nonsense"
    assert "The CSRF token is invalid." in (await browser.post("/upload-program", file=REFUSED)).text
    await stranger.close()


async def test_a_program_is_replaced_listed_and_removed(browser: Browser) -> None:
    form = (await browser.get("/update-program?id=17")).text
    assert "<input type='hidden' name='prog_id' id='prog_id' value='17'/>" in form
    moment = hidden(form, "epoch_time")
    answer = await browser.post("/update-program-action", file=REFUSED, prog_id="17", epoch_time=moment)
    assert "url=/compile-program?file=webserver_program.st" in answer.text
    await browser.get("/compile-program?file=webserver_program.st")
    log = await browser.compiled()
    assert "./st_files/webserver_program.st:5-9..5-15: error: Ambiguous enumerate value" in log
    assert "<b>Program:</b> webserver_program<br>" in (await browser.get("/dashboard")).text
    assert "compile-program?file=webserver_program.st" in (await browser.get("/reload-program?table_id=17")).text
    assert (await browser.get("/remove-program?id=17")).headers["Location"] == "/programs"
    assert "table_id=17" not in (await browser.get("/programs?list_all=1")).text
    assert (await browser.get("/remove-program?id=99")).headers["Location"] == "/programs"


async def test_a_name_is_shown_escaped(browser: Browser) -> None:
    await browser.get("/programs")
    file = hidden((await browser.post("/upload-program", file=REFUSED)).text, "prog_file")
    fields = {"prog_name": "<b>x</b>", "prog_descr": "", "prog_file": file, "epoch_time": "1795326330"}
    await browser.post("/upload-program-action", **fields)  # type: ignore[arg-type]  # fields are texts
    assert "<b>x</b>" not in (await browser.get("/programs")).text


async def test_no_file_outside_of_the_programs_can_be_named(browser: Browser) -> None:
    await browser.get("/programs")
    fields = {"prog_name": "x", "prog_descr": "", "prog_file": "../installation.json", "epoch_time": "1795326330"}
    assert (await browser.post("/upload-program-action", **fields)).status_code == 400  # type: ignore[arg-type]  # texts
    assert (await browser.get("/compile-program?file=../installation.json")).status_code == 500


async def test_users_are_added_changed_and_deleted(device: V3Simulator, browser: Browser) -> None:
    await browser.get("/add-user")
    person = {"full_name": "Ann Other", "user_name": "ann", "user_email": "ann@example.com", "user_password": "one"}
    answer = await browser.post("/add-user", **person)  # type: ignore[arg-type]  # fields are texts
    assert answer.headers["Location"] == "/users"
    page = (await browser.get("/users")).text
    assert "<td>Ann Other</td><td>ann</td><td>ann@example.com</td>" in page
    ids = re.findall(r"edit-user\?table_id=(\d+)", page)
    form = (await browser.get(f"/edit-user?table_id={ids[1]}")).text
    changed = {**person, "user_password": "two", "user_id": hidden(form, "user_id")}
    await browser.post("/edit-user", **changed)  # type: ignore[arg-type]  # fields are texts
    other = Browser(device.web_address)
    await other.get("/login")
    assert (await other.post("/login", username="ann", password="two")).headers["Location"] == "/dashboard"
    await other.close()
    assert "You cannot delete yourself!" in (await browser.get(f"/delete-user?user_id={ids[0]}")).text
    assert (await browser.get(f"/delete-user?user_id={ids[1]}")).headers["Location"] == "/users"
    assert "<td>ann</td>" not in (await browser.get("/users")).text


async def test_saved_settings_reach_a_running_plc(device: V3Simulator, browser: Browser) -> None:
    await browser.get("/start_plc")
    assert device.modbus_address is not None
    port = str(device.modbus_address[1])
    kept = {"device_hostname": "plc", "snap7_run_text": "true", "auto_run_text": "true"}
    await browser.get("/settings")
    answer = await browser.post("/settings", **kept)  # type: ignore[arg-type]  # fields are texts
    assert answer.headers["Location"] == "/dashboard"
    assert device.modbus_address is None, "a missing port means disabled"
    assert "You must enable Modbus Server" in (await browser.get("/monitoring")).text
    await browser.get("/settings")
    await browser.post("/settings", **kept, modbus_server_port=port)
    async with modbus(device) as plc:
        assert await plc.ask("41") == bytes.fromhex("41 00 00")


async def test_writing_a_point_needs_the_monitoring_page(device: V3Simulator, browser: Browser) -> None:
    await browser.get("/start_plc")
    assert (await browser.get("/point-write?value=1&address=%25QX0.0")).status_code == 500
    await browser.get("/monitoring")
    assert (await browser.get("/point-write?value=1&address=%25QX0.0")).status_code == 200
    async with modbus(device) as plc:
        assert await plc.ask("01 00 00 00 01") == bytes.fromhex("01 01 01")


async def test_a_page_of_the_internet_that_leads_here_gets_no_login_page(device: V3Simulator) -> None:
    host, port = device.web_address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as http:
        for name, status in (
            (f"evil.example:{port}", 403),
            ("127.0.0.1.evil.example", 403),
            (f"LocalHost:{port}", 200),
        ):
            assert (await http.get("/login", headers={"Host": name})).status_code == status
