"""Agents that are not who they should be, at a hub in a process of its own: what each kind of wrong certificate meets, and wrong enrolments."""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import aiohttp
import httpx
import pytest
import socketio  # type: ignore[import-untyped]  # it ships no types
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.agent_process import AgentFiles, signing_request
from hub.hub_process import Figure, HubProcess
from hub.pki import Authority
from rung.hub.root import Root

DAY = timedelta(days=1)
ENGINE = "/socket.io/?transport=polling&EIO=4"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path_factory.mktemp("hub") / "hub").init()
    yield made.start()
    made.kill()


def of_the_hub(hub: HubProcess, id: str, issued: datetime, folder: Path) -> AgentFiles:
    """A certificate of the hub's own agent authority, issued at that time, that nobody has enrolled."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = Root.open(hub.folder, "agent-ca").sign(id, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH, issued)
    folder.mkdir()
    (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "c.key").write_bytes(key.private_bytes(*form))
    return AgentFiles(folder / "c.pem", folder / "c.key", hub.ca)


def self_signed(hub: HubProcess, id: str, folder: Path) -> AgentFiles:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, id)])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - DAY).not_valid_after(now + DAY)
    folder.mkdir()
    (folder / "c.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "c.key").write_bytes(key.private_bytes(*form))
    return AgentFiles(folder / "c.pem", folder / "c.key", hub.ca)


def tls(hub: HubProcess, files: AgentFiles | None) -> httpx.Client:
    """A client of the agents' listener that shows a certificate."""
    context = ssl.create_default_context(cafile=str(hub.ca))
    if files is not None:
        context.load_cert_chain(files.certificate, files.key)
    return httpx.Client(base_url=f"https://{hub.agents_address}", verify=context, trust_env=False, timeout=10)


@asynccontextmanager
async def connected(hub: HubProcess, files: AgentFiles) -> AsyncIterator[socketio.AsyncClient]:
    """An agent's session.

    Raises:
        socketio.exceptions.ConnectionError: it was refused.
    """
    context = ssl.create_default_context(cafile=str(hub.ca))
    context.load_cert_chain(files.certificate, files.key)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, force_close=True)) as http:
        client = socketio.AsyncClient(reconnection=False, http_session=http)
        try:
            await client.connect(f"https://{hub.agents_address}")
            yield client
        finally:
            await client.disconnect()


@pytest.mark.parametrize(
    "kind", ["none", "self-signed", "of another authority", "of the servers' authority", "expired", "not valid yet"]
)
def test_a_certificate_that_is_none_of_the_hubs_ends_in_the_handshake(
    hub: HubProcess, kind: str, tmp_path: Path
) -> None:
    id, good = hub.enrol(f"Line {kind.replace(chr(39), '')}", tmp_path / "good")
    now = datetime.now(timezone.utc)
    if kind == "none":
        files = None
    elif kind == "self-signed":
        files = self_signed(hub, id, tmp_path / "bad")
    elif kind == "of another authority":
        other = Authority(tmp_path).issue(id)
        files = AgentFiles(other.certificate, other.key, hub.ca)
    elif kind == "of the servers' authority":
        files = AgentFiles(hub.folder / "server.pem", hub.folder / "server.key", hub.ca)
    else:
        files = of_the_hub(hub, id, now + (-500 if kind == "expired" else 2) * DAY, tmp_path / "bad")
    with tls(hub, files) as client, pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
        client.get(ENGINE)
    with tls(hub, good) as client:
        assert client.get(ENGINE).status_code == 200, "the enrolled one is served at the same moment"


async def test_another_certificate_of_the_same_name_and_authority_gets_no_session(
    hub: HubProcess, tmp_path: Path
) -> None:
    id, good = hub.enrol("Same name", tmp_path / "good")
    stolen_name = of_the_hub(hub, id, datetime.now(timezone.utc), tmp_path / "bad")
    async with connected(hub, good) as rightful:
        await asyncio.to_thread(hub.until_online, id)
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(hub, stolen_name):
                pass
        assert "This certificate is not the one that counts for this orchestrator" in hub.log
        assert rightful.connected
        assert hub.online(id)


