"""Many agents in one process of their own, each with its certificate and its address, as lean as can be: for figures, not for fidelity.

    python tests/hub/crowd.py --hub HOST:PORT --ca FILE --folder DIR --count N [--heartbeat-s S] [--answer-s S]

Each connects as the library of the real one does (a polling handshake, then a websocket), answers pings, sends heartbeats, and with `--answer-s`
answers every call after so many seconds. Who is lost connects again after 1 s, 2 s, 4 s ... 30 s, give or take 30 %, as recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import ssl
import subprocess
import sys
import time
import uuid
from asyncio import sslproto
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from rung.hub.authority import Authority
from rung.hub.records import VplcState
from rung.hub.store import Store

KEY = "key.pem"
_FIRST_RETRY_S, _LONGEST_RETRY_S, _JITTER = 1.0, 30.0, 0.3
_PATIENCE_S = 20.0
_AT_ONCE = 200
_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9
_COUNTS = ("online", "connected", "lost", "failed", "heartbeats", "answered")


# -- what they connect with ------------------------------------------------------------------------------------------


async def enrol_many(hub: Path, database: str, count: int, folder: Path, *, vplcs: bool = True) -> dict[str, str]:
    """Orchestrators, with a vPLC each if there are to be `vplcs`, put into the hub's database at once; certificates `ID.crt` for one key in `folder`.

    Args:
        hub: the hub's folder, with its authority.
        database: its database's URL.
        count: how many.
        folder: is made.

    Returns:
        The vPLC of each orchestrator, by ids; an empty word where it has none.
    """
    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / KEY).write_bytes(key.private_bytes(*form))
    authority, store = Authority.open(hub), await Store.open(database)
    owner = (await store.users())[0]
    made: dict[str, str] = {}

    async def one(number: int) -> None:
        now = datetime.now(timezone.utc)
        enrolment = await store.create_enrolment(owner, f"{folder.name} {number:05}", "", now + timedelta(minutes=5))
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, enrolment.id)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        issued = authority.issue(request.public_bytes(serialization.Encoding.PEM), enrolment.id, now)
        (folder / f"{enrolment.id}.crt").write_text(issued.pem)
        orchestrator = await store.complete_enrolment(enrolment.id, issued.record)
        assert orchestrator is not None
        made[enrolment.id] = ""
        if vplcs:
            vplc = await store.add_vplc(orchestrator, str(uuid.uuid4()), "PLC", {})
            await store.set_vplc_state(vplc.id, VplcState.RUNNING, "")
            made[enrolment.id] = vplc.id

    for begin in range(0, count, 200):
        await asyncio.gather(*(one(number) for number in range(begin, min(count, begin + 200))))
    await store.aclose()
    return made


class CrowdProcess:
    """The process of these agents; `folder` is that of `enrol_many`."""

    def __init__(
        self, hub: str, ca: Path, folder: Path, count: int, *, heartbeat_s: float = 5.0, answer_s: float | None = None
    ) -> None:
        self._command = [sys.executable, __file__, "--hub", hub, "--ca", str(ca), "--folder", str(folder)]
        self._command += ["--count", str(count), "--heartbeat-s", str(heartbeat_s)]
        self._command += [] if answer_s is None else ["--answer-s", str(answer_s)]
        self._count = count
        self._state = folder / "state.json"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; they connect by themselves."""
        self._state.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)

    @property
    def state(self) -> dict[str, Any]:
        """`online` now, and how often so far: `connected`, `lost`, `failed`, `heartbeats`, `answered`; `why` they failed."""
        if not self._state.exists():
            return {**dict.fromkeys(_COUNTS, 0), "why": {}}
        facts: dict[str, Any] = json.loads(self._state.read_text())
        return facts

    def wait_online(self, within: float, connected: int = 0) -> float:
        """Wait until all are online (and so many connections have been made in all); how many seconds that took."""
        began = time.monotonic()
        while True:
            state = self.state
            if state["online"] == self._count and state["connected"] >= connected:
                return time.monotonic() - began
            assert self._process is not None
            assert self._process.poll() is None, "the process of the agents has ended"
            assert time.monotonic() - began < within, state
            time.sleep(0.05)

    def close(self) -> None:
        """End it and all of them."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


# -- one of them -----------------------------------------------------------------------------------------------------


class Lost(Exception):  # a state, not a fault
    """The connection could not be made or has ended."""


class LeanAgent:
    """One agent."""

    def __init__(self, crowd: Crowd, id: str, number: int) -> None:
        self._crowd, self._id = crowd, id
        # Every agent of the real world has an address of its own, so limits by address mean something here, too.
        self._source = f"127.{1 + number // 60_000}.{number // 250 % 240}.{1 + number % 250}", 0

    async def run(self) -> None:
        """Connect, and again."""
        counts, attempt = self._crowd.counts, 0
        while True:
            try:
                async with self._crowd.gate:
                    reader, writer = await asyncio.wait_for(self._connect(), _PATIENCE_S)
            except (OSError, EOFError, Lost, ValueError, asyncio.TimeoutError) as problem:
                counts["failed"] += 1
                self._crowd.why[f"{type(problem).__name__}: {str(problem)[:60]}"] += 1
            else:
                attempt = 0
                counts["connected"] += 1
                counts["online"] += 1
                with suppress(OSError, EOFError, Lost):
                    await self._serve(reader, writer)
                counts["online"] -= 1
                counts["lost"] += 1
                writer.transport.abort()
            delay = min(_FIRST_RETRY_S * 2**attempt, _LONGEST_RETRY_S)
            attempt += 1
            await asyncio.sleep(max(_FIRST_RETRY_S, delay * (1 + _JITTER * random.uniform(-1, 1))))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = self._crowd.context(self._id)
        reader, writer = await self._open(context)
        writer.write(self._head("polling", "", "Connection: close"))
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.transport.abort()
        if body[:1] != b"0":
            raise Lost(body[:60].decode(errors="replace") or "no handshake")
        sid = json.loads(body[1:])["sid"]
        reader, writer = await self._open(context)
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
        writer.write(self._head("websocket", f"&sid={sid}", upgrade))
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.partition(b"\r\n")[0]:
            raise Lost(answer.partition(b"\r\n")[0].decode())
        for said, wanted in (("2probe", "3probe"), ("5", None), ("40", "40")):
            _send(writer, said)
            if wanted is not None and not (heard := await _frame(reader, writer)).startswith(wanted):
                raise Lost(heard[:60])
        return reader, writer

    async def _open(self, context: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._crowd.hub
        return await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=host, local_addr=self._source, limit=16_384
        )

    def _head(self, transport: str, more: str, *fields: str) -> bytes:
        words = [f"GET /socket.io/?transport={transport}&EIO=4{more} HTTP/1.1", f"Host: {self._crowd.hub[0]}", *fields]
        return ("\r\n".join(words) + "\r\n\r\n").encode()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beating = asyncio.create_task(self._beat(writer))
        try:
            while True:
                text = await _frame(reader, writer)
                if text == "2":
                    _send(writer, "3")
                elif text.startswith("42"):
                    self._answer(writer, text)
                elif text.startswith(("41", "1")):
                    raise Lost
        finally:
            beating.cancel()

    def _answer(self, writer: asyncio.StreamWriter, text: str) -> None:
        number, found, rest = text[2:].partition("[")
        if self._crowd.answer_s is None or not found or not number:
            return
        topic, message = json.loads(found + rest)
        response = {
            "status_code": 200,
            "headers": {"Content-Type": "application/json"},
            "ok": True,
            "body": {"status": "STATUS:RUNNING"},
            "content_type": "application/json",
        }
        answer = {
            "action": topic,
            "correlation_id": message["correlation_id"],
            "status": "success",
            "http_response": response,
        }

        def send() -> None:
            self._crowd.counts["answered"] += 1
            _send(writer, f"43{number}" + json.dumps([answer], separators=(",", ":")))

        asyncio.get_running_loop().call_later(self._crowd.answer_s, send)

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(random.uniform(0, self._crowd.heartbeat_s))
        while True:
            words = {
                "agent_id": self._id,
                "cpu_usage": 12.5,
                "memory_usage": 512.0,
                "memory_total": 4096.0,
                "disk_usage": 10.0,
                "disk_total": 100.0,
                "uptime": int(time.monotonic()),
                "status": "active",
                "timestamp": datetime.now(timezone.utc).isoformat(),
            }
            _send(writer, "42" + json.dumps(["heartbeat", words], separators=(",", ":")))
            self._crowd.counts["heartbeats"] += 1
            await asyncio.sleep(self._crowd.heartbeat_s)


class Crowd:
    """All of them, and what is counted."""

    def __init__(self, options: argparse.Namespace) -> None:
        host, _, port = str(options.hub).rpartition(":")
        self.hub = host, int(port)
        self.heartbeat_s: float = options.heartbeat_s
        self.answer_s: float | None = options.answer_s
        self.gate = asyncio.Semaphore(_AT_ONCE)
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        self.why: Counter[str] = Counter()
        self._options = options

    def context(self, id: str) -> ssl.SSLContext:
        """The TLS settings of one of them."""
        folder = Path(self._options.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._options.ca)
        context.load_cert_chain(folder / f"{id}.crt", folder / KEY)
        return context

    async def run(self) -> None:
        """Run until nobody holds the other end of the standard input."""
        ids = sorted(path.stem for path in Path(self._options.folder).glob("*.crt"))[: self._options.count]
        agents = [asyncio.create_task(LeanAgent(self, id, number).run()) for number, id in enumerate(ids)]
        watching = asyncio.create_task(self._say())
        await asyncio.to_thread(sys.stdin.buffer.read)
        for task in (*agents, watching):
            task.cancel()

    async def _say(self) -> None:
        state = Path(self._options.folder) / "state.json"
        new = state.with_suffix(".new")
        while True:
            new.write_text(json.dumps({**self.counts, "why": dict(self.why.most_common(5))}))
            new.replace(state)
            await asyncio.sleep(0.1)


def _send(writer: asyncio.StreamWriter, text: str) -> None:
    """A text frame; the mask is zero, which masks nothing and costs nothing."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    if not writer.transport.is_closing():
        writer.write(bytes([0x80 | _TEXT]) + size + b"\0\0\0\0" + data)


