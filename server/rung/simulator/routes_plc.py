"""Routes of the PLC: state, start and stop, upload and build, logs (protocol sections 1.3 to 1.6).

Every unknown name is answered 200 with an error in the body, never 404: a client that probes for newer routes relies on it.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final

from aiohttp import BodyPartReader, web

from rung.simulator.answers import Json, error_page, json_answer
from rung.simulator.build import GENERATED, BuildStatus
from rung.simulator.device import Device, Refusal, authorised, json_object
from rung.simulator.machine import NotConnected
from rung.simulator.upload import LARGEST_FILE, read_archive

_LARGEST_UPLOAD: Final = 64 * 1024 * 1024
_BUSY: Final = "Runtime is compiling another program, please wait"
_UNSAFE: Final = "Uploaded ZIP file failed safety checks"


def add_routes(router: web.UrlDispatcher, device: Device, folder: Path) -> None:
    """Add the PLC routes of `device`, whose runtime works in `folder`."""
    routes = _PlcRoutes(device, folder)
    router.add_get("/api/version", routes.version)
    router.add_get("/api/{command}", routes.get)
    router.add_post("/api/{command}", routes.post)


class _PlcRoutes:
    def __init__(self, device: Device, folder: Path) -> None:
        self._device = device
        self._folder = folder
        self._gets: dict[str, Callable[[web.Request], Awaitable[Json]]] = {
            "start-plc": lambda _: self._core_command("START"),
            "stop-plc": lambda _: self._core_command("STOP"),
            "ping": lambda _: self._core_command("PING"),
            "status": self._status,
            "runtime-logs": self._runtime_logs,
            "compilation-status": self._compilation_status,
            "serial-ports": self._serial_ports,
        }
        self._posts: dict[str, Callable[[web.Request], Awaitable[Json]]] = {
            "upload-file": self._upload,
            "plugin-command": self._plugin_command,
        }

    async def version(self, request: web.Request) -> web.Response:
        return json_answer({"version": self._device.version})

    async def get(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        command = self._gets.get(request.match_info["command"])
        if command is None:
            return json_answer({"error": "Unknown argument"})
        try:
            return json_answer(await command(request))
        except ValueError as error:
            return json_answer({"error": str(error)}, 500)

    async def post(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        command = self._posts.get(request.match_info["command"])
        return json_answer(await command(request) if command else {"PostRequestError": "Unknown argument"})

    async def _core_command(self, line: str) -> Json:
        try:
            return {"status": await self._device.machine.command(line)}
        except NotConnected:
            return {"status": f"{line}:ERROR\n"}

    async def _status(self, request: web.Request) -> Json:
        answer: dict[str, Json] = {}
        try:
            status = await self._device.machine.command("STATUS")
            answer["status"] = status or "No response from runtime"
            if status and request.query.get("include_stats", "").lower() == "true":
                statistics = await self._device.machine.command("STATS")
                if statistics and statistics.startswith("STATS:"):
                    answer["timing_stats"] = json.loads(statistics[len("STATS:") :])
        except NotConnected:
            answer["status"] = "STATUS:ERROR\n"
        return answer

    async def _runtime_logs(self, request: web.Request) -> Json:
        lowest = int(request.query["id"]) if "id" in request.query else None
        return {
            "runtime-logs": [asdict(entry) for entry in self._device.log.entries(lowest, request.query.get("level"))]
        }

    async def _compilation_status(self, request: web.Request) -> Json:
        builder = self._device.builder
        return {"status": builder.status.value, "logs": list(builder.lines), "exit_code": builder.exit_code}

    async def _serial_ports(self, request: web.Request) -> Json:
        return {"ports": [{"device": device, "description": "n/a"} for device in _serial_devices()]}

    async def _plugin_command(self, request: web.Request) -> Json:
        try:
            body = await json_object(request)
        except Refusal:
            body = {}
        plugin, command = body.get("plugin"), body.get("command")
        if not plugin or not command:
            return {"error": "Missing 'plugin' or 'command'"}
        return {"error": f"plugin '{plugin}' does not support execute_command"}

    async def _upload(self, request: web.Request) -> Json:
        builder = self._device.builder
        if builder.busy:
            return self._upload_answer(_BUSY)
        with tempfile.TemporaryFile() as file:
            problem = await _receive(request, file)
            if builder.busy:  # another upload was quicker
                return self._upload_answer(_BUSY)
            builder.reset(BuildStatus.UNZIPPING)
            if not problem:
                problem = await self._unpack(file)
        if problem:
            builder.status = BuildStatus.FAILED
            return self._upload_answer(problem)
        await builder.begin(clean=request.query.get("clean") == "1")
        return self._upload_answer("")

    async def _unpack(self, file: IO[bytes]) -> str:
        builder = self._device.builder
        try:
            verdict = await asyncio.to_thread(read_archive, file, self._folder / GENERATED)
        except OSError as error:
            problem = f"File system error: [Errno {error.errno}] {error.strerror}"
        except Exception as error:  # whatever a damaged archive makes the library raise
            problem = f"Unexpected error: {error}"
        else:
            for warning in verdict.warnings:
                self._device.log.warning(warning)
            builder.lines += verdict.compile_lines
            return "" if verdict.safe else _UNSAFE
        builder.lines.append(f"[ERROR] {problem}")
        return problem

    def _upload_answer(self, problem: str) -> Json:
        return {"CompilationStatus": self._device.builder.status.value, "UploadFileFail": problem}


async def _receive(request: web.Request, file: IO[bytes]) -> str:
    """Store the uploaded file; returns what is wrong with the request, or ""."""
    if request.content_type != "multipart/form-data":
        return "No file part in the request"
    found = False
    total = 0
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                continue
            wanted = part.name == "file" and part.filename is not None and not found
            found = found or wanted
            length = part.headers.get("Content-Length", "")
            if wanted and length.isdecimal() and int(length) > LARGEST_FILE:
                return "File is too large"
            while chunk := await part.read_chunk(65536):
                total += len(chunk)
                if total > _LARGEST_UPLOAD:
                    raise Refusal(error_page(413))
                if wanted:
                    file.write(chunk)
    except ValueError:
        return "No file part in the request"
    file.seek(0)
    return "" if found else "No file part in the request"


def _serial_devices() -> list[str]:
    """Serial ports with a driver behind them, on Linux; the placeholders of the platform bus are left out."""
    return [
        f"/dev/{entry.parts[4]}"
        for entry in sorted(Path("/sys/class/tty").glob("*/device/subsystem"))
        if os.path.basename(os.path.realpath(entry)) not in ("platform", "serial-base")
    ]
