"""`install.sh` for this hub, and the one line that fetches and runs it.

Invariant: whatever of the settings goes into the script or the line is quoted for the shell.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from rung.hub import server_certificate
from rung.hub.key_files import read_public
from rung.hub.settings import HubSettings

_TEMPLATE: Final = Path(__file__).with_name("install.sh")


def script(settings: HubSettings) -> str:
    """The installer as it is fetched from this hub; it holds no secret.

    Raises:
        RuntimeFailure: the certificate of the servers' authority cannot be read.
    """
    authority = settings.server_authority
    words = {
        "HUB": shlex.quote(settings.public_url),
        "AGENTS": shlex.quote(settings.agents_address),
        "AGENT_IMAGE": shlex.quote(settings.agent_image),
        "NETMON_IMAGE": shlex.quote(settings.netmon_image),
        # Base64 between two dashed lines: nothing of it can end the here-document it stands in.
        "AUTHORITY": _certificates(read_public(authority)) if authority is not None else "",
    }
    text = _TEMPLATE.read_text("utf-8")
    for name, value in words.items():
        text = text.replace(f"@{name}@", value)
    return text


def install_command(settings: HubSettings, enrolment_id: str) -> str:
    """The line that a user runs on the computer which is to be an orchestrator.

    Where the hub's certificate is not a public one, `-k` gives up the usual check for a stricter one: the connection is to the server
    with exactly this public key, or there is none and nothing is run.

    Args:
        enrolment_id: as `Enrolment.id`.

    Raises:
        RuntimeFailure: the server's certificate cannot be read.
    """
    check = ""
    if settings.server_authority is not None:
        check = f"k --pinnedpubkey {shlex.quote(f'sha256//{server_certificate.pin(settings)}')}"
    return f"curl -fsS{check} {shlex.quote(f'{settings.public_url}/install.sh')} | sudo sh -s -- {shlex.quote(enrolment_id)}"


def _certificates(pem: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return "".join(
        one.public_bytes(Encoding.PEM).decode("ascii") for one in x509.load_pem_x509_certificates(pem)
    ).rstrip()
