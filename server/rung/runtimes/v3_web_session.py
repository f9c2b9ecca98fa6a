"""Requests to the web pages of one OpenPLC Runtime v3, and a login that renews itself (runtime protocol v3, section 1.1).

The cookie of the newest answer is the one that counts, whatever its date says: the device's clock may be years away. Redirects are
read, never followed. Credentials live in memory, in this object; nothing here is encrypted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx

from rung.runtimes.address import Address
from rung.runtimes.deadline import within
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import describe
from rung.runtimes.transport import PlainTransport
from rung.runtimes.v3_pages import CSRF, Page, read_page
from rung.runtimes.v4_session import Body, Timeouts

LARGE_ANSWER = 4_000_000
"""Bytes of the longest log that is read."""
_ORDINARY_ANSWER = 1_000_000
_SLOWEST_LINK = 16_000
_COOKIE = re.compile(r"session=([!#-+\--:<-\[\]-~]{0,8000})(?:;|$)")


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """One answer, read in full. `location` is the path that a redirect names, None where it is no redirect."""

    status: int
    location: str | None
    text: str

    @property
    def page(self) -> Page:
        """The answer as a page."""
        return read_page(self.text)

    @property
    def logged_out(self) -> bool:
        """Whether it sends us to the login: the session ended, or the runtime was started anew."""
        return self.location == "/login" or (self.status == 400 and "CSRF" in self.text)


class WebSession:
    """HTTP to the web pages of one machine.

    Args:
        address: the machine.
        timeouts: how long to wait.
    """

    def __init__(self, address: Address, timeouts: Timeouts) -> None:
        self.address = address
        self.timeouts = timeouts
        self._transport = PlainTransport(address)
        self._cookie: str | None = None
        self._credentials: tuple[str, str] | None = None
        self._logins = 0
        self._login_lock = asyncio.Lock()
        # The web server asks its program over a connection of its own for each request, and of two at the same moment the
        # program answers one twice and the other never: the web server then hangs for ever.
        self._turn = asyncio.Lock()

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        self._credentials = self._cookie = None
        await self._transport.aclose()

    async def login(self, username: str, password: str) -> None:
        """Log in, and keep the credentials in memory for the next time.

        Raises:
            RuntimeFailure: `credentials` when the machine refuses them.
        """
        async with self._login_lock:
            await self._login(username, password)
            self._credentials = (username, password)

    async def logout(self) -> None:
        """Forget the credentials and have the machine forget the session, if it answers at once."""
        cookie, self._credentials = self._cookie, None
        if cookie is not None:
            try:
                await self._send("GET", "/logout", deadline=1.0)
            except RuntimeFailure:
                return  # the session ends by itself within five minutes
            finally:
                self._cookie = None

    async def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
        largest: int = _ORDINARY_ANSWER,
    ) -> WebAnswer:
        """One page as the logged-in user; a session that has ended is renewed once without the caller noticing.

        Raises:
            RuntimeFailure: it cannot be reached, or (`credentials`) the user may not.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        logins = self._logins
        if self._cookie is None:
            await self._login_again(logins)
            logins = self._logins
        answer = await self._send("GET", target, deadline=deadline, largest=largest)
        if answer.logged_out:
            await self._login_again(logins)
            answer = await self._send("GET", target, deadline=deadline, largest=largest)
        if answer.logged_out:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} accepted the login but asks for another one at once.",
                "Restart the runtime service on the device, then connect again.",
            )
        return answer

    async def post(self, path: str, body: Body, deadline: float | None = None) -> WebAnswer:
        """Send a form as the logged-in user. A form belongs to its session, so an answer that says `logged_out` is the caller's
        matter: fetch the form again, and send it once more."""
        return await self._send("POST", path, body, deadline)

    def odd(self, what: str) -> RuntimeFailure:
        """The failure for an answer that no OpenPLC Runtime v3 gives."""
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"{self.address} answered with {what}, which the web pages of no OpenPLC Runtime v3 do.",
            "Check the address and the port; if they are right, restart the runtime service on the device and look at its log.",
        )

    async def _login_again(self, logins: int) -> None:
        """Log in, unless somebody else has done so since `logins` was read."""
        async with self._login_lock:
            if self._logins != logins:
                return
            if self._credentials is None:
                raise RuntimeFailure(
                    Kind.CREDENTIALS,
                    f"Nobody is logged in at {self.address}, so it answers nothing about the machine.",
                    "Log in with a user name and a password of this device.",
                )
            try:
                await self._login(*self._credentials)
            except RuntimeFailure as failure:
                if failure.kind is Kind.CREDENTIALS:
                    self._credentials = self._cookie = None
                raise

    async def _login(self, username: str, password: str) -> None:
        answer = await self._send("GET", "/login")
        page = answer.page
        if answer.status != 200 or "username" not in page.inputs or "password" not in page.inputs:
            raise self.odd(f"no login page (HTTP status {answer.status})")
        fields = {"username": username, "password": password}
        if CSRF in page.inputs:  # older runtimes have none
            fields[CSRF] = page.inputs[CSRF]
        answer = await self._send("POST", "/login", form_body(fields), self.timeouts.login)
        if answer.status in (302, 303) and answer.location != "/login":
            self._logins += 1
            return
        if answer.status == 200 and "Bad credentials" in answer.text:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} does not know this user, or the password is wrong.",
                "Check the user name and the password. The web pages of OpenPLC Runtime v3 have users of their own, which are not "
                "those of its REST interface.",
            )
        raise self.odd(f"HTTP status {answer.status} to a login")

    async def _send(
        self,
        method: str,
        target: str,
        body: Body | None = None,
        deadline: float | None = None,
        largest: int = _ORDINARY_ANSWER,
    ) -> WebAnswer:
        seconds = self.timeouts.answer if deadline is None else deadline
        patience = httpx.Timeout(seconds, connect=min(self.timeouts.connect, seconds))
        headers = {"Accept-Encoding": "identity"}
        if self._cookie is not None:
            headers["Cookie"] = f"session={self._cookie}"
        if body is not None:
            headers |= {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        request = httpx.Request(
            method,
            f"http://{self.address.authority}{target}",
            headers=headers,
            content=None if body is None else body.parts(),
            extensions={"timeout": patience.as_dict()},
        )
        in_all = seconds + (self.timeouts.connect if deadline is None else 0)
        if body is not None:
            in_all += self.timeouts.connect + body.length / _SLOWEST_LINK
        try:
            async with self._turn:
                return await within(in_all, self._exchange(request, largest))
        except TimeoutError:
            raise describe(TimeoutError(), self.address) from None

    async def _exchange(self, request: httpx.Request, largest: int) -> WebAnswer:
        response = await self._transport.handle_async_request(request)
        try:
            content = bytearray()
            async for part in response.aiter_raw():
                content += part
                if len(content) > largest:
                    raise self.odd(f"more than {largest} bytes")
        finally:
            await response.aclose()
        for header in response.headers.get_list("set-cookie"):
            if match := _COOKIE.match(header):
                self._cookie = match[1]
        location = None
        if response.status_code in (301, 302, 303, 307, 308):
            try:
                location = urlsplit(response.headers.get("Location", "")).path
            except ValueError:
                raise self.odd("a redirect to nowhere") from None
        return WebAnswer(response.status_code, location, content.decode("utf-8", "replace"))


def form_body(fields: Mapping[str, str]) -> Body:
    """An ordinary form, without a file."""
    data = urlencode(fields).encode()

    async def parts() -> AsyncIterator[bytes]:
        yield data

    return Body("application/x-www-form-urlencoded", len(data), parts)


def shown(answer: WebAnswer) -> str:
    """The beginning of what a page says, for a sentence."""
    return clean(answer.page.text, 160) or "nothing"
