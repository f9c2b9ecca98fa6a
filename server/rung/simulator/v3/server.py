"""One simulated v3: REST over TLS, web pages over plain HTTP, Modbus TCP while the PLC runs, all on the caller's event loop.

Invariant: after `stop` nothing of it is left running, and a new `V3Simulator` on the same folder is the same device.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from pathlib import Path
from typing import Final

import platformdirs
from aiohttp import web

from rung.simulator import faults as faulty
from rung.simulator.accounts import Accounts
from rung.simulator.certificate import Certificate
from rung.simulator.scan_host import ScanHost, ScanHostError
from rung.simulator.server import AddressError
from rung.simulator.storage import DataFolderError, FolderLock
from rung.simulator.tokens import Tokens
from rung.simulator.v3.installation import Installation, Settings
from rung.simulator.v3.monitored import OddDeclaration
from rung.simulator.v3.rest import add_routes
from rung.simulator.v3.rest_accounts import AccountRoutes
from rung.simulator.v3.runtime import Runtime
from rung.simulator.v3.web_answers import finishing
from rung.simulator.v3.web_ui import web_application
from rung.simulator.v3.web_users import WebUsers

_LARGEST_BODY: Final = 64 * 1024 * 1024
_SHUTDOWN_S: Final = 1.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

_logger = logging.getLogger(__name__)


class V3Simulator:
    """An OpenPLC Runtime v3 in this process.

    Programs are compiled with Rung's own front end and run as they do on the v4.1 simulator. An integer division by zero ends the
    program's process, as SIGFPE does on a real v3; the division of the uploaded program is built so, no fault needs to be asked for.
    """

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 8443,
        *,
        web_port: int = 8080,
        modbus_port: int | None = 502,
        rest: bool = True,
        autostart_run_mode: bool = False,
        cache_dir: Path | None = None,
        faults: faulty.Faults | None = None,
        token_life_s: int = 900,
        session_life_s: int = 300,
        transition_s: float = 1.0,
    ) -> None:
        """Describe a device; nothing happens before `start`.

        Args:
            data_dir: users, secrets, certificate, settings and programs; made if need be.
            host: the address to listen on.
            port: the TCP port of REST; 0 for any free one, told by `address` then.
            web_port: the TCP port of the web pages; 0 for any.
            modbus_port: the Modbus port in the settings of a new device; 0 for any free one, None: Modbus is disabled.
            rest: False for an old installation, which has the web pages only.
            autostart_run_mode: in the settings of a new device: start the last built program with the server.
            cache_dir: where the compiled scan host is kept; None for the user's cache folder.
            faults: what shall go wrong; may be changed later through `faults`.
            token_life_s: how long a REST login lasts, in seconds.
            session_life_s: how long a session of the web pages lasts without a request, in seconds.
            transition_s: how long a start takes, in seconds; a stop takes up to twice as long.
        """
        self.faults = faults or faulty.Faults()
        self._data_dir = data_dir.resolve()
        self._host = host
        self._port = port
        self._web_port = web_port
        self._modbus_port = modbus_port
        self._rest = rest
        self._autostart = autostart_run_mode
        self._cache_dir = cache_dir
        self._token_life_s = token_life_s
        self._session_life_s = session_life_s
        self._transition_s = transition_s
        self._lock = FolderLock(self._data_dir)
        self._address: tuple[str, int] | None = None
        self._web_address: tuple[str, int] | None = None
        self._fingerprint = ""
        self._runtime: Runtime | None = None
        self._tokens: Tokens | None = None
        self._certificate: Certificate | None = None
        self._context: ssl.SSLContext | None = None
        self._cleanup = contextlib.AsyncExitStack()

    # -- what it tells -------------------------------------------------------------------------------------------

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of REST; only while it runs, and only if it has REST."""
        if self._address is None:
            raise RuntimeError("The simulator has no REST server now.")
        return self._address

    @property
    def web_address(self) -> tuple[str, int]:
        """Host and port of the web pages; only while it runs."""
        if self._web_address is None:
            raise RuntimeError("The simulator is not running.")
        return self._web_address

    @property
    def modbus_address(self) -> tuple[str, int] | None:
        """Host and port where Modbus answers while the PLC runs; None when it is disabled in the settings."""
        if self._runtime is None:
            raise RuntimeError("The simulator is not running.")
        port = self._runtime.installation.settings.modbus_port
        return None if port is None else (self._host, port)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 lower-case hex digits; known once it has been started, "" without REST."""
        return self._fingerprint

    @property
    def program_pid(self) -> int | None:
        """The process that runs the program, also an orphan's; None when there is none."""
        return self._runtime.pid if self._runtime else None

    # -- what can happen to it -----------------------------------------------------------------------------------

    def expire_tokens(self) -> None:
        """Let every REST token that was issued so far be at its end."""
        if self._tokens is not None:
            self._tokens.expire_all()

    async def change_certificate(self) -> None:
        """Show another certificate from now on, as a device that was installed anew."""
        if self._certificate is not None and self._context is not None:
            await asyncio.to_thread(self._certificate.renew, self._context)
            self._fingerprint = self._certificate.fingerprint()

    # -- power ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen; the PLC starts only if the settings say so.

        Raises:
            DataFolderError: the data folder cannot be used.
            AddressError: an address is taken or is not of this computer.
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
        """Switch the device off, with an orphaned program if there is one. May be called more than once."""
        await self._close()
        if self._runtime is not None:
            runtime, self._runtime = self._runtime, None
            await runtime.shut_down()

    async def kill_web_server(self) -> None:
        """End the web server alone: a running program goes on as an orphan, which the next `start` of this object meets (section 4.3)."""
        if self._runtime is not None:
            self._runtime.abandon()
        await self._close()

    async def _close(self) -> None:
        self._address = self._web_address = None
        await self._cleanup.aclose()

    async def _start(self) -> None:
        self._lock.acquire()
        self._cleanup.callback(self._lock.release)
        first = Settings(modbus_port=self._first_modbus_port(), start_run_mode=self._autostart)
        installation = Installation(self._data_dir, first)
        scan_host = ScanHost(self._cache_dir or _cache_folder(self._data_dir))
        if self._runtime is None:
            self._runtime = Runtime(
                self._data_dir / "core", installation, scan_host, self.faults, self._host, self._transition_s
            )
        runtime = self._runtime
        runtime.installation = installation
        users = WebUsers(self._data_dir / "web")
        await users.prepare()
        application = web_application(
            runtime,
            users,
            faulty.fault_middleware(self.faults, self.stop),
            self._session_life_s,
            _LARGEST_BODY,
            only_this_computer=self._host in _LOOPBACK,
        )
        self._web_address = await self._listen(application, self._web_port, None)
        if self._rest:
            self._certificate = await asyncio.to_thread(Certificate, self._data_dir)
            self._fingerprint = self._certificate.fingerprint()
            self._context = self._certificate.server_context(faulty.fault_context(self.faults))
            self._address = await self._listen(self._rest_application(runtime), self._port, self._context)
        if installation.settings.start_run_mode:
            with contextlib.suppress(OddDeclaration):
                await runtime.start()
        warm_up = asyncio.create_task(self._warm_up(scan_host))
        self._cleanup.push_async_callback(_end, warm_up)

    def _first_modbus_port(self) -> int | None:
        return _free_port(self._host) if self._modbus_port == 0 else self._modbus_port

    @staticmethod
    async def _warm_up(scan_host: ScanHost) -> None:
        try:
            await scan_host.path()  # so that the first start need not wait for it
        except ScanHostError as error:
            _logger.error("%s", error)

    def _rest_application(self, runtime: Runtime) -> web.Application:
        accounts = Accounts(self._data_dir)
        self._tokens = Tokens(accounts, self._token_life_s)
        routes = AccountRoutes(accounts, self._tokens)
        misbehave = faulty.fault_middleware(self.faults, self.stop)
        application = web.Application(middlewares=[misbehave, finishing(_tell_version)], client_max_size=_LARGEST_BODY)
        routes.add_routes(application.router)
        add_routes(application.router, runtime, routes.authorise)
        return application

    async def _listen(self, application: web.Application, port: int, context: ssl.SSLContext | None) -> tuple[str, int]:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        self._cleanup.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self._host, port, ssl_context=context).start()
        except OSError as error:
            raise AddressError(
                f"The simulator cannot listen on {self._host}:{port} ({error.strerror or error}). "
                "Another program uses that port, or the address is not of this computer; choose another with --listen."
            ) from error
        host, taken = runner.addresses[0][:2]
        return host, taken


async def _tell_version(request: web.Request, answer: web.StreamResponse, routed: bool) -> None:
    if routed:
        answer.headers["X-OpenPLC-Runtime-Version"] = "v3"


def _free_port(host: str) -> int:
    """A port that nothing listens on now: Modbus listens only while the PLC runs."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _cache_folder(data_dir: Path) -> Path:
    try:
        return platformdirs.user_cache_path("rung") / "simulator"
    except RuntimeError:  # no home folder
        return data_dir / "cache"


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
