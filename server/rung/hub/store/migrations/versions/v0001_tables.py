"""The first tables, and the triggers that keep the audit log as it was written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes everything."""
    _people()
    _machines()
    _moments()
    _audit()


def _people() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("disabled", _TIME),
        sa.UniqueConstraint("tenant_id", "key", name="users_name"),
    )
    op.create_table(
        "tokens",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("expires", _TIME),
        sa.Column("revoked", _TIME),
    )
    op.create_index("tokens_user", "tokens", ["user_id"])


def _machines() -> None:
    op.create_table(
        "orchestrators",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False, unique=True),
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("not_before", _TIME, nullable=False),
        sa.Column("not_after", _TIME, nullable=False),
        sa.Column("renewed_fingerprint", sa.Text),
        sa.Column("renewed_serial", sa.Text),
        sa.Column("renewed_not_before", _TIME),
        sa.Column("renewed_not_after", _TIME),
        sa.Column("revoked", _TIME),
        sa.Column("last_seen", _TIME),
        sa.UniqueConstraint("tenant_id", "key", name="orchestrators_name"),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenants.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("issued_by", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.Column("used", _TIME),
        sa.Column("orchestrator_id", sa.Text, sa.ForeignKey("orchestrators.id", ondelete="CASCADE")),
    )
    op.create_index("enrolments_tenant", "enrolments", ["tenant_id", "key"])
    op.create_index("enrolments_orchestrator", "enrolments", ["orchestrator_id"])
    op.create_table(
        "vplcs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("orchestrator_id", sa.Text, sa.ForeignKey("orchestrators.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("state_at", _TIME, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.UniqueConstraint("orchestrator_id", "key", name="vplcs_name"),
    )


def _moments() -> None:
    op.create_table(
        "processes",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("beat", _TIME, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("orchestrator_id", sa.Text, sa.ForeignKey("orchestrators.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("sid", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
    )
    op.create_index("sessions_process", "sessions", ["process"])
    op.create_table(
        "leases",
        sa.Column("vplc_id", sa.Text, sa.ForeignKey("vplcs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("lease", sa.Text, nullable=False),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("expires", _TIME, nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("tenant_key", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("orchestrator", sa.Text),
        sa.Column("vplc", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.CheckConstraint("outcome IN ('ok', 'refused', 'failed', 'unknown', 'begun')", name="audit_outcome"),
    )
    op.create_index("audit_tenant", "audit", ["tenant_key", "at", "id"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is only ever added to'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION rung_audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is only ever added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION rung_audit_stays()"
        )
