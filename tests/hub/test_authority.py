"""The agents' authority: what it issues, what it does not, and whom the agents' listener lets in."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.enrolling import ID, csr, key_pem, made_settings, new_key, now
from rung.hub.authority import Authority
from rung.hub.settings import HubSettings
from rung.runtimes.errors import Kind, RuntimeFailure


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    return made_settings(tmp_path / "hub")


@pytest.fixture
def authority(settings: HubSettings) -> Authority:
    return Authority.open(settings.folder)


def certificate_in(settings: HubSettings) -> bytes:
    """The authority's own."""
    return (settings.folder / "agent-ca.pem").read_bytes()


def issued(authority: Authority, request: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.issue(request, ID, now()).pem.encode())


def test_a_certificate_is_for_client_authentication_and_13_months_and_nothing_else(
    settings: HubSettings, authority: Authority
) -> None:
    certificate = issued(authority, csr(ID))
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    others = (usage.key_encipherment, usage.data_encipherment, usage.key_cert_sign, usage.crl_sign)
    assert not any(others)
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    life = certificate.not_valid_after_utc - now()
    assert timedelta(days=395) < life <= timedelta(days=396)
    assert now() - certificate.not_valid_before_utc > timedelta(minutes=59)  # devices' clocks are often behind
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(certificate_in(settings)))


def test_what_a_request_asks_for_besides_its_key_is_left_out(authority: Authority) -> None:
    certificate = issued(
        authority,
        csr(
            ID,
            also=[x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody")],
            extensions=[
                x509.BasicConstraints(ca=True, path_length=None),
                x509.SubjectAlternativeName([x509.DNSName("hub.example")]),
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            ],
        ),
    )
    assert certificate.subject.rfc4514_string() == f"CN={ID}"
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_the_vendors_installer_finds_its_certificate_good_for_a_client(authority: Authority, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 3072)
    wanted = x509.KeyUsage(False, False, True, True, False, False, False, False, False)
    path = tmp_path / "client.crt"
    path.write_text(authority.issue(csr(ID, key=key, extensions=[wanted]), ID, now()).pem)
    purposes = subprocess.run(
        ["openssl", "x509", "-in", str(path), "-noout", "-purpose"], capture_output=True, text=True, check=True
    ).stdout
    assert "SSL client : Yes" in purposes
    assert "SSL server : No" in purposes


def test_what_the_store_keeps_is_the_certificates_own(authority: Authority) -> None:
    made = authority.issue(csr(ID), ID, now())
    certificate = x509.load_pem_x509_certificate(made.pem.encode())
    assert made.record.fingerprint == certificate.fingerprint(hashes.SHA256()).hex().upper()
    assert int(made.record.serial, 16) == certificate.serial_number
    assert (made.record.not_before, made.record.not_after) == (
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def test_two_certificates_never_share_a_serial_number(authority: Authority) -> None:
    request = csr(ID)
    assert len({authority.issue(request, ID, now()).record.serial for _ in range(20)}) == 20


def ed25519_csr() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ID)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(serialization.Encoding.PEM)


def with_wrong_signature() -> bytes:
    der = bytearray(x509.load_pem_x509_csr(csr(ID)).public_bytes(serialization.Encoding.DER))
    der[-3] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a key of 2048 bits": (lambda: csr(ID, key=rsa.generate_private_key(65537, 2048)), "The key must be RSA of 3072"),
    "the exponent 3": (lambda: csr(ID, key=rsa.generate_private_key(3, 3072)), "The key must be RSA of 3072"),
    "another curve": (lambda: csr(ID, key=ec.generate_private_key(ec.SECP384R1())), "curve P-256"),
    "another kind of key": (ed25519_csr, "curve P-256"),
    "a wrong signature": (with_wrong_signature, "not signed by its own key"),
    "another orchestrator's id": (lambda: csr(ID[::-1]), "not for this orchestrator"),
    "no common name": (csr, "common name"),
    "two common names": (lambda: csr(ID, ID), "common name"),
    "small letters": (lambda: csr(ID.lower()), "common name"),
    "an id with a line end": (lambda: csr(ID + "\n"), "common name"),
    "no PEM": (lambda: x509.load_pem_x509_csr(csr(ID)).public_bytes(serialization.Encoding.DER), "PEM form"),
    "two requests": (lambda: csr(ID) + csr(ID), "PEM form"),
    "a key behind it": (lambda: csr(ID) + key_pem(new_key()), "PEM form"),
    "damaged base64": (lambda: csr(ID).replace(b"MI", b"M=", 1), "cannot be read"),
    "nothing": (lambda: b"", "PEM form"),
    "too much": (lambda: csr(ID) + b"\n" * 16_384, "larger than 16384"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_certificate_for(case: str, authority: Authority) -> None:
    make, sentence = REFUSED[case]
    with pytest.raises(ValueError, match=sentence):
        authority.issue(make(), ID, now())


async def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> bool:
    """Whether a client's first request reaches a server with these TLS settings."""
    heard = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            heard.set()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server)
    try:
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="localhost")
        writer.write(b"x")
        await reader.read()
        writer.close()
    except (ssl.SSLError, ConnectionError):
        return False
    finally:
        listener.close()
    return heard.is_set()


