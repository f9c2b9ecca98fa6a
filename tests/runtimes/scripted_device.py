"""A scripted device on loopback: it answers as the recorded OpenPLC Runtime v4.1.4 does, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import socketio  # type: ignore[import-untyped]  # python-socketio ships no type information
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rung.runtimes.address import Address
from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.certificate import Certificate
from rung.runtimes.connection import Connection, ConnectionEvent
from rung.runtimes.errors import Kind
from rung.runtimes.v4_session import Timeouts

PASSWORD = "correct-horse-7461"
MD5 = "6efe4824341ba1e0224107ed5262b452"
OTHER_MD5 = "900d223344556677889900aabbccddee"

V4_1 = of_line(Line.V4_1, "v4.1.4")
V4_0 = of_line(Line.V4_0, "v4")

V3_LOGIN_PAGE = (
    "<html><center>OpenPLC Webserver</center><center><b>Welcome to OpenPLC</b></center>"
    "<form action='login' method='POST' class='login-form'><input type='text' name='username' id='username'/>"
    "<input type='password' name='password' id='password'/></form></html>"
)
"""What the login page of an old Runtime v3 holds, one without protection against forged requests."""

Answer = web.StreamResponse
Reply = web.Response | Callable[[web.Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate as a device makes it for itself, and its key."""

    pem: Path
    certificate: Certificate

    @property
    def pin(self) -> str:
        return self.certificate.sha256

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


