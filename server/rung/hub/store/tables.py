"""The tables as this Rung's code sees them; `migrations` makes them, and a test holds the two together.

Names have a `key` beside them (`names.name_key`), and the keys are what is unique. Every time is in UTC.
"""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """An aware time: stored in UTC, returned aware and in UTC. SQLite keeps it as text that sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the driver gets."""
        if value is None:
            return None
        assert value.tzinfo is not None, "a time without a zone would be a different moment on every computer"
        utc = value.astimezone(timezone.utc)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What the driver gave, aware."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


metadata = MetaData()

tenants = Table(
    "tenants",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("disabled", UtcTime),
    UniqueConstraint("tenant_id", "key", name="users_name"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of the token; the token itself is nowhere
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("label", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime),
    Column("revoked", UtcTime),
    Index("tokens_user", "user_id"),
)

orchestrators = Table(
    "orchestrators",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agent", Text, nullable=False, unique=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("not_after", UtcTime, nullable=False),
    Column("renewed_fingerprint", Text),
    Column("renewed_serial", Text),
    Column("renewed_not_before", UtcTime),
    Column("renewed_not_after", UtcTime),
    Column("revoked", UtcTime),
    Column("last_seen", UtcTime),
    UniqueConstraint("tenant_id", "key", name="orchestrators_name"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
    Column("used", UtcTime),
    Column("orchestrator_id", ForeignKey("orchestrators.id", ondelete="CASCADE")),  # who is enrolled anew
    Index("enrolments_tenant", "tenant_id", "key"),
    Index("enrolments_orchestrator", "orchestrator_id"),
)

vplcs = Table(
    "vplcs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("orchestrator_id", ForeignKey("orchestrators.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("request", Text, nullable=False),  # JSON
    Column("created", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_at", UtcTime, nullable=False),
    Column("message", Text, nullable=False),
    UniqueConstraint("orchestrator_id", "key", name="vplcs_name"),
)

# Hub processes that share this database, and when each was heard last.
processes = Table(
    "processes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("beat", UtcTime, nullable=False),
)

# The one session that counts of every agent, and the process that holds it.
sessions = Table(
    "sessions",
    metadata,
    Column("orchestrator_id", ForeignKey("orchestrators.id", ondelete="CASCADE"), primary_key=True),
    Column("process", Text, nullable=False),
    Column("sid", Text, nullable=False),
    Column("since", UtcTime, nullable=False),
    Index("sessions_process", "process"),
)

# Who debugs a vPLC now.
leases = Table(
    "leases",
    metadata,
    Column("vplc_id", ForeignKey("vplcs.id", ondelete="CASCADE"), primary_key=True),
    Column("lease", Text, nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("expires", UtcTime, nullable=False),
)

# Nothing refers to other tables: what was done stays, whatever becomes of them. Triggers refuse to change it.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("tenant_key", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("orchestrator", Text),
    Column("vplc", Text),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    CheckConstraint("outcome IN ('ok', 'refused', 'failed', 'unknown', 'begun')", name="audit_outcome"),
    Index("audit_tenant", "tenant_key", "at", "id"),
)
