"""The computer that an orchestrator agent for tests says it runs on: network interfaces as recorded, measurements of the real one."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

INTERFACES: Mapping[str, Mapping[str, Any]] = {
    "eth0": {"address": "198.51.100.10", "subnet": "198.51.100.0/24"},
    "peer0": {"address": None, "subnet": None},
    "docker0": {"address": "172.17.0.1", "subnet": "172.17.0.0/16"},
}
_VIRTUAL = ("lo", "docker", "br-", "veth")
_GB = 1024**3


class Host:
    """Answers about the computer; `sample` is called with every heartbeat.

    `dedicated` says whether vPLCs may have interfaces for themselves: those without an address are listed for that alone.
    """

    def __init__(self, serial_devices: list[str], *, dedicated: bool) -> None:
        self._serial = serial_devices
        self._can_dedicate = dedicated
        self._began = 0.0
        self._samples: dict[str, deque[tuple[int, int, int]]] = {}
        self._page, self._pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")

    def interfaces(self, include_virtual: bool, detailed: bool, dedicated: Mapping[str, str]) -> dict[str, Any]:
        """The interfaces; `dedicated` says which of them a vPLC has for itself."""
        found = []
        for name, facts in sorted(INTERFACES.items()):
            if name.startswith(_VIRTUAL) and not include_virtual:
                continue
            address = facts["address"]
            if not address and not self._can_dedicate:
                continue
            entry: dict[str, Any] = {
                "name": name,
                "ip_address": address,
                "ipv4_addresses": [address] if address else [],
            }
            entry["mac_address"] = None
            if detailed:
                entry |= {"subnet": facts["subnet"], "gateway": None}
            if name in dedicated:
                entry["dedicated_to"] = dedicated[name]
            if not address:
                entry["dedicated_only"] = True
            found.append(entry)
        return {"status": "success", "interfaces": found}

    def serial_devices(self) -> dict[str, Any]:
        """Serial ports, in the order of the command line."""
        devices = [
            {
                "path": f"/dev/ttyUSB{number}",
                "device_id": f"/dev/serial/by-id/{name}",
                "vendor_id": "0403",
                "product_id": "6001",
                "serial": f"A{number:07}",
                "manufacturer": "FTDI",
                "product": "USB serial converter",
            }
            for number, name in enumerate(self._serial)
        ]
        return {"status": "success", "devices": devices, "count": len(devices)}

    def sample(self, vplcs: list[str]) -> dict[str, Any]:
        """Measure, remember it for the charts, and give the measurements of a heartbeat."""
        self._began = self._began or time.monotonic()  # as recorded: with the first heartbeat, not with the agent
        memory = (self._pages - os.sysconf("SC_AVPHYS_PAGES")) * self._page
        cpu = round(min(100.0, 100.0 * os.getloadavg()[0] / (os.cpu_count() or 1)), 1)
        now = int(time.time())
        self._remember("", now, int(cpu), memory // 1024**2)
        for name in vplcs:
            self._remember(name, now, 0, 117)
        disk = shutil.disk_usage("/")
        return {
            "cpu_usage": cpu,
            "memory_usage": round(memory / _GB, 1),
            "memory_total": round(self._pages * self._page / _GB, 1),
            "disk_usage": round(disk.used / _GB, 1),
            "disk_total": round(disk.total / _GB, 1),
            "uptime": int(time.monotonic() - self._began),
            "status": "active",
            "timestamp": datetime.now().isoformat(),
        }

    def consumption(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """What the whole computer has and uses."""
        return {
            "ip_addresses": [{"interface": "eth0", "ip_address": INTERFACES["eth0"]["address"]}],
            "memory": self._pages * self._page // 1024**2,
            "cpu": os.cpu_count(),
            "os": f"{platform.system()} {platform.release()}",
            "kernel": platform.release(),
            "disk": shutil.disk_usage("/").total // _GB,
            **self._usage("", message),
        }

    def vplc_consumption(self, name: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """What a vPLC may use and uses."""
        return {"device_id": name, "memory": "unlimited", "cpu": "unlimited", **self._usage(name, message)}

    def _remember(self, name: str, at: int, cpu: int, memory: int) -> None:
        self._samples.setdefault(name, deque(maxlen=48 * 720)).append((at, cpu, memory))

    def _usage(self, name: str, message: Mapping[str, Any]) -> dict[str, Any]:
        samples = self._samples.get(name, deque())
        (cpu_from, cpu_to), (memory_from, memory_to) = (_period(message[key]) for key in ("cpuPeriod", "memoryPeriod"))
        return {
            "cpu_usage": [{"timestamp": at, "cpu": cpu} for at, cpu, _ in samples if cpu_from <= at <= cpu_to],
            "memory_usage": [
                {"timestamp": at, "memory": memory} for at, _, memory in samples if memory_from <= at <= memory_to
            ],
        }


def _period(text: str) -> tuple[int, int]:
    """First and last second: `1h`, `30m`, `2d`, `90` (seconds) until now, `from,to`; anything else is the last hour."""
    now = int(time.time())
    try:
        if "," in text:
            first, last = text.split(",")[:2]
            return int(first), int(last)
        unit = {"h": 3600, "m": 60, "d": 86400}.get(text[-1:], 0)
        return now - (int(text[:-1]) * unit if unit else int(text)), now
    except ValueError:
        return now - 3600, now
