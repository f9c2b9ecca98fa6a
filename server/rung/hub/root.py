"""A root of trust of the hub's own: one key and one self-signed certificate, each in a file of the hub's folder.

Invariant: the agents' root signs only agents, the servers' root only the hub's own server certificate; neither is ever on the other's list.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from rung.hub.key_files import read_private, read_public, write_private
from rung.runtimes.errors import Kind, RuntimeFailure

LEAF_LIFE: Final = datetime.timedelta(days=396)
"""13 months, the longest that any certificate of the hub lives."""
CLOCK_SKEW: Final = datetime.timedelta(hours=1)
"""How far before now a certificate begins: small devices come up with clocks that are behind."""
_ROOT_LIFE: Final = datetime.timedelta(days=7305)
_PEM: Final = serialization.Encoding.PEM


class Root:
    """A certificate authority that is kept in `<stem>.pem` and `<stem>.key`."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @classmethod
    def open(cls, folder: Path, stem: str) -> Root:
        """Read the authority.

        Raises:
            RuntimeFailure: a file is absent or damaged, the key is not the certificate's, or others may read the key.
        """
        try:
            certificate = x509.load_pem_x509_certificate(read_public(folder / f"{stem}.pem"))
            key = serialization.load_pem_private_key(read_private(folder / f"{stem}.key"), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
                raise ValueError("the key is not the certificate's")
            certificate.verify_directly_issued_by(certificate)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"{folder / stem}.pem and {stem}.key are not a certificate authority and its key ({error}). The hub does not start.",
                "Restore both from the same backup of the hub's folder.",
            ) from None
        return cls(key, certificate)

    @classmethod
    def make(cls, folder: Path, stem: str, common_name: str, now: datetime.datetime) -> Root:
        """Make an authority that lives 20 years, and keep it.

        Raises:
            RuntimeFailure: the folder cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + _ROOT_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        # The key first: a certificate without its key would look like a whole authority to whoever looks only for that.
        write_private(folder / f"{stem}.key", private_pem(key))
        write_private(folder / f"{stem}.pem", certificate.public_bytes(_PEM))
        return cls(key, certificate)

    @property
    def pem(self) -> bytes:
        """The certificate, which is no secret."""
        return self.certificate.public_bytes(_PEM)

    def secret(self, purpose: bytes) -> bytes:
        """32 bytes that only the holder of the key can know, others for each purpose."""
        number = self._key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(hashes.SHA256(), 32, None, purpose).derive(number)

    def sign(
        self,
        common_name: str,
        public_key: CertificatePublicKeyTypes,
        purpose: x509.ObjectIdentifier,
        now: datetime.datetime,
        names: x509.SubjectAlternativeName | None = None,
    ) -> x509.Certificate:
        """Issue a certificate of the hub's one profile: no authority, digital signatures for one purpose, 13 months.

        Args:
            common_name: all that the subject says.
            purpose: `clientAuth` or `serverAuth`.
            names: what a server is reached by.
        """
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)]))
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(min(now + LEAF_LIFE, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
                ),
                critical=False,
            )
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key as it is written to a file of mode 0600."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
