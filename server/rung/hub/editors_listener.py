"""The editors' listener: TCP, TLS, HTTP; what somebody may hold here before and after the first request.

Invariant: whoever does not go on is let go. A TLS handshake, a request's head and the taking of an answer each have their time, and a client
address has a fixed number of handshakes and connections. (Bodies have theirs where they are read.)
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from rung.hub.handed_on import HandedOn
from rung.hub.limits import Network, place_of
from rung.hub.tls_listener import HandshakeBounds, TlsListener, count_down


@dataclass(frozen=True, slots=True)
class EditorBounds:
    """Limits of the editors' listener; times in seconds.

    Attributes:
        tls_seconds: for the TLS handshake.
        tls_per_address: handshakes under way from one address.
        tls_at_once: the same, together.
        head_seconds: until a request's head is there, also between two requests.
        take_seconds: for a client to take what was sent before it is given more.
        per_address: connections of one address; a company's proxy has many people behind it.
        at_once: the same, together.
        drain_seconds: for requests under way to end when the hub stops.
    """

    tls_seconds: float = 10.0
    tls_per_address: int = 64
    tls_at_once: int = 1024
    head_seconds: float = 20.0
    take_seconds: float = 20.0
    per_address: int = 512
    at_once: int = 8192
    drain_seconds: float = 20.0


class _Connection(HandedOn):
    """A connection of somebody; one whose client does not take what it asked for is cut."""

    __slots__ = ("_cut", "_listener", "_transport")

    def __init__(self, http: asyncio.Protocol, listener: EditorsListener, origin: str) -> None:
        super().__init__(http, origin)
        self._listener = listener
        self._transport: asyncio.WriteTransport | None = None
        self._cut: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._cut = loop.call_later(self._listener.bounds.take_seconds, self._transport.abort)

    def resume_writing(self) -> None:
        self._keep()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        super().connection_lost(exc)
        if self._transport is not None:
            self._transport = None
            self._listener.release(self.origin)

    def _admitted(self, transport: asyncio.WriteTransport) -> bool:
        if not self._listener.admit(self.origin):
            return False
        self._transport = transport
        return True

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class EditorsListener(TlsListener):
    """Serves the editors' application.

    Args:
        application: what is served.
        context: TLS.
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
        bounds: EditorBounds | None = None,
        proxies: Sequence[Network] = (),
    ) -> None:
        self.bounds = bounds or EditorBounds()
        # aiohttp counts the keep-alive time from the connection's beginning, too, so it also bounds a request's head.
        runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=self.bounds.head_seconds,
            max_line_size=4096,
            max_field_size=9000,  # a runtime's token may be long
            max_headers=64,
            lingering_time=2.0,
            shutdown_timeout=self.bounds.drain_seconds,
        )
        handshakes = HandshakeBounds(self.bounds.tls_seconds, self.bounds.tls_per_address, self.bounds.tls_at_once)
        super().__init__("editors' listener", runner, context, host, port, handshakes, proxies)
        self._connections: Counter[str] = Counter()
        self.open = 0
        """Connections that there are."""

    def admit(self, address: str) -> bool:
        """Whether one more connection may come from there; it is counted then."""
        place = place_of(address)
        if self._connections[place] >= self.bounds.per_address or self.open >= self.bounds.at_once:
            self.counts["connections refused"] += 1
            return False
        self._connections[place] += 1
        self.open += 1
        return True

    def release(self, address: str) -> None:
        """A connection that was admitted has ended."""
        count_down(self._connections, place_of(address))
        self.open -= 1

    def _connection_of(self, http: asyncio.Protocol, origin: str) -> HandedOn:
        return _Connection(http, self, origin)
