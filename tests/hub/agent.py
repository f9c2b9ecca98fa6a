"""An orchestrator agent for tests: a process of its own that answers a hub as the recorded agent does, with simulators for vPLCs.

    python tests/hub/agent.py --hub HOST:PORT --certificate FILE --key FILE --ca FILE --data DIR

It dials out with its client certificate, begins with polling, acknowledges each topic with the reply, answers unknown topics with null and what
is no object with nothing. `--line` chooses between the published branches, which differ in debugging, heartbeats and topics.

Tests ask it for faults: SIGUSR1 cuts the session; `faults.json` in its data folder, read at each message, may hold
`{"slow": {WHAT: seconds}, "die": "before WHAT" | "after WHAT"}` where WHAT is a topic or, for run_command, the requested path, or the type of a debug message. It dies as by
kill -9: `before` it has done anything with the message, `after` it has done all but acknowledge.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import socketio  # type: ignore[import-untyped]  # it ships no types
from cryptography import x509
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).parents[1]))

from hub.agent_contract import CONTRACTS, NEWER_CONTRACTS, OLDER_CONTRACTS, Contract, refusal
from hub.agent_debug import DebugSessions
from hub.agent_host import Host
from hub.agent_proxy import RUNTIME_PORT, run
from hub.agent_vplcs import ORCHESTRATOR, Vplcs

_UNLINKED_RETRY_S, _FIRST_RETRY_S, _LONGEST_RETRY_S, _JITTER = 5.0, 1.0, 30.0, 0.3
_POLL_TEXT = f"Poll get_device_status with device_id='{ORCHESTRATOR}' for progress."
log = logging.getLogger("agent")


class Agent:
    """One agent: its connection, its topics, its vPLCs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._data = Path(options.data)
        self._data.mkdir(parents=True, exist_ok=True)
        self._newer, self._older = options.line == "version-management", options.line == "raw-debug"
        self._vplcs = Vplcs(self._data, options.image_version, options.serial, options.step_s, options.scale)
        for name, _, place in (device.partition("=") for device in options.device):
            self._vplcs.register(name, place.rpartition(":")[0], int(place.rpartition(":")[2]))
        self._debug = DebugSessions(raw=self._older, ending_s=options.debug_ending_s)
        self._host = Host(options.serial, dedicated=not self._older)
        self._http: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None
        self._id = ""
        self._connected = 0
        self._attempt = 0
        self._ended = asyncio.Event()
        self._work: asyncio.Future[None] | None = None  # kept, or it might be collected before its end

    async def run(self) -> None:
        """Connect, and again, until the agent is deleted."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._cut)
        keeping = asyncio.create_task(self._vplcs.keep_running())
        connecting = asyncio.create_task(self._stay_connected())
        await self._ended.wait()
        for task in (connecting, keeping):
            task.cancel()
        await self._debug.close()

    async def _stay_connected(self) -> None:
        while True:
            error = "the session ended"
            try:
                await self._session()
            except Exception as problem:
                error = str(problem) or repr(problem)
            finally:
                if self._http is not None:
                    await self._http.close()
            self._say(False, error)
            delay = _UNLINKED_RETRY_S
            if self._connected:
                delay = min(_FIRST_RETRY_S * 2**self._attempt, _LONGEST_RETRY_S)
                delay = max(_FIRST_RETRY_S, delay * (1 + _JITTER * random.uniform(-1, 1)))
                self._attempt += 1
            log.warning("not connected (%s), next try in %.4f s", error, delay * self._options.scale)
            await asyncio.sleep(delay * self._options.scale)

    async def _session(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls(), ttl_dns_cache=30, force_close=True)
        )
        client = socketio.AsyncClient(reconnection=False, http_session=self._http)
        beating: list[asyncio.Task[None]] = []

        async def connected() -> None:
            self._connected += 1
            self._attempt = 0
            self._say(True, "")
            log.info("connected")
            if self._newer or self._older or self._options.heartbeats:
                beating.append(asyncio.create_task(self._beat(client)))

        client.on("connect", connected)
        contracts = OLDER_CONTRACTS if self._older else CONTRACTS
        for topic, contract in {**contracts, **(NEWER_CONTRACTS if self._newer else {})}.items():
            client.on(topic, self._handler(topic, contract))
        try:
            await client.connect(f"https://{self._options.hub}")
            await client.wait()
        finally:
            for task in beating:
                task.cancel()

    def _tls(self) -> ssl.SSLContext:
        # Read once, as recorded: a new certificate needs a restart.
        if self._context is None:
            context = ssl.create_default_context(cafile=self._options.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self._options.certificate, self._options.key)
            certificate = x509.load_pem_x509_certificate(Path(self._options.certificate).read_bytes())
            self._id = str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
            self._context = context
        return self._context

    def _cut(self) -> None:
        log.warning("the session is cut on request")
        if self._http is not None:
            self._work = asyncio.ensure_future(self._http.close())

    def _say(self, online: bool, error: str) -> None:
        facts = {"pid": os.getpid(), "online": online, "connected": self._connected, "error": error}
        new = self._data / "session.new"
        new.write_text(json.dumps(facts))
        new.replace(self._data / "session.json")

    async def _beat(self, client: socketio.AsyncClient) -> None:
        while True:
            await asyncio.sleep(self._options.heartbeat_s)
            version = {"agent_version": self._options.agent_version} if self._newer else {}
            with contextlib.suppress(socketio.exceptions.SocketIOError):
                await client.emit(
                    "heartbeat", {"agent_id": self._id, **version, **self._host.sample(self._vplcs.names())}
                )

    def _handler(self, topic: str, contract: Contract) -> Any:
        async def handle(message: dict[str, Any]) -> dict[str, Any]:
            number = message.get("correlation_id")  # what is no object ends here, without an acknowledgement
            what = message.get("api", topic)
            if what == "debug" and isinstance(message.get("data"), dict):
                what = message["data"].get("type")
            faults = self._faults()
            await asyncio.sleep(faults.get("slow", {}).get(what, 0))
            self._die_if(faults, f"before {what}")
            refused = refusal(contract, message)
            if refused is not None:
                return {"status": "error", "error": refused, "action": topic, "correlation_id": number}
            message = {key: value for key, value in message.items() if key in contract or topic == "run_command"}
            answer = {"action": topic, "correlation_id": number, **await self._answer(topic, message)}
            self._die_if(faults, f"after {what}")
            return answer

        return handle

    def _faults(self) -> dict[str, Any]:
        file = self._data / "faults.json"
        faults: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return faults

    def _die_if(self, faults: Mapping[str, Any], now: str) -> None:
        if faults.get("die") == now:
            os.kill(os.getpid(), signal.SIGKILL)

    async def _answer(self, topic: str, message: dict[str, Any]) -> dict[str, Any]:
        match topic:
            case "run_command":
                return await self._run_command(message)
            case "get_device_status":
                return self._vplcs.status(message["device_id"])
            case "create_new_runtime":
                return self._vplcs.create(message)
            case "delete_device":
                return self._vplcs.delete(message["device_id"])
            case "get_host_interfaces":
                detailed = message.get("detailed", True)
                return self._host.interfaces(bool(message.get("include_virtual")), detailed, self._vplcs.dedicated())
            case "get_serial_devices":
                return self._host.serial_devices()
            case "get_consumption_orchestrator":
                return self._host.consumption(message)
            case "get_consumption_device" if message["device_id"] in self._vplcs.names():
                return self._host.vplc_consumption(message["device_id"], message)
            case "get_consumption_device":
                return {"status": "error", "error": f"Device {message['device_id']} not found"}
            case "get_orchestrator_version":
                image = f"sha256:{0:064}"
                version = self._options.agent_version
                return {
                    "status": "success",
                    "orchestrator_version": version,
                    "netmon_version": "unknown",
                    "orchestrator_image_id": image,
                }
            case "delete_orchestrator" | "upgrade_orchestrator":
                return self._about_itself(topic)
        return self._webrtc(topic, message)

    async def _run_command(self, message: dict[str, Any]) -> dict[str, Any]:
        name = message["device_id"]
        runtime = self._vplcs.runtime(name)
        if message["api"] == "debug":
            question = message.get("data", {})
            if runtime and question.get("port", RUNTIME_PORT) != RUNTIME_PORT:
                runtime = (runtime[0], question["port"])
            return {"status": "success", "debug_response": await self._debug.handle(name, runtime, question)}
        if runtime is None:
            return {"status": "error", "error": f"Device not found: {name}"}
        answer = await asyncio.to_thread(run, *runtime, message)
        return {"status": "success" if answer["ok"] else "error", "http_response": answer}

    def _about_itself(self, topic: str) -> dict[str, Any]:
        deleting = topic == "delete_orchestrator"
        if not self._vplcs.begin_with_agent(*(("deleting", "delete") if deleting else ("upgrading", "upgrade"))):
            what = "Self-destruct operation" if deleting else "Upgrade or other operation"
            return {"status": "error", "error": f"{what} already in progress"}
        self._work = asyncio.create_task(self._delete_itself() if deleting else self._upgrade_itself())
        message = f"{'Self-destruct' if deleting else 'Upgrade'} initiated. {_POLL_TEXT}"
        return {"status": "accepted", "message": message, "poll_device_id": ORCHESTRATOR}

    async def _delete_itself(self) -> None:
        for step in ("starting", "returning_dedicated_nics", "deleting_runtimes"):
            await self._vplcs.step_with_agent(step)
        self._vplcs.delete_all()
        for step in ("cleaning_networks", "cleaning_proxy_arp", "deleting_netmon", "deleting_volume", "removing_self"):
            await self._vplcs.step_with_agent(step)
        self._ended.set()

    async def _upgrade_itself(self) -> None:
        for step in ("starting", "pulling_images", "upgrading_netmon", "spawning_upgrader", "upgrader_spawned"):
            await self._vplcs.step_with_agent(step)
        os.execv(sys.executable, [sys.executable, *sys.argv])  # the new container

    def _webrtc(self, topic: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """No session can be had: this agent has no WebRTC. What the recorded one says of unknown devices and sessions is said here, too."""
        session = message["session_id"]
        if topic == "webrtc:disconnect":
            return {"status": "warning", "session_id": session, "message": "Session not found (may already be closed)"}
        error = f"Session {session} not found"
        if topic == "webrtc:offer":
            known = message["device_id"] in self._vplcs.names()
            error = "no WebRTC" if known else f"Device {message['device_id']} not found"
        return {"status": "error", "error": error, "session_id": session}


def main() -> None:
    """Run until the agent is deleted or killed."""
    words = argparse.ArgumentParser(description="An orchestrator agent for tests.")
    words.add_argument("--hub", required=True, metavar="HOST:PORT", help="the hub's listener for agents")
    words.add_argument("--certificate", required=True, help="client certificate, PEM; its CN is the agent's id")
    words.add_argument("--key", required=True, help="the certificate's key, PEM")
    words.add_argument("--ca", required=True, help="the authority of the hub's certificate, PEM")
    words.add_argument("--data", required=True, help="where vPLCs are kept")
    words.add_argument("--line", choices=("main", "raw-debug", "version-management"), default="main")
    words.add_argument("--image-version", default="v4.1.4", help="the runtime version of the image `latest`")
    words.add_argument("--agent-version", default="test", help="what the line version-management calls itself")
    words.add_argument("--heartbeats", action="store_true", help="send heartbeats; only the line main does not")
    words.add_argument("--heartbeat-s", type=float, default=5.0)
    words.add_argument(
        "--device",
        action="append",
        default=[],
        metavar="NAME=HOST:PORT",
        help="a simulator that runs already, as a vPLC",
    )
    words.add_argument(
        "--serial", action="append", default=[], metavar="ID", help="a serial port that the computer has"
    )
    words.add_argument("--scale", type=float, default=1.0, help="what waits before another try are multiplied with")
    words.add_argument("--step-s", type=float, default=0.1, help="how long each step of create and delete takes")
    words.add_argument(
        "--debug-ending-s", type=float, default=0.0, help="how long the end of a debug session blocks all others"
    )
    options = words.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> None:
    await Agent(options).run()


if __name__ == "__main__":
    main()
