"""A scripted hub on loopback: it answers as the interface for editors says, carries requests to a scripted device, and misbehaves as told."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rung.runtimes.hubs import Hub
from runtimes.scripted_device import MD5, ScriptedDevice

TOKEN = "rung_" + "a-Quiet_Evening7" * 2 + "01234567890"
LONG_AGO = "2026-01-02T03:04:05.000Z"
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class HubIdentity:
    """A server certificate, the authority that issued it, and its key."""

    ca: str
    pem: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


def make_hub_identity(folder: Path, name: str, host: str = "localhost", days: int = 30) -> HubIdentity:
    """A certificate for `host` (and 127.0.0.1 if that is localhost) by an authority of its own; a negative number of days has passed."""
    now = datetime.datetime.now(datetime.timezone.utc)
    begins, ends = now - datetime.timedelta(days=60), now + datetime.timedelta(days=days)

    def certificate(
        common_name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, signer: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} authority")])
    ca = (
        certificate(f"{name} authority", ca_key, ca_name, ca_key)
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False),
            critical=True,
        )
        .sign(ca_key, hashes.SHA256())
    )
    names: list[x509.GeneralName] = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    server = (
        certificate(host, key, ca_name, ca_key)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + server.public_bytes(serialization.Encoding.PEM)
    )
    return HubIdentity(ca.public_bytes(serialization.Encoding.PEM).decode("ascii"), pem)


def vplc(name: str, id: str = "v1", state: str = "running", message: str = "") -> dict[str, object]:
    """A vPLC as the interface tells it."""
    return {"id": id, "name": name, "state": state, "stateAt": LONG_AGO, "message": message, "created": LONG_AGO}


def orchestrator(name: str, *vplcs: dict[str, object], id: str = "O1", online: bool = True) -> dict[str, object]:
    """An orchestrator as the interface tells it."""
    return {
        "id": id,
        "name": name,
        "description": "",
        "online": online,
        "since": LONG_AGO if online else None,
        "lastSeen": LONG_AGO,
        "revoked": None,
        "certificate": {"fingerprint": "AB" * 32, "notAfter": "2027-01-01T00:00:00Z"},
        "heartbeat": {"cpu_usage": 1.5},
        "heartbeatAt": LONG_AGO,
        "vplcs": list(vplcs),
    }


class ScriptedHub:
    """A hub whose answers a test decides. `script` queues answers for a method and a path behind /api/v1, each used once."""

    def __init__(self, identity: HubIdentity, device: ScriptedDevice | None = None) -> None:
        self.identity = identity
        self.device = device
        self.port = 0
        self.orchestrators = [orchestrator("Hall 1", vplc("Press"))]
        self.requests: list[str] = []
        self.relayed_headers: list[dict[str, str]] = []
        self.bodies: list[object] = []
        self.way = "raw"
        self.leases: list[str] = []
        self.opened: list[dict[str, object]] = []
        self.holder: str | None = None
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._scripts: dict[str, list[web.Response | Answering]] = {}
        self._runner: web.AppRunner | None = None

    def hub(self, name: str = "plant", host: str = "localhost") -> Hub:
        """The hub as a user saves it."""
        return Hub(name, host, self.port, self.identity.ca)

    def script(self, request: str, *replies: web.Response | Answering) -> None:
        """Answers for `METHOD /path`."""
        self._scripts.setdefault(request, []).extend(replies)

    async def start(self) -> None:
        app = web.Application(client_max_size=200_000_000)
        app.router.add_route("*", "/api/v1/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.identity.server_context())
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp shows the port nowhere else

    async def stop(self) -> None:
        self.events.put_nowait(None)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # -- answering -------------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = f"/{request.match_info['path']}"
        self.requests.append(f"{request.method} {path}")
        queue = self._scripts.get(f"{request.method} {path}")
        if queue:
            reply = queue.pop(0)
            return reply if isinstance(reply, web.Response) else await reply(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return failure(401, "credentials", "This token is not known.")
        if "/http/" in path:
            return await self._relay(request, path.partition("/http/")[2])
        if "/debug/" in path:
            return await self._debug(path.rpartition("/")[2], await request.json())
        if path == "/events":
            return await self._stream(request)
        if request.can_read_body:
            self.bodies.append(await request.json())
        if path == "/me":
            return own({"user": "chief", "tenant": "works", "role": "engineer", "hub": {"version": "1"}})
        if path == "/orchestrators":
            return own({"orchestrators": self.orchestrators})
        return self._one(path)

    def _one(self, path: str) -> web.Response:
        parts = path.strip("/").split("/")
        for row in self.orchestrators:
            if len(parts) > 1 and parts[0] == "orchestrators" and parts[1] == row["id"]:
                if len(parts) == 2:
                    return own(row)
                vplcs = row["vplcs"]
                assert isinstance(vplcs, list)
                if parts[2:] == ["vplcs"]:
                    return own({"vplcs": vplcs})
                for one in vplcs:
                    if parts[2:] == ["vplcs", one["id"]]:
                        return own({**one, "container": {"container_status": "running"}})
        return failure(404, "dns", "The hub knows no such thing.")

    async def _relay(self, request: web.Request, path: str) -> web.StreamResponse:
        assert self.device is not None
        self.relayed_headers.append(dict(request.headers))
        headers = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
        if "Rung-Runtime-Authorization" in request.headers:
            headers["Authorization"] = request.headers["Rung-Runtime-Authorization"]
        url = f"https://127.0.0.1:{self.device.port}/{path}"
        body = await request.read()
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(
                    request.method, url, params=request.query, data=body or None, headers=headers, ssl=False
                ) as answer,
            ):
                content = await answer.read()
                told = {"Rung-Hub": "relayed"}
                if "X-OpenPLC-Runtime-Version" in answer.headers:
                    told["X-OpenPLC-Runtime-Version"] = answer.headers["X-OpenPLC-Runtime-Version"]
                return web.Response(status=answer.status, body=content, content_type=answer.content_type, headers=told)
        except aiohttp.ClientError:
            return failure(502, "unreachable", "The orchestrator cannot reach the runtime. Nothing was sent to it.")

    async def _debug(self, action: str, fields: dict[str, object]) -> web.Response:
        assert self.device is not None
        if action == "open":
            if self.holder is not None:
                return failure(409, "busy", f"{self.holder} is watching this vPLC through the hub.")
            self.opened.append(fields)
            if fields["token"] not in self.device._tokens:
                return failure(502, "credentials", "The runtime does not accept this login for watching.")
            self.leases.append(f"1.lease{len(self.opened)}")
            return own({"lease": self.leases[-1], "way": self.way, "message": "As told."})
        if fields["lease"] not in self.leases:
            return failure(409, "internal", "This watch has ended.")
        if action == "close":
            self.leases.remove(str(fields["lease"]))
            return own({"ok": True})
        if action == "md5":
            return own({"md5": self.device.loaded})
        frame = str(fields["frame"])
        self.device.debug_commands.append(frame)
        answer = self.device.debug_answers.get(frame)
        if answer is None and frame == "45 DE AD 00 00":
            answer = "45 83" if self.device.loaded is None else f"45 7e {self.device.loaded.encode().hex(' ')} ad de"
        if answer is None:
            return failure(502, "internal", "The orchestrator gave no answer of the debug channel.")
        return own({"frame": answer})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Rung-Hub": "hub"})
        await response.prepare(request)
        await response.write(b": hello\n\n")
        while (part := await self.events.get()) is not None:
            await response.write(part)
        return response


def own(value: object, status: int = 200) -> web.Response:
    """An answer of the hub itself."""
    return web.Response(
        status=status, text=json.dumps(value), content_type="application/json", headers={"Rung-Hub": "hub"}
    )


def failure(status: int, kind: str, message: str, hint: str = "Do so.") -> web.Response:
    """A failure as the hub tells it."""
    return own({"error": {"kind": kind, "message": message, "hint": hint}}, status)


@asynccontextmanager
async def running(hub: ScriptedHub) -> AsyncIterator[ScriptedHub]:
    """A hub that runs for a while."""
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


__all__ = ["MD5", "TOKEN", "ScriptedHub", "failure", "make_hub_identity", "orchestrator", "own", "running", "vplc"]
