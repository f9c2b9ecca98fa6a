"""The web pages' server: sessions, and what every page has in common (section 1).

Invariant: without a login every page answers 302 to /login; while a program compiles, most pages do nothing but say so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_request import FileField

from rung.simulator.v3 import web_pages
from rung.simulator.v3.runtime import Runtime
from rung.simulator.v3.web_answers import finishing
from rung.simulator.v3.web_session import Sessions, WebSession, bad_request
from rung.simulator.v3.web_users import WebUsers

_session: ContextVar[WebSession] = ContextVar("session")
Form = Mapping[str, object]
_THIS_COMPUTER: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """What the pages share."""

    def __init__(self, runtime: Runtime, users: WebUsers, sessions: Sessions) -> None:
        self.runtime = runtime
        self.users = users
        self.sessions = sessions
        self.monitoring = False  # somebody has looked at the monitoring page of the running program

    def session(self) -> WebSession:
        """The session of the request that is being answered."""
        return _session.get()

    def token(self) -> str:
        """A token for the forms of the answer."""
        return self.sessions.form_token(self.session())

    async def form(self, request: web.Request) -> Form:
        """The form of a POST, checked against forgery.

        Raises:
            Refusal: its token is not good.
        """
        try:
            form = await request.post()
        except ValueError:
            raise bad_request() from None
        self.sessions.check_form(self.session(), form.get("csrf_token"))
        return form

    def page(self, body: str) -> web.Response:
        """A page around `body`."""
        runtime = self.runtime
        row = runtime.installation.row_of(runtime.installation.active)
        state = "Compiling" if runtime.compiling else "Running" if runtime.running else "Stopped"
        bar = web_pages.top_bar(state, row.name if row is not None else "")
        return web_pages.page(body, bar=bar, side=web_pages.side_bar(runtime.running))

    def private(self, page: Page) -> Page:
        """A page for those who have logged in."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.method == "POST":
                await self.form(request)  # the token comes first: a forged form gets 400 even without a login
            user = self.session().user
            if user is None or self.users.by_id(user) is None:
                return redirect("/login")
            return await page(request)

        return guarded

    def blocked(self, page: Page) -> Page:
        """A page that does nothing while a program compiles."""

        async def waiting(request: web.Request) -> web.StreamResponse:
            if self.runtime.compiling:
                return self.page(web_pages.compiling())
            return await page(request)

        return self.private(waiting)


def redirect(target: str) -> web.Response:
    """A 302 to another page."""
    return web.Response(
        status=302,
        reason="FOUND",
        headers={"Location": target},
        text=_redirect_page(target),
        content_type="text/html",
    )


def _redirect_page(target: str) -> str:
    return (
        "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n"
        f'<p>You should be redirected automatically to the target URL: <a href="{target}">{target}</a>. '
        "If not, click the link.\n"
    )


def text_of(form: Form, name: str) -> str:
    """A text field of a form.

    Raises:
        Refusal: it is not there.
    """
    value = form.get(name)
    if not isinstance(value, str):
        raise bad_request()
    return value


def file_of(form: Form) -> bytes | None:
    """The uploaded file of a form; None when no file was chosen."""
    part = form.get("file")
    return part.file.read() if isinstance(part, FileField) and part.filename else None


def _remember(sessions: Sessions) -> Middleware:
    @web.middleware
    async def remember(request: web.Request, handler: Handler) -> web.StreamResponse:
        _session.set(sessions.read(request))
        return await handler(request)

    return remember


@web.middleware
async def _only_by_own_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a browser was led to by another name: any page of the internet can have one that leads to this computer, and the
    account of the factory is known to everybody."""
    name, colon, port = request.host.rpartition(":")
    if (name if colon and port.isdecimal() else request.host).lower() not in _THIS_COMPUTER:
        raise web.HTTPForbidden(text="This simulator answers under the names of this computer only.")
    return await handler(request)


def web_application(
    runtime: Runtime,
    users: WebUsers,
    misbehave: Middleware,
    session_life_s: int,
    largest_body: int,
    only_this_computer: bool = False,
) -> web.Application:
    """The application of the web pages; `misbehave` is the faults' middleware.

    With `only_this_computer` it answers nobody who reached it by another name than this computer's own.
    """
    from rung.simulator.v3 import web_accounts, web_plc, web_programs

    sessions = Sessions(session_life_s)
    site = Site(runtime, users, sessions)

    async def finish(request: web.Request, answer: web.StreamResponse, routed: bool) -> None:
        sessions.write(site.session(), answer)

    guard = [_only_by_own_name] if only_this_computer else []
    application = web.Application(
        middlewares=[*guard, misbehave, _remember(sessions), finishing(finish)], client_max_size=largest_body
    )
    application.router.add_get("/", site.private(_home))
    _Login(site).add_routes(application.router)
    web_plc.add_routes(application.router, site)
    web_programs.add_routes(application.router, site)
    web_accounts.add_routes(application.router, site)
    return application


async def _home(request: web.Request) -> web.StreamResponse:
    return redirect("/dashboard")


class _Login:
    def __init__(self, site: Site) -> None:
        self._site = site

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/login", self._show)
        router.add_post("/login", self._log_in)
        router.add_get("/logout", self._log_out)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return web_pages.login(self._site.token())

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        user = await self._site.users.log_in(text_of(form, "username"), text_of(form, "password"))
        if user is None:
            return web_pages.login(self._site.token(), refused=True)
        self._site.session().user = user.id
        return redirect("/dashboard")

    async def _log_out(self, request: web.Request) -> web.StreamResponse:
        self._site.session().user = None
        return redirect("/login")
