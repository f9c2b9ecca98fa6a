"""The state machine: four states, each of them true, and credentials for the pinned machine only."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from rung.runtimes.address import Address
from rung.runtimes.connection import Connection, ConnectionEvent, State
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import RuntimeStatus
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import Ports, Recognised
from runtimes.scripted_device import PASSWORD, QUICK, V3_LOGIN_PAGE, V4_1, Events, RawPeer, raw_peer

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice


def new_connection(device: ScriptedDevice) -> Connection:
    return Connection(Profile("line3", device.address, "admin"), heartbeat=0.1, back_off=(0.05,), timeouts=QUICK)


def states(events: Events) -> list[str]:
    return [event.state.value for event in events]


# -- the way in ----------------------------------------------------------------------------------------------------


async def test_the_first_time_shows_the_certificate_and_sends_nothing(device: ScriptedDevice) -> None:
    connection = new_connection(device)
    events = Events(connection)
    outcome = await connection.connect("admin", PASSWORD)
    assert (outcome.state, outcome.pinned) == ("needs-trust", None)
    assert outcome.certificate == device.identity.certificate
    assert device.requests == []
    assert states(events) == ["connecting", "disconnected"]


async def test_trusting_the_shown_certificate_connects_and_remembers_it(device: ScriptedDevice) -> None:
    connection = new_connection(device)
    shown = (await connection.connect()).certificate
    assert shown is not None
    assert (await connection.connect("admin", PASSWORD, trust=shown.fingerprint)).state == "connected"
    assert connection.plc == "STOPPED"
    assert PinStore().get(device.address) == device.identity.pin
    await connection.disconnect()
    assert (await new_connection(device).connect()).state == "needs-login"


async def test_trust_is_worth_nothing_for_another_certificate(device: ScriptedDevice, stranger: Identity) -> None:
    connection = new_connection(device)
    outcome = await connection.connect("admin", PASSWORD, trust=stranger.pin)
    assert (outcome.state, outcome.kind) == ("error", Kind.UNTRUSTED)
    assert device.requests == []
    assert PinStore().get(device.address) is None


async def test_half_a_fingerprint_is_no_trust(device: ScriptedDevice) -> None:
    outcome = await new_connection(device).connect(trust=device.identity.pin[:20])
    assert (outcome.state, outcome.kind) == ("error", Kind.UNTRUSTED)


async def test_what_is_no_runtime_is_not_remembered_as_trusted(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.text("<html>Router login</html>", status=404))
    outcome = await new_connection(device).connect(trust=device.identity.pin)
    assert (outcome.state, outcome.kind) == ("error", Kind.NOT_OPENPLC)
    assert PinStore().get(device.address) is None


async def test_a_changed_certificate_shows_both_and_sends_nothing(
    device: ScriptedDevice, connection: Connection, stranger: Identity
) -> None:
    PinStore().trust(device.address, stranger.pin)
    events = Events(connection)
    outcome = await connection.connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("needs-trust", Kind.CERTIFICATE_CHANGED)
    assert outcome.pinned == stranger.certificate.fingerprint
    assert outcome.certificate == device.identity.certificate
    assert states(events) == ["connecting", "error"]
    assert device.requests == []
    assert PinStore().get(device.address) == stranger.pin


async def test_a_trusted_certificate_is_never_replaced_in_one_step(
    device: ScriptedDevice, connection: Connection, stranger: Identity
) -> None:
    PinStore().trust(device.address, stranger.pin)
    outcome = await connection.connect("admin", PASSWORD, trust=device.identity.pin)
    assert (outcome.state, outcome.kind) == ("error", Kind.CERTIFICATE_CHANGED)
    assert device.requests == []
    PinStore().forget(device.address)
    assert (await connection.connect("admin", PASSWORD, trust=device.identity.pin)).state == "connected"


async def test_a_pin_that_cannot_be_written_ends_before_any_credentials_are_sent(
    device: ScriptedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    outcome = await new_connection(device).connect("admin", PASSWORD, trust=device.identity.pin)
    assert (outcome.state, outcome.kind) == ("error", Kind.INTERNAL)
    assert "No space left" in outcome.message
    assert "POST login" not in device.requests


async def test_a_new_device_asks_for_its_first_user(device: ScriptedDevice, connection: Connection) -> None:
    device.users.clear()
    assert (await connection.connect("admin", PASSWORD)).state == "needs-first-user"
    assert (await connection.create_first_user("admin", PASSWORD)).state == "connected"
    assert device.users == {"admin": PASSWORD}
    assert connection.state is State.CONNECTED


async def test_no_first_user_is_created_where_nobody_asked_for_one(
    device: ScriptedDevice, connection: Connection
) -> None:
    assert (await connection.create_first_user("mallory", "x")).state == "error"
    assert (await connection.connect("admin", PASSWORD)).state == "connected"
    assert (await connection.create_first_user("mallory", "x")).state == "error"
    assert list(device.users) == ["admin"]
    assert connection.state is State.CONNECTED


async def test_somebody_who_is_faster_with_the_first_user_is_noticed(
    device: ScriptedDevice, connection: Connection
) -> None:
    device.users.clear()
    await connection.connect()
    device.users["somebody"] = "else"
    outcome = await connection.create_first_user("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.CREDENTIALS)


async def test_without_a_password_the_login_is_asked_for(connection: Connection) -> None:
    assert (await connection.connect()).state == "needs-login"
    assert (await connection.connect("admin")).state == "needs-login"
    assert connection.state is State.DISCONNECTED


async def test_a_wrong_password_is_an_error_of_its_kind(connection: Connection) -> None:
    outcome = await connection.connect("admin", "nope")
    assert (outcome.state, outcome.kind) == ("error", Kind.CREDENTIALS)
    assert (await connection.connect("admin", PASSWORD)).state == "connected"


@pytest.mark.parametrize("version", ["v2", "v5.1"])
async def test_a_runtime_that_rung_cannot_serve_gets_no_credentials(
    device: ScriptedDevice, connection: Connection, version: str
) -> None:
    device.version = version
    assert (await connection.connect("admin", PASSWORD)).kind is Kind.TOO_OLD
    assert "POST login" not in device.requests


async def test_nothing_can_be_done_without_a_connection(connection: Connection) -> None:
    with pytest.raises(RuntimeFailure, match="not connected") as caught:
        _ = connection.client
    assert caught.value.kind is Kind.LOST


async def test_connecting_twice_is_connecting_once(device: ScriptedDevice, connection: Connection) -> None:
    await connection.connect("admin", PASSWORD)
    assert (await connection.connect()).state == "connected"
    assert device.logins == 1


async def test_a_cancelled_connect_leaves_no_half_connection(identity: Identity) -> None:
    async with raw_peer(None, identity) as peer:
        PinStore().trust(peer.address, identity.pin)
        connection = Connection(Profile("slow", peer.address), timeouts=QUICK)
        task = asyncio.create_task(connection.connect("admin", PASSWORD))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert connection.state is State.DISCONNECTED


async def test_a_host_that_refuses_is_an_error_with_its_hint() -> None:
    address = Address("127.0.0.1", 1)
    PinStore().trust(address, "AB" * 32)
    outcome = await Connection(Profile("gone", address), timeouts=QUICK).connect("admin", PASSWORD)
    assert (outcome.state, outcome.kind) == ("error", Kind.REFUSED)
    assert outcome.hint


async def test_what_the_machine_is_and_since_when_it_is_connected(
    device: ScriptedDevice, connection: Connection
) -> None:
    assert (connection.info, connection.since) == (None, None)
    await connection.connect("admin", PASSWORD)
    assert connection.capabilities == V4_1
    assert connection.info == Recognised(device.address, V4_1, users_exist=True)
    assert connection.since is not None
    assert 0 <= time.monotonic() - connection.since < 5
    await connection.disconnect()
    assert connection.event.state is State.DISCONNECTED
    assert connection.__dict__["since"] is None


# -- without encryption --------------------------------------------------------------------------------------------


@asynccontextmanager
async def only_web_pages() -> AsyncIterator[tuple[RawPeer, Ports]]:
    """A host whose REST port is closed and that shows the web pages of an older Runtime v3."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        body = V3_LOGIN_PAGE.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        async with raw_peer(head.encode() + body) as web:
            yield web, Ports(taken.getsockname()[1], web.address.port, 1)


