"""Users, orchestrators and vPLCs for tests, made as the hub makes them."""

from __future__ import annotations

import os
import secrets
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sqlalchemy import create_engine, text

from rung.hub.records import AgentCertificate, Orchestrator, User, Vplc
from rung.hub.roles import Role
from rung.hub.store import Store
from rung.hub.store.url import place_of

TESTS_IMPORTABLE = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
"""The environment of a process that imports from here."""


def now() -> datetime:
    return datetime.now(timezone.utc)


def soon(minutes: float = 5) -> datetime:
    """A time to come; one that has passed, for a negative number."""
    return now() + timedelta(minutes=minutes)


def certificate() -> AgentCertificate:
    """What an authority would have issued today."""
    return AgentCertificate(secrets.token_hex(32).upper(), secrets.token_hex(16), now(), now() + timedelta(days=395))


async def admin(store: Store, tenant: str = "Bottling", name: str = "chief") -> User:
    return await store.add_user(tenant, name, Role.ADMIN)


async def enrolled(store: Store, user: User, name: str = "Line 1") -> Orchestrator:
    """An orchestrator that has used its permission."""
    enrolment = await store.create_enrolment(user, name, "", soon())
    orchestrator = await store.complete_enrolment(enrolment.id, certificate())
    assert orchestrator is not None
    return orchestrator


async def known(store: Store, orchestrator: Orchestrator) -> Orchestrator:
    """What the store knows of an orchestrator now."""
    found = await store.orchestrator(orchestrator.tenant, orchestrator.id)
    assert found is not None
    return found


async def asked_for(store: Store, orchestrator: Orchestrator, name: str = "Filler") -> Vplc:
    """A vPLC of it, not created yet."""
    return await store.add_vplc(orchestrator, str(uuid.uuid4()), name, {"container_name": name})


def directly(address: str, *statements: str) -> list[tuple[object, ...]]:
    """Does something to a database behind the hub's back; the rows of the last statement."""
    engine = create_engine(place_of(address).url)
    rows: list[tuple[object, ...]] = []
    try:
        with engine.begin() as connection:
            for statement in statements:
                done = connection.execute(text(statement))
                rows = [tuple(row) for row in done] if done.returns_rows else []
    finally:
        engine.dispose()
    return rows
