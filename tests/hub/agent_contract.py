"""What an orchestrator agent accepts in a message, and the words in which it refuses one; both are as recorded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Union

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Optional:
    """A field that may be missing or null."""

    check: Check


Contract = Mapping[str, Union[Check, Optional]]


def number(value: Any) -> None:
    if not isinstance(value, (int, float)):
        raise TypeError("Value must be a number.")


def string(value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError("Value must be a string.")


def non_empty(value: Any) -> None:
    string(value)
    if not value.strip():
        raise TypeError("Value must be a non-empty string.")


def boolean(value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError("Value must be a boolean.")


def date(value: Any) -> None:
    try:
        string(value)
        datetime.fromisoformat(value.replace("Z", "+00:00") if value.endswith("Z") else value)
    except (TypeError, ValueError):
        raise TypeError("Value must be a valid ISO datetime string.") from None


def interface_name(value: Any) -> None:
    string(value)
    if not re.match(r"[a-zA-Z0-9_.-]{1,15}$", value):
        raise TypeError(
            "Value must be a valid Linux interface name (alphanumeric, dots, dashes, underscores, max 15 chars)."
        )


def list_of(item: Check | Contract) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise TypeError("Value must be a list.")
        for element in value:
            if isinstance(item, Mapping):
                _check(item, element)
            else:
                item(element)

    return check


MESSAGE: Contract = {"correlation_id": Optional(number), "action": Optional(string), "requested_at": Optional(date)}
DEVICE: Contract = {**MESSAGE, "device_id": non_empty}
CONSUMPTION: Contract = {"cpuPeriod": string, "memoryPeriod": string}
NETWORK: Contract = {
    "name": string,
    "parent_interface": string,
    "network_mode": string,
    "ip": Optional(string),
    "subnet": Optional(string),
    "gateway": Optional(string),
    "dns": Optional(list_of(string)),
    "mac": Optional(string),
}
SERIAL: Contract = {"name": string, "device_id": string, "container_path": string, "baud_rate": Optional(number)}

CONTRACTS: Mapping[str, Contract] = {
    "create_new_runtime": {
        **MESSAGE,
        "container_name": non_empty,
        "vnic_configs": list_of(NETWORK),
        "serial_configs": Optional(list_of(SERIAL)),
        "runtime_version": Optional(string),
        "dedicated_interface": Optional(interface_name),
    },
    "delete_device": DEVICE,
    "delete_orchestrator": MESSAGE,
    "get_consumption_device": {**DEVICE, **CONSUMPTION},
    "get_consumption_orchestrator": {**MESSAGE, **CONSUMPTION},
    "get_device_status": DEVICE,
    "get_host_interfaces": {**MESSAGE, "include_virtual": Optional(boolean), "detailed": Optional(boolean)},
    "get_serial_devices": MESSAGE,
    "run_command": {**DEVICE, "method": string, "api": string, "port": Optional(number)},
    "webrtc:offer": {**MESSAGE, "session_id": string, "device_id": string, "sdp": string, "sdp_type": string},
    "webrtc:ice": {
        **MESSAGE,
        "session_id": string,
        "candidate": Optional(string),
        "sdp_mid": Optional(string),
        "sdp_mline_index": Optional(number),
    },
    "webrtc:disconnect": {**MESSAGE, "session_id": string, "reason": Optional(string)},
}
# The line `raw-debug` is older: it cannot give an interface to one vPLC alone, and overlooks the wish.
_OLDER_CREATE = {key: check for key, check in CONTRACTS["create_new_runtime"].items() if key != "dedicated_interface"}
OLDER_CONTRACTS: Mapping[str, Contract] = {**CONTRACTS, "create_new_runtime": _OLDER_CREATE}
# Topics that only agents of the line `version-management` know.
NEWER_CONTRACTS: Mapping[str, Contract] = {"get_orchestrator_version": MESSAGE, "upgrade_orchestrator": MESSAGE}


def refusal(contract: Contract, message: Mapping[str, Any]) -> str | None:
    """Why a message is refused; None if it is accepted."""
    try:
        _check(contract, message)
    except KeyError as error:
        return f"Missing required field: {error}"
    except TypeError as error:
        return f"Invalid field type: {error}"
    return None


def _check(contract: Contract, data: Any) -> None:
    for key, check in contract.items():
        if key not in data:
            if isinstance(check, Optional):
                continue
            raise KeyError(f"Missing key: {key}")
        if not isinstance(check, Optional):
            check(data[key])
        elif data[key] is not None:
            check.check(data[key])
