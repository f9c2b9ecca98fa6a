"""Who asks on the network is told of the runtime; who asks anything else, or too often, hears nothing."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from rung.simulator.logs import RuntimeLog
from rung.simulator.network_discovery import answer_discovery

QUESTION = b"OPENPLC_DISCOVER_V1"


@pytest.fixture
async def responder() -> AsyncIterator[tuple[str, int]]:
    transport = await answer_discovery("127.0.0.1", 0, api_port=8443, version="v4.1.4", log=RuntimeLog())
    assert transport is not None
    yield transport.get_extra_info("sockname")
    transport.close()


async def ask(address: tuple[str, int], question: bytes) -> bytes | None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.bind(("127.0.0.1", 0))
        asking.sendto(question, address)
        try:
            return await asyncio.wait_for(loop.sock_recv(asking, 2048), 0.1)
        except asyncio.TimeoutError:
            return None


@pytest.mark.parametrize("question", [QUESTION, b"  " + QUESTION + b"\n"])
async def test_the_question_is_answered(responder: tuple[str, int], question: bytes) -> None:
    answer = await ask(responder, question)
    assert answer is not None
    record = json.loads(answer)
    assert record.pop("hostname") == socket.gethostname()
    assert record == {
        "service": "openplc-runtime",
        "protocol_version": 1,
        "runtime_version": "v4.1.4",
        "api_port": 8443,
    }


async def test_one_answer_per_address_and_100_ms(responder: tuple[str, int]) -> None:
    answers = await asyncio.gather(ask(responder, QUESTION), ask(responder, QUESTION))
    assert sum(answer is not None for answer in answers) == 1
    await asyncio.sleep(0.1)
    assert await ask(responder, QUESTION) is not None


@pytest.mark.parametrize("question", [b"", b"OPENPLC_DISCOVER_V2", QUESTION + b" " * 60])
async def test_anything_else_is_dropped(responder: tuple[str, int], question: bytes) -> None:
    assert await ask(responder, question) is None


async def test_a_taken_port_is_only_logged() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        log = RuntimeLog()
        port = taken.getsockname()[1]
        assert await answer_discovery("127.0.0.1", port, api_port=1, version="v4.1.4", log=log) is None
        assert f"Discovery responder could not bind UDP {port}" in log.entries()[-1].message
