"""Routes of fieldbus discovery (protocol section 1.3). No plugin runs here, so each says what a runtime without one says.

They belong to a part of the runtime that sends no version header.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from rung.simulator.answers import Json, json_answer
from rung.simulator.device import Device, Refusal, authorised, json_object

PREFIX: Final = "/api/discovery/"
_NO_PLUGIN: Final = "plugin 'ethercat' does not support execute_command"
_INTERFACE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*")
_LONGEST_INTERFACE: Final = 15


def add_routes(router: web.UrlDispatcher, device: Device) -> None:
    """Add the discovery routes of `device`."""
    routes = _DiscoveryRoutes(device)
    router.add_get(PREFIX + "interfaces", routes.interfaces)
    router.add_get(PREFIX + "ethercat/status", routes.status)
    router.add_get(PREFIX + "ethercat/runtime-status", routes.unavailable)
    router.add_get(PREFIX + "ethercat/diagnostics", routes.unavailable)
    router.add_post(PREFIX + "ethercat/scan", routes.scan)
    router.add_post(PREFIX + "ethercat/test", routes.test)
    router.add_post(PREFIX + "ethercat/validate", routes.validate)


class _DiscoveryRoutes:
    def __init__(self, device: Device) -> None:
        self._device = device

    async def interfaces(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        return json_answer({"status": "error", "interfaces": [], "message": _NO_PLUGIN}, 500)

    async def status(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        return json_answer({"available": True, "message": "Discovery service is ready (native SOEM plugin)"})

    async def unavailable(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        return _error(_NO_PLUGIN, 503)

    async def scan(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        interface = body.get("interface")
        problem = _check_interface(interface)
        if problem:
            return _error(problem, 400)
        answer: dict[str, Json] = {"devices": [], "scan_time_ms": 0, "interface": interface}
        return json_answer({"status": "error", "message": _NO_PLUGIN, **answer}, 500)

    async def test(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        interface, position = body.get("interface"), body.get("position")
        if not interface:
            return _error("Missing required field: 'interface'", 400)
        if position is None:
            return _error("Missing required field: 'position'", 400)
        if not isinstance(position, int) or position < 1:
            return _error("'position' must be a positive integer", 400)
        problem = _check_interface(interface)
        if problem:
            return _error(problem, 400)
        answer: dict[str, Json] = {"connected": False, "device": None, "response_time_ms": 0}
        return json_answer({"status": "error", "message": _NO_PLUGIN, **answer}, 500)

    async def validate(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        if not body:
            return json_answer({"valid": False, "errors": ["Empty configuration"], "warnings": []}, 400)
        errors = [f"Missing required field: '{name}'" for name in ("interface", "slaves") if name not in body]
        if "slaves" in body and not isinstance(body["slaves"], list):
            errors.append("Field 'slaves' must be a list")
        warnings = ["No slaves configured"] if body.get("slaves") == [] else []
        return json_answer({"valid": not errors, "errors": errors, "warnings": warnings}, 400 if errors else 200)

    async def _body(self, request: web.Request) -> dict[str, Json]:
        authorised(self._device, request)
        try:
            return await json_object(request)
        except Refusal:
            return {}


def _check_interface(interface: Json) -> str:
    if not interface:
        return "Missing required field: 'interface'"
    if not isinstance(interface, str) or not _INTERFACE.fullmatch(interface):
        return "Invalid interface name format"
    if len(interface) > _LONGEST_INTERFACE:
        return f"Interface name too long (max {_LONGEST_INTERFACE} chars)"
    return ""


def _error(message: str, status: int) -> web.Response:
    return json_answer({"status": "error", "message": message}, status)