async def _frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """The next text frame that says something."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        data = await reader.readexactly(size)
        if first & 0xF == _TEXT and data != b"6":
            return data.decode()
        if first & 0xF == _PING:
            writer.write(bytes([0x8A, 0x80 | len(data)]) + b"\0\0\0\0" + data)
        elif first & 0xF == _CLOSE:
            raise Lost


def raise_descriptors() -> None:
    """As many open files as the system allows this process."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    """Run until the standard input ends."""
    words = argparse.ArgumentParser(description="Many lean agents.")
    words.add_argument("--hub", required=True, metavar="HOST:PORT")
    words.add_argument("--ca", required=True)
    words.add_argument("--folder", required=True, help="certificates and their key")
    words.add_argument("--count", type=int, required=True)
    words.add_argument("--heartbeat-s", type=float, default=5.0)
    words.add_argument("--answer-s", type=float)
    raise_descriptors()
    # The library keeps a buffer of this size for each connection; that of an agent need not be large.
    sslproto.SSLProtocol.max_size = 16 * 1024  # type: ignore[attr-defined]  # the stubs leave it out
    asyncio.run(_run(words.parse_args()))


async def _run(options: argparse.Namespace) -> None:
    await Crowd(options).run()


if __name__ == "__main__":
    main()
