"""The certificate by which agents and editors know the hub: from an authority of its own, or the operator's.

Invariant: the key stays when the certificate is renewed, so that a one-line installer with its pin stays good; an operator's own files are
only read.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from rung.hub.key_files import read_private, read_public, write_private
from rung.hub.root import Root, private_pem
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.settings import HubSettings

RENEW_BEFORE: Final = datetime.timedelta(days=30)
_STEM: Final = "server-ca"


def make(folder: Path, names: tuple[str, ...], now: datetime.datetime) -> None:
    """Make the servers' authority, the server's key and its certificate; what is there already stays.

    Args:
        names: DNS names and IP addresses, as `settings.host_name` gives them.

    Raises:
        RuntimeFailure: the folder cannot be written, or what is there cannot be used.
    """
    if not (folder / f"{_STEM}.pem").exists():
        Root.make(folder, _STEM, "Rung hub servers", now)
    if not (folder / "server.key").exists():
        write_private(folder / "server.key", private_pem(ec.generate_private_key(ec.SECP256R1())))
    if not (folder / "server.pem").exists():
        _issue(folder, names, now)


def renew_if_due(settings: HubSettings, now: datetime.datetime) -> bool:
    """Renew the hub's own certificate when less than 30 days of it are left, or hub.toml names other names than it does.

    To be called before the listeners start. An operator's own certificate is left alone.

    Returns:
        whether there is a new one.

    Raises:
        RuntimeFailure: the authority or the key cannot be used, or the folder cannot be written.
    """
    if settings.own_certificate:
        return False
    present = _certificate(settings)
    if present.not_valid_after_utc - now >= RENEW_BEFORE and _names_of(present) == _alternative_names(settings.names):
        return False
    _issue(settings.folder, settings.names, now)
    return True


def context(settings: HubSettings) -> ssl.SSLContext:
    """TLS settings of a server, TLS 1.2 or newer, that asks for no certificate.

    Raises:
        RuntimeFailure: certificate and key cannot be read, do not belong together, or others may read the key.
    """
    read_private(settings.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        made.load_cert_chain(settings.certificate, settings.key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        raise _unusable(settings) from None
    return made


def pin(settings: HubSettings) -> str:
    """SHA-256 of the server's public key in base64, as curl's `--pinnedpubkey sha256//…` takes it.

    Raises:
        RuntimeFailure: the certificate cannot be read.
    """
    key = _certificate(settings).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode("ascii")


def _issue(folder: Path, names: tuple[str, ...], now: datetime.datetime) -> None:
    root = Root.open(folder, _STEM)
    try:
        key = serialization.load_pem_private_key(read_private(folder / "server.key"), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"{folder / 'server.key'} is not the key that the hub made. The hub does not start.",
            "Restore it from the backup of the hub's folder, or delete server.key and server.pem and run `rung hub init` again.",
        )
    certificate = root.sign(
        names[0][:64],
        key.public_key(),
        ExtendedKeyUsageOID.SERVER_AUTH,
        now.replace(microsecond=0),
        _alternative_names(names),
    )
    write_private(folder / "server.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    made: list[x509.GeneralName] = []
    for name in names:
        try:
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            made.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(made)


def _names_of(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _certificate(settings: HubSettings) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_public(settings.certificate))
    except ValueError:
        raise _unusable(settings) from None


def _unusable(settings: HubSettings) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.INTERNAL,
        f"{settings.certificate} and {settings.key} are not a certificate and its key, or the key needs a password. The hub does not start.",
        "Name a certificate with its chain in PEM form and its key without a password, or restore the hub's own files.",
    )


def _no_password() -> str:
    """Instead of OpenSSL's own question on the terminal."""
    raise ValueError("the key is encrypted")
