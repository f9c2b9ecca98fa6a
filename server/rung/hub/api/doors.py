"""What every request goes through before a handler sees it: who is it, may it, does it ask too often, and is there such a machine for it.

Invariant: a handler runs only for a user whose role suffices, with an orchestrator and a vPLC of that user's tenant. Absent and foreign get
the same bytes after the same questions to the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from rung.hub.api.answers import (
    MARK,
    OWN,
    RELAYED,
    NeedsConfirmation,
    Refusal,
    absent,
    asks,
    failed,
    in_pieces,
    own,
    status_of,
)
from rung.hub.api.call import Call, Desk, bearer
from rung.hub.api.form import LARGEST_FORM
from rung.hub.api.proxy import too_small
from rung.hub.api.routes import PREFIX, ROUTES, Audit, Route
from rung.hub.limits import client_address
from rung.hub.records import Orchestrator, User, Vplc
from rung.runtimes.errors import Kind, RuntimeFailure

_STREAM: Final = "events"

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(
    desk: Desk, others: Iterable[web.AbstractRouteDef] = (), routes: Iterable[Route] = ROUTES
) -> web.Application:
    """The editors' interface.

    Args:
        desk: what it works with.
        others: routes that stand before the doors: health, metrics, enrolment.
        routes: the table.
    """
    # The library holds a form's parts to this size, too; whatever reads another body has a smaller limit of its own.
    made = web.Application(middlewares=[_outermost(desk)], client_max_size=LARGEST_FORM)
    made.router.add_routes(others)
    for route in routes:
        made.router.add_route(route.method, PREFIX + route.path, _behind_doors(desk, route), name=route.name)
    return made


def _behind_doors(desk: Desk, route: Route) -> _Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        user = await _sign_in(desk, request)
        if wait := desk.limits.users.take(f"{user.tenant}/{user.name}"):
            raise Refusal(
                429, Kind.BUSY, "This user asks too often. Nothing was done.", "Ask less often.", int(wait) + 1
            )
        if route.name == _STREAM:
            return await _admitted(desk, route, request, user)
        with desk.requests.one(user.id):
            return await _admitted(desk, route, request, user)

    return handler


async def _sign_in(desk: Desk, request: web.Request) -> User:
    token = bearer(request)
    user = await desk.store.user_of_token(token) if token else None
    if user is not None and not user.disabled:
        return user
    if wait := desk.limits.failed_tokens.take(client_address(request, desk.settings.trusted_proxies)):
        raise Refusal(
            429, Kind.BUSY, "Too many requests without a valid token.", "Sign in to the hub again.", int(wait) + 1
        )
    raise Refusal(
        401,
        Kind.CREDENTIALS,
        "The hub does not accept this token: it is missing, unknown, expired or revoked.",
        "Sign in to the hub with a valid token; an owner of your tenant makes one.",
    )


async def _admitted(desk: Desk, route: Route, request: web.Request, user: User) -> web.StreamResponse:
    if user.role < route.role:
        await Call(request, desk, route, user).refused(f"takes the role {route.role.word}")
        raise too_small(route.role, user)
    orchestrator, vplc = await _named(desk, route, request, user)
    call = Call(request, desk, route, user, orchestrator, vplc)
    missing = ("{o}" in route.path and orchestrator is None) or ("{v}" in route.path and vplc is None)
    if missing:
        if route.audit is Audit.YES:
            await call.refused("there is no such machine in this tenant")
        raise absent()
    if route.audit is Audit.YES:
        await call.begin()
    return await _recorded(call)


async def _named(desk: Desk, route: Route, request: web.Request, user: User) -> tuple[Orchestrator | None, Vplc | None]:
    """The orchestrator and the vPLC in the path, of the user's tenant.

    A vPLC is asked for even when there is no such orchestrator: the time that the answer takes tells nothing.
    """
    if "{o}" not in route.path:
        return None, None
    orchestrator = await desk.store.orchestrator(user.tenant, request.match_info["o"])
    if "{v}" not in route.path:
        return orchestrator, None
    vplc = await desk.store.vplc(orchestrator.id if orchestrator else "-", request.match_info["v"])
    return orchestrator, vplc if orchestrator else None


async def _recorded(call: Call) -> web.StreamResponse:
    """Run the handler, and write what came of it beneath what was begun."""
    try:
        response = await call.route.handler(call)
    except NeedsConfirmation:
        await _end(call, "refused", "not confirmed yet")
        raise
    except RuntimeFailure as failure:
        await _end(call, _outcome(failure), failure.kind.value)
        raise
    except asyncio.CancelledError:
        await _end(call, "unknown", "the hub was stopped")
        raise
    except Exception:
        await _end(call, "unknown", "a fault of the hub")
        raise
    relayed = response.headers.get(MARK) == RELAYED
    if relayed and response.status >= 400:
        await _end(call, "failed", f"the runtime answered {response.status}")
    else:  # what a runtime was asked for is done if its answer says so, and that is in its body
        await _end(call, "ok", f"the runtime answered {response.status}" if relayed else "")
    return response


def _outcome(failure: RuntimeFailure) -> str:
    """`unknown` for a lost session, and where an agent or the database failed in a way that says nothing of what was done."""
    status = status_of(failure)
    if status == 504 or (failure.kind is Kind.INTERNAL and not isinstance(failure, Refusal)):
        return "unknown"
    return "refused" if status < 500 else "failed"


async def _end(call: Call, outcome: str, detail: str) -> None:
    if not call.begun:
        return
    writing = asyncio.ensure_future(call.note(outcome, detail))
    try:
        await asyncio.shield(writing)
    except RuntimeFailure as failure:
        call.desk.journal.failure("audit", failure)  # what was done is done; its beginning is in the log
    except asyncio.CancelledError:
        await asyncio.wait({writing})  # the hub stops; this row is still written
        raise


def _outermost(desk: Desk) -> Middleware:
    @web.middleware
    async def outermost(request: web.Request, handler: _Handler) -> web.StreamResponse:
        began = time.monotonic()
        response = await _answered(desk, request, handler)
        if not response.prepared:
            response.headers.setdefault(MARK, OWN)
            response.headers["Server"] = "rung"
            in_pieces(response)
            response.headers.setdefault("Cache-Control", "no-store")
        route = request.match_info.route.name or "other"
        desk.metrics.request(route, response.status, time.monotonic() - began)
        desk.journal.note(
            "request",
            route=route,
            method=request.method if len(request.method) < 10 else "other",
            status=response.status,
            seconds=round(time.monotonic() - began, 3),
        )
        return response

    return outermost


async def _answered(desk: Desk, request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except NeedsConfirmation as question:
        return asks(question)
    except RuntimeFailure as failure:
        return failed(failure)
    except web.HTTPException as error:
        return _plain(error)
    except ConnectionError:
        raise
    except Exception as error:
        desk.journal.mistake("request", error)
        return own(
            _told(Kind.INTERNAL, "The hub made a mistake. What was asked for may or may not have been done."), 500
        )


def _plain(error: web.HTTPException) -> web.StreamResponse:
    """The web server's own refusals, in the form of all others."""
    if error.status == 404:
        return failed(absent())
    answer = own(
        _told(Kind.INTERNAL, f"The hub does not take this request ({error.reason}). Nothing was done."), error.status
    )
    if "Allow" in error.headers:
        answer.headers["Allow"] = error.headers["Allow"]
    return answer


def _told(kind: Kind, message: str) -> dict[str, object]:
    return {"error": {"kind": kind.value, "message": message, "hint": "Look at the hub's log."}}
