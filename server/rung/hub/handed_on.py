"""A TLS connection that is handed on to aiohttp: what both listeners add to aiohttp's own protocol."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from aiohttp import web


class HandedOn(asyncio.Protocol, ABC):
    """A connection whose handshake has ended.

    Args:
        http: aiohttp's protocol.
        origin: the peer's IP address, told by the proxy in front where there is one.
    """

    __slots__ = ("_http", "origin")

    def __init__(self, http: asyncio.Protocol, origin: str) -> None:
        self._http: asyncio.Protocol | None = http
        self.origin = origin

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it on, unless it is not admitted."""
        assert isinstance(transport, asyncio.WriteTransport)
        if self._http is None or not self._admitted(transport):
            self._http = None
            transport.abort()
            return
        self._http.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand it on."""
        if self._http is not None:
            self._http.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand it on."""
        return self._http.eof_received() if self._http is not None else None

    def pause_writing(self) -> None:
        """Hand it on."""
        if self._http is not None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """Hand it on."""
        if self._http is not None:
            self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand it on, for the last time."""
        if self._http is not None:
            self._http.connection_lost(exc)
            self._http = None

    @abstractmethod
    def _admitted(self, transport: asyncio.WriteTransport) -> bool:
        """Whether the connection may stay; called once, before anything is handed on."""


def handed_on(request: web.BaseRequest) -> HandedOn | None:
    """The connection that a request came by; None when it has ended."""
    protocol = request.transport.get_protocol() if request.transport is not None else None
    return protocol if isinstance(protocol, HandedOn) else None
