"""`rung hub init`: makes a hub's folder with keys, certificate, database and first owner, and says what to do next."""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.session import run_async

if TYPE_CHECKING:
    from rung.hub.init import NewHub

HELP = "make a hub: keys, certificate, database and the first owner"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--name",
        action="append",
        required=True,
        metavar="HOST",
        dest="names",
        help="a DNS name or IP address by which agents and editors reach this hub; the first one is told to them",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="the hub's folder; default: RUNG_HUB_DIR, else the system's place"
    )
    parser.add_argument("--tenant", default="main", metavar="T", help="the first tenant's name (default: main)")
    parser.add_argument("--owner", default="owner", metavar="NAME", help="the first user's name (default: owner)")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="postgresql+psycopg://USER@HOST/NAME; default: SQLite in the folder. With a password: RUNG_HUB_DATABASE instead",
    )
    parser.add_argument(
        "--redis", metavar="URL", help="for several processes of one hub. With a password: RUNG_HUB_REDIS instead"
    )
    parser.add_argument("--editors-listen", metavar="ADDRESS:PORT", help="default: 0.0.0.0:8444")
    parser.add_argument("--agents-listen", metavar="ADDRESS:PORT", help="default: 0.0.0.0:3001")
    parser.add_argument("--public-url", metavar="URL", help="the editors' interface as seen from outside, if otherwise")
    parser.add_argument(
        "--agents-address", metavar="HOST:PORT", help="the agents' listener as seen from outside, if otherwise"
    )
    parser.add_argument(
        "--certificate", metavar="FILE", help="your own certificate with its chain, instead of the hub's"
    )
    parser.add_argument("--key", metavar="FILE", help="its key, without a password and readable by its owner alone")
    parser.add_argument("--authority", metavar="FILE", help="who has issued it, if that is not a public authority")


def run(options: Namespace) -> int:
    from rung.hub.init import make_hub
    from rung.hub.settings import hub_folder

    folder = hub_folder(options.data)
    try:
        made = run_async(make_hub(folder, _table(options), options.tenant, options.owner))
    except ValueError as error:
        raise WrongUsage(f"{error} Nothing was made.") from None
    if not made.made:
        print(f"There is a hub in {folder} already. Nothing was changed.")
        print("`rung hub user list` shows its users, `rung hub user token NAME` gives one of them a new token.")
        return 0
    print(_what_next(made, options), file=sys.stderr)
    print(made.owner_token)
    return 0


def _table(options: Namespace) -> dict[str, object]:
    """The keys of hub.toml that the options give."""
    from rung.hub.settings import holds_password, host_name

    for option, variable in (("database", "RUNG_HUB_DATABASE"), ("redis", "RUNG_HUB_REDIS")):
        url: str | None = getattr(options, option)
        if url is not None and holds_password(url):
            raise ValueError(
                f"--{option} has a password in it, which every user of this computer can read in the list of processes. "
                f"Give it in the environment variable {variable}, here and to `rung hub serve`."
            )
    files = {key: getattr(options, key) for key in ("certificate", "key", "authority")}
    given: dict[str, object | None] = {
        "names": list(dict.fromkeys(host_name(name) for name in options.names)),
        "public_url": options.public_url,
        "agents_address": options.agents_address,
        "editors_listen": options.editors_listen or "0.0.0.0:8444",
        "agents_listen": options.agents_listen or "0.0.0.0:3001",
        "database": options.database,
        "redis": options.redis,
        **{key: str(Path(path).absolute()) if path else None for key, path in files.items()},
    }
    return {key: value for key, value in given.items() if value is not None}


def _what_next(made: NewHub, options: Namespace) -> str:
    settings = made.settings
    folder = f" --data {shlex.quote(str(settings.folder))}" if options.data else ""
    lines = [
        f"The hub is made in {settings.folder}. Keep a backup of that folder where nobody else can read it: whoever has its keys",
        "can pass for the hub on every orchestrator.",
        "",
        f"1. Start it:              rung hub serve{folder}",
        f"2. Let agents reach it:   {settings.agents_address} (TCP; TLS must pass through proxies untouched)",
        f"   and editors:           {settings.public_url}",
    ]
    if settings.server_authority is not None:
        lines.append(f"3. Give the engineers the certificate that they know the hub by: {settings.server_authority}")
    step, ca = (3, "") if settings.server_authority is None else (4, " --ca server-ca.pem")
    lines += [
        f"{step}. Sign in as {options.owner}, owner of the tenant {options.tenant}, with the token below, which is shown this once:",
        f"   rung connection add hub --hub {settings.public_url}{ca}",
        "   rung hub login hub",
        "",
    ]
    return "\n".join(lines)
