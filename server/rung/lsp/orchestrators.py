"""Hubs, orchestrators and vPLCs: what the editor asks of them. A machine behind a hub is a machine like any other, so what runs on it has
the usual commands.

Invariant: a token is in a request and in what goes to its hub, and nowhere else; no answer repeats one. What destroys something is done
only with what the hub asks for as agreement.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from rung.lsp.arguments import Given, optional, text, unusable
from rung.lsp.hub_sessions import NOT_ASKED
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hub_records import Confirmation, Network, NewVplc, SerialPort
from rung.runtimes.orchestrated import forget_namesake

if TYPE_CHECKING:
    from rung.lsp.commands import Command, Session
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hub_records import Orchestrator, Vplc
    from rung.runtimes.hubs import Hub

Answer = dict[str, object]


async def hubs(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """The saved hubs and who is signed in there."""
    return {"hubs": session.hubs.rows()}


async def add_hub(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Save a hub; `ca` are the certificates, in PEM form, that alone vouch for it."""
    session.hubs.add(text(given, "name"), text(given, "address"), optional(given, "ca"))
    return {"ok": True}


async def remove_hub(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Forget a hub, and disconnect from what was reached through it."""
    name = text(given, "hub")
    await session.machines.disconnect_through(session.hubs.hub(name).address)
    await session.hubs.remove(name)
    return {"ok": True}


async def sign_in(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Take a token into memory and say whose it is."""
    me = await session.hubs.sign_in(text(given, "hub"), text(given, "token"))
    return {"user": me.user, "role": me.role, "tenant": me.tenant}


async def sign_out(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Forget a token, and disconnect from what was reached with it."""
    name = text(given, "hub")
    await session.machines.disconnect_through(session.hubs.hub(name).address)
    await session.hubs.sign_out(name)
    return {"ok": True}


async def orchestrators(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """All orchestrators with their vPLCs as last known, and under which target each of these is reached."""
    hub = session.hubs.hub(text(given, "hub"))
    found = await session.hubs.client(hub.name).orchestrators()
    return {"orchestrators": [_row(hub, one) for one in found]}


def _row(hub: Hub, orchestrator: Orchestrator) -> Answer:
    vplcs = [{**vplc.json(), **_reached(hub, orchestrator, vplc)} for vplc in orchestrator.vplcs]
    return {**orchestrator.json(), "vplcs": vplcs}


def _reached(hub: Hub, orchestrator: Orchestrator, vplc: Vplc) -> dict[str, str]:
    address = hub.address.behind(orchestrator.name, vplc.name)
    return {"target": f"{hub.name}/{orchestrator.name}/{vplc.name}", "address": str(address)}


async def rename_orchestrator(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Give an orchestrator another name and, if one is given (it may be empty), another description."""
    client, place = _place(session, given)
    await client.rename_orchestrator(place, text(given, "name"), _words(given, "description"))
    return {"ok": True}


async def delete_orchestrator(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Have the hub forget an orchestrator, and its host be cleared if `uninstall` is true."""
    client, place = _place(session, given)
    uninstall, running = given.get("uninstall") is True, given.get("running") is True
    asked = await client.delete_orchestrator(
        place, typed=optional(given, "typed"), uninstall=uninstall, running=running
    )
    return _done(asked)


async def revoke_orchestrator(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Take an orchestrator's certificate back."""
    client, place = _place(session, given)
    return _done(await client.revoke(place, typed=optional(given, "typed")))


async def enrol(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Permit one orchestrator to enrol."""
    client = session.hubs.client(text(given, "hub"))
    ticket = await client.enrol(text(given, "name"), optional(given, "description") or "")
    return {"id": ticket.id, "expiresAt": ticket.expires_at, "command": ticket.command}


async def enrol_again(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Permit the host of an orchestrator to get another key and certificate."""
    client, place = _place(session, given)
    ticket = await client.enrol_again(place)
    return {"id": ticket.id, "expiresAt": ticket.expires_at, "command": ticket.command, "message": ticket.message}


async def enrolment(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """How far that has come."""
    found = await session.hubs.client(text(given, "hub")).enrolment(text(given, "id"))
    return {"state": found.state, "orchestrator": found.orchestrator}


async def interfaces(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """The network interfaces of an orchestrator's host."""
    client, place = _place(session, given)
    return {"interfaces": [one.json() for one in await client.interfaces(place)]}


async def serial_devices(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """The serial ports of an orchestrator's host."""
    client, place = _place(session, given)
    return {"devices": [one.json() for one in await client.serial_devices(place)]}


async def create_vplc(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Have a vPLC created and wait until it runs, with the agent's steps as progress. Cancelling ends the waiting only."""
    client, place = _place(session, given)
    wanted = NewVplc(
        text(given, "name"),
        tuple(_network(row) for row in _rows(given, "networks")),
        tuple(SerialPort(text(row, "name"), text(row, "device"), text(row, "path")) for row in _rows(given, "serial")),
        optional(given, "runtimeVersion"),
    )
    hub = session.hubs.hub(text(given, "hub"))
    with _progress(session, token, f"Creating {wanted.name}") as tell:
        tell("asking the agent")
        found = await client.orchestrator(place)
        made = await client.create_vplc(place, wanted)
        waiting = asyncio.ensure_future(
            client.until_created(place, made.id, lambda vplc: tell(vplc.message.replace("_", " ") or vplc.state))
        )
        await _unless_cancelled(session, token, waiting, wanted.name)
    forget_namesake(hub, found.name, made.name)
    return {"ok": True, "target": _reached(hub, found, made)["target"]}


async def _unless_cancelled(
    session: Session, token: types.ProgressToken | None, waiting: asyncio.Future[Vplc], name: str
) -> None:
    loop = asyncio.get_running_loop()
    stop = None if token is None else session.server.work_done_progress.tokens.get(token)
    if stop is not None:
        stop.add_done_callback(lambda done: loop.call_soon_threadsafe(waiting.cancel) if done.cancelled() else None)
    try:
        await waiting
    except RuntimeFailure as failure:
        if failure.kind not in NOT_ASKED:
            raise
        unknown = f"{failure.message} Whether {name} was created is not known."
        raise RuntimeFailure(failure.kind, unknown, "Its row shows it once the hub answers again.") from None
    except asyncio.CancelledError:
        if stop is None or not stop.cancelled():
            raise
        raise RuntimeFailure(
            Kind.CANCELLED,
            f"No longer waiting for {name}: its orchestrator goes on creating it.",
            "Its row shows when it is up. Delete it if it is not wanted.",
        ) from None


@contextlib.contextmanager
def _progress(session: Session, token: types.ProgressToken | None, title: str) -> Iterator[Callable[[str], None]]:
    progress = session.server.work_done_progress
    if token is None:
        yield lambda text: None
        return
    progress.begin(token, types.WorkDoneProgressBegin(title, cancellable=True))
    try:
        yield lambda text: progress.report(token, types.WorkDoneProgressReport(message=text, cancellable=True))
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        progress.tokens.pop(token, None)


async def rename_vplc(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Give a vPLC another name."""
    client, place = _place(session, given)
    await client.rename_vplc(place, text(given, "vplc"), text(given, "name"))
    return {"ok": True}


async def delete_vplc(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Have a vPLC removed with its program and its users."""
    client, place = _place(session, given)
    running = given.get("running") is True
    return _done(await client.delete_vplc(place, text(given, "vplc"), typed=optional(given, "typed"), running=running))


async def audit(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Who did what to which machine, newest first."""
    rows = await session.hubs.client(text(given, "hub")).audit()
    return {"rows": list(rows)}


def _place(session: Session, given: Given) -> tuple[HubClient, str]:
    return session.hubs.client(text(given, "hub")), text(given, "orchestrator")


def _done(asked: Confirmation | None) -> Answer:
    if asked is None:
        return {"ok": True}
    return {"needsConfirmation": True, "message": asked.message, "type": asked.type}


def _words(given: Given, key: str) -> str | None:
    """A text that may be empty, or missing."""
    return "" if given.get(key) == "" else optional(given, key)


def _rows(given: Given, key: str) -> list[Mapping[str, object]]:
    value = given.get(key, [])
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise unusable(f"'{key}' is not a list of objects.")
    return value


def _network(row: Given) -> Network:
    dns = row.get("dns", [])
    if not isinstance(dns, list) or not all(isinstance(one, str) for one in dns):
        raise unusable("'dns' is not a list of texts.")
    static = row.get("mode") == "static"
    ip, subnet = (text(row, key) if static else None for key in ("ip", "subnet"))
    gateway = optional(row, "gateway") if static else None
    return Network(text(row, "name"), text(row, "parent"), ip, subnet, gateway, tuple(dns))


COMMANDS: Final[Mapping[str, Command]] = {
    "rung.hubs": hubs,
    "rung.addHub": add_hub,
    "rung.removeHub": remove_hub,
    "rung.signInToHub": sign_in,
    "rung.signOutOfHub": sign_out,
    "rung.orchestrators": orchestrators,
    "rung.renameOrchestrator": rename_orchestrator,
    "rung.deleteOrchestrator": delete_orchestrator,
    "rung.revokeOrchestrator": revoke_orchestrator,
    "rung.enrol": enrol,
    "rung.enrolAgain": enrol_again,
    "rung.enrolment": enrolment,
    "rung.interfaces": interfaces,
    "rung.serialDevices": serial_devices,
    "rung.createVplc": create_vplc,
    "rung.renameVplc": rename_vplc,
    "rung.deleteVplc": delete_vplc,
    "rung.audit": audit,
}
