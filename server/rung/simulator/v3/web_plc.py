"""The pages of the PLC: dashboard, start, stop, logs, monitoring, settings."""

from __future__ import annotations

import struct

from aiohttp import web

from rung.simulator.answers import error_page
from rung.simulator.v3 import web_pages
from rung.simulator.v3.memory import Cell
from rung.simulator.v3.monitored import OddDeclaration, Point
from rung.simulator.v3.web_session import bad_request
from rung.simulator.v3.web_ui import Form, Site, redirect

_SIGNED = frozenset({"SINT", "INT", "DINT", "LINT"})


def add_routes(router: web.UrlDispatcher, site: Site) -> None:
    """Add the pages."""
    pages = _PlcPages(site)
    router.add_get("/dashboard", site.blocked(pages.dashboard))
    router.add_get("/start_plc", site.private(pages.start))
    router.add_get("/stop_plc", site.private(pages.stop))
    router.add_get("/runtime_logs", site.private(pages.runtime_logs))
    router.add_get("/compilation-logs", site.private(pages.compilation_logs))
    router.add_get("/monitoring", site.blocked(pages.monitoring))
    router.add_get("/monitor-update", site.private(pages.monitor_update))
    router.add_get("/point-write", site.private(pages.point_write))
    router.add_get("/settings", site.blocked(pages.settings))
    router.add_post("/settings", site.blocked(pages.save_settings))


class _PlcPages:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._runtime = site.runtime

    async def dashboard(self, request: web.Request) -> web.StreamResponse:
        self._site.monitoring = False
        row = self._runtime.installation.row_of(self._runtime.installation.active)
        return self._site.page(web_pages.dashboard(row, self._runtime.running, self._runtime.seconds))

    async def start(self, request: web.Request) -> web.StreamResponse:
        self._site.monitoring = False
        try:
            await self._runtime.start()
        except OddDeclaration:
            return error_page(500)
        return redirect("/dashboard")

    async def stop(self, request: web.Request) -> web.StreamResponse:
        self._site.monitoring = False
        await self._runtime.stop()
        return redirect("/dashboard")

    async def runtime_logs(self, request: web.Request) -> web.StreamResponse:
        return web_pages.html_answer(self._runtime.log)

    async def compilation_logs(self, request: web.Request) -> web.StreamResponse:
        return web_pages.html_answer("".join(f"{line}\n" for line in self._runtime.compiler.log))

    # -- monitoring ----------------------------------------------------------------------------------------------

    async def monitoring(self, request: web.Request) -> web.StreamResponse:
        port = self._runtime.installation.settings.modbus_port
        if not self._runtime.running:
            return self._site.page(f"<h2>Monitoring</h2>{web_pages.point_table([], [])}")
        if port is None:
            return self._site.page(
                web_pages.error("You must enable Modbus Server in the settings to monitor the program!")
            )
        self._site.monitoring = True
        table = web_pages.point_table(self._runtime.points, await self._values())
        return self._site.page(f"<h2>Monitoring</h2>{table}{web_pages.hidden('modbus_port_cfg', port)}")

    async def monitor_update(self, request: web.Request) -> web.StreamResponse:
        if "mb_port" not in request.query:
            return error_page(500)
        return web_pages.html_answer(web_pages.point_table(self._runtime.points, await self._values()))

    async def point_write(self, request: web.Request) -> web.StreamResponse:
        plc = self._runtime.plc
        cell = _cell(request.query.get("address", ""))
        if not self._site.monitoring or plc is None:
            return error_page(500)
        if cell is not None and cell[:2] == ("Q", "X"):
            await plc.memory.write_cells([(cell, int(request.query.get("value") == "1"))])
        return web_pages.html_answer("")

    async def _values(self) -> list[str]:
        plc = self._runtime.plc
        found: list[str] = []
        for point in self._runtime.points:
            cell = _cell(point.location)
            value = (await plc.memory.read_cells([cell]))[0] if plc is not None and cell is not None else 0
            found.append(_shown(point, value))
        return found

    # -- settings ------------------------------------------------------------------------------------------------

    async def settings(self, request: web.Request) -> web.StreamResponse:
        return self._site.page(web_pages.settings(self._runtime.installation.settings, self._site.token()))

    async def save_settings(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        installation = self._runtime.installation
        current = installation.settings
        current.modbus_port = _number(form, "modbus_server_port")
        current.dnp3_port = _number(form, "dnp3_server_port")
        current.enip_port = _number(form, "enip_server_port")
        current.storage_polling_s = _number(form, "pstorage_thread_poll")
        current.snap7 = form.get("snap7_run_text") == "true"
        current.start_run_mode = form.get("auto_run_text") == "true"
        current.slave_polling_ms = _number(form, "slave_polling_period") or 100
        current.slave_timeout_ms = _number(form, "slave_timeout") or 1000
        hostname = form.get("device_hostname")
        current.hostname = hostname if isinstance(hostname, str) else current.hostname
        installation.save()
        await self._runtime.reconfigure()
        return redirect("/dashboard")


def _number(form: Form, name: str) -> int | None:
    """A number of a form; a field that is missing means "disabled"."""
    value = form.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isdecimal() or not 0 < int(value) < 65536:
        raise bad_request()
    return int(value)


def _cell(location: str) -> Cell | None:
    """The cell of an address as a program text spells it."""
    text = location.strip().upper()
    if len(text) < 4 or text[0] != "%" or text[1] not in "IQM" or text[2] not in "XBWDL":
        return None
    index, _, bit = text[3:].partition(".")
    if not index.isdecimal() or (bit and not bit.isdecimal()):
        return None
    return text[1], text[2], int(index), int(bit or 0)


def _shown(point: Point, value: int) -> str:
    if point.type == "BOOL":
        return "TRUE" if value else "FALSE"
    if point.type == "REAL":
        return f"{struct.unpack('<f', (value & 0xFFFFFFFF).to_bytes(4, 'little'))[0]:10.4f}"
    if point.type == "LREAL":
        return f"{struct.unpack('<d', value.to_bytes(8, 'little'))[0]:10.4f}"
    if point.type in _SIGNED:
        bits = {"SINT": 8, "INT": 16, "DINT": 32, "LINT": 64}[point.type]
        value = (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
    return str(value)
