"""The simulator answers what a real OpenPLC Runtime v4.1.4 answered, request by request."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from peers.exchange import Bearers, compare, send
from peers.recorded import exchanges, same_bytes, sections
from peers.recorded_programs import BLINK, UPLOADS
from rung.simulator import Simulator
from simulator.runtime_client import RuntimeClient


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path, port=0, transition_s=0.3, restart_s=0.4, discovery_port=0)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def test_every_recorded_request_gets_the_recorded_answer(device: Simulator, tmp_path: Path) -> None:
    client = RuntimeClient(device.address)
    bearers = Bearers(client, tmp_path)
    settled_before = {"C9", "C11", "C13", "D4", "F4"}  # recorded after the build had ended
    for exchange in exchanges("runtime_v4_1_requests.txt"):
        if exchange.label in settled_before:
            client.token = await bearers.fill("{valid}")
            await client.compiled()
            client.token = ""
        answer = await send(client, bearers, exchange, UPLOADS)
        deadline = time.monotonic() + 10
        while exchange.label == "D8" and "null" in answer.text and time.monotonic() < deadline:
            await asyncio.sleep(0.1)  # recorded after a hundred scans; a cycle takes two of them to be measured
            answer = await send(client, bearers, exchange, UPLOADS)
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
