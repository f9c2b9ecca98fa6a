"""The REST commands of the PLC (sections 2.3 to 2.5).

Invariant: an unknown command is answered 200, and what a command answers says nothing of whether it worked: that is how a v3 is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_request import FileField

from rung.simulator.answers import Json, json_answer
from rung.simulator.device import Refusal
from rung.simulator.tokens import Session
from rung.simulator.v3.monitored import OddDeclaration
from rung.simulator.v3.runtime import Runtime

Authorise = Callable[[web.Request], Session]
_BUSY = "Runtime is compiling another program, please wait"
_NO_FILE = "No file part in the request"


def add_routes(router: web.UrlDispatcher, runtime: Runtime, authorise: Authorise) -> None:
    """Add the commands of `runtime`; `authorise` raises Refusal for a request without a good token."""
    routes = _Commands(runtime, authorise)
    router.add_get("/api/{command}", routes.get)
    router.add_post("/api/{command}", routes.post)


class _Commands:
    def __init__(self, runtime: Runtime, authorise: Authorise) -> None:
        self._runtime = runtime
        self._authorise = authorise
        self._gets: dict[str, Callable[[], Awaitable[Json]]] = {
            "start-plc": self._start,
            "stop-plc": self._stop,
            "ping": self._ping,
            "status": self._status,
            "runtime-logs": self._runtime_logs,
            "compilation-status": self._compilation_status,
        }

    async def get(self, request: web.Request) -> web.Response:
        self._authorise(request)
        command = self._gets.get(request.match_info["command"])
        return json_answer(await command() if command is not None else {"error": "Unknown argument"})

    async def post(self, request: web.Request) -> web.Response:
        self._authorise(request)
        if request.match_info["command"] != "upload-file":
            return json_answer({"PostRequestError": "Unknown argument"})
        return json_answer(await self._upload(request))

    async def _ping(self) -> Json:
        return {"status": "PING:OK"}

    async def _start(self) -> Json:
        try:
            await self._runtime.start()
        except OddDeclaration as problem:
            raise Refusal(json_answer({"error": str(problem)}, 500)) from None
        return {"status": "START:OK"}

    async def _stop(self) -> Json:
        await self._runtime.stop()
        return {"status": "STOP:OK"}

    async def _status(self) -> Json:
        return {"status": f"STATUS:{self._runtime.status}"}

    async def _runtime_logs(self) -> Json:
        return {"runtime-logs": self._runtime.log}

    async def _compilation_status(self) -> Json:
        compiler = self._runtime.compiler
        return {
            "status": compiler.status,
            "logs": list(compiler.log),
            "exit_code": 1 if compiler.status == "FAILED" else 0,
        }

    async def _upload(self, request: web.Request) -> Json:
        if self._runtime.compiling:
            await request.read()
            return {"CompilationStatus": "COMPILING", "UploadFileFail": _BUSY}
        part = await _file_part(request)
        if part is None:
            return {"CompilationStatus": "FAILED", "UploadFileFail": _NO_FILE}
        if self._runtime.compiling:  # another upload was quicker
            return {"CompilationStatus": "COMPILING", "UploadFileFail": _BUSY}
        try:
            await self._runtime.take_upload(part)
        except UnicodeDecodeError as error:
            raise Refusal(json_answer({"error": str(error)}, 500)) from None
        return {"CompilationStatus": "COMPILING", "UploadFileFail": ""}


async def _file_part(request: web.Request) -> bytes | None:
    try:
        form = await request.post()
    except ValueError:
        return None
    part = form.get("file")
    return part.file.read() if isinstance(part, FileField) else None
