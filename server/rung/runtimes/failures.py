"""The one table from what Python raises to what a user is told. It imports nothing but the standard library."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from enum import Enum

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure


class Phase(Enum):
    """How far a conversation had come."""

    CONNECT = "connect"
    TLS = "tls"
    TLS_AGAIN = "tls with a machine whose certificate is trusted already"
    REQUEST = "request"


class NotHttp(Exception):
    """The peer's bytes are not HTTP."""


_UNREACHABLE = {
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENETDOWN,
    errno.EADDRNOTAVAIL,
    errno.EPERM,
    errno.EACCES,
}
_CUT = (
    ConnectionResetError,
    ConnectionAbortedError,
    BrokenPipeError,
    EOFError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)


def _is_no_tls(error: BaseException) -> bool:
    """Whether the peer has spoken, and said something else than TLS."""
    return isinstance(error, ssl.SSLError) and not isinstance(error, _CUT)


Row = tuple[Callable[[BaseException, Phase], bool], Kind, str, str]

# The first row that fits any of the causes wins. A host that answered, if only to refuse, is better news than one
# that did not, so it stands first: a name with several addresses fails in several ways.
_TABLE: tuple[Row, ...] = (
    (
        lambda e, p: isinstance(e, ConnectionRefusedError),
        Kind.REFUSED,
        "{host} refused the connection: the device is there, but no program listens on port {port}.",
        "Start the runtime on the device, and check the port of this connection (OpenPLC runtimes use 8443).",
    ),
    (
        lambda e, p: isinstance(e, socket.gaierror),
        Kind.DNS,
        "The name {host} is not known: this computer's name service has no address for it.",
        "Check the spelling, or use the device's IP address.",
    ),
    (
        lambda e, p: isinstance(e, (TimeoutError, socket.timeout)) and p is Phase.CONNECT,
        Kind.TIMEOUT,
        "{address} did not answer: the device is switched off, has another address, or a firewall blocks the port.",
        "Check the device's power, cable and address, and that a firewall lets port {port} through.",
    ),
    (
        lambda e, p: isinstance(e, (TimeoutError, socket.timeout)) and p in (Phase.TLS, Phase.TLS_AGAIN),
        Kind.TIMEOUT,
        "{address} accepted the connection but did not begin TLS in time: the device is very busy, or it is no OpenPLC runtime.",
        "Try again; if it stays so, check that the port is the runtime's (OpenPLC runtimes use 8443).",
    ),
    (
        lambda e, p: isinstance(e, (TimeoutError, socket.timeout)),
        Kind.TIMEOUT,
        "{address} accepted the connection but did not answer in time: the runtime is overloaded or hangs.",
        "Try again; if it stays so, restart the runtime service on the device.",
    ),
    (
        lambda e, p: isinstance(e, OSError) and not isinstance(e, ssl.SSLError) and e.errno in _UNREACHABLE,
        Kind.UNREACHABLE,
        "There is no way from this computer to {host}: the device is switched off, or it is in another network.",
        "Check the cable and the IP address, and that this computer and the device are in the same network.",
    ),
    (
        lambda e, p: p is Phase.TLS or (p is Phase.TLS_AGAIN and _is_no_tls(e)),
        Kind.NOT_OPENPLC,
        "What listens on {address} does not speak TLS 1.2 or newer, so it is not the REST interface of an OpenPLC runtime. The request was not sent.",
        "Check the port: OpenPLC Runtime v3 and v4 use 8443 with TLS. The web pages of v3 are plain HTTP on 8080: write http:// before the address.",
    ),
    (
        lambda e, p: p is Phase.TLS_AGAIN,
        Kind.LOST,
        "{address} broke the connection before TLS had begun: its runtime is being started or ended, is overloaded, or does not speak "
        "TLS 1.2 or newer. The request was not sent.",
        "Check that the runtime still runs on the device, then try again.",
    ),
    (
        lambda e, p: isinstance(e, NotHttp),
        Kind.NOT_OPENPLC,
        "What listens on {address} does not answer in HTTP, so it is no OpenPLC runtime.",
        "Check the address and the port (OpenPLC runtimes use 8443).",
    ),
    (
        lambda e, p: isinstance(e, _CUT),
        Kind.LOST,
        "{address} broke the connection before it had answered.",
        "Check that the runtime still runs on the device and the network is steady, then try again.",
    ),
)


def describe(error: BaseException, address: Address, phase: Phase = Phase.REQUEST) -> RuntimeFailure:
    """The sentence for an exception.

    Args:
        error: anything that sockets, ssl or HTTP raised; its causes are looked at, too.
        address: whom we talked to.
        phase: how far it had come.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, RuntimeFailure):
            return cause
    words = {"address": str(address), "host": address.host, "port": address.port}
    for fits, kind, message, hint in _TABLE:
        if any(fits(cause, phase) for cause in causes):
            return RuntimeFailure(kind, message.format_map(words), hint.format_map(words))
    return RuntimeFailure(
        Kind.LOST,
        f"The connection to {address} failed ({type(causes[-1]).__name__}).",
        "Check the network and the runtime on the device, then try again.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, what it was raised from, and the members of groups, outermost first."""
    seen: set[int] = set()
    queue = [error]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        queue += getattr(current, "exceptions", ())
        queue += [cause for cause in (current.__cause__, current.__context__) if cause is not None]
