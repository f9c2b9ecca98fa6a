"""`rung hub vplc`: the virtual PLCs on orchestrators. Programs go to them with `rung deploy --to ORCHESTRATOR/VPLC`, like to any machine."""

from __future__ import annotations

import asyncio
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Network, ip_address
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.hub_orchestrator import consumption_arguments, consumption_text
from rung.cli.hub_session import (
    confirmation_arguments,
    confirmed,
    find_orchestrator,
    find_vplc,
    hub_arguments,
    new_name,
    show,
    signed_in,
    split_vplc,
)
from rung.cli.session import run_async

if TYPE_CHECKING:
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hub_records import Network, Orchestrator, SerialPort, Vplc

HELP = "list, create, look at and remove virtual PLCs"
_NETWORK = "NAME=INTERFACE[,ip=A,subnet=MASK][,gateway=A][,dns=A[+A]][,mac=M]"
_SERIAL = "NAME=DEVICE[,path=PATH][,baud=N]"


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    listing = actions.add_parser("list", help="show the vPLCs of one orchestrator, or of all")
    listing.add_argument("orchestrator", nargs="?")
    create = actions.add_parser("create", help="create a vPLC and wait until it runs")
    create.add_argument(
        "--network",
        action="append",
        default=[],
        metavar=_NETWORK,
        help="a network card on an interface of the host; by DHCP, or static where an ip is given; may be given several times",
    )
    create.add_argument(
        "--serial",
        action="append",
        default=[],
        metavar=_SERIAL,
        help="a serial port of the host; in the vPLC it is PATH, by default /dev/NAME",
    )
    create.add_argument("--runtime-version", metavar="V", help="of the runtime, as v4.1.4; default: the newest")
    create.add_argument(
        "--dedicated", metavar="INTERFACE", help="an interface that the vPLC has for itself, as for EtherCAT"
    )
    create.add_argument("--no-wait", action="store_true", help="return as soon as the orchestrator has begun")
    shown = actions.add_parser("show", help="show one, with what its container does")
    rename = actions.add_parser("rename", help="call it otherwise; nothing changes for its program")
    delete = actions.add_parser("delete", help="remove it with its program and its users")
    consumption = actions.add_parser("consumption", help="show what it uses")
    consumption_arguments(consumption)
    for action in (create, shown, rename, delete, consumption):
        action.add_argument("vplc", metavar="ORCHESTRATOR/VPLC")
    rename.add_argument("new")
    confirmation_arguments(delete)
    for action in (listing, create, shown, rename, delete, consumption):
        hub_arguments(action)


def run(options: Namespace) -> int:
    actions: dict[str, Callable[[Namespace, HubClient, str, str], Awaitable[int]]] = {
        "list": _list,
        "create": _create,
        "show": _show,
        "rename": _rename,
        "delete": _delete,
        "consumption": _consumption,
    }
    orchestrator, vplc = ("", "") if options.what == "list" else split_vplc(options)

    async def work() -> int:
        async with signed_in(options) as client:
            return await actions[options.what](options, client, orchestrator, vplc)

    return run_async(work())