async def test_no_password_goes_out_unencrypted_before_the_user_was_told() -> None:
    async with only_web_pages() as (web, ports):
        connection = Connection(Profile("old", Address("127.0.0.1", ports.rest)), timeouts=QUICK, ports=ports)
        outcome = await connection.connect("openplc", PASSWORD)
        await connection.disconnect()
    assert (outcome.state, outcome.encrypted) == ("needs-login", False)
    assert f"port {web.address.port}" in outcome.message
    assert "everybody in the network can read the password" in outcome.message
    assert "openplc" in outcome.hint
    assert PASSWORD.encode() not in web.received
    assert b"POST" not in web.received


@pytest.mark.parametrize("says_http", [True, False])
async def test_who_was_told_logs_in_over_the_web_pages(says_http: bool) -> None:
    async with only_web_pages() as (web, ports):
        address = Address("127.0.0.1", ports.web, "http") if says_http else Address("127.0.0.1", ports.rest)
        connection = Connection(Profile("old", address), timeouts=QUICK, ports=ports)
        await connection.connect("openplc", PASSWORD, plain=not says_http)
        await connection.disconnect()
    assert b"POST /login" in web.received


async def test_a_machine_that_was_encrypted_never_gets_its_password_unencrypted() -> None:
    async with only_web_pages() as (web, ports):
        address = Address("127.0.0.1", ports.rest)
        PinStore().trust(address, "AB" * 32)
        connection = Connection(Profile("old", address), timeouts=QUICK, ports=ports)
        outcome = await connection.connect("openplc", PASSWORD, plain=True)
        assert (outcome.state, outcome.kind) == ("error", Kind.REFUSED)
        assert web.connections == 0


