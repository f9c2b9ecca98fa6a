"""What both servers of a v3 do with every answer: error pages, the version header, one request a connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rung.simulator.answers import error_page
from rung.simulator.device import handled

Finish = Callable[[web.Request, web.StreamResponse, bool], Awaitable[None]]


def finishing(finish: Finish) -> Middleware:
    """A middleware that turns failures into the framework's pages and lets `finish` complete each answer.

    `finish` gets the request, the answer, and whether the URL was one of the server's.
    """

    @web.middleware
    async def shape(request: web.Request, handler: Handler) -> web.StreamResponse:
        problem = request.match_info.http_exception
        if problem is None:
            answer = await handled(request, handler)
        else:
            answer = _unrouted(request, problem)
        await finish(request, answer, problem is None or answer.status == 200)
        answer.force_close()
        return answer

    return shape


def _unrouted(request: web.Request, problem: web.HTTPException) -> web.Response:
    if not isinstance(problem, web.HTTPMethodNotAllowed):
        return error_page(404)
    answer = error_page(405)
    if request.method == "OPTIONS":
        answer = web.Response(content_type="text/html", charset="utf-8")
    answer.headers["Allow"] = ", ".join(sorted({*problem.allowed_methods, "OPTIONS"}))
    return answer
