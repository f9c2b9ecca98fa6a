"""What a peer may hold of the agents' listener, before it is known and after."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from hub.listening import Listening, agent, echo, fingerprinted, listening
from hub.pki import Credentials
from rung.hub.agents import AgentBounds, AgentsListener

pytestmark = pytest.mark.asyncio
BOUNDS = AgentBounds(
    tls_seconds=0.3,
    tls_per_address=20,
    head_seconds=0.4,
    body_seconds=0.4,
    connect_within=0.4,
    handshakes=3,
    connections=6,
    write_seconds=0.5,
)
HANDSHAKE = "/socket.io/?transport=polling&EIO=4"


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Listening]:
    async with listening(tmp_path, bounds=BOUNDS) as one:
        yield one


@pytest_asyncio.fixture
async def line(hub: Listening) -> Credentials:
    return await hub.enrol()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def raw(hub: Listening, credentials: Credentials) -> Streams:
    return await asyncio.open_connection("localhost", hub.listener.port, ssl=hub.authority.client_context(credentials))


async def ended_after(reader: asyncio.StreamReader) -> float:
    """Seconds until the other side closes, whatever it says before."""
    began = time.monotonic()
    with contextlib.suppress(OSError):
        await asyncio.wait_for(reader.read(), 5)
    return time.monotonic() - began


async def handshake(hub: Listening, http: aiohttp.ClientSession) -> str:
    async with http.get(hub.url + HANDSHAKE) as response:
        response.raise_for_status()
        return str(json.loads((await response.text())[1:])["sid"])


async def test_a_peer_that_begins_no_tls_handshake_is_ended_and_holds_up_nobody(
    hub: Listening, line: Credentials
) -> None:
    silent = [socket.create_connection(("127.0.0.1", hub.listener.port)) for _ in range(BOUNDS.tls_per_address - 5)]
    try:
        async with agent(hub, line) as one:
            one.answers["x"] = echo()
            assert await hub.agents.call(line.common_name, "x", {})
        await asyncio.sleep(0.5)
        for one_socket in silent:
            one_socket.setblocking(False)
            with contextlib.suppress(ConnectionResetError):
                assert one_socket.recv(1) == b""
    finally:
        for one_socket in silent:
            one_socket.close()


async def test_handshakes_under_way_from_one_address_are_bounded(hub: Listening) -> None:
    silent = [socket.create_connection(("127.0.0.1", hub.listener.port)) for _ in range(BOUNDS.tls_per_address + 15)]
    try:
        await asyncio.sleep(0.1)
        assert hub.listener.counts["handshakes refused"] == 15
        await asyncio.sleep(0.4)
        assert hub.listener.counts["handshakes failed"] == BOUNDS.tls_per_address
    finally:
        for one_socket in silent:
            one_socket.close()


async def test_after_a_flood_of_handshakes_agents_connect_again(hub: Listening, line: Credentials) -> None:
    for _ in range(3):
        for one_socket in [socket.create_connection(("127.0.0.1", hub.listener.port)) for _ in range(60)]:
            one_socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
            one_socket.close()
    await asyncio.sleep(0.4)
    async with agent(hub, line):
        assert await hub.online(line.common_name)


async def test_a_request_head_that_drips_in_is_cut_off(hub: Listening, line: Credentials) -> None:
    reader, writer = await raw(hub, line)
    writer.write(b"GET /socket.io/?transport=polling&EIO=4 HTTP/1.1\r\nHost: localhost\r\n")

    async def drip() -> None:
        while True:
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(0.05)

    dripping = asyncio.ensure_future(drip())
    assert await ended_after(reader) < 1.0
    dripping.cancel()
    writer.close()


async def test_an_idle_connection_is_cut_off(hub: Listening, line: Credentials) -> None:
    reader, writer = await raw(hub, line)
    assert await ended_after(reader) < 1.0
    writer.close()


async def test_a_body_that_drips_in_is_refused(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        sid = await handshake(hub, http)
    reader, writer = await raw(hub, line)
    head = f"POST {HANDSHAKE}&sid={sid} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n42"
    writer.write(head.encode())
    answer = await asyncio.wait_for(reader.readline(), 2)
    assert b" 408 " in answer
    writer.close()


@pytest.mark.parametrize(
    "head", [b"X" * 20_000, b"Y: " + b"z" * 20_000, b"\r\n".join(b"H%d: x" % n for n in range(200))]
)
async def test_an_oversized_head_is_refused(hub: Listening, line: Credentials, head: bytes) -> None:
    reader, writer = await raw(hub, line)
    writer.write(b"GET /socket.io/?transport=polling&EIO=4 HTTP/1.1\r\n" + head + b"\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 2)
    writer.close()


async def test_a_body_without_length_or_larger_than_it_may_be_is_refused(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        sid = await handshake(hub, http)

        async def chunks() -> AsyncIterator[bytes]:
            yield b"40"

        for data, status in ((chunks(), 411), (b"4" * 2 * 1024 * 1024, 413)):
            try:
                async with http.post(f"{hub.url}{HANDSHAKE}&sid={sid}", data=data) as response:
                    assert response.status == status
            except aiohttp.ClientOSError:
                assert status == 413  # it may close before all was sent


async def test_nonsense_ends_the_session(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        for body in (b"\xff\xfe", b"nonsense", b"451-[]", b"\x1e".join([b"3"] * 17)):
            sid = await handshake(hub, http)
            async with http.post(f"{hub.url}{HANDSHAKE}&sid={sid}", data=body) as response:
                assert response.status == 400
            async with http.get(f"{hub.url}{HANDSHAKE}&sid={sid}") as response:
                assert response.status == 400


async def test_binary_frames_on_a_websocket_end_the_session(hub: Listening, line: Credentials) -> None:
    connector = fingerprinted(hub.authority.client_context(line))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.ws_connect(f"{hub.url}/socket.io/?transport=websocket&EIO=4") as ws,
    ):
        await ws.receive()
        await ws.send_str("40{}")
        await hub.until(line.common_name, True)
        await ws.send_bytes(b"\x00" * 100)
        await hub.until(line.common_name, False, 2)


async def test_handshakes_without_a_socketio_connection_are_few_and_end(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        sids = [await handshake(hub, http) for _ in range(BOUNDS.handshakes)]
        async with http.get(hub.url + HANDSHAKE) as response:
            assert response.status == 401
        await asyncio.sleep(0.8)
        for sid in sids:
            async with http.post(f"{hub.url}{HANDSHAKE}&sid={sid}", data="40") as response:
                assert response.status == 400
    async with agent(hub, line):
        assert await hub.online(line.common_name)


async def test_one_certificate_has_a_bounded_number_of_connections(hub: Listening, line: Credentials) -> None:
    held = [await raw(hub, line) for _ in range(BOUNDS.connections)]
    reader, writer = await raw(hub, line)
    assert await ended_after(reader) < 0.2
    other = await hub.enrol("Line 2")
    async with agent(hub, other):
        assert await hub.online(other.common_name)
    for _, one in (*held, (reader, writer)):
        one.close()
    await asyncio.sleep(0.1)
    async with agent(hub, line):
        assert await hub.online(line.common_name)


async def test_a_second_request_of_the_same_kind_for_a_session_is_refused(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        sid = await handshake(hub, http)
        waiting = asyncio.ensure_future(http.get(f"{hub.url}{HANDSHAKE}&sid={sid}"))
        await asyncio.sleep(0.1)
        async with http.get(f"{hub.url}{HANDSHAKE}&sid={sid}") as response:
            assert response.status == 429
        waiting.cancel()


async def test_an_agent_that_takes_nothing_from_its_websocket_loses_it(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=replace(BOUNDS, connect_within=5.0)) as hub:
        line = await hub.enrol()
        reader, writer = await raw(hub, line)
        writer.write(
            b"GET /socket.io/?transport=websocket&EIO=4 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x81\x84\x00\x00\x00\x0040{}")
        await hub.until(line.common_name, True)
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        call = asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {"data": "x" * 4_000_000}))
        more = [
            asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {"data": "x" * 4_000_000}))
            for _ in range(3)
        ]
        results = await asyncio.gather(call, *more, return_exceptions=True)
        assert all("not known" in str(result) for result in results)
        await hub.until(line.common_name, False, 5)
        writer.close()


async def test_the_listener_asks_for_a_context_that_requires_certificates() -> None:
    with pytest.raises(ValueError, match="client certificates"):
        AgentsListener(web.Application(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "127.0.0.1", 0)


async def test_only_the_engines_path_and_its_methods_are_there(hub: Listening, line: Credentials) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        for method, path, status in (
            ("GET", "/", 404),
            ("GET", "/socket.io", 404),
            ("OPTIONS", HANDSHAKE, 405),
            ("PUT", HANDSHAKE, 405),
            ("GET", "/socket.io/?transport=polling&EIO=3", 400),
            ("GET", f"{HANDSHAKE}&sid=nobody", 400),
            ("POST", HANDSHAKE, 400),
        ):
            async with http.request(method, hub.url + path) as response:
                assert (path, response.status) == (path, status)
