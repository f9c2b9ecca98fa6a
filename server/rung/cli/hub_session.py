"""A command's way to a hub: which hub is meant, who is signed in, which orchestrator or vPLC a name is, and what has to be confirmed.

Invariant: a token enters through standard input, a hidden prompt, the environment of a CI job or the system's keyring, and leaves through the
verified connection only.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.session import ask, ask_text, on_terminal, prompt_password
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hub_records import Confirmation, Orchestrator, Vplc
    from rung.runtimes.hubs import Hub

_LARGEST_CA = 200_000


def hub_arguments(parser: ArgumentParser) -> None:
    """Add the options that every command about a hub has."""
    parser.add_argument("--hub", metavar="NAME", help="which saved hub; default: the only one")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def confirmation_arguments(parser: ArgumentParser) -> None:
    """Add the options with which what destroys something is confirmed where nobody is there to be asked."""
    parser.add_argument("--confirm", metavar="NAME", help="the name of what is removed, as the confirmation")
    parser.add_argument(
        "--running", action="store_true", help="although a program runs, or may run; see that the machine is safe"
    )


def find_hub(name: str | None, how: str = "give --hub NAME") -> Hub:
    """Return the hub of a name, or the only one; `how` says how to name one of several.

    Raises:
        WrongUsage: there is none, or it is not clear which one.
    """
    from rung.runtimes.hubs import HubStore

    hubs = HubStore().list()
    saved = f"Saved hubs: {', '.join(hub.name for hub in hubs)}."
    if not hubs:
        raise WrongUsage("no hub is saved. `rung connection add NAME --hub URL` saves one.")
    if name is None:
        if len(hubs) > 1:
            raise WrongUsage(f"several hubs are saved: {how}. {saved}")
        return hubs[0]
    found = HubStore().get(name)
    if found is None:
        raise WrongUsage(f"no hub called {name[:63]!r} is saved. {saved}")
    return found


@asynccontextmanager
async def signed_in(options: Namespace) -> AsyncIterator[HubClient]:
    """Yield a client of the hub that the options name."""
    from rung.runtimes.hubs import Hubs

    async with Hubs().client(find_hub(options.hub)) as client:
        yield client


async def sign_in(hub: Hub, token: str) -> str:
    """Ask the hub whose token this is, keep it in the system's keyring, and return a sentence about it.

    Raises:
        RuntimeFailure: the hub does not take it, or it could not be kept.
    """
    from rung.runtimes.credentials import set_hub_token
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hubs import checked_token

    token = checked_token(token)
    async with HubClient(hub, token) as client:
        me = await client.me()
    if hub.user is not None and me.user.casefold() != hub.user.casefold():
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"This token is that of {me.user}, but {hub.name} is saved for {hub.user}. It was not kept.",
            "Sign in with the right token, or save the hub for the other user (rung connection add --hub ... --user ... --replace).",
        )
    try:
        set_hub_token(hub.url, hub.user, token)
    except RuntimeFailure as failure:
        raise RuntimeFailure(
            failure.kind,
            f"The token is good (that of {me.user}, {me.role}), but it could not be kept: {failure.message}",
            "Set up the system's keyring; a CI job gives the token in RUNG_HUB_TOKEN instead.",
        ) from None
    return f"Signed in to {hub.name} as {me.user} of {me.tenant} ({me.role})."


def read_token() -> str:
    """Return the token on standard input's next line.

    Raises:
        WrongUsage: there is none.
    """
    line = sys.stdin.readline().strip()
    if not line:
        raise WrongUsage("standard input ended, or has an empty line, where a token was to be. Nothing was changed.")
    return line


def ask_token(hub: Hub) -> str:
    """Ask for a token on the terminal, without showing it.

    Raises:
        RuntimeFailure: `credentials`, nobody is there to be asked.
    """
    if not on_terminal():
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"Signing in to {hub.name} takes a token, and none was given. Nothing was sent.",
            "Give it with --token-stdin. A CI job needs no login: it gives the token in RUNG_HUB_TOKEN.",
        )
    return prompt_password(f"Token for {hub.name} ({hub.url}): ")


def new_name(what: str, name: str) -> str:
    """Return a name that something on a hub is to get, without the space around it.

    Raises:
        WrongUsage: nothing can be called so.
    """
    from rung.runtimes.address import is_name

    if not is_name(name.strip()):
        raise WrongUsage(
            f"{name[:70]!r} cannot be the name of {what}: it begins with a letter or a digit and has up to 63 letters, digits, spaces, "
            "and . _ -. Nothing was changed."
        )
    return name.strip()


def read_ca(path: Path) -> str:
    """Return the text of a certificate file.

    Raises:
        WrongUsage: it cannot be read, or is no text of a certificate's size.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_CA + 1)
    except OSError as error:
        raise WrongUsage(f"{path} cannot be read: {error.strerror or 'input error'}.") from None
    if len(data) > _LARGEST_CA or not data.isascii():
        raise WrongUsage(f"{path} holds no certificate in PEM form.")
    return data.decode("ascii")


