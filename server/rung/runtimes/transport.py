"""HTTP to one machine. Over TLS the pin is compared on the very connection, before the first byte of a request is written.

These transports are the only ones that the clients here use. They go to their own address whatever a URL says and follow no
proxy. `PinnedTransport` closes a connection whose certificate is not the pinned one before HTTP begins; `VerifiedTransport` is for
hubs, whose certificate an authority vouches for, and whose name is compared; `PlainTransport` is for the web pages of Runtime v3,
which know no encryption.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable

import httpcore
import httpx

from rung.runtimes.address import Address
from rung.runtimes.certificate import Certificate
from rung.runtimes.failures import NotHttp, Phase, describe
from rung.runtimes.tls import CertificateMismatch, check_peer, context

_MOST_CONNECTIONS = 8
_KEPT_OPEN = 2
_KEPT_OPEN_S = 5.0
"""For a hub. Much shorter than servers wait for a next request, so that none is sent into a connection that is just being closed."""
_NETWORK_ERRORS = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError)


class _Transport(httpx.AsyncBaseTransport):
    """An httpx transport to one address. Raises RuntimeFailure, never an exception of the HTTP library."""

    def __init__(
        self,
        address: Address,
        backend: httpcore.AsyncNetworkBackend,
        ssl_context: ssl.SSLContext | None,
        kept_open: int = 0,
    ) -> None:
        self._address = address
        # Of a machine nothing is kept open between requests: the runtime closes after each answer anyway, and so each request
        # has its own handshake and its own look at the certificate.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            network_backend=backend,
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=kept_open,
            keepalive_expiry=_KEPT_OPEN_S,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return the answer with its body still to be read."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        url = request.url
        try:
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _NETWORK_ERRORS as error:
            raise describe(_plain(error), self._address) from None
        assert isinstance(answer.stream, AsyncIterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, self._address))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class PinnedTransport(_Transport):
    """To `address` for as long as it shows the certificate `pin` (64 upper-case hex digits)."""

    def __init__(self, address: Address, pin: str) -> None:
        super().__init__(address, _PinnedBackend(address, pin), context())


class VerifiedTransport(_Transport):
    """To the hub at `address`, whose certificate must satisfy `verifying`, a context that checks authority and host name."""

    def __init__(self, address: Address, verifying: ssl.SSLContext) -> None:
        assert verifying.check_hostname
        assert verifying.verify_mode is ssl.CERT_REQUIRED
        super().__init__(address, _VerifiedBackend(address), verifying, _KEPT_OPEN)


class PlainTransport(_Transport):
    """To `address` without encryption: everything that is sent can be read on the way."""

    def __init__(self, address: Address) -> None:
        super().__init__(address, _PlainBackend(address), None)


async def fetch_certificate(address: Address, timeout: float) -> Certificate:
    """See `rung.runtimes.pins.fetch_certificate`."""
    plain = await _connect(address, timeout)
    stream = await _shake_hands(plain, address, context(), address.host, timeout)
    try:
        tls = stream.get_extra_info("ssl_object")
        der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    finally:
        await stream.aclose()
    if not der:
        raise describe(EOFError(), address, Phase.TLS)
    return Certificate.from_der(der)


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, address: Address, pin: str) -> None:
        self._address = address
        self._pin = pin

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _PinnedStream(await _connect(self._address, timeout), self._address, self._pin)


class _PlainBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, address: Address) -> None:
        self._address = address

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return await _connect(self._address, timeout)


class _VerifiedBackend(httpcore.AsyncNetworkBackend):
    def __init__(self, address: Address) -> None:
        self._address = address

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _VerifiedStream(await _connect(self._address, timeout), self._address)


class _VerifiedStream(httpcore.AsyncNetworkStream):
    """A TCP connection that can do one thing only: become a TLS connection to a hub of the right name."""

    def __init__(self, plain: httpcore.AsyncNetworkStream, address: Address) -> None:
        self._plain = plain
        self._address = address

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        host = self._address.host.partition("%")[0]
        return await _shake_hands(self._plain, self._address, ssl_context, host, timeout)

    async def aclose(self) -> None:
        await self._plain.aclose()


class _PinnedStream(httpcore.AsyncNetworkStream):
    """A TCP connection that can do one thing only: become a TLS connection to the pinned machine."""

    def __init__(self, plain: httpcore.AsyncNetworkStream, address: Address, pin: str) -> None:
        self._plain = plain
        self._address = address
        self._pin = pin

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        stream = await _shake_hands(self._plain, self._address, ssl_context, server_hostname, timeout, Phase.TLS_AGAIN)
        tls = stream.get_extra_info("ssl_object")
        try:
            check_peer(tls if isinstance(tls, ssl.SSLObject) else None, self._address, self._pin)
        except CertificateMismatch:
            await stream.aclose()
            raise
        return stream

    async def aclose(self) -> None:
        await self._plain.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, address: Address) -> None:
        self._answer = answer
        self._address = address

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.aiter_stream():
                yield part
        except _NETWORK_ERRORS as error:
            raise describe(_plain(error), self._address) from None

    async def aclose(self) -> None:
        await self._answer.aclose()


async def _connect(address: Address, timeout: float | None) -> httpcore.AsyncNetworkStream:
    try:
        return await httpcore.AnyIOBackend().connect_tcp(address.host, address.port, timeout)
    except _NETWORK_ERRORS as error:
        raise describe(_plain(error), address, Phase.CONNECT) from None


async def _shake_hands(
    plain: httpcore.AsyncNetworkStream,
    address: Address,
    ssl_context: ssl.SSLContext,
    server_hostname: str | None,
    timeout: float | None,
    phase: Phase = Phase.TLS,
) -> httpcore.AsyncNetworkStream:
    try:
        return await plain.start_tls(ssl_context, server_hostname, timeout)
    except _NETWORK_ERRORS as error:
        raise describe(_plain(error), address, phase) from None
    except asyncio.CancelledError:
        await plain.aclose()  # the library closes it after an error only
        raise


def _plain(error: Exception) -> Exception:
    """The same failure without the HTTP library's own classes; what the system said stays in the chain of causes."""
    if isinstance(error, httpcore.TimeoutException):
        return TimeoutError()
    if isinstance(error, httpcore.ProtocolError):
        # The HTTP library says "Server disconnected" in the same class as "illegal status line".
        return EOFError() if any(word in str(error) for word in ("disconnected", "closed")) else NotHttp()
    if isinstance(error, (httpcore.ReadError, httpcore.WriteError)):
        cut = EOFError()
        cut.__cause__ = error  # the system's own error, where there is one, is more precise
        return cut
    return error
