"""A machine with another certificate gets nothing: not one byte of a request, on no way that leads out."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from rung.runtimes.debug import DebugChannel
from rung.runtimes.debug_link import DebugLink
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.recognise import recognise
from rung.runtimes.tls import CertificateMismatch, open_pinned_socket
from rung.runtimes.v4 import V4Client
from rung.runtimes.way import Direct
from runtimes.scripted_device import PASSWORD, QUICK, V4_1, raw_peer

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice

CALLS: list[Callable[[V4Client, str], Awaitable[object]]] = [
    lambda c, pin: recognise(c.address, pin, QUICK),
    lambda c, pin: c.create_first_user("admin", PASSWORD),
    lambda c, pin: c.login("admin", PASSWORD),
]


@pytest.mark.parametrize("call", CALLS)
async def test_no_request_reaches_a_machine_with_another_certificate(
    identity: Identity, stranger: Identity, call: Callable[[V4Client, str], Awaitable[object]]
) -> None:
    async with raw_peer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", stranger) as peer:
        client = V4Client(Direct(peer.address, identity.pin), V4_1, QUICK)
        with pytest.raises(CertificateMismatch) as caught:
            await call(client, identity.pin)
        await client.aclose()
        assert peer.connections == 1
        assert bytes(peer.received) == b""
    failure = caught.value
    assert failure.kind is Kind.CERTIFICATE_CHANGED
    assert identity.certificate.fingerprint in failure.message
    assert stranger.certificate.fingerprint in failure.message
    assert failure.seen == stranger.certificate


async def test_the_upload_of_a_logged_in_client_is_stopped_too(
    client: V4Client, device: ScriptedDevice, stranger: Identity
) -> None:
    await device.stop()
    async with raw_peer(None, stranger, device.port) as peer:
        with pytest.raises(CertificateMismatch):
            await client.upload(b"PK" * 100, "program.zip")
        assert bytes(peer.received) == b""


async def test_the_debug_channel_sends_no_token_to_another_certificate(identity: Identity, stranger: Identity) -> None:
    async def token(stale: str | None) -> str:
        return "a-token"

    async with raw_peer(None, stranger) as peer:
        channel = DebugChannel(DebugLink(peer.address, identity.pin, token, 2.0))
        with pytest.raises(RuntimeFailure) as caught:
            await channel.md5()
        await channel.aclose()
        assert caught.value.kind is Kind.CERTIFICATE_CHANGED
        assert bytes(peer.received) == b""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_tls_older_than_1_2_is_refused(identity: Identity) -> None:
    old = identity.server_context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with raw_peer(None, old) as peer:
        client = V4Client(Direct(peer.address, identity.pin), V4_1, QUICK)
        with pytest.raises(RuntimeFailure, match=r"TLS 1\.2 or newer"):
            await client.login("admin", PASSWORD)
        await client.aclose()


async def test_the_blocking_socket_is_closed_when_the_pin_differs(identity: Identity, stranger: Identity) -> None:
    import asyncio

    async with raw_peer(None, stranger) as peer:
        with pytest.raises(CertificateMismatch):
            await asyncio.to_thread(open_pinned_socket, peer.address, identity.pin, 2.0)
        assert bytes(peer.received) == b""
