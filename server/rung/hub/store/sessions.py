"""Which hub process holds which agent's session. Of several sessions of one agent the newest counts, everywhere at once.

Whether a process is alive is measured by the database's clock alone, so that hubs on computers with different clocks agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from rung.hub.store.database import Database
from rung.hub.store.orchestrators import lock_valid_orchestrator, set_seen, superseded
from rung.hub.store.part import Part, inserting, utc_now
from rung.hub.store.tables import UtcTime, orchestrators, processes, sessions

SILENCE = timedelta(seconds=15)
"""A process that has not been heard for this long does not count, nor do its sessions."""
_FORGOTTEN = timedelta(days=1)
# More ids than this are filtered here: databases take only so many parameters.
_MOST_PARAMETERS = 500


class Sessions(Part):
    """Where agents are connected."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._beaten: set[str] = set()

    async def beat(self, process: str) -> None:
        """This process lives; to be called every few seconds."""
        await self._database.write(_beat, process)
        self._beaten.add(process)

    async def session_began(
        self, orchestrator_id: str, process: str, sid: str, at: datetime, agent: str | None = None
    ) -> tuple[str, str] | None:
        """An agent has connected: its session is the one that counts from now on.

        Args:
            agent: the common name of its certificate, if that is not the orchestrator's id.

        Returns:
            The process and sid of the session that it replaces, which should be dropped.

        Raises:
            RuntimeFailure: DNS, the orchestrator has been removed; CREDENTIALS, it has been revoked or has another agent now.
        """
        if process not in self._beaten:
            await self.beat(process)  # or the session would not count until it is heard
        return await self._database.write(_began, orchestrator_id, process, sid, at, agent or orchestrator_id)

    async def session_ended(self, orchestrator_id: str, sid: str, at: datetime) -> bool:
        """An agent's session has ended; False if another one had replaced it already."""
        return await self._database.write(_ended, orchestrator_id, sid, at)

    async def sessions(self, orchestrator_ids: Sequence[str] | None = None) -> dict[str, tuple[str, str, datetime]]:
        """The sessions that count, held by processes that live.

        Args:
            orchestrator_ids: whose; None for all.

        Returns:
            Process, sid and beginning of the session, by orchestrator.
        """
        if orchestrator_ids is not None and not orchestrator_ids:
            return {}
        return await self._database.read(_sessions, orchestrator_ids)

    async def forget_process(self, process: str) -> None:
        """This process ends in good order, and its sessions with it."""
        self._beaten.discard(process)
        await self._database.write(_forget, process)


def _clock(connection: Connection) -> ColumnElement[datetime]:
    # A SQLite database and all its processes are on one computer.
    if connection.dialect.name == "postgresql":
        return func.clock_timestamp(type_=UtcTime)
    return literal(utc_now(), UtcTime)


def _earlier(connection: Connection, age: timedelta) -> ColumnElement[datetime]:
    if connection.dialect.name == "postgresql":
        return func.clock_timestamp() - age
    return literal(utc_now() - age, UtcTime)


def _beat(connection: Connection, process: str) -> None:
    now = _clock(connection)
    connection.execute(
        inserting(connection, processes)
        .values(name=process, beat=now)
        .on_conflict_do_update(index_elements=[processes.c.name], set_={"beat": now})
    )
    idle = ~exists().where(sessions.c.process == processes.c.name)
    connection.execute(delete(processes).where(processes.c.beat < _earlier(connection, _FORGOTTEN), idle))


# When a hub comes back, thousands of sessions begin within seconds; so these statements are built once.
_IT = bindparam("it", type_=Text)
_AT = bindparam("then", type_=UtcTime)
_EARLIER = or_(orchestrators.c.last_seen.is_(None), orchestrators.c.last_seen < _AT)
_SEEN_VALID = (
    update(orchestrators)
    .where(
        orchestrators.c.id == _IT, orchestrators.c.agent == bindparam("its_agent"), orchestrators.c.revoked.is_(None)
    )
    .values(last_seen=case((_EARLIER, _AT), else_=orchestrators.c.last_seen))
)
_BEFORE = select(sessions.c.process, sessions.c.sid).where(sessions.c.orchestrator_id == _IT)
_FIRST = sessions.insert().values(orchestrator_id=_IT, process=bindparam("holder"), sid=bindparam("its_sid"), since=_AT)
_NEXT = (
    update(sessions)
    .where(sessions.c.orchestrator_id == _IT)
    .values(process=bindparam("holder"), sid=bindparam("its_sid"), since=_AT)
)


def _began(
    connection: Connection, orchestrator_id: str, process: str, sid: str, at: datetime, agent: str
) -> tuple[str, str] | None:
    it = {"it": orchestrator_id}
    # The update locks the row: sessions of one agent that begin at once follow one another.
    if connection.execute(_SEEN_VALID, {**it, "then": at, "its_agent": agent}).rowcount != 1:
        lock_valid_orchestrator(connection, orchestrator_id)
        raise superseded()
    before = connection.execute(_BEFORE, it).one_or_none()
    connection.execute(_FIRST if before is None else _NEXT, {**it, "holder": process, "its_sid": sid, "then": at})
    return None if before is None else (before[0], before[1])


def _ended(connection: Connection, orchestrator_id: str, sid: str, at: datetime) -> bool:
    set_seen(connection, orchestrator_id, at)
    ended = connection.execute(
        delete(sessions).where(sessions.c.orchestrator_id == orchestrator_id, sessions.c.sid == sid)
    )
    return ended.rowcount == 1


def _sessions(connection: Connection, orchestrator_ids: Sequence[str] | None) -> dict[str, tuple[str, str, datetime]]:
    query = (
        select(sessions.c.orchestrator_id, sessions.c.process, sessions.c.sid, sessions.c.since)
        .join(processes, processes.c.name == sessions.c.process)
        .where(processes.c.beat > _earlier(connection, SILENCE))
    )
    if orchestrator_ids is not None and len(orchestrator_ids) <= _MOST_PARAMETERS:
        query = query.where(sessions.c.orchestrator_id.in_(orchestrator_ids))
    wanted = None if orchestrator_ids is None else frozenset(orchestrator_ids)
    return {
        id: (process, sid, since)
        for id, process, sid, since in connection.execute(query)
        if wanted is None or id in wanted
    }


def _forget(connection: Connection, process: str) -> None:
    # Orchestrators first, as everywhere: two transactions that lock in different orders would wait for each other.
    held = select(sessions.c.orchestrator_id).where(sessions.c.process == process)
    connection.execute(update(orchestrators).where(orchestrators.c.id.in_(held)).values(last_seen=utc_now()))
    connection.execute(delete(sessions).where(sessions.c.process == process))
    connection.execute(delete(processes).where(processes.c.name == process))
