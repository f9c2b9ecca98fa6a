"""The simulator's TLS certificate: made once, kept in the data folder, the same shape as every Runtime v4 shows.

Invariant: as long as the data folder stays, the certificate stays, so that a client's pin stays good.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import ssl
from pathlib import Path

from rung.simulator.storage import DataFolderError, write_private

_LIFE = datetime.timedelta(days=36500)
_KEY_BITS = 2048


class Certificate:
    """A certificate and its key as files."""

    def __init__(self, folder: Path) -> None:
        """Use the pair in `folder`; make it if there is none."""
        self._certificate = folder / "certificate.pem"
        self._key = folder / "key.pem"
        if not (self._certificate.is_file() and self._key.is_file()):
            self._make()

    def server_context(self, context: ssl.SSLContext | None = None) -> ssl.SSLContext:
        """The TLS settings of the server: TLS 1.2 or newer, no client certificate.

        Args:
            context: the settings to fill, when they shall be of a class of its own.

        Raises:
            DataFolderError: the files in the data folder are not a certificate and its key.
        """
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load_into(context)
        return context

    def renew(self, context: ssl.SSLContext) -> None:
        """Make another certificate, as a reinstalled device has, and show it to whoever connects from now on.

        Args:
            context: the settings of a running server, made by `server_context`.
        """
        self._make()
        self._load_into(context)

    def _load_into(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key)
        except (ssl.SSLError, OSError) as error:
            raise DataFolderError(
                f"{self._certificate} and {self._key} are not a certificate and its key. "
                "Delete both and start again; clients will then have to trust the new certificate."
            ) from error

    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 lower-case hex digits."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self._certificate.read_text("ascii"))).hexdigest()

    def _make(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + _LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        write_private(
            self._key,
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        )
        write_private(self._certificate, certificate.public_bytes(pem))
