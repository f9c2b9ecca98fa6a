"""`rung status`: what a machine does now."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli.board_target import SERIAL, yes_argument
from rung.cli.program import load_program
from rung.cli.session import connected, error_json, exit_code, report, run_async, target_arguments
from rung.ide.build import build
from rung.project.snapshot import Snapshot
from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.machine import PlcState

if TYPE_CHECKING:
    from rung.runtimes.capabilities import Capabilities
    from rung.runtimes.machine import RuntimeStatus

HELP = "show what a machine or a board (--to serial:PORT) does: program state, MD5, scan times"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "path", nargs="?", type=Path, help="a folder or a file: say whether it is the program that the machine runs"
    )
    target_arguments(parser)
    yes_argument(parser, f"with --to {SERIAL}PORT: ")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a machine said. `unread` says why its program's MD5 could not be read, if so: the rest is true all the same. `ours` is the
    MD5 that the user's program would have on it, None without one; `name` what its program is called, None where that is not known."""

    capabilities: Capabilities
    status: RuntimeStatus
    md5: str | None
    unread: RuntimeFailure | None
    ours: str | None
    name: str | None

    @property
    def in_sync(self) -> bool | None:
        """Whether the machine has the user's program; None when that is not known."""
        return None if self.md5 is None or self.ours is None else self.md5 == self.ours


def run(options: Namespace) -> int:
    if options.to.startswith(SERIAL):
        from rung.cli.board_status import show_status

        return show_status(options)
    loaded = None if options.path is None else load_program([options.path])
    try:
        seen = run_async(_look(options, loaded))
    except RuntimeFailure as failure:
        if options.json:
            empty: dict[str, object] = {"state": "error", "plc": None, "version": None, "md5": None, "tasks": []}
            print(json.dumps({**empty, "inSync": None, "program": None, "switch": None, "error": error_json(failure)}))
            return exit_code(failure.kind)
        return report(failure)
    if options.json:
        found = {
            "state": "connected",
            "plc": seen.status.plc,
            "version": seen.capabilities.version,
            "md5": seen.md5,
            "tasks": [asdict(task) for task in seen.status.tasks],
            "inSync": seen.in_sync,
            "program": seen.name,
            "switch": seen.status.switch,
            "error": error_json(seen.unread),
        }
        print(json.dumps(found))
        return 0
    print(f"{seen.status.plc}: {seen.status.state.sentence}\n{seen.capabilities.name}")
    if seen.status.switch is not None:
        print(f"mode switch on {seen.status.switch.upper()}")
    print(f"program {f'{seen.name}, ' if seen.name else ''}{_program(seen)}")
    for task in seen.status.tasks:
        print(
            f"task {task.name}: {_shown(task.scan_count)} scans, "
            f"scan time {_average(task.scan_time_min, task.scan_time_avg)} us (max {_shown(task.scan_time_max)}), "
            f"cycle {_average(task.cycle_time_min, task.cycle_time_avg)} us, "
            f"latency {_average(task.cycle_latency_min, task.cycle_latency_avg)} us, overruns {_shown(task.overruns)}"
        )
    return 0


async def _look(options: Namespace, loaded: Snapshot | None) -> Seen:
    from rung.runtimes.deployed import program_name

    async with connected(options) as connection:
        status = await connection.status()
        capabilities = connection.capabilities
        ours = None
        if loaded is not None:
            artefact = build(loaded, capabilities.target).artefact
            ours = None if artefact is None else artefact.md5
        md5, unread = None, None
        try:
            md5 = await connection.debug.md5()
        except RuntimeFailure as failure:
            unread = failure
        return Seen(capabilities, status, md5, unread, ours, await program_name(connection.client, md5))


def _program(seen: Seen) -> str:
    if seen.unread is not None:
        return f"not read: {seen.unread.message}"
    if seen.md5 is None:
        return "not known while it does not run" if seen.status.state is not PlcState.EMPTY else "none"
    other = ": another one than the one here, or the same one built by another version of Rung"
    same = {None: "", True: ": the one here", False: other}[seen.in_sync]
    return f"MD5 {seen.md5}{same}"


def _average(least: int | None, average: int | None) -> str:
    """A runtime's average begins at zero and needs some seconds to settle; until then it lies below the least value."""
    return "-" if least is None or average is None or average < least else str(average)


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)
