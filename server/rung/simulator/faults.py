"""Misbehaviour on request, for the tests of clients: what a bad network or a broken device does to them.

Invariant: with a default `Faults` nothing is changed; the protocols' own code knows of no fault, and no fault knows which
generation of runtime it is put around: it looks at HTTP requests and at nothing behind them.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from rung.simulator.answers import json_answer

FindProgram = Callable[[], Path | None]

_KEPT: Final = Path("build/kept_by_fault.so")
_DEATH_DELAY_S: Final = 0.05
_GARBAGE: Final = b'{"status": "STAT'
_PAGE: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_DEBUG_SOCKET: Final = "/socket.io/"


class Cut(Enum):
    """Where a connection is cut."""

    ACCEPT = "right after it was accepted, before TLS"
    REQUEST = "when the request has arrived, before it is carried out"
    ANSWER = "when the request has been carried out, before the answer"
    BODY = "in the middle of the answer's body"


@dataclass(slots=True)
class Faults:
    """What shall go wrong. Fields may be changed while the simulator runs; they hold from the next request on.

    Attributes:
        paths: only requests whose path contains one of these words are concerned by `answer_delay_s`, `cut` but for
            ACCEPT, `html_page`, `garbage_json` and `error_inside`; () is all but the debug socket, whose word is `socket.io`.
        times: how often one of `cut`, `html_page`, `garbage_json` and `error_inside` happens before it heals; None is always.
        answer_delay_s: seconds before each answer.
        cut: the connection is cut there.
        cut_upload_after: the connection of an upload is cut after this many bytes; None lets it through.
        html_page: answers become an HTML page of a proxy, status 502.
        garbage_json: answers become half a JSON document.
        error_inside: answers become status 200 with this text as `error` inside.
        busy_for_s: start and stop answer COMMAND:BUSY for so long, counted from the first of them.
        wrong_md5: the 32 digits that the debug channel tells in place of the program's.
        old_program_after_crash: after a crash the crashed program is run again, whatever was uploaded (section 5.2).
        library_left_behind: a library of the program that ran before lies where a compile leaves its own, as after a build
            that was cut off; a Runtime v4.0 then calls a failed compile a success and starts that one.
        die_in_compile: the whole device disappears shortly after an upload was accepted.
        die_in_start: the whole device disappears shortly after a start was accepted.
    """

    paths: tuple[str, ...] = ()
    times: int | None = None
    answer_delay_s: float = 0.0
    cut: Cut | None = None
    cut_upload_after: int | None = None
    html_page: bool = False
    garbage_json: bool = False
    error_inside: str | None = None
    busy_for_s: float = 0.0
    wrong_md5: str | None = None
    old_program_after_crash: bool = False
    library_left_behind: bool = False
    die_in_compile: bool = False
    die_in_start: bool = False

    def concern(self, path: str) -> bool:
        """Whether a request for this path is among the chosen ones."""
        if not self.paths:
            return not path.startswith(_DEBUG_SOCKET)
        return any(word in path for word in self.paths)

    def strike(self) -> bool:
        """Whether it goes wrong once more; counts `times` down."""
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class _CuttableContext(ssl.SSLContext):
    """TLS settings whose server hangs up on accepted connections while the fault asks for it."""

    faults: Faults | None = None

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:  # signature is the standard library's
        if self.faults is not None and self.faults.cut is Cut.ACCEPT and self.faults.strike():
            raise ConnectionAbortedError("cut by a fault")
        return super().wrap_bio(*arguments, **options)


def fault_context(faults: Faults) -> ssl.SSLContext:
    """TLS settings for a server, not yet filled, that know `Cut.ACCEPT`."""
    context = _CuttableContext(ssl.PROTOCOL_TLS_SERVER)
    context.faults = faults
    return context


def fault_middleware(faults: Faults, die: Callable[[], Awaitable[None]]) -> Middleware:
    """The middleware around every route; `die` makes the simulator disappear."""
    busy_since: list[float] = []
    deaths: set[asyncio.Task[None]] = set()

    async def die_soon() -> None:
        await asyncio.sleep(_DEATH_DELAY_S)
        await die()

    def condemn() -> None:
        task = asyncio.create_task(die_soon())
        deaths.add(task)
        task.add_done_callback(deaths.discard)

    def busy(path: str) -> bool:
        if not faults.busy_for_s:
            busy_since.clear()
        elif _is_start(path) or _is_stop(path):
            busy_since[:] = busy_since or [time.monotonic()]
            return time.monotonic() - busy_since[0] < faults.busy_for_s
        return False

    @web.middleware
    async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
        upload = request.content_type == "multipart/form-data"
        if upload and faults.cut_upload_after is not None:
            return await _cut_upload(request, faults.cut_upload_after)
        if busy(request.path):
            return json_answer({"status": "COMMAND:BUSY"})
        if faults.concern(request.path):
            if faults.answer_delay_s:
                await asyncio.sleep(faults.answer_delay_s)
            if faults.cut not in (None, Cut.ACCEPT) and faults.strike():
                return await _cut(request, handler, faults.cut)
            other = _other_answer(faults)
            if other is not None and faults.strike():
                return other
        answer = await handler(request)
        if (faults.die_in_compile and upload) or (faults.die_in_start and _is_start(request.path)):
            condemn()
        return answer

    return misbehave


def _is_start(path: str) -> bool:
    return path.endswith(("/start-plc", "/start_plc"))


def _is_stop(path: str) -> bool:
    return path.endswith(("/stop-plc", "/stop_plc"))


def _other_answer(faults: Faults) -> web.Response | None:
    if faults.html_page:
        return web.Response(status=502, text=_PAGE, content_type="text/html")
    if faults.garbage_json:
        return web.Response(body=_GARBAGE, content_type="application/json")
    if faults.error_inside is not None:
        return json_answer({"error": faults.error_inside})
    return None


async def _cut(request: web.Request, handler: Handler, cut: Cut | None) -> web.StreamResponse:
    if cut is Cut.REQUEST:
        await request.read()
    else:
        answer = await handler(request)
        if cut is Cut.BODY and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            return await _half(request, answer, answer.body)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, whole: web.Response, body: bytes) -> web.StreamResponse:
    """Send the head of an answer and the first half of its body; the promised rest never comes."""
    half = web.StreamResponse(status=whole.status, reason=whole.reason, headers=whole.headers)
    half.content_length = len(body)
    half.force_close()
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half


async def _cut_upload(request: web.Request, after: int) -> web.StreamResponse:
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


def fault_left_library(faults: Faults, find: FindProgram, place: Path, generated: Path) -> list[str]:
    """Lay a copy of the stored program, if there is one, where a compile leaves its library, while the fault is on.

    Called like everything that reads an upload before it is compiled; it adds nothing to the compile log.
    """
    library = find()
    if faults.library_left_behind and library is not None:
        shutil.copyfile(place.parents[1] / library, place)
    return []
