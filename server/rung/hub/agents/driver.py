"""How Engine.IO meets aiohttp on the agents' listener: the library's own driver with limits on what a peer may send, hold and delay.

Invariant: a body or frame is judged before the library sees it, and nothing of a handshake's request is kept but whose certificate it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import WSMsgType, web

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.inflow import Inflow, Metered
from rung.hub.agents.packets import ProtocolViolation, judged, judged_payload
from rung.hub.agents.peer import current_peer
from rung.hub.agents.sessions import Session, named_session

SESSION: Final = "rung.session"
PEER: Final = "rung.peer"
_REQUEST: Final = "rung.request"
_PACKETS: Final = 16  # the library takes no more in one request
_UPGRADE_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 5.0
_WASTE: Final = 1024


class _Body:
    """What the library reads a request's body from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def read(self, length: int) -> bytes:
        return self._data[:length]


def driver(bounds: AgentBounds) -> dict[str, Any]:
    """The table that Engine.IO finds its web server by (its `async_drivers` have the same form)."""

    inflow = Inflow(bounds.incoming)

    async def translate_request(request: web.Request) -> dict[str, Any]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "PATH_INFO": request.path,
            PEER: current_peer(),
            SESSION: named_session.get(),
        }
        for header, key in (("Upgrade", "HTTP_UPGRADE"), ("Connection", "HTTP_CONNECTION")):
            if header in request.headers:
                environ[key] = request.headers[header]
        if "HTTP_UPGRADE" in environ:
            environ[_REQUEST] = request
        if request.method == "POST":
            data = await _body(request, environ[SESSION], bounds, inflow)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = _Body(data), str(len(data))
        return environ

    def make_response(
        status: str, headers: list[tuple[str, str]], payload: bytes, environ: dict[str, Any]
    ) -> web.Response:
        return web.Response(body=payload, status=int(status.split()[0]), headers=headers)

    def websocket(handler: Callable[[Any], Awaitable[None]], server: object) -> _WebSocket:
        return _WebSocket(handler, bounds, inflow)

    return {
        "asyncio": True,
        "translate_request": translate_request,
        "make_response": make_response,
        "websocket": websocket,
    }


async def _body(request: web.Request, session: Session, bounds: AgentBounds, inflow: Inflow) -> bytes:
    """The packets of a polling request.

    Raises:
        aiohttp.web.HTTPException: too much, too slow, without a length.
        ProtocolViolation: no packets of an agent.
    """
    length = request.content_length
    if length is None:
        raise web.HTTPLengthRequired
    most = max(session.room + _WASTE, bounds.event * _PACKETS)
    if length > most:
        raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=length)
    if not inflow.take(length):
        raise web.HTTPServiceUnavailable
    try:
        data = await asyncio.wait_for(request.content.readexactly(length), bounds.body_seconds)
    except asyncio.TimeoutError:
        raise web.HTTPRequestTimeout from None
    except asyncio.IncompleteReadError:
        raise web.HTTPBadRequest from None
    finally:
        inflow.give_back(length)
    try:
        body = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolViolation("not UTF-8") from None
    if body.count("\x1e") >= _PACKETS:
        raise ProtocolViolation("too many packets")
    return judged_payload(body, session.room, bounds).encode()


class _WebSocket:
    """A websocket as Engine.IO uses it: send, wait, close."""

    def __init__(self, handler: Callable[[Any], Awaitable[None]], bounds: AgentBounds, inflow: Inflow) -> None:
        self._handler, self._bounds, self._inflow = handler, bounds, inflow
        self._meter: Metered | None = None
        # No compression: its memory for each agent would be many times that of all the rest.
        self._socket = web.WebSocketResponse(
            max_msg_size=bounds.answer + _WASTE, compress=False, timeout=_CLOSE_SECONDS
        )
        self._transport: asyncio.BaseTransport | None = None
        self._session: Session | None = None
        self._upgraded = False
        self._second = 0.0
        self._frames = 0

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        request: web.Request = environ.pop(_REQUEST)
        session: Session = environ[SESSION]
        self._session = session
        await self._socket.prepare(request)
        self._transport = session.transport = request.transport
        protocol = request.protocol
        # The library's own limit is the same for every message, and it offers no other place to look at what comes in.
        self._meter = protocol._payload_parser = Metered(
            protocol._payload_parser, self._inflow, lambda: session.room, self._abort
        )
        try:
            await self._handler(self)
        finally:
            session.transport = None
        return self._socket

    async def send(self, message: str | bytes) -> None:
        """Send a frame; an agent that does not take it in time loses its connection."""
        text = message if isinstance(message, str) else message.decode()
        try:
            await asyncio.wait_for(self._socket.send_str(text), self._bounds.write_seconds)
        except asyncio.TimeoutError:
            self._abort()
            raise OSError("the agent takes nothing") from None

    async def wait(self) -> str:
        """The next frame that may be handed on.

        Raises:
            OSError: the connection has ended, or must.
        """
        assert self._session is not None
        while True:
            await self._pace()
            try:
                message = await (
                    self._socket.receive()
                    if self._upgraded
                    else asyncio.wait_for(self._socket.receive(), _UPGRADE_SECONDS)
                )
            except asyncio.TimeoutError:
                raise OSError("no upgrade") from None
            if self._meter is not None:
                self._meter.read()
            if message.type is WSMsgType.BINARY:
                self._abort()
            if message.type is not WSMsgType.TEXT:
                raise OSError("closed")
            try:
                text = judged(message.data, self._session.room, self._bounds)
            except ProtocolViolation as violation:
                self._abort()
                raise OSError(str(violation)) from None
            if text is not None:
                self._upgraded = self._upgraded or text == "5" or text.startswith(("3", "4"))
                return text

    async def close(self) -> None:
        """Close from our side."""
        await self._socket.close()

    def _abort(self) -> None:
        """End the connection without waiting for the other side to agree."""
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    async def _pace(self) -> None:
        """An agent that sends more frames than it ever needs is heard more slowly, at no cost for the others."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - self._second >= 1.0:
            self._second, self._frames = now, 0
        self._frames += 1
        if self._frames > self._bounds.frames_per_second:
            await asyncio.sleep(1.0 - (now - self._second))
