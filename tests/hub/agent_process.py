"""An orchestrator agent in a process of its own, and its enrolment, for tests of the hub and of everything behind it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.agent_vplcs import end_all

AGENT = Path(__file__).with_name("agent.py")
ONLINE_S = 30.0


@dataclass(frozen=True)
class AgentFiles:
    """What an agent connects with."""

    certificate: Path
    key: Path
    ca: Path


def signing_request(id: str, folder: Path, *, rsa_bits: int = 0) -> bytes:
    """A new key in `folder/client.key`, and a request as the recorded installer makes it, whose extensions an authority must not copy.

    The key is EC P-256, which takes no time, or RSA with `rsa_bits`, as the installer's 4096.
    """
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "client.key"
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    parts = (
        (NameOID.COUNTRY_NAME, "BR"),
        (NameOID.STATE_OR_PROVINCE_NAME, "SP"),
        (NameOID.LOCALITY_NAME, "SaoPaulo"),
        (NameOID.ORGANIZATION_NAME, "AutonomyLogic"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Production"),
        (NameOID.COMMON_NAME, id),
    )
    unset = dict.fromkeys(
        ("content_commitment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
    )
    usage = x509.KeyUsage(digital_signature=False, key_encipherment=True, data_encipherment=True, **unset)
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(name, value) for name, value in parts]))
        .add_extension(usage, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return request.public_bytes(serialization.Encoding.PEM)


def enrol(hub_url: str, ca: Path, id: str, folder: Path, *, rsa_bits: int = 0) -> AgentFiles:
    """Take the installer's part: make key and request, send it to `hub_url` ("https://host:8444"), keep the certificate in `folder`."""
    request = signing_request(id, folder, rsa_bits=rsa_bits)
    context = ssl.create_default_context(cafile=str(ca))
    with httpx.Client(verify=context, trust_env=False) as client:
        answer = client.post(
            f"{hub_url}/orchestrators/enroll", files={"csr": ("client.csr", request, "application/octet-stream")}
        )
    assert answer.status_code == 200, answer.text
    reply: dict[str, Any] = answer.json()
    assert reply["statusCode"] == 200, reply
    assert reply["data"]["id"] == id
    assert isinstance(reply["data"]["message"], str)
    certificate = folder / "client.crt"
    certificate.write_text(reply["data"]["certificate"])
    return AgentFiles(certificate, folder / "client.key", ca)


class AgentProcess:
    """`tests/hub/agent.py`, which finds its vPLCs again when it is started again with the same data folder.

    `hub` is the agents' listener ("localhost:3001"; the name must be in the hub's certificate). `options` are more words of its command line, as
    `--line raw-debug` or `--device plc=127.0.0.1:40443`. Waits before reconnecting are a tenth of the recorded ones unless `scale` says otherwise.
    """

    def __init__(self, hub: str, files: AgentFiles, data: Path, *options: str, scale: float = 0.1) -> None:
        self.data = data
        words = {
            "--hub": hub,
            "--certificate": files.certificate,
            "--key": files.key,
            "--ca": files.ca,
            "--data": data,
            "--scale": scale,
        }
        self._command = [sys.executable, str(AGENT), *(str(word) for pair in words.items() for word in pair), *options]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = data.parent / f"{data.name}.log"

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    def start(self) -> None:
        """Start it; it connects by itself."""
        assert self._process is None
        self.data.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def session(self) -> dict[str, Any]:
        """`online`, how often it has `connected`, and the last `error`, in the process that runs now."""
        try:
            facts: dict[str, Any] = json.loads((self.data / "session.json").read_text())
        except FileNotFoundError:
            facts = {}
        if self._process is None or facts.get("pid") != self._process.pid:
            return {"online": False, "connected": 0, "error": ""}
        return facts

    def wait_online(self, timeout_s: float = ONLINE_S, connected: int = 1) -> None:
        """Wait until the hub has accepted it, for the second time in this process with `connected=2`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            facts = self.session()
            if facts["online"] and facts["connected"] >= connected:
                return
            assert self._process is not None, "the agent was not started"
            assert self._process.poll() is None, self.log
            time.sleep(0.02)
        raise AssertionError(f"the agent was not online in time: {self.session()} {self.log}")

    def wait_refused(self, timeout_s: float = ONLINE_S) -> str:
        """Wait until a try to connect has failed; why, in the agent's words."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            facts = self.session()
            if not facts["online"] and facts["error"]:
                return str(facts["error"])
            time.sleep(0.02)
        raise AssertionError(f"the agent was not refused: {self.session()} {self.log}")

    def wait_ended(self, timeout_s: float = ONLINE_S) -> None:
        """Wait until it has ended by itself, by a fault or because the hub deleted it."""
        assert self._process is not None
        self._process.wait(timeout_s)
        self._process = None

    def faults(self, *, die: str = "", slow: dict[str, float] | None = None) -> None:
        """Ask for faults from the next message on; see `agent.py`. Without arguments there are none any more."""
        new = self.data / "faults.new"
        new.write_text(json.dumps({"die": die, "slow": slow or {}}))
        new.replace(self.data / "faults.json")

    def cut(self) -> None:
        """Cut its session as a broken network would; it connects again."""
        os.kill(self.pid, signal.SIGUSR1)

    def freeze(self) -> None:
        """Stop it without closing anything, as a machine that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """End `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as by a power cut; its vPLCs go on, as the real one's containers do."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and all its vPLCs; for the end of a test."""
        self.kill()
        end_all(self.data)
