"""`rung stop`: stop the program that a machine runs, after a question."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from rung.cli.session import ask, connected, on_terminal, report, run_async, target_arguments
from rung.runtimes.errors import Kind, RuntimeFailure

HELP = "stop the program that a machine runs"


def arguments(parser: ArgumentParser) -> None:
    target_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="stop a running machine without asking")


def run(options: Namespace) -> int:
    try:
        plc, sentence = run_async(_stop(options))
    except RuntimeFailure as failure:
        return report(failure, options.json)
    print(json.dumps({"plc": plc, "error": None}) if options.json else f"{plc}: {sentence}")
    return 0


async def _stop(options: Namespace) -> tuple[str, str]:
    async with connected(options) as connection:
        status = await connection.status()
        name = connection.profile.name
        if not status.state.stands and not options.yes:
            if not on_terminal():
                raise RuntimeFailure(
                    Kind.CANCELLED,
                    f"On {name} {status.state.sentence}; it was not stopped.",
                    "Give --yes to stop it without a question.",
                )
            if not ask(f"On {name} {status.state.sentence}. Its outputs will no longer be driven. Stop it?"):
                raise RuntimeFailure(Kind.CANCELLED, f"{name} was not stopped.", "It goes on as it is.")
        status = await connection.client.stop()
        return status.plc, status.state.sentence
