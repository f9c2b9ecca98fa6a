"""What goes in and out of the editors' interface: JSON of known forms, checked on its way in, and nothing secret on its way out."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from rung.hub.agents import AgentAbilities
from rung.hub.api.answers import bad
from rung.hub.records import AuditRow, Orchestrator, Presence, User, Vplc
from rung.runtimes.device_text import clean

T = TypeVar("T")

_INTERFACE: Final = re.compile(r"[A-Za-z0-9_.-]{1,15}")
_TAG: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MAC: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_DEVICE: Final = re.compile(r"[A-Za-z0-9_.:/@+,=-]{1,255}")
_SERIAL_PATH: Final = re.compile(r"/dev/[A-Za-z0-9_.-]{1,64}")
_SERIAL_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_PERIOD: Final = re.compile(r"[0-9]{1,6}[smhd]?|[0-9]{1,10},[0-9]{1,10}")
_BAUD: Final = range(50, 4_000_001)
_MOST_IN_A_LIST: Final = 16


# -- in ------------------------------------------------------------------------------------------------------------


class Fields:
    """The fields of a JSON object from an editor; each reader raises a `Refusal` (400) that names the field, never its value.

    Args:
        value: what the JSON text was.
        known: the fields that may occur; any other is refused, for a misspelt one would silently mean nothing.
        where: what the object is, for sentences.
    """

    def __init__(self, value: object, known: frozenset[str], where: str = "The request") -> None:
        if not isinstance(value, dict):
            raise bad(f"{where} is no JSON object.")
        if strange := sorted(key for key in value if key not in known):
            raise bad(f"{where} has a field that this hub does not know ({clean(strange[0], 40)}).")
        self._value: dict[str, object] = value
        self._where = where

    def __contains__(self, name: str) -> bool:
        return self._value.get(name) is not None

    def text(self, name: str, most: int = 200) -> str:
        """A text of 1 to `most` printable characters."""
        value = self._value.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= most or clean(value, most) != value:
            raise bad(f"{self._where} needs a text of 1 to {most} characters in '{name}'.")
        return value

    def words(self, name: str, most: int = 500) -> str:
        """A text that may be empty or missing."""
        return self.text(name, most) if self._value.get(name) not in (None, "") else ""

    def secret(self, name: str, most: int = 10_000) -> str:
        """A password or token: any text, possibly empty."""
        value = self._value.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            raise bad(f"{self._where} needs a text in '{name}'.")
        return value

    def flag(self, name: str) -> bool:
        """A yes or no that is no where it is missing."""
        value = self._value.get(name)
        if value is not None and not isinstance(value, bool):
            raise bad(f"{self._where} needs true or false in '{name}'.")
        return value is True

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        """A text of a form."""
        value = self._value.get(name)
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise bad(f"{self._where} needs {what} in '{name}'.")
        return value

    def number(self, name: str, within: range) -> int:
        """A whole number."""
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value not in within:
            raise bad(f"{self._where} needs a whole number from {within[0]} to {within[-1]} in '{name}'.")
        return value

    def address(self, name: str) -> str:
        """An IPv4 or IPv6 address, in its usual spelling."""
        return self._address(self._value.get(name), name)

    def addresses(self, name: str) -> list[str]:
        """A list of addresses that may be missing."""
        return [self._address(item, name) for item in self._list(name)]

    def mask(self, name: str) -> str:
        """A network mask, as `255.255.255.0`."""
        value = self._value.get(name)
        try:
            if not isinstance(value, str) or len(value) > 15 or "." not in value:
                raise ValueError
            return str(ipaddress.IPv4Network(f"0.0.0.0/{value}").netmask)
        except ValueError:
            raise bad(f"{self._where} needs a network mask as 255.255.255.0 in '{name}'.") from None

    def each(self, name: str, read: Callable[[object], T]) -> list[T]:
        """A list whose items `read` takes; it may be missing."""
        return [read(item) for item in self._list(name)]

    def _list(self, name: str) -> list[object]:
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > _MOST_IN_A_LIST:
            raise bad(f"{self._where} needs a list of at most {_MOST_IN_A_LIST} in '{name}'.")
        return value

    def _address(self, value: object, name: str) -> str:
        try:
            if not isinstance(value, str) or len(value) > 45 or "%" in value:
                raise ValueError
            return str(ipaddress.ip_address(value))
        except ValueError:
            raise bad(f"{self._where} needs an IP address in '{name}'.") from None


def vplc_request(fields: Fields) -> dict[str, object]:
    """What an agent is to make, in its own words (orchestrator protocol, section 2.2), without the container's name.

    Raises:
        Refusal: something in it cannot be.
    """
    made: dict[str, object] = {"vnic_configs": fields.each("networks", _network)}
    if not made["vnic_configs"]:
        raise bad("A vPLC needs at least one network.")
    if serial := fields.each("serial", _serial):
        made["serial_configs"] = serial
    if "runtimeVersion" in fields:
        made["runtime_version"] = fields.matching("runtimeVersion", _TAG, "a version as v4.1.4")
    if "dedicated" in fields:
        made["dedicated_interface"] = fields.matching("dedicated", _INTERFACE, "the name of a network interface")
    return made


VPLC_FIELDS: Final = frozenset({"name", "runtimeVersion", "networks", "serial", "dedicated"})
_NETWORK_FIELDS: Final = frozenset({"name", "parent", "mode", "ip", "subnet", "gateway", "dns", "mac"})
_SERIAL_FIELDS: Final = frozenset({"name", "device", "path", "baud"})
_MODE: Final = re.compile("dhcp|static")


def _network(item: object) -> dict[str, object]:
    fields = Fields(item, _NETWORK_FIELDS, "A network")
    interface = "the name of a network interface (1 to 15 letters, digits, '.', '_' or '-')"
    made: dict[str, object] = {
        "name": fields.matching("name", _INTERFACE, interface),
        "parent_interface": fields.matching("parent", _INTERFACE, interface),
        "network_mode": fields.matching("mode", _MODE, "'dhcp' or 'static'"),
    }
    if made["network_mode"] == "static":
        made |= {"ip": fields.address("ip"), "subnet": fields.mask("subnet")}
        if "gateway" in fields:
            made["gateway"] = fields.address("gateway")
    elif any(name in fields for name in ("ip", "subnet", "gateway")):
        raise bad("A network with mode 'dhcp' gets its address by itself: it has no 'ip', 'subnet' or 'gateway'.")
    if dns := fields.addresses("dns"):
        made["dns"] = dns
    if "mac" in fields:
        mac = fields.matching("mac", _MAC, "a MAC address as 02:42:ac:00:00:05")
        if int(mac[:2], 16) & 1:
            raise bad("A network's 'mac' is an address of a group of devices; a vPLC needs one of its own.")
        made["mac"] = mac.lower()
    return made


def _serial(item: object) -> dict[str, object]:
    fields = Fields(item, _SERIAL_FIELDS, "A serial port")
    made: dict[str, object] = {
        "name": fields.matching("name", _SERIAL_NAME, "a name of 1 to 63 letters, digits, '.', '_' or '-'"),
        "device_id": fields.matching("device", _DEVICE, "the device as the orchestrator lists it"),
        "container_path": fields.matching("path", _SERIAL_PATH, "a path as /dev/modbus0"),
    }
    if "baud" in fields:
        made["baud_rate"] = fields.number("baud", _BAUD)
    return made


def period(value: str | None) -> str:
    """A period of time as agents take it (`1h`, `15m`, `7d`, or two Unix times); the last hour where none is given."""
    if value is None:
        return "1h"
    if _PERIOD.fullmatch(value) is None:
        raise bad("A period is written as 15m, 6h or 7d.")
    return value.removesuffix("s")


# -- out -----------------------------------------------------------------------------------------------------------


def time_text(at: datetime | None) -> str | None:
    """A time as the interface writes it: ISO 8601 in UTC."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def vplc_shape(vplc: Vplc) -> dict[str, object]:
    """V of the interface."""
    return {
        "id": vplc.id,
        "name": vplc.name,
        "state": vplc.state.value,
        "stateAt": time_text(vplc.state_at),
        "message": vplc.message,
        "created": time_text(vplc.created),
    }


