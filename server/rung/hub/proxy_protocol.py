"""The PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt, section 2.2): a proxy that passes TLS through says whose connection it is.

Invariant: exactly the header's bytes are read, so that TLS begins with the next one. Whether a peer may send a header at all is the caller's affair.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD: Final = 16
_LARGEST: Final = 536
"""Addresses, and as many further fields as any proxy sends."""
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6 = 0x11, 0x21


class NoProxyHeaderError(OSError):
    """The connection does not begin with a header of this protocol."""


async def read_origin(connection: socket.socket) -> str | None:
    """The IP address of the peer behind the proxy; None when the proxy speaks for itself, as in its health checks.

    Args:
        connection: not blocking; nothing has been read of it.

    Raises:
        NoProxyHeaderError: there is no such header.
    """
    head = await _exactly(connection, _HEAD)
    length = int.from_bytes(head[14:16], "big")
    if head[:12] != _SIGNATURE or head[12] not in (_LOCAL, _PROXY) or length > _LARGEST:
        raise NoProxyHeaderError
    rest = await _exactly(connection, length)
    if head[12] == _LOCAL:
        return None
    if head[13] == _TCP4 and length >= 12:
        return str(ipaddress.IPv4Address(rest[:4]))
    if head[13] == _TCP6 and length >= 36:
        return str(ipaddress.IPv6Address(rest[:16]))
    raise NoProxyHeaderError


async def _exactly(connection: socket.socket, length: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < length:
        part = await loop.sock_recv(connection, length - len(data))
        if not part:
            raise NoProxyHeaderError
        data += part
    return data
