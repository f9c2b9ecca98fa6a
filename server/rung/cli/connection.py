"""`rung connection`: the saved machines and hubs, and whether they can be reached."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli.session import (
    error_json,
    exit_code,
    find_profile,
    on_terminal,
    read_password_line,
    report,
    run_async,
    saved_password,
)
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.address import Address
    from rung.runtimes.hubs import Hub
    from rung.runtimes.profiles import Profile

HELP = "find, save, list, trust, forget and test connections to machines and hubs"


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    discover = actions.add_parser("discover", help="ask this network which runtimes are there (v4.1 and newer answer)")
    discover.add_argument("--json", action="store_true")
    add = actions.add_parser(
        "add",
        help="save a machine, or with --hub a hub, under a name",
        epilog="Whether the hub is the right one is decided by its certificate: by the system's authorities, or by those in FILE alone.",
    )
    add.add_argument("name")
    add.add_argument(
        "address",
        nargs="?",
        help="for instance 192.168.0.10, plc.local:8443, [fe80::1]:8443, or ORCHESTRATOR/VPLC behind a saved hub",
    )
    add.add_argument("--user", metavar="U", help="who logs in")
    add.add_argument("--replace", action="store_true", help="although another one is saved under this name")
    add.add_argument("--hub", metavar="URL", help="what is saved is a hub, for instance https://hub.example:8444")
    add.add_argument(
        "--ca", type=Path, metavar="FILE", help="the certificate of the authority that vouches for the hub (PEM)"
    )
    add.add_argument(
        "--token-stdin",
        action="store_true",
        help="sign in to the hub with this token, and keep it in the system's keyring",
    )
    add.add_argument(
        "--modbus-port",
        type=int,
        metavar="N",
        help="where the Modbus TCP server of an OpenPLC Runtime v3 is reached, if not where the machine says",
    )
    add.add_argument("--password-stdin", action="store_true", help="keep this password in the system's keyring")
    listing = actions.add_parser("list", help="show the saved machines")
    listing.add_argument("--json", action="store_true")
    trust = actions.add_parser("trust", help="accept a machine's certificate")
    trust.add_argument("target", metavar="NAME|URL")
    trust.add_argument(
        "sha256", nargs="?", help="the fingerprint; without it, the one that the machine shows is asked about"
    )
    forget = actions.add_parser(
        "forget", help="forget a machine, its certificate and its password, or a hub and its token"
    )
    forget.add_argument("target", metavar="NAME|URL")
    forget.add_argument("--certificate", action="store_true", help="forget only the certificate")
    test = actions.add_parser("test", help="try each step: name, network, certificate, version, users, login")
    test.add_argument("target", metavar="NAME|URL")
    test.add_argument("--user", metavar="U")
    test.add_argument("--password-stdin", action="store_true")
    test.add_argument("--plain", action="store_true", help="try the login although it is not encrypted")
    test.add_argument("--json", action="store_true")


def run(options: Namespace) -> int:
    actions = {
        "discover": _discover,
        "add": _add,
        "list": _list,
        "trust": _trust,
        "forget": _forget,
        "test": _test,
    }
    try:
        return actions[options.action](options)
    except RuntimeFailure as failure:
        return report(failure, getattr(options, "json", False))
    except ValueError as error:
        print(f"rung connection: {error}", file=sys.stderr)
        return 2


def _discover(options: Namespace) -> int:
    from dataclasses import asdict

    from rung.runtimes.discover import discover

    found = run_async(discover())
    if options.json:
        print(json.dumps({"found": [asdict(one) for one in found], "error": None}))
        return 0
    if not found:
        print(
            "No runtime answered. OpenPLC Runtime v3 and v4.0 never do; other networks are not asked: connect by address."
        )
    for one in found:
        told = [text for text in (one.hostname, one.project and f"project {one.project}") if text]
        state = (
            "its bootloader answers, the runtime does not run" if one.recovery else one.version or "version not told"
        )
        print(f"{one.host}:{one.port}  {state}{'  ' if told else ''}{', '.join(told)}")
    return 0


def _add(options: Namespace) -> int:
    if options.hub is not None:
        return _add_hub(options)
    from rung.runtimes.address import Address
    from rung.runtimes.hubs import HubStore
    from rung.runtimes.profiles import Profile, ProfileStore

    if options.address is None:
        raise ValueError("give the machine's address, or the hub's with --hub URL.")
    if options.ca is not None or options.token_stdin:
        raise ValueError("--ca and --token-stdin are for hubs: give --hub URL.")
    if HubStore().get(options.name) is not None:
        raise ValueError(f"a hub is called {options.name} already. Give another name.")
    address = _vplc(options.address) or Address.parse(options.address)
    profile = Profile(options.name, address, options.user, options.modbus_port)
    if options.password_stdin and options.user is None:
        raise ValueError("a password needs its user: give --user.")
    password = read_password_line() if options.password_stdin else None
    store = ProfileStore()
    before = store.get(profile.name)
    if before is not None and not options.replace:
        raise ValueError(
            f"a connection called {before.name} is saved already, to {before.address}. Give --replace, or another name."
        )
    store.add(profile)
    print(f"Saved {profile.name}: {profile.address}{f', in place of {before.address}' if before is not None else ''}")
    if not profile.address.is_encrypted:
        print(
            "note: this address is not encrypted: everybody in its network can read passwords and programs.",
            file=sys.stderr,
        )
    if password is not None:
        _keep_password(profile, options.user, password)
    return 0


def _vplc(text: str) -> Address | None:
    """The address of a vPLC that is written as with --to; None for what is written otherwise."""
    from rung.runtimes.profiles import ProfileStore, resolve_target

    parts = text.split("/")
    return resolve_target(text, ProfileStore()).address if len(parts) in (2, 3) and all(parts) else None


def _add_hub(options: Namespace) -> int:
    from rung.cli.hub_session import read_ca, read_token, sign_in
    from rung.runtimes.hubs import TOKEN_VARIABLE, Hub, HubStore
    from rung.runtimes.profiles import ProfileStore

    if options.address is not None or options.password_stdin or options.modbus_port is not None:
        raise ValueError(
            "a hub has no machine's address, password or Modbus port: give only --hub, --ca, --user and --token-stdin."
        )
    hub = Hub.parse(options.name, options.hub, None if options.ca is None else read_ca(options.ca), options.user)
    token = read_token() if options.token_stdin else None
    if ProfileStore().get(hub.name) is not None:
        raise ValueError(f"a connection is called {hub.name} already. Give another name.")
    before = HubStore().get(hub.name)
    if before is not None and not options.replace:
        raise ValueError(
            f"a hub called {before.name} is saved already, at {before.url}. Give --replace, or another name."
        )
    HubStore().add(hub)
    print(f"Saved the hub {hub.name}: {hub.url}{f', in place of {before.url}' if before is not None else ''}")
    if token is not None:
        print(run_async(sign_in(hub, token)))
    elif not os.environ.get(TOKEN_VARIABLE):
        print(f"Sign in to it with `rung hub login '{hub.name}'`.", file=sys.stderr)
    return 0


def _keep_password(profile: Profile, user: str, password: str) -> None:
    from rung.runtimes.credentials import set_password

    try:
        set_password(profile.address, user, password)
    except RuntimeFailure as failure:
        said = f"The connection was saved, but its password was not: {failure.message}"
        raise RuntimeFailure(failure.kind, said, failure.hint) from None


def _list(options: Namespace) -> int:
    from rung.runtimes.hubs import HubStore
    from rung.runtimes.pins import PinStore
    from rung.runtimes.profiles import ProfileStore

    pins, hubs = PinStore(), HubStore().list()
    behind = {(hub.host, hub.port) for hub in hubs}
    rows = [
        {
            "name": p.name,
            "address": str(p.address),
            "username": p.username,
            "trusted": (p.address.host, p.address.port) in behind
            if p.address.through_hub
            else pins.get(p.address) is not None,
            "encrypted": p.address.is_encrypted,
        }
        for p in ProfileStore().list()
    ]
    if options.json:
        shown = [{"name": hub.name, "url": hub.url, "user": hub.user, "ownCa": hub.ca is not None} for hub in hubs]
        print(json.dumps({"connections": rows, **({"hubs": shown} if shown else {})}))
        return 0
    if not rows and not hubs:
        print("No connection is saved. `rung connection add NAME ADDRESS` saves one.")
    for hub in hubs:
        print(f"{hub.name}: the hub {hub.url}{f' as {hub.user}' if hub.user else ''}")
    for row in rows:
        user = f" as {row['username']}" if row["username"] else ""
        state = (
            " (not encrypted)"
            if not row["encrypted"]
            else ""
            if row["trusted"]
            else " (its hub is not saved)"
            if str(row["address"]).startswith("hub://")
            else " (certificate not trusted yet)"
        )
        print(f"{row['name']}: {row['address']}{user}{state}")
    return 0


def _trust(options: Namespace) -> int:
    from rung.cli.session import ask
    from rung.runtimes.certificate import normalise_fingerprint
    from rung.runtimes.pins import PinStore, fetch_certificate
    from rung.runtimes.tls import CertificateMismatch

    profile = find_profile(options.target)
    seen = run_async(fetch_certificate(profile.address))
    pinned = PinStore().get(profile.address)
    if pinned is not None and pinned != seen.sha256:
        # Never in one step: the old one has to be forgotten first, by somebody who has seen both.
        raise CertificateMismatch(profile.address, pinned, seen)
    if options.sha256 is not None:
        if normalise_fingerprint(options.sha256) != seen.sha256:
            raise RuntimeFailure(
                Kind.UNTRUSTED,
                f"{profile.address} shows another certificate: {seen.fingerprint}. Nothing was trusted.",
                "Compare the fingerprint on the device itself.",
            )
    else:
        print(
            f"{profile.address} shows\n  SHA-256  {seen.fingerprint}\n  subject  {seen.subject}\n  valid to {seen.not_after}"
        )
        if not on_terminal() or not ask("Trust it from now on?"):
            raise RuntimeFailure(Kind.UNTRUSTED, "Nothing was trusted.", f"Give the fingerprint: {seen.fingerprint}")
    PinStore().trust(profile.address, seen.sha256)
    print(f"Trusted {profile.address}.")
    return 0


def _forget(options: Namespace) -> int:
    from rung.runtimes.credentials import delete_password
    from rung.runtimes.hubs import HubStore
    from rung.runtimes.pins import PinStore
    from rung.runtimes.profiles import ProfileStore

    store = ProfileStore()
    if store.get(options.target) is None and (hub := HubStore().get(options.target)) is not None:
        return _forget_hub(hub)
    profile = find_profile(options.target)
    done = []
    if PinStore().forget(profile.address):
        done.append("certificate")
    if not options.certificate:
        if store.remove(profile.name):
            done.append("connection")
        if profile.username is not None:
            try:
                if delete_password(profile.address, profile.username):
                    done.append("password")
            except RuntimeFailure as failure:
                print(f"note: {failure.message}", file=sys.stderr)
    print(f"Forgot {' and '.join(done)} of {profile.name}." if done else f"Nothing is saved of {profile.name}.")
    return 0


def _forget_hub(hub: Hub) -> int:
    from rung.runtimes.credentials import delete_hub_token
    from rung.runtimes.hubs import HubStore

    HubStore().remove(hub.name)
    what = f"the hub {hub.name}"
    try:
        if delete_hub_token(hub.url, hub.user):
            what += " and its token"
    except RuntimeFailure as failure:
        print(f"note: {failure.message}", file=sys.stderr)
    print(f"Forgot {what}. Its orchestrators and vPLCs go on as they are.")
    return 0


def _test(options: Namespace) -> int:
    password = read_password_line() if options.password_stdin else None
    steps, failure = run_async(_walk(options, password))
    if options.json:
        print(json.dumps({"steps": steps, "error": error_json(failure)}))
        return exit_code(failure.kind) if failure else 0
    return report(failure) if failure else 0


async def _walk(options: Namespace, password: str | None) -> tuple[list[dict[str, object]], RuntimeFailure | None]:
    from rung.runtimes.hubs import HubStore
    from rung.runtimes.profiles import Profile, ProfileStore
    from rung.runtimes.troubleshoot import test_connection

    steps: list[dict[str, object]] = []
    failure = None
    hub = HubStore().get(options.target) if ProfileStore().get(options.target) is None else None
    profile = find_profile(options.target) if hub is None else Profile(hub.name, hub.address)
    user = options.user or profile.username
    if password is None and user is not None:
        password = saved_password(profile, user)
    async for step in test_connection(profile, username=user, password=password, plain=options.plain):
        steps.append({"step": step.name, "ok": step.ok, "message": step.message, "hint": step.hint})
        if step.kind is not None:
            failure = RuntimeFailure(step.kind, step.message, step.hint)
        if not options.json:
            mark = "ok" if step.ok else "FAILED" if step.ok is False else "to do"
            print(f"{mark:<7}{step.name:<9}{step.message}", flush=True)
    return steps, failure
