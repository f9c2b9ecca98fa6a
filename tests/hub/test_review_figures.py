"""Figures: what is refused is counted, and a proxy on the hub's own computer brings no stranger in."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
import ssl
from pathlib import Path

from hub.test_serve import LOCAL, made, serving
from rung.hub.journal import Journal
from rung.hub.serve import Hub


async def figures(context: ssl.SSLContext, port: int, before: bytes = b"") -> bytes:
    """The answer to a question for the figures; `before` goes ahead of TLS."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(before)
    reader, writer = await asyncio.open_connection(sock=connection, ssl=context, server_hostname="localhost")
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


def speaking_for(address: str) -> bytes:
    """The header of a proxy that passes TLS through."""
    here = ipaddress.IPv4Address("127.0.0.1").packed
    ends = ipaddress.IPv4Address(address).packed + here + (50000).to_bytes(2, "big") + (8444).to_bytes(2, "big")
    return b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + len(ends).to_bytes(2, "big") + ends


async def test_a_stranger_behind_a_proxy_on_this_computer_sees_no_figures(tmp_path: Path) -> None:
    assert "proxy_protocol" not in LOCAL
    settings, _ = await made(tmp_path, proxy_protocol=["127.0.0.1/32"])
    hub = Hub(settings, journal=Journal("test", io.StringIO()))
    await hub.start()
    try:
        context = ssl.create_default_context(cafile=str(tmp_path / "server-ca.pem"))
        stranger = await figures(context, hub.editors_port, speaking_for("203.0.113.9"))
        assert stranger.startswith(b"HTTP/1.1 404 ")
        own = await figures(context, hub.editors_port, speaking_for("127.0.0.1"))
        assert own.startswith(b"HTTP/1.1 200 ")
    finally:
        await hub.stop()


async def test_handshakes_that_fail_at_the_agents_listener_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.hub.agents_port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.close()
        told = await figures(running.context(), running.hub.editors_port)
        assert b'rung_hub_agents{figure="listener_handshakes_failed"} 1.0' in told
