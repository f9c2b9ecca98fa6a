"""Events for editors as they happen (server-sent events): who comes and goes, and how containers get on.

Invariant: a stream never outlives the right to it, and a client that does not read costs one bounded queue for a short while.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from rung.hub.api.answers import MARK, OWN
from rung.hub.api.call import Call, bearer
from rung.hub.bus import Event
from rung.runtimes.deadline import within

HEARTBEAT: Final = 15.0
_WRITE_PATIENCE: Final = 10.0


async def stream(call: Call) -> web.StreamResponse:
    """The tenant's events, until the client goes, the token ends or the hub does."""
    with call.desk.streams.one(call.user.id):
        return await _stream(call)


async def _stream(call: Call) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",
            MARK: OWN,
        }
    )
    subscription = call.desk.bus.subscribe(call.user.tenant)
    events = aiter(subscription)
    pending: asyncio.Future[Event] | None = None
    leaving: asyncio.Future[bool] = asyncio.ensure_future(call.desk.leaving.wait())
    try:
        await response.prepare(call.request)
        await _write(response, b": rung hub\n\n")
        check_at = time.monotonic() + HEARTBEAT
        while not leaving.done():
            pending = pending or asyncio.ensure_future(anext(events))
            both: set[asyncio.Future[Event] | asyncio.Future[bool]] = {pending, leaving}
            left = max(0.0, check_at - time.monotonic())
            await asyncio.wait(both, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if time.monotonic() >= check_at:  # however much happens: a token may have ended meanwhile
                user = await call.desk.store.user_of_token(bearer(call.request))
                if user is None or user.tenant != call.user.tenant:
                    break
                check_at = time.monotonic() + HEARTBEAT
                await _write(response, b": still here\n\n")
            if pending.done():
                event, pending = pending.result(), None
                await _write(response, frame(event.kind, event.data))
    except (TimeoutError, ConnectionError, StopAsyncIteration):
        if call.request.transport is not None:
            call.request.transport.abort()  # a client that does not read gets no polite end
    finally:
        leaving.cancel()
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        await subscription.aclose()
    return response


def frame(kind: str, data: Mapping[str, object]) -> bytes:
    """One event as it goes over the wire; JSON has no line ends of its own."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    await within(_WRITE_PATIENCE, response.write(data))
