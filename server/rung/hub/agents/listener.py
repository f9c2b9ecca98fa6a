"""The agents' listener: TCP, TLS with client certificates, HTTP; what a peer may hold before and after it is known.

Invariant: before its TLS handshake has ended a peer is nobody and may hold one of few places for few seconds; afterwards its certificate has a fixed
number of connections, whatever its address.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import sslproto
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.peer import Peer, peer_of_transport
from rung.hub.handed_on import HandedOn, handed_on
from rung.hub.limits import Network
from rung.hub.tls_listener import HandshakeBounds, TlsListener, count_down

_HEAD_LINE: Final = 4096
_HEAD_FIELD: Final = 8190
_HEAD_FIELDS: Final = 50
_TLS_BUFFER: Final = 32 * 1024


class Connection(HandedOn):
    """A connection of a known peer.

    Attributes:
        peer: whose it is.
        lost: called once, when the connection is lost; a request that has to know sets it.
    """

    __slots__ = ("_listener", "lost", "peer")

    def __init__(self, http: asyncio.Protocol, listener: AgentsListener, origin: str) -> None:
        super().__init__(http, origin)
        self._listener = listener
        self.peer: Peer | None = None
        self.lost: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.peer is not None:
            self._listener.release(self.peer)
        if self.lost is not None:
            lost, self.lost = self.lost, None
            lost()

    def _admitted(self, transport: asyncio.WriteTransport) -> bool:
        peer = peer_of_transport(transport)
        if peer is None or not self._listener.admit(peer):
            return False
        self.peer = peer
        return True


class AgentsListener(TlsListener):
    """Serves the agents' application.

    Args:
        application: of `Agents.application`, with what else is to be served there.
        context: TLS that requires a client certificate.
        host: an address; empty for all.
        port: 0 for any free one.
        bounds: limits.
        proxies: whose connections begin with a header of the PROXY protocol.
    """

    def __init__(
        self,
        application: web.Application,
        context: ssl.SSLContext,
        host: str,
        port: int,
        bounds: AgentBounds | None = None,
        proxies: Sequence[Network] = (),
    ) -> None:
        if context.verify_mode is not ssl.CERT_REQUIRED:
            raise ValueError("the agents' listener needs a context that requires client certificates")
        self.bounds = bounds or AgentBounds()
        # aiohttp counts the keep-alive time from the connection's beginning, too, so it also bounds a request's head.
        runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=self.bounds.head_seconds,
            max_line_size=_HEAD_LINE,
            max_field_size=_HEAD_FIELD,
            max_headers=_HEAD_FIELDS,
            lingering_time=1.0,
            shutdown_timeout=2.0,
        )
        handshakes = HandshakeBounds(self.bounds.tls_seconds, self.bounds.tls_per_address, self.bounds.tls_at_once)
        super().__init__("agents' listener", runner, context, host, port, handshakes, proxies)
        self._connections: Counter[str] = Counter()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address cannot be had.
        """
        # Each TLS connection gets a buffer of 256 KiB from the standard library, of which idle agents use a few bytes. Two records are enough.
        if hasattr(sslproto.SSLProtocol, "max_size"):  # not before Python 3.11
            sslproto.SSLProtocol.max_size = _TLS_BUFFER
        await super().start()

    def admit(self, peer: Peer) -> bool:
        """Whether the peer may have one more connection; it is counted then."""
        if self._connections[peer.fingerprint] >= self.bounds.connections:
            self.counts["connections refused"] += 1
            return False
        self._connections[peer.fingerprint] += 1
        return True

    def release(self, peer: Peer) -> None:
        """A connection that was admitted has ended."""
        count_down(self._connections, peer.fingerprint)

    def _connection_of(self, http: asyncio.Protocol, origin: str) -> HandedOn:
        return Connection(http, self, origin)


def connection_of(request: web.BaseRequest) -> Connection | None:
    """The connection that a request came by; None when it has ended."""
    connection = handed_on(request)
    return connection if isinstance(connection, Connection) else None
