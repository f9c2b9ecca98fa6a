"""Orchestrators: what the hub knows of them, what their hosts have, and how they leave the hub."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final

from aiohttp import web

from rung.hub.api.answers import NeedsConfirmation, conflict, own
from rung.hub.api.call import Call, Desk
from rung.hub.api.running import confirm_end
from rung.hub.api.shapes import abilities_shape, agent_shape, orchestrator_shape, period
from rung.hub.bus import Event
from rung.hub.records import Orchestrator, Vplc
from rung.runtimes.errors import Kind, RuntimeFailure

_ITSELF: Final = "__orchestrator__"
"""The device id under which an agent tells of its own removal (orchestrator protocol, section 2.4)."""
_REMOVAL_PAUSE: Final = 2.0
_REMOVAL_PATIENCE: Final = 300.0
_AWAY_FOR_GOOD: Final = 60.0
"""Seconds: an agent that has only lost its connection is back within 39 (orchestrator protocol, section 1.2)."""


async def list_all(call: Call) -> web.StreamResponse:
    """All orchestrators of the tenant, from the database and the live sessions: no agent is asked."""
    store = call.desk.store
    orchestrators = await store.orchestrators(call.user.tenant)
    presence = await call.desk.asking.agents.presence([orchestrator.id for orchestrator in orchestrators])
    vplcs: dict[str, list[Vplc]] = {}
    for vplc in await store.vplcs_of_tenant(call.user.tenant):
        vplcs.setdefault(vplc.orchestrator, []).append(vplc)
    shapes = [
        orchestrator_shape(orchestrator, presence.get(orchestrator.id), vplcs.get(orchestrator.id, ()))
        for orchestrator in orchestrators
    ]
    return own({"orchestrators": shapes})


async def show(call: Call) -> web.StreamResponse:
    """One orchestrator, with what its agent can do if that is there to be asked."""
    shape = await _shape(call.desk, call.orchestrator)
    abilities = None
    if shape["online"]:
        with contextlib.suppress(RuntimeFailure):  # it has gone meanwhile, or is busy
            abilities = abilities_shape(await call.desk.asking.agents.abilities(call.orchestrator.id))
    return own(shape | {"agent": abilities})


async def rename(call: Call) -> web.StreamResponse:
    """Call an orchestrator otherwise."""
    fields = await call.fields("name", "description")
    here = call.orchestrator
    name = fields.text("name", 63) if "name" in fields else here.name
    description = fields.words("description") if "description" in fields else here.description
    try:
        renamed = await call.desk.store.rename_orchestrator(here, name, description)
    except ValueError as error:
        raise conflict(str(error), "Choose another name.") from None
    shape = await _shape(call.desk, renamed)
    await _tell(call.desk, here, shape)
    return own(shape)


async def delete(call: Call) -> web.StreamResponse:
    """Remove an orchestrator from the hub and, with `uninstall`, its agent and all its vPLCs from the host."""
    fields = await call.fields("typed", "uninstall", "running")
    here = call.orchestrator
    uninstall = fields.flag("uninstall")
    if fields.words("typed") != here.name:
        raise NeedsConfirmation(_end_of(here, uninstall), here.name)
    if not uninstall:
        await call.desk.store.remove_orchestrator(here)
        await _drop(call.desk, here, "removed")
        await _gone(call.desk, here)
        return own({"ok": True})
    vplcs = await call.desk.store.vplcs(here.id)
    await confirm_end(call, vplcs, f"uninstall {here.name}", fields.flag("running"))
    await call.ask("delete_orchestrator", {})
    for vplc in vplcs:
        call.desk.states.forget(vplc.id)
    call.desk.background(_see_off(call.desk, here))
    return own({"ok": True}, 202)


async def revoke(call: Call) -> web.StreamResponse:
    """Shut an orchestrator's certificate out for good and end its session; its vPLCs keep running."""
    fields = await call.fields("typed")
    here = call.orchestrator
    if fields.words("typed") != here.name:
        raise NeedsConfirmation(
            f"The certificate of {here.name} will never be accepted again. Its vPLCs keep running, and can be reached through the hub "
            "only after its host has been enrolled anew.",
            here.name,
        )
    await call.desk.store.revoke(here, datetime.now(timezone.utc))
    await _drop(call.desk, here, "revoked")
    try:
        if now := await call.desk.store.orchestrator(here.tenant, here.id):
            await _tell(call.desk, here, await _shape(call.desk, now))
    except RuntimeFailure as failure:
        call.desk.journal.failure("revoke", failure)  # it is done; only that others hear of it at once is not
    return own({"ok": True})


