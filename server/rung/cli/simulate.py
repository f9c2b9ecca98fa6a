"""`rung simulate`: the embedded runtime."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

HELP = "run a runtime on this computer that speaks OpenPLC Runtime v4's protocol"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--listen", default="127.0.0.1:8443", metavar="HOST:PORT", help="default: %(default)s, this computer only"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where users, certificate and program are kept")


def run(options: Namespace) -> int:
    from rung.simulator import serve

    return serve(options.listen, options.data)
