"""One simulated runtime: HTTPS server, debug channel, PLC, all on the caller's event loop.

Invariant: after `stop` nothing of it is left running, and a new `Simulator` on the same folder is the same device:
same certificate, users and program.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from functools import partial
from pathlib import Path
from typing import Final

import platformdirs
import socketio  # type: ignore[import-untyped]  # it ships no types
from aiohttp import web
from aiohttp.typedefs import Handler

from rung.simulator import faults as faulty
from rung.simulator import routes_accounts, routes_device, routes_discovery, routes_plc, routes_roles
from rung.simulator.accounts import Accounts
from rung.simulator.answers import error_page
from rung.simulator.build import Builder, Configuration, find_program
from rung.simulator.certificate import Certificate
from rung.simulator.debug_channel import DebugChannel, close_debug_server, debug_server
from rung.simulator.device import Device, handled
from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine, Switch
from rung.simulator.machine_v4_0 import MatiecMachine
from rung.simulator.network_discovery import DISCOVERY_PORT, answer_discovery
from rung.simulator.personality import DEFAULT_VERSION, Layout, Personality, personality_of
from rung.simulator.plugins import Plugins
from rung.simulator.project_snapshot import ProjectSnapshot
from rung.simulator.recipe import NEW_LIBRARY, recipe_of
from rung.simulator.scan_host import ScanHost, ScanHostError
from rung.simulator.storage import DataFolderError, FolderLock
from rung.simulator.tokens import Tokens
from rung.simulator.upload_settings import Settings

_LARGEST_BODY: Final = 1024 * 1024  # of a JSON request; uploads have their own limit
_SHUTDOWN_S: Final = 1.0


class AddressError(Exception):
    """The simulator cannot listen where it should; the text says why and what to do."""


class Simulator:
    """An OpenPLC Runtime v4 in this process."""

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 8443,
        *,
        version: str = DEFAULT_VERSION,
        personality: Personality | None = None,
        token_life_s: int = 900,
        transition_s: float = 0.7,
        restart_s: float = 2.0,
        discovery_port: int = DISCOVERY_PORT,
        cache_dir: Path | None = None,
        faults: faulty.Faults | None = None,
    ) -> None:
        """Describe a device; nothing happens before `start`.

        Args:
            data_dir: users, secrets, certificate and program; made if need be.
            host: the address to listen on.
            port: the TCP port; 0 for any free one, told by `address` then.
            version: the version of Runtime v4 to play, as `v4`, `v4.1.4` or `v4.2.3`.
            personality: what to play, in place of `version`.
            token_life_s: how long a login lasts, in seconds.
            transition_s: how long a stop takes at least, in seconds.
            restart_s: how long a restart after the program's process died takes, in seconds.
            discovery_port: the UDP port of network discovery; 0 for any.
            cache_dir: where the compiled scan host is kept; None for the user's cache folder.
            faults: what shall go wrong; may be changed later through `faults`.

        Raises:
            ValueError: no such version is known.
        """
        self.faults = faults or faulty.Faults()
        self.log = RuntimeLog()
        self._data_dir = data_dir.resolve()
        self._host = host
        self._port = port
        self.personality = personality or personality_of(version)
        self._token_life_s = token_life_s
        self._transition_s = transition_s
        self._restart_s = restart_s
        self._discovery_port = discovery_port
        self._cache_dir = cache_dir
        self._lock = FolderLock(self._data_dir)
        self._address: tuple[str, int] | None = None
        self._fingerprint = ""
        self._machine: Machine | None = None
        self._tokens: Tokens | None = None
        self._certificate: Certificate | None = None
        self._context: ssl.SSLContext | None = None
        self._runner: web.AppRunner | None = None
        self._builder: Builder | None = None
        self._cleanup = contextlib.AsyncExitStack()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on; only while it runs."""
        if self._address is None:
            raise RuntimeError("The simulator is not running.")
        return self._address

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 lower-case hex digits; known once it has been started."""
        return self._fingerprint

    @property
    def program_pid(self) -> int | None:
        """The process that runs the program; None when there is none."""
        return self._machine.pid if self._machine else None

    @property
    def switch(self) -> Switch:
        """The position of the hardware mode switch; may be set while it runs."""
        return self._running_machine().switch

    @switch.setter
    def switch(self, position: Switch) -> None:
        self._running_machine().switch = position

    def expire_tokens(self) -> None:
        """Let every token that was issued so far be at its end."""
        if self._tokens is not None:
            self._tokens.expire_all()

    async def change_certificate(self) -> None:
        """Show another certificate from now on, as a device that was installed anew."""
        if self._certificate is not None and self._context is not None:
            await asyncio.to_thread(self._certificate.renew, self._context)
            self._fingerprint = self._certificate.fingerprint()

    def cut_connections(self) -> None:
        """Cut every open connection, those of the debug channel, too; new ones are accepted."""
        server = self._runner.server if self._runner is not None else None
        for connection in server.connections if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    def _running_machine(self) -> Machine:
        if self._machine is None:
            raise RuntimeError("The simulator is not running.")
        return self._machine

    async def start(self) -> None:
        """Listen, and start the stored program if there is one.

        Raises:
            DataFolderError: the data folder cannot be used.
            AddressError: the address is taken or is not of this computer.
        """
        try:
            await self._start()
        except OSError as error:
            await self.stop()
            raise DataFolderError(
                f"The data folder {self._data_dir} cannot be used ({error.strerror or error}). "
                "Make room or name another one with --data."
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop program and server. May be called more than once."""
        self._address = None
        await self._cleanup.aclose()

    async def _start(self) -> None:
        self._lock.acquire()
        self._cleanup.callback(self._lock.release)
        certificate = Certificate(self._data_dir)
        context = certificate.server_context(faulty.fault_context(self.faults))
        self._certificate, self._context = certificate, context
        self._fingerprint = certificate.fingerprint()
        accounts = Accounts(self._data_dir)
        tokens = Tokens(accounts, self._token_life_s)
        self._tokens = tokens
        personality = self.personality
        runtime = self._data_dir / "runtime"
        runtime.mkdir(exist_ok=True)
        settings = Settings(personality, runtime, self._data_dir / "retain.bin")
        matiec = personality.layout is Layout.MATIEC
        scan_host = ScanHost(
            self._cache_dir or _cache_folder(self._data_dir), "matiec_host.cpp" if matiec else "scan_host.cpp"
        )
        find = partial(find_program, runtime)
        machine = (MatiecMachine if matiec else Machine)(
            runtime,
            faulty.fault_find_program(self.faults, runtime, find, self._crashed),
            scan_host,
            self.log,
            transition_s=self._transition_s,
            restart_s=self._restart_s,
            host_options=settings.host_options,
            has_switch=personality.mode_switch,
        )
        self._machine = machine
        leave_library = partial(faulty.fault_left_library, self.faults, find, runtime / NEW_LIBRARY)
        plugins = Plugins(self.log, with_ethernet=personality.discovery)
        configurations: list[Configuration] = [leave_library, *settings.configurations, plugins.apply]
        self._builder = builder = Builder(runtime, machine, recipe_of(personality), configurations, self.log)
        snapshot = ProjectSnapshot(self._data_dir / "project_snapshot")
        builder.ended = snapshot.built
        device = Device(personality, accounts, tokens, machine, builder, snapshot, self.log)
        channel = debug_server(
            DebugChannel(
                machine,
                tokens,
                self.log,
                partial(faulty.fault_debug_answer, self.faults),
                checks_each_command=personality.checks_each_command,
            )
        )
        await self._listen(self._application(device, runtime, channel), channel, context)
        if personality.discovery:
            await self._answer_discovery(snapshot)
        self._cleanup.push_async_callback(machine.shut_down)
        self._cleanup.push_async_callback(builder.shut_down)
        power_up = asyncio.create_task(self._power_up(machine, scan_host))
        self._cleanup.push_async_callback(_end, power_up)

    async def _answer_discovery(self, snapshot: ProjectSnapshot) -> None:
        transport = await answer_discovery(
            self._host,
            self._discovery_port,
            api_port=self.address[1],
            version=self.personality.version,
            project=snapshot.advertised,
            log=self.log,
        )
        if transport is not None:
            self._cleanup.callback(transport.close)

    async def _power_up(self, machine: Machine, scan_host: ScanHost) -> None:
        await machine.boot()
        try:
            await scan_host.path()  # so that the first start need not wait for it
        except ScanHostError as error:
            self.log.error(str(error))

    def _crashed(self) -> bool:
        return self._machine is not None and self._machine.crashed

    def _application(self, device: Device, runtime: Path, channel: socketio.AsyncServer) -> web.Application:
        application = web.Application(
            middlewares=[faulty.fault_middleware(self.faults, self.stop), self._finish], client_max_size=_LARGEST_BODY
        )
        accounts = routes_roles if self.personality.administrators else routes_accounts
        accounts.add_routes(application.router, device)
        if self.personality.discovery:
            routes_discovery.add_routes(application.router, device)
        routes_device.add_routes(application.router, device)
        routes_plc.add_routes(application.router, device, runtime)
        channel.attach(application)
        return application

    async def _listen(
        self, application: web.Application, channel: socketio.AsyncServer, context: ssl.SSLContext
    ) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        self._runner = runner
        self._cleanup.push_async_callback(runner.cleanup)
        self._cleanup.push_async_callback(close_debug_server, channel)
        try:
            await web.TCPSite(runner, self._host, self._port, ssl_context=context).start()
        except OSError as error:
            raise AddressError(
                f"The simulator cannot listen on {self._host}:{self._port} ({error.strerror or error}). "
                "Another program uses that port, or the address is not of this computer; choose another with --listen."
            ) from error
        host, port = runner.addresses[0][:2]
        self._address = (host, port)

    @web.middleware
    async def _finish(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give every answer the shape that a Runtime v4's web server gives it."""
        problem = request.match_info.http_exception
        if problem is not None:
            answer: web.StreamResponse = self._unrouted(request, problem)
        else:
            answer = await handled(request, handler)
        if answer.prepared:  # a WebSocket that has ended
            return answer
        routed = problem is None or answer.status == 200
        if routed and request.path.startswith("/api/") and not request.path.startswith(routes_discovery.PREFIX):
            answer.headers["X-OpenPLC-Runtime-Version"] = self.personality.version
        answer.force_close()
        return answer

    @staticmethod
    def _unrouted(request: web.Request, problem: web.HTTPException) -> web.Response:
        if not isinstance(problem, web.HTTPMethodNotAllowed):
            return error_page(404)
        if request.method == "OPTIONS":
            answer = web.Response(content_type="text/html", charset="utf-8", body=b"")
        else:
            answer = error_page(405)
        answer.headers["Allow"] = ", ".join(sorted({*problem.allowed_methods, "OPTIONS"}))
        return answer


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _cache_folder(data_dir: Path) -> Path:
    folder = platformdirs.user_cache_path("rung") / "scan-host"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return data_dir / "scan-host"
    return folder
