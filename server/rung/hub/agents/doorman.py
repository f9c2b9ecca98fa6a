"""The checks that every request on the agents' listener passes before anything else sees it.

Invariant: a request without a verified client certificate gets 403; one that carries a session's name gets 403 unless it shows the very certificate
that the session's handshake showed; one that Engine.IO could read in two ways gets 400.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.listener import connection_of
from rung.hub.agents.packets import ProtocolViolation
from rung.hub.agents.peer import Peer, note_peer
from rung.hub.agents.sessions import Session, Sessions, named_session
from rung.hub.limits import Buckets

_log = logging.getLogger("rung.hub.agents")
ENGINE_PATH: Final = "/socket.io/"
_KEYS: Final = {"transport", "EIO", "t", "sid", "b64"}

Close = Callable[[Session, str], None]


def doorman(sessions: Sessions, close: Close, counts: Counter[str], bounds: AgentBounds) -> Middleware:
    """The middleware.

    Args:
        sessions: who is connected.
        close: ends a session: `close(session, why)`.
        counts: what was refused.
        bounds: limits.
    """
    requests = Buckets(bounds.requests_per_second, bounds.requests_at_once)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = note_peer(request)
        if peer is None:
            counts["requests without certificate"] += 1
            raise web.HTTPForbidden(text="This listener needs a client certificate of the hub's agent authority.")
        wait = requests.take(peer.fingerprint)
        while wait:  # who asks without end is heard more slowly, at no cost for the others
            await asyncio.sleep(min(wait, 1.0))
            wait = requests.take(peer.fingerprint)
        if request.path != ENGINE_PATH:
            return await handler(request)
        session = _session_of(request, sessions, peer, counts)
        if session is None:
            if sessions.stopping:
                raise web.HTTPServiceUnavailable(text="The hub is being stopped.")
            return await handler(request)
        named_session.set(session)
        try:
            if request.method == "POST":
                return await _posted(request, handler, session)
            if "Upgrade" in request.headers:
                return await _upgraded(request, handler, session, close)
            return await _polled(request, handler, session, close)
        except ProtocolViolation as violation:
            close(session, f"it sent {violation}")
            raise web.HTTPBadRequest(text="This is not what an agent sends.") from None

    return middleware


def _session_of(request: web.Request, sessions: Sessions, peer: Peer, counts: Counter[str]) -> Session | None:
    """The session that the request names; None when it names none and so begins one."""
    if request.method not in ("GET", "POST"):
        raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
    # Engine.IO takes the query apart itself, from the same decoded text: what repeats a key or leaves a value out could mean another session to it.
    pairs = (
        parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=len(_KEYS) + 1)
        if len(request.query_string) <= 1024
        else []
    )
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= _KEYS or "" in query.values() or "transport" not in query:
        raise web.HTTPBadRequest(text="This is not what an agent asks.")
    if "sid" not in query:
        if request.method != "GET":
            raise web.HTTPBadRequest(text="A session begins with GET.")
        return None
    session = sessions.of_engine(query["sid"])
    if session is None:
        raise web.HTTPBadRequest(text="There is no such session.")
    if session.peer.fingerprint != peer.fingerprint:
        counts["foreign certificates"] += 1
        _log.warning(
            "A request for a session of %s came from %s with another certificate (of %r); it was refused.",
            session.peer.common_name,
            peer.address,
            peer.common_name[:64],
        )
        raise web.HTTPForbidden(text="This session belongs to another certificate.")
    return session


async def _posted(request: web.Request, handler: Handler, session: Session) -> web.StreamResponse:
    if session.posting:
        raise web.HTTPTooManyRequests(text="A request of this session is being read.")
    session.posting = True
    try:
        return await handler(request)
    finally:
        session.posting = False


async def _polled(request: web.Request, handler: Handler, session: Session, close: Close) -> web.StreamResponse:
    """A request that waits for packets: when its connection is lost, the agent is."""
    if session.polling:
        raise web.HTTPTooManyRequests(text="A request of this session waits already.")
    connection = connection_of(request)
    session.polling = True
    if connection is not None:
        connection.lost = lambda: close(session, "its connection was lost")
    try:
        return await handler(request)
    finally:
        session.polling, session.polled = False, asyncio.get_running_loop().time()
        if connection is not None:
            connection.lost = None


async def _upgraded(request: web.Request, handler: Handler, session: Session, close: Close) -> web.StreamResponse:
    """A request that becomes a websocket: when it ends, so does the session, at once and however it ends."""
    if session.transport is not None:
        raise web.HTTPBadRequest(text="This session has a websocket already.")
    connection = connection_of(request)
    if connection is not None:
        connection.lost = lambda: close(session, "its connection was lost")
    try:
        answer = await handler(request)
    except BaseException:
        close(session, "its connection has ended")
        raise
    if isinstance(answer, web.WebSocketResponse):
        close(session, "its connection has ended")
    elif connection is not None:  # it stays on polling
        connection.lost = None
    return answer
