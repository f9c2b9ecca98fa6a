"""The hub's own certificate: its names, its renewal, its pin; and the operator's own."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.enrolling import key_pem, made_settings, new_key, now
from rung.hub import server_certificate
from rung.hub.settings import HubSettings
from rung.runtimes.errors import Kind, RuntimeFailure


@pytest.fixture
def settings(tmp_path: Path) -> HubSettings:
    return made_settings(tmp_path / "hub")


def certificate(settings: HubSettings) -> x509.Certificate:
    return x509.load_pem_x509_certificate(settings.certificate.read_bytes())


def test_it_is_for_the_names_and_addresses_of_the_hub(settings: HubSettings) -> None:
    shown = certificate(settings)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert list(shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert shown.not_valid_after_utc - now() <= timedelta(days=396)
    assert settings.server_authority is not None
    shown.verify_directly_issued_by(x509.load_pem_x509_certificate(settings.server_authority.read_bytes()))


def test_its_authority_is_not_the_agents(settings: HubSettings) -> None:
    servers = x509.load_pem_x509_certificate((settings.folder / "server-ca.pem").read_bytes())
    agents = x509.load_pem_x509_certificate((settings.folder / "agent-ca.pem").read_bytes())
    assert servers.public_key() != agents.public_key()
    for root in (servers, agents):
        constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, 0)


def test_it_is_renewed_in_its_last_30_days_with_the_same_key(settings: HubSettings) -> None:
    before, pin = certificate(settings), server_certificate.pin(settings)
    assert not server_certificate.renew_if_due(settings, now() + timedelta(days=365))
    assert certificate(settings) == before
    assert server_certificate.renew_if_due(settings, now() + timedelta(days=367))
    assert certificate(settings).serial_number != before.serial_number
    assert certificate(settings).not_valid_after_utc > before.not_valid_after_utc
    assert server_certificate.pin(settings) == pin


def test_it_is_made_anew_when_the_hub_gets_another_name(settings: HubSettings) -> None:
    renamed = replace(settings, names=("hub.example", *settings.names))
    assert server_certificate.renew_if_due(renamed, now())
    names = certificate(renamed).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example", "localhost"]
    assert not server_certificate.renew_if_due(renamed, now())


def test_the_pin_is_that_of_the_public_key(settings: HubSettings) -> None:
    der = (
        certificate(settings)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert base64.b64decode(server_certificate.pin(settings)) == hashlib.sha256(der).digest()


def own(tmp_path: Path, settings: HubSettings) -> HubSettings:
    """The settings of a hub whose operator brought a certificate."""
    for name in ("certificate", "key"):
        path = tmp_path / f"own-{name}.pem"
        path.write_bytes(getattr(settings, name).read_bytes())
        path.chmod(0o600)
    return replace(
        settings,
        certificate=tmp_path / "own-certificate.pem",
        key=tmp_path / "own-key.pem",
        server_authority=None,
        own_certificate=True,
    )


def test_an_operators_certificate_is_used_and_never_renewed(settings: HubSettings, tmp_path: Path) -> None:
    brought = own(tmp_path, settings)
    before = brought.certificate.read_bytes()
    server_certificate.context(brought)
    assert not server_certificate.renew_if_due(brought, now() + timedelta(days=3650))
    assert brought.certificate.read_bytes() == before


def test_a_key_of_another_certificate_is_noticed(settings: HubSettings, tmp_path: Path) -> None:
    brought = own(tmp_path, settings)
    brought.key.write_bytes(key_pem(new_key()))
    with pytest.raises(RuntimeFailure, match="not a certificate and its key"):
        server_certificate.context(brought)


def test_an_encrypted_key_is_refused_without_a_question(settings: HubSettings, tmp_path: Path) -> None:
    brought = own(tmp_path, settings)
    encryption = serialization.BestAvailableEncryption(b"secret")
    encrypted = new_key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    brought.key.write_bytes(encrypted)
    with pytest.raises(RuntimeFailure, match="the key needs a password"):
        server_certificate.context(brought)


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX systems")
def test_a_key_that_others_may_read_is_not_used(settings: HubSettings, tmp_path: Path) -> None:
    brought = own(tmp_path, settings)
    brought.key.chmod(0o644)
    with pytest.raises(RuntimeFailure, match="not used") as failure:
        server_certificate.context(brought)
    assert failure.value.kind is Kind.CREDENTIALS


def test_a_foreign_key_in_place_of_the_hubs_is_said(settings: HubSettings) -> None:
    settings.key.write_bytes(b"nothing")
    with pytest.raises(RuntimeFailure, match="not the key that the hub made"):
        server_certificate.renew_if_due(settings, now() + timedelta(days=390))
