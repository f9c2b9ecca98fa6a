"""`rung connection test`: one step after the other, so that the first one that fails names the cause."""

# ruff: noqa: PT028 - `test_connection` tests a connection; it is not for pytest.

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rung.runtimes.certificate import fingerprint
from rung.runtimes.deadline import within
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import Phase, describe
from rung.runtimes.pins import PinStore, fetch_certificate
from rung.runtimes.profiles import Profile
from rung.runtimes.tls import CertificateMismatch
from rung.runtimes.v4 import V4Client
from rung.runtimes.v4_session import Timeouts


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `dns`, `tcp`, `tls`, `version`, `users`, `login`. `ok` is None for a step that only the user can take."""

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
    timeouts: Timeouts | None = None,
) -> AsyncIterator[Step]:
    """Try each step of a connection; it ends after the first step that is not `ok`. Nothing on the machine changes.

    Args:
        profile: the machine.
        username: by default the profile's.
        password: without one the login is not tried.
        pins: the trusted certificates; by default the user's own.
        timeouts: how long to wait.
    """
    address = profile.address
    patience = timeouts or Timeouts()
    step = "dns"
    client: V4Client | None = None
    try:
        found = await _resolve(profile, patience.connect)
        yield Step("dns", True, f"{address.host} is {', '.join(found)}.")
        step = "tcp"
        await _knock(profile, patience.connect)
        yield Step("tcp", True, f"Something listens on port {address.port}.")
        step = "tls"
        pin = (pins or PinStore()).get(address)
        seen = await fetch_certificate(address, patience.answer)
        if pin is None:
            yield Step(
                "tls",
                None,
                f"It speaks TLS, but its certificate is not trusted yet: {seen.fingerprint}.",
                "Compare the fingerprint with the one on the device, then trust it (rung connection trust).",
                Kind.UNTRUSTED,
            )
            return
        if seen.sha256 != pin:
            raise CertificateMismatch(address, pin, seen)
        yield Step("tls", True, f"Its certificate is the trusted one: {fingerprint(pin)[:23]}..")
        client = V4Client(address, pin, patience)
        step = "version"
        info = await client.probe()
        yield Step("version", True, f"It is an OpenPLC Runtime {info.version}.")
        step = "users"
        if not info.users_exist:
            yield Step(
                "users",
                None,
                "It has no user yet.",
                "Create the first one (rung deploy --create-first-user, or PLC: Create First User).",
                Kind.NO_USERS,
            )
            return
        yield Step("users", True, "It has at least one user.")
        step = "login"
        name = username or profile.username
        if name is None or password is None:
            yield Step("login", None, "The login was not tried: no user name and password were given.")
            return
        await client.login(name, password)
        status = await client.status()
        await client.logout()
        yield Step("login", True, f"The login works, and {status.state.sentence}.")
    except RuntimeFailure as failure:
        yield Step(step, False, failure.message, failure.hint, failure.kind)
    finally:
        if client is not None:
            await client.aclose()


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


async def _knock(profile: Profile, timeout: float) -> None:
    address = profile.address
    try:
        _, writer = await within(timeout, asyncio.open_connection(address.host, address.port))
    except OSError as error:
        raise describe(error, address, Phase.CONNECT) from None
    writer.close()
