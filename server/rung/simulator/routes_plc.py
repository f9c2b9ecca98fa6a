"""Routes of the PLC: state, start and stop, upload and build, logs (protocol sections 1.3 to 1.6).

Every unknown name is answered 200 with an error in the body, never 404: a client that probes for newer routes relies on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final

from aiohttp import BodyPartReader, web

from rung.simulator.answers import Json, error_page, json_answer
from rung.simulator.build import BuildStatus
from rung.simulator.device import Device, Refusal, authorised, json_object
from rung.simulator.machine import NotConnected
from rung.simulator.project_snapshot import LARGEST_SNAPSHOT, SnapshotRefused
from rung.simulator.recipe import GENERATED
from rung.simulator.upload import LARGEST_FILE, read_archive

_LARGEST_UPLOAD: Final = 64 * 1024 * 1024
_LONGEST_METADATA: Final = 1024 * 1024
_BUSY: Final = "Runtime is compiling another program, please wait"
_UNSAFE: Final = "Uploaded ZIP file failed safety checks"


def add_routes(router: web.UrlDispatcher, device: Device, folder: Path) -> None:
    """Add the PLC routes of `device`, whose runtime works in `folder`."""
    routes = _PlcRoutes(device, folder)
    if device.personality.tells_version:
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
        }
        if device.personality.discovery:
            self._posts["plugin-command"] = self._plugin_command
        if device.personality.mode_switch:
            self._gets["switch"] = self._switch

    async def version(self, request: web.Request) -> web.Response:
        return json_answer({"version": self._device.personality.version})

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
            if status and self._device.personality.mode_switch:
                answer["switchPosition"] = self._device.machine.switch.value
            if status and request.query.get("include_stats", "").lower() == "true":
                statistics = await self._device.machine.command("STATS")
                if statistics and statistics.startswith("STATS:"):
                    answer["timing_stats"] = json.loads(statistics[len("STATS:") :])
        except NotConnected:
            answer["status"] = "STATUS:ERROR\n"
        return answer

    async def _switch(self, request: web.Request) -> Json:
        return {"switchPosition": self._device.machine.switch.value}

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
        with tempfile.TemporaryDirectory() as scratch:
            parts = _Parts(Path(scratch), keeps_snapshot=self._device.personality.snapshots)
            problem = await parts.receive(request)
            if builder.busy:  # another upload was quicker
                return self._upload_answer(_BUSY)
            builder.reset(BuildStatus.UNZIPPING)
            if not problem:
                with parts.program.open("rb") as file:
                    problem = await self._unpack(file)
            if problem:
                builder.status = BuildStatus.FAILED
                return self._upload_answer(problem)
            warning = self._keep_snapshot(parts)
        await builder.begin(clean=self._device.personality.clean_build and request.query.get("clean") == "1")
        return self._upload_answer("", warning)

    def _keep_snapshot(self, parts: _Parts) -> str:
        """Replace the kept project by what came with the upload; returns a warning if that is not kept."""
        snapshot = self._device.snapshot
        snapshot.clear()
        if not parts.snapshot.is_file():
            return ""
        try:
            if parts.snapshot.stat().st_size > LARGEST_SNAPSHOT:
                raise SnapshotRefused(f"archive is too large (limit {LARGEST_SNAPSHOT} bytes)")
            snapshot.stage(parts.snapshot, parts.metadata)
        except SnapshotRefused as refused:
            return f"Snapshot ignored: {refused}"
        except OSError as error:
            return f"Snapshot ignored: Could not store the project snapshot: {error.strerror}"
        return ""

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

    def _upload_answer(self, problem: str, warning: str = "") -> Json:
        answer: dict[str, Json] = {"CompilationStatus": self._device.builder.status.value, "UploadFileFail": problem}
        if self._device.personality.snapshots and not problem:
            answer["ProjectSnapshotWarning"] = warning
        return answer


class _Parts:
    """The parts of an upload, on disk in a folder: the program, and where they are kept the project's source and what it is."""

    def __init__(self, folder: Path, *, keeps_snapshot: bool) -> None:
        self.program = folder / "program.zip"
        self.snapshot = folder / "snapshot.zip"
        self.metadata: str | None = None
        self._keeps_snapshot = keeps_snapshot
        self._left = _LARGEST_UPLOAD + (LARGEST_SNAPSHOT if keeps_snapshot else 0)

    async def receive(self, request: web.Request) -> str:
        """Store the parts; returns what is wrong with the request, or ""."""
        if request.content_type != "multipart/form-data":
            return "No file part in the request"
        try:
            reader = await request.multipart()
            while (part := await reader.next()) is not None:
                if not isinstance(part, BodyPartReader):
                    continue
                length = part.headers.get("Content-Length", "")
                target = self._target(part)
                if target == self.program and length.isdecimal() and int(length) > LARGEST_FILE:
                    return "File is too large"
                if target is None and self._keeps_snapshot and part.name == "snapshot_metadata":
                    self.metadata = (await self._read(part)).decode("utf-8", "replace")
                else:
                    await self._store(part, target)
        except ValueError:
            return "No file part in the request"
        return "" if self.program.is_file() else "No file part in the request"

    def _target(self, part: BodyPartReader) -> Path | None:
        if part.filename is None:
            return None
        if part.name == "file" and not self.program.is_file():
            return self.program
        if part.name == "snapshot" and self._keeps_snapshot and not self.snapshot.is_file():
            return self.snapshot
        return None

    async def _store(self, part: BodyPartReader, target: Path | None) -> None:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(target.open("wb")) if target is not None else None
            while chunk := await part.read_chunk(65536):
                self._count(chunk)
                if file is not None:
                    file.write(chunk)

    async def _read(self, part: BodyPartReader) -> bytes:
        text = b""
        while chunk := await part.read_chunk(65536):
            self._count(chunk)
            text = (text + chunk)[:_LONGEST_METADATA]
        return text

    def _count(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise Refusal(error_page(413))


def _serial_devices() -> list[str]:
    """Serial ports with a driver behind them, on Linux; the placeholders of the platform bus are left out."""
    return [
        f"/dev/{entry.parts[4]}"
        for entry in sorted(Path("/sys/class/tty").glob("*/device/subsystem"))
        if os.path.basename(os.path.realpath(entry)) not in ("platform", "serial-base")
    ]
