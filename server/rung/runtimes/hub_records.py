"""What a hub tells of itself, its orchestrators and its vPLCs. Plain values, each checked: a hub is a peer like any other, and may be wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from rung.runtimes.address import is_name
from rung.runtimes.device_text import clean
from rung.runtimes.moments import moment

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST = 10_000
_MOST_ENTRIES = 200
_MOST_SAMPLES = 40_000
"""48 hours of measurements, one every five seconds, and some more."""
_DEEPEST = 6


class Odd(ValueError):
    """The hub told something else than its interface says; the text names what."""


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in: user, tenant and role by name, and the hub's version."""

    user: str
    tenant: str
    role: str
    version: str


@dataclass(frozen=True, slots=True)
class Vplc:
    """A vPLC as the hub last heard of it.

    Attributes:
        id: its container's name.
        name: what users call it; unique on its orchestrator.
        state: requested, creating, running, stopped, deleting, error or gone.
        state_at, created: ISO 8601 times as the hub tells them; None where it does not.
        message: the agent's words to that state.
        container: what the agent told of its container just now; None when it was not asked.
    """

    id: str
    name: str
    state: str
    state_at: str | None
    message: str
    created: str | None
    container: Mapping[str, object] | None = None

    def json(self) -> dict[str, object]:
        """The row of the contracts."""
        row: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "stateAt": self.state_at,
            "message": self.message,
            "created": self.created,
        }
        return row if self.container is None else {**row, "container": dict(self.container)}


@dataclass(frozen=True, slots=True)
class Orchestrator:
    """A host with an agent.

    Attributes:
        online: its agent is connected to the hub at this moment.
        since: when it connected; `last_seen` when it was connected last. ISO 8601 times; None where the hub does not tell them.
        revoked: when its certificate was revoked; None while it counts.
        fingerprint, not_after: of its certificate.
        heartbeat: the last numbers it sent; empty where it never did.
        vplcs: its vPLCs, by name.
        agent: what its agent can do (`version`, `watchesVariables`, `startsContainers`); None where nobody has asked it.
    """

    id: str
    name: str
    description: str
    online: bool
    since: str | None
    last_seen: str | None
    revoked: str | None
    fingerprint: str | None
    not_after: str | None
    heartbeat: Mapping[str, object] = field(default_factory=dict)
    heartbeat_at: str | None = None
    vplcs: tuple[Vplc, ...] = ()
    agent: Mapping[str, object] | None = None

    def json(self) -> dict[str, object]:
        """The row of the contracts."""
        row: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "online": self.online,
            "since": self.since,
            "lastSeen": self.last_seen,
            "revoked": self.revoked,
            "certificate": {"fingerprint": self.fingerprint, "notAfter": self.not_after},
            "heartbeat": dict(self.heartbeat) or None,
            "heartbeatAt": self.heartbeat_at,
            "vplcs": [vplc.json() for vplc in self.vplcs],
        }
        return row if self.agent is None else {**row, "agent": dict(self.agent)}


@dataclass(frozen=True, slots=True)
class Ticket:
    """The permission to enrol one orchestrator: what to run on its host (`command`), until when, and what ends with it (`message`)."""

    id: str
    expires_at: str
    command: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How far an enrolment has come: waiting, enrolled, online or expired; `orchestrator` is its id once there is one."""

    id: str
    state: str
    orchestrator: str | None


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of an orchestrator's host."""

    name: str
    addresses: tuple[str, ...]
    subnet: str | None
    gateway: str | None
    dedicated_to: str | None

    def json(self) -> dict[str, object]:
        """The row of the contracts."""
        return {
            "name": self.name,
            "addresses": list(self.addresses),
            "subnet": self.subnet,
            "gateway": self.gateway,
            "dedicatedTo": self.dedicated_to,
        }


