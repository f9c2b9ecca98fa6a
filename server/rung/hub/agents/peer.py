"""Who is at the other end of a connection, as its client certificate says.

Invariant: a peer is made of a verified TLS handshake alone; nothing that a request says about itself is believed.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import cast

from aiohttp import web

from rung.hub.handed_on import HandedOn


@dataclass(frozen=True, slots=True)
class Peer:
    """The holder of a certificate that the hub's agent authority has issued.

    Attributes:
        common_name: the agent that the certificate is for; `Orchestrator.agent` says whose that is.
        fingerprint: SHA-256 of its DER form, 64 upper-case hex digits.
        not_after: when it ends, in UTC.
        address: where the connection comes from.
    """

    common_name: str
    fingerprint: str
    not_after: datetime
    address: str


_current: ContextVar[Peer] = ContextVar("the peer of the request")


def peer_of_transport(transport: asyncio.BaseTransport | None) -> Peer | None:
    """The peer of a TLS connection; None when it has shown no certificate with exactly one common name."""
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    if transport is None or not isinstance(tls, (ssl.SSLObject, ssl.SSLSocket)):
        return None
    der, words = tls.getpeercert(binary_form=True), tls.getpeercert()
    if not der or not words:  # the words are there only if the certificate was verified
        return None
    # The library's form: groups of pairs of words.
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", words.get("subject", ()))
    names = [value for group in subject for key, value in group if key == "commonName"]
    ends = words.get("notAfter")
    if len(names) != 1 or not isinstance(ends, str):
        return None
    handed_on = transport.get_protocol() if isinstance(transport, asyncio.Transport) else None
    peer = transport.get_extra_info("peername")
    # A connection that was handed on knows whom a proxy that passes TLS through speaks for.
    address = (
        handed_on.origin
        if isinstance(handed_on, HandedOn)
        else str(peer[0])
        if isinstance(peer, tuple) and peer
        else "-"
    )
    return Peer(
        common_name=names[0],
        fingerprint=hashlib.sha256(der).hexdigest().upper(),
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), timezone.utc),
        address=address,
    )


def note_peer(request: web.Request) -> Peer | None:
    """Take the request's peer while its connection is there, for `current_peer`."""
    peer = peer_of_transport(request.transport)
    if peer is not None:
        _current.set(peer)
    return peer


def current_peer() -> Peer:
    """Whose request is being answered; the agents' listener lets none through without a certificate."""
    return _current.get()
