"""The live sessions of one hub process: who is connected, by which certificate, and since when.

Invariant: a session counts as online only after its certificate was found to be the one that counts for its orchestrator; an orchestrator has one
session at most, the newest; a session that ends fails its open calls at once.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.peer import Peer
from rung.hub.agents.rivals import Rivals
from rung.hub.bus import Bus, Event
from rung.hub.records import AuditRow, Orchestrator
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.agents.calls import Pending
    from rung.hub.store import Store

_log = logging.getLogger("rung.hub.agents")
_UTC: Final = timezone.utc


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(_UTC)


class Refused(Exception):  # the answer to a connect, not a fault
    """The agent may not connect; the text is for its log."""


@dataclass(slots=True, eq=False)
class Session:
    """One Engine.IO session of an agent; accepted when `orchestrator` is set.

    Attributes:
        peer: whose certificate the handshake showed; every later request of the session must show the same.
        eio_sid: Engine.IO's name of it, which is secret.
        sid: Socket.IO's name of it, once it was accepted.
        applies: whose agent it asks to be; from then on it is ended with the orchestrator's sessions.
        orchestrator: whose agent it is, once it was accepted.
        order: counts the accepted sessions of this process; the higher is the newer.
        online: it is the orchestrator's session, and calls may be sent.
        gone: Engine.IO has ended it.
        closing: we are ending it.
        polling, posting: a request of that kind is under way.
        transport: the websocket's, while there is one.
        pending: calls that were sent and not answered.
        turns: limits those; made by the first call.
        checked: when the database was asked about it last, on the event loop's clock.
        polled: when its last request for packets ended, on the same clock.
    """

    peer: Peer
    eio_sid: str
    checked: float
    sid: str | None = None
    applies: str | None = None
    orchestrator: str | None = None
    tenant: str = ""
    since: datetime | None = None
    order: int = 0
    online: bool = False
    gone: bool = False
    closing: bool = False
    polling: bool = False
    posting: bool = False
    transport: asyncio.BaseTransport | None = None
    timer: asyncio.TimerHandle | None = None
    pending: dict[int, Pending] = field(default_factory=dict)
    turns: asyncio.Semaphore | None = None
    heartbeat: Mapping[str, object] = field(default_factory=dict)
    heartbeat_at: datetime | None = None
    told: float = 0.0
    polled: float = 0.0

    @property
    def room(self) -> int:
        """Bytes that an answer may have now: what the open call with the largest answer allows; 0 when there is none."""
        return max((one.room for one in self.pending.values()), default=0)


named_session: ContextVar[Session | None] = ContextVar("the session that the request names", default=None)


class Sessions:
    """The sessions of this process, and what the store and the editors are told of them.

    Args:
        store: where orchestrators and sessions are recorded.
        bus: where online and offline are told.
        process: this process's name.
        bounds: limits.
        close: ends an Engine.IO session from our side: `close(session, why)`.
        elsewhere: has another process end a session: `elsewhere(process, sid, why)`.
        lost: fails the calls that a session leaves open.
    """

    def __init__(
        self,
        store: Store,
        bus: Bus,
        process: str,
        bounds: AgentBounds,
        *,
        close: Callable[[Session, str], None],
        elsewhere: Callable[[str, str, str], Coroutine[Any, Any, None]],
        lost: Callable[[Session], None],
    ) -> None:
        self._store, self._bus, self._process, self._bounds = store, bus, process, bounds
        self._close, self._elsewhere, self._lost = close, elsewhere, lost
        self._by_eio: dict[str, Session] = {}
        self._by_sid: dict[str, Session] = {}
        self._online: dict[str, Session] = {}
        self._waiting: Counter[str] = Counter()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._order = itertools.count(1)
        self._rivals = Rivals()
        self._tasks: set[asyncio.Task[None]] = set()
        self._unrecorded: list[tuple[str, str, datetime]] = []
        self.counts: Counter[str] = Counter()
        self.stopping = False

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_eio.values()))

    def of_orchestrator(self, orchestrator_id: str) -> Session | None:
        """The session that is online here, if there is one."""
        return self._online.get(orchestrator_id)

    def of_name(self, orchestrator_id: str) -> list[Session]:
        """All sessions of this orchestrator's agents, those that are just being accepted too."""
        return [session for session in self if orchestrator_id in (session.orchestrator, session.applies)]

    def of_engine(self, eio_sid: str) -> Session | None:
        """The session by Engine.IO's name."""
        return self._by_eio.get(eio_sid)

    def of_socket(self, sid: str) -> Session | None:
        """The accepted session by Socket.IO's name."""
        return self._by_sid.get(sid)

    @property
    def online(self) -> int:
        """How many agents are connected to this process."""
        return len(self._online)

    def begin(self, eio_sid: str, peer: Peer) -> Session | None:
        """An Engine.IO handshake took place; None when its certificate has too many that are not accepted yet."""
        if self.stopping or self._waiting[peer.fingerprint] >= self._bounds.handshakes:
            self.counts["handshakes refused"] += 1
            return None
        loop = asyncio.get_running_loop()
        session = self._by_eio[eio_sid] = Session(peer, eio_sid, checked=loop.time(), polled=loop.time())
        self._wait_for_accept(session)
        return session

    async def accept(self, session: Session, sid: str) -> None:
        """Let an agent connect.

        Raises:
            Refused: it may not.
        """
        peer = session.peer
        if self.stopping:
            raise Refused("The hub is being stopped; try again later.")
        if session.orchestrator is not None or session.closing:
            raise Refused("This session is connected already, or ends.")
        # Two sessions of one orchestrator: the one that the store takes for the newest must be the newest here, too.
        lock = self._locks.setdefault(peer.common_name, asyncio.Lock())
        try:
            async with lock:
                orchestrator = await self._store.orchestrator_of_agent(peer.common_name)
                why = unacceptable(orchestrator, peer, utc_now())
                if orchestrator is None or why is not None:
                    raise Refused(why or "This hub does not know this orchestrator.")
                session.applies = orchestrator.id
                if peer.fingerprint != orchestrator.certificate.fingerprint:
                    await self._store.take_renewal(orchestrator.agent, peer.fingerprint)
                since = utc_now()
                replaced = await self._store.session_began(
                    orchestrator.id, self._process, sid, since, orchestrator.agent
                )
                session.order = next(self._order)
        except RuntimeFailure as failure:
            _log.error("An agent could not be accepted: %s", failure.message)
            raise Refused("The hub's database cannot be used at the moment; try again later.") from None
        session.sid, session.orchestrator, session.tenant, session.since = (
            sid,
            orchestrator.id,
            orchestrator.tenant,
            since,
        )
        session.checked = asyncio.get_running_loop().time()
        self._by_sid[sid] = session
        self._stop_waiting(session)
        if session.gone or session.closing:  # its connection was lost while the store was asked
            self.leave(session)
            raise Refused("The connection was lost.")
        if replaced is not None and replaced[0] != self._process:
            self._spawn(self._elsewhere(replaced[0], replaced[1], "the agent has connected again"))

    def announce(self, session: Session) -> None:
        """The agent knows that it is accepted: calls may be sent, and an older session of it ends."""
        if session.orchestrator is None or session.gone or session.closing:
            return
        old = self._online.get(session.orchestrator)
        if old is not None and old.order > session.order:
            self._close(session, "the agent has connected again")
            return
        self._online[session.orchestrator] = session
        session.online = True
        self.counts["sessions"] += 1
        _log.info("Agent %s is online, from %s.", session.orchestrator, session.peer.address)
        if old is not None:
            self._close(old, "the agent has connected again")
            if self._rivals.replaced(session.orchestrator, asyncio.get_running_loop().time()):
                self._spawn(self._note_rivals(session.tenant, session.orchestrator))
        self._tell(session, True)

    def leave(self, session: Session) -> None:
        """The Socket.IO connection has ended; Engine.IO's may go on, and be accepted again."""
        if session.sid is None or session.orchestrator is None:
            return
        orchestrator, sid, was_online = session.orchestrator, session.sid, session.online
        self._by_sid.pop(sid, None)
        session.sid = session.orchestrator = None
        session.online = False
        self._lost(session)
        if self._online.get(orchestrator) is session:
            del self._online[orchestrator]
        if not session.gone and not session.closing:
            self._wait_for_accept(session)
        if was_online:
            _log.info("Agent %s is offline.", orchestrator)
        if self.stopping:  # one statement forgets all of them
            if was_online:
                self._spawn(self._bus.publish(_event(session.tenant, orchestrator, False)))
            return
        self._spawn(self._record_end(session.tenant, orchestrator, sid))

    def end(self, eio_sid: str) -> None:
        """Engine.IO has ended the session."""
        session = self._by_eio.pop(eio_sid, None)
        if session is None:
            return
        session.gone = True
        self._stop_waiting(session)
        self.leave(session)

    async def record_again(self) -> None:
        """Tell the store of sessions whose end it could not be told."""
        unrecorded, self._unrecorded = self._unrecorded, []
        for orchestrator, sid, at in unrecorded:
            try:
                await self._store.session_ended(orchestrator, sid, at)
            except RuntimeFailure:
                self._unrecorded.append((orchestrator, sid, at))

    async def settle(self) -> None:
        """Wait until what was begun for ended sessions is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def tell_heartbeat(self, session: Session) -> None:
        """Tell editors the session's last heartbeat."""
        self._tell(session, True)

    def _tell(self, session: Session, online: bool) -> None:
        if session.orchestrator is not None:
            self._spawn(self._bus.publish(_event(session.tenant, session.orchestrator, online, session)))

    async def _note_rivals(self, tenant: str, orchestrator: str) -> None:
        detail = "its sessions replace each other again and again: two hosts use its certificate, as after copying one; enrol each of them"
        _log.warning("Orchestrator %s: %s.", orchestrator, detail)
        try:
            await self._store.note(
                AuditRow(utc_now(), tenant, "-", "orchestrator.contested", orchestrator, None, "failed", detail)
            )
        except RuntimeFailure as failure:
            _log.error("That could not be noted in the audit log: %s", failure.message)

    async def _record_end(self, tenant: str, orchestrator: str, sid: str) -> None:
        at = utc_now()
        try:
            current = await self._store.session_ended(orchestrator, sid, at)
        except RuntimeFailure as failure:
            _log.error("The end of a session could not be recorded yet: %s", failure.message)
            self._unrecorded.append((orchestrator, sid, at))
            current = True
        if current and orchestrator not in self._online:
            await self._bus.publish(_event(tenant, orchestrator, False))

    def _wait_for_accept(self, session: Session) -> None:
        self._waiting[session.peer.fingerprint] += 1
        session.timer = asyncio.get_running_loop().call_later(
            self._bounds.connect_within, self._close, session, "no Socket.IO connection was made"
        )

    def _stop_waiting(self, session: Session) -> None:
        if session.timer is None:
            return
        session.timer.cancel()
        session.timer = None
        self._waiting[session.peer.fingerprint] -= 1
        if self._waiting[session.peer.fingerprint] <= 0:
            del self._waiting[session.peer.fingerprint]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def unacceptable(orchestrator: Orchestrator | None, peer: Peer, now: datetime) -> str | None:
    """Why the holder of a certificate may not act for an orchestrator; None if it may. The text is for the agent's log."""
    if orchestrator is None:
        return "This hub does not know this orchestrator. Enrol it again."
    if orchestrator.revoked is not None:
        return "This orchestrator was revoked on the hub."
    renewed = orchestrator.renewed.fingerprint if orchestrator.renewed is not None else None
    if peer.fingerprint not in (orchestrator.certificate.fingerprint, renewed):
        return "This certificate is not the one that counts for this orchestrator. Enrol it again."
    if peer.not_after <= now:
        return "This certificate has expired. Enrol the orchestrator again."
    return None


def _event(tenant: str, orchestrator: str, online: bool, session: Session | None = None) -> Event:
    data: dict[str, object] = {"orchestrator": orchestrator, "online": online, "at": utc_now().isoformat()}
    if session is not None and session.heartbeat_at is not None:
        data |= {"heartbeat": dict(session.heartbeat), "heartbeatAt": session.heartbeat_at.isoformat()}
    return Event(tenant, "orchestrator", data)
