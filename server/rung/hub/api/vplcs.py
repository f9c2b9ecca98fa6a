"""vPLCs: the hub's list of them, what they are made from, and their end.

Invariant: a vPLC is in the database before the agent hears of it, and no request to an agent is ever sent twice.
"""

from __future__ import annotations

import uuid
from typing import Final

from aiohttp import web

from rung.hub.api.answers import NeedsConfirmation, agent_says, conflict, own
from rung.hub.api.asking import said
from rung.hub.api.call import Call
from rung.hub.api.running import confirm_end
from rung.hub.api.shapes import VPLC_FIELDS, agent_shape, period, vplc_request, vplc_shape
from rung.hub.records import VplcState
from rung.runtimes.errors import Kind, RuntimeFailure

NOTHING_SENT: Final = frozenset({Kind.UNREACHABLE, Kind.BUSY, Kind.UPLOAD_REFUSED, Kind.TOO_OLD})
"""After these failures of a call the agent has not heard it, or has not understood a word."""
_UNKNOWN: Final = "The connection to the orchestrator was lost meanwhile: whether it has heard of this is not known. It is asked when it is back."
_RENAME: Final = "Choose another name."


async def list_all(call: Call) -> web.StreamResponse:
    """All vPLCs of an orchestrator, as last known."""
    return own({"vplcs": [vplc_shape(vplc) for vplc in await call.desk.store.vplcs(call.orchestrator.id)]})


async def show(call: Call) -> web.StreamResponse:
    """One vPLC, with what the agent says of its container when it can be asked at once."""
    container: dict[str, object] | None = None
    vplc = call.vplc
    try:
        now, reply = await call.desk.progress.read(call.orchestrator, vplc)
        container = agent_shape(reply)
        vplc = now or vplc
    except RuntimeFailure as failure:
        if failure.kind not in (Kind.UNREACHABLE, Kind.LOST, Kind.BUSY):
            raise
    return own(vplc_shape(vplc) | {"container": container})


async def create(call: Call) -> web.StreamResponse:
    """Have a vPLC made; its progress comes by events."""
    fields = await call.fields(*VPLC_FIELDS)
    name, request = fields.text("name", 63), vplc_request(fields)
    identity = str(uuid.uuid4())  # self-destruction and WiFi links of agents count on this form (section 4.2)
    message = {"container_name": identity, **request}
    store, progress = call.desk.store, call.desk.progress
    try:
        vplc = await store.add_vplc(call.orchestrator, identity, name, message)
    except ValueError as error:
        raise conflict(str(error), _RENAME) from None
    await progress.tell(call.orchestrator, vplc, vplc.state, vplc.message)
    try:
        reply = await call.desk.asking.reply(call.orchestrator.id, "create_new_runtime", message)
    except RuntimeFailure as failure:
        if failure.kind in NOTHING_SENT:
            await store.remove_vplc(vplc)
            await progress.tell(call.orchestrator, vplc, VplcState.GONE, "", removed=True)
        else:
            await progress.kept_if_possible(call.orchestrator, vplc, VplcState.REQUESTED, _UNKNOWN)
            progress.watch(call.orchestrator, identity)
        raise
    if reply.get("status") == "error":
        await progress.kept_if_possible(call.orchestrator, vplc, VplcState.ERROR, said(reply))
        raise agent_says(said(reply))
    vplc = await progress.kept_if_possible(call.orchestrator, vplc, VplcState.CREATING, said(reply))
    progress.watch(call.orchestrator, identity)
    return own(vplc_shape(vplc), 202)


async def rename(call: Call) -> web.StreamResponse:
    """Call a vPLC otherwise; its container keeps its own name."""
    fields = await call.fields("name")
    try:
        vplc = await call.desk.store.rename_vplc(call.vplc, fields.text("name", 63))
    except ValueError as error:
        raise conflict(str(error), _RENAME) from None
    await call.desk.progress.tell(call.orchestrator, vplc, vplc.state, vplc.message)
    return own(vplc_shape(vplc))


async def delete(call: Call) -> web.StreamResponse:
    """Have a vPLC removed with its program and its users, once the user has typed its name."""
    fields = await call.fields("typed", "running")
    vplc, progress = call.vplc, call.desk.progress
    if fields.words("typed") != vplc.name:
        raise NeedsConfirmation(
            f"The vPLC {vplc.name} on {call.orchestrator.name} will be removed with its program and its users. "
            "This cannot be undone.",
            vplc.name,
        )
    await confirm_end(call, [vplc], f"remove {vplc.name}", fields.flag("running"))
    before = (vplc.state, vplc.message)
    vplc = await progress.keep(call.orchestrator, vplc, VplcState.DELETING, "")
    try:
        reply = await call.desk.asking.reply(call.orchestrator.id, "delete_device", {"device_id": vplc.id})
    except RuntimeFailure as failure:
        if failure.kind in NOTHING_SENT:
            await progress.kept_if_possible(call.orchestrator, vplc, *before)
        else:
            await progress.kept_if_possible(call.orchestrator, vplc, VplcState.DELETING, _UNKNOWN)
            progress.watch(call.orchestrator, vplc.id)
        raise
    if reply.get("status") == "error":
        await progress.kept_if_possible(call.orchestrator, vplc, *before)
        raise agent_says(said(reply))
    call.desk.states.forget(vplc.id)
    progress.watch(call.orchestrator, vplc.id)
    return own(vplc_shape(vplc), 202)


async def consumption(call: Call) -> web.StreamResponse:
    """What a vPLC uses, over the last hour unless told otherwise."""
    query = call.query("cpu", "memory")
    message = {
        "device_id": call.vplc.id,
        "cpuPeriod": period(query.get("cpu")),
        "memoryPeriod": period(query.get("memory")),
    }
    return own(agent_shape(await call.ask("get_consumption_device", message)))
