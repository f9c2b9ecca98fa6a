"""Misbehaviour on request, for the tests of clients: what a bad network or a broken device does to them.

Invariant: with a default `Faults` nothing is changed; the protocol's own code knows of no fault.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rung.simulator.answers import json_answer

FindProgram = Callable[[], Path | None]

_KEPT: Final = Path("build/kept_by_fault.so")
_DEATH_DELAY_S: Final = 0.05
_GARBAGE: Final = b'{"status": "STAT'
_PAGE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Faults:
    """What shall go wrong. Fields may be changed while the simulator runs; they hold from the next request on.

    Attributes:
        paths: only requests whose path contains one of these words are slowed, garbled or answered with a page; () is all.
        answer_delay_s: seconds before each answer.
        cut_upload_after: the connection of an upload is cut after this many bytes; None lets it through.
        html_page: answers become an HTML page of a proxy, status 502.
        garbage_json: answers become half a JSON document.
        busy_for_s: start and stop answer COMMAND:BUSY for so long, counted from the first of them.
        wrong_md5: the 32 digits that the debug channel tells in place of the program's.
        old_program_after_crash: after a crash the crashed program is run again, whatever was uploaded (section 5.2).
        die_in_compile: the whole device disappears shortly after an upload was accepted.
    """

    paths: tuple[str, ...] = ()
    answer_delay_s: float = 0.0
    cut_upload_after: int | None = None
    html_page: bool = False
    garbage_json: bool = False
    busy_for_s: float = 0.0
    wrong_md5: str | None = None
    old_program_after_crash: bool = False
    die_in_compile: bool = False

    def concern(self, path: str) -> bool:
        """Whether a request for this path is among the chosen ones."""
        return not self.paths or any(word in path for word in self.paths)


def fault_middleware(faults: Faults, die: Callable[[], Awaitable[None]]) -> Middleware:
    """The middleware around every route; `die` makes the simulator disappear."""
    busy_since: list[float] = []
    deaths: set[asyncio.Task[None]] = set()

    async def die_soon() -> None:
        await asyncio.sleep(_DEATH_DELAY_S)
        await die()

    @web.middleware
    async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path
        if not path.startswith("/api/"):
            return await handler(request)
        if path.endswith("/upload-file") and faults.cut_upload_after is not None and request.method == "POST":
            return await _cut(request, faults.cut_upload_after)
        if not faults.busy_for_s:
            busy_since.clear()
        elif path.endswith(("/start-plc", "/stop-plc")):
            busy_since[:] = busy_since or [time.monotonic()]
            if time.monotonic() - busy_since[0] < faults.busy_for_s:
                return json_answer({"status": "COMMAND:BUSY"})
        if faults.concern(path):
            if faults.answer_delay_s:
                await asyncio.sleep(faults.answer_delay_s)
            if faults.html_page:
                return web.Response(status=502, text=_PAGE, content_type="text/html")
            if faults.garbage_json:
                return web.Response(body=_GARBAGE, content_type="application/json")
        answer = await handler(request)
        if faults.die_in_compile and path.endswith("/upload-file"):
            task = asyncio.create_task(die_soon())
            deaths.add(task)
            task.add_done_callback(deaths.discard)
        return answer

    return misbehave


async def _cut(request: web.Request, after: int) -> web.StreamResponse:
    taken = 0
    while taken < after and (chunk := await request.content.read(min(4096, after - taken))):
        taken += len(chunk)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def fault_debug_answer(faults: Faults, command: str, answer: str) -> str:
    """The answer to a debug command as the fault would have it."""
    if faults.wrong_md5 is None or not command.startswith("45") or not answer.startswith("45 7e"):
        return answer
    digits = faults.wrong_md5.encode("ascii").hex(" ")
    return re.sub(r"^45 7e( [0-9a-f]{2}){32}", f"45 7e {digits}", answer)


def fault_find_program(faults: Faults, folder: Path, find: FindProgram, crashed: Callable[[], bool]) -> FindProgram:
    """`find`, or the kept program after a crash while the fault is on."""

    def find_or_keep() -> Path | None:
        if not faults.old_program_after_crash:
            return find()
        if crashed() and (folder / _KEPT).is_file():
            return _KEPT
        library = find()
        if library is not None:
            shutil.copyfile(folder / library, folder / _KEPT)
        return library

    return find_or_keep
