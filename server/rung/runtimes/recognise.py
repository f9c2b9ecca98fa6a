"""What is behind an address: one function, one table of answers, and no password sent while it is asked.

Invariants: nothing but harmless questions goes out, and over TLS only to the pinned certificate; an address whose certificate is
trusted is never reached without encryption instead. What is recognised here is decided for good: everybody else asks the
`Capabilities`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

import httpx

from rung.runtimes.address import DEFAULT_PORT, WEB_PORT, Address
from rung.runtimes.capabilities import (
    Capabilities,
    Line,
    of_line,
    of_version,
    tells_capabilities,
    version_numbers,
    with_told,
)
from rung.runtimes.certificate import Certificate
from rung.runtimes.deadline import within
from rung.runtimes.device_text import clean
from rung.runtimes.discover import DISCOVERY_PORT, ask_one
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure
from rung.runtimes.failures import describe
from rung.runtimes.pins import fetch_certificate
from rung.runtimes.transport import PlainTransport
from rung.runtimes.v4_answers import message
from rung.runtimes.v4_session import Answer, Session, Timeouts
from rung.runtimes.way import Direct, Way

_LARGEST_PAGE: Final = 300_000
_BOOTLOADER_PATIENCE: Final = 0.4
_WEB_MARKS: Final = (b"OpenPLC Webserver", b"Welcome to OpenPLC")
"""Either stands on the login page of every OpenPLC Runtime v3 (runtime protocol v3, section 6)."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What answered: `address` is where (that of the web pages, where only they do), `users_exist` whether it has an account."""

    address: Address
    capabilities: Capabilities
    users_exist: bool

    @property
    def version(self) -> str:
        """What it calls itself."""
        return self.capabilities.version


@dataclass(frozen=True, slots=True)
class Ports:
    """Where runtimes listen unless somebody has changed it."""

    rest: int = DEFAULT_PORT
    web: int = WEB_PORT
    discovery: int = DISCOVERY_PORT


class NotTrusted(RuntimeFailure):
    """Something speaks TLS there, and its certificate is not trusted yet. Nothing was sent beyond the handshake."""

    def __init__(self, address: Address, seen: Certificate) -> None:
        super().__init__(
            Kind.UNTRUSTED,
            f"The certificate of {address} is not trusted yet: {seen.fingerprint}. Nothing was sent to it.",
            "Compare the fingerprint with the one on the device, then trust it.",
        )
        self.seen = seen


async def recognise(
    address: Address, pin: str | None, timeouts: Timeouts | None = None, ports: Ports | None = None
) -> Recognised:
    """Find out which runtime is behind an address, without credentials.

    Where nothing is trusted yet and the usual port is closed, the web pages of an older OpenPLC Runtime v3 are tried by themselves.

    Args:
        address: where to ask; with `http://` its web pages.
        pin: SHA-256 of its certificate, 64 upper-case hex digits; None when none is trusted, or there is none.
        timeouts: how long to wait.
        ports: where to look, if not at the usual ports.

    Raises:
        NotTrusted: it has a certificate, and there is no pin.
        CertificateMismatch: it has another one than the pinned one.
        RuntimeFailure: `not-openplc`, `too-old`, or it cannot be reached.
    """
    patience, usual = timeouts or Timeouts(), ports or Ports()
    if not address.is_encrypted:
        return await _web_pages(address, patience)
    try:
        if pin is None:
            raise NotTrusted(address, await fetch_certificate(address, patience.answer))
        return await recognise_over(Direct(address, pin), patience)
    except RuntimeFailure as failure:
        if failure.kind is Kind.NOT_OPENPLC and pin is None:
            raise await _perhaps_web_pages(address, failure, patience) from None
        if failure.kind is not Kind.REFUSED or address.port != usual.rest:
            raise
        refused = failure
    if await _in_recovery(address, usual):
        raise _bootloader(address)
    if pin is not None:
        raise RuntimeFailure(
            refused.kind,
            refused.message,
            f"Start the runtime on the device. It was reached encrypted before, so unencrypted web pages of OpenPLC Runtime v3 are "
            f"not tried in its place; if it has only those now, connect to http://{address.host}.",
        )
    return await _instead(address, patience, usual)


