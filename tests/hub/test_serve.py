"""A hub process as a whole: both listeners over real TLS, an agent in a process of its own, and its start and end."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from hub.agent_process import AgentProcess, enrol
from rung.hub.api import enrolments
from rung.hub.api.answers import in_pieces
from rung.hub.authority import Authority
from rung.hub.editors_listener import EditorBounds, EditorsListener
from rung.hub.init import make_hub
from rung.hub.journal import Journal
from rung.hub.serve import Hub
from rung.hub.settings import HubSettings
from rung.runtimes.errors import Kind, RuntimeFailure

LOCAL = {"names": ["localhost", "127.0.0.1"], "editors_listen": "127.0.0.1:0", "agents_listen": "127.0.0.1:0"}
QUICK = EditorBounds(tls_seconds=0.4, head_seconds=0.4, take_seconds=0.4, drain_seconds=5.0, per_address=8)


class Running:
    """A hub that runs in this process, and its owner."""

    def __init__(self, hub: Hub, token: str, log: io.StringIO) -> None:
        self.hub = hub
        self.log = log
        self.url = f"https://127.0.0.1:{hub.editors_port}"
        self.ca = hub.settings.folder / "server-ca.pem"
        self.headers = {"Authorization": f"Bearer {token}"}

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", verify=self.context(), headers=self.headers, trust_env=False, timeout=30
        )

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.hub.editors_port, ssl=self.context())


async def made(folder: Path, **table: object) -> tuple[HubSettings, str]:
    new = await make_hub(folder, LOCAL | table, "Bottling", "foreman")
    assert new.owner_token is not None
    return new.settings, new.owner_token


@asynccontextmanager
async def serving(folder: Path, bounds: EditorBounds | None = None) -> AsyncIterator[Running]:
    settings, token = await made(folder)
    log = io.StringIO()
    hub = Hub(settings, journal=Journal("test", log), editor_bounds=bounds)
    await hub.start()
    try:
        yield Running(hub, token, log)
    finally:
        await hub.stop()


# -- with a real agent ----------------------------------------------------------------------------------------------


async def until(client: httpx.AsyncClient, path: str, key: str, value: object) -> dict[str, Any]:
    for _ in range(400):
        told: dict[str, Any] = (await client.get(path)).json()
        if told.get(key) == value:
            return told
        await asyncio.sleep(0.05)
    raise AssertionError(told)


async def test_a_host_is_enrolled_a_vplc_is_made_reached_watched_over_and_deleted(tmp_path: Path) -> None:
    async with serving(tmp_path / "hub") as running, running.client() as client:
        asked = (await client.post("/enrolments", json={"name": "Line 1"})).json()
        files = await asyncio.to_thread(enrol, running.url, running.ca, asked["id"], tmp_path / "keys")
        assert (await client.get(f"/enrolments/{asked['id']}")).json()["state"] == "enrolled"
        agent = AgentProcess(f"localhost:{running.hub.agents_port}", files, tmp_path / "agent", "--step-s", "0.05")
        try:
            agent.start()
            await until(client, f"/enrolments/{asked['id']}", "state", "online")
            (shown,) = (await client.get("/orchestrators")).json()["orchestrators"]
            assert (shown["name"], shown["online"]) == ("Line 1", True)
            here = f"/orchestrators/{shown['id']}"
            network = {"name": "veth0", "parent": "eth0", "mode": "dhcp"}
            vplc = await client.post(f"{here}/vplcs", json={"name": "Filler", "networks": [network]})
            assert vplc.status_code == 202, vplc.text
            one = f"{here}/vplcs/{vplc.json()['id']}"
            assert (await until(client, one, "state", "running"))["container"]["is_running"] is True
            users = await _once_reachable(client, f"{one}/http/api/get-users-info")
            assert (users.status_code, users.headers["Rung-Hub"]) == (404, "relayed"), "no user yet, says the runtime"
            assert users.headers["X-OpenPLC-Runtime-Version"].startswith("v4")
            login = {"username": "chief", "password": "a good password"}
            assert (await client.post(f"{one}/http/api/create-user", json=login)).status_code == 201
            token = (await client.post(f"{one}/http/api/login", json=login)).json()["access_token"]
            bearer = {"Rung-Runtime-Authorization": f"Bearer {token}"}
            status = await client.get(f"{one}/http/api/status", headers=bearer)
            assert status.json()["status"] == "STATUS:EMPTY"
            upload = await client.post(
                f"{one}/http/api/upload-file",
                files={"file": ("program.zip", b"no zip", "application/zip")},
                headers=bearer,
            )
            assert upload.json()["UploadFileFail"], (
                "the form arrived as one: the runtime finds fault with the file itself"
            )
            assert "No file part" not in upload.text
            await client.get(f"{one}/http/api/status", headers=bearer)
            gone = await client.request("DELETE", one, json={"typed": "Filler"})
            assert gone.status_code == 202, "the runtime has just said that no program runs"
            for _ in range(200):
                if (await client.get(one)).status_code == 404:
                    break
                await asyncio.sleep(0.05)
            assert (await client.get(f"{here}/vplcs")).json() == {"vplcs": []}
            kept = running.log.getvalue() + (await client.get("/audit")).text
            for secret in ("a good password", token, running.headers["Authorization"].split()[1]):
                assert secret not in kept
        finally:
            agent.close()


async def _once_reachable(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """The first answer of a runtime that has only just been started."""
    for _ in range(200):
        answer = await client.get(path)
        if answer.headers.get("Rung-Hub") == "relayed":
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(answer.text)


# -- what stands before the doors -----------------------------------------------------------------------------------


async def test_health_and_figures(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, httpx.AsyncClient(verify=running.context(), trust_env=False) as client:
        assert (await client.get(f"{running.url}/healthz")).json() == {"ok": True}
        ready = await client.get(f"{running.url}/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "database": True})
        await client.get(f"{running.url}/api/v1/me", headers=running.headers)
        await client.get(f"{running.url}/api/v1/me")
        figures = (await client.get(f"{running.url}/metrics")).text
        assert 'rung_hub_agents{figure="online"} 0.0' in figures
        assert 'rung_hub_requests_total{route="me",status="2xx"} 1.0' in figures
        assert 'rung_hub_refusals_total{status="401"} 1.0' in figures
        assert "foreman" not in figures
        assert "Bottling" not in figures
        proxied = await client.get(f"{running.url}/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
        assert proxied.status_code == 404, "somebody else, through a proxy on this computer"


async def test_with_a_token_figures_are_for_its_holder_alone(tmp_path: Path) -> None:
    settings, _ = await made(tmp_path)
    hub = Hub(replace(settings, metrics_token="figures, please"), journal=Journal("test", io.StringIO()))
    await hub.start()
    try:
        context = ssl.create_default_context(cafile=str(tmp_path / "server-ca.pem"))
        async with httpx.AsyncClient(verify=context, trust_env=False) as client:
            url = f"https://127.0.0.1:{hub.editors_port}/metrics"
            assert (await client.get(url)).status_code == 404
            assert (await client.get(url, headers={"Authorization": "Bearer figures"})).status_code == 404
            assert (await client.get(url, headers={"Authorization": "Bearer figures, please"})).status_code == 200
    finally:
        await hub.stop()


async def test_agents_are_not_let_in_without_a_certificate_and_editors_are_not_let_in_there(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, httpx.AsyncClient(verify=running.context(), trust_env=False) as client:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)):
            await client.get(f"https://127.0.0.1:{running.hub.agents_port}/api/v1/me", headers=running.headers)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        context = running.context()
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", running.hub.editors_port, ssl=context)


# -- slow and greedy clients ----------------------------------------------------------------------------------------


async def test_a_handshake_that_does_not_go_on_is_ended(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.hub.editors_port)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_a_request_head_that_trickles_is_ended(tmp_path: Path) -> None:
    async with serving(tmp_path, QUICK) as running:
        reader, writer = await running.raw()

        async def trickle() -> None:
            for byte in b"GET /api/v1/me HTTP/1.1\r\nHost: hub\r\nX: " + b"y" * 1000:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)

        drip = asyncio.ensure_future(trickle())
        try:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        finally:
            drip.cancel()
            await asyncio.gather(drip, return_exceptions=True)
            writer.close()


async def test_a_body_that_trickles_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.hub.api.call._BODY_PATIENCE", 0.3)
    async with serving(tmp_path, QUICK) as running:
        reader, writer = await running.raw()
        token = running.headers["Authorization"]
        writer.write(
            f"POST /api/v1/enrolments HTTP/1.1\r\nHost: hub\r\nAuthorization: {token}\r\nContent-Length: 50\r\n\r\n{{".encode()
        )
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
        writer.close()


async def test_a_client_that_does_not_take_its_answer_is_cut(tmp_path: Path) -> None:
    settings, _ = await made(tmp_path)

    async def much(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=bytes(50_000_000))
        in_pieces(response)
        return response

    application = web.Application()
    application.router.add_get("/much", much)
    context = Authority.open(settings.folder).editors_context(settings)
    listener = EditorsListener(application, context, "127.0.0.1", 0, replace(QUICK, head_seconds=30.0))
    await listener.start()
    trusting = ssl.create_default_context(cafile=str(tmp_path / "server-ca.pem"))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=trusting)
    try:
        writer.write(b"GET /much HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert listener.open == 1
        for _ in range(200):  # nothing more is read from here on
            if listener.open == 0:
                break
            await asyncio.sleep(0.05)
        assert listener.open == 0
    finally:
        writer.transport.abort()
        await listener.stop()


async def test_one_address_has_a_number_of_connections(tmp_path: Path) -> None:
    async with serving(tmp_path, replace(QUICK, head_seconds=5.0)) as running:
        taken = [await running.raw() for _ in range(8)]
        try:
            ninth, writer = await running.raw()
            assert await asyncio.wait_for(ninth.read(), 5) == b""
            writer.close()
        except (ConnectionError, ssl.SSLError):
            pass  # cut during the handshake, as seen from this side
        for _, writer in taken:
            writer.close()


# -- start and end --------------------------------------------------------------------------------------------------


async def test_a_stopping_hub_answers_what_is_under_way_and_ends_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    def slowly(settings: object, id: str) -> str:
        begun.set()
        return "command"

    monkeypatch.setattr(enrolments, "install_command", slowly)
    settings, token = await made(tmp_path)
    hub = Hub(settings, journal=Journal("test", io.StringIO()))
    await hub.start()
    running = Running(hub, token, io.StringIO())
    async with running.client() as client, client.stream("GET", "/events") as events:
        lines = events.aiter_lines()
        assert (await anext(lines)).startswith(":")
        asking = asyncio.ensure_future(client.post("/enrolments", json={"name": "Line 1"}))
        await begun.wait()
        await asyncio.wait_for(hub.stop(), 15)
        assert (await asking).status_code == 201
        assert [line async for line in lines if line] == []
    with pytest.raises(httpx.ConnectError):
        async with running.client() as client:
            await client.get("/me")


async def test_a_port_in_use_is_said_and_nothing_stays(tmp_path: Path) -> None:
    settings, _ = await made(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hub = Hub(replace(settings, editors_listen=("127.0.0.1", port)), journal=Journal("test", io.StringIO()))
        with pytest.raises(RuntimeFailure) as failure:
            await hub.start()
        assert failure.value.kind is Kind.REFUSED
        assert f"editors at 127.0.0.1:{port}: another program uses it" in failure.value.message
    again = Hub(settings, journal=Journal("test", io.StringIO()))
    await again.start()
    await again.stop()


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RUNG_")}
    return subprocess.Popen(
        [sys.executable, "-m", "rung", "hub", "serve", "--data", str(folder), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def test_the_command_says_where_it_listens_logs_json_and_ends_on_sigterm(tmp_path: Path) -> None:
    asyncio.run(made(tmp_path))
    process = command(tmp_path)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0].startswith("Editors: https://localhost:")
        assert lines[1].startswith("Agents:  localhost:")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "started"
    assert events[-2:] == ["stopping", "stopped"]


def test_the_command_without_a_hub_says_how_to_make_one(tmp_path: Path) -> None:
    process = command(tmp_path / "none")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "rung hub init" in said


def test_the_command_without_its_database_says_so(tmp_path: Path) -> None:
    asyncio.run(made(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    settings = (tmp_path / "hub.toml").read_text()
    (tmp_path / "hub.toml").write_text(settings + f'\ndatabase = "postgresql+psycopg://hub@127.0.0.1:{port}/hub"\n')
    process = command(tmp_path)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "error[unreachable]" in said
    assert "Traceback" not in said
