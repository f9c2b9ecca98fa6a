"""`rung hub serve`: run a hub until it is told to stop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.hub.serve import Hub

HELP = "run the hub on this computer"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--data", metavar="DIR", help="the hub's folder; default: RUNG_HUB_DIR, else the system's place"
    )


def run(options: Namespace) -> int:
    from rung.hub.serve import main
    from rung.hub.settings import hub_folder, load

    main(load(hub_folder(options.data)), _announce)
    return 0


def _announce(hub: Hub) -> None:
    settings = hub.settings
    print(f"Editors: {settings.public_url} (listening at {settings.editors_listen[0]}:{hub.editors_port})")
    print(f"Agents:  {settings.agents_address} (listening at {settings.agents_listen[0]}:{hub.agents_port})")
    print("The hub serves. Ctrl+C or SIGTERM stops it; vPLCs keep running.", flush=True)
