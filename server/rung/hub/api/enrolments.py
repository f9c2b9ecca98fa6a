"""The permission for one host to become an orchestrator, and what has become of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from aiohttp import web

from rung.hub.api.answers import Refusal, absent, conflict, own
from rung.hub.api.call import Call
from rung.hub.api.shapes import time_text
from rung.hub.install_script import install_command
from rung.hub.records import Enrolment
from rung.runtimes.errors import Kind

VALID_FOR: Final = timedelta(minutes=5)


async def create(call: Call) -> web.StreamResponse:
    """Issue an id, and the command that enrols a host with it."""
    fields = await call.fields("name", "description")
    name, description = fields.text("name", 63), fields.words("description")
    _take_turn(call)
    try:
        enrolment = await call.desk.store.create_enrolment(call.user, name, description, _end())
    except ValueError as error:
        raise conflict(str(error), "Choose another name.") from None
    return own(_shape(call, enrolment), 201)


async def create_anew(call: Call) -> web.StreamResponse:
    """Issue an id that gives an orchestrator a new certificate, and the command to run on its host."""
    await call.fields()
    here = call.orchestrator
    _take_turn(call)
    enrolment = await call.desk.store.create_enrolment_anew(call.user, here, _end())
    message = (
        f"When the host of {here.name} has its new certificate, the present one is never accepted again. Its vPLCs keep running and "
        "stay in the list."
    )
    return own({**_shape(call, enrolment), "message": message}, 201)


def _end() -> datetime:
    return datetime.now(timezone.utc) + VALID_FOR


def _take_turn(call: Call) -> None:
    wait = call.desk.limits.enrolments.take(f"{call.user.tenant}/{call.user.name}")
    if wait:
        raise Refusal(
            429,
            Kind.BUSY,
            "Too many enrolments were asked for. No id was issued.",
            "Use the ones that are still valid, or wait.",
            int(wait) + 1,
        )


def _shape(call: Call, enrolment: Enrolment) -> dict[str, object]:
    return {
        "id": enrolment.id,
        "expiresAt": time_text(enrolment.expires),
        "command": install_command(call.desk.settings, enrolment.id),
    }


async def show(call: Call) -> web.StreamResponse:
    """How far an enrolment has come."""
    enrolment = await call.desk.store.enrolment(call.user.tenant, call.request.match_info["id"])
    if enrolment is None:
        raise absent()
    if enrolment.used is None:
        expired = enrolment.expires <= datetime.now(timezone.utc)
        return own({"id": enrolment.id, "state": "expired" if expired else "waiting"})
    orchestrator = enrolment.orchestrator or enrolment.id
    presence = await call.desk.asking.agents.presence([orchestrator])
    online = orchestrator in presence and presence[orchestrator].online
    return own({"id": enrolment.id, "state": "online" if online else "enrolled", "orchestrator": orchestrator})