async def interfaces(call: Call) -> web.StreamResponse:
    """The host's network interfaces."""
    virtual = call.query("virtual").get("virtual") == "1"
    reply = await call.ask("get_host_interfaces", {"include_virtual": virtual})
    return own({"interfaces": _list(reply, "interfaces")})


async def serial_devices(call: Call) -> web.StreamResponse:
    """The host's serial ports."""
    return own({"devices": _list(await call.ask("get_serial_devices", {}), "devices")})


async def consumption(call: Call) -> web.StreamResponse:
    """What the host uses, over the last hour unless told otherwise."""
    query = call.query("cpu", "memory")
    message = {"cpuPeriod": period(query.get("cpu")), "memoryPeriod": period(query.get("memory"))}
    return own(agent_shape(await call.ask("get_consumption_orchestrator", message)))


async def _shape(desk: Desk, orchestrator: Orchestrator) -> dict[str, object]:
    presence = await desk.asking.agents.presence([orchestrator.id])
    return orchestrator_shape(orchestrator, presence.get(orchestrator.id), await desk.store.vplcs(orchestrator.id))


async def _drop(desk: Desk, orchestrator: Orchestrator, why: str) -> None:
    """End its session; one that cannot be told now ends when it is compared with the database."""
    try:
        await desk.asking.agents.drop(orchestrator.id, why)
    except RuntimeFailure as failure:
        desk.journal.failure("drop", failure)


async def _tell(desk: Desk, orchestrator: Orchestrator, data: Mapping[str, object]) -> None:
    await desk.bus.publish(Event(orchestrator.tenant, "orchestrator", {"orchestrator": orchestrator.id, **data}))


async def _gone(desk: Desk, orchestrator: Orchestrator) -> None:
    await _tell(desk, orchestrator, {"removed": True})


async def _see_off(desk: Desk, orchestrator: Orchestrator) -> None:
    """Follow an agent's own removal to the end of its session; the hub forgets it only when that does not come back.

    If the removal fails half-way the orchestrator stays in the list.
    """
    latest = time.monotonic() + _REMOVAL_PATIENCE
    away_since: float | None = None
    while time.monotonic() < latest or away_since is not None:
        now = time.monotonic()
        try:
            reply = await desk.asking.reply(orchestrator.id, "get_device_status", {"device_id": _ITSELF})
        except RuntimeFailure as failure:
            away_since = (away_since or now) if await _is_away(desk, orchestrator, failure) else None
            if away_since is not None and now - away_since >= _AWAY_FOR_GOOD:
                await desk.store.remove_orchestrator(orchestrator)
                await _gone(desk, orchestrator)
                return
        else:
            if reply.get("status") == "error":
                return
            away_since = None
        await asyncio.sleep(_REMOVAL_PAUSE)


async def _is_away(desk: Desk, orchestrator: Orchestrator, failure: RuntimeFailure) -> bool:
    """Whether no process has a session of it; that it cannot be asked at this moment may have other reasons."""
    if failure.kind is not Kind.UNREACHABLE:
        return False
    try:
        return not (await desk.asking.agents.presence([orchestrator.id]))[orchestrator.id].online
    except RuntimeFailure:
        return False


def _end_of(orchestrator: Orchestrator, uninstall: bool) -> str:
    if uninstall:
        return (
            f"The agent of {orchestrator.name} will remove itself and all its vPLCs, with their programs and users, from its host. "
            "This cannot be undone."
        )
    return (
        f"The hub will forget {orchestrator.name} and its list of vPLCs, and will not accept its certificate any more. Agent and vPLCs "
        "stay on the host and keep running."
    )


def _list(reply: Mapping[str, object], name: str) -> list[object]:
    value = reply.get(name)
    return value if isinstance(value, list) else []
