"""TLS to a machine. Every way out of this file either sends nothing or has compared the peer's certificate with a pin.

Devices show self-signed certificates that all claim to be `localhost` (runtime protocol, section 2), so the usual check of
authority and name can never succeed; the pin takes its place. That is why the context below checks nothing by itself, and
why it must not be used but through the functions here and in `transport`.
"""

from __future__ import annotations

import hashlib
import socket
import ssl

from rung.runtimes.address import Address
from rung.runtimes.certificate import Certificate, fingerprint
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import Phase, describe


class CertificateMismatch(RuntimeFailure):
    """The peer's certificate is not the pinned one. Not one byte of a request was sent."""

    def __init__(self, address: Address, pinned: str, seen: Certificate) -> None:
        super().__init__(
            Kind.CERTIFICATE_CHANGED,
            f"{address} shows another certificate than the one that is trusted. Trusted: {fingerprint(pinned)}. "
            f"Now: {seen.fingerprint}. It is sent nothing.",
            "If the runtime was installed anew or its container was recreated, compare the new fingerprint on the device, forget "
            "the old certificate and connect again. If not, somebody may be listening in: do not go on.",
        )
        self.pinned = pinned
        self.seen = seen


def context() -> ssl.SSLContext:
    """A TLS 1.2+ client context for connections whose certificate is compared with a pin by the caller."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def check_peer(tls: ssl.SSLObject | ssl.SSLSocket | None, address: Address, pin: str) -> None:
    """Compare the certificate of an established TLS connection with the pin.

    Raises:
        CertificateMismatch: they differ, or there is none.
    """
    der = None if tls is None else tls.getpeercert(binary_form=True)
    if not der or hashlib.sha256(der).hexdigest().upper() != pin:
        raise CertificateMismatch(address, pin, Certificate.from_der(der or b""))


def open_pinned_socket(address: Address, pin: str, timeout: float) -> ssl.SSLSocket:
    """A blocking TLS socket whose peer's certificate is the pinned one; for a worker thread.

    Args:
        address: the machine.
        pin: SHA-256 of the certificate, 64 upper-case hex digits.
        timeout: seconds for connecting and, again, for the handshake; the socket keeps it.

    Raises:
        RuntimeFailure: it cannot be reached, does not speak TLS, or (CertificateMismatch) is not the pinned one.
    """
    try:
        plain = socket.create_connection((address.host, address.port), timeout)
    except OSError as error:
        raise describe(error, address, Phase.CONNECT) from None
    try:
        tls = context().wrap_socket(plain, server_hostname=address.host)
    except OSError as error:
        plain.close()
        raise describe(error, address, Phase.TLS_AGAIN) from None
    try:
        check_peer(tls, address, pin)
    except CertificateMismatch:
        tls.close()
        raise
    return tls
