"""Which runtime is behind an address: one test per row of the table of answers."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import pytest

from rung.runtimes.address import Address
from rung.runtimes.capabilities import DebugWay, Line, of_line
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.recognise import NotTrusted, Ports, Recognised, recognise
from runtimes.scripted_device import QUICK, V3_LOGIN_PAGE, RawPeer, ScriptedDevice, raw_peer, udp_peer


async def at(device: ScriptedDevice) -> Recognised:
    found = await recognise(device.address, device.identity.pin, QUICK)
    assert found.address == device.address
    assert "POST login" not in device.requests
    return found


async def failure_at(address: Address, pin: str | None, ports: Ports | None = None) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await recognise(address, pin, QUICK, ports)
    assert caught.value.message.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


@contextmanager
def closed_port() -> Iterator[int]:
    """A TCP port that is bound and where nobody listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@asynccontextmanager
async def web_pages(page: str = V3_LOGIN_PAGE, status: str = "200 OK") -> AsyncIterator[RawPeer]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n"
    async with raw_peer((head + page).encode()) as peer:
        yield peer


# -- the version header --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "line", "target", "debug"),
    [
        ("v3", Line.V3, "openplc-v3", DebugWay.MODBUS),
        ("v3.2", Line.V3, "openplc-v3", DebugWay.MODBUS),
        ("v4", Line.V4_0, "openplc-v4.0", DebugWay.FLAT),
        ("v4.0.9", Line.V4_0, "openplc-v4.0", DebugWay.FLAT),
        ("v4.1", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
        ("v4.1.4", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
        ("4.1.0", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
        ("v4.2.3", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
        ("v4.10.0-rc1", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
        ("dev", Line.V4_1, "openplc-v4", DebugWay.ARRAYS),
    ],
)
async def test_the_version_header_is_read_by_its_beginning(
    device: ScriptedDevice, header: str, line: Line, target: str, debug: DebugWay
) -> None:
    device.version = header
    found = await at(device)
    can = found.capabilities
    assert (can.line, can.version, can.target, can.debug, can.encrypted) == (line, header, target, debug, True)
    assert found.users_exist


async def test_no_users_yet_is_404_and_a_good_answer(device: ScriptedDevice) -> None:
    device.users.clear()
    assert not (await at(device)).users_exist


@pytest.mark.parametrize(
    ("header", "kind", "word"),
    [("v2", Kind.TOO_OLD, "older"), ("v5.0.1", Kind.TOO_OLD, "Update Rung"), ("latest", Kind.NOT_OPENPLC, "latest")],
)
async def test_a_generation_that_rung_does_not_serve_is_named(
    device: ScriptedDevice, header: str, kind: Kind, word: str
) -> None:
    device.version = header
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is kind
    assert word in failure.message + failure.hint


@pytest.mark.parametrize(
    ("version", "roles", "switch", "retain"),
    [
        ("v4.1.4", False, False, False),
        ("v4.1.8", False, False, False),
        ("v4.1.9", True, False, False),
        ("v4.1.10", True, True, False),
        ("v4.2.0", True, True, True),
    ],
)
def test_what_a_version_can_do(version: str, roles: bool, switch: bool, retain: bool) -> None:
    can = of_line(Line.V4_1, version)
    assert (can.roles, can.mode_switch, can.retain, can.snapshots) == (roles, switch, retain, False)


# -- what it tells of itself ---------------------------------------------------------------------------------------


async def test_a_runtime_from_4_1_10_on_is_asked_what_else_it_can_do(device: ScriptedDevice) -> None:
    device.version = "v4.2.1"
    told = {"runtimeVersion": "v4.2.1", "minEditorVersion": "4.1.0", "projectSnapshot": True, "updatePolicy": "self"}
    device.script("capabilities", device.json(told))
    assert (await at(device)).capabilities.snapshots


@pytest.mark.parametrize("told", [{"projectSnapshot": "yes"}, {}])
async def test_only_a_plain_true_is_a_capability(device: ScriptedDevice, told: dict[str, object]) -> None:
    device.version = "v4.1.10"
    device.script("capabilities", device.json({"runtimeVersion": "v4.1.10", **told}))
    assert not (await at(device)).capabilities.snapshots


@pytest.mark.parametrize("status", [200, 401])
async def test_an_unknown_question_is_never_answered_with_404(device: ScriptedDevice, status: int) -> None:
    device.version = "dev"
    said = {"msg": "Missing Authorization Header"} if status == 401 else {"error": "Unknown argument"}
    device.script("capabilities", device.json(said, status))
    can = (await at(device)).capabilities
    assert (can.version, can.snapshots, can.roles) == ("dev", False, False)


async def test_a_build_from_the_source_tree_tells_its_version_with_its_capabilities(device: ScriptedDevice) -> None:
    device.version = "dev"
    device.script("capabilities", device.json({"runtimeVersion": "v4.2.3", "projectSnapshot": True}))
    can = (await at(device)).capabilities
    assert (can.version, can.roles, can.mode_switch, can.retain, can.snapshots) == ("v4.2.3", True, True, True, True)


async def test_an_older_runtime_is_not_asked_what_it_cannot_know(device: ScriptedDevice) -> None:
    await at(device)
    assert device.requests == ["GET get-users-info"]


# -- no version header ---------------------------------------------------------------------------------------------


async def test_without_a_header_the_version_is_asked_for(device: ScriptedDevice) -> None:
    device.version = None
    device.script("version", device.json({"version": "v4.1.2"}))
    assert (await at(device)).capabilities == of_line(Line.V4_1, "v4.1.2")


async def test_a_runtime_that_never_says_its_version_is_refused(device: ScriptedDevice) -> None:
    device.version = None
    device.script("version", device.json({"msg": "Missing Authorization Header"}, 401))
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.TOO_OLD
    assert "does not say which version" in failure.message


async def test_another_web_server_is_no_openplc_runtime(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.text("<html>Router login</html>", status=404))
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "no OpenPLC runtime" in failure.message


async def test_a_web_server_that_speaks_json_is_no_openplc_runtime_either(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.json({"error": "not found"}, 404))
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC


async def test_a_bootloader_on_the_port_is_told(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.json({"error": "not found"}, 404))
    device.bootloader = {"service": "openplc-bootloader", "recovery": True, "state": "recovery"}
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.REFUSED
    assert "bootloader" in failure.message


async def test_a_runtime_that_cannot_read_its_users_is_told(device: ScriptedDevice) -> None:
    device.script("get-users-info", device.json({"msg": "User retrieval error"}, 500))
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.INTERNAL
    assert "User retrieval error" in failure.message


# -- nothing trusted yet, and the web pages ------------------------------------------------------------------------


async def test_a_certificate_that_nobody_trusts_ends_before_any_request(device: ScriptedDevice) -> None:
    with pytest.raises(NotTrusted) as caught:
        await recognise(device.address, None, QUICK)
    assert caught.value.seen == device.identity.certificate
    assert device.requests == []


async def test_where_the_usual_port_is_closed_the_web_pages_of_v3_are_found() -> None:
    with closed_port() as rest:
        async with web_pages() as web:
            ports = Ports(rest, web.address.port, 1)
            found = await recognise(Address("127.0.0.1", rest), None, QUICK, ports)
    assert found.address == Address("127.0.0.1", web.address.port, "http")
    assert (found.capabilities.line, found.capabilities.encrypted, found.users_exist) == (Line.V3_WEB, False, True)
    assert bytes(web.received).startswith(b"GET /login HTTP/1.1")


async def test_an_address_that_says_http_means_the_web_pages() -> None:
    async with web_pages() as web:
        address = Address("127.0.0.1", web.address.port, "http")
        assert (await recognise(address, None, QUICK)).capabilities.line is Line.V3_WEB


async def test_another_port_that_is_closed_is_not_replaced_by_the_web_pages() -> None:
    with closed_port() as rest:
        async with web_pages() as web:
            failure = await failure_at(Address("127.0.0.1", rest), None, Ports(1, web.address.port, 1))
        assert (failure.kind, web.connections) == (Kind.REFUSED, 0)


async def test_a_machine_that_was_encrypted_is_never_reached_without_encryption_instead() -> None:
    with closed_port() as rest:
        async with web_pages() as web:
            failure = await failure_at(Address("127.0.0.1", rest), "AB" * 32, Ports(rest, web.address.port, 1))
        assert (failure.kind, web.connections) == (Kind.REFUSED, 0)
    assert "encrypted before" in failure.hint


async def test_both_ports_that_were_tried_are_named() -> None:
    with closed_port() as rest, closed_port() as web:
        failure = await failure_at(Address("127.0.0.1", rest), None, Ports(rest, web, 1))
    assert failure.kind is Kind.REFUSED
    assert "both ports" in failure.message
    assert str(rest) in failure.message
    assert str(web) in failure.message


async def test_something_else_on_the_second_port_is_told() -> None:
    with closed_port() as rest:
        async with web_pages("<html>It works!</html>") as web:
            failure = await failure_at(Address("127.0.0.1", rest), None, Ports(rest, web.address.port, 1))
    assert failure.kind is Kind.REFUSED
    assert "shows no web pages of OpenPLC Runtime v3" in failure.message


@pytest.mark.parametrize(
    ("page", "status"), [("<html>It works!</html>", "200 OK"), (V3_LOGIN_PAGE, "404 NOT FOUND"), ("", "302 FOUND")]
)
async def test_other_web_pages_are_no_openplc_runtime(page: str, status: str) -> None:
    async with web_pages(page, status) as web:
        failure = await failure_at(Address("127.0.0.1", web.address.port, "http"), None)
    assert failure.kind is Kind.NOT_OPENPLC


async def test_something_else_than_http_is_no_openplc_runtime() -> None:
    async with raw_peer(b"220 mail.example ESMTP\r\n\r\n") as peer:
        failure = await failure_at(Address("127.0.0.1", peer.address.port, "http"), None)
    assert failure.kind is Kind.NOT_OPENPLC


async def test_the_web_pages_without_http_in_the_address_are_told_how_to_be_reached() -> None:
    async with web_pages() as web:
        failure = await failure_at(web.address, None)
    assert failure.kind is Kind.NOT_OPENPLC
    assert f"http://{web.address}" in failure.hint


async def test_a_bootloader_in_recovery_is_told_where_the_runtime_does_not_listen() -> None:
    record = {"service": "openplc-bootloader", "recovery": True, "bootloader_port": 8445, "reason": "no runtime"}
    async with udp_peer(json.dumps(record).encode()) as port:
        with closed_port() as rest, closed_port() as web:
            failure = await failure_at(Address("127.0.0.1", rest), None, Ports(rest, web, port))
    assert failure.kind is Kind.REFUSED
    assert "bootloader" in failure.message


@pytest.mark.parametrize("said", [{"msg": []}, {"msg": {}}, {"msg": 3}, {"error": ["x"]}])
async def test_an_answer_of_odd_types_is_a_strangers(device: ScriptedDevice, said: object) -> None:
    device.version = None
    device.script("get-users-info", device.json(said))
    failure = await failure_at(device.address, device.identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