async def find_orchestrator(client: HubClient, name: str) -> Orchestrator:
    """Return the orchestrator of a name.

    Raises:
        RuntimeFailure: `dns` when there is none.
    """
    from rung.runtimes.orchestrated import same_name

    known = await client.orchestrators()
    for orchestrator in known:
        if same_name(orchestrator.name, name):
            return orchestrator
    raise RuntimeFailure(
        Kind.DNS,
        f"The hub {client.hub.name} shows you no orchestrator called {name[:63]!r}.",
        f"It shows: {', '.join(one.name for one in known) or 'none'}.",
    )


def split_vplc(options: Namespace) -> tuple[str, str]:
    """Return the names in `ORCHESTRATOR/VPLC`; of `HUB/ORCHESTRATOR/VPLC` the hub's is put into the options.

    Raises:
        WrongUsage: it is neither.
    """
    parts = [part.strip() for part in str(options.vplc).split("/")]
    if len(parts) == 3 and options.hub is None:
        options.hub = parts.pop(0)
    if len(parts) != 2 or not all(parts):
        raise WrongUsage(f"{options.vplc!r} is no vPLC: write ORCHESTRATOR/VPLC.")
    return parts[0], parts[1]


async def find_vplc(client: HubClient, orchestrator: str, vplc: str) -> tuple[Orchestrator, Vplc]:
    """Return a vPLC and its orchestrator by their names.

    Raises:
        RuntimeFailure: `dns` when there is none.
    """
    from rung.runtimes.orchestrated import same_name

    found = await find_orchestrator(client, orchestrator)
    for one in found.vplcs:
        if same_name(one.name, vplc):
            return found, one
    raise RuntimeFailure(
        Kind.DNS,
        f"The orchestrator {found.name} has no vPLC called {vplc[:63]!r}.",
        f"It has: {', '.join(one.name for one in found.vplcs) or 'none'}.",
    )


async def confirmed(options: Namespace, attempt: Callable[[str | None, bool], Awaitable[Confirmation | None]]) -> None:
    """Do what destroys something, asking for each confirmation that the hub wants.

    Args:
        options: with `confirm` and `running`.
        attempt: does it with what was typed and whether a running program is agreed to; returns what has to be confirmed first.

    Raises:
        RuntimeFailure: `cancelled`, nothing was done.
    """
    typed: str | None = options.confirm
    running: bool = options.running
    asked: set[str | None] = set()
    while (wanted := await attempt(typed, running)) is not None:
        if wanted.type in asked:
            wrong = "It was not confirmed" if wanted.type is None else f"What was typed is not {wanted.type}"
            raise RuntimeFailure(
                Kind.CANCELLED, f"{wrong}. Nothing was done.", "Run the command again if it is to be done."
            )
        if not on_terminal():
            how = f"--confirm {wanted.type!r}" if wanted.type is not None else "--running"
            raise RuntimeFailure(
                Kind.CANCELLED,
                f"{wanted.message} Nothing was done.",
                f"Confirm it with {how}, or by an answer on a terminal.",
            )
        asked.add(wanted.type)
        if wanted.type is not None:
            print(wanted.message, file=sys.stderr)
            typed = ask_text(f"Type {wanted.type} to go on: ")
        else:
            running = ask(wanted.message)


def show(options: Namespace, value: dict[str, object], text: str) -> int:
    """Print an answer in the form that was asked for; the exit code is that of success."""
    print(json.dumps({**value, "error": None}) if options.json else text)
    return 0
