"""A bare listener for orchestrator agents: mTLS, Socket.IO, and calls that give the acknowledgement. It stands in for a hub in recorded talks."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import socketio  # type: ignore[import-untyped]  # it ships no types
from aiohttp import web
from aiohttp.typedefs import Handler
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.agent_process import AgentFiles


class TooLong(Exception):
    """No acknowledgement came."""


class AgentsListener:
    """Listens on a free port of `localhost`; the agent's certificate is in `files`, `handshake` says how it began."""

    def __init__(self, folder: Path, agent_id: str, transports: list[str] | None = None) -> None:
        authority = _Authority(folder)
        server, key = authority.issue("localhost", ExtendedKeyUsageOID.SERVER_AUTH)
        self.files = AgentFiles(*authority.issue(agent_id, ExtendedKeyUsageOID.CLIENT_AUTH), folder / "ca.crt")
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.crt")
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(server, key)
        self._server = socketio.AsyncServer(
            async_mode="aiohttp", max_http_buffer_size=32_000_000, transports=transports
        )
        self._sid = ""
        self._online, self._offline = asyncio.Event(), asyncio.Event()
        self.handshake: dict[str, Any] = {}
        self.heartbeats: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._server.on("connect", self._connected)
        self._server.on("disconnect", self._disconnected)
        self._server.on("heartbeat", self._heartbeat)
        application = web.Application(middlewares=[self._take_certificate])
        self._server.attach(application)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        self.address = ""

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        port = self._runner.addresses[0][1]
        self.address = f"localhost:{port}"

    async def stop(self) -> None:
        await self._server.shutdown()
        await self._runner.cleanup()

    async def online(self) -> None:
        """Wait for the agent."""
        await asyncio.wait_for(self._online.wait(), 30)

    async def offline(self) -> None:
        """Wait for the end of the agent's session."""
        await asyncio.wait_for(self._offline.wait(), 30)

    async def call(self, topic: str, message: object, timeout_s: float = 60) -> Any:
        """The acknowledgement of a message; None if it had no arguments."""
        try:
            return await self._server.call(topic, message, to=self._sid, timeout=timeout_s)
        except socketio.exceptions.TimeoutError:
            raise TooLong from None

    @web.middleware
    async def _take_certificate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # The connection of the handshake is gone when `connect` is called.
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        self.handshake["certificate"] = dict(pair for (pair,) in certificate["subject"])["commonName"]
        return await handler(request)

    async def _connected(self, sid: str, environment: dict[str, Any], auth: object) -> None:
        request = environment["aiohttp.request"]
        headers = {name: value for name, value in request.headers.items() if name not in ("Host", "User-Agent")}
        self.handshake |= {"path": request.path, "query": dict(request.query), "headers": headers, "auth": auth}
        self._sid = sid
        self._offline.clear()
        self._online.set()

    async def _disconnected(self, sid: str, _reason: str) -> None:
        if sid == self._sid:
            self._online.clear()
            self._offline.set()

    async def _heartbeat(self, _sid: str, data: dict[str, Any]) -> None:
        self.heartbeats.put_nowait(data)


class _Authority:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of this test")])
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(True, 0), True)
            .sign(self._key, hashes.SHA256())
        )
        (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, use: x509.ObjectIdentifier) -> tuple[Path, Path]:
        """Files with a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
            .add_extension(x509.ExtendedKeyUsage([use]), False)
            .sign(self._key, hashes.SHA256())
        )
        files = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
        )