def make_identity(folder: Path, name: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return Identity(pem, Certificate.from_der(certificate.public_bytes(serialization.Encoding.DER)))


@dataclass
class RawPeer:
    """Something that is no runtime: it reads what comes (after TLS, if it has an identity) and answers fixed bytes."""

    address: Address
    received: bytearray = field(default_factory=bytearray)
    connections: int = 0


@asynccontextmanager
async def raw_peer(
    answer: bytes | None, identity: Identity | ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[RawPeer]:
    """Serve `answer` to whatever is sent; None never answers."""
    peer = RawPeer(Address("127.0.0.1", 1))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        peer.connections += 1
        try:
            while data := await reader.read(65536):
                peer.received += data
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                    break
        except OSError:
            pass
        finally:
            writer.transport.close() if answer is not None else writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(
        serve, "127.0.0.1", port, ssl=identity.server_context() if isinstance(identity, Identity) else identity
    )
    peer.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield peer
    finally:
        server.close()
        left = tuple(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@asynccontextmanager
async def udp_peer(*answers: bytes, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Something that answers every datagram with the same datagrams; the port is given."""

    class Answering(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            for answer in answers:
                transport.sendto(answer, addr)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answering, local_addr=(host, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


class ScriptedDevice:
    """A device whose answers a test decides.

    Its plain attributes are the device's state; `script` queues answers for one path, the last of which is repeated only
    when `forever` says so.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.version: str | None = "v4.1.4"
        self.users: dict[str, str] = {"admin": PASSWORD}
        self.plc = "STATUS:STOPPED"
        self.after_start = "STATUS:RUNNING"
        self.loaded: str | None = MD5
        self.compile_log = ["[INFO] Starting compilation\n", "[INFO] Build finished successfully\n"]
        self.compile_ok = True
        self.uploads: list[bytes] = []
        self.requests: list[str] = []
        self.logins = 0
        self.log: list[dict[str, object]] = []
        self.crash_after_md5 = False
        self.bootloader: dict[str, object] | None = None
        self.debug_answers: dict[str, object] = {}
        self.debug_commands: list[str] = []
        self.debug_headers: list[str] = []
        self._tokens: set[str] = set()
        self._scripts: dict[str, list[Reply]] = {}
        self._forever: set[str] = set()
        self._compiling = "IDLE"
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    def script(self, path: str, *replies: Reply, forever: bool = False) -> None:
        self._scripts[path] = list(replies)
        if forever:
            self._forever.add(path)

    def unscript(self, path: str) -> None:
        self._scripts.pop(path, None)
        self._forever.discard(path)

    def expire_tokens(self) -> None:
        self._tokens.clear()

    def json(self, value: object, status: int = 200) -> web.Response:
        response = web.json_response(value, status=status)
        if self.version is not None:
            response.headers["X-OpenPLC-Runtime-Version"] = self.version
        return response

    def text(self, body: str, content_type: str = "text/html", status: int = 200) -> web.Response:
        response = web.Response(text=body, content_type=content_type, status=status)
        if self.version is not None:
            response.headers["X-OpenPLC-Runtime-Version"] = self.version
        return response

    async def start(self) -> None:
        app = web.Application(client_max_size=200_000_000)
        sio = socketio.AsyncServer(async_mode="aiohttp", allow_upgrades=False, cors_allowed_origins="*")
        sio.attach(app)
        sio.on("connect", self._debug_connect, namespace="/api/debug")
        sio.on("debug_command", self._debug_command, namespace="/api/debug")
        self._sio = sio
        app.router.add_route("GET", "/api/bootloader/capabilities", self._tell_of_bootloader)
        app.router.add_route("*", "/api/{name}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.identity.server_context())
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp shows the port nowhere else

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _tell_of_bootloader(self, request: web.Request) -> Answer:
        return self.text("", status=404) if self.bootloader is None else self.json(self.bootloader)

    async def _serve(self, request: web.Request) -> Answer:
        name = request.match_info["name"]
        self.requests.append(f"{request.method} {name}")
        queue = self._scripts.get(name)
        if queue:
            reply = queue[0] if name in self._forever and len(queue) == 1 else queue.pop(0)
            if isinstance(reply, web.Response):
                return web.Response(body=reply.body, status=reply.status, headers=reply.headers)
            return await reply(request)
        handler = getattr(self, "_" + name.replace("-", "_"), None)
        if handler is None:
            return self.json({"error": "Unknown argument"})
        if name not in ("get-users-info", "create-user", "login") and (refusal := self._refusal(request)) is not None:
            return refusal
        answer: Answer = await handler(request)
        return answer

    def _refusal(self, request: web.Request) -> web.Response | None:
        header = request.headers.get("Authorization")
        if header is None:
            return self.json({"msg": "Missing Authorization Header"}, 401)
        if header.removeprefix("Bearer ") not in self._tokens:
            return self.json({"msg": "Token has expired"}, 401)
        return None

    async def _get_users_info(self, request: web.Request) -> Answer:
        if "Authorization" in request.headers and self._refusal(request) is None:
            return self.json([{"id": i, "username": name} for i, name in enumerate(self.users, 1)])
        return self.json({"msg": "Users found"}) if self.users else self.json({"msg": "No users found"}, 404)

    async def _create_user(self, request: web.Request) -> Answer:
        if self.users:
            return self.json({"msg": "User already created!"}, 401)
        fields = await request.json()
        self.users[fields["username"]] = fields["password"]
        return self.json({"id": 1, "msg": "User created"}, 201)

    async def _login(self, request: web.Request) -> Answer:
        fields = await request.json()
        if self.users.get(fields["username"]) != fields["password"]:
            return self.json("Wrong username or password", 401)
        self.logins += 1
        token = f"token-{self.logins}-secret"
        self._tokens.add(token)
        return self.json({"access_token": token})

    async def _logout(self, request: web.Request) -> Answer:
        self.expire_tokens()
        return self.json({"msg": "User logged out successfully"})

    async def _status(self, request: web.Request) -> Answer:
        answer: dict[str, object] = {"status": self.plc}
        if request.query.get("include_stats") == "true":
            times = dict.fromkeys((f"{a}_{b}" for a in ("scan_time", "cycle_time") for b in ("min", "max", "avg")), 9)
            answer["timing_stats"] = {"tasks": [{"name": "TASK0", "scan_count": 108, "overruns": 0, **times}]}
        return self.json(answer)

    async def _start_plc(self, request: web.Request) -> Answer:
        self.plc = self.after_start
        return self.json({"status": "START:OK"})

    async def _stop_plc(self, request: web.Request) -> Answer:
        if self.plc != "STATUS:RUNNING":
            return self.json({"status": "STOP:ERROR"})
        self.plc = "STATUS:STOPPED"
        return self.json({"status": "STOP:OK"})

    async def _upload_file(self, request: web.Request) -> Answer:
        form = await request.post()
        part = form.get("file")
        if not isinstance(part, web.FileField):
            return self.json({"CompilationStatus": "FAILED", "UploadFileFail": "No file part in the request"})
        self.uploads.append(part.file.read())
        self._compiling = "COMPILING"
        return self.json({"CompilationStatus": "COMPILING", "UploadFileFail": ""})

    async def _compilation_status(self, request: web.Request) -> Answer:
        if self._compiling == "COMPILING":
            self._compiling = "SUCCESS" if self.compile_ok else "FAILED"
            self.plc = "STATUS:STOPPED"
            return self.json({"status": "COMPILING", "logs": self.compile_log[:1], "exit_code": None})
        done = self._compiling in ("SUCCESS", "FAILED")
        exit_code = (0 if self.compile_ok else 1) if done else None
        return self.json({"status": self._compiling, "logs": self.compile_log if done else [], "exit_code": exit_code})

    async def _runtime_logs(self, request: web.Request) -> Answer:
        first = int(request.query.get("id", "0"))
        return self.json({"runtime-logs": [row for row in self.log if int(str(row["id"])) >= first]})

    async def _debug_connect(self, sid: str, environ: dict[str, object], auth: object) -> bool:
        self.debug_headers.append(str(environ.get("QUERY_STRING")))
        return isinstance(auth, dict) and auth.get("token") in self._tokens

    async def _debug_command(self, sid: str, data: dict[str, str]) -> None:
        command = data["command"]
        self.debug_commands.append(command)
        answer = self.debug_answers.get(command)
        if answer is None and command == "45 DE AD 00 00":
            answer = "45 83" if self.loaded is None else f"45 7e {self.loaded.encode().hex(' ')} ad de"
            if self.crash_after_md5:
                self.plc = "STATUS:ERROR"
        if answer is None:
            return
        whole = answer if isinstance(answer, dict) else {"success": True, "data": answer}
        await self._sio.emit("debug_response", whole, to=sid, namespace="/api/debug")


QUICK = Timeouts(connect=2.0, answer=2.0, login=3.0, upload=5.0, busy=1.0, settle=1.5, grace=0.2)


class Events(list[ConnectionEvent]):
    """All changes of a connection, and a way to wait for one."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        connection.on_change(self.append)

    async def wait_for(self, state: str, kind: Kind | None = None, seconds: float = 8.0) -> ConnectionEvent:
        deadline = asyncio.get_running_loop().time() + seconds
        seen = 0
        while asyncio.get_running_loop().time() < deadline:
            for event in self[seen:]:
                seen += 1
                if event.state == state and (kind is None or event.kind is kind):
                    del self[:seen]
                    return event
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {state} within {seconds} s; seen: {list(self)}")
