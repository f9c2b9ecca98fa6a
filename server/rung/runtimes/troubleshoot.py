"""`rung connection test`: one step after the other, so that the first one that fails names the cause."""

# ruff: noqa: PT028 - `test_connection` tests a connection; it is not for pytest.

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rung.runtimes.address import Address
from rung.runtimes.arrival import arrive
from rung.runtimes.certificate import Certificate, fingerprint
from rung.runtimes.client import Client
from rung.runtimes.clients import client_for
from rung.runtimes.deadline import within
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import Phase, describe
from rung.runtimes.hubs import Hubs
from rung.runtimes.pins import PinStore, fetch_certificate
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import Ports, recognise
from rung.runtimes.tls import CertificateMismatch
from rung.runtimes.v4_session import Timeouts

WEB_PAGES = "the web pages of OpenPLC Runtime v3"
NOT_ENCRYPTED = "they are not encrypted, everybody in the network can read the password and the program"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `dns`, `tcp`, `tls` (not for plain web pages), `version`, `users`, `login`; behind a hub `dns` and `tcp` (of the hub),
    `hub` (its certificate, the user's token), `vplc` (its orchestrator is online), and from `version` on the same. `ok` is None for one
    that only the user can take."""

    name: str
    ok: bool | None
    message: str
    hint: str = ""
    kind: Kind | None = None


async def test_connection(
    profile: Profile,
    *,
    username: str | None = None,
    password: str | None = None,
    pins: PinStore | None = None,
    hubs: Hubs | None = None,
    timeouts: Timeouts | None = None,
    ports: Ports | None = None,
    plain: bool = False,
) -> AsyncIterator[Step]:
    """Try each step of a connection; it ends after the first step that is not `ok`. Nothing on the machine changes.

    Args:
        profile: the machine; one with the address of a hub alone ends with the step `hub`.
        username: by default the profile's.
        password: without one the login is not tried.
        pins: the trusted certificates; by default the user's own.
        hubs: the saved hubs and the tokens for them; by default the user's own.
        timeouts: how long to wait.
        ports: where runtimes listen, if not at the usual ports.
        plain: the login is tried even where everybody in the network can read the password.
    """
    address = profile.address
    patience, usual, known = timeouts or Timeouts(), ports or Ports(), pins or PinStore()
    tried = "dns"
    try:
        found = await _resolve(profile, patience.connect)
        yield Step("dns", True, f"{address.host} is {', '.join(found)}.")
        tried = "tcp"
        closed = await _closed(address, patience.connect)
        if closed is None:
            yield Step("tcp", True, f"Something listens on port {address.port}.")
        elif address.port != usual.rest or not address.is_encrypted or address.through_hub:
            raise closed
        if address.through_hub:
            tried, signed_in = "hub", hubs or Hubs()
            yield await _signed_in(signed_in, address, patience)
            if not address.path:
                return
            tried = "vplc"
            arrival = await arrive(address, known, None, signed_in, patience, usual)
            yield Step("vplc", True, "Its orchestrator is online, and the vPLC answers.")
        else:
            if closed is None and address.is_encrypted:
                tried = "tls"
                shown = await _shown(address, known.get(address), patience, usual)
                yield shown
                if not shown.ok:
                    return
            tried = "version" if closed is None else "tcp"
            arrival = await arrive(address, known, None, hubs or Hubs(), patience, usual)
        machine = arrival.found
        if closed is not None:
            yield Step(
                "tcp", True, f"Port {address.port} is closed, but {WEB_PAGES} listen on port {machine.address.port}."
            )
        what = f"It is an {machine.capabilities.name}"
        if machine.capabilities.encrypted:
            yield Step("version", True, f"{what}.")
        else:
            yield Step("version", True, f"{what}, reached through {WEB_PAGES}: {NOT_ENCRYPTED}.")
        tried = "users"
        if not machine.users_exist:
            yield Step(
                "users",
                None,
                "It has no user yet.",
                "Create the first one (rung deploy --create-first-user, or PLC: Create First User).",
                Kind.NO_USERS,
            )
            return
        yield Step("users", True, "It has at least one user.")
        tried = "login"
        name = username or profile.username
        if name is None or password is None:
            yield Step("login", None, "The login was not tried: no user name and password were given.")
            return
        if address.is_encrypted and not machine.capabilities.encrypted and not plain:
            yield Step(
                "login",
                None,
                f"The login was not tried: {NOT_ENCRYPTED}.",
                "Log in only in a network that you trust, with --plain.",
            )
            return
        yield await _logged_in(client_for(machine, arrival.way, patience), name, password)
    except RuntimeFailure as failure:
        yield Step(tried, False, failure.message, failure.hint, failure.kind)


async def _signed_in(hubs: Hubs, address: Address, timeouts: Timeouts) -> Step:
    async with hubs.client(hubs.of(address), timeouts.answer) as client:
        me = await client.me()
    return Step("hub", True, f"Its certificate is right, and it knows you as {me.user} of {me.tenant} ({me.role}).")


async def _shown(address: Address, pin: str | None, timeouts: Timeouts, ports: Ports) -> Step:
    """The step `tls`.

    Raises:
        CertificateMismatch: another certificate than the trusted one is shown.
    """
    seen = await _certificate(address, pin, timeouts, ports)
    if pin is None:
        return Step(
            "tls",
            None,
            f"It speaks TLS, but its certificate is not trusted yet: {seen.fingerprint}.",
            "Compare the fingerprint with the one on the device, then trust it (rung connection trust).",
            Kind.UNTRUSTED,
        )
    if seen.sha256 != pin:
        raise CertificateMismatch(address, pin, seen)
    return Step("tls", True, f"Its certificate is the trusted one: {fingerprint(pin)[:23]}..")


async def _logged_in(client: Client, name: str, password: str) -> Step:
    try:
        await client.login(name, password)
        status = await client.status()
        await client.logout()
    finally:
        await client.aclose()
    return Step("login", True, f"The login works, and {status.state.sentence}.")


async def _certificate(address: Address, pin: str | None, timeouts: Timeouts, ports: Ports) -> Certificate:
    try:
        return await fetch_certificate(address, timeouts.answer)
    except RuntimeFailure as failure:
        if failure.kind is Kind.NOT_OPENPLC and pin is None:
            await recognise(address, None, timeouts, ports)  # says so where it shows the web pages of v3 instead
        raise


async def _resolve(profile: Profile, timeout: float) -> list[str]:
    host = profile.address.host
    try:
        rows = await within(
            timeout, asyncio.get_running_loop().getaddrinfo(host, profile.address.port, type=socket.SOCK_STREAM)
        )
    except TimeoutError:
        raise RuntimeFailure(
            Kind.DNS,
            f"The name service of this computer did not answer the question for {host} in time.",
            "Use the device's IP address, or check this computer's network settings.",
        ) from None
    except OSError as error:
        raise describe(error, profile.address, Phase.CONNECT) from None
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


async def _closed(address: Address, timeout: float) -> RuntimeFailure | None:
    """Whether nobody listens on the port.

    Raises:
        RuntimeFailure: it cannot be known, for the device does not answer.
    """
    try:
        _, writer = await within(timeout, asyncio.open_connection(address.host, address.port))
    except OSError as error:
        failure = describe(error, address, Phase.CONNECT)
        if failure.kind is Kind.REFUSED:
            return failure
        raise failure from None
    writer.close()
    return None
