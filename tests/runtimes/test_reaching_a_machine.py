"""Everything that can stand in the way of a connection ends in its own kind and sentence."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import Phase, describe
from rung.runtimes.pins import fetch_certificate
from rung.runtimes.recognise import recognise
from rung.runtimes.v4 import V4Client
from rung.runtimes.way import Direct
from runtimes.scripted_device import QUICK, V4_1, raw_peer

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice

A = Address("line3", 8443)


async def probe(address: Address, pin: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await recognise(address, pin, QUICK)
    return caught.value


async def test_a_closed_port_is_refused(identity: Identity) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", free.getsockname()[1])
        failure = await probe(address, identity.pin)
        assert failure.kind is Kind.REFUSED
        assert str(address.port) in failure.message
        with pytest.raises(RuntimeFailure) as caught:
            await fetch_certificate(address, 2.0)
        assert caught.value.kind is Kind.REFUSED


async def test_a_closed_port_of_a_name_with_several_addresses_is_refused(identity: Identity) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        failure = await probe(Address("localhost", free.getsockname()[1]), identity.pin)
    assert failure.kind is Kind.REFUSED


async def test_an_unknown_name_is_a_matter_of_the_name_service(identity: Identity) -> None:
    failure = await probe(Address("no-such-device.invalid", 8443), identity.pin)
    assert failure.kind is Kind.DNS
    assert "no-such-device.invalid" in failure.message


async def test_plain_http_on_the_port_is_told_as_no_tls(identity: Identity) -> None:
    async with raw_peer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "does not speak TLS" in failure.message
    assert b"GET" not in peer.received


async def test_a_machine_that_is_known_and_hangs_up_at_once_is_lost_and_not_another_thing(identity: Identity) -> None:
    async with raw_peer(b"") as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.LOST
    assert "before TLS had begun" in failure.message
    assert "was not sent" in failure.message


async def test_a_port_that_never_begins_tls_times_out(identity: Identity) -> None:
    async with raw_peer(None) as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.TIMEOUT
    assert "did not begin TLS" in failure.message


async def test_tls_with_something_else_than_http_inside_is_no_openplc(identity: Identity) -> None:
    async with raw_peer(b"220 mail.example ESMTP\r\n\r\n", identity) as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "HTTP" in failure.message


async def test_a_machine_that_accepts_and_never_answers_times_out(identity: Identity) -> None:
    async with raw_peer(None, identity) as peer:
        client = V4Client(Direct(peer.address, identity.pin), V4_1, QUICK)
        with pytest.raises(RuntimeFailure) as caught:
            await client.login("admin", "x")
        await client.aclose()
    assert caught.value.kind is Kind.TIMEOUT
    assert "did not answer in time" in caught.value.message


async def test_a_connection_that_breaks_before_the_answer_is_lost(identity: Identity) -> None:
    async with raw_peer(b"", identity) as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.LOST


async def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_lost(identity: Identity) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
    async with raw_peer(half, identity) as peer:
        failure = await probe(peer.address, identity.pin)
    assert failure.kind is Kind.LOST


async def test_a_web_server_that_is_no_openplc_is_told(device: ScriptedDevice) -> None:
    device.version = None
    device.script("get-users-info", device.text("<html>Router login</html>", status=404))
    failure = await probe(device.address, device.identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "no OpenPLC runtime" in failure.message


@pytest.mark.parametrize("body", ["{", "null", "[1]", '{"msg": 3}', '{"msg": "Hello"}', "[" * 100_000])
async def test_json_that_no_runtime_would_send_is_no_openplc(device: ScriptedDevice, body: str) -> None:
    device.script("get-users-info", device.text(body, "application/json"))
    assert (await probe(device.address, device.identity.pin)).kind is Kind.NOT_OPENPLC


async def test_an_html_page_with_the_right_header_is_not_parsed(device: ScriptedDevice) -> None:
    device.script("get-users-info", device.text('{"msg": "Users found"}', "text/html"))
    assert (await probe(device.address, device.identity.pin)).kind is Kind.NOT_OPENPLC


async def test_an_answer_without_end_is_cut(device: ScriptedDevice) -> None:
    device.script("get-users-info", device.text('{"msg": "' + "x" * 2_000_000 + '"}', "application/json"))
    failure = await probe(device.address, device.identity.pin)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "1000000 bytes" in failure.message


@pytest.mark.parametrize("version", ["", "latest", "v4.1.4; rm -rf /", "v" + "9" * 50])
async def test_a_version_that_is_none_is_no_openplc(device: ScriptedDevice, version: str) -> None:
    device.version = version
    assert (await probe(device.address, device.identity.pin)).kind is Kind.NOT_OPENPLC


async def test_a_proxy_of_the_environment_is_not_used(device: ScriptedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await recognise(device.address, device.identity.pin, QUICK)).users_exist


async def test_a_redirect_is_not_followed(device: ScriptedDevice) -> None:
    async with raw_peer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as elsewhere:
        moved = device.text("", status=302)
        moved.headers["Location"] = f"http://{elsewhere.address}/api/get-users-info"
        device.script("get-users-info", moved)
        failure = await probe(device.address, device.identity.pin)
        assert elsewhere.connections == 0
    assert failure.kind is Kind.NOT_OPENPLC


@pytest.mark.parametrize(
    ("error", "phase", "kind"),
    [
        (OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)), Phase.CONNECT, Kind.UNREACHABLE),
        (OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)), Phase.CONNECT, Kind.UNREACHABLE),
        (TimeoutError(), Phase.CONNECT, Kind.TIMEOUT),
        (TimeoutError(), Phase.REQUEST, Kind.TIMEOUT),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), Phase.CONNECT, Kind.DNS),
        (ConnectionResetError(), Phase.TLS, Kind.NOT_OPENPLC),
        (ConnectionResetError(), Phase.TLS_AGAIN, Kind.LOST),
        (ssl.SSLEOFError(8, "EOF"), Phase.TLS_AGAIN, Kind.LOST),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] x"), Phase.TLS_AGAIN, Kind.NOT_OPENPLC),
        (TimeoutError(), Phase.TLS_AGAIN, Kind.TIMEOUT),
        (ConnectionResetError(), Phase.REQUEST, Kind.LOST),
        (BrokenPipeError(), Phase.REQUEST, Kind.LOST),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] x"), Phase.TLS, Kind.NOT_OPENPLC),
        (OSError("odd"), Phase.CONNECT, Kind.LOST),
    ],
)
def test_every_error_of_the_system_has_its_kind(error: OSError, phase: Phase, kind: Kind) -> None:
    failure = describe(error, A, phase)
    assert failure.kind is kind
    assert failure.message.endswith(".")
    assert failure.hint.endswith(".")
    assert "line3" in failure.message


def test_a_host_that_answered_counts_more_than_one_that_could_not_be_reached() -> None:
    error = OSError("All connection attempts failed")
    error.__cause__ = OSError(errno.ENETUNREACH, "x")
    error.__cause__.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "x")
    assert describe(error, A, Phase.CONNECT).kind is Kind.REFUSED


def test_looking_at_names_and_pins_does_not_load_the_network_libraries(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, rung.runtimes.errors, rung.runtimes.profiles, rung.runtimes.address, rung.runtimes.pins;"
        "rung.runtimes.pins.PinStore().get(rung.runtimes.address.Address('a', 1));"
        "print([m for m in ('httpx', 'httpcore', 'socketio', 'cryptography', 'keyring', 'anyio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
