"""`rung connection test`: the first step that fails names the cause."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from rung.runtimes import troubleshoot
from rung.runtimes.address import Address
from rung.runtimes.errors import Kind
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import Ports
from rung.runtimes.troubleshoot import Step
from runtimes.scripted_device import PASSWORD, QUICK, V3_LOGIN_PAGE, raw_peer

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice


async def steps_of(address: Address, password: str | None = PASSWORD) -> list[Step]:
    tested = troubleshoot.test_connection(Profile("line3", address, "admin"), password=password, timeouts=QUICK)
    return [step async for step in tested]


def last(steps: list[Step]) -> tuple[str, bool | None, Kind | None]:
    assert all(step.ok for step in steps[:-1])
    return steps[-1].name, steps[-1].ok, steps[-1].kind


async def test_a_sound_connection_passes_every_step_and_changes_nothing(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    steps = await steps_of(device.address)
    assert [(step.name, step.ok) for step in steps] == [
        (name, True) for name in ("dns", "tcp", "tls", "version", "users", "login")
    ]
    assert "v4.1.4" in steps[3].message
    assert set(device.requests) == {"GET get-users-info", "POST login", "GET status", "POST logout"}


async def test_an_unknown_name_fails_at_the_name() -> None:
    assert last(await steps_of(Address("no-such-device.invalid", 8443))) == ("dns", False, Kind.DNS)


async def test_a_closed_port_fails_at_the_connection() -> None:
    assert last(await steps_of(Address("127.0.0.1", 1))) == ("tcp", False, Kind.REFUSED)


async def test_plain_http_fails_at_tls() -> None:
    async with raw_peer(b"HTTP/1.1 400 Bad Request\r\n\r\n") as peer:
        assert last(await steps_of(peer.address)) == ("tls", False, Kind.NOT_OPENPLC)


async def test_a_machine_that_nobody_trusts_yet_gets_no_request(device: ScriptedDevice) -> None:
    steps = await steps_of(device.address)
    assert last(steps) == ("tls", None, Kind.UNTRUSTED)
    assert device.identity.certificate.fingerprint in steps[-1].message
    assert device.requests == []


async def test_a_changed_certificate_fails_at_tls_and_gets_no_request(
    device: ScriptedDevice, stranger: Identity
) -> None:
    PinStore().trust(device.address, stranger.pin)
    assert last(await steps_of(device.address)) == ("tls", False, Kind.CERTIFICATE_CHANGED)
    assert device.requests == []


async def test_another_web_server_fails_at_the_version(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    device.version = None
    device.script("get-users-info", device.text("<html>Router login</html>", status=404))
    assert last(await steps_of(device.address)) == ("version", False, Kind.NOT_OPENPLC)


async def test_a_runtime_that_rung_cannot_serve_fails_at_the_version(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    device.version = "v2"
    assert last(await steps_of(device.address)) == ("version", False, Kind.TOO_OLD)


async def test_a_new_device_stops_at_its_users(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    device.users.clear()
    assert last(await steps_of(device.address)) == ("users", None, Kind.NO_USERS)


async def test_a_wrong_password_fails_at_the_login(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    assert last(await steps_of(device.address, "nope")) == ("login", False, Kind.CREDENTIALS)


async def test_without_a_password_the_login_is_not_tried(device: ScriptedDevice) -> None:
    PinStore().trust(device.address, device.identity.pin)
    assert last(await steps_of(device.address, None)) == ("login", None, None)
    assert "POST login" not in device.requests


# -- the web pages of Runtime v3 -----------------------------------------------------------------------------------


@asynccontextmanager
async def only_web_pages() -> AsyncIterator[Ports]:
    """A host whose REST port is closed and that shows the web pages of an older Runtime v3."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(V3_LOGIN_PAGE)}\r\nConnection: close\r\n\r\n"
        async with raw_peer((head + V3_LOGIN_PAGE).encode()) as web:
            yield Ports(taken.getsockname()[1], web.address.port, 1)


async def test_a_closed_port_is_no_failure_where_the_web_pages_answer_and_no_password_is_sent() -> None:
    async with only_web_pages() as ports:
        address = Address("127.0.0.1", ports.rest)
        tested = troubleshoot.test_connection(
            Profile("old", address, "openplc"), password=PASSWORD, timeouts=QUICK, ports=ports
        )
        steps = [step async for step in tested]
    assert [(step.name, step.ok) for step in steps] == [
        ("dns", True),
        ("tcp", True),
        ("version", True),
        ("users", True),
        ("login", None),
    ]
    assert f"port {ports.web}" in steps[1].message
    assert "not encrypted" in steps[2].message
    assert "not encrypted" in steps[4].message


async def test_an_address_that_says_http_has_no_step_for_a_certificate() -> None:
    async with only_web_pages() as ports:
        steps = await steps_of(Address("127.0.0.1", ports.web, "http"), None)
    assert [step.name for step in steps] == ["dns", "tcp", "version", "users", "login"]