def orchestrator_shape(
    orchestrator: Orchestrator, presence: Presence | None, vplcs: Sequence[Vplc]
) -> dict[str, object]:
    """O of the interface."""
    now = presence or Presence(online=False)
    return {
        "id": orchestrator.id,
        "name": orchestrator.name,
        "description": orchestrator.description,
        "online": now.online,
        "since": time_text(now.since),
        "lastSeen": time_text(orchestrator.last_seen),
        "revoked": time_text(orchestrator.revoked),
        "certificate": {
            "fingerprint": orchestrator.certificate.fingerprint,
            "notAfter": time_text(orchestrator.certificate.not_after),
        },
        "heartbeat": dict(now.heartbeat) or None,
        "heartbeatAt": time_text(now.heartbeat_at),
        "vplcs": [vplc_shape(vplc) for vplc in vplcs],
    }


def abilities_shape(abilities: AgentAbilities) -> dict[str, object]:
    """What an agent can do, as it was probed."""
    return {
        "version": abilities.agent_version,
        "watchesVariables": abilities.raw_debug,
        "startsContainers": abilities.starts_containers,
    }


def user_shape(user: User) -> dict[str, object]:
    """A user of the hub."""
    return {"name": user.name, "role": user.role.word, "disabled": user.disabled, "created": time_text(user.created)}


def audit_shape(row: AuditRow) -> dict[str, object]:
    """A row of the audit log."""
    return {
        "at": time_text(row.at),
        "user": row.user,
        "action": row.action,
        "orchestrator": row.orchestrator,
        "vplc": row.vplc,
        "outcome": row.outcome,
        "detail": row.detail,
    }


def agent_shape(reply: Mapping[str, object]) -> dict[str, object]:
    """An agent's reply without what only the agent and the hub need."""
    return {key: value for key, value in reply.items() if key not in ("action", "correlation_id")}
