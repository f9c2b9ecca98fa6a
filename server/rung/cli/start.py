"""`rung start`: start the program that a machine holds."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from rung.cli.session import connected, report, run_async, target_arguments
from rung.runtimes.errors import RuntimeFailure

HELP = "start the program that a machine holds"


def arguments(parser: ArgumentParser) -> None:
    target_arguments(parser)


def run(options: Namespace) -> int:
    try:
        plc, sentence = run_async(_start(options))
    except RuntimeFailure as failure:
        return report(failure, options.json)
    print(json.dumps({"plc": plc, "error": None}) if options.json else f"{plc}: {sentence}")
    return 0


async def _start(options: Namespace) -> tuple[str, str]:
    async with connected(options) as connection:
        status = await connection.client.start()
        return status.plc, status.state.sentence
