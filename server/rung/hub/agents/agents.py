"""The agents, as the rest of the hub sees them: who is online, and a call to any of them, whichever process holds it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aiohttp import web

from rung.hub.agents.abilities import AgentAbilities, probe
from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.engine import Engine
from rung.hub.agents.failures import offline
from rung.hub.agents.heartbeat import checked
from rung.hub.agents.processes import ProcessManager
from rung.hub.agents.sessions import Session, unacceptable, utc_now
from rung.hub.bus import Bus
from rung.hub.records import Presence
from rung.hub.redis_feed import RedisGoneError, feed_of
from rung.hub.seal import Seal
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.store import Store

_log = logging.getLogger("rung.hub.agents")
_BEAT_SECONDS: Final = 5.0
_RECHECKS: Final = 100
_PROBE_SECONDS: Final = 10.0
_HEARTBEATS: Final = "rung.heartbeat."
_HEARTBEAT_LIVES: Final = 60


class Agents:
    """The agents of all hub processes; the listener of this one.

    Args:
        store: the hub's database.
        bus: where online, offline and heartbeats are told.
        process: this process's name, unlike every other's, now and before.
        redis_url: the Redis that the hub's processes share; None for a hub of one process.
        seal: for what goes through it.
        transports: what agents may use; with websockets, messages to agents stay under 4 MiB.
        bounds: limits; the defaults are meant for the real thing.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        process: str,
        *,
        redis_url: str | None = None,
        seal: Seal | None = None,
        transports: tuple[str, ...] = ("polling", "websocket"),
        bounds: AgentBounds | None = None,
    ) -> None:
        self._store, self._process, self._bounds = store, process, bounds or AgentBounds()
        self._feed = feed_of(redis_url, seal)
        self._manager = ProcessManager(self._feed, process, self._serve, self._end) if self._feed is not None else None
        self._engine = Engine(
            store,
            bus,
            process,
            manager=self._manager,
            elsewhere=self._end_elsewhere,
            heard=self._keep_heartbeat,
            transports=transports,
            bounds=self._bounds,
        )
        self._sessions, self._calls = self._engine.sessions, self._engine.calls
        self._abilities: dict[str, tuple[str, AgentAbilities]] = {}
        self._beat: asyncio.Task[None] | None = None

    def application(self) -> web.Application:
        """The application for the agents' listener; routes may be added, `current_peer` tells them whose request it is."""
        return self._engine.application()

    async def start(self) -> None:
        """Begin; does not fail when Redis is away."""
        await self._store.beat(self._process)
        if self._feed is not None and self._manager is not None:
            self._feed.on_gap(self._after_gap)
            await self._feed.start()
            self._engine.begin()
            await self._manager.begin()
        self._beat = asyncio.get_running_loop().create_task(self._beat_for_ever(), name="agents beat")

    async def stop(self) -> None:
        """Tell every agent that its session ends, fail every open call, and forget this process's sessions."""
        if self._beat is not None:
            self._beat.cancel()
            await asyncio.gather(self._beat, return_exceptions=True)
        await self._engine.stop()
        if self._manager is not None and self._feed is not None:
            await self._manager.finish()
            await self._feed.stop()
        try:
            await self._store.forget_process(self._process)
        except RuntimeFailure as failure:
            _log.error("The end of this process could not be recorded: %s", failure.message)

    async def presence(self, orchestrator_ids: Sequence[str]) -> dict[str, Presence]:
        """Who is online, with the last heartbeat; one entry for each id.

        Raises:
            RuntimeFailure: the database cannot be used.
        """
        found: dict[str, Presence] = {}
        for one in orchestrator_ids:
            session = self._sessions.of_orchestrator(one)
            if session is not None:
                found[one] = Presence(True, session.since, self._process, session.heartbeat, session.heartbeat_at)
        rest = [one for one in orchestrator_ids if one not in found]
        remote: dict[str, tuple[str, datetime]] = {}
        if rest and self._manager is not None:
            held = await self._store.sessions(rest)
            remote = {one: (process, since) for one, (process, _, since) in held.items() if process != self._process}
        heartbeats = await self._heartbeats(list(remote))
        for one in rest:
            if one in remote:
                process, since = remote[one]
                words, at = heartbeats.get(one, ({}, None))
                found[one] = Presence(True, since, process, words, at)
            else:
                found[one] = Presence(False)
        return found

    async def call(
        self, orchestrator_id: str, topic: str, message: Mapping[str, object], timeout: float = 30.0
    ) -> dict[str, object]:
        """Send a message to an orchestrator's agent and return its acknowledgement as it is.

        Args:
            orchestrator_id: whose agent.
            topic: the event.
            message: its argument; a `correlation_id` of ours is added.
            timeout: for the answer, in seconds.

        Raises:
            UnknownTopic: the agent's version does not know the topic; nothing happened.
            RuntimeFailure: UNREACHABLE (offline; nothing was sent), UPLOAD_REFUSED (too large; nothing was sent), BUSY (nothing was sent), LOST
                (the session was lost or no answer came in time: the outcome is not known), INTERNAL (an odd answer).
        """
        session = self._sessions.of_orchestrator(orchestrator_id)
        if session is not None:
            return await self._calls.call(session, topic, message, timeout)
        held = await self._held_elsewhere(orchestrator_id)
        if held is None or self._manager is None:
            raise offline()
        self._calls.fitting(topic, {**message, "correlation_id": 0})
        process, sid = held

        async def still() -> bool:
            try:
                return await self._held_elsewhere(orchestrator_id) == held
            except RuntimeFailure:
                return True  # the database cannot tell; the time-out will

        return await self._manager.call(process, sid, topic, message, timeout, still)

    async def drop(self, orchestrator_id: str, why: str) -> None:
        """End an orchestrator's live sessions wherever they are, those that are just being accepted too.

        Where another process cannot be told, it finds out by looking at the database.
        """
        online = self._sessions.of_orchestrator(orchestrator_id)
        for session in self._sessions.of_name(orchestrator_id):
            self._calls.fail(session)
            self._engine.close(session, why)
        if online is not None:
            return
        held = await self._held_elsewhere(orchestrator_id)
        if held is not None:
            await self._end_elsewhere(*held, why)

    async def abilities(self, orchestrator_id: str) -> AgentAbilities:
        """What the agent can do; asked once per session.

        Raises:
            RuntimeFailure: it could not be asked.
        """
        session = self._sessions.of_orchestrator(orchestrator_id)
        held = None if session is not None else await self._held_elsewhere(orchestrator_id)
        sid = session.sid if session is not None else held[1] if held is not None else None
        if sid is None:
            raise offline()
        known = self._abilities.get(orchestrator_id)
        if known is not None and known[0] == sid:
            return known[1]
        found = await probe(lambda topic, message: self.call(orchestrator_id, topic, message, _PROBE_SECONDS))
        self._abilities[orchestrator_id] = (sid, found)
        return found

    def figures(self) -> dict[str, int]:
        """Figures for the metrics page: agents online here, calls under way, and what was refused or lost, by name."""
        return self._engine.figures()

    async def _keep_heartbeat(self, session: Session) -> None:
        """Put a heartbeat where other processes find it."""
        if self._feed is None or session.orchestrator is None:
            return
        value = json.dumps({"heartbeat": session.heartbeat, "at": (session.heartbeat_at or utc_now()).isoformat()})
        with contextlib.suppress(RedisGoneError):
            await self._feed.put(_HEARTBEATS + session.orchestrator, value.encode(), _HEARTBEAT_LIVES)

    async def _heartbeats(self, orchestrator_ids: list[str]) -> dict[str, tuple[Mapping[str, object], datetime]]:
        """The last heartbeats that other processes have heard."""
        if self._feed is None or not orchestrator_ids:
            return {}
        try:
            values = await self._feed.get(_HEARTBEATS + one for one in orchestrator_ids)
        except RedisGoneError:
            return {}
        found: dict[str, tuple[Mapping[str, object], datetime]] = {}
        for one, value in zip(orchestrator_ids, values, strict=True):
            if value is None:
                continue
            try:
                kept = json.loads(value)
                words = checked({**kept["heartbeat"], "agent_id": one}, one)
                found[one] = (words or {}, datetime.fromisoformat(kept["at"]))
            except (ValueError, RecursionError, TypeError, KeyError):
                continue
        return found

    async def _serve(self, sid: str, topic: str, message: Mapping[str, object], timeout: float) -> dict[str, object]:
        """A call of another process to an agent of this one."""
        session = self._sessions.of_socket(sid)
        if session is None:
            raise offline()
        return await self._calls.call(session, topic, message, timeout)

    async def _held_elsewhere(self, orchestrator_id: str) -> tuple[str, str] | None:
        """The process and session of an agent that another process holds."""
        if self._manager is None:
            return None
        held = (await self._store.sessions([orchestrator_id])).get(orchestrator_id)
        return (held[0], held[1]) if held is not None and held[0] != self._process else None

    async def _end_elsewhere(self, process: str, sid: str, why: str) -> None:
        if self._manager is None or not await self._manager.end_elsewhere(process, sid, why):
            _log.warning("Hub process %r could not be told to end a session (%s).", process, why)

    def _end(self, sid: str, why: str) -> None:
        session = self._sessions.of_socket(sid)
        if session is not None:
            self._engine.close(session, why)

    async def _beat_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            try:
                await self._store.beat(self._process)
                await self._sessions.record_again()
            except RuntimeFailure as failure:
                _log.error("The hub's database cannot be used: %s", failure.message)
            now, due = utc_now(), loop.time() - self._bounds.recheck_every
            rechecks = max(_RECHECKS, self._sessions.online // 30)
            for session in self._sessions:
                if session.peer.not_after <= now:
                    self._engine.close(session, "its certificate has expired")
                elif self._polls_no_more(session, loop.time()):
                    self._engine.close(session, "it asks for nothing any more")
                elif session.online and session.checked <= due and rechecks > 0:
                    rechecks -= 1
                    await self._recheck(session)

    def _polls_no_more(self, session: Session, now: float) -> bool:
        """Whether an agent on polling says that it lives, but does not take what is meant for it."""
        idle = now - session.polled
        return (
            session.online
            and not session.polling
            and session.transport is None
            and idle > self._bounds.ping_interval + self._bounds.ping_timeout
        )

    async def _recheck(self, session: Session) -> None:
        """Look whether the session's certificate still counts, for whoever ended it may not have been heard here."""
        try:
            orchestrator = await self._store.orchestrator_of_agent(session.peer.common_name)
            why = unacceptable(orchestrator, session.peer, utc_now())
            if why is not None:
                self._engine.close(session, why)
            elif orchestrator is not None:
                await self._store.seen(orchestrator.id, utc_now())
        except RuntimeFailure:
            return
        session.checked = asyncio.get_running_loop().time()

    def _after_gap(self) -> None:
        if self._manager is not None:
            self._manager.fail()
        for session in self._sessions:
            session.checked = 0.0
