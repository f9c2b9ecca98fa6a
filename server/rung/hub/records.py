"""What the hub knows, as plain values: users, enrolments, orchestrators, vPLCs and what was done to them.

Times are aware and in UTC. No record holds a secret: of a token only its hash is stored, and that does not leave the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from rung.hub.roles import Role


@dataclass(frozen=True, slots=True)
class User:
    """A person or program that signs in with tokens.

    Attributes:
        id: a number of the store.
        tenant: whose machines it sees, by name; everything of other tenants does not exist for it.
        name: unique in its tenant.
        role: what it may do there.
        disabled: it may do nothing any more.
    """

    id: int
    tenant: str
    name: str
    role: Role
    created: datetime
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The permission to enrol one orchestrator, once, until it expires.

    Attributes:
        id: 32 upper-case hex digits (128 bits), drawn at random; the common name of the certificate, and a new orchestrator's id.
        name: what the orchestrator is to be called; unique in the tenant.
        orchestrator: the one that is enrolled anew and stays what it is but for its certificate; None for a new one.
        issued_by: the name of the user who asked for it.
        used: when it was used; None while it was not.
    """

    id: str
    tenant: str
    name: str
    description: str
    issued_by: str
    created: datetime
    expires: datetime
    used: datetime | None = None
    orchestrator: str | None = None


@dataclass(frozen=True, slots=True)
class AgentCertificate:
    """A certificate that the hub's authority has issued to an agent.

    Attributes:
        fingerprint: SHA-256 of its DER form, 64 upper-case hex digits.
        serial: its serial number, hex.
    """

    fingerprint: str
    serial: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """A host that an agent runs on.

    Attributes:
        id: its name in the interface, the audit log and its vPLCs' records, for good.
        agent: the common name of its certificates: its id, until it is enrolled anew.
        certificate: the one that counts now.
        renewed: one that was issued to replace it and counts from its first connection on.
        last_seen: when its agent was connected last; None when it never was.
    """

    id: str
    agent: str
    tenant: str
    name: str
    description: str
    certificate: AgentCertificate
    created: datetime
    renewed: AgentCertificate | None = None
    revoked: datetime | None = None
    last_seen: datetime | None = None


class VplcState(str, Enum):
    """What was last heard of a vPLC's container; the values are part of the editors' interface."""

    REQUESTED = "requested"
    """Asked for, and not known whether the agent has heard it."""
    CREATING = "creating"
    RUNNING = "running"
    STOPPED = "stopped"
    DELETING = "deleting"
    ERROR = "error"
    GONE = "gone"
    """The agent says that there is no such container."""


@dataclass(frozen=True, slots=True)
class Vplc:
    """A virtual PLC: a container with a runtime.

    Attributes:
        id: the container's name, a UUID; the agent's `device_id`.
        name: what users call it; unique on its orchestrator.
        request: what it was created with, as it was sent to the agent.
        state: what was last heard of it, at `state_at`.
        message: the agent's words to that state.
    """

    id: str
    orchestrator: str
    name: str
    request: Mapping[str, object]
    created: datetime
    state: VplcState
    state_at: datetime
    message: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what to which machine, and what came of it.

    Attributes:
        user: the user's name; `-` where nobody was signed in (an agent's enrolment).
        action: the route's name, as `vplc.create`.
        outcome: `ok`, `refused`, `failed` or `unknown`; what was begun has `begun` and gets its own row at the end.
        detail: words without secrets.
    """

    at: datetime
    tenant: str
    user: str
    action: str
    orchestrator: str | None
    vplc: str | None
    outcome: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether an agent is connected, which only its live session tells, never its heartbeats.

    Attributes:
        since: when the session began.
        process: the hub process that holds it.
        heartbeat: the last one that it sent, as checked numbers and words.
        heartbeat_at: when that came.
    """

    online: bool
    since: datetime | None = None
    process: str | None = None
    heartbeat: Mapping[str, object] = field(default_factory=dict)
    heartbeat_at: datetime | None = None