async def _list(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    if options.orchestrator is None:
        hosts = await client.orchestrators()
    else:
        hosts = (await find_orchestrator(client, options.orchestrator),)
    rows = [{"orchestrator": host.name, **one.json()} for host in hosts for one in host.vplcs]
    lines = [
        f"{host.name}/{one.name}: {one.state}{'' if host.online else ', as last known: its orchestrator is offline'}"
        for host in hosts
        for one in host.vplcs
    ]
    none = "There is no vPLC. `rung hub vplc create ORCHESTRATOR/NAME --network veth0=INTERFACE` makes one."
    return show(options, {"vplcs": rows}, "\n".join(lines) or none)


async def _create(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    from rung.runtimes.hub_records import NewVplc
    from rung.runtimes.orchestrated import check_online, forget_namesake

    if not options.network:
        raise WrongUsage(
            f"a vPLC needs a network card: give --network {_NETWORK}. `rung hub orchestrator interfaces {orchestrator}` shows "
            "the interfaces."
        )
    networks = tuple(map(network, options.network))
    serial = tuple(map(serial_port, options.serial))
    wanted = NewVplc(new_name("a vPLC", vplc), networks, serial, options.runtime_version, options.dedicated)
    host = await find_orchestrator(client, orchestrator)
    check_online(host)
    await _check_interfaces(client, host, [card.parent for card in networks], options.dedicated)

    def told(now: Vplc) -> None:
        if not options.json:
            print(f"{now.state:<9}{now.message}", file=sys.stderr, flush=True)

    try:
        made = await client.create_vplc(host.id, wanted)
        if not options.no_wait:
            made = await client.until_created(host.id, made.id, told)
    except asyncio.CancelledError:
        print(
            f"Nobody waits any more; the orchestrator goes on with {vplc} if it has heard of it (rung hub vplc show).",
            file=sys.stderr,
        )
        raise
    forget_namesake(client.hub, host.name, made.name)
    target = f"{host.name}/{made.name}"
    runs = f"{target} runs. `rung deploy PROGRAM --to '{target}' --create-first-user` puts a program on it."
    return show(
        options, {"vplc": made.json(), "target": target}, runs if made.state == "running" else f"{target}: {made.state}"
    )


async def _check_interfaces(client: HubClient, host: Orchestrator, parents: list[str], dedicated: str | None) -> None:
    """Agents take any word for an interface, and the vPLC then has no network: so a word that is none is refused here.

    Raises:
        WrongUsage: the host has no such interface.
    """
    known = [row.name for row in await client.interfaces(host.id, virtual=True)]
    for name in (*parents, *([] if dedicated is None else [dedicated])):
        if known and name not in known:
            raise WrongUsage(
                f"{host.name} has no network interface {name[:63]!r}. It has: {', '.join(known)}. Nothing was created."
            )


async def _show(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    host, listed = await find_vplc(client, orchestrator, vplc)
    one = await client.vplc(host.id, listed.id)
    lines = [f"{host.name}/{one.name}: {one.state}{f' ({one.message})' if one.message else ''}"]
    if not host.online:
        lines.append("as last known: its orchestrator is offline")
    if one.container is not None:
        lines += _container(one.container)
    return show(options, {"orchestrator": host.name, "vplc": one.json()}, "\n".join(lines))


async def _rename(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    host, before = await find_vplc(client, orchestrator, vplc)
    now = await client.rename_vplc(host.id, before.id, new_name("a vPLC", options.new))
    return show(options, {"vplc": now.json()}, f"{host.name}/{before.name} is called {host.name}/{now.name} now.")


async def _delete(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    host, one = await find_vplc(client, orchestrator, vplc)
    await confirmed(options, lambda typed, running: client.delete_vplc(host.id, one.id, typed=typed, running=running))
    said = f"{host.name} removes {one.name}."
    return show(options, {"message": said}, said)


async def _consumption(options: Namespace, client: HubClient, orchestrator: str, vplc: str) -> int:
    host, one = await find_vplc(client, orchestrator, vplc)
    found = await client.consumption(host.id, one.id, cpu=options.cpu, memory=options.memory)
    return show(options, {"consumption": found}, consumption_text(f"{host.name}/{one.name}", found))


def network(text: str) -> Network:
    """Read a network card as it is written on the command line.

    Raises:
        WrongUsage: it cannot be read.
    """
    from rung.runtimes.hub_records import Network

    name, parent, given = _parts(text, _NETWORK, ("ip", "subnet", "gateway", "dns", "mac"))
    if "ip" in given and "subnet" not in given:
        raise WrongUsage(f"{text!r}: an ip needs its subnet mask, as in ip=192.168.0.50,subnet=255.255.255.0.")
    if "ip" not in given and not given.keys().isdisjoint(("subnet", "gateway")):
        raise WrongUsage(
            f"{text!r}: a subnet mask and a gateway are for a card with an ip; by DHCP it gets them itself."
        )
    dns = tuple(given["dns"].split("+")) if "dns" in given else ()
    for value in (*(given[key] for key in ("ip", "gateway") if key in given), *dns):
        if not _is_address(value):
            raise WrongUsage(f"{text!r}: {value!r} is no IP address.")
    if "subnet" in given and not _is_mask(given["subnet"]):
        raise WrongUsage(f"{text!r}: {given['subnet']!r} is no subnet mask as 255.255.255.0.")
    if "mac" in given and re.fullmatch("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", given["mac"]) is None:
        raise WrongUsage(f"{text!r}: {given['mac']!r} is no MAC address as 02:42:ac:00:00:05.")
    return Network(name, parent, given.get("ip"), given.get("subnet"), given.get("gateway"), dns, given.get("mac"))


def serial_port(text: str) -> SerialPort:
    """Read a serial port as it is written on the command line.

    Raises:
        WrongUsage: it cannot be read.
    """
    from rung.runtimes.hub_records import SerialPort

    name, device, given = _parts(text, _SERIAL, ("path", "baud"))
    baud = given.get("baud")
    if baud is not None and not (baud.isascii() and baud.isdigit()):
        raise WrongUsage(f"{text!r}: {baud!r} is no baud rate.")
    return SerialPort(name, device, given.get("path", f"/dev/{name}"), None if baud is None else int(baud))


def _parts(text: str, form: str, known: tuple[str, ...]) -> tuple[str, str, Mapping[str, str]]:
    first, *rest = text.split(",")
    name, _, value = first.partition("=")
    given = dict(part.partition("=")[::2] for part in rest)
    unknown = [key for key, value in given.items() if key not in known or not value]
    if not name or not value or unknown or len(given) != len(rest):
        raise WrongUsage(f"{text!r} cannot be read: write {form}.")
    return name, value, given


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_mask(text: str) -> bool:
    try:
        return "." in text and bool(IPv4Network(f"0.0.0.0/{text}"))
    except ValueError:
        return False


def _container(told: Mapping[str, object]) -> list[str]:
    lines = []
    for key, words in (
        ("container_status", "container"),
        ("internal_ip", "address inside"),
        ("uptime_seconds", "seconds up"),
    ):
        value = told.get(key)
        if isinstance(value, (str, int, float)):
            lines.append(f"  {words}: {value}")
    networks = told.get("networks")
    for name, row in networks.items() if isinstance(networks, dict) else ():
        if isinstance(row, dict) and isinstance(row.get("ip_address"), str):
            lines.append(f"  {name}: {row['ip_address']}")
    return lines