async def test_a_certificate_of_an_orchestrator_that_was_removed_gets_no_session(
    hub: HubProcess, tmp_path: Path
) -> None:
    id, files = hub.enrol("Removed", tmp_path / "files")
    assert hub.ask("DELETE", f"/orchestrators/{id}", {"typed": "Removed"}).json() == {"ok": True}
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with connected(hub, files):
            pass


async def test_revoking_ends_the_live_session_within_two_seconds(
    hub: HubProcess, tmp_path: Path, figure: Figure
) -> None:
    id, files = hub.enrol("Revoked", tmp_path / "files")
    ended = asyncio.Event()
    async with connected(hub, files) as client:
        client.on("disconnect", lambda *_: ended.set())
        await asyncio.to_thread(hub.until_online, id)
        began = time.monotonic()
        told = await asyncio.to_thread(hub.ask, "POST", f"/orchestrators/{id}/revoke", {"typed": "Revoked"})
        assert told.json() == {"ok": True}
        await asyncio.wait_for(ended.wait(), 2.0)
        figure("revoked, session ended after", f"{time.monotonic() - began:.2f} s")
    assert not hub.online(id)
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with connected(hub, files):
            pass


def test_a_session_is_of_no_use_with_another_orchestrators_certificate(hub: HubProcess, tmp_path: Path) -> None:
    _, mine = hub.enrol("Mine", tmp_path / "mine")
    _, other = hub.enrol("Other", tmp_path / "other")
    with tls(hub, mine) as client:
        opened = client.get(ENGINE)
        sid = opened.text.partition('"sid":"')[2].partition('"')[0]
        assert sid
        with tls(hub, other) as thief:
            assert thief.get(f"{ENGINE}&sid={sid}").status_code == 403
            assert thief.post(f"{ENGINE}&sid={sid}", content="40").status_code == 403
            headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
            headers["Sec-WebSocket-Key"] = "MDEyMzQ1Njc4OWFiY2RlZg=="
            upgrade = f"/socket.io/?transport=websocket&EIO=4&sid={sid}"
            assert thief.get(upgrade, headers=headers).status_code == 403
        assert client.post(f"{ENGINE}&sid={sid}", content="40").status_code == 200, "its owner's session goes on"
        assert client.get(f"{ENGINE}&sid={sid}").text.startswith("40")


# -- enrolments ------------------------------------------------------------------------------------------------------


def test_a_replayed_enrolment_gets_nothing(hub: HubProcess, tmp_path: Path) -> None:
    id = hub.ask("POST", "/enrolments", {"name": "Replayed"}).json()["id"]
    form = {"csr": ("client.csr", signing_request(id, tmp_path / "files"), "application/octet-stream")}
    with hub.api(token=None) as client:
        first = client.post(f"{hub.url}/orchestrators/enroll", files=form)
        second = client.post(f"{hub.url}/orchestrators/enroll", files=form)
    assert (first.status_code, second.status_code) == (200, 403)
    assert "certificate" not in second.text.replace("certificate request", "")
    shown = hub.ask("GET", f"/orchestrators/{id}").json()
    issued = x509.load_pem_x509_certificate(first.json()["data"]["certificate"].encode())
    assert shown["certificate"]["fingerprint"] == issued.fingerprint(hashes.SHA256()).hex().upper()


def test_guessing_ids_is_slowed_down_and_a_right_one_from_elsewhere_passes(
    hub: HubProcess, tmp_path: Path, figure: Figure
) -> None:
    key_folder, codes, began = tmp_path / "guess", [], time.monotonic()
    with hub.api(token=None, source="127.0.0.77") as guesser:
        while 429 not in codes:
            csr = signing_request(secrets.token_hex(16).upper(), key_folder)
            answer = guesser.post(f"{hub.url}/orchestrators/enroll", files={"csr": ("client.csr", csr)})
            codes.append(answer.status_code)
            assert len(codes) < 50
    spent = time.monotonic() - began
    wait = int(answer.headers["Retry-After"])
    assert set(codes) == {403, 429}
    assert wait >= 1
    hub.enrol("Meanwhile", tmp_path / "meanwhile")
    figure(
        "ids that one address could guess",
        f"{len(codes) - 1} in {spent:.1f} s, then one per {wait} s at most: {3600 // wait + len(codes) - 1} an hour, of 2^128",
    )
