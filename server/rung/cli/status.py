"""`rung status`: what a machine does now."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from rung.cli.session import connected, error_json, exit_code, report, run_async, target_arguments
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.machine import RuntimeStatus

HELP = "show what a machine does: program state, MD5, scan times"


def arguments(parser: ArgumentParser) -> None:
    target_arguments(parser)


def run(options: Namespace) -> int:
    try:
        version, status, md5, unread = run_async(_look(options))
    except RuntimeFailure as failure:
        if options.json:
            empty: dict[str, object] = {"state": "error", "plc": None, "version": None, "md5": None, "tasks": []}
            print(json.dumps({**empty, "error": error_json(failure)}))
            return exit_code(failure.kind)
        return report(failure)
    if options.json:
        tasks = [asdict(task) for task in status.tasks]
        found = {
            "state": "connected",
            "plc": status.plc,
            "version": version,
            "md5": md5,
            "tasks": tasks,
            "error": error_json(unread),
        }
        print(json.dumps(found))
        return 0
    print(
        f"{status.plc}: {status.state.sentence}\nruntime {version}\nprogram MD5 {md5 or ('not read: ' + unread.message if unread else 'none')}"
    )
    for task in status.tasks:
        print(
            f"task {task.name}: {_shown(task.scan_count)} scans, "
            f"scan time {_average(task.scan_time_min, task.scan_time_avg)} us (max {_shown(task.scan_time_max)}), "
            f"cycle {_average(task.cycle_time_min, task.cycle_time_avg)} us, overruns {_shown(task.overruns)}"
        )
    return 0


async def _look(options: Namespace) -> tuple[str, RuntimeStatus, str | None, RuntimeFailure | None]:
    """Version, status and MD5; and why the MD5 could not be read, if so: the rest is true all the same."""
    async with connected(options) as connection:
        status = await connection.status()
        version = connection.info.version if connection.info else "unknown"
        try:
            return version, status, await connection.debug.md5(), None
        except RuntimeFailure as failure:
            return version, status, None, failure


def _average(least: int | None, average: int | None) -> str:
    """A runtime's average begins at zero and needs some seconds to settle; until then it lies below the least value."""
    return "-" if least is None or average is None or average < least else str(average)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
