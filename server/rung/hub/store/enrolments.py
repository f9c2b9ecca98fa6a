"""Permissions to enrol an orchestrator: each is used once, by one of however many that try at the same moment."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, exists, or_, select, update

from rung.hub.records import AgentCertificate, Enrolment, Orchestrator, User
from rung.hub.store.names import LONGEST_DESCRIPTION, checked_name, is_identifier, name_key, plain_words
from rung.hub.store.orchestrators import (
    end_enrolments_anew,
    insert_orchestrator,
    is_orchestrator_name,
    lock_orchestrator,
    replace_agent,
)
from rung.hub.store.part import Part, lock_tenant, taken, unknown, utc_now
from rung.hub.store.tables import enrolments, orchestrators, tenants
from rung.runtimes.errors import RuntimeFailure

# Expired permissions can be asked about for this long: the wizard says "expired", not "unknown".
_KEPT = timedelta(days=1)


class Enrolments(Part):
    """Who may become an orchestrator."""

    async def create_enrolment(self, user: User, name: str, description: str, expires: datetime) -> Enrolment:
        """A new permission with an id of 128 random bits. An older one of the same user for the same name ends.

        Args:
            name: what the orchestrator is to be called; nobody else in the tenant gets this name until `expires`.

        Raises:
            ValueError: the name cannot be one, an orchestrator has it, or another user is enrolling one with it.
            RuntimeFailure: DNS, the user's tenant does not exist.
        """
        words = plain_words(description, LONGEST_DESCRIPTION)
        return await self._database.write(_create, user, checked_name("orchestrator", name), words, expires)

    async def create_enrolment_anew(self, user: User, orchestrator: Orchestrator, expires: datetime) -> Enrolment:
        """A new permission to enrol an orchestrator that there is already; older ones for it end.

        Raises:
            RuntimeFailure: DNS, the orchestrator has been removed.
        """
        return await self._database.write(_create_anew, user, orchestrator, expires)

    async def enrolment(self, tenant: str, id: str) -> Enrolment | None:
        """A permission of this tenant, used, expired or neither; None if it has none of this id."""
        if not is_identifier(id):
            return None
        return await self._database.read(_enrolment, tenant, id)

    async def open_enrolment(self, id: str) -> Enrolment | None:
        """The permission of this id, whichever tenant's, if it could be used now. Nothing changes."""
        if not is_identifier(id):
            return None
        return await self._database.read(_open, id)

    async def complete_enrolment(self, id: str, certificate: AgentCertificate) -> Orchestrator | None:
        """Uses a permission: the orchestrator exists from now on, and this is its only certificate.

        One that is enrolled anew keeps all but its agent: it is not revoked any more, and older certificates of it are void.

        Returns:
            The orchestrator; None if the permission is absent, used or expired, or its name has been given away since.
        """
        if not is_identifier(id):
            return None
        return await self._database.write(_complete, id, certificate)

    async def was_agent_of(self, orchestrator_id: str, agent: str) -> bool:
        """Whether certificates with this common name are or were, validly or not, those of an orchestrator."""
        if not is_identifier(agent):
            return False
        return await self._database.read(_was_agent_of, orchestrator_id, agent)


_SELECT = select(enrolments, tenants.c.name.label("tenant")).join(tenants, tenants.c.id == enrolments.c.tenant_id)


def _record(row: RowMapping) -> Enrolment:
    return Enrolment(
        id=row["id"],
        tenant=row["tenant"],
        name=row["name"],
        description=row["description"],
        issued_by=row["issued_by"],
        created=row["created"],
        expires=row["expires"],
        used=row["used"],
        orchestrator=row["orchestrator_id"],
    )


