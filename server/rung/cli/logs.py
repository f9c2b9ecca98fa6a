"""`rung logs`: the log of a machine's runtime."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from rung.cli.board_target import SERIAL, yes_argument
from rung.cli.session import connected, report, run_async, target_arguments
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.machine import LogEntry

HELP = "show the log of a machine's runtime, or the text that comes from a board (--to serial:PORT)"
_PERIOD_S = 1.0


def arguments(parser: ArgumentParser) -> None:
    target_arguments(parser, json_output=False)
    yes_argument(parser, f"with --to {SERIAL}PORT: ")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--follow", action="store_true", help="go on as the log grows, until Ctrl-C")
    shape.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def run(options: Namespace) -> int:
    if options.to.startswith(SERIAL):
        from rung.cli.board_status import show_log

        return show_log(options)
    try:
        run_async(_logs(options))
    except RuntimeFailure as failure:
        return report(failure, options.json)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    return 0


async def _logs(options: Namespace) -> None:
    async with connected(options) as connection:
        page = await connection.client.logs()
        if options.json:
            print(json.dumps({"entries": [asdict(entry) for entry in page.entries], "error": None}))
            return
        _show(page.entries)
        last = page.entries[-1].id if page.entries else 0
        while options.follow:
            await asyncio.sleep(_PERIOD_S)
            page = await connection.client.logs(last)
            if page.restarted:
                print("--- the runtime was restarted; its log begins anew ---", file=sys.stderr)
            _show(page.entries)
            last = page.entries[-1].id if page.entries else last


def _show(entries: tuple[LogEntry, ...]) -> None:
    for entry in entries:
        print(f"{entry.timestamp} {entry.level:<8} {entry.message}", flush=True)
