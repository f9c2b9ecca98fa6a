"""One process of the hub: its parts, put together, started and stopped in the right order.

Invariant: what could not be started leaves nothing behind, and what stops first ends what it has promised: requests under way are answered,
sessions are given up in the database, and only then is that closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import ssl
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timezone
from typing import Final

from aiohttp import web

from rung.hub import enrol, renewal, server_certificate
from rung.hub.agents import AgentBounds, Agents, AgentsListener
from rung.hub.api.asking import Asking
from rung.hub.api.call import Desk
from rung.hub.api.debug_leases import DebugLeases
from rung.hub.api.doors import application
from rung.hub.api.seen_states import SeenStates
from rung.hub.api.vplc_progress import VplcProgress
from rung.hub.authority import Authority
from rung.hub.bus import Bus
from rung.hub.editors_listener import EditorBounds, EditorsListener
from rung.hub.health import Health
from rung.hub.journal import Journal, take_over_logging
from rung.hub.limits import Limits
from rung.hub.metrics import Metrics
from rung.hub.settings import HubSettings
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure

_CERTIFICATE_CHECK: Final = 3600.0


class Hub:
    """One process of a hub.

    Args:
        settings: the hub's.
        limits: how often somebody may ask.
        journal: the log.
        agent_bounds: limits of the agents' listener.
        editor_bounds: limits of the editors' listener.
    """

    def __init__(
        self,
        settings: HubSettings,
        *,
        limits: Limits | None = None,
        journal: Journal | None = None,
        agent_bounds: AgentBounds | None = None,
        editor_bounds: EditorBounds | None = None,
    ) -> None:
        self.settings = settings
        self.process = uuid.uuid4().hex
        self.journal = journal or Journal(self.process)
        self._limits = limits or Limits()
        self._agent_bounds = agent_bounds
        self._editor_bounds = editor_bounds
        self._stack = AsyncExitStack()
        self._editors: EditorsListener | None = None
        self._agents_listener: AgentsListener | None = None

    @property
    def editors_port(self) -> int:
        """The port of the editors' listener."""
        return self._editors.port if self._editors is not None else self.settings.editors_listen[1]

    @property
    def agents_port(self) -> int:
        """The port of the agents' listener."""
        return self._agents_listener.port if self._agents_listener is not None else self.settings.agents_listen[1]

    async def start(self) -> None:
        """Start everything; when this returns, both listeners listen.

        Raises:
            RuntimeFailure: something could not be started; nothing was left behind.
        """
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        self.journal.note("started", editors_port=self.editors_port, agents_port=self.agents_port)

    async def stop(self) -> None:
        """Answer what is under way, take nothing more, and stop."""
        self.journal.note("stopping")
        await self._stack.aclose()
        self.journal.note("stopped")

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        authority = Authority.open(settings.folder)
        server_certificate.renew_if_due(settings, datetime.now(timezone.utc))
        contexts = (authority.server_context(settings), authority.editors_context(settings))
        store = await Store.open(settings.database_url)
        stack.push_async_callback(store.aclose)
        seal = authority.seal()
        bus = Bus(settings.redis_url, seal)
        await bus.start()
        stack.push_async_callback(bus.stop)
        agents = Agents(
            store,
            bus,
            self.process,
            redis_url=settings.redis_url,
            seal=seal,
            transports=settings.agent_transports,
            bounds=self._agent_bounds,
        )
        await agents.start()
        self._agents_listener = await self._listen_to_agents(stack, agents, store, authority, contexts[0])
        desk = self._desk(store, bus, agents)
        health = Health(settings, store, bus, desk.metrics, lambda: self._figures(agents))
        stack.push_async_callback(desk.leases.stop)
        stack.push_async_callback(_stop_background, desk)
        await desk.progress.start()
        stack.push_async_callback(desk.progress.stop)
        stack.push_async_callback(desk.settle)
        enrolling = enrol.routes(store, authority, bus, self._limits, settings, agents.drop)
        others = [*health.routes(), *enrolling]
        self._editors = await self._listen_to_editors(stack, application(desk, others), contexts[1])
        stack.push_async_callback(_leave, desk, health)
        renewing = asyncio.create_task(self._renew(authority, contexts), name="server certificate")
        stack.push_async_callback(_cancelled, renewing)

    def _figures(self, agents: Agents) -> dict[str, int]:
        listener = self._agents_listener
        counts = {} if listener is None else {f"listener {name}": count for name, count in listener.counts.items()}
        return agents.figures() | counts

    def _desk(self, store: Store, bus: Bus, agents: Agents) -> Desk:
        metrics = Metrics()
        asking = Asking(agents, metrics)
        return Desk(
            settings=self.settings,
            store=store,
            bus=bus,
            asking=asking,
            progress=VplcProgress(store, bus, asking, self.journal, self.process),
            states=SeenStates(alone=self.settings.redis_url is None),
            leases=DebugLeases(store),
            limits=self._limits,
            metrics=metrics,
            journal=self.journal,
        )

    async def _listen_to_agents(
        self, stack: AsyncExitStack, agents: Agents, store: Store, authority: Authority, context: ssl.SSLContext
    ) -> AgentsListener:
        served = agents.application()
        served.router.add_routes(renewal.routes(store, authority, self._limits))
        host, port = self.settings.agents_listen
        listener = AgentsListener(served, context, host, port, self._agent_bounds, self.settings.proxy_protocol)
        try:
            await _listening(listener.start, "agents", host, port)
        except BaseException:
            await agents.stop()
            raise
        stack.push_async_callback(listener.stop)
        stack.push_async_callback(agents.stop)  # before the listener: agents are told that their sessions end
        return listener

    async def _listen_to_editors(
        self, stack: AsyncExitStack, served: web.Application, context: ssl.SSLContext
    ) -> EditorsListener:
        host, port = self.settings.editors_listen
        listener = EditorsListener(served, context, host, port, self._editor_bounds, self.settings.proxy_protocol)
        await _listening(listener.start, "editors", host, port)
        stack.push_async_callback(listener.stop)
        return listener

    async def _renew(self, authority: Authority, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
        """Take up a new server certificate, ours or the operator's, without a restart: new connections see it."""
        seen = self.settings.certificate.stat().st_mtime_ns
        while True:
            await asyncio.sleep(_CERTIFICATE_CHECK)
            try:
                server_certificate.renew_if_due(self.settings, datetime.now(timezone.utc))
                now = self.settings.certificate.stat().st_mtime_ns
                if now != seen:
                    # If the files do not belong together this fails first, and the old ones stay in use.
                    authority.editors_context(self.settings)
                    for context in contexts:
                        context.load_cert_chain(self.settings.certificate, self.settings.key)
                    seen = now
                    self.journal.note("server certificate renewed")
            except RuntimeFailure as failure:
                self.journal.failure("server certificate", failure)
            except OSError as error:
                self.journal.mistake("server certificate", error)


def main(settings: HubSettings, ready: Callable[[Hub], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: the hub's.
        ready: told when both listeners listen.

    Raises:
        RuntimeFailure: it could not be started.
    """
    asyncio.run(_serve(settings, ready))


async def _serve(settings: HubSettings, ready: Callable[[Hub], None]) -> None:
    hub = Hub(settings)
    take_over_logging(hub.journal)
    _allow_many_files()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: _report(hub.journal, context.get("exception")))
    told = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl+C ends the loop there
            loop.add_signal_handler(one, told.set)
    await hub.start()
    try:
        ready(hub)
        await told.wait()
    finally:
        await hub.stop()


def _allow_many_files() -> None:
    """Each agent is an open file, and the usual limit of a process is 1,024: raise it as far as the system lets us."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _report(journal: Journal, error: object) -> None:
    if isinstance(error, BaseException) and not isinstance(error, (ConnectionError, ssl.SSLError)):
        journal.mistake("event loop", error)


async def _leave(desk: Desk, health: Health) -> None:
    health.leaving = True
    desk.leaving.set()


async def _stop_background(desk: Desk) -> None:
    tasks = list(desk.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _listening(start: Callable[[], Awaitable[None]], who: str, host: str, port: int) -> None:
    try:
        await start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why, hint = (
                "another program uses it",
                "Stop the other program (perhaps a hub that runs already), or choose another port",
            )
        elif error.errno in (errno.EACCES, errno.EPERM):
            why, hint = "this user may not", "Choose a port above 1023"
        else:
            why, hint = "this computer has no such address", "Correct the address"
        raise RuntimeFailure(
            Kind.REFUSED,
            f"The hub cannot listen for {who} at {host}:{port}: {why}. It was not started; vPLCs keep running.",
            f"{hint}, in hub.toml ({who}_listen).",
        ) from None
