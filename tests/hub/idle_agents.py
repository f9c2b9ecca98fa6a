"""Many idle agents in one lean process: real TLS with a certificate each, a polling handshake, then a websocket that answers pings and calls.

    python tests/hub/idle_agents.py --hub HOST:PORT --ca FILE --certificates DIR [--at-once N] [--heartbeat SECONDS]

Every `ID.pem` in DIR, certificate and key in one file, becomes an agent. It writes one JSON line when all are connected,
`{"agents": N, "refused": N, "seconds": S}`, and another one for each session that is lost, and ends with its input. Why agents were refused is
on its error output.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import ssl
import sys
import time
from pathlib import Path

_PATH = "/socket.io/?EIO=4&transport="


class RefusedError(Exception):
    """The hub does not take this agent."""


class IdleAgent:
    """One agent: as few objects as it takes."""

    __slots__ = ("_context", "_heartbeat", "_host", "_port", "_reader", "_writer", "id")

    def __init__(self, host: str, port: int, ca: Path, file: Path, heartbeat: float) -> None:
        self.id = file.stem
        self._host, self._port, self._heartbeat = host, port, heartbeat
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(ca)
        self._context.load_cert_chain(file)

    async def connect(self) -> None:
        """Connect and upgrade.

        Raises:
            RefusedError: the hub does not want it.
            OSError: it could not be reached.
        """
        self._reader, self._writer = await asyncio.open_connection(
            self._host, self._port, ssl=self._context, limit=64 * 1024
        )
        opened = await self._ask("GET", "polling")
        sid = str(json.loads(opened[1:])["sid"])
        await self._ask("POST", f"polling&sid={sid}", "40{}")
        packets: list[str] = []
        while not any(packet.startswith("4") for packet in packets):
            packets += (await self._ask("GET", f"polling&sid={sid}")).split("\x1e")
        if not any(packet.startswith("40") for packet in packets):
            raise RefusedError(packets[-1])
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = (
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        )
        self._send_head("GET", f"websocket&sid={sid}", upgrade)
        if b" 101 " not in (await self._head()).split(b"\r\n", 1)[0]:
            raise RefusedError("no upgrade")
        self._send("2probe")
        if await self._frame() != "3probe":
            raise RefusedError("no probe")
        self._send("5")
        if "2" in packets:  # a ping that came before
            self._send("3")

    async def live(self) -> None:
        """Answer pings and calls until the connection ends."""
        beats = asyncio.ensure_future(self._beat()) if self._heartbeat else None
        try:
            while True:
                text = await self._frame()
                if text == "2":
                    self._send("3")
                elif text in ("1", "41", ""):
                    return
                elif text.startswith("42"):
                    bracket = text.index("[")
                    topic, message = json.loads(text[bracket:])
                    reply = {"action": topic, "correlation_id": message["correlation_id"], "status": "success"}
                    self._send(f"43{text[2:bracket]}{json.dumps([reply])}")
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            if beats is not None:
                beats.cancel()
            self._writer.close()

    async def _beat(self) -> None:
        while True:
            words = {"agent_id": self.id, "cpu_usage": 1.5, "memory_usage": 0.5, "uptime": 5, "status": "active"}
            self._send("42" + json.dumps(["heartbeat", words]))
            await asyncio.sleep(self._heartbeat)

    async def _ask(self, method: str, query: str, body: str = "") -> str:
        self._send_head(method, query, f"Content-Length: {len(body)}\r\n", body)
        head = await self._head()
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RefusedError(head.split(b"\r\n", 1)[0].decode())
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        return (await self._reader.readexactly(int(fields[b"content-length"]))).decode()

    def _send_head(self, method: str, query: str, fields: str, body: str = "") -> None:
        self._writer.write(f"{method} {_PATH}{query} HTTP/1.1\r\nHost: {self._host}\r\n{fields}\r\n{body}".encode())

    async def _head(self) -> bytes:
        return await self._reader.readuntil(b"\r\n\r\n")

    def _send(self, text: str) -> None:
        """A text frame; the mask is zero, which is a mask."""
        data = text.encode()
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        self._writer.write(b"\x81" + length + b"\0\0\0\0" + data)

    async def _frame(self) -> str:
        while True:
            kind, length = await self._reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
            data = await self._reader.readexactly(length)
            if kind == 0x88:
                return ""
            if kind == 0x81:
                return data.decode()


async def _run(options: argparse.Namespace) -> None:
    host, _, port = options.hub.rpartition(":")
    turns = asyncio.Semaphore(options.at_once)
    lives: list[asyncio.Task[None]] = []
    refused = 0
    began = time.monotonic()

    async def one(file: Path) -> None:
        nonlocal refused
        agent = IdleAgent(host, int(port), Path(options.ca), file, options.heartbeat)
        async with turns:
            try:
                await asyncio.wait_for(agent.connect(), 60)
            except (RefusedError, OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                refused += 1
                print(json.dumps({"refused": agent.id, "why": repr(error)}), file=sys.stderr, flush=True)
                return
        task = asyncio.ensure_future(agent.live())
        task.add_done_callback(lambda _: print(json.dumps({"lost": agent.id}), flush=True))
        lives.append(task)

    await asyncio.gather(*(one(file) for file in sorted(Path(options.certificates).glob("*.pem"))))
    report = {"agents": len(lives), "refused": refused, "seconds": round(time.monotonic() - began, 2)}
    print(json.dumps(report), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hub", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--certificates", required=True)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--heartbeat", type=float, default=0.0)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
