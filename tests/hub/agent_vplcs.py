"""The vPLCs of an orchestrator agent for tests: each is a simulator in a process of its own, as the real agent's are containers.

They outlive the agent, which finds them again by its registry file; one that ends by itself is started again a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hub.agent_host import INTERFACES

ORCHESTRATOR = "__orchestrator__"
_IMAGE = "ghcr.io/autonomy-logic/openplc-runtime"
_RESTART_S, _MOST_RESTARTS, _RESTART_WINDOW_S = 3.0, 5, 600.0


@dataclass
class Vplc:
    """One vPLC. Port `port` of `address` stands for the runtime's port 8443; without `folder` the simulator belongs to somebody else."""

    address: str
    port: int
    folder: str = ""
    image: str = ""
    pid: int = 0
    started: float = 0.0
    exit_code: int | None = None
    dedicated: str = ""
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    serial: list[dict[str, Any]] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)


class Vplcs:
    """Create, delete and status, with the recorded answers and steps.

    `latest` is the version of the image `latest`, `plugged` are the serial devices of the computer, `step_s` how long each step of an operation takes, `scale` shortens the wait before a restart.
    """

    def __init__(self, folder: Path, latest: str, plugged: list[str], step_s: float, scale: float) -> None:
        self._folder, self._latest, self._plugged, self._step_s, self._scale = folder, latest, plugged, step_s, scale
        self._file = folder / "vplcs.json"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._operations: dict[str, dict[str, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        stored = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._vplcs = {name: Vplc(**facts) for name, facts in stored.items()}

    def register(self, name: str, address: str, port: int) -> None:
        """A simulator that runs already."""
        self._vplcs[name] = Vplc(address, port, started=time.time())
        self._store()

    def names(self) -> list[str]:
        """All vPLCs."""
        return list(self._vplcs)

    def runtime(self, name: str) -> tuple[str, int] | None:
        """Where the runtime of a vPLC listens."""
        vplc = self._vplcs.get(name)
        return (vplc.address, vplc.port) if vplc else None

    def dedicated(self) -> dict[str, str]:
        """Interfaces that a vPLC has for itself."""
        return {vplc.dedicated: name for name, vplc in self._vplcs.items() if vplc.dedicated}

    def status(self, name: str) -> dict[str, Any]:
        """The answer to get_device_status."""
        operation = self._operations.get(name)
        if operation:
            known = {key: value for key, value in operation.items() if value is not None}
            about = {"creating": "created", "deleting": "deleted"}.get(operation["status"])
            if operation["error"]:
                known["message"] = f"Operation failed: {operation['error']}"
            elif about:
                known["message"] = f"Container {name} is being {about}"
            return {"device_id": name, **known}
        vplc = self._vplcs.get(name)
        if vplc is None:
            return {"status": "not_found", "device_id": name, "message": f"Container {name} does not exist"}
        running = vplc.exit_code is None
        answer: dict[str, Any] = {
            "status": "success",
            "device_id": name,
            "container_status": "running" if running else "exited",
            "is_running": running,
            "networks": vplc.networks,
            "restart_count": 0,
            "internal_ip": vplc.address,
        }
        if running:
            answer["uptime_seconds"] = int(time.time() - vplc.started)
        else:
            answer["exit_code"] = vplc.exit_code
        if vplc.serial:
            answer["serial_ports"] = vplc.serial
        return answer

    def create(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Begin to create a vPLC; its status tells the rest."""
        name = message["container_name"]
        refused = self._begin(name, "creating", "create")
        if refused:
            return refused
        self._spawn(self._create(name, message))
        answer = {"status": "creating", "container_id": name, "message": f"Container creation started for {name}"}
        serial = message.get("serial_configs")
        return {**answer, "serial_configs_count": len(serial)} if serial else answer

    def delete(self, name: str) -> dict[str, Any]:
        """Begin to delete a vPLC, even one that does not exist."""
        refused = self._begin(name, "deleting", "delete")
        if refused:
            return refused
        self._spawn(self._delete(name))
        return {"status": "deleting", "device_id": name, "message": f"Container deletion started for {name}"}

    def begin_with_agent(self, status: str, operation: str) -> bool:
        """Begin an operation on the agent itself; False while there is one."""
        refused = self._begin(ORCHESTRATOR, status, operation)
        return refused is None

    async def step_with_agent(self, step: str) -> None:
        """Show a step of the operation on the agent itself for its time."""
        await self._step(ORCHESTRATOR, step)

    def delete_all(self) -> None:
        """Delete every vPLC at once."""
        for name in self.names():
            self._remove(name)

    async def keep_running(self) -> None:
        """Start what should run and does not, now and for ever."""
        for name, vplc in self._vplcs.items():
            if vplc.folder and not self._alive(name, vplc):
                self._start(name, vplc)
        while True:
            await asyncio.sleep(0.1)
            for name, vplc in list(self._vplcs.items()):
                if vplc.folder and vplc.exit_code is None and not self._alive(name, vplc):
                    vplc.exit_code = 137
                    self._store()
                    self._spawn(self._restart(name, vplc))

    def _begin(self, name: str, status: str, operation: str) -> dict[str, Any] | None:
        current = self._operations.get(name)
        if current and current["status"] != "error":
            error = f"Container {name} already has a {current['operation']} operation in progress"
            return {"status": "error", "error": error}
        now = datetime.now().isoformat()
        self._operations[name] = {
            "status": status,
            "operation": operation,
            "started_at": now,
            "updated_at": now,
            "step": None,
            "error": None,
        }
        return None

    def _fail(self, name: str, error: str) -> None:
        self._operations[name] |= {"status": "error", "error": error, "updated_at": datetime.now().isoformat()}

    async def _step(self, name: str, step: str) -> None:
        self._operations[name] |= {"step": step, "updated_at": datetime.now().isoformat()}
        await asyncio.sleep(self._step_s)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _create(self, name: str, message: Mapping[str, Any]) -> None:
        if name in self._vplcs:
            self._fail(name, "Container name is already in use")
            return
        await self._step(name, "validating_config")
        dedicated = message.get("dedicated_interface") or ""
        tag = message.get("runtime_version") or "latest"
        problem = self._network_problem(message["vnic_configs"]) or (
            dedicated and self._dedicated_problem(dedicated, message)
        )
        if problem:
            self._fail(name, problem)
            return
        await self._step(name, "pulling_image")
        version = self._latest if tag == "latest" else tag
        if not re.fullmatch(r"v4\.\d+\.\d+(-\w+(\.\d+)?)?", version):
            self._fail(
                name,
                f"Runtime version '{tag}' not found. The image {_IMAGE}:{tag} does not exist in the registry or locally.",
            )
            return
        await self._step(name, "creating_networks")
        await self._step(name, "creating_container")
        address = self._free_address()
        folder = self._folder / f"vplc-{quote(name, safe='')}"
        vplc = Vplc(address, _free_port(address), str(folder), version, dedicated=dedicated)
        number = int(address.rpartition(".")[2])
        for config in message["vnic_configs"]:
            ip = config.get("ip") or f"198.51.100.{100 + number}"
            vplc.networks[_network(config)] = {
                "ip_address": ip.partition("/")[0],
                "mac_address": config.get("mac") or f"02:42:ac:00:{len(vplc.networks):02x}:{number:02x}",
                "gateway": config.get("gateway") or "198.51.100.1",
            }
        for serial in message.get("serial_configs") or []:
            vplc.serial.append(self._serial_port(serial))
        self._vplcs[name] = vplc
        self._start(name, vplc)
        del self._operations[name]

    async def _delete(self, name: str) -> None:
        await self._step(name, "stopping_container")
        self._remove(name)
        await self._step(name, "removing_networks")
        del self._operations[name]

    def _remove(self, name: str) -> None:
        vplc = self._vplcs.pop(name, None)
        self._store()
        if vplc and vplc.folder:
            _kill(vplc.pid)
            process = self._processes.pop(name, None)
            if process:
                process.wait()
            shutil.rmtree(vplc.folder, ignore_errors=True)  # users and program live in the container and go with it

    async def _restart(self, name: str, vplc: Vplc) -> None:
        now = time.time()
        vplc.restarts = [at for at in vplc.restarts if now - at < _RESTART_WINDOW_S]
        if len(vplc.restarts) < _MOST_RESTARTS:
            vplc.restarts.append(now)
            await asyncio.sleep(_RESTART_S * self._scale)
            if self._vplcs.get(name) is vplc:
                self._start(name, vplc)

    def _start(self, name: str, vplc: Vplc) -> None:
        folder = Path(vplc.folder)
        folder.mkdir(parents=True, exist_ok=True)
        which = ["--as", "v4.0"] if vplc.image.startswith("v4.0.") else ["--runtime-version", vplc.image]
        command = [
            sys.executable,
            "-m",
            "rung",
            "simulate",
            "--listen",
            f"{vplc.address}:{vplc.port}",
            "--data",
            str(folder / "data"),
            *which,
        ]
        with (folder / "simulator.log").open("ab") as output:
            # A session of its own: it outlives the agent, and killing the group takes its program's process along.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._processes[name] = process
        vplc.pid, vplc.started, vplc.exit_code = process.pid, time.time(), None
        self._store()

    def _alive(self, name: str, vplc: Vplc) -> bool:
        process = self._processes.get(name)
        if process and process.pid == vplc.pid:
            return process.poll() is None
        return _is_running(vplc.pid)

    def _free_address(self) -> str:
        if sys.platform != "linux":  # where only 127.0.0.1 exists without being set up
            return "127.0.0.1"
        taken = {vplc.address for vplc in self._vplcs.values()}
        return next(address for address in (f"127.0.0.{number}" for number in range(3, 255)) if address not in taken)

    def _network_problem(self, configs: list[dict[str, Any]]) -> str:
        seen: dict[str, str] = {}
        macs = {network["mac_address"] for vplc in self._vplcs.values() for network in vplc.networks.values()}
        for config in configs:
            key = _network(config)
            if key in seen:
                return (
                    f"Invalid vNIC configuration: vNICs '{seen[key]}' and '{config['name']}' would connect to the same MACVLAN network ({key}). "
                    "Docker only allows one endpoint per container per network. To use multiple IPs on the same physical network, "
                    "consider using different subnets or a single vNIC with additional IP configuration."
                )
            seen[key] = config["name"]
            if (config.get("mac") or "").lower() in macs:
                return f"MAC address {config['mac']} is already in use."
        return ""

    def _dedicated_problem(self, interface: str, message: Mapping[str, Any]) -> str:
        if interface not in INTERFACES:
            return f"Interface '{interface}' not found on host. Available interfaces: {list(INTERFACES)}"
        if interface in self.dedicated():
            return f"Interface '{interface}' is already dedicated to container '{self.dedicated()[interface]}'."
        if any(config["parent_interface"] == interface for config in message["vnic_configs"]):
            return (
                f"Interface '{interface}' is configured as a vNIC parent. "
                "A dedicated NIC cannot also be used for MACVLAN/Proxy ARP networking."
            )
        return ""

    def _serial_port(self, config: Mapping[str, Any]) -> dict[str, Any]:
        port = {key: config[key] for key in ("name", "device_id", "container_path")}
        for number, name in enumerate(self._plugged):
            if name in config["device_id"] or config["device_id"] in name:
                return {**port, "status": "connected", "current_host_path": f"/dev/ttyUSB{number}"}
        return {**port, "status": "disconnected"}

    def _store(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({name: asdict(vplc) for name, vplc in self._vplcs.items()}, indent=1))
        new.replace(self._file)


def end_all(folder: Path) -> None:
    """End every simulator that the agent with this data folder has started; for when that agent has been killed."""
    file = folder / "vplcs.json"
    for facts in json.loads(file.read_text()).values() if file.exists() else ():
        if facts["folder"]:
            _kill(facts["pid"])


def _network(config: Mapping[str, Any]) -> str:
    """The name of the network that a network interface of a vPLC joins; without subnet and gateway it is that of its parent."""
    parent, subnet, gateway = config["parent_interface"], config.get("subnet"), config.get("gateway")
    if subnet and gateway:
        subnet = subnet if "/" in subnet else str(IPv4Network(f"{gateway}/{subnet}", strict=False))
    else:
        subnet = INTERFACES.get(parent, {}).get("subnet") or "unknown"
    return f"macvlan_{parent}_{subnet.replace('/', '_')}"


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:  # no /proc on this system; the signal has been taken
        return True
    except OSError:
        return False


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
