"""A hub as computers see it that are to be enrolled: both listeners with their certificates, the real database, a clock for the limits."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rung.hub import enrol, renewal, server_certificate
from rung.hub.authority import Authority
from rung.hub.bus import Bus
from rung.hub.key_files import make_folder
from rung.hub.limits import Buckets, Limits
from rung.hub.records import Enrolment, User
from rung.hub.roles import Role
from rung.hub.settings import HubSettings, save
from rung.hub.store import Store

ID = "0123456789ABCDEF0123456789ABCDEF"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def now() -> datetime:
    return datetime.now(timezone.utc)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def csr(
    *common_names: str,
    key: Key | None = None,
    also: Sequence[x509.NameAttribute[str]] = (),
    extensions: Sequence[x509.ExtensionType] = (),
) -> bytes:
    """A certificate request in PEM form."""
    names = [x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in common_names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([*also, *names]))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key or new_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def form(content: bytes, name: str = "csr", accept: str = "*/*") -> dict[str, object]:
    """What `aiohttp.ClientSession.post` takes to send a file in a form."""
    data = aiohttp.FormData()
    data.add_field(name, content, filename="client.csr", content_type="application/octet-stream")
    return {"data": data, "headers": {"Accept": accept}}


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def limits_by(clock: Clock) -> Limits:
    """The hub's own limits, by another clock."""

    def same(buckets: Buckets) -> Buckets:
        return Buckets(buckets._rate, buckets._burst, clock)

    usual = Limits()
    return Limits(**{name: same(getattr(usual, name)) for name in Limits.__dataclass_fields__})


@dataclass
class EnrollingHub:
    """A served hub: `editors` and `agents` are the bases of URLs."""

    settings: HubSettings
    store: Store
    authority: Authority
    bus: Bus
    clock: Clock
    editors: str
    agents: str
    dropped: list[str] = field(default_factory=list)
    """Orchestrators whose sessions were ended."""

    async def administrator(self, role: Role = Role.ADMIN, name: str = "chief") -> tuple[User, str]:
        """A user of this role and a token of it."""
        user = await self.store.add_user("plant", name, role)
        return user, await self.store.issue_token(user, "test", None)

    async def enrolment(self, name: str = "press-line", lives: timedelta = timedelta(minutes=5)) -> Enrolment:
        """An id that was issued to somebody."""
        users = await self.store.users()
        user = users[0] if users else (await self.administrator())[0]
        return await self.store.create_enrolment(user, name, "", now() + lives)

    def client(self, certificate: Path | None = None, key: Path | None = None) -> aiohttp.ClientSession:
        """A client that verifies the hub as agents do."""
        context = ssl.create_default_context(cafile=str(self.settings.server_authority))
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, force_close=True))


def made_settings(folder: Path, **keys: object) -> HubSettings:
    """A hub's folder with all keys in it."""
    make_folder(folder)
    settings = save(folder, {"names": ["localhost", "127.0.0.1"], **keys})
    Authority.make(folder, now())
    if not settings.own_certificate:
        server_certificate.make(folder, settings.names, now())
    return settings


@asynccontextmanager
async def enrolling_hub(folder: Path, **keys: object) -> AsyncIterator[EnrollingHub]:
    """Serve the routes of enrolment and renewal on free ports of this computer."""
    settings = made_settings(folder, **keys)
    authority = Authority.open(folder)
    store, bus, clock = await Store.open(settings.database_url), Bus(), Clock()
    limits = limits_by(clock)
    agents = await _serve(renewal.routes(store, authority, limits), authority.server_context(settings))
    agents_port = agents.addresses[0][1]
    # The script that the hub hands out must name the port that the hub has, so that one is found first.
    editors = web.AppRunner(late := web.Application())
    late_routes: list[web.RouteDef] = []

    async def any_route(request: web.Request) -> web.StreamResponse:
        for route in late_routes:
            if (route.method, route.path) == (request.method, request.path):
                response = await route.handler(request)
                assert isinstance(response, web.StreamResponse)
                return response
        return web.Response(status=404)

    late.router.add_route("*", "/{path:.*}", any_route)
    await editors.setup()
    await web.TCPSite(editors, "127.0.0.1", 0, ssl_context=authority.editors_context(settings)).start()
    editors_port = editors.addresses[0][1]
    host = settings.names[0]
    settings = replace(settings, public_url=f"https://{host}:{editors_port}", agents_address=f"{host}:{agents_port}")
    hub = EnrollingHub(
        settings, store, authority, bus, clock, settings.public_url, f"https://{settings.agents_address}"
    )

    async def drop(orchestrator: str, why: str) -> None:
        hub.dropped.append(orchestrator)

    late_routes += enrol.routes(store, authority, bus, limits, settings, drop)
    try:
        yield hub
    finally:
        await editors.cleanup()
        await agents.cleanup()
        await store.aclose()


async def _serve(routes: list[web.RouteDef], context: ssl.SSLContext) -> web.AppRunner:
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    return runner
