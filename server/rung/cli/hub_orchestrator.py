"""`rung hub orchestrator`: the hosts with agents that a hub reaches."""

from __future__ import annotations

import asyncio
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from rung.cli.hub_session import (
    confirmation_arguments,
    confirmed,
    find_orchestrator,
    hub_arguments,
    new_name,
    show,
    signed_in,
)
from rung.cli.session import run_async
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hub_records import Orchestrator, Ticket

HELP = "list, enrol, look at and remove orchestrators"
_POLL_S = 2.0


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = actions.add_parser("list", help="show the orchestrators and whether they are online")
    shown = actions.add_parser("show", help="show one with its vPLCs")
    enrol = actions.add_parser(
        "enrol", help="get the command that makes a host an orchestrator; it is valid for five minutes"
    )
    enrol.add_argument("name", help="what the orchestrator is to be called")
    kind = enrol.add_mutually_exclusive_group()
    kind.add_argument("--description", default="", metavar="TEXT")
    kind.add_argument(
        "--again",
        action="store_true",
        help="give the orchestrator of that name a new key and certificate, because the present one has expired, was revoked or is "
        "lost; its vPLCs go on and stay in the list",
    )
    enrol.add_argument("--wait", action="store_true", help="wait until its agent is online")
    rename = actions.add_parser("rename", help="call it otherwise")
    interfaces = actions.add_parser("interfaces", help="show the network interfaces of its host")
    interfaces.add_argument("--virtual", action="store_true", help="also those that are no hardware")
    serial = actions.add_parser("serial", help="show the serial ports of its host")
    consumption = actions.add_parser("consumption", help="show what its host uses")
    consumption_arguments(consumption)
    revoke = actions.add_parser("revoke", help="take its certificate back for good; its vPLCs go on")
    delete = actions.add_parser("delete", help="have the hub forget it")
    delete.add_argument(
        "--uninstall", action="store_true", help="remove its agent and all its vPLCs from the host, too"
    )
    for action in (shown, rename, interfaces, serial, consumption, revoke, delete):
        action.add_argument("name")
    rename.add_argument("new")
    rename.add_argument("--description", metavar="TEXT", help="and describe it so")
    for action in (revoke, delete):
        confirmation_arguments(action)
    for action in (listing, shown, enrol, rename, interfaces, serial, consumption, revoke, delete):
        hub_arguments(action)


def consumption_arguments(parser: ArgumentParser) -> None:
    """Add the periods of a consumption."""
    parser.add_argument("--cpu", type=_period, default="1h", metavar="PERIOD", help="15m, 1h or 1d; default: 1h")
    parser.add_argument("--memory", type=_period, default="1h", metavar="PERIOD", help="likewise")


def _period(text: str) -> str:
    if re.fullmatch("[1-9][0-9]{0,3}[mhd]", text) is None:
        raise ArgumentTypeError(f"{text!r} is no period: write 15m, 1h or 1d")
    return text


def run(options: Namespace) -> int:
    actions: dict[str, Callable[[Namespace, HubClient], Awaitable[int]]] = {
        "list": _list,
        "show": _show,
        "enrol": _enrol,
        "rename": _rename,
        "interfaces": _interfaces,
        "serial": _serial,
        "consumption": _consumption,
        "revoke": _revoke,
        "delete": _delete,
    }

    async def work() -> int:
        async with signed_in(options) as client:
            return await actions[options.what](options, client)

    return run_async(work())


async def _list(options: Namespace, client: HubClient) -> int:
    found = await client.orchestrators()
    lines = [f"{one.name}: {_state(one)}, {_count(len(one.vplcs), 'vPLC')}" for one in found]
    none = "The hub shows you no orchestrator. `rung hub orchestrator enrol NAME` makes a host one."
    return show(options, {"orchestrators": [one.json() for one in found]}, "\n".join(lines) or none)


async def _show(options: Namespace, client: HubClient) -> int:
    one = await client.orchestrator((await find_orchestrator(client, options.name)).id)
    lines = [f"{one.name}: {_state(one)}"]
    if one.agent is not None:
        lines.append(_agent(one.agent))
    if one.description:
        lines.append(one.description)
    if one.not_after:
        lines.append(f"certificate valid to {one.not_after[:10]}")
    lines += [f"  {vplc.name}: {vplc.state}{f' ({vplc.message})' if vplc.message else ''}" for vplc in one.vplcs]
    if one.vplcs and not one.online:
        lines.append("  (as last known: its agent is not connected)")
    return show(options, {"orchestrator": one.json()}, "\n".join(lines))


def _agent(told: Mapping[str, object]) -> str:
    version = f"agent {told['version']}" if told.get("version") else "its agent tells no version"
    debug = (
        "carries variables" if told.get("watchesVariables") is True else "carries no variables, only the program's MD5"
    )
    containers = "starts and stops" if told.get("startsContainers") is True else "cannot start or stop"
    return f"{version}; it {debug}, and {containers} containers"


