"""The Socket.IO server for the agents: the library with our driver, packets and checks, and what it tells of sessions.

Invariant: no handler of the library can be entered by a name that an agent chose, none can be cancelled half-way into consent, and a session that is
to end ends: its calls at once, its connection within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import socketio  # type: ignore[import-untyped]  # it ships no types
from aiohttp import web

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.calls import Calls
from rung.hub.agents.doorman import ENGINE_PATH, doorman
from rung.hub.agents.driver import PEER, SESSION, driver
from rung.hub.agents.heartbeat import checked
from rung.hub.agents.packets import HEARTBEAT, AgentPacket
from rung.hub.agents.quiet import quiet_logger
from rung.hub.agents.sessions import Refused, Session, Sessions, utc_now
from rung.hub.bus import Bus

if TYPE_CHECKING:
    from rung.hub.agents.processes import ProcessManager
    from rung.hub.store import Store

_log = logging.getLogger("rung.hub.agents")
_CLOSE_SECONDS: Final = 3.0
_NOBODY_READS_SECONDS: Final = 0.25
_REFUSED_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 5.0
_BODY: Final = 64 * 1024


class Engine:
    """The agents' sessions at this process.

    Args:
        store: where sessions are recorded.
        bus: where online, offline and heartbeats are told.
        process: this process's name.
        manager: Socket.IO's client manager for several processes; None for one.
        elsewhere: has another process end a session.
        heard: is told of a heartbeat that is to be told to others, too.
        transports: what agents may use.
        bounds: limits.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        process: str,
        *,
        manager: ProcessManager | None,
        elsewhere: Callable[[str, str, str], Coroutine[Any, Any, None]],
        heard: Callable[[Session], Coroutine[Any, Any, None]],
        transports: tuple[str, ...],
        bounds: AgentBounds,
    ) -> None:
        self._bounds, self._heard = bounds, heard
        # A session on polling may become a websocket at any moment, so the smaller limit holds for it, too.
        largest = bounds.websocket_frame if "websocket" in transports else bounds.polling_frame
        self.calls = Calls(self._emit, bounds, largest)
        self.sessions = Sessions(
            store, bus, process, bounds, close=self.close, elsewhere=elsewhere, lost=self.calls.fail
        )
        self._server = self._socket_server(transports, manager)
        self._refusals: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def application(self) -> web.Application:
        """The application for the agents' listener; routes may be added, `current_peer` tells them whose request it is."""
        application = web.Application(
            middlewares=[doorman(self.sessions, self.close, self._refusals, self._bounds)], client_max_size=_BODY
        )
        for method in ("GET", "POST"):
            application.router.add_route(method, ENGINE_PATH, self._server.handle_request)
        return application

    def begin(self) -> None:
        """Have the library not begin its client manager with the first agent: it was begun."""
        self._server.manager_initialized = True

    async def stop(self) -> None:
        """End every session: agents are told, open calls fail. Once is enough; again does nothing."""
        if self.sessions.stopping:
            return
        self.sessions.stopping = True
        for session in self.sessions:
            self.calls.fail(session, "The hub was stopped")
            self.close(session, "the hub is being stopped")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SETTLE_SECONDS)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.sessions.settle(), _SETTLE_SECONDS)
        await self._server.shutdown()

    def close(self, session: Session, why: str) -> None:
        """End a session; its open calls fail now, the rest follows."""
        if session.gone or session.closing:
            return
        if session.online:
            _log.info("The session of agent %s ends: %s.", session.orchestrator, why)
        sid, session.closing = session.sid, True
        self.sessions.leave(session)
        self._spawn(self._close_slowly(session, sid))

    def figures(self) -> dict[str, int]:
        """Figures by name: agents online here, calls under way, and what was refused or lost."""
        counted = self.calls.counts + self.sessions.counts + self._refusals
        return {"online": self.sessions.online, "calls under way": self.calls.under_way, **counted}

    async def _close_slowly(self, session: Session, sid: str | None) -> None:
        if sid is not None:
            await self._server.disconnect(sid, ignore_queue=True)
        # The library waits until the agent has taken what is left for it.
        socket = session.transport
        read = session.polling or (socket is not None and not socket.is_closing())
        patience = _CLOSE_SECONDS if read else _NOBODY_READS_SECONDS
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._server.eio.disconnect(session.eio_sid), patience)
        self.sessions.end(session.eio_sid)
        if isinstance(session.transport, asyncio.WriteTransport):
            session.transport.abort()

    def _socket_server(self, transports: tuple[str, ...], manager: ProcessManager | None) -> Any:
        quiet = quiet_logger()
        server = socketio.AsyncServer(
            client_manager=manager,
            serializer=AgentPacket,
            async_mode="aiohttp",
            async_handlers=False,  # an agent waits for its own packets, not the hub's memory for all of them
            logger=quiet,
            engineio_logger=quiet,
            transports=list(transports),
            allow_upgrades="websocket" in transports,
            ping_interval=self._bounds.ping_interval,
            ping_timeout=self._bounds.ping_timeout,
            max_http_buffer_size=self._bounds.answer,
            http_compression=False,
            cors_allowed_origins=[],
        )
        # The library offers no other way to bring a driver of one's own.
        server.eio._async = driver(self._bounds)
        begun, ended = server.eio.handlers["connect"], server.eio.handlers["disconnect"]

        async def engine_began(eio_sid: str, environ: dict[str, Any]) -> bool | None:
            session = self.sessions.begin(eio_sid, environ[PEER])
            if session is None:
                return False
            environ[SESSION] = session
            await begun(eio_sid, {SESSION: session})  # what is given here is kept as long as the session
            return None

        async def engine_ended(eio_sid: str, reason: str) -> None:
            await ended(eio_sid, reason)
            self.sessions.end(eio_sid)
            # The library leaves a request that waits for packets waiting; this is how it tells one that there will be none.
            ending = server.eio.sockets.get(eio_sid)
            if ending is not None:
                asyncio.get_running_loop().call_soon(ending.queue.put_nowait, None)

        server.eio.on("connect", engine_began)
        server.eio.on("disconnect", engine_ended)
        server.on("connect", self._connected)
        server.on("disconnect", self._disconnected)
        server.on(HEARTBEAT, self._heartbeat)
        return server

    async def _connected(self, sid: str, environ: dict[str, Any], auth: object = None) -> None:
        session: Session = environ[SESSION]
        # The library takes a cancelled handler for consent, so this one cannot be cancelled half-way.
        work = asyncio.ensure_future(self.sessions.accept(session, sid))
        try:
            await asyncio.shield(work)
        except Refused as refusal:
            self._refusals["connects refused"] += 1
            _log.warning("Agent %.64r from %s was refused: %s", session.peer.common_name, session.peer.address, refusal)
            # Its agent ends the session when it has read why; who does not is ended.
            asyncio.get_running_loop().call_later(_REFUSED_SECONDS, self.close, session, "it was refused")
            raise socketio.exceptions.ConnectionRefusedError(str(refusal)) from None
        self._spawn(self._announce(session, sid))

    async def _announce(self, session: Session, sid: str) -> None:
        """Wait until the agent was told that it is accepted: a call must not come before."""
        for pause in (0.0, 0.0, 0.0, *[0.01] * 100):
            if session.sid != sid:
                return
            if self._server.manager.is_connected(sid, "/"):
                self.sessions.announce(session)
                return
            await asyncio.sleep(pause)
        self.close(session, "its connection was not made")

    async def _disconnected(self, sid: str, reason: str = "") -> None:
        session = self.sessions.of_socket(sid)
        if session is not None:
            self.sessions.leave(session)

    async def _heartbeat(self, sid: str, data: dict[str, object]) -> None:
        session = self.sessions.of_socket(sid)
        if session is None:
            return
        words = checked(data, session.peer.common_name)
        if words is None:
            self._refusals["foreign heartbeats"] += 1
            return
        session.heartbeat, session.heartbeat_at = words, utc_now()
        now = asyncio.get_running_loop().time()
        if session.online and now - session.told >= self._bounds.heartbeat_every:
            session.told = now
            self.sessions.tell_heartbeat(session)
            self._spawn(self._heard(session))

    async def _emit(self, sid: str, topic: str, message: dict[str, object], answered: Callable[..., None]) -> None:
        await self._server.emit(topic, message, to=sid, callback=answered, ignore_queue=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
