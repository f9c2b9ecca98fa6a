"""The way to a machine as far as trust goes: which certificate counts, and that a trusted one is never replaced in passing."""

from __future__ import annotations

from rung.runtimes.address import Address
from rung.runtimes.certificate import fingerprint, normalise_fingerprint
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.pins import PinStore
from rung.runtimes.recognise import Ports, Recognised, recognise
from rung.runtimes.tls import CertificateMismatch
from rung.runtimes.v4_session import Timeouts


async def recognise_trusted(
    address: Address, pins: PinStore, trust: str | None, timeouts: Timeouts, ports: Ports
) -> tuple[Recognised, str | None]:
    """Find out which runtime is behind an address whose certificate is pinned, or is to be pinned now.

    Args:
        address: where to ask.
        pins: the trusted certificates.
        trust: the SHA-256 that the user has accepted; remembered once an OpenPLC runtime has answered behind it.
        timeouts: how long to wait.
        ports: where runtimes listen.

    Returns:
        The runtime and its pin; None where it has no certificate.

    Raises:
        NotTrusted: no certificate is trusted yet.
        CertificateMismatch: another one is.
        RuntimeFailure: see `recognise`; `untrusted` when what was accepted is not what is shown.
    """
    pinned = pins.get(address)
    try:
        accepted = normalise_fingerprint(trust) if trust else None
    except ValueError as error:
        raise RuntimeFailure(Kind.UNTRUSTED, str(error), "Copy the complete fingerprint.") from None
    if accepted is not None and pinned is not None and accepted != pinned:
        raise RuntimeFailure(
            Kind.CERTIFICATE_CHANGED,
            f"Another certificate is trusted for {address}: {fingerprint(pinned)}. It is never replaced in one step. "
            "Nothing was sent.",
            "If the runtime was installed anew or its container was recreated, compare the new fingerprint on the device, "
            "forget the old certificate (rung connection forget --certificate, or PLC: Forget Certificate), and connect again.",
        )
    pin = accepted or pinned
    try:
        found = await recognise(address, pin, timeouts, ports)
    except CertificateMismatch as mismatch:
        if accepted is None:
            raise
        raise RuntimeFailure(
            Kind.UNTRUSTED,
            f"{address} does not show the certificate that was to be trusted but {mismatch.seen.fingerprint}. "
            "Nothing was sent to it.",
            "Compare the fingerprint on the device and try again.",
        ) from None
    if accepted is not None and pinned is None and address.is_encrypted:
        pins.trust(address, accepted)
    return found, pin if found.capabilities.encrypted else None
