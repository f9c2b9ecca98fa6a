"""Orchestrators and their certificates. Every reader but one takes the tenant: absent and foreign are both None."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, or_, select, update

from rung.hub.records import AgentCertificate, Enrolment, Orchestrator
from rung.hub.store.names import LONGEST_DESCRIPTION, checked_name, is_identifier, name_key, plain_words
from rung.hub.store.part import Part, lock_tenant, taken, unknown, utc_now
from rung.hub.store.tables import enrolments, orchestrators, tenants
from rung.runtimes.errors import Kind, RuntimeFailure


class Orchestrators(Part):
    """Hosts with an agent."""

    async def orchestrators(self, tenant: str) -> list[Orchestrator]:
        """A tenant's orchestrators, by name."""
        return await self._database.read(_of_tenant, tenant)

    async def orchestrator(self, tenant: str, id: str) -> Orchestrator | None:
        """One of a tenant's orchestrators."""
        if not is_identifier(id):
            return None
        return await self._database.read(_one, id, tenant)

    async def orchestrator_of_agent(self, agent: str) -> Orchestrator | None:
        """Any orchestrator, for the agents' listener alone: the common name comes from a certificate that was verified."""
        if not is_identifier(agent):
            return None
        return await self._database.read(_of_agent, agent)

    async def rename_orchestrator(self, orchestrator: Orchestrator, name: str, description: str) -> Orchestrator:
        """Gives an orchestrator another name and description.

        Raises:
            ValueError: the name cannot be one, or another orchestrator has it or is being enrolled with it.
            RuntimeFailure: DNS, the orchestrator has been removed.
        """
        words = plain_words(description, LONGEST_DESCRIPTION)
        return await self._database.write(_rename, orchestrator, checked_name("orchestrator", name), words)

    async def store_renewal(self, agent: str, certificate: AgentCertificate) -> None:
        """Keeps a new certificate beside the one that counts, until it is used; an earlier unused one is void.

        Args:
            agent: the common name of both.

        Raises:
            RuntimeFailure: DNS, no orchestrator has this common name any more; CREDENTIALS, it is revoked.
        """
        await self._database.write(_store_renewal, agent, certificate)

    async def take_renewal(self, agent: str, fingerprint: str) -> None:
        """The renewed certificate was used: it counts from now on, and the old one does not. Once more does no harm.

        Raises:
            RuntimeFailure: DNS, no orchestrator has this common name any more; CREDENTIALS, it is revoked or this certificate is void.
        """
        await self._database.write(_take_renewal, agent, fingerprint)

    async def revoke(self, orchestrator: Orchestrator, at: datetime) -> None:
        """Makes an orchestrator's certificates void for good, and open permissions to enrol it anew. The first time counts."""
        await self._database.write(_revoke, orchestrator, at)

    async def remove_orchestrator(self, orchestrator: Orchestrator) -> None:
        """Forgets an orchestrator with its vPLCs' records; audit rows stay, and its id is never given again."""
        await self._database.write(_remove, orchestrator)

    async def seen(self, id: str, at: datetime) -> None:
        """Its agent was connected at this time; an earlier time than the last one changes nothing."""
        await self._database.write(set_seen, id, at)


_SELECT = select(orchestrators, tenants.c.name.label("tenant")).join(tenants, tenants.c.id == orchestrators.c.tenant_id)


def _certificate(row: RowMapping, prefix: str = "") -> AgentCertificate:
    return AgentCertificate(
        fingerprint=row[f"{prefix}fingerprint"],
        serial=row[f"{prefix}serial"],
        not_before=row[f"{prefix}not_before"],
        not_after=row[f"{prefix}not_after"],
    )


def _record(row: RowMapping) -> Orchestrator:
    return Orchestrator(
        id=row["id"],
        agent=row["agent"],
        tenant=row["tenant"],
        name=row["name"],
        description=row["description"],
        certificate=_certificate(row),
        created=row["created"],
        renewed=None if row["renewed_fingerprint"] is None else _certificate(row, "renewed_"),
        revoked=row["revoked"],
        last_seen=row["last_seen"],
    )


def is_orchestrator_name(connection: Connection, tenant: int, key: str) -> bool:
    """Whether an orchestrator of this tenant, which the caller has locked, has a name."""
    query = select(orchestrators.c.id).where(orchestrators.c.tenant_id == tenant, orchestrators.c.key == key)
    return connection.execute(query).first() is not None


def insert_orchestrator(
    connection: Connection, tenant: int, enrolment: Enrolment, certificate: AgentCertificate, now: datetime
) -> Orchestrator:
    """Makes the orchestrator that an enrolment was for; the caller has locked the tenant and checked the name."""
    connection.execute(
        orchestrators.insert().values(
            id=enrolment.id,
            agent=enrolment.id,
            tenant_id=tenant,
            name=enrolment.name,
            key=name_key(enrolment.name),
            description=enrolment.description,
            created=now,
            fingerprint=certificate.fingerprint,
            serial=certificate.serial,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
        )
    )
    made = _one(connection, enrolment.id)
    assert made is not None
    return made


def replace_agent(connection: Connection, id: str, agent: str, certificate: AgentCertificate) -> Orchestrator:
    """Gives an orchestrator, which the caller has locked, another agent. All certificates of the one before are void."""
    connection.execute(
        update(orchestrators)
        .where(orchestrators.c.id == id)
        .values(
            agent=agent,
            fingerprint=certificate.fingerprint,
            serial=certificate.serial,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            renewed_fingerprint=None,
            renewed_serial=None,
            renewed_not_before=None,
            renewed_not_after=None,
            revoked=None,
        )
    )
    replaced = _one(connection, id)
    assert replaced is not None
    return replaced


