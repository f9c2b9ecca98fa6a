"""Whatever answers behind an address: `rung connection test` and a connect say the same of it, and no stranger gets a password.

One test per row of the table of answers in `test_recognise.py`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rung.runtimes import troubleshoot
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities, Line
from rung.runtimes.connection import Connection
from rung.runtimes.connection_state import Outcome
from rung.runtimes.errors import Kind
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import Ports
from rung.runtimes.troubleshoot import Step
from runtimes.scripted_device import PASSWORD, QUICK, V3_LOGIN_PAGE, RawPeer, raw_peer, udp_peer
from runtimes.scripted_v3 import ScriptedV3

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice

EVERY_STEP = ["dns", "tcp", "tls", "version", "users", "login"]


@dataclass
class Doors:
    """What both said: the steps of the test, the outcome of the connect, and what was connected then."""

    steps: list[Step]
    outcome: Outcome
    capabilities: Capabilities | None

    @property
    def last(self) -> Step:
        assert all(step.ok for step in self.steps[:-1])
        return self.steps[-1]

    def connected(self) -> Capabilities:
        """What is there, after both went all the way."""
        assert [step.name for step in self.steps if step.ok] == EVERY_STEP, self.last.message
        assert self.outcome.state == "connected", self.outcome.message
        assert self.capabilities is not None
        assert f"{self.capabilities.name}." in self.steps[3].message
        return self.capabilities

    def failed(self, step: str, kind: Kind) -> str:
        """What both say, after both ended with the same failure."""
        last = self.last
        assert (last.name, last.ok, last.kind) == (step, False, kind)
        assert (self.outcome.state, self.outcome.kind) == ("error", kind)
        assert (last.message, last.hint) == (self.outcome.message, self.outcome.hint)
        assert last.message.endswith(".")
        assert last.hint.endswith(".")
        return f"{last.message} {last.hint}"


async def at_both_doors(address: Address, ports: Ports | None = None, user: str = "admin") -> Doors:
    profile = Profile("line3", address, user)
    tested = troubleshoot.test_connection(profile, password=PASSWORD, timeouts=QUICK, ports=ports)
    steps = [step async for step in tested]
    connection = Connection(profile, timeouts=QUICK, ports=ports)
    outcome = await connection.connect(user, PASSWORD)
    capabilities = connection.capabilities if outcome.state == "connected" else None
    await connection.disconnect()
    return Doors(steps, outcome, capabilities)


async def at(device: ScriptedDevice) -> Doors:
    PinStore().trust(device.address, device.identity.pin)
    return await at_both_doors(device.address)


@contextmanager
def closed_port() -> Iterator[int]:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@asynccontextmanager
async def web_pages(page: str = V3_LOGIN_PAGE) -> AsyncIterator[RawPeer]:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
    async with raw_peer((head + page).encode()) as peer:
        yield peer


# -- the version header --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "line"),
    [("v4", Line.V4_0), ("v4.0.9", Line.V4_0), ("v4.1.4", Line.V4_1), ("v4.2.3", Line.V4_1), ("dev", Line.V4_1)],
)
async def test_a_version_header_of_v4_is_read_by_its_beginning(device: ScriptedDevice, header: str, line: Line) -> None:
    device.version = header
    found = (await at(device)).connected()
    assert (found.line, found.version) == (line, header)


async def test_runtime_v3_with_its_rest_interface(identity: Identity) -> None:
    machine = ScriptedV3(identity)
    await machine.start()
    machine.script("get-users-info", *[machine.json({"msg": "Users found"})] * 2)
    PinStore().trust(machine.rest_address, identity.pin)
    found = (await at_both_doors(machine.rest_address, user="ide")).connected()
    await machine.stop()
    assert (found.line, found.encrypted) == (Line.V3, True)


@pytest.mark.parametrize(
    ("header", "kind", "word"),
    [("v2", Kind.TOO_OLD, "older"), ("v5.0.1", Kind.TOO_OLD, "Update Rung"), ("latest", Kind.NOT_OPENPLC, "latest")],
)
async def test_a_generation_that_rung_does_not_serve(
    device: ScriptedDevice, header: str, kind: Kind, word: str
) -> None:
    device.version = header
    assert word in (await at(device)).failed("version", kind)
    assert "POST login" not in device.requests


async def test_capabilities_are_asked_for_where_they_exist(device: ScriptedDevice) -> None:
    device.version = "v4.2.1"
    device.script("capabilities", device.json({"runtimeVersion": "v4.2.1", "projectSnapshot": True}), forever=True)
    assert (await at(device)).connected().snapshots
    assert device.requests.count("GET capabilities") == 2


async def test_a_machine_without_users(device: ScriptedDevice) -> None:
    device.users.clear()
    doors = await at(device)
    assert (doors.last.name, doors.last.ok, doors.last.kind) == ("users", None, Kind.NO_USERS)
    assert doors.outcome.state == "needs-first-user"
    assert "POST login" not in device.requests


# -- no version header ---------------------------------------------------------------------------------------------


async def test_without_a_header_the_version_is_asked_for(device: ScriptedDevice) -> None:
    device.version = None
    device.script("version", device.json({"version": "v4.1.2"}), forever=True)
    assert (await at(device)).connected().version == "v4.1.2"


async def test_a_runtime_that_never_says_its_version(device: ScriptedDevice) -> None:
    device.version = None
    device.script("version", device.json({"msg": "Missing Authorization Header"}, 401), forever=True)
    assert "does not say which version" in (await at(device)).failed("version", Kind.TOO_OLD)


async def test_another_web_server(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.text("<html>Router login</html>", status=404), forever=True)
    assert "no OpenPLC runtime" in (await at(device)).failed("version", Kind.NOT_OPENPLC)
    assert "POST login" not in device.requests


async def test_a_web_server_that_speaks_json(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.json({"error": "not found"}, 404), forever=True)
    (await at(device)).failed("version", Kind.NOT_OPENPLC)
    assert "POST login" not in device.requests


async def test_a_bootloader_on_the_port(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.json({"error": "not found"}, 404), forever=True)
    device.bootloader = {"service": "openplc-bootloader", "recovery": True, "state": "recovery"}
    assert "its bootloader answers in its place" in (await at(device)).failed("version", Kind.REFUSED)


async def test_a_runtime_that_cannot_read_its_users(device: ScriptedDevice) -> None:
    device.script("get-users-info", device.json({"msg": "User retrieval error"}, 500), forever=True)
    assert "User retrieval error" in (await at(device)).failed("version", Kind.INTERNAL)


# -- nothing trusted, and the web pages ----------------------------------------------------------------------------


async def test_a_certificate_that_nobody_trusts(device: ScriptedDevice) -> None:
    doors = await at_both_doors(device.address)
    assert (doors.last.name, doors.last.ok, doors.last.kind) == ("tls", None, Kind.UNTRUSTED)
    assert doors.outcome.state == "needs-trust"
    assert device.requests == []


async def test_only_the_web_pages_of_an_older_runtime_v3() -> None:
    with closed_port() as rest:
        async with web_pages() as web:
            doors = await at_both_doors(Address("127.0.0.1", rest), Ports(rest, web.address.port, 1))
    assert (doors.last.name, doors.last.ok) == ("login", None)
    assert doors.outcome.state == "needs-login"
    assert not doors.outcome.encrypted
    assert "not encrypted" in doors.last.message
    assert PASSWORD.encode() not in web.received


async def test_the_web_pages_by_an_address_that_says_http(identity: Identity) -> None:
    machine = ScriptedV3(identity)
    await machine.start()
    doors = await at_both_doors(machine.web_address, user="openplc")
    await machine.stop()
    assert [step.name for step in doors.steps if step.ok] == ["dns", "tcp", "version", "users", "login"]
    assert "not encrypted" in doors.steps[2].message
    assert doors.capabilities is not None
    assert (doors.capabilities.line, doors.outcome.encrypted) == (Line.V3_WEB, False)


async def test_the_web_pages_by_an_address_without_http() -> None:
    async with web_pages() as web:
        said = (await at_both_doors(web.address)).failed("tls", Kind.NOT_OPENPLC)
    assert "not encrypted" in said
    assert f"http://{web.address}" in said
    assert PASSWORD.encode() not in web.received


async def test_another_port_that_is_closed_is_not_replaced_by_the_web_pages() -> None:
    with closed_port() as rest:
        async with web_pages() as web:
            doors = await at_both_doors(Address("127.0.0.1", rest), Ports(1, web.address.port, 1))
        doors.failed("tcp", Kind.REFUSED)
        assert web.connections == 0


async def test_a_machine_that_was_encrypted_before() -> None:
    with closed_port() as rest:
        PinStore().trust(Address("127.0.0.1", rest), "AB" * 32)
        async with web_pages() as web:
            doors = await at_both_doors(Address("127.0.0.1", rest), Ports(rest, web.address.port, 1))
        assert "encrypted before" in doors.failed("tcp", Kind.REFUSED)
        assert web.connections == 0


async def test_nobody_on_either_port() -> None:
    with closed_port() as rest, closed_port() as web:
        doors = await at_both_doors(Address("127.0.0.1", rest), Ports(rest, web, 1))
    said = doors.failed("tcp", Kind.REFUSED)
    assert all(word in said for word in ("both ports", str(rest), str(web)))


async def test_something_else_on_the_second_port() -> None:
    with closed_port() as rest:
        async with web_pages("<html>It works!</html>") as web:
            doors = await at_both_doors(Address("127.0.0.1", rest), Ports(rest, web.address.port, 1))
    assert "shows no web pages of OpenPLC Runtime v3" in doors.failed("tcp", Kind.REFUSED)


async def test_other_web_pages() -> None:
    async with web_pages("<html>It works!</html>") as web:
        (await at_both_doors(Address("127.0.0.1", web.address.port, "http"))).failed("version", Kind.NOT_OPENPLC)
    assert PASSWORD.encode() not in web.received


@pytest.mark.parametrize(("scheme", "step"), [("http", "version"), ("https", "tls")])
async def test_something_that_does_not_speak_http(scheme: str, step: str) -> None:
    async with raw_peer(b"220 mail.example ESMTP\r\n\r\n") as peer:
        (await at_both_doors(Address("127.0.0.1", peer.address.port, scheme))).failed(step, Kind.NOT_OPENPLC)
    assert PASSWORD.encode() not in peer.received


async def test_something_that_speaks_tls_and_not_http(identity: Identity) -> None:
    async with raw_peer(b"220 mail.example ESMTP\r\n\r\n", identity) as peer:
        PinStore().trust(peer.address, identity.pin)
        (await at_both_doors(peer.address)).failed("version", Kind.NOT_OPENPLC)
    assert PASSWORD.encode() not in peer.received


async def test_a_bootloader_in_recovery_where_the_runtime_does_not_listen() -> None:
    record = {"service": "openplc-bootloader", "recovery": True, "bootloader_port": 8445, "reason": "no runtime"}
    async with udp_peer(json.dumps(record).encode()) as port:
        with closed_port() as rest, closed_port() as web:
            doors = await at_both_doors(Address("127.0.0.1", rest), Ports(rest, web, port))
    assert "its bootloader answers in its place" in doors.failed("tcp", Kind.REFUSED)
