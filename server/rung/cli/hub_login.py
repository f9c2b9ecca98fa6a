"""`rung hub login`: sign in to a hub with a token, which the system's keyring then keeps."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from rung.cli.hub_session import ask_token, find_hub, read_token, show, sign_in
from rung.cli.session import run_async

HELP = "sign in to a hub with a token"


def arguments(parser: ArgumentParser) -> None:
    parser.epilog = (
        "The hub's owner issues tokens (rung hub user). The token is kept in the system's keyring. A CI job needs no login: it gives the "
        "token in the environment variable RUNG_HUB_TOKEN, which counts while exactly one hub is saved."
    )
    parser.add_argument("hub", nargs="?", metavar="HUB", help="which saved hub; default: the only one")
    parser.add_argument("--token-stdin", action="store_true", help="read the token from standard input")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def run(options: Namespace) -> int:
    hub = find_hub(options.hub, "write `rung hub login NAME`")
    token = read_token() if options.token_stdin else ask_token(hub)
    said = run_async(sign_in(hub, token))
    return show(options, {"hub": hub.name, "message": said}, said)
