"""The pages of the programs: list, upload in two steps, update, compile, remove."""

from __future__ import annotations

import time
from typing import Final

from aiohttp import web

from rung.simulator.answers import error_page
from rung.simulator.storage import write_private
from rung.simulator.v3 import web_pages
from rung.simulator.v3.installation import ProgramRow
from rung.simulator.v3.web_session import bad_request
from rung.simulator.v3.web_ui import Site, file_of, redirect, text_of

_SHOWN: Final = 10
_EARLIEST: Final = 1420070400
_YEAR_S: Final = 366 * 86400
_BAD_TIME: Final = "Invalid epoch time value: must be between 2015-01-01 and 1 year from now"
_NO_FILE: Final = "You need to select a file to be uploaded!"


def add_routes(router: web.UrlDispatcher, site: Site) -> None:
    """Add the pages."""
    pages = _ProgramPages(site)
    router.add_get("/programs", site.blocked(pages.programs))
    router.add_get("/reload-program", site.blocked(pages.show))
    router.add_post("/upload-program", site.blocked(pages.upload))
    router.add_post("/upload-program-action", site.blocked(pages.upload_action))
    router.add_get("/update-program", site.blocked(pages.update))
    router.add_post("/update-program-action", site.blocked(pages.update_action))
    router.add_get("/compile-program", site.blocked(pages.compile))
    router.add_get("/remove-program", site.blocked(pages.remove))


class _ProgramPages:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._runtime = site.runtime

    async def programs(self, request: web.Request) -> web.StreamResponse:
        rows = list(reversed(self._runtime.installation.programs))
        shown = rows if request.query.get("list_all") == "1" else rows[:_SHOWN]
        return self._site.page(web_pages.programs(shown, self._site.token()))

    async def show(self, request: web.Request) -> web.StreamResponse:
        row = self._row(request.query.get("table_id", ""))
        return error_page(500) if row is None else self._site.page(web_pages.program_info(row))

    async def upload(self, request: web.Request) -> web.StreamResponse:
        content = file_of(await self._site.form(request))
        if content is None:
            return self._site.page(web_pages.error(_NO_FILE))
        file = self._runtime.installation.new_file(content)
        return self._site.page(web_pages.program_details(file, self._site.token()))

    async def upload_action(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        name, description = text_of(form, "prog_name"), text_of(form, "prog_descr")
        file, moment = text_of(form, "prog_file"), _moment(text_of(form, "epoch_time"))
        if moment is None:
            return web_pages.html_answer(_BAD_TIME)
        installation = self._runtime.installation
        if not file.removesuffix(".st").isdecimal() or not installation.file(file).is_file():
            raise bad_request()
        installation.add(name, description, file, moment)
        return web_pages.refresh(f"/compile-program?file={file}")

    async def update(self, request: web.Request) -> web.StreamResponse:
        row_id = request.query.get("id", "")
        return self._site.page(web_pages.update_program(row_id, self._site.token())) if row_id else error_page(500)

    async def update_action(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        row, moment = self._row(text_of(form, "prog_id")), _moment(text_of(form, "epoch_time"))
        content = file_of(form)
        if content is None:
            return self._site.page(web_pages.error(_NO_FILE))
        if moment is None:
            return web_pages.html_answer(_BAD_TIME)
        if row is None:
            return error_page(500)
        write_private(self._runtime.installation.file(row.file), content)
        row.uploaded = moment
        self._runtime.installation.save()
        return web_pages.refresh(f"/compile-program?file={row.file}")

    async def compile(self, request: web.Request) -> web.StreamResponse:
        row = self._runtime.installation.row_of(request.query.get("file", ""))
        if row is None:
            return error_page(500)
        try:
            await self._runtime.compile(row.file)
        except (UnicodeDecodeError, OSError):
            return error_page(500)
        return self._site.page(web_pages.compiling())

    async def remove(self, request: web.Request) -> web.StreamResponse:
        row = self._row(request.query.get("id", ""))
        if row is not None:
            self._runtime.installation.remove(row.id)
        return redirect("/programs")

    def _row(self, text: str) -> ProgramRow | None:
        return self._runtime.installation.row(int(text)) if text.isdecimal() else None


def _moment(text: str) -> int | None:
    """Seconds since 1970, as the page itself gave them; None when they cannot be."""
    if not text.isdecimal() or not _EARLIEST <= int(text) <= time.time() + _YEAR_S:
        return None
    return int(text)