@dataclass(frozen=True, slots=True)
class SerialDevice:
    """A serial port of an orchestrator's host; `device` is its path by identity, which stays when it is plugged elsewhere."""

    path: str
    device: str | None
    product: str

    def json(self) -> dict[str, object]:
        """The row of the contracts."""
        return {"path": self.path, "device": self.device, "product": self.product}


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network card that a vPLC is to have: `name` in it, on the host's interface `parent`; static where `ip` is given."""

    name: str
    parent: str
    ip: str | None = None
    subnet: str | None = None
    gateway: str | None = None
    dns: tuple[str, ...] = ()
    mac: str | None = None

    def json(self) -> dict[str, object]:
        """The form of the hub's interface."""
        given = {"ip": self.ip, "subnet": self.subnet, "gateway": self.gateway, "dns": list(self.dns), "mac": self.mac}
        mode = "dhcp" if self.ip is None else "static"
        return {"name": self.name, "parent": self.parent, "mode": mode, **{k: v for k, v in given.items() if v}}


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A serial port that a vPLC is to have: the host's `device` under `path` in it."""

    name: str
    device: str
    path: str
    baud: int | None = None

    def json(self) -> dict[str, object]:
        """The form of the hub's interface."""
        row: dict[str, object] = {"name": self.name, "device": self.device, "path": self.path}
        return row if self.baud is None else {**row, "baud": self.baud}


@dataclass(frozen=True, slots=True)
class NewVplc:
    """A vPLC that is to be created; without `runtime_version` with the newest runtime."""

    name: str
    networks: tuple[Network, ...] = ()
    serial: tuple[SerialPort, ...] = ()
    runtime_version: str | None = None
    dedicated: str | None = None

    def json(self) -> dict[str, object]:
        """The form of the hub's interface."""
        row: dict[str, object] = {"name": self.name, "networks": [network.json() for network in self.networks]}
        if self.serial:
            row["serial"] = [port.json() for port in self.serial]
        if self.runtime_version is not None:
            row["runtimeVersion"] = self.runtime_version
        return row if self.dedicated is None else {**row, "dedicated": self.dedicated}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What has to be confirmed before anything is done: by typing `type`, or, where that is None, by saying yes to what runs."""

    message: str
    type: str | None


# -- from JSON -----------------------------------------------------------------------------------------------------


def fields(value: object, what: str) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Odd(what)
    return value


def rows(value: object, what: str) -> list[object]:
    """A JSON array of a size that can be."""
    if not isinstance(value, list) or len(value) > _MOST:
        raise Odd(what)
    return value


def identifier(value: object, what: str) -> str:
    """An id, fit for a path."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Odd(what)
    return value


def text(value: object, limit: int = 300) -> str:
    """Words; empty for anything else."""
    return clean(value, limit).strip() if isinstance(value, str) else ""


def time_of(value: object) -> str | None:
    """A time as it was told, if it is one."""
    return value if isinstance(value, str) and moment(value) is not None else None


def me(value: object) -> Me:
    """The answer to the question who is signed in."""
    told = fields(value, "who is signed in")
    hub = told.get("hub")
    version = text(hub.get("version"), 40) if isinstance(hub, dict) else ""
    user, tenant, role = (text(told.get(key), 63) for key in ("user", "tenant", "role"))
    if not user or not role:
        raise Odd("who is signed in")
    return Me(user, tenant, role, version)


def vplc(value: object) -> Vplc:
    """A vPLC."""
    told = fields(value, "a vPLC")
    state = text(told.get("state"), 20)
    container = told.get("container")
    if not state:
        raise Odd("the state of a vPLC")
    return Vplc(
        identifier(told.get("id"), "the id of a vPLC"),
        _name(told.get("name"), "the name of a vPLC"),
        state,
        time_of(told.get("stateAt")),
        text(told.get("message"), 500),
        time_of(told.get("created")),
        plain(container) if isinstance(container, dict) else None,
    )


def orchestrator(value: object) -> Orchestrator:
    """An orchestrator with its vPLCs."""
    told = fields(value, "an orchestrator")
    certificate = told.get("certificate")
    shown = certificate if isinstance(certificate, dict) else {}
    heartbeat, agent = told.get("heartbeat"), told.get("agent")
    revoked = told.get("revoked")
    return Orchestrator(
        identifier(told.get("id"), "the id of an orchestrator"),
        _name(told.get("name"), "the name of an orchestrator"),
        text(told.get("description"), 500),
        told.get("online") is True,
        time_of(told.get("since")),
        time_of(told.get("lastSeen")),
        (time_of(revoked) or "revoked") if revoked else None,
        text(shown.get("fingerprint"), 100) or None,
        time_of(shown.get("notAfter")),
        plain(heartbeat) if isinstance(heartbeat, dict) else {},
        time_of(told.get("heartbeatAt")),
        vplcs(told.get("vplcs") or []),
        plain(agent) if isinstance(agent, dict) else None,
    )


