"""The one table from what Python raises to what a user is told. It imports nothing but the standard library."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final

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


_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_IP = 10, 9, 62, 64
"""OpenSSL's numbers for what is wrong with a certificate (X509_V_ERR_...)."""


def _certificate_is(*codes: int) -> Callable[[BaseException, Phase], bool]:
    def fits(error: BaseException, phase: Phase) -> bool:
        return isinstance(error, ssl.SSLCertVerificationError) and (not codes or error.verify_code in codes)

    return fits


_GOES_ON: Final = "The machines behind it go on as they are."

# The same for a hub. Its certificate is verified by an authority; when that fails nothing was sent.
_HUB_TABLE: tuple[Row, ...] = (
    (
        _certificate_is(_EXPIRED, _NOT_YET),
        Kind.UNTRUSTED,
        "The certificate of the hub {authority} has expired or is not valid yet, so nothing was sent to it.",
        "Check the clock of this computer; if it is right, whoever runs the hub has to renew its certificate.",
    ),
    (
        _certificate_is(_OTHER_NAME, _OTHER_IP),
        Kind.UNTRUSTED,
        "What answers at {authority} shows a certificate for another name than {host}, so nothing was sent to it.",
        "Use the name that the hub was set up with (rung hub init --name). If that is the name, somebody may be listening in.",
    ),
    (
        _certificate_is(),
        Kind.UNTRUSTED,
        "The certificate of the hub {authority} is not from an authority that is trusted for it, so nothing was sent to it.",
        "Give the authority's certificate, which rung hub init has written, when you add the hub (rung connection add NAME --hub URL "
        "--ca FILE). If you did, this is not your hub.",
    ),
    (
        lambda e, p: isinstance(e, ConnectionRefusedError),
        Kind.REFUSED,
        f"The hub {{authority}} refused the connection: the computer is there, but no hub listens on port {{port}}. {_GOES_ON}",
        "Start the hub (rung hub serve), and check the port (hubs use 8444 for editors).",
    ),
    (
        lambda e, p: isinstance(e, socket.gaierror),
        Kind.DNS,
        "The name {host} of the hub is not known: this computer's name service has no address for it.",
        "Check the spelling, and that this computer is in the right network.",
    ),
    (
        lambda e, p: isinstance(e, (TimeoutError, socket.timeout)) and p is not Phase.REQUEST,
        Kind.TIMEOUT,
        f"The hub {{authority}} did not answer: it is switched off, has another address, or a firewall blocks the port. {_GOES_ON}",
        "Check this computer's network, the hub's address, and that a firewall lets port {port} through.",
    ),
    (
        lambda e, p: isinstance(e, (TimeoutError, socket.timeout)),
        Kind.TIMEOUT,
        "The hub {authority} gave no answer in time; whether the machine behind it has heard the request is not known.",
        "Look at the state of the machine before you try again.",
    ),
    (
        lambda e, p: p is not Phase.REQUEST and isinstance(e, OSError) and e.errno in _UNREACHABLE,
        Kind.UNREACHABLE,
        f"There is no way from this computer to the hub {{authority}}. {_GOES_ON}",
        "Check this computer's network.",
    ),
    (
        lambda e, p: p is not Phase.REQUEST and _is_no_tls(e),
        Kind.NOT_OPENPLC,
        "What listens at {authority} does not speak TLS 1.2 or newer, so it is no hub. Nothing was sent.",
        "Check the address and the port (hubs use 8444 for editors).",
    ),
    (
        lambda e, p: p is not Phase.REQUEST,
        Kind.LOST,
        f"The hub {{authority}} broke the connection before TLS had begun: it is being started or ended, or does not speak TLS 1.2 or newer. "
        f"Nothing was sent to it. {_GOES_ON}",
        "Try again; if it stays so, look at the hub's log.",
    ),
    (
        lambda e, p: isinstance(e, NotHttp),
        Kind.NOT_OPENPLC,
        "What listens at {authority} does not answer in HTTP, so it is no hub.",
        "Check the address and the port (hubs use 8444 for editors).",
    ),
    (
        lambda e, p: True,
        Kind.LOST,
        "The connection to the hub {authority} broke before it had answered; whether the machine behind it has heard the request is not "
        "known.",
        "Look at the state of the machine before you try again. If it is so with every request, check the port: hubs use 8444 for editors.",
    ),
)


def describe(error: BaseException, address: Address, phase: Phase = Phase.REQUEST) -> RuntimeFailure:
    """The sentence for an exception.

    Args:
        error: anything that sockets, ssl or HTTP raised; its causes are looked at, too.
        address: whom we talked to; where that is a machine behind a hub, the hub is whom we really talked to.
        phase: how far it had come.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, RuntimeFailure):
            return cause
    words = {"address": str(address), "host": address.host, "port": address.port, "authority": address.authority}
    for fits, kind, message, hint in _HUB_TABLE if address.through_hub else _TABLE:
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