# -- the REST interface --------------------------------------------------------------------------------------------


async def recognise_over(way: Way, timeouts: Timeouts) -> Recognised:
    """Find out which runtime is at the end of a way, by the answers of its REST interface.

    Raises:
        RuntimeFailure: see `recognise`.
    """
    session = Session(way, timeouts, "OpenPLC runtime")
    try:
        answer = await session.anonymous("GET", "/api/get-users-info")
        said = _object(answer)
        judge = next(judge for fits, judge in _ANSWERS if fits(answer, said))
        found = await judge(session, answer)
        users_exist = _users_exist(session, answer)
        if tells_capabilities(found):
            told = _object(await session.anonymous("GET", "/api/capabilities"))
            if "runtimeVersion" in told:  # an unknown question is answered, too, but never with this (section 1.3)
                found = with_told(found, told)
        return Recognised(way.address, found, users_exist)
    finally:
        await session.aclose()


async def _by_header(session: Session, answer: Answer) -> Capabilities:
    return _served(session, clean(answer.version or "", 40))


async def _by_question(session: Session, answer: Answer) -> Capabilities:
    version = _object(await session.anonymous("GET", "/api/version")).get("version")
    if isinstance(version, str):
        return _served(session, clean(version, 40))
    raise RuntimeFailure(
        Kind.TOO_OLD,
        f"{session.address} is an OpenPLC runtime that does not say which version it is, so what it takes cannot be known. "
        "No credentials were sent to it.",
        "Update the runtime on the device, and see that no proxy between it and this computer takes out its headers.",
    )


async def _perhaps_bootloader(session: Session, answer: Answer) -> Capabilities:
    try:
        told = _object(await session.anonymous("GET", "/api/bootloader/capabilities"))
    except NotRelayed:
        told = {}  # a hub does not ask this; and a vPLC has no bootloader
    if told.get("service") == "openplc-bootloader":
        raise _bootloader(session.address)
    return await _stranger(session, answer)


async def _stranger(session: Session, answer: Answer) -> Capabilities:
    raise RuntimeFailure(
        Kind.NOT_OPENPLC,
        f"What listens on {session.address} is a web server, but no OpenPLC runtime. No credentials were sent to it.",
        f"Check the address and the port (OpenPLC Runtime v3 and v4 use {DEFAULT_PORT}; the web pages of v3 are plain HTTP on {WEB_PORT}).",
    )


_USERS = {(200, "Users found"): True, (404, "No users found"): False}

Row = tuple[Callable[[Answer, dict[str, object]], bool], Callable[[Session, Answer], Awaitable[Capabilities]]]

# What was answered to `/api/get-users-info` without a token; the first row that fits decides (runtime protocol v4, section 1,
# v3, section 6).
_ANSWERS: tuple[Row, ...] = (
    (lambda answer, said: answer.version is not None, _by_header),
    (lambda answer, said: (answer.status, str(said.get("msg"))) in _USERS, _by_question),
    (lambda answer, said: isinstance(said.get("error"), str), _perhaps_bootloader),
    (lambda answer, said: True, _stranger),
)


def _served(session: Session, version: str) -> Capabilities:
    found = of_version(version)
    if found is not None:
        return found
    numbers = version_numbers(version)
    if numbers is None:
        raise session.odd(f"the version {version!r}")
    if numbers[0] < 3:
        why, hint = "which is older than any that Rung knows", "Update the runtime on the device."
    else:
        why, hint = "which this version of Rung does not know yet", "Update Rung."
    raise RuntimeFailure(
        Kind.TOO_OLD,
        f"{session.address} runs OpenPLC Runtime {version.lstrip('v')}, {why}. No credentials were sent to it.",
        hint,
    )


def _users_exist(session: Session, answer: Answer) -> bool:
    said = message(session.parse(answer))
    known = _USERS.get((answer.status, said))
    if known is not None:
        return known
    if answer.status == 500:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"The runtime on {session.address} cannot read its own user list ({said or 'it does not say why'}).",
            "Restart the runtime service on the device and look at its log.",
        )
    raise session.odd(f"HTTP status {answer.status} to the question for users")


