"""The debug channel: Socket.IO namespace /api/debug (protocol section 3).

Invariant: nobody without a good token gets as far as a command. The token is looked at once, when the socket connects;
newer runtimes look at it again with every command.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import socketio  # type: ignore[import-untyped]  # it ships no types

from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine, NotConnected
from rung.simulator.tokens import Denied, Tokens

NAMESPACE: Final = "/api/debug"
_LONGEST_LINE: Final = 8191
_PREFIX: Final = "DEBUG:"
_CLOSE_S: Final = 1.0


class DebugChannel(socketio.AsyncNamespace):  # type: ignore[misc]  # python-socketio has no types
    """Answers `debug_command` events with `debug_response` events."""

    def __init__(
        self,
        machine: Machine,
        tokens: Tokens,
        log: RuntimeLog,
        amend: Callable[[str, str], str],
        *,
        checks_each_command: bool = False,
    ) -> None:
        """A channel to `machine`.

        Args:
            machine: who answers.
            tokens: whom a command is taken from.
            log: the runtime's log.
            amend: gets each command and its answer, and returns the answer to send.
            checks_each_command: look at the token with every command, not only when the socket connects.
        """
        super().__init__(NAMESPACE)
        self._checks_each_command = checks_each_command
        self._bearers: dict[str, str] = {}
        self._machine = machine
        self._tokens = tokens
        self._log = log
        self._amend = amend

    async def on_connect(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> bool:
        """Accept a client with a good token in its payload or its query."""
        token = auth.get("token") if isinstance(auth, dict) else None
        token = token or environ["aiohttp.request"].query.get("token")
        if not token:
            self._log.warning("Debug WebSocket connection attempt without token")
            return False
        try:
            self._tokens.session(str(token))
        except Denied as denied:
            self._log.warning(f"Debug WebSocket auth failed: {denied.reason}")
            return False
        self._bearers[sid] = str(token)
        self._log.info("Debug WebSocket connected")
        await self.emit("connected", {"status": "ok"}, to=sid)
        return True

    def on_disconnect(self, sid: str, reason: str = "") -> None:
        """Note that a client has gone; a poll of it that still waits is answered, as the runtime does (the library would let it hang)."""
        self._bearers.pop(sid, None)
        self._log.info("Debug WebSocket disconnected")
        carrier = self.server.manager.eio_sid_from_sid(sid, NAMESPACE)
        socket = self.server.eio.sockets.get(carrier)
        if socket is not None:
            socket.queue.put_nowait(None)  # the library's own sign for the end

    async def on_debug_command(self, sid: str, data: object = None) -> None:
        """Answer one command to the client that sent it."""
        await self.emit("debug_response", await self._answer(sid, data), to=sid)

    async def _answer(self, sid: str, data: object) -> dict[str, object]:
        if not isinstance(data, dict):
            return _failure(f"'{type(data).__name__}' object has no attribute 'get'")
        command = data.get("command", "")
        if not command:
            return _failure("Empty command")
        if self._checks_each_command and not self._still_good(sid):
            return _failure("Unauthorized")
        try:
            answer = await self._send(str(command))
        except NotConnected:
            return _failure("Runtime not connected")
        if answer is None:
            return _failure("No response from runtime")
        if not answer.startswith(_PREFIX):
            return _failure("Unexpected response format")
        return {"success": True, "data": self._amend(str(command), answer[len(_PREFIX) :])}

    def _still_good(self, sid: str) -> bool:
        try:
            self._tokens.session(self._bearers.get(sid, ""))
        except Denied as denied:
            self._log.warning(f"Debug command rejected, token no longer valid: {denied.reason}")
            return False
        return True

    async def _send(self, command: str) -> str | None:
        """Pass the text to the core, which reads lines: text after a newline is a command of its own, as recorded."""
        answers: list[str] = []
        for line in f"{_PREFIX}{command}".split("\n"):
            for start in range(0, len(line), _LONGEST_LINE):
                answer = await self._machine.command(line[start : start + _LONGEST_LINE])
                if answer is None:
                    return None
                answers.append(answer)
        return "\n".join(answers)


def _failure(error: str) -> dict[str, object]:
    return {"success": False, "error": error}


def debug_server(channel: DebugChannel) -> socketio.AsyncServer:
    """The Socket.IO server, with the settings that a Runtime v4 has."""
    server = socketio.AsyncServer(
        async_mode="aiohttp",
        cors_allowed_origins="*",
        ping_interval=25,
        ping_timeout=60,
        allow_upgrades=False,
        namespaces=[NAMESPACE],
    )
    server.register_namespace(channel)
    _follow_tasks(server)
    return server


def _follow_tasks(server: socketio.AsyncServer) -> None:
    """Know the tasks of a server: its library leaves those asleep that wait for a client's next ping."""
    start = server.eio.start_background_task
    server.rung_tasks = set()

    def start_known(*arguments: Any, **options: Any) -> asyncio.Task[object]:
        task: asyncio.Task[object] = start(*arguments, **options)
        server.rung_tasks.add(task)
        task.add_done_callback(server.rung_tasks.discard)
        return task

    server.eio.start_background_task = start_known


async def close_debug_server(server: socketio.AsyncServer) -> None:
    """Disconnect every client and end the server's own tasks."""
    farewells = asyncio.gather(
        *(client.close() for client in tuple(server.eio.sockets.values())), return_exceptions=True
    )
    with contextlib.suppress(asyncio.TimeoutError):  # a dead client never hears it
        await asyncio.wait_for(farewells, _CLOSE_S)
    await server.shutdown()
    for task in tuple(server.rung_tasks):
        task.cancel()
    await asyncio.gather(*server.rung_tasks, return_exceptions=True)
