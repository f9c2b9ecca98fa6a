"""vPLCs as last known, and the leases of those who debug them. A vPLC is stored before its agent hears of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select, update

from rung.hub.records import Orchestrator, User, Vplc, VplcState
from rung.hub.store.names import LONGEST_MESSAGE, checked_name, is_identifier, name_key, plain_words
from rung.hub.store.orchestrators import lock_orchestrator
from rung.hub.store.part import Part, taken, unknown, utc_now
from rung.hub.store.tables import leases, orchestrators, tenants, users, vplcs

_LONGEST_REQUEST = 256 * 1024


class Vplcs(Part):
    """Containers with a runtime."""

    async def vplcs(self, orchestrator_id: str) -> list[Vplc]:
        """The vPLCs of an orchestrator that the caller has looked up for its tenant, by name."""
        if not is_identifier(orchestrator_id):
            return []
        return await self._database.read(_of_orchestrator, orchestrator_id)

    async def vplc(self, orchestrator_id: str, id: str) -> Vplc | None:
        """One vPLC of this orchestrator; None for those of others."""
        if not (is_identifier(orchestrator_id) and is_identifier(id)):
            return None
        return await self._database.read(_one, orchestrator_id, id)

    async def vplcs_of_tenant(self, tenant: str) -> list[Vplc]:
        """The vPLCs of all orchestrators of a tenant, by name, in one question to the database."""
        return await self._database.read(_of_tenant, tenant)

    async def unfinished_vplcs(self) -> list[Vplc]:
        """All vPLCs of which it is not known how their creation or deletion has ended."""
        return await self._database.read(_unfinished)

    async def add_vplc(self, orchestrator: Orchestrator, id: str, name: str, request: Mapping[str, object]) -> Vplc:
        """Stores a vPLC that is about to be asked for, in the state REQUESTED.

        Args:
            id: a UUID, lower case with hyphens: the container's name.
            request: what the agent will be sent.

        Raises:
            ValueError: the id, the name or the request cannot be one, or the orchestrator has a vPLC of this name.
            RuntimeFailure: DNS, the orchestrator has been removed.
        """
        stored = checked_name("vPLC", name)
        if not _is_uuid(id):
            raise ValueError("A vPLC's id is a UUID in lower case.")
        text = json.dumps(request, allow_nan=False)
        if len(text) > _LONGEST_REQUEST:
            raise ValueError(f"The vPLC's description has {len(text)} bytes; it may have {_LONGEST_REQUEST}.")
        return await self._database.write(_add, orchestrator, id, stored, text)

    async def set_vplc_state(self, id: str, state: VplcState, message: str) -> None:
        """What was heard of a vPLC just now; of one that has been removed nothing is kept.

        Args:
            message: the agent's words; cut at 2000 characters.
        """
        await self._database.write(_set_state, id, state, plain_words(message, LONGEST_MESSAGE))

    async def rename_vplc(self, vplc: Vplc, name: str) -> Vplc:
        """Gives a vPLC another name; its container keeps its own.

        Raises:
            ValueError: the name cannot be one, or another vPLC of the orchestrator has it.
            RuntimeFailure: DNS, the vPLC has been removed.
        """
        return await self._database.write(_rename, vplc, checked_name("vPLC", name))

    async def remove_vplc(self, vplc: Vplc) -> None:
        """Forgets a vPLC and who debugs it."""
        await self._database.write(_remove, vplc)

    async def take_lease(self, vplc_id: str, user: User, lease: str, expires: datetime) -> str | None:
        """Reserves a vPLC's debug channel. A user takes it over from himself: his older lease ends.

        Returns:
            None if it is reserved for `lease` now, else the name of the user who holds it.

        Raises:
            RuntimeFailure: DNS, there is no such vPLC.
        """
        return await self._database.write(_take_lease, vplc_id, user, lease, expires)

    async def renew_lease(self, vplc_id: str, lease: str, expires: datetime) -> bool:
        """Extends a lease; False if it has expired, ended or been taken over."""
        if not (is_identifier(vplc_id) and is_identifier(lease)):
            return False
        return await self._database.write(_renew_lease, vplc_id, lease, expires)

    async def end_lease(self, vplc_id: str, lease: str) -> None:
        """Ends a lease if it is still the one that counts."""
        if is_identifier(vplc_id) and is_identifier(lease):
            await self._database.write(_end_lease, vplc_id, lease)


def _record(row: RowMapping) -> Vplc:
    return Vplc(
        id=row["id"],
        orchestrator=row["orchestrator_id"],
        name=row["name"],
        request=json.loads(row["request"]),
        created=row["created"],
        state=VplcState(row["state"]),
        state_at=row["state_at"],
        message=row["message"],
    )


def _of_orchestrator(connection: Connection, orchestrator_id: str) -> list[Vplc]:
    query = select(vplcs).where(vplcs.c.orchestrator_id == orchestrator_id).order_by(vplcs.c.key)
    return [_record(row) for row in connection.execute(query).mappings()]


def _of_tenant(connection: Connection, tenant: str) -> list[Vplc]:
    query = (
        select(vplcs)
        .join(orchestrators, orchestrators.c.id == vplcs.c.orchestrator_id)
        .join(tenants, tenants.c.id == orchestrators.c.tenant_id)
        .where(tenants.c.key == name_key(tenant))
        .order_by(vplcs.c.key)
    )
    return [_record(row) for row in connection.execute(query).mappings()]


def _unfinished(connection: Connection) -> list[Vplc]:
    states = [state.value for state in (VplcState.REQUESTED, VplcState.CREATING, VplcState.DELETING)]
    return [_record(row) for row in connection.execute(select(vplcs).where(vplcs.c.state.in_(states))).mappings()]


def _one(connection: Connection, orchestrator_id: str, id: str) -> Vplc | None:
    query = select(vplcs).where(vplcs.c.orchestrator_id == orchestrator_id, vplcs.c.id == id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _record(row)


def _is_name(connection: Connection, orchestrator_id: str, key: str) -> bool:
    query = select(vplcs.c.id).where(vplcs.c.orchestrator_id == orchestrator_id, vplcs.c.key == key)
    return connection.execute(query).first() is not None


def _add(connection: Connection, orchestrator: Orchestrator, id: str, name: str, request: str) -> Vplc:
    lock_orchestrator(connection, orchestrator.id)
    if _is_name(connection, orchestrator.id, name_key(name)):
        raise taken("vPLC", name)
    if connection.execute(select(vplcs.c.id).where(vplcs.c.id == id)).first() is not None:
        raise ValueError("There is already a vPLC with this id.")
    now = utc_now()
    connection.execute(
        vplcs.insert().values(
            id=id,
            orchestrator_id=orchestrator.id,
            name=name,
            key=name_key(name),
            request=request,
            created=now,
            state=VplcState.REQUESTED.value,
            state_at=now,
            message="",
        )
    )
    made = _one(connection, orchestrator.id, id)
    assert made is not None
    return made


def _set_state(connection: Connection, id: str, state: VplcState, message: str) -> None:
    connection.execute(
        update(vplcs).where(vplcs.c.id == id).values(state=state.value, state_at=utc_now(), message=message)
    )


def _rename(connection: Connection, vplc: Vplc, name: str) -> Vplc:
    lock_orchestrator(connection, vplc.orchestrator)
    before = _one(connection, vplc.orchestrator, vplc.id)
    if before is None:
        raise unknown("vPLC")
    key = name_key(name)
    if key != name_key(before.name) and _is_name(connection, vplc.orchestrator, key):
        raise taken("vPLC", name)
    connection.execute(update(vplcs).where(vplcs.c.id == vplc.id).values(name=name, key=key))
    renamed = _one(connection, vplc.orchestrator, vplc.id)
    assert renamed is not None
    return renamed


def _remove(connection: Connection, vplc: Vplc) -> None:
    connection.execute(delete(vplcs).where(vplcs.c.id == vplc.id))


def _take_lease(connection: Connection, vplc_id: str, user: User, lease: str, expires: datetime) -> str | None:
    if connection.execute(select(vplcs.c.id).where(vplcs.c.id == vplc_id).with_for_update()).first() is None:
        raise unknown("vPLC")
    held = (
        select(users.c.name)
        .join(leases, leases.c.user_id == users.c.id)
        .where(leases.c.vplc_id == vplc_id, leases.c.expires > utc_now(), leases.c.user_id != user.id)
    )
    holder: str | None = connection.execute(held).scalar()
    if holder is not None:
        return holder
    connection.execute(delete(leases).where(leases.c.vplc_id == vplc_id))
    connection.execute(leases.insert().values(vplc_id=vplc_id, lease=lease, user_id=user.id, expires=expires))
    return None


def _renew_lease(connection: Connection, vplc_id: str, lease: str, expires: datetime) -> bool:
    mine = (leases.c.vplc_id == vplc_id, leases.c.lease == lease, leases.c.expires > utc_now())
    return connection.execute(update(leases).where(*mine).values(expires=expires)).rowcount == 1


def _end_lease(connection: Connection, vplc_id: str, lease: str) -> None:
    connection.execute(delete(leases).where(leases.c.vplc_id == vplc_id, leases.c.lease == lease))


def _is_uuid(id: str) -> bool:
    try:
        return str(uuid.UUID(id)) == id
    except ValueError:
        return False
