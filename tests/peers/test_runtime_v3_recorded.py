"""The simulator answers what a real OpenPLC Runtime v3 answered, request by request and frame by frame."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from peers.recorded import same_bytes, same_json, sections
from peers.v3_device import GOOD, GOOD_MD5, GOOD_VARIABLES, Browser, V3Client, debug_block, modbus, v3
from rung.simulator.v3 import V3Simulator


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[V3Simulator]:
    async with v3(tmp_path) as simulator:
        yield simulator


class Account:
    """The recorded user, whose password changes on the way."""

    def __init__(self, client: V3Client) -> None:
        self._client = client
        self._tokens = {"garbage": "garbage"}
        self.password = "secret"

    async def fill(self, header: str) -> str:
        """The header with a token in place of its name."""
        found = re.search(r"\{(\w+)\}", header)
        if found is None:
            return header
        name = found[1]
        if name in ("valid", "tampered") and "valid" not in self._tokens:
            answer = await self._client.request(
                "POST", "/api/login", json={"username": "ide", "password": self.password}
            )
            self._tokens["valid"] = answer.json()["access_token"]
        valid = self._tokens.get("valid", "")
        self._tokens["tampered"] = valid[:-8] + ("A" * 8 if not valid.endswith("A" * 8) else "B" * 8)
        return header.replace(found[0], self._tokens[name])

    def logged_out(self) -> None:
        self._tokens["revoked"] = self._tokens.pop("valid")


async def test_every_recorded_request_gets_the_recorded_answer(device: V3Simulator) -> None:
    client = V3Client(device.address)
    account = Account(client)
    for title, lines in sections("runtime_v3_requests.txt"):
        sent = [line[2:] for line in lines if line.startswith("> ")]
        told = [line[2:] for line in lines if line.startswith("< ")]
        body = "\n".join(line for line in lines if not line.startswith(("> ", "< "))).strip()
        method, path = sent[0].split(" ", 1)
        headers: dict[str, str] = {}
        content: str | None = None
        files: dict[str, tuple[str, str]] | None = None
        for line in sent[1:]:
            if header := re.fullmatch(r"([A-Za-z-]+): (.*)", line):
                headers[header[1]] = await account.fill(header[2])
            elif upload := re.fullmatch(r"(\w+)=@(\S+)", line):
                files = {upload[1]: (upload[2], GOOD)}
            else:
                content = line
        answer = await client.request(method, path, headers=headers, content=content, files=files)
        where = f"{title} {method} {path}: {answer.status_code} {answer.text}"
        assert f"{answer.status_code}" == told[0], where
        assert answer.headers["Content-Type"] == told[1].removeprefix("Content-Type: "), where
        assert answer.headers["Connection"] == "close", where
        assert answer.headers.get("X-OpenPLC-Runtime-Version") == (None if path == "/" else "v3") or method == "PUT", (
            where
        )
        if told[1].endswith("json"):
            assert same_json(json.loads(body), answer.json()), where
        else:
            assert answer.text.strip() == body, where
        if path == "/api/password-change/1" and answer.status_code == 200:
            account.password = "secret2"
        if (method, path) == ("POST", "/api/logout"):
            account.logged_out()
    await client.close()


async def test_life_of_a_program_is_told_as_recorded(device: V3Simulator) -> None:
    client = V3Client(device.address)
    await client.log_in()
    lines = dict(sections("runtime_v3_life.txt"))
    assert (await client.upload_text(GOOD)).json() == json.loads(lines["upload"][0])
    assert (await client.upload_text(GOOD)).json() == json.loads(lines["upload while compiling"][0])
    assert (await client.get("/api/status")) == json.loads(lines["status while compiling"][0])
    assert (await client.start_plc()).json() == json.loads(lines["start while compiling"][0])
    assert await client.compiled() == json.loads(lines["compiled"][0])
    assert (await client.get("/api/status")) == json.loads(lines["status when stopped"][0])
    assert (await client.start_plc()).json() == json.loads(lines["start"][0])
    assert (await client.get("/api/status")) == json.loads(lines["status when running"][0])
    assert device.modbus_address is not None
    recorded = [line.replace("PORT", str(device.modbus_address[1])) for line in lines["log"]]
    for line, pattern in zip((await client.log_text()).splitlines(), recorded, strict=True):
        assert re.fullmatch(re.escape(pattern).replace("…", ".*"), line)
    assert (await client.start_plc()).json() == json.loads(lines["start"][0])
    assert (await client.stop_plc()).json() == json.loads(lines["stop"][0])
    assert (await client.get("/api/runtime-logs")) == json.loads(lines["log when stopped"][0])
    assert (await client.get("/api/compilation-status")) == json.loads(lines["compiled"][0])
    await client.close()


async def test_debug_frames_are_answered_as_recorded(device: V3Simulator) -> None:
    client = V3Client(device.address)
    await client.log_in()
    build = await client.deploy(GOOD + debug_block(GOOD_MD5, GOOD_VARIABLES))
    assert build["status"] == "SUCCESS", build
    await client.start_plc()
    async with modbus(device) as plc:
        for title, lines in sections("runtime_v3_debug.txt"):
            request, recorded = lines[0].removeprefix("> "), lines[1].removeprefix("< ")
            answer = (await plc.exchange(bytes.fromhex(request))).hex(" ")
            assert same_bytes(recorded, answer), f"{title}: recorded {recorded}, answered {answer}"
    await client.close()


async def test_web_pages_have_the_recorded_shapes(device: V3Simulator) -> None:
    browser = Browser(device.web_address)
    pages = dict(sections("runtime_v3_web.txt"))

    def compare(title: str, answer: httpx.Response) -> None:
        status, *fragments = (line for line in pages[title] if line)
        assert status == f"{answer.status_code} {answer.headers.get('Location', '')}".strip(), answer.text
        for fragment in fragments:
            pattern = re.escape(fragment).replace("…", "[^'\"<>]*")
            assert re.search(pattern, answer.text), f"{title}: {fragment} is not in {answer.text}"
        assert re.search(r"session=[^;]+; Expires=[^;]+ GMT; HttpOnly; Path=/$", answer.headers["Set-Cookie"])

    compare("not logged in", await browser.get("/dashboard"))
    compare("not logged in", await browser.get("/compilation-logs"))
    compare("unknown page", await browser.get("/nope"))
    compare("login form", await browser.get("/login"))
    compare("form without token", await browser.post("/login", token=False, username="openplc", password="openplc"))
    compare("wrong password", await browser.log_in("wrong"))
    compare("field missing", await browser.post("/login", username="openplc"))
    browser.forget()
    compare("token without session", await browser.post("/login", username="openplc", password="openplc"))
    compare("login", await browser.log_in())
    compare("dashboard when stopped", await browser.get("/dashboard"))
    compare("programs", await browser.get("/programs"))
    compare("upload without file", await browser.post("/upload-program", submit="Upload Program"))
    upload = await browser.post("/upload-program", file=GOOD.encode())
    compare("upload", upload)
    file = re.search(r"value='(\d+\.st)' id='prog_file'", upload.text)
    assert file
    fields: dict[str, Any] = {"prog_name": "IDE Prog", "prog_descr": "d", "prog_file": file[1]}
    compare("bad date", await browser.post("/upload-program-action", **fields, epoch_time="1"))
    compare("name missing", await browser.post("/upload-program-action", prog_file=file[1], epoch_time="1795326330"))
    compare("second step", await browser.post("/upload-program-action", **fields, epoch_time="1795326330"))
    compare("compile of another file", await browser.get("/compile-program?file=other.st"))
    compare("compile", await browser.get(f"/compile-program?file={file[1]}"))
    compare("page while compiling", await browser.get("/dashboard"))
    assert (await browser.compiled()).splitlines() == pages["log"]
    compare("runtime log when stopped", await browser.get("/runtime_logs"))
    compare("start", await browser.get("/start_plc"))
    compare("dashboard when running", await browser.get("/dashboard"))
    compare("monitoring", await browser.get("/monitoring"))
    compare("monitor update", await browser.get("/monitor-update?mb_port=502"))
    compare("monitor update without port", await browser.get("/monitor-update"))
    compare("point write", await browser.get("/point-write?value=1&address=%25QX0.0"))
    compare("point write", await browser.get("/point-write?value=1&address=%25MX0.0"))
    compare("stop", await browser.get("/stop_plc"))
    compare("settings", await browser.get("/settings"))
    compare("users", await browser.get("/users"))
    compare("new user", await browser.get("/add-user"))
    compare("logout", await browser.get("/logout"))
    compare("not logged in", await browser.get("/dashboard"))
    await browser.close()
