"""A scripted OpenPLC Runtime v3 on loopback: REST, web pages and Modbus, answering as the recorded one, and misbehaving as told."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from rung.runtimes.address import Address
from runtimes.scripted_device import PASSWORD, Identity

MD5 = "5fbb20c644611767d4528811e895e7aa"
GOOD_LOG = ["Generating C files...", "POUS.c", "varName: __IX0_0\tvarType: BOOL", "Compilation finished successfully!"]
BAD_LOG = [
    "Generating C files...",
    "./st_files/webserver_program.st:6-4..6-19: error: invalid IL instruction.",
    "",
    "Error generating C files",
    "Compilation finished with errors!",
]

Reply = web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]


class ScriptedV3:
    """A machine whose answers a test decides. Its plain attributes are the machine's state; `script` queues answers for a path."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.users = {"ide": PASSWORD}
        self.web_users = {"openplc": PASSWORD}
        self.plc = "STOPPED"
        self.after_start = ["RUNNING"]
        """The states that follow each other after a start, one for each time somebody looks; the last one stays."""
        self.ignores_stop = False
        self.start_complaint: str | None = None
        self.compile_log: list[str] = []
        self.next_log = GOOD_LOG
        self.polls_to_verdict = 1
        self.log = ""
        self.started_log = "OpenPLC Runtime starting...\nInteractive Server: Listening on port 43628\n"
        self.settings_modbus: int | None = 502
        self.csrf = True
        self.absolute_redirects = False
        self.programs = {1: ("Blank Program", "blank_program.st"), 17: ("webserver_program", "webserver_program.st")}
        self.uploads: list[bytes] = []
        self.forms: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.rest_port = self.web_port = 0
        self._stored: dict[str, bytes] = {}
        self._compiling_name = ""
        self._tokens: set[str] = set()
        self._logins = 0
        self._sessions: dict[str, str] = {}
        self._cookies = 0
        self._scripts: dict[str, list[Reply]] = {}
        self._runners: list[web.AppRunner] = []
        self._pending: list[str] = []

    # -- the test's side -------------------------------------------------------------------------------------------

    @property
    def rest_address(self) -> Address:
        return Address("127.0.0.1", self.rest_port)

    @property
    def web_address(self) -> Address:
        return Address("127.0.0.1", self.web_port, "http")

    def script(self, path: str, *replies: Reply) -> None:
        self._scripts[path] = list(replies)

    def log_everybody_out(self) -> None:
        """What a restart of the server does to the web sessions, and the end of their time to the tokens."""
        self._sessions.clear()
        self._tokens.clear()

    async def start(self) -> None:
        for app, secure, port in ((self._rest_app(), True, self.rest_port), (self._web_app(), False, self.web_port)):
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(
                runner, "127.0.0.1", port, ssl_context=self.identity.server_context() if secure else None
            )
            await site.start()
            bound = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]  # aiohttp shows the port nowhere else
            if secure:
                self.rest_port = bound
            else:
                self.web_port = bound
            self._runners.append(runner)

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    # -- the machine -----------------------------------------------------------------------------------------------

    def look(self) -> str:
        """The state, as somebody who looks sees it."""
        if self._pending:
            self.plc = self._pending.pop(0)
        return self.plc

    def begin_compile(self, name: str) -> None:
        self.plc, self.log, self._compiling_name = "EMPTY", "", name
        self.compile_log = self.next_log[:1]
        self._left = self.polls_to_verdict

    def poll_compile(self) -> list[str]:
        if self.plc == "EMPTY":
            if self._left <= 0:
                self.compile_log, self.plc = list(self.next_log), "STOPPED"
            self._left -= 1
        return self.compile_log

    def start_plc(self) -> None:
        if self.plc != "EMPTY":
            self._pending = list(self.after_start)
            self.log = self.started_log

    def stop_plc(self) -> None:
        if self.plc != "EMPTY" and not self.ignores_stop:
            self.plc, self.log, self._pending = "STOPPED", "", []

    async def _scripted(self, name: str, request: web.Request) -> web.StreamResponse | None:
        self.requests.append(f"{request.method} {name}")
        queue = self._scripts.get(name)
        if not queue:
            return None
        reply = queue.pop(0)
        if isinstance(reply, web.Response):
            return web.Response(body=reply.body, status=reply.status, headers=reply.headers)
        return await reply(request)

    # -- REST ------------------------------------------------------------------------------------------------------

    def json(self, value: object, status: int = 200) -> web.Response:
        return web.json_response(value, status=status, headers={"X-OpenPLC-Runtime-Version": "v3"})

    def _rest_app(self) -> web.Application:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/api/{name:.*}", self._serve_rest)
        return app

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        scripted = await self._scripted(name, request)
        if scripted is not None:
            return scripted
        if name == "login":
            fields = await request.json()
            if self.users.get(fields["username"]) != fields["password"]:
                return self.json("Wrong username or password", 401)
            self._logins += 1
            self._tokens.add(token := f"token-{self._logins}-secret")
            return self.json({"access_token": token})
        if name == "create-user" and not self.users:
            fields = await request.json()
            self.users[fields["username"]] = fields["password"]
            return self.json({"id": 1, "msg": "User created"}, 201)
        if name == "create-user" and "Authorization" not in request.headers:
            return self.json({"msg": "User already created!"}, 401)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._tokens:
            return self.json({"msg": "Signature verification failed"}, 422)
        return await self._serve_user(name, request)

    async def _serve_user(self, name: str, request: web.Request) -> web.Response:
        if name == "status":
            return self.json({"status": f"STATUS:{self.look()}"})
        if name == "start-plc":
            self.start_plc()
            return (
                self.json({"error": self.start_complaint}, 500)
                if self.start_complaint
                else self.json({"status": "START:OK"})
            )
        if name == "stop-plc":
            self.stop_plc()
            return self.json({"status": "STOP:OK"})
        if name == "runtime-logs":
            return self.json({"runtime-logs": self.log})
        if name == "compilation-status":
            lines = self.poll_compile()
            state = {GOOD_LOG[-1]: "SUCCESS", BAD_LOG[-1]: "FAILED"}.get(lines[-1] if lines else "", "COMPILING")
            return self.json({"status": state, "logs": lines, "exit_code": int(state == "FAILED")})
        if name == "upload-file":
            part = (await request.post()).get("file")
            if not isinstance(part, web.FileField):
                return self.json({"CompilationStatus": "FAILED", "UploadFileFail": "No file part in the request"})
            if self.plc == "EMPTY":
                text = "Runtime is compiling another program, please wait"
                return self.json({"CompilationStatus": "COMPILING", "UploadFileFail": text})
            self.uploads.append(part.file.read())
            self.begin_compile("webserver_program")
            return self.json({"CompilationStatus": "COMPILING", "UploadFileFail": ""})
        return self.json({"error": "Unknown argument"})

    # -- web pages -------------------------------------------------------------------------------------------------

    def page(self, body: str, status: int = 200) -> web.Response:
        """A page of a logged-in user: top bar, side bar and body, as recorded."""
        shown = {"RUNNING": "Running", "STOPPED": "Stopped"}.get(self.plc, "")
        name = self._compiling_name
        bar = (
            f"<span style='color: Yellow'>Compiling: </span>{name}"
            if self.plc == "EMPTY"
            else f"<span>{shown}: </span>{name}"
        )
        side = (
            ""
            if self.plc == "EMPTY"
            else f"<h3>Status: <i>{shown}</i></span></h3><a href='start_plc'><b>Start PLC</b></a>"
        )
        html = f"<html><style>Status: x</style><h3>{bar}</h3>OpenPLC User<a><p>Logout</p></a>{side}{body}</html>"
        return web.Response(text=html, content_type="text/html", status=status)

    def redirect(self, to: str) -> web.Response:
        return web.Response(
            status=302, headers={"Location": f"http://device:8080{to}" if self.absolute_redirects else to}
        )

    def _token_field(self) -> str:
        return "<input type='hidden' value='ImVh.awKBeg.BYth'  name='csrf_token'/>" if self.csrf else ""

    def _web_app(self) -> web.Application:
        app = web.Application(client_max_size=20_000_000)
        app.router.add_route("*", "/{name}", self._serve_web)
        return app

    async def _serve_web(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        scripted = await self._scripted(name, request)
        if scripted is not None:
            return scripted
        cookie = request.cookies.get("session", "")
        user = self._sessions.pop(cookie, None)
        if name == "login":
            answer, user = await self._web_login(request, user)
        elif not user:
            answer = self.redirect("/login")
        else:
            answer = await self._serve_web_user(name, request)
        # Each answer has a cookie of its own, and only the newest one counts; its date is that of a clock far behind ours.
        self._cookies += 1
        self._sessions[f"c{self._cookies}.x_y-z"] = user or ""
        answer.headers["Set-Cookie"] = (
            f"session=c{self._cookies}.x_y-z; Expires=Thu, 01 Jan 1970 00:05:00 GMT; HttpOnly; Path=/"
        )
        return answer

    async def _web_login(self, request: web.Request, user: str | None) -> tuple[web.Response, str | None]:
        if request.method == "GET":
            fields = "<input type='text' name='username'/><input type='password' name='password'/>"
            text = f"<h3>OpenPLC Webserver</h3><form action='login'>{fields}{self._token_field()}</form>"
            return web.Response(text=text, content_type="text/html"), ""
        form = await request.post()
        if self.csrf and (user is None or form.get("csrf_token") != "ImVh.awKBeg.BYth"):
            return web.Response(text="<p>The CSRF token is missing.</p>", content_type="text/html", status=400), user
        if self.web_users.get(str(form["username"])) != form["password"]:
            return web.Response(text="<h3>Bad credentials! Try again</h3>", content_type="text/html"), user
        self._logins += 1
        return self.redirect("/dashboard"), str(form["username"])

    async def _serve_web_user(self, name: str, request: web.Request) -> web.Response:
        if name == "start_plc":
            self.start_plc()
            return self.page("Internal Server Error", 500) if self.start_complaint else self.redirect("/dashboard")
        if name == "stop_plc":
            self.stop_plc()
            return self.redirect("/dashboard")
        if name == "runtime_logs":
            return web.Response(text=self.log, content_type="text/html")
        if name == "compilation-logs":
            return web.Response(text="".join(line + "\n" for line in self.poll_compile()), content_type="text/html")
        if name == "logout":
            return self.redirect("/login")
        if self.look() == "EMPTY":
            return self.page("<h2>Compiling program</h2><p>loading logs...</p>")
        if name == "dashboard":
            return self.page("<h2>Dashboard</h2><b>Program:</b> x")
        if name == "settings":
            checked = "" if self.settings_modbus is None else " checked"
            port = self.settings_modbus or 502
            return self.page(
                f'<input id="modbus_server" type="checkbox"{checked}>'
                f"<input type='text' id='modbus_server_port' name='modbus_server_port' value='{port}'>"
            )
        return await self._serve_programs(name, request)

    async def _serve_programs(self, name: str, request: web.Request) -> web.Response:
        post = dict(await request.post()) if request.method == "POST" else {}
        if request.method == "POST":
            if self.csrf and post.get("csrf_token") != "ImVh.awKBeg.BYth":
                return web.Response(text="<p>The CSRF token is missing.</p>", content_type="text/html", status=400)
            self.forms.append({key: value for key, value in post.items() if isinstance(value, str)})
        part = post.get("file")
        data = part.file.read() if isinstance(part, web.FileField) else b""
        form = f"{self._token_field()}<input type='hidden' value='1795326330' id='epoch_time' name='epoch_time'/>"
        if name == "programs":
            rows = "".join(
                f"<tr onclick=\"document.location='reload-program?table_id={n}'\"><td>{title}</td><td>{file}</td></tr>"
                for n, (title, file) in self.programs.items()
            )
            return self.page(f"<table>{rows}</table><form>{self._token_field()}</form>")
        if name == "update-program":
            return self.page(f"<form>{form}<input type='hidden' name='prog_id' value='{request.query['id']}'/></form>")
        if name == "upload-program":
            self._stored["275474.st"] = data
            return self.page(f"<form><input type='hidden' value='275474.st' name='prog_file'/>{form}</form>")
        if name == "upload-program-action":
            self.programs[18] = (str(post["prog_name"]), str(post["prog_file"]))
            return self._refresh(str(post["prog_file"]))
        if name == "update-program-action":
            file = self.programs[int(str(post["prog_id"]))][1]
            self._stored[file] = data
            return self._refresh(file)
        if name == "compile-program":
            file = request.query["file"]
            self.uploads.append(self._stored[file])
            self.begin_compile(next(title for title, known in self.programs.values() if known == file))
            return self.page("<h2>Compiling program</h2>")
        return web.Response(text="<h1>Not Found</h1>", content_type="text/html", status=404)

    def _refresh(self, file: str) -> web.Response:
        text = f'<!DOCTYPE html><html><head><meta http-equiv="refresh" content="0; url=/compile-program?file={file}"></head></html>'
        return web.Response(text=text, content_type="text/html")


@dataclass
class ScriptedModbus:
    """A program's Modbus server: the length in its answers' headers is the request's, and a bad index gets three bytes."""

    values: list[bytes]
    md5: str = MD5
    most_data: int = 243
    address: Address = field(default_factory=lambda: Address("127.0.0.1", 1))
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    answer: Callable[[bytes], bytes | None] | None = None
    """Takes the place of the whole answer to a whole request; None hangs up."""
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _reversed: bool = False

    def frame(self, pdu: bytes) -> bytes | None:
        """The answer to a frame; None is the one that nobody can read."""
        code = pdu[0]
        if code == 0x41:
            return b"\x41" + struct.pack(">H", len(self.values))
        if code == 0x45:
            self._reversed = pdu[1:3] == b"\xde\xad"
            return b"\x45\x7e" + self.md5.encode()
        if code == 0x42:
            index, force, size = struct.unpack(">HBH", pdu[1:6])
            if index >= len(self.values):
                return b"\x42\x81"
            if force:
                value = pdu[6 : 6 + size]
                self.values[index] = value[::-1] if self._reversed else value
            return b"\x42\x7e"
        if code != 0x44:
            return bytes((code | 0x80, 1))
        indexes = struct.unpack(f">{pdu[2]}H", pdu[3:])
        if len(indexes) > 60:
            return b"\x44\x82"
        if any(index >= len(self.values) for index in indexes):
            return None
        data, last = b"", 0
        for index in indexes:
            if len(data) + len(self.values[index]) > self.most_data:
                break
            data, last = data + self.values[index], index
        return b"\x44\x7e" + struct.pack(">HIH", last, 127, len(data)) + data

    def cut(self) -> None:
        """End the program: every connection breaks."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while head := await reader.read(7):
                size = int.from_bytes(head[4:6], "big")
                pdu = await reader.readexactly(size - 1)
                self.requests.append(pdu)
                await asyncio.sleep(0)
                if reader._buffer:  # type: ignore[attr-defined]  # more came before this one was answered
                    self.at_once += 1
                if self.answer is not None:
                    whole = self.answer(head + pdu)
                else:
                    answered = self.frame(pdu)
                    whole = head[:3] if answered is None else head + answered
                if whole is None:
                    break
                writer.write(whole)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@asynccontextmanager
async def modbus(*values: bytes) -> AsyncIterator[ScriptedModbus]:
    """A Modbus server with these variables, on a port of its own."""
    machine = ScriptedModbus(list(values))
    server = await asyncio.start_server(machine.serve, "127.0.0.1", 0)
    machine.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        yield machine
    finally:
        server.close()
        machine.cut()
