"""What an agent with a valid certificate can hold, and what revoking takes from it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timezone
from pathlib import Path

import aiohttp
import pytest
import socketio  # type: ignore[import-untyped]  # it ships no types

from hub.listening import Listening, agent, echo, fingerprinted, listening
from hub.pki import Credentials
from hub.test_agents_listener import HANDSHAKE, handshake
from rung.hub.agents import AgentBounds
from rung.runtimes.errors import Kind, RuntimeFailure


async def test_revoking_ends_a_session_that_is_just_being_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at the database and the agent's first call there are moments, and revoking may fall into one."""
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        began = hub.store.session_began

        async def began_and_revoked(id: str, process: str, sid: str, at: datetime) -> tuple[str, str] | None:
            replaced = await began(id, process, sid, at)
            await hub.store.revoke(await hub.orchestrator(id), datetime.now(timezone.utc))
            await hub.agents.drop(id, "revoked")
            return replaced

        monkeypatch.setattr(hub.store, "session_began", began_and_revoked)
        with contextlib.suppress(socketio.exceptions.ConnectionError):
            async with agent(hub, line, online=False) as one:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(one.ended.wait(), 1)
                assert not await hub.online(line.common_name)
        assert not await hub.online(line.common_name)


UPGRADE = (
    b"GET /socket.io/?transport=websocket&EIO=4 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def websocket(hub: Listening, credentials: Credentials) -> Streams:
    """A websocket by hand, upgraded and no more."""
    context = hub.authority.client_context(credentials)
    reader, writer = await asyncio.open_connection("localhost", hub.listener.port, ssl=context)
    writer.write(UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def frame(size: int) -> bytes:
    """The head of a text frame of so many bytes, masked by zeros."""
    return b"\x81\xff" + size.to_bytes(8, "big") + b"\0\0\0\0"


async def sent(writer: asyncio.StreamWriter, most: int) -> int:
    """How many bytes of a frame's content the hub takes before it cuts the connection."""
    piece, taken = b"4" * 65536, 0
    with contextlib.suppress(OSError):
        while taken < most:
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 5)
            taken += len(piece)
            await asyncio.sleep(0)
    return taken


async def test_a_frame_that_nobody_has_asked_for_is_not_collected(tmp_path: Path) -> None:
    """Sixteen connections of one certificate with 32 MiB each would be half a gigabyte."""
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        for connect in (b"", b"\x81\x84\0\0\0\x0040{}"):
            _, writer = await websocket(hub, line)
            writer.write(connect)
            if connect:
                await hub.until(line.common_name, True)
            writer.write(frame(32 * 1024 * 1024))
            # What is on its way in buffers of the system is not the hub's.
            assert await sent(writer, 32 * 1024 * 1024) < 12 * 1024 * 1024
            writer.close()
        await hub.until(line.common_name, False)


async def test_an_answer_may_be_as_large_as_its_question_allows(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        async with agent(hub, line) as one:
            for topic, size, fits in (
                ("get_device_status", 900_000, True),
                ("get_device_status", 1_200_000, False),
                ("get_consumption_device", 6_000_000, True),
                ("run_command", 30_000_000, True),
            ):
                one.answers[topic] = echo(status="success", words="y" * size)
                call = hub.agents.call(line.common_name, topic, {})
                if fits:
                    assert len(str((await call)["words"])) == size
                else:
                    with pytest.raises(RuntimeFailure, match="not known"):
                        await call
            small = {"api": "api/status"}
            with pytest.raises(RuntimeFailure, match="not known"):
                await hub.agents.call(line.common_name, "run_command", small)


async def test_answers_that_come_in_share_what_the_hub_has_for_them(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(incoming=10_000_000)) as hub:
        line = await hub.enrol()
        async with agent(hub, line) as one:
            one.answers["run_command"] = echo(words="y" * 20_000_000)
            with pytest.raises(RuntimeFailure) as failure:
                await hub.agents.call(line.common_name, "run_command", {})
            assert failure.value.kind is Kind.LOST
            await asyncio.wait_for(one.ended.wait(), 5)
        async with agent(hub, line) as one:
            one.answers["run_command"] = echo(words="y" * 8_000_000)
            assert await hub.agents.call(line.common_name, "run_command", {}), "what ended has given its part back"


async def test_an_agent_that_polls_no_more_loses_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it lives, takes nothing, and what is meant for it would pile up."""
    monkeypatch.setattr("rung.hub.agents.agents._BEAT_SECONDS", 0.05)
    async with listening(tmp_path, bounds=AgentBounds(ping_interval=0.2, ping_timeout=0.3)) as hub:
        line = await hub.enrol()
        connector = fingerprinted(hub.authority.client_context(line))
        async with aiohttp.ClientSession(connector=connector) as http:
            sid = await handshake(hub, http)
            url = f"{hub.url}{HANDSHAKE}&sid={sid}"
            statuses = []
            for body in ("40{}", *["3"] * 40):
                async with http.post(url, data=body) as response:
                    statuses.append(response.status)
                await asyncio.sleep(0.05)
            assert statuses[0] == 200
            assert statuses[-1] == 400


async def test_one_certificate_that_asks_without_end_is_heard_more_slowly(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(requests_per_second=20.0, requests_at_once=10.0)) as hub:
        line = await hub.enrol()
        other = await hub.enrol("Line 2")
        async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
            began = time.monotonic()

            async def ask() -> int:
                async with http.get(f"{hub.url}{HANDSHAKE}&sid=nobody") as response:
                    return response.status

            flood = [asyncio.ensure_future(ask()) for _ in range(24)]
            async with agent(hub, other):
                assert time.monotonic() - began < 3, "the others are served meanwhile"
            assert set(await asyncio.gather(*flood)) == {400}
            assert time.monotonic() - began > 0.5
