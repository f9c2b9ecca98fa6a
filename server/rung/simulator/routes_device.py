"""Routes that tell what a device is, keeps and can do: Runtime v4.1.10 and newer (protocol section 6)."""

from __future__ import annotations

import base64
import json
import platform
import socket
from typing import Final

from aiohttp import web

from rung.simulator.answers import Json, json_answer, message_answer
from rung.simulator.device import Device, authorised
from rung.simulator.routes_roles import administrator

_LEAST_EDITOR: Final = "4.1.0"
_UPDATES: Final[dict[str, Json]] = {"updatePolicy": "manual", "sidecarPort": None}


def add_routes(router: web.UrlDispatcher, device: Device) -> None:
    """Add those of these routes that `device` has."""
    routes = _DeviceRoutes(device)
    personality = device.personality
    if personality.capabilities:
        router.add_get("/api/capabilities", routes.capabilities)
    if personality.device_info:
        router.add_get("/api/device-info", routes.device_info)
    if personality.snapshots:
        router.add_get("/api/project-snapshot/info", routes.snapshot_info)
        router.add_get("/api/project-snapshot", routes.snapshot)


class _DeviceRoutes:
    def __init__(self, device: Device) -> None:
        self._device = device

    async def capabilities(self, request: web.Request) -> web.Response:
        personality = self._device.personality
        answer: dict[str, Json] = {"runtimeVersion": personality.version, "minEditorVersion": _LEAST_EDITOR}
        if personality.snapshots:
            answer["projectSnapshot"] = True
        return json_answer({**answer, **(_UPDATES if personality.device_info else {})})

    async def device_info(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        return json_answer(
            {
                "hostname": socket.gethostname(),
                "architecture": platform.machine(),
                "kernel": platform.release(),
                "system": platform.system(),
                "containerized": False,
                **_UPDATES,
            }
        )

    async def snapshot_info(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        record = self._device.snapshot.record()
        return json_answer({"present": False} if record is None else {**record, "present": True})

    async def snapshot(self, request: web.Request) -> web.Response:
        administrator(self._device, request)
        record = self._device.snapshot.record()
        if record is None:
            return message_answer("No project is stored on this device", 404)
        answer = {
            "projectName": record["projectName"],
            "formatVersion": record["formatVersion"],
            "filename": "project.zip",
            "contentBase64": base64.b64encode(self._device.snapshot.archive()).decode("ascii"),
        }
        return web.Response(body=json.dumps(answer).encode("ascii"), content_type="application/json")
