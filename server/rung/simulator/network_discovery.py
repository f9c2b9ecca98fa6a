"""Answers to "is there a runtime on this network?" over UDP (protocol section 1.7).

Invariant: only the exact question is answered, at most once per address and 100 ms, so nobody is flooded through us.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final, cast

from rung.simulator.answers import Json
from rung.simulator.logs import RuntimeLog

DISCOVERY_PORT: Final = 33333
_QUESTION: Final = b"OPENPLC_DISCOVER_V1"
_LONGEST_QUESTION: Final = 64
_INTERVAL_S: Final = 0.1
_MOST_REMEMBERED: Final = 1024


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[], bytes]) -> None:
        self._answer = answer
        self._answered: dict[str, float] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > _LONGEST_QUESTION or data.strip() != _QUESTION:
            return
        now = time.monotonic()
        if now - self._answered.get(addr[0], -_INTERVAL_S) < _INTERVAL_S:
            return
        if len(self._answered) >= _MOST_REMEMBERED:
            self._answered.clear()
        self._answered[addr[0]] = now
        if self._transport is not None:
            self._transport.sendto(self._answer(), addr)


async def answer_discovery(
    host: str,
    port: int,
    *,
    api_port: int,
    version: str,
    log: RuntimeLog,
    project: Callable[[], Mapping[str, Json]] = dict,
) -> asyncio.DatagramTransport | None:
    """Listen for discovery questions where the server listens.

    Args:
        host: the address the server listens on.
        port: the UDP port, 0 for any.
        api_port: the server's TCP port, told to whoever asks.
        version: the runtime version to tell.
        log: told when the port cannot be had; discovery is a convenience, its absence stops nothing.
        project: what to tell of the project that the device keeps, asked for every answer.

    Returns:
        The socket to close, or None when there is none.
    """
    record = {
        "service": "openplc-runtime",
        "protocol_version": 1,
        "runtime_version": version,
        "hostname": socket.gethostname(),
        "api_port": api_port,
    }

    def answer() -> bytes:
        return json.dumps({**record, **project()}, separators=(",", ":")).encode()

    try:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Responder(answer), local_addr=(host, port)
        )
    except OSError as error:
        log.warning(
            f"Discovery responder could not bind UDP {port}: {error.strerror or error}. "
            "A search on the network will not find this runtime."
        )
        return None
    log.info(f"Discovery responder listening on UDP {port}")
    return transport