async def test_a_machine_that_comes_back_as_another_runtime_needs_a_new_connection(
    device: ScriptedDevice, connection: Connection
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await device.stop()
    await events.wait_for("error", Kind.LOST)
    device.version = "v4.2.0"
    await device.start()
    changed = await events.wait_for("error", Kind.NOT_OURS)
    assert "came back as OpenPLC Runtime v4.2.0" in changed.message
    assert connection.state is State.ERROR


# -- looking after it ----------------------------------------------------------------------------------------------


async def test_a_change_on_the_machine_is_told_and_no_change_is_not(
    device: ScriptedDevice, connection: Connection
) -> None:
    events = Events(connection)
    await connection.connect("admin", PASSWORD)
    device.plc = "STATUS:RUNNING"
    await asyncio.sleep(0.5)
    assert [(e.state.value, e.plc) for e in events] == [
        ("connecting", None),
        ("connected", "STOPPED"),
        ("connected", "RUNNING"),
    ]


async def test_two_missed_heartbeats_are_no_error(device: ScriptedDevice, connection: Connection) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    device.script("status", device.text("busy", status=502), device.text("busy", status=502))
    await asyncio.sleep(0.6)
    assert states(events) == []


async def test_a_dead_machine_is_an_error_and_comes_back_by_itself(
    device: ScriptedDevice, connection: Connection
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await device.stop()
    lost = await events.wait_for("error")
    assert (lost.kind, lost.plc) == (Kind.LOST, None)
    assert "not known" in lost.message
    with pytest.raises(RuntimeFailure):
        _ = connection.client
    device.expire_tokens()
    await device.start()
    again = await events.wait_for("connected")
    assert again.plc == "STOPPED"
    assert device.logins == 2
    assert (await connection.status()).plc == "STOPPED"


async def test_a_machine_that_comes_back_with_another_certificate_gets_no_credentials(
    device: ScriptedDevice, connection: Connection, identity: Identity, stranger: Identity
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await device.stop()
    await events.wait_for("error", Kind.LOST)
    asked = len(device.requests)
    device.identity = stranger
    await device.start()
    changed = await events.wait_for("error", Kind.CERTIFICATE_CHANGED)
    assert stranger.certificate.fingerprint in changed.message
    await asyncio.sleep(0.3)
    assert device.requests[asked:] == []
    assert connection.state is State.ERROR


async def test_a_certificate_that_changes_between_two_heartbeats_is_an_error_at_once(
    device: ScriptedDevice, connection: Connection, stranger: Identity
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await device.stop()
    device.identity = stranger
    asked = len(device.requests)
    await device.start()
    await events.wait_for("error", Kind.CERTIFICATE_CHANGED)
    assert device.requests[asked:] == []


async def test_a_device_that_was_reset_needs_the_user(device: ScriptedDevice, connection: Connection) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await device.stop()
    await events.wait_for("error", Kind.LOST)
    device.users.clear()
    await device.start()
    await events.wait_for("error", Kind.NO_USERS)


async def test_a_password_that_was_changed_meanwhile_is_an_error_and_not_tried_again(
    device: ScriptedDevice, connection: Connection
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    device.users["admin"] = "changed"
    device.expire_tokens()
    await events.wait_for("error", Kind.CREDENTIALS)
    tried = device.requests.count("POST login")
    await asyncio.sleep(0.4)
    assert device.requests.count("POST login") == tried


async def test_an_expired_token_is_renewed_by_the_heartbeat(device: ScriptedDevice, connection: Connection) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    device.expire_tokens()
    await asyncio.sleep(0.4)
    assert device.logins == 2
    assert states(events) == []


async def test_a_machine_that_falls_silent_while_it_compiles_is_not_lost_but_its_state_is_not_known(
    device: ScriptedDevice, connection: Connection
) -> None:
    device.plc = "STATUS:RUNNING"
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    with connection.hold():
        await device.stop()
        silent = await events.wait_for("connected")
        assert (silent.plc, connection.plc) == (None, None)
        assert "compiling" in silent.message
        assert "does not answer" in silent.message
        await asyncio.sleep(0.4)
        assert states(events) == []
    await events.wait_for("error", Kind.LOST)


async def test_two_missed_heartbeats_while_it_compiles_change_nothing(
    device: ScriptedDevice, connection: Connection
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    with connection.hold():
        device.script("status", device.text("busy", status=502), device.text("busy", status=502))
        await asyncio.sleep(0.6)
    assert states(events) == []


async def test_a_defect_of_our_own_ends_the_watch_with_an_error_and_not_in_silence(
    device: ScriptedDevice, connection: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)

    async def broken(stats: bool = False, timeout: float | None = None) -> RuntimeStatus:
        raise ZeroDivisionError(PASSWORD)

    monkeypatch.setattr(connection.client, "status", broken)
    failed = await events.wait_for("error", Kind.INTERNAL)
    assert (failed.plc, connection.plc) == (None, None)
    assert "ZeroDivisionError" in caplog.text
    assert PASSWORD not in caplog.text + failed.message


async def test_disconnect_ends_the_watch_and_logs_out(device: ScriptedDevice, connection: Connection) -> None:
    await connection.connect("admin", PASSWORD)
    events = Events(connection)
    await connection.disconnect()
    asked = len(device.requests)
    assert device.requests[-1] == "POST logout"
    await asyncio.sleep(0.3)
    assert len(device.requests) == asked
    assert states(events) == ["disconnected"]


async def test_a_listener_that_fails_does_not_end_the_watch(device: ScriptedDevice, connection: Connection) -> None:
    def broken(event: ConnectionEvent) -> None:
        raise RuntimeError("listener")

    connection.on_change(broken)
    events = Events(connection)
    await connection.connect("admin", PASSWORD)
    device.plc = "STATUS:RUNNING"
    while (await events.wait_for("connected")).plc != "RUNNING":
        pass


async def test_a_listener_can_leave(connection: Connection) -> None:
    heard: list[ConnectionEvent] = []
    leave = connection.on_change(heard.append)
    leave()
    leave()
    await connection.connect("admin", PASSWORD)
    assert heard == []


@pytest.mark.parametrize(
    ("text", "plc"), [("STATUS:ERROR\n", "CORE_DOWN"), ("No response from runtime", "NO_RESPONSE")]
)
async def test_a_web_server_without_its_core_is_connected_and_says_so(
    device: ScriptedDevice, connection: Connection, text: str, plc: str
) -> None:
    device.plc = text
    await connection.connect("admin", PASSWORD)
    assert (connection.state, connection.plc) == (State.CONNECTED, plc)