def vplcs(value: object) -> tuple[Vplc, ...]:
    """A list of vPLCs, by name."""
    return tuple(sorted(map(vplc, rows(value, "the list of vPLCs")), key=lambda one: one.name.casefold()))


def orchestrators(value: object) -> tuple[Orchestrator, ...]:
    """A list of orchestrators, by name."""
    found = map(orchestrator, rows(value, "the list of orchestrators"))
    return tuple(sorted(found, key=lambda one: one.name.casefold()))


def ticket(value: object) -> Ticket:
    """A new enrolment."""
    told = fields(value, "an enrolment")
    expires, command = time_of(told.get("expiresAt")), text(told.get("command"), 4000)
    if expires is None or not command:
        raise Odd("an enrolment")
    return Ticket(
        identifier(told.get("id"), "the id of an enrolment"), expires, command, text(told.get("message"), 1000)
    )


def enrolled(value: object) -> Enrolled:
    """How far an enrolment has come."""
    told = fields(value, "the state of an enrolment")
    state, orchestrator_id = told.get("state"), told.get("orchestrator")
    if state not in ("waiting", "enrolled", "online", "expired"):
        raise Odd("the state of an enrolment")
    return Enrolled(
        identifier(told.get("id"), "the id of an enrolment"),
        str(state),
        None if orchestrator_id is None else identifier(orchestrator_id, "the id of an orchestrator"),
    )


def interfaces(value: object) -> tuple[Interface, ...]:
    """The interfaces of a host, as its agent tells them."""
    found = []
    for row in rows(value, "the list of interfaces"):
        told = fields(row, "an interface")
        name = text(told.get("name"), 40)
        addresses = told.get("ipv4_addresses")
        listed = [text(one, 64) for one in addresses[:_MOST_ENTRIES]] if isinstance(addresses, list) else []
        listed = [one for one in (*listed, text(told.get("ip_address"), 64)) if one]
        if name:
            words = (text(told.get(key), 64) or None for key in ("subnet", "gateway", "dedicated_to"))
            found.append(Interface(name, tuple(dict.fromkeys(listed)), *words))
    return tuple(found)


def serial_devices(value: object) -> tuple[SerialDevice, ...]:
    """The serial ports of a host, as its agent tells them."""
    found = []
    for row in rows(value, "the list of serial ports"):
        told = fields(row, "a serial port")
        path = text(told.get("path"), 200)
        product = " ".join(filter(None, (text(told.get("manufacturer"), 60), text(told.get("product"), 60))))
        if path:
            found.append(SerialDevice(path, text(told.get("device_id"), 200) or None, product))
    return tuple(found)


def confirmation(value: object) -> Confirmation | None:
    """What has to be confirmed, if that is what the hub says."""
    if not isinstance(value, dict) or value.get("needsConfirmation") is not True:
        return None
    wanted = value.get("type")
    message = text(value.get("message"), 600)
    return Confirmation(message or "The hub asks for a confirmation.", text(wanted, 63) or None)


def audit(value: object) -> tuple[dict[str, object], ...]:
    """The rows of the audit log, newest first: at, user, action, orchestrator and vplc (ids), outcome, detail."""
    return tuple(
        plain(fields(row, "the audit log")) for row in rows(fields(value, "the audit log").get("rows"), "the audit log")
    )


def plain(value: Mapping[str, object], depth: int = 0) -> dict[str, object]:
    """A JSON object of any form with its texts cleaned and its size bounded."""
    return {text(key, 60): _plain(one, depth + 1) for key, one in list(value.items())[:_MOST_ENTRIES]}


def _plain(value: object, depth: int) -> object:
    if isinstance(value, str):
        return text(value, 500)
    if isinstance(value, float):
        return value if isfinite(value) else None  # JSON has no other numbers, though Python reads them
    if value is None or isinstance(value, (bool, int)):
        return value
    if depth < _DEEPEST and isinstance(value, dict):
        return plain(value, depth)
    if depth < _DEEPEST and isinstance(value, list):
        return [_plain(one, depth + 1) for one in value[:_MOST_SAMPLES]]
    return None


def _name(value: object, what: str) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise Odd(what)
    return value
