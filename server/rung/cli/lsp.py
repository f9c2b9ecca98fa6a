"""`rung lsp`: the language server on standard input and output."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

HELP = "run the language server on standard input and output"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stdio", action="store_true", help="accepted because editors pass it; it is the only transport"
    )


def run(options: Namespace) -> int:
    from rung.lsp.server import serve

    return serve()