def _create(connection: Connection, user: User, name: str, description: str, expires: datetime) -> Enrolment:
    tenant = lock_tenant(connection, user.tenant)
    now, key = utc_now(), name_key(name)
    forgotten = (enrolments.c.used.is_(None), enrolments.c.expires < now - _KEPT)
    connection.execute(delete(enrolments).where(*forgotten, enrolments.c.orchestrator_id.is_(None)))
    if is_orchestrator_name(connection, tenant, key):
        raise taken("orchestrator", name)
    awaited = (
        enrolments.c.tenant_id == tenant,
        enrolments.c.key == key,
        enrolments.c.used.is_(None),
        enrolments.c.orchestrator_id.is_(None),
        enrolments.c.expires > now,
    )
    others = select(enrolments.c.issued_by).where(*awaited, enrolments.c.issued_by != user.name)
    other = connection.execute(others).scalar()
    if other is not None:
        raise ValueError(f"{other} is enrolling an orchestrator called {name!r} at this moment.")
    connection.execute(update(enrolments).where(*awaited).values(expires=now))
    return _insert(connection, tenant, user, name, description, now, expires, None)


def _create_anew(connection: Connection, user: User, orchestrator: Orchestrator, expires: datetime) -> Enrolment:
    tenant = lock_tenant(connection, user.tenant)
    # Orchestrators before their permissions, as everywhere: whoever removes one locks in this order.
    query = (
        select(orchestrators.c.name, orchestrators.c.description)
        .where(orchestrators.c.id == orchestrator.id, orchestrators.c.tenant_id == tenant)
        .with_for_update()
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise unknown("orchestrator")
    now = utc_now()
    forgotten = (enrolments.c.used.is_(None), enrolments.c.expires < now - _KEPT)
    connection.execute(delete(enrolments).where(*forgotten, enrolments.c.orchestrator_id == orchestrator.id))
    end_enrolments_anew(connection, orchestrator.id, now)
    return _insert(connection, tenant, user, row[0], row[1], now, expires, orchestrator.id)


def _insert(
    connection: Connection,
    tenant: int,
    user: User,
    name: str,
    description: str,
    now: datetime,
    expires: datetime,
    orchestrator: str | None,
) -> Enrolment:
    id = secrets.token_hex(16).upper()
    connection.execute(
        enrolments.insert().values(
            id=id,
            tenant_id=tenant,
            name=name,
            key=name_key(name),
            description=description,
            issued_by=user.name,
            created=now,
            expires=expires,
            orchestrator_id=orchestrator,
        )
    )
    return _record(connection.execute(_SELECT.where(enrolments.c.id == id)).mappings().one())


def _enrolment(connection: Connection, tenant: str, id: str) -> Enrolment | None:
    query = _SELECT.where(enrolments.c.id == id, tenants.c.key == name_key(tenant))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _record(row)


def _open(connection: Connection, id: str) -> Enrolment | None:
    query = _SELECT.where(enrolments.c.id == id, enrolments.c.used.is_(None), enrolments.c.expires > utc_now())
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _record(row)


def _complete(connection: Connection, id: str, certificate: AgentCertificate) -> Orchestrator | None:
    enrolment = _open(connection, id)
    if enrolment is None:
        return None
    tenant = lock_tenant(connection, enrolment.tenant)
    if enrolment.orchestrator is not None:
        try:
            lock_orchestrator(connection, enrolment.orchestrator)
        except RuntimeFailure:  # removed since
            return None
    now = utc_now()
    # Whoever comes second waits for this row, then finds it used: one condition, decided by the database.
    used = connection.execute(
        update(enrolments)
        .where(enrolments.c.id == id, enrolments.c.used.is_(None), enrolments.c.expires > now)
        .values(used=now)
    )
    if used.rowcount == 1 and enrolment.orchestrator is not None:
        return replace_agent(connection, enrolment.orchestrator, id, certificate)
    if used.rowcount != 1 or is_orchestrator_name(connection, tenant, name_key(enrolment.name)):
        return None
    return insert_orchestrator(connection, tenant, enrolment, certificate, now)


def _was_agent_of(connection: Connection, orchestrator_id: str, agent: str) -> bool:
    used = exists().where(
        enrolments.c.id == agent, enrolments.c.orchestrator_id == orchestrators.c.id, enrolments.c.used.is_not(None)
    )
    query = select(orchestrators.c.id).where(
        orchestrators.c.id == orchestrator_id, or_(orchestrators.c.id == agent, used)
    )
    return connection.execute(query).first() is not None
