"""Connections that a proxy passes on: whose they are is told by a header before TLS, and only a proxy may tell it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from hub.pki import Authority
from rung.hub.editors_listener import EditorBounds, EditorsListener
from rung.hub.limits import client_address
from rung.hub.proxy_protocol import NoProxyHeaderError, read_origin

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def header(source: str, command: int = 0x21, more: bytes = b"") -> bytes:
    """As HAProxy's `send-proxy-v2` writes it."""
    address = ipaddress.ip_address(source)
    if isinstance(address, ipaddress.IPv4Address):
        family, rest = 0x11, address.packed + ipaddress.ip_address("192.0.2.1").packed
    else:
        family, rest = 0x21, address.packed + ipaddress.ip_address("2001:db8::1").packed
    rest += (50_000).to_bytes(2, "big") + (8444).to_bytes(2, "big") + more
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2, "big") + rest


async def origin_in(data: bytes) -> tuple[str | None, bytes]:
    """What is read, and what is left for TLS."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        origin = await asyncio.wait_for(read_origin(ours), 5)
        return origin, ours.recv(4096)
    finally:
        ours.close()
        theirs.close()


@pytest.mark.parametrize("source", ["203.0.113.9", "2001:db8::77"])
async def test_exactly_the_header_is_read(source: str) -> None:
    assert await origin_in(header(source, more=b"\x04\x00\x03abc") + b"\x16\x03\x01") == (source, b"\x16\x03\x01")


async def test_a_proxy_may_speak_for_itself() -> None:
    local = SIGNATURE + b"\x20\x00\x00\x00"
    assert await origin_in(local + b"\x16") == (None, b"\x16")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00\x00\x00",
        header("203.0.113.9")[:20],
        header("203.0.113.9", command=0x11),
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE + b"\x21\x11\x00\x04\x01\x02\x03\x04",
        SIGNATURE + b"\x21\x31\x00\x0c" + bytes(12),
        b"PROXY TCP4 203.0.113.9 192.0.2.1 5 6\r\n",
    ],
    ids=["nothing", "TLS", "half", "version 1", "huge", "short addresses", "unix socket", "the text form"],
)
async def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(NoProxyHeaderError):
        await origin_in(data)


@asynccontextmanager
async def listening(folder: Path, *, behind_proxy: bool, bounds: EditorBounds | None = None) -> AsyncIterator[int]:
    """A listener that answers with the address that limits go by."""

    async def who(request: web.Request) -> web.Response:
        return web.Response(text=client_address(request))

    authority = Authority(folder)
    context = authority.server_context()
    context.verify_mode = ssl.CERT_NONE  # editors have no certificates
    application = web.Application()
    application.router.add_get("/", who)
    listener = EditorsListener(
        application,
        context,
        "127.0.0.1",
        0,
        bounds or EditorBounds(tls_seconds=1.0),
        LOOPBACK if behind_proxy else (),
    )
    await listener.start()
    try:
        yield listener.port
    finally:
        await listener.stop()


async def asked(port: int, before_tls: bytes) -> str | None:
    """The body of the answer; None when there was no TLS."""
    loop = asyncio.get_running_loop()
    plain = socket.socket()
    plain.setblocking(False)
    await loop.sock_connect(plain, ("127.0.0.1", port))
    await loop.sock_sendall(plain, before_tls)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    try:
        reader, writer = await asyncio.open_connection(sock=plain, ssl=trusting, server_hostname="hub")
    except OSError:
        return None
    writer.write(b"GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


async def test_limits_go_by_the_address_behind_the_proxy(tmp_path: Path) -> None:
    async with listening(tmp_path, behind_proxy=True) as port:
        assert await asked(port, header("203.0.113.9")) == "203.0.113.9"
        assert await asked(port, header("2001:db8::77")) == "2001:db8::/64"
        assert await asked(port, SIGNATURE + b"\x20\x00\x00\x00") == "127.0.0.1"
        assert await asked(port, b"") is None, "a connection of the proxy without a header is nobody's"


async def test_the_proxys_own_address_does_not_bound_its_clients(tmp_path: Path) -> None:
    one_each = EditorBounds(tls_seconds=1.0, tls_per_address=1, per_address=1)
    async with listening(tmp_path, behind_proxy=True, bounds=one_each) as port:
        answers = await asyncio.gather(*(asked(port, header(f"203.0.113.{last}")) for last in range(1, 9)))
        assert answers == [f"203.0.113.{last}" for last in range(1, 9)]


def test_the_addresses_of_one_ipv6_network_share_their_places() -> None:
    two = EditorBounds(per_address=2)
    listener = EditorsListener(web.Application(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "127.0.0.1", 0, two)
    assert [listener.admit(f"2001:db8::{last}") for last in (1, 2, 3)] == [True, True, False]
    assert listener.admit("2001:db8:0:1::1")
    listener.release("2001:db8::2")
    assert listener.admit("2001:db8::3")


async def test_nobody_else_can_claim_an_address(tmp_path: Path) -> None:
    async with listening(tmp_path, behind_proxy=False) as port:
        assert await asked(port, header("203.0.113.9")) is None
        assert await asked(port, b"") == "127.0.0.1"
