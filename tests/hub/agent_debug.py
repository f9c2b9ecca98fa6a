"""Debug sessions of an orchestrator agent: its own words of Runtime 4.0's debug commands, or raw frames on the branch that relays them.

One session per vPLC, whoever asks. The agent's own words are wrong for a Runtime 4.1, as recorded: its MD5 has two more bytes at the end.
The recorded agent polls the runtime and so needs up to 25 s to end a session, while no other debug message of any vPLC is answered. Here a
websocket ends at once, and `ending_s` puts that wait back for tests of it.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Mapping
from typing import Any

import httpx
import socketio  # type: ignore[import-untyped]  # it ships no types

NAMESPACE = "/api/debug"
_CONNECT_S, _ANSWER_S = 10.0, 5.0
_STATES = {0x7E: "SUCCESS", 0x81: "ERROR_OUT_OF_BOUNDS", 0x82: "ERROR_OUT_OF_MEMORY"}
_NO_SESSION = "No active debug session. Send debug_start first."


class _Session:
    """A connection to the debug channel of one runtime."""

    def __init__(self) -> None:
        self._client = socketio.AsyncClient(ssl_verify=False)
        self._connected = asyncio.Event()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.turn = asyncio.Lock()
        self._client.on("connected", self._on_connected, namespace=NAMESPACE)
        self._client.on("debug_response", self._on_response, namespace=NAMESPACE)

    async def _on_connected(self, _data: object) -> None:
        self._connected.set()

    async def _on_response(self, data: dict[str, Any]) -> None:
        self._answers.put_nowait(data)

    async def open(self, url: str, token: str) -> None:
        try:
            await self._client.connect(url, namespaces=[NAMESPACE], transports=["websocket"], auth={"token": token})
            await asyncio.wait_for(self._connected.wait(), _CONNECT_S)
        except asyncio.TimeoutError:
            await self.close()
            raise TimeoutError(f"Runtime did not send 'connected' confirmation within {_CONNECT_S}s") from None
        except socketio.exceptions.ConnectionError as error:
            await self.close()
            if "namespaces" in str(error):  # the runtime refused the token
                raise
            parts = httpx.URL(url)
            place = f"(host='{parts.host}', port={parts.port})"
            cause = f"HTTPSConnection{place}: Failed to establish a new connection: [Errno 111] Connection refused"
            target = f"/socket.io/?transport=polling&EIO=4&t={time.time()}"
            text = f'HTTPSConnectionPool{place}: Max retries exceeded with url: {target} (Caused by NewConnectionError("{cause}"))'
            raise ConnectionError(text) from None

    async def ask(self, command: str) -> dict[str, Any]:
        if not self._client.connected:
            raise RuntimeError("Not connected to runtime debug namespace")
        while not self._answers.empty():
            self._answers.get_nowait()
        await self._client.emit("debug_command", {"command": command}, namespace=NAMESPACE)
        try:
            return await asyncio.wait_for(self._answers.get(), _ANSWER_S)
        except asyncio.TimeoutError:
            raise TimeoutError(f"No debug_response received within {_ANSWER_S}s for command: {command}") from None

    async def close(self) -> None:
        await self._client.shutdown()


class DebugSessions:
    """The sessions of an agent. `raw` is the branch that relays frames and starts with a token instead of a password."""

    def __init__(self, raw: bool, ending_s: float) -> None:
        self._raw, self._ending_s = raw, ending_s
        self._sessions: dict[str, _Session] = {}
        self._table = asyncio.Lock()

    async def handle(self, name: str, runtime: tuple[str, int] | None, message: Mapping[str, Any]) -> dict[str, Any]:
        """The `debug_response` for one message about a vPLC; `runtime` is where it listens, None if there is no such vPLC."""
        kind = message.get("type", "")
        try:
            if kind == "debug_start":
                return await self._start(name, runtime, message)
            elif kind == "debug_stop":
                await self._end(name)
                return {"type": "debug_disconnected"}
            elif kind == "debug_command" and self._raw:
                return await self._relay(name, message)
            elif kind in _COMMANDS:
                return await self._translate(name, kind, message)
            return _error(f"Unknown debug message type: {kind}")
        except Exception as error:  # as recorded: whatever happens is told in the answer
            return _error(str(error))

    async def close(self) -> None:
        """End every session."""
        for name in list(self._sessions):
            await self._end(name)

    async def _end(self, name: str) -> None:
        async with self._table:
            session = self._sessions.pop(name, None)
            if session:
                await session.close()
                await asyncio.sleep(self._ending_s)

    async def _session(self, name: str) -> _Session | None:
        async with self._table:
            return self._sessions.get(name)

    async def _start(self, name: str, runtime: tuple[str, int] | None, message: Mapping[str, Any]) -> dict[str, Any]:
        await self._end(name)
        token = message.get("token")
        if self._raw and not token:
            return _error("No token provided in debug_start")
        if runtime is None:
            return _error(f"Device {name} not found")
        url = f"https://{runtime[0]}:{runtime[1]}"
        if not self._raw:
            user = {"username": message.get("username", "dev"), "password": message.get("password", "dev")}
            try:
                async with httpx.AsyncClient(verify=False, trust_env=False, timeout=None) as client:
                    answer = await client.post(f"{url}/api/login", json=user)
            except httpx.TransportError:
                return _error("Authentication failed: HTTP 500")
            if answer.status_code >= 400:
                return _error(f"Authentication failed: HTTP {answer.status_code}")
            token = answer.json().get("access_token")
            if not token:
                return _error("No access_token in login response")
        session = _Session()
        await session.open(url, str(token))
        self._sessions[name] = session
        return {"type": "debug_connected"}

    async def _relay(self, name: str, message: Mapping[str, Any]) -> dict[str, Any]:
        if not message.get("command"):
            return _error("Missing 'command' field")
        session = await self._session(name)
        if session is None:
            return _error("No active debug session")
        async with session.turn:
            answer = await session.ask(message["command"])
        if answer.get("success"):
            return {"type": "debug_command_response", "data": answer.get("data", "")}
        return _error(answer.get("error", "Unknown error"))

    async def _translate(self, name: str, kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
        session = await self._session(name)
        if session is None:
            return _error(_NO_SESSION)
        request = _COMMANDS[kind](message)
        async with session.turn:
            try:
                answer = await session.ask(request.hex(" ").upper())
            except TimeoutError as error:
                return _error(f"Timeout: {error}")
        if not answer.get("success"):
            return _error(answer.get("error", "Unknown runtime error"))
        return _read(kind, bytes.fromhex(answer.get("data", "")))


def _list_command(message: Mapping[str, Any]) -> bytes:
    indexes = message.get("indexes", [])
    if not indexes:
        raise ValueError("indexes must not be empty")
    if len(indexes) > 256:
        raise ValueError("indexes must not exceed 256 entries")
    return struct.pack(f">BH{len(indexes)}H", 0x44, len(indexes), *indexes)


def _set_command(message: Mapping[str, Any]) -> bytes:
    index, text = message.get("index"), message.get("value", "00")
    if not isinstance(index, int) or not 0 <= index <= 65535:
        raise ValueError(f"Invalid index: must be an integer 0–65535, got {index!r}")
    try:
        value = bytes.fromhex(text.replace(" ", ""))
    except (ValueError, AttributeError) as error:
        raise ValueError(f"Invalid value hex string: {text!r} ({error})") from None
    return struct.pack(">BHBH", 0x42, index, 1 if message.get("force", True) else 0, len(value)) + value


_COMMANDS = {
    "debug_get_md5": lambda _message: bytes.fromhex("45 DE AD 00 00"),
    "debug_info": lambda _message: bytes([0x41]),
    "debug_get_list": _list_command,
    "debug_set": _set_command,
}


def _read(kind: str, data: bytes) -> dict[str, Any]:
    """What the agent makes of a runtime's answer, taking it for one of a Runtime 4.0."""
    if kind == "debug_info":
        return {
            "type": "debug_info_response",
            "variable_count": int.from_bytes(data[1:3], "big") if len(data) >= 3 else 0,
        }
    if len(data) >= 2 and data[1] != 0x7E:
        return _error(_STATES.get(data[1], f"UNKNOWN(0x{data[1]:02X})"))
    if kind == "debug_get_md5":
        return {"type": "debug_md5_response", "md5": data[2:].split(b"\0")[0].decode("ascii", "replace")}
    if kind == "debug_set":
        return {"type": "debug_set_response", "success": True}
    tick, size = struct.unpack(">IH", data[4:10]) if len(data) >= 10 else (0, 0)
    if len(data) < 10 + size:
        return {"type": "debug_values_response", "tick": 0, "data": ""}
    return {"type": "debug_values_response", "tick": tick, "data": data[10 : 10 + size].hex(" ").upper()}


def _error(text: str) -> dict[str, Any]:
    return {"type": "debug_error", "error": text}