def _object(answer: Answer) -> dict[str, object]:
    """The JSON object of an answer, empty for anything else."""
    if not answer.is_json:
        return {}
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# -- the web pages -------------------------------------------------------------------------------------------------


async def _web_pages(address: Address, timeouts: Timeouts) -> Recognised:
    if await _has_web_pages(address, timeouts):
        return Recognised(address, of_line(Line.V3_WEB), users_exist=True)  # they always have their default account
    raise RuntimeFailure(
        Kind.NOT_OPENPLC,
        f"What listens on {address} is a web server, but it does not show the web pages of OpenPLC Runtime v3. "
        "No credentials were sent to it.",
        f"Check the address and the port (the web pages of OpenPLC Runtime v3 use {WEB_PORT}; v4 has none, leave http:// out for it).",
    )


async def _has_web_pages(address: Address, timeouts: Timeouts) -> bool:
    patience = timeouts.connect + timeouts.answer
    try:
        return await within(patience, _look_at_login(address, timeouts))
    except TimeoutError:
        raise describe(TimeoutError(), address) from None


async def _look_at_login(address: Address, timeouts: Timeouts) -> bool:
    async with (
        httpx.AsyncClient(
            transport=PlainTransport(address),
            headers={"Accept-Encoding": "identity"},
            timeout=httpx.Timeout(timeouts.answer, connect=timeouts.connect),
            trust_env=False,
            follow_redirects=False,
        ) as http,
        http.stream("GET", f"http://{address.authority}/login") as answer,
    ):
        page = bytearray()
        async for part in answer.aiter_raw():
            page += part
            if len(page) > _LARGEST_PAGE:
                break
    return answer.status_code == 200 and any(mark in page for mark in _WEB_MARKS)


async def _perhaps_web_pages(address: Address, failure: RuntimeFailure, timeouts: Timeouts) -> RuntimeFailure:
    """The failure of a port that does not speak TLS, with the way to it if it shows the web pages of v3."""
    plain = replace(address, scheme="http")
    try:
        shows = await _has_web_pages(plain, timeouts)
    except RuntimeFailure:
        return failure
    if not shows:
        return failure
    return RuntimeFailure(
        Kind.NOT_OPENPLC,
        f"{address} shows the web pages of OpenPLC Runtime v3, which are not encrypted. No credentials were sent to it.",
        f"To use them all the same, connect to {plain}: everybody in the network can then read the password and the program.",
    )


async def _instead(address: Address, timeouts: Timeouts, ports: Ports) -> Recognised:
    """The web pages of a runtime whose REST interface does not exist or is closed."""
    web = Address(address.host, ports.web, "http")
    try:
        return await _web_pages(web, timeouts)
    except RuntimeFailure as failure:
        if failure.kind is Kind.REFUSED:
            there = f"{address.host} refused the connection on both ports that were tried"
            why = "the device is there, but no runtime listens"
        else:
            there = f"No OpenPLC runtime was found on {address.host}; both usual ports were tried"
            why = "the first is closed, and what is on the second shows no web pages of OpenPLC Runtime v3"
        raise RuntimeFailure(
            Kind.REFUSED,
            f"{there}: {ports.rest} (OpenPLC Runtime v3 and v4) and {ports.web} (the web pages of v3): {why}.",
            "Start the runtime on the device. If it listens on another port, write it behind the address (a container must publish it).",
        ) from None


# -- the bootloader ------------------------------------------------------------------------------------------------


async def _in_recovery(address: Address, ports: Ports) -> bool:
    found = await ask_one(address.host, _BOOTLOADER_PATIENCE, ports.discovery)
    return found is not None and found.recovery


def _bootloader(address: Address) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.REFUSED,
        f"The runtime on {address.host} does not run: its bootloader answers in its place. No program runs there, and none can be "
        "sent to it.",
        "Repair or update the runtime with the device's bootloader, then connect again.",
    )
