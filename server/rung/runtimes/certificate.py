"""A machine's TLS certificate as a user compares it: the SHA-256 of the whole certificate is its identity, nothing else is."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timezone

from rung.runtimes.device_text import clean

_UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one TLS handshake showed.

    `sha256` is 64 upper-case hex digits. `subject` and `not_after` (ISO 8601) are shown to the user only: every
    OpenPLC device calls itself `localhost` (runtime protocol, section 2), so they prove nothing.
    """

    sha256: str
    subject: str
    not_after: str

    @property
    def fingerprint(self) -> str:
        """`AB:CD:..`, as `openssl x509 -fingerprint -sha256` prints it on the device."""
        return fingerprint(self.sha256)

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """Describe a certificate; one that cannot be decoded still has its fingerprint."""
        sha256 = hashlib.sha256(der).hexdigest().upper()
        try:
            from cryptography import x509  # loading it takes long, and most commands never show a certificate
        except ImportError:
            return cls(sha256, *_described_by_ssl(der))
        try:
            parsed = x509.load_der_x509_certificate(der)
            subject = clean(parsed.subject.rfc4514_string(), 200)
            not_after = parsed.not_valid_after_utc.isoformat()
        except ValueError:
            return cls(sha256, _UNREADABLE, _UNREADABLE)
        return cls(sha256, subject, not_after)


def _described_by_ssl(der: bytes) -> tuple[str, str]:
    """Subject and end of validity where only Python's own library is there, which tells them of authorities alone."""
    import ssl

    store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        store.load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return _UNREADABLE, _UNREADABLE
    for found in store.get_ca_certs():
        names = [f"{row[0][0]}={row[0][1]}" for row in found["subject"] if isinstance(row, tuple)]
        subject = ",".join(reversed(names))
        ends = ssl.cert_time_to_seconds(str(found["notAfter"]))
        return clean(subject, 200), datetime.fromtimestamp(ends, timezone.utc).isoformat()
    return _UNREADABLE, _UNREADABLE


def fingerprint(sha256: str) -> str:
    """64 hex digits in pairs with colons."""
    return ":".join(sha256[i : i + 2] for i in range(0, len(sha256), 2))


def normalise_fingerprint(text: str) -> str:
    """64 upper-case hex digits from what a user pastes: with or without colons or spaces, in either case, with openssl's label.

    Raises:
        ValueError: it is not a complete SHA-256.
    """
    digits = re.sub(r"[:\s]", "", text.rpartition("=")[2]).upper()
    if not re.fullmatch(r"[0-9A-F]{64}", digits):
        raise ValueError("A certificate's fingerprint is its complete SHA-256: 64 hex digits, with or without colons.")
    return digits
