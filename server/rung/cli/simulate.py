"""`rung simulate`: the embedded runtime."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

HELP = "run a runtime on this computer that speaks the protocol of an OpenPLC Runtime"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--listen", default="127.0.0.1:8443", metavar="HOST:PORT", help="default: %(default)s, this computer only"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="where users, certificate and program are kept")
    parser.add_argument(
        "--as",
        dest="generation",
        choices=("v4.1", "v4.0", "v3"),
        default="v4.1",
        help="the generation to play, default: %(default)s",
    )
    parser.add_argument(
        "--runtime-version", metavar="VERSION", help="the version of v4.1 or newer to play, for instance v4.2.3"
    )


def run(options: Namespace) -> int:
    from rung.simulator import serve

    return serve(options.listen, options.data, generation=options.generation, version=options.runtime_version)