def lock_orchestrator(connection: Connection, id: str) -> datetime | None:
    """Keeps an orchestrator as it is until the transaction ends, and says when it was revoked.

    Raises:
        RuntimeFailure: DNS, there is no such orchestrator.
    """
    return _lock(connection, orchestrators.c.id == id)


def _lock(connection: Connection, which: ColumnElement[bool]) -> datetime | None:
    row = connection.execute(select(orchestrators.c.revoked).where(which).with_for_update()).one_or_none()
    if row is None:
        raise unknown("orchestrator")
    revoked: datetime | None = row[0]
    return revoked


def lock_valid_orchestrator(connection: Connection, id: str) -> None:
    """Like `lock_orchestrator`, for what a revoked one may not do.

    Raises:
        RuntimeFailure: DNS, there is no such orchestrator; CREDENTIALS, it is revoked.
    """
    _lock_valid(connection, orchestrators.c.id == id)


def _lock_valid(connection: Connection, which: ColumnElement[bool]) -> None:
    if _lock(connection, which) is not None:
        raise RuntimeFailure(Kind.CREDENTIALS, "This orchestrator has been revoked.", "Enrol it anew.")


def superseded() -> RuntimeFailure:
    """The failure of whoever comes with a certificate that another one has replaced."""
    return RuntimeFailure(
        Kind.CREDENTIALS,
        "This certificate does not count any more: a newer one has been issued in its place.",
        "Let the agent use the newest one.",
    )


def set_seen(connection: Connection, id: str, at: datetime) -> None:
    """Moves `last_seen` forward."""
    earlier = or_(orchestrators.c.last_seen.is_(None), orchestrators.c.last_seen < at)
    connection.execute(update(orchestrators).where(orchestrators.c.id == id, earlier).values(last_seen=at))


def _of_tenant(connection: Connection, tenant: str) -> list[Orchestrator]:
    query = _SELECT.where(tenants.c.key == name_key(tenant)).order_by(orchestrators.c.key)
    return [_record(row) for row in connection.execute(query).mappings()]


def _one(connection: Connection, id: str, tenant: str | None = None) -> Orchestrator | None:
    query = _SELECT.where(orchestrators.c.id == id)
    if tenant is not None:
        query = query.where(tenants.c.key == name_key(tenant))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _record(row)


def _of_agent(connection: Connection, agent: str) -> Orchestrator | None:
    row = connection.execute(_SELECT.where(orchestrators.c.agent == agent)).mappings().one_or_none()
    return None if row is None else _record(row)


def _rename(connection: Connection, orchestrator: Orchestrator, name: str, description: str) -> Orchestrator:
    tenant, key = lock_tenant(connection, orchestrator.tenant), name_key(name)
    mine = (orchestrators.c.id == orchestrator.id, orchestrators.c.tenant_id == tenant)
    now = connection.execute(select(orchestrators.c.key).where(*mine)).scalar()
    if now is None:
        raise unknown("orchestrator")
    awaited = select(enrolments.c.id).where(
        enrolments.c.tenant_id == tenant,
        enrolments.c.key == key,
        enrolments.c.used.is_(None),
        enrolments.c.orchestrator_id.is_(None),
        enrolments.c.expires > utc_now(),
    )
    if key != now and (is_orchestrator_name(connection, tenant, key) or connection.execute(awaited).first()):
        raise taken("orchestrator", name)
    connection.execute(update(orchestrators).where(*mine).values(name=name, key=key, description=description))
    renamed = _one(connection, orchestrator.id)
    assert renamed is not None
    return renamed


def _store_renewal(connection: Connection, agent: str, certificate: AgentCertificate) -> None:
    _lock_valid(connection, orchestrators.c.agent == agent)
    connection.execute(
        update(orchestrators)
        .where(orchestrators.c.agent == agent)
        .values(
            renewed_fingerprint=certificate.fingerprint,
            renewed_serial=certificate.serial,
            renewed_not_before=certificate.not_before,
            renewed_not_after=certificate.not_after,
        )
    )


def _take_renewal(connection: Connection, agent: str, fingerprint: str) -> None:
    _lock_valid(connection, orchestrators.c.agent == agent)
    columns = orchestrators.c
    taken_now = connection.execute(
        update(orchestrators)
        .where(columns.agent == agent, columns.renewed_fingerprint == fingerprint)
        .values(
            fingerprint=columns.renewed_fingerprint,
            serial=columns.renewed_serial,
            not_before=columns.renewed_not_before,
            not_after=columns.renewed_not_after,
            renewed_fingerprint=None,
            renewed_serial=None,
            renewed_not_before=None,
            renewed_not_after=None,
        )
    )
    current = select(columns.id).where(columns.agent == agent, columns.fingerprint == fingerprint)
    if taken_now.rowcount != 1 and connection.execute(current).first() is None:
        raise superseded()


def _revoke(connection: Connection, orchestrator: Orchestrator, at: datetime) -> None:
    unrevoked = (orchestrators.c.id == orchestrator.id, orchestrators.c.revoked.is_(None))
    connection.execute(update(orchestrators).where(*unrevoked).values(revoked=at))
    end_enrolments_anew(connection, orchestrator.id, utc_now())


def end_enrolments_anew(connection: Connection, id: str, now: datetime) -> None:
    """Makes the open permissions to enrol an orchestrator anew void; the caller has locked it."""
    connection.execute(
        update(enrolments)
        .where(enrolments.c.orchestrator_id == id, enrolments.c.used.is_(None), enrolments.c.expires > now)
        .values(expires=now)
    )


def _remove(connection: Connection, orchestrator: Orchestrator) -> None:
    connection.execute(delete(orchestrators).where(orchestrators.c.id == orchestrator.id))
