"""The simulator answers what a real OpenPLC Runtime v4.1.4 answered, request by request."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import websocket

from peers.recorded import Exchange, exchanges, same_bytes, same_json, same_shape, sections
from peers.recorded_programs import BLINK, UPLOADS
from rung.simulator import Simulator
from simulator.runtime_client import RuntimeClient


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path, port=0, transition_s=0.3, restart_s=0.4, discovery_port=0)
    await simulator.start()
    yield simulator
    await simulator.stop()


class Bearers:
    """The tokens that the recorded requests carry."""

    def __init__(self, client: RuntimeClient, folder: Path) -> None:
        self._client = client
        self._key = json.loads((folder / "secrets.json").read_text())["token_key"]
        self._valid = ""
        self._revoked = ""

    async def fill(self, text: str) -> str:
        """The header with the token in place of its name."""
        name = text[text.index("{") + 1 : text.index("}")]
        return text.replace(f"{{{name}}}", await self._token(name))

    async def _token(self, name: str) -> str:
        now = int(time.time())
        claims = {"type": "access", "jti": "1", "sub": "1", "exp": now + 900}
        match name:
            case "valid":
                return await self._log_in_if_needed()
            case "revoked":
                return self._revoked
            case "garbage":
                return "garbage"
            case "tampered":
                return self._valid[:-8] + ("A" * 8 if not self._valid.endswith("A" * 8) else "B" * 8)
            case "expired":
                return jwt.encode({**claims, "exp": now - 1}, self._key)
            case "of user 77":
                return jwt.encode({**claims, "sub": "77"}, self._key)
        raise AssertionError(name)

    async def _log_in_if_needed(self) -> str:
        if not self._valid:
            await self._client.log_in()
            self._valid, self._client.token = self._client.token, ""
        return self._valid

    def ended(self) -> None:
        """The valid token has been revoked."""
        self._revoked, self._valid = self._valid, ""


async def send(client: RuntimeClient, bearers: Bearers, exchange: Exchange) -> httpx.Response:
    headers = dict(exchange.request_headers)
    if "{" in headers.get("Authorization", ""):
        headers["Authorization"] = await bearers.fill(headers["Authorization"])
    options: dict[str, Any] = {"headers": headers}
    if exchange.upload:
        field_name, name = exchange.upload
        options["files"] = {field_name: (name, UPLOADS[name], "application/zip")}
    elif exchange.request_body:
        options["content"] = exchange.request_body
    answer = await client.request(exchange.method, exchange.path, **options)
    if exchange.method in ("DELETE", "POST") and exchange.path.startswith(("/api/delete-user", "/api/logout")):
        bearers.ended()
    return answer


def compare(exchange: Exchange, answer: httpx.Response) -> None:
    where = f"{exchange.label} {exchange.method} {exchange.path}: {answer.text[-600:]}"
    assert f"{answer.status_code} {answer.reason_phrase}" == exchange.status, where
    assert answer.headers["Connection"] == "close", where
    for name, value in exchange.headers.items():
        if name == "Allow":
            assert set(answer.headers[name].split(", ")) == set(value.split(", ")), where
        else:
            assert answer.headers[name] == value, f"{name}, {where}"
    assert ("X-OpenPLC-Runtime-Version" in answer.headers) == ("X-OpenPLC-Runtime-Version" in exchange.headers), where
    if exchange.headers["Content-Type"] != "application/json":
        assert answer.text.strip() == exchange.body, where
    elif exchange.shape_only:
        assert same_shape(json.loads(exchange.body), answer.json()), where
    else:
        assert same_json(json.loads(exchange.body), answer.json()), where


async def test_every_recorded_request_gets_the_recorded_answer(device: Simulator, tmp_path: Path) -> None:
    client = RuntimeClient(device.address)
    bearers = Bearers(client, tmp_path)
    settled_before = {"C9", "C11", "C13", "D4", "F4"}  # recorded after the build had ended
    for exchange in exchanges():
        if exchange.label in settled_before:
            client.token = await bearers.fill("{valid}")
            await client.compiled()
            client.token = ""
        answer = await send(client, bearers, exchange)
        deadline = time.monotonic() + 10
        while exchange.label == "D8" and "null" in answer.text and time.monotonic() < deadline:
            await asyncio.sleep(0.1)  # recorded after a hundred scans; a cycle takes two of them to be measured
            answer = await send(client, bearers, exchange)
        compare(exchange, answer)
    await client.close()


def debug_steps(title: str) -> list[tuple[str, str]]:
    lines = next(lines for found, lines in sections("runtime_v4_1_debug.txt") if found == title)
    return [(line.partition(" ")[0], line.partition(" ")[2].replace("\\n", "\n")) for line in lines if line]


@pytest.fixture
async def blinking(device: Simulator) -> AsyncIterator[RuntimeClient]:
    client = RuntimeClient(device.address)
    await client.log_in()
    await client.run(BLINK.zip())
    yield client
    await client.close()


async def test_every_recorded_debug_command_gets_the_recorded_answer(blinking: RuntimeClient) -> None:
    async with blinking.debug() as ask:
        answer: dict[str, Any] = {}
        for mark, text in debug_steps("E while it runs"):
            if mark == ">":
                answer = await ask(text)
            elif mark == "<!":
                assert answer == {"success": False, "error": text}
            else:
                assert answer["success"], answer
                assert same_bytes(text, answer["data"]), f"recorded {text}, answered {answer['data']}"


@pytest.mark.parametrize("title", ["E2 frames, good token", "E2 frames, bad token"])
async def test_debug_socket_speaks_the_recorded_frames(blinking: RuntimeClient, title: str) -> None:
    url = f"{blinking.url.replace('https', 'wss')}/socket.io/?transport=websocket&EIO=4"

    def converse() -> None:
        socket = websocket.create_connection(url, timeout=5, sslopt={"cert_reqs": ssl.CERT_NONE})
        for side, frame in debug_steps(title):
            if side == "C":
                socket.send(frame.replace("{valid}", blinking.token))
            else:
                pattern = re.escape(frame).replace("…", "[A-Za-z0-9_-]+")
                received = str(socket.recv())
                assert re.fullmatch(pattern, received), f"recorded {frame}, received {received}"
        socket.close()

    await asyncio.to_thread(converse)