async def _enrol(options: Namespace, client: HubClient) -> int:
    if options.again:
        ticket = await client.enrol_again((await find_orchestrator(client, options.name)).id)
    else:
        ticket = await client.enrol(new_name("an orchestrator", options.name), options.description)
    told: dict[str, object] = {"id": ticket.id, "expiresAt": ticket.expires_at, "command": ticket.command}
    text = f"Run this on the host, as a user who may use sudo, {_until(ticket)}. It works once.\n\n  {ticket.command}\n"
    if ticket.message:
        told["message"] = ticket.message
        text += f"\n{ticket.message}\n"
    if not options.wait:
        return show(options, told, text)
    # In the JSON form the one document comes at the end, so whoever waits has to see the command elsewhere.
    print(text, file=sys.stderr if options.json else sys.stdout, flush=True)
    try:
        orchestrator = await _appeared(options, client, ticket)
    except asyncio.CancelledError:
        print("Nobody waits any more. The command above stays good for its time.", file=sys.stderr)
        raise
    return show(options, {**told, "orchestrator": orchestrator.json()}, f"{orchestrator.name} is online.")


async def _appeared(options: Namespace, client: HubClient, ticket: Ticket) -> Orchestrator:
    said = ""
    while True:
        now = await client.enrolment(ticket.id)
        if now.state == "online" and now.orchestrator is not None:
            return await client.orchestrator(now.orchestrator)
        if now.state == "expired":
            raise RuntimeFailure(
                Kind.TIMEOUT,
                f"Nobody ran the command in time, so {options.name} was not enrolled.",
                "Ask for a new one (rung hub orchestrator enrol).",
            )
        if now.state != said:
            said = now.state
            print(
                "Waiting for the host." if said == "waiting" else "Enrolled; waiting for its agent to connect.",
                file=sys.stderr,
            )
        await asyncio.sleep(_POLL_S)


async def _rename(options: Namespace, client: HubClient) -> int:
    before = await find_orchestrator(client, options.name)
    now = await client.rename_orchestrator(before.id, new_name("an orchestrator", options.new), options.description)
    return show(options, {"orchestrator": now.json()}, f"{before.name} is called {now.name} now.")


async def _interfaces(options: Namespace, client: HubClient) -> int:
    one = await find_orchestrator(client, options.name)
    found = await client.interfaces(one.id, virtual=options.virtual)
    lines = [
        f"{row.name}: {', '.join(row.addresses) or 'no address'}{f'  (used by {row.dedicated_to} alone)' if row.dedicated_to else ''}"
        for row in found
    ]
    return show(options, {"interfaces": [row.json() for row in found]}, "\n".join(lines) or "It tells of no interface.")


async def _serial(options: Namespace, client: HubClient) -> int:
    one = await find_orchestrator(client, options.name)
    found = await client.serial_devices(one.id)
    lines = [f"{row.device or row.path}: {row.path}{f'  {row.product}' if row.product else ''}" for row in found]
    return show(options, {"devices": [row.json() for row in found]}, "\n".join(lines) or "It has no serial port.")


async def _consumption(options: Namespace, client: HubClient) -> int:
    one = await find_orchestrator(client, options.name)
    found = await client.consumption(one.id, cpu=options.cpu, memory=options.memory)
    return show(options, {"consumption": found}, consumption_text(one.name, found))


async def _revoke(options: Namespace, client: HubClient) -> int:
    one = await find_orchestrator(client, options.name)
    await confirmed(options, lambda typed, running: client.revoke(one.id, typed=typed))
    said = f"Revoked {one.name}: its agent cannot connect any more. Its vPLCs go on. To take it back, enrol it again (rung hub orchestrator enrol NAME --again)."
    return show(options, {"message": said}, said)


async def _delete(options: Namespace, client: HubClient) -> int:
    one = await find_orchestrator(client, options.name)
    await confirmed(
        options,
        lambda typed, running: client.delete_orchestrator(
            one.id, typed=typed, uninstall=options.uninstall, running=running
        ),
    )
    said = (
        f"Its agent removes {one.name} with all its vPLCs."
        if options.uninstall
        else f"The hub has forgotten {one.name}."
    )
    return show(options, {"message": said}, said)


def consumption_text(name: str, found: dict[str, object]) -> str:
    """Return a consumption in words: the latest values, and how many there are."""
    lines = [name]
    # Of a host numbers come without their unit, of a vPLC words ("512 MB", "unlimited").
    for key, unit in (("cpu", " cores"), ("memory", " MB"), ("disk", " GB"), ("os", ""), ("kernel", "")):
        value = found.get(key)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            lines.append(f"  {key}: {value}{'' if isinstance(value, str) else unit}")
    for key, value_key in (("cpu_usage", "cpu"), ("memory_usage", "memory")):
        samples = found.get(key)
        if isinstance(samples, list):
            last = samples[-1] if samples else None
            value = last.get(value_key) if isinstance(last, dict) else None
            lines.append(
                f"  {key.replace('_', ' ')}: {'not measured' if value is None else value} ({len(samples)} values)"
            )
    return "\n".join(lines)


def _state(one: Orchestrator) -> str:
    from rung.runtimes.moments import age

    if one.revoked is not None:
        return "revoked"
    if one.online:
        return "online"
    return "never connected yet" if one.last_seen is None else f"offline, last seen {age(one.last_seen)}"


def _until(ticket: Ticket) -> str:
    from rung.runtimes.moments import moment

    ends = moment(ticket.expires_at)
    return f"before {ticket.expires_at}" if ends is None else f"before {ends.astimezone():%H:%M:%S} (in five minutes)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
