"""Requests to one OpenPLC runtime (v3 or v4) over its REST interface: bounded, type-checked answers, and a login that renews itself.

Credentials live in memory, in this object, and go by its way to its machine only. No exception, repr or log line holds them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import httpx

from rung.runtimes.deadline import within
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import describe
from rung.runtimes.way import Way

VERSION_HEADER = "X-OpenPLC-Runtime-Version"

_ORDINARY_ANSWER = 1_000_000
_MOST_AT_ONCE = 8
_SLOWEST_LINK = 16_000
"""Bytes per second of the slowest link that an upload is given time for; no peer may hold us by trickling."""
_TOKEN_REFUSED = (401, 422)
"""Expired, revoked and deleted-user tokens give 401, tokens of a reset device 422 (runtime protocol, section 1.1)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `login` is long because the device's password hash takes seconds on a small computer.

    `busy` is how long a start or stop is asked for again while the machine changes its state, `settle` how long a start
    or stop may take, `grace` how long a state from before a start is not yet believed to be its result. `watch` is how long
    a program is looked at after its start where the runtime says nothing of a crash. `debug` is for opening the debug channel and for each
    of its answers.
    """

    connect: float = 5.0
    answer: float = 10.0
    login: float = 30.0
    upload: float = 120.0
    busy: float = 5.0
    settle: float = 20.0
    grace: float = 1.0
    watch: float = 2.5
    debug: float = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, read in full."""

    status: int
    content_type: str
    version: str | None
    body: bytes

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON: error pages of the same server are HTML."""
        return self.content_type == "application/json"


@dataclass(frozen=True, slots=True)
class Body:
    """A request body that can be sent again after a new login."""

    content_type: str
    length: int
    parts: Callable[[], AsyncIterator[bytes]]


class Session:
    """HTTP to one machine.

    Args:
        way: to the machine.
        timeouts: how long to wait.
        runtime: what we take it for, for sentences.
        one_at_a_time: a request waits until the one before is answered. Runtime v3 needs that: its web server asks its program over
            a connection of its own for each request, and of two at the same moment the program answers one twice and the other never.
    """

    def __init__(
        self,
        way: Way,
        timeouts: Timeouts,
        runtime: str = "OpenPLC Runtime v4",
        one_at_a_time: bool = False,
    ) -> None:
        self.address = way.address
        self.runtime = runtime
        self.timeouts = timeouts
        self._http = httpx.AsyncClient(
            transport=way.transport(),
            base_url=f"https://{way.address.authority}",
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            trust_env=False,
            follow_redirects=False,
        )
        self._credentials: tuple[str, str] | None = None
        self._token: str | None = None
        self._token_born = 0.0
        self._login_lock = asyncio.Lock()
        self._turn = asyncio.Semaphore(1 if one_at_a_time else _MOST_AT_ONCE)

    @property
    def username(self) -> str | None:
        """Who is logged in."""
        return None if self._credentials is None else self._credentials[0]

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User name and password, for a debug channel that somebody else opens for us; None when nobody is logged in."""
        return self._credentials

    async def password_changed(self, password: str) -> None:
        """The logged-in user's password is another one now: use it from here on, and take no old token for granted."""
        async with self._login_lock:
            if self._credentials is not None:
                self._credentials = (self._credentials[0], password)
            self._token = None

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        self._credentials = self._token = None
        await self._http.aclose()

    async def login(self, username: str, password: str) -> None:
        """Log in, and keep the credentials in memory for the next time.

        Raises:
            RuntimeFailure: `credentials` when the machine refuses them.
        """
        async with self._login_lock:
            await self._login(username, password)
            self._credentials = (username, password)

    async def logout(self) -> None:
        """Forget the credentials and have the machine forget the token, if it answers at once."""
        token, self._token, self._credentials = self._token, None, None
        if token is not None:
            try:
                await self._send("POST", "/api/logout", token=token, deadline=1.0)
            except RuntimeFailure:
                return  # the token dies by itself within 15 minutes

    async def token(self, stale: str | None = None, max_age: float | None = None) -> str:
        """A token, from a new login where need be. Concurrent callers share one login.

        Args:
            stale: a token that the machine has just refused.
            max_age: seconds after which a token counts as stale.
        """
        async with self._login_lock:
            fresh = max_age is None or time.monotonic() - self._token_born < max_age
            if self._token is not None and self._token != stale and fresh:
                return self._token
            if self._credentials is None:
                raise RuntimeFailure(
                    Kind.CREDENTIALS,
                    f"Nobody is logged in at {self.address}, so it answers nothing about the machine.",
                    "Log in with a user name and a password of this device.",
                )
            try:
                return await self._login(*self._credentials)
            except RuntimeFailure as failure:
                if failure.kind is Kind.CREDENTIALS:
                    self._credentials = self._token = None  # asking again and again would only fill the device's log
                raise

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        content: Mapping[str, str] | Body | None = None,
        deadline: float | None = None,
        largest: int = _ORDINARY_ANSWER,
    ) -> Answer:
        """One request as the logged-in user; a refused token is renewed once without the caller noticing.

        Raises:
            RuntimeFailure: it cannot be reached, or (`credentials`) the user may not.
        """
        token = await self.token()
        answer = await self._send(method, path, query, content, token, deadline, largest)
        if answer.status in _TOKEN_REFUSED:
            token = await self.token(stale=token)
            answer = await self._send(method, path, query, content, token, deadline, largest)
        if answer.status in _TOKEN_REFUSED:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} accepted the login but refuses its own token.",
                "Check the clock of the device; if it is right, restart the runtime service on it.",
            )
        return answer

    async def anonymous(self, method: str, path: str, content: Mapping[str, str] | None = None) -> Answer:
        """One request without a token; for what a machine tells anybody, and for the first user."""
        return await self._send(method, path, content=content, deadline=self.timeouts.login)

    def parse(self, answer: Answer) -> object:
        """The JSON value of an answer.

        Raises:
            RuntimeFailure: it is something else, so this is not the machine we think it is, or it is broken.
        """
        if not answer.is_json:
            raise self.odd(
                f"a page of type {clean(answer.content_type, 40) or 'unknown'} (HTTP status {answer.status})"
            )
        try:
            value: object = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise self.odd("something that is not valid JSON") from None
        return value

    def parse_object(self, answer: Answer) -> dict[str, object]:
        """The JSON object of an answer."""
        value = self.parse(answer)
        if not isinstance(value, dict):
            raise self.odd("JSON of an unexpected form")
        return value

    def odd(self, what: str) -> RuntimeFailure:
        """The failure for an answer that the runtime does not give."""
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"{self.address} answered with {what}, which no {self.runtime} does.",
            "Check the address and the port; if they are right, restart the runtime service on the device and look at its log.",
        )

    async def _login(self, username: str, password: str) -> str:
        answer = await self._send(
            "POST",
            "/api/login",
            content={"username": username, "password": password},
            deadline=self.timeouts.login,
        )
        if answer.status in (400, 401, 403, 422):
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} does not know this user, or the password is wrong.",
                "Check the user name and the password; both are the device's own and may differ from device to device.",
            )
        token = self.parse_object(answer).get("access_token") if answer.status == 200 else None
        if (
            not isinstance(token, str)
            or not token
            or len(token) > 10_000
            or not token.isascii()
            or not token.isprintable()
        ):
            raise self.odd(f"no token (HTTP status {answer.status}) to a login")
        self._token, self._token_born = token, time.monotonic()
        return token

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        content: Mapping[str, str] | Body | None = None,
        token: str | None = None,
        deadline: float | None = None,
        largest: int = _ORDINARY_ANSWER,
    ) -> Answer:
        seconds = self.timeouts.answer if deadline is None else deadline
        request = self._http.build_request(
            method,
            path,
            params=query,
            json=None if isinstance(content, Body) else content,
            content=content.parts() if isinstance(content, Body) else None,
            headers=_headers(content, token),
            timeout=httpx.Timeout(seconds, connect=min(self.timeouts.connect, seconds)),
        )
        in_all = seconds + (self.timeouts.connect if deadline is None else 0)
        if isinstance(content, Body):
            in_all += self.timeouts.connect + content.length / _SLOWEST_LINK
        try:
            async with self._turn:
                return await within(in_all, self._exchange(request, largest))
        except TimeoutError:
            raise describe(TimeoutError(), self.address) from None

    async def _exchange(self, request: httpx.Request, largest: int) -> Answer:
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > largest:
                    raise self.odd(f"more than {largest} bytes")
        finally:
            await response.aclose()
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Answer(response.status_code, content_type, response.headers.get(VERSION_HEADER), bytes(body))


def _headers(content: Mapping[str, str] | Body | None, token: str | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(content, Body):
        # A length, because the device's web server does not read chunked bodies.
        headers |= {"Content-Type": content.content_type, "Content-Length": str(content.length)}
    return headers
