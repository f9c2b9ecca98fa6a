"""Accepting TLS connections for an aiohttp application, under limits that hold before anybody is known.

Invariant: until its TLS handshake has ended a peer is nobody and holds one of few places for few seconds; only then there is a protocol for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from rung.hub.handed_on import HandedOn
from rung.hub.limits import Network, place_of
from rung.hub.proxy_protocol import read_origin
from rung.runtimes.deadline import within

_log = logging.getLogger("rung.hub.listener")
_BACKLOG: Final = 1024
_NO_DESCRIPTORS_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class HandshakeBounds:
    """Limits of handshakes under way: `seconds` for each, how many `per_address`, and how many `at_once` in all."""

    seconds: float
    per_address: int
    at_once: int


class TlsListener(ABC):
    """Listens, shakes hands and hands connections on; who is let in then is for the listeners of each kind to say.

    Args:
        name: what it is called in the log.
        runner: of the application.
        context: TLS.
        host: an address; empty for all.
        port: 0 for any free one.
        bounds: limits.
        proxies: whose connections begin with a header of the PROXY protocol, and no others.

    Attributes:
        counts: what was refused or failed, by words.
    """

    def __init__(
        self,
        name: str,
        runner: web.AppRunner,
        context: ssl.SSLContext,
        host: str,
        port: int,
        bounds: HandshakeBounds,
        proxies: Sequence[Network] = (),
    ) -> None:
        self._name, self._runner, self._context = name, runner, context
        self._host, self._port, self._handshake_bounds = host, port, bounds
        self._proxies = tuple(proxies)
        self._sockets: list[socket.socket] = []
        self._acceptors: list[asyncio.Task[None]] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._shaking: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else self._port

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the address cannot be had.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            for family, _, _, _, address in await loop.getaddrinfo(
                self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                # Several addresses with a free port each would be told apart by nobody: the first one's is for all.
                self._sockets.append(_listening(family, str(address[0]), self.port))
        except OSError:
            await self.stop()
            raise
        self._acceptors = [loop.create_task(self._accept(one), name=self._name) for one in self._sockets]

    async def stop_accepting(self) -> None:
        """Take no more connections; those that there are go on."""
        for task in (*self._acceptors, *self._handshakes):
            task.cancel()
        await asyncio.gather(*self._acceptors, *self._handshakes, return_exceptions=True)
        self._acceptors.clear()
        for one in self._sockets:
            one.close()

    async def stop(self) -> None:
        """Take no more connections, let requests under way end as far as the runner waits for them, and end everything."""
        await self.stop_accepting()
        await self._runner.cleanup()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        bounds = self._handshake_bounds
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError as error:  # no descriptors left, or the peer was faster
                _log.warning("A connection to the %s could not be taken: %s", self._name, error.strerror)
                await asyncio.sleep(_NO_DESCRIPTORS_PAUSE)
                continue
            if len(self._handshakes) >= bounds.at_once:
                self.counts["handshakes refused"] += 1
                connection.close()
            else:
                task = loop.create_task(self._admit(connection, str(address[0])))
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)
            await asyncio.sleep(0)  # an accept that need not wait does not let others run

    @abstractmethod
    def _connection_of(self, http: asyncio.Protocol, origin: str) -> HandedOn:
        """The protocol of a new connection from aiohttp's own and the peer's IP address."""

    def _is_proxy(self, address: str) -> bool:
        if not self._proxies:
            return False
        parsed = ipaddress.ip_address(address.partition("%")[0])
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._proxies)

    async def _admit(self, connection: socket.socket, origin: str) -> None:
        try:
            if self._is_proxy(origin):
                told = await within(self._handshake_bounds.seconds, read_origin(connection))
                origin = origin if told is None else told
            place = place_of(origin)
            if self._shaking[place] >= self._handshake_bounds.per_address:
                self.counts["handshakes refused"] += 1
                connection.close()
                return
            self._shaking[place] += 1
            try:
                await self._shake_hands(connection, origin)
            finally:
                count_down(self._shaking, place)
        except (OSError, TimeoutError):  # ssl.SSLError is one, too
            self.counts["handshakes failed"] += 1
            connection.close()

    async def _shake_hands(self, connection: socket.socket, origin: str) -> None:
        server = self._runner.server
        assert server is not None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: self._connection_of(server(), origin),
            connection,
            ssl=self._context,
            ssl_handshake_timeout=self._handshake_bounds.seconds,
        )


def count_down(counter: Counter[str], key: str) -> None:
    """One less; what nobody has takes no memory."""
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


def _listening(family: int, host: str, port: int) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.setblocking(False)
        one.bind((host, port))
        one.listen(_BACKLOG)
    except OSError:
        one.close()
        raise
    return one
