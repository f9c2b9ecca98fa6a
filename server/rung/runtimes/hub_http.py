"""Requests to a hub: its certificate verified, every answer bounded, and marked by the hub as its own or as a machine's.

The token is in one header of these requests and nowhere else: not in an exception, a repr or a log line.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import httpx

from rung.runtimes.address import Address
from rung.runtimes.deadline import within
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure
from rung.runtimes.failures import describe
from rung.runtimes.hub_records import Confirmation, confirmation
from rung.runtimes.hubs import Hub
from rung.runtimes.transport import VerifiedTransport

API = "/api/v1"
MARK = "Rung-Hub"
"""The header by which a hub says whose answer this is: `hub` or `relayed`."""

_LARGEST = 4_000_000
_LARGEST_FAILURE = 64_000
_CONNECT_S = 5.0
_BEHIND, _OFFLINE = 502, 503
_BY_STATUS: Mapping[int, Kind] = {
    401: Kind.CREDENTIALS,
    403: Kind.CREDENTIALS,
    404: Kind.DNS,
    409: Kind.BUSY,
    413: Kind.UPLOAD_REFUSED,
    429: Kind.BUSY,
    503: Kind.UNREACHABLE,
    504: Kind.LOST,
}
_NEVER_BY_A_HUB = frozenset({Kind.CERTIFICATE_CHANGED, Kind.UNTRUSTED})
"""What only this side can find."""


class HubHttp:
    """HTTP to one hub.

    Args:
        hub: the hub.
        token: gives the token for it, at each request anew; RuntimeFailure when there is none.
        timeout: seconds for an answer.
    """

    def __init__(self, hub: Hub, token: Callable[[], str], timeout: float) -> None:
        self.hub = hub
        self._token = token
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            transport=VerifiedTransport(hub.address, verifying(hub)),
            base_url=hub.url,
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        content: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> object | Confirmation:
        """One request; the JSON value of its answer, or what has to be confirmed first.

        Args:
            method: of HTTP.
            path: behind `/api/v1`.
            query: of the URL.
            content: sent as JSON.
            timeout: seconds, where the usual patience is not right.

        Raises:
            RuntimeFailure: what the hub says, or that it cannot be reached. NotRelayed where no machine has heard of it.
        """
        seconds = self._timeout if timeout is None else timeout
        request = self._request(method, path, seconds, query, content)
        try:
            return await within(seconds + _CONNECT_S, self._exchange(request))
        except TimeoutError:
            raise describe(TimeoutError(), self.hub.address) from None

    @asynccontextmanager
    async def stream(self, path: str, silence: float) -> AsyncIterator[httpx.Response]:
        """An answer that does not end by itself; `silence` is after how many seconds without a byte it counts as broken."""
        request = self._request("GET", path, silence, None, None)
        request.headers["Accept"] = "text/event-stream"
        response = await self._http.send(request, stream=True)
        try:
            check_mark(response, self.hub.address)
            if response.status_code != 200:
                raise await failure_of(response, self.hub.address)
            yield response
        finally:
            await response.aclose()

    def odd(self, what: str) -> RuntimeFailure:
        """The failure for an answer that no hub gives."""
        return RuntimeFailure(
            Kind.INTERNAL,
            f"The hub {self.hub.address.authority} answered with {what} in a form that this Rung does not know.",
            "Update Rung here and on the hub to the same version.",
        )

    def _request(
        self,
        method: str,
        path: str,
        seconds: float,
        query: Mapping[str, str] | None,
        content: Mapping[str, object] | None,
    ) -> httpx.Request:
        return self._http.build_request(
            method,
            f"{API}{path}",
            params=query,
            json=content,
            headers={"Authorization": f"Bearer {self._token()}", "Accept": "application/json"},
            timeout=httpx.Timeout(seconds, connect=min(_CONNECT_S, seconds)),
        )

    async def _exchange(self, request: httpx.Request) -> object | Confirmation:
        response = await self._http.send(request, stream=True)
        try:
            check_mark(response, self.hub.address)
            refused = response.status_code >= 300
            value = _json(await _read(response, _LARGEST_FAILURE if refused else _LARGEST))
        finally:
            await response.aclose()
        if refused:
            wanted = confirmation(value) if response.status_code == 409 else None
            if wanted is None:
                raise _failure(response.status_code, value, self.hub.address)
            return wanted
        if value is None:
            raise self.odd("something that is no JSON")
        return value


def verifying(hub: Hub) -> ssl.SSLContext:
    """The context for connections to a hub.

    Raises:
        RuntimeFailure: `untrusted` when its authority's certificate cannot be read.
    """
    try:
        return hub.context()
    except ValueError as error:
        raise RuntimeFailure(
            Kind.UNTRUSTED, f"{error} Nothing was sent to it.", "Add the hub again with the right file (--ca FILE)."
        ) from None


def check_mark(response: httpx.Response, address: Address) -> None:
    """Whether an answer is one of the hub itself.

    Raises:
        RuntimeFailure: it is not: something else listens there, or stands between.
    """
    if response.headers.get(MARK) != "hub":
        raise stranger(response, address)


def stranger(response: httpx.Response, address: Address) -> RuntimeFailure:
    """The failure for an answer that no hub has marked."""
    return RuntimeFailure(
        Kind.NOT_OPENPLC,
        f"What answers at {address.authority} is no hub of Rung (HTTP status {response.status_code}), or something between takes its "
        "headers out.",
        "Check the address and the port (hubs use 8444 for editors); a reverse proxy must hand on headers unchanged.",
    )


async def failure_of(response: httpx.Response, address: Address) -> RuntimeFailure:
    """What the hub says in an answer with an error status, once its mark was checked; the answer is read here."""
    return _failure(response.status_code, _json(await _read(response, _LARGEST_FAILURE)), address)


def _failure(status: int, value: object, address: Address) -> RuntimeFailure:
    """The failure in the body of a hub's answer. Its kind is one of the closed list, its texts are made fit to be shown."""
    error = value.get("error") if isinstance(value, dict) else None
    told: Mapping[object, object] = error if isinstance(error, dict) else {}
    word = told.get("kind")
    by_status = _BY_STATUS.get(status, Kind.INTERNAL)
    kind = next((kind for kind in Kind if kind.value == word and kind not in _NEVER_BY_A_HUB), by_status)
    if kind is Kind.UNREACHABLE and status == _BEHIND:
        kind = Kind.REFUSED  # the orchestrator is there, and says that nothing listens where the machine should
    message, hint = (
        clean(text, 600).strip() if isinstance(text, str) else "" for text in map(told.get, ("message", "hint"))
    )
    # Other failures from behind the hub leave open whether the machine has heard the request.
    never_heard = status < 500 or status == _OFFLINE or kind is Kind.REFUSED
    made = NotRelayed if never_heard else RuntimeFailure
    return made(
        kind,
        message or f"The hub {address.authority} refused the request with HTTP status {status} and does not say why.",
        hint or "Look at the hub's log.",
    )


async def _read(response: httpx.Response, largest: int) -> bytes | None:
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > largest:
            return None
    return bytes(body)


def _json(body: bytes | None) -> object:
    try:
        return None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None
