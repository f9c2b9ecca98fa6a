"""The agents' certificate authority: who may call itself an agent of this hub.

Invariant: a certificate says nothing that the hub has not decided. Of a request only the public key is taken over, after the signature,
the common name and the strength of the key were checked; whatever else it asks for is left out.
"""

from __future__ import annotations

import datetime
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from rung.hub import server_certificate
from rung.hub.records import AgentCertificate
from rung.hub.root import Root
from rung.hub.seal import Seal

if TYPE_CHECKING:
    from rung.hub.settings import HubSettings

LARGEST_CSR: Final = 16_384
SMALLEST_RSA: Final = 3072
LARGEST_RSA: Final = 8192
"""A longer key only costs the hub time."""
_STEM: Final = "agent-ca"
_ID: Final = re.compile(r"[0-9A-F]{32}", re.ASCII)
_CSR: Final = re.compile(
    rb"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----\r?\n[A-Za-z0-9+/=\r\n]+-----END (NEW )?CERTIFICATE REQUEST-----\s*"
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was just made: its PEM text, and what the store keeps of it."""

    pem: str
    record: AgentCertificate


class Authority:
    """Issues agents' certificates, and makes the TLS settings of both listeners."""

    def __init__(self, root: Root) -> None:
        self._root = root

    @classmethod
    def open(cls, folder: Path) -> Authority:
        """Read the agents' authority of a hub's folder.

        Raises:
            RuntimeFailure: it is absent or damaged, or others may read its key.
        """
        return cls(Root.open(folder, _STEM))

    @classmethod
    def make(cls, folder: Path, now: datetime.datetime) -> Authority:
        """Make the agents' authority, or take the one that is there: making it anew would lock every agent out.

        Raises:
            RuntimeFailure: the folder cannot be written, or what is there cannot be used.
        """
        if (folder / f"{_STEM}.pem").exists():
            return cls.open(folder)
        return cls(Root.make(folder, _STEM, "Rung hub agents", now))

    def seal(self) -> Seal:
        """What this process seals its messages to the hub's other processes with: whoever has the authority's key can read them, nobody else."""
        return Seal(self._root.secret(b"rung hub: between processes"))

    def issue(self, csr_pem: bytes, expected_cn: str, now: datetime.datetime) -> Issued:
        """Issue an agent's certificate: only client authentication, 13 months, the common name alone as its subject.

        Args:
            csr_pem: the request, from the network.
            expected_cn: the orchestrator's id that it must be for.
            now: the time, aware.

        Raises:
            ValueError: the request is not acceptable; the sentence says why, without a word of what it holds.
        """
        request = read_request(csr_pem)
        if request.common_name != expected_cn:
            raise ValueError("The certificate request is not for this orchestrator.")
        certificate = self._root.sign(
            expected_cn, request.public_key, ExtendedKeyUsageOID.CLIENT_AUTH, now.replace(microsecond=0)
        )
        return Issued(certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"), record_of(certificate))

    def server_context(self, settings: HubSettings) -> ssl.SSLContext:
        """The TLS settings of the agents' listener: a certificate of this authority, or no connection.

        No session is resumed: a resumed one would carry a certificate that has expired meanwhile.

        Raises:
            RuntimeFailure: the server's certificate cannot be used.
        """
        context = server_certificate.context(settings)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self._root.pem.decode("ascii"))
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        return context

    def editors_context(self, settings: HubSettings) -> ssl.SSLContext:
        """The TLS settings of the editors' listener, which asks for no certificate.

        Raises:
            RuntimeFailure: the server's certificate cannot be used.
        """
        return server_certificate.context(settings)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What of a certificate request is used."""

    common_name: str
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def read_request(csr_pem: bytes) -> CertificateRequest:
    """Check a certificate request from the network, all but whom it is for.

    Raises:
        ValueError: it is not one, its signature is wrong, its common name is no orchestrator's id or its key is too weak.
    """
    if len(csr_pem) > LARGEST_CSR:
        raise ValueError(f"The certificate request is larger than {LARGEST_CSR} bytes.")
    if not _CSR.fullmatch(csr_pem):
        raise ValueError("This is not one certificate request in PEM form.")
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        names = [str(one.value) for one in request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("The certificate request cannot be read.") from None
    if len(names) != 1 or not _ID.fullmatch(names[0]):
        raise ValueError(
            "The common name of the certificate request is not an orchestrator's id, 32 upper-case hex digits."
        )
    # The key first: verifying a signature by a key of unlimited size could take as long as its sender likes.
    public_key = _strong(key)
    try:
        signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        signed = False
    if not signed:
        raise ValueError("The certificate request is not signed by its own key.")
    return CertificateRequest(names[0], public_key)


def _strong(key: CertificatePublicKeyTypes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """The key, if it is of a kind and strength that the hub accepts.

    Raises:
        ValueError: it is not.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if SMALLEST_RSA <= key.key_size <= LARGEST_RSA and key.public_numbers().e == 65537:
            return key
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError(
        f"The key must be RSA of {SMALLEST_RSA} to {LARGEST_RSA} bits with the exponent 65537, or of the curve P-256."
    )


def record_of(certificate: x509.Certificate) -> AgentCertificate:
    """What the store keeps of a certificate."""
    return AgentCertificate(
        certificate.fingerprint(hashes.SHA256()).hex().upper(),
        f"{certificate.serial_number:X}",
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