def client_context(
    settings: HubSettings, folder: Path, certificate: bytes | None, key: bytes | None, newest: ssl.TLSVersion
) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(settings.server_authority))
    context.maximum_version = newest
    if certificate is not None and key is not None:
        (folder / "client.crt").write_bytes(certificate)
        (folder / "client.key").write_bytes(key)
        context.load_cert_chain(folder / "client.crt", folder / "client.key")
    return context


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_agents_listener_lets_in_certificates_of_its_own_authority_only(
    newest: ssl.TLSVersion, settings: HubSettings, authority: Authority, tmp_path: Path
) -> None:
    key = new_key()
    stranger = Authority.open(made_settings(tmp_path / "other").folder)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ID)])
    self_signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now() - timedelta(days=1), now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    expired = authority.issue(csr(ID, key=key), ID, now() - timedelta(days=400))
    offered = {
        "own": authority.issue(csr(ID, key=key), ID, now()).pem.encode(),
        "none": None,
        "same name, of another authority": stranger.issue(csr(ID, key=key), ID, now()).pem.encode(),
        "self-signed": self_signed,
        "expired": expired.pem.encode(),
    }
    server = authority.server_context(settings)
    let_in = {
        case: await handshake(server, client_context(settings, tmp_path, certificate, key_pem(key), newest))
        for case, certificate in offered.items()
    }
    assert let_in == {case: case == "own" for case in offered}


async def test_the_hubs_server_certificate_is_not_one_of_an_agent(
    settings: HubSettings, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = settings.certificate.read_bytes(), settings.key.read_bytes()
    client = client_context(settings, tmp_path, certificate, key, ssl.TLSVersion.TLSv1_3)
    assert not await handshake(authority.server_context(settings), client)


async def test_the_editors_listener_asks_for_no_certificate(
    settings: HubSettings, authority: Authority, tmp_path: Path
) -> None:
    client = client_context(settings, tmp_path, None, None, ssl.TLSVersion.TLSv1_2)
    assert await handshake(authority.editors_context(settings), client)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_tls_1_1_is_refused(settings: HubSettings, authority: Authority, tmp_path: Path) -> None:
    old = client_context(settings, tmp_path, None, None, ssl.TLSVersion.TLSv1_3)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    assert not await handshake(authority.editors_context(settings), old)


def test_no_session_outlives_its_certificate(settings: HubSettings, authority: Authority) -> None:
    context = authority.server_context(settings)
    assert context.num_tickets == 0
    assert context.options & ssl.OP_NO_TICKET


def test_making_the_authority_again_keeps_it(settings: HubSettings, authority: Authority) -> None:
    before = certificate_in(settings)
    Authority.make(settings.folder, now())
    assert certificate_in(settings) == before
    assert issued(Authority.open(settings.folder), csr(ID)).issuer == issued(authority, csr(ID)).issuer


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX systems")
def test_a_key_that_others_may_read_is_not_used(settings: HubSettings) -> None:
    key = settings.folder / "agent-ca.key"
    key.chmod(0o640)
    with pytest.raises(RuntimeFailure, match=r"agent-ca\.key \(mode 0640\).*not used") as failure:
        Authority.open(settings.folder)
    assert failure.value.kind is Kind.CREDENTIALS


def test_every_secret_is_the_owners_alone(settings: HubSettings) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in settings.folder.iterdir()}
    assert modes.keys() >= {"agent-ca.key", "server-ca.key", "server.key", "hub.toml"}
    assert set(modes.values()) == {0o600}
    assert settings.folder.stat().st_mode & 0o777 == 0o700


def test_a_key_of_another_authority_is_noticed(settings: HubSettings, tmp_path: Path) -> None:
    other = made_settings(tmp_path / "other")
    (settings.folder / "agent-ca.key").write_bytes((other.folder / "agent-ca.key").read_bytes())
    with pytest.raises(RuntimeFailure, match="not a certificate authority and its key"):
        Authority.open(settings.folder)


def test_an_absent_authority_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match=r"agent-ca\.pem cannot be used") as failure:
        Authority.open(tmp_path)
    assert "rung hub init" in failure.value.hint
