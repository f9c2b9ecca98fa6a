"""Trust on first use: the SHA-256 of each machine's certificate, kept per address."""

from __future__ import annotations

from pathlib import Path

from rung.runtimes.address import Address
from rung.runtimes.certificate import Certificate, fingerprint, normalise_fingerprint
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.private_file import config_dir, read_object, write_object

__all__ = ["Certificate", "PinStore", "fetch_certificate", "fingerprint", "normalise_fingerprint"]


async def fetch_certificate(address: Address, timeout: float = 10.0) -> Certificate:
    """Shake hands, look at the certificate, hang up. Nothing is sent beyond the TLS handshake.

    Args:
        address: the machine.
        timeout: seconds for connecting and, again, for the handshake.

    Raises:
        RuntimeFailure: it cannot be reached, does not speak TLS, or the address says `http://` or `hub://`.
    """
    if address.through_hub:
        raise RuntimeFailure(
            Kind.UNTRUSTED,
            f"{address} is reached through a hub. The hub's certificate is verified by its authority, so there is none to be trusted by "
            "hand.",
            "Test the connection (rung connection test).",
        )
    if not address.is_encrypted:
        raise RuntimeFailure(
            Kind.UNTRUSTED,
            f"{address} is not encrypted, so it has no certificate that could be trusted.",
            "Leave http:// out if the device has an encrypted interface.",
        )
    from rung.runtimes import transport  # brings the HTTP library, which most commands on pins do not need

    return await transport.fetch_certificate(address, timeout)


class PinStore:
    """The trusted certificates, one JSON file.

    Args:
        path: the file; by default `trusted-certificates.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "trusted-certificates.json" if path is None else path

    def get(self, address: Address) -> str | None:
        """The pinned SHA-256 (64 upper-case hex digits), or None for a machine that was never trusted.

        Raises:
            RuntimeFailure: the file is damaged; a damaged pin is never taken for a missing one.
        """
        return self._read().get(str(address))

    def trust(self, address: Address, sha256: str) -> None:
        """Pin a certificate to an address, in place of an older one.

        Args:
            address: the machine.
            sha256: with or without colons.

        Raises:
            ValueError: it is no SHA-256.
            RuntimeFailure: the file cannot be written; the old pins are still there.
        """
        pins = self._read()
        pins[str(address)] = normalise_fingerprint(sha256)
        self._write(pins)

    def forget(self, address: Address) -> bool:
        """Trust this address no more; False when it was not trusted."""
        pins = self._read()
        if pins.pop(str(address), None) is None:
            return False
        self._write(pins)
        return True

    def _read(self) -> dict[str, str]:
        rows = read_object(self.path).get("pins", {})
        try:
            if isinstance(rows, dict):
                return {str(address): normalise_fingerprint(str(pin)) for address, pin in rows.items()}
        except ValueError:
            pass  # told below, together with the other damage
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"{self.path} does not hold trusted certificates, so no machine can be recognised.",
            "Correct the file, or move it away and trust each machine again after comparing its fingerprint.",
        )

    def _write(self, pins: dict[str, str]) -> None:
        write_object(self.path, {"version": 1, "pins": {address: fingerprint(pin) for address, pin in pins.items()}})
