"""`rung watch`: values of the program that runs on a board, forcing and releasing them.

With `--follow --json` standard output has one JSON object a line, each with `time` and `event`:

* `state`: `state`, `md5`, `inSync`, `board` (scans, scanUs, scanMaxUs, overruns, faults, halted), `restarts`, `message`; at the beginning and whenever
  one of them changed, times of scans apart; of overruns and faults, that there are any
* `values`: `values`, those that changed since the line before; the first has all
* `end`: `released` and `stillForced`, paths, and `error`, null after Ctrl-C; the last line
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.board_status import health_json
from rung.cli.board_target import At, board_arguments, board_of, find_port, may_open, print_usage_json, yes_argument
from rung.cli.program import load_program, print_diagnostics
from rung.cli.session import error_json, exit_code, report, run_async, stopped_by_signals
from rung.cli.watch_names import find, find_one, forced_value, without_health
from rung.ide.build import build
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.boards.connection import BoardConnection, BoardEvent
    from rung.codegen.artefact import Artefact, Leaf
    from rung.runtimes.debug_values import Value
    from rung.targets.board import SerialSettings

HELP = "show, force and release variables of the program that runs on a board"
WORDS_ANYWHERE = True
_PERIOD_S = 0.25
_RELEASE_S = 2.0


def arguments(parser: ArgumentParser) -> None:
    parser.epilog = (
        "Opening the port restarts the program of an Arduino Uno: its outputs are off for about two seconds. What was forced without --follow stays forced "
        "until it is released or the board restarts; what was forced with --follow is released at its end."
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[PATH] NAME",
        help="variables, by their whole path or its end (MAIN.LAMP, LAMP, PUMP for all of an instance); default: all of the program. A first word that is a "
        "folder or a file is the program; default: this folder",
    )
    board_arguments(parser)
    parser.add_argument(
        "--force",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="hold a variable at a value; an output then drives the machine",
    )
    parser.add_argument(
        "--release", action="append", default=[], metavar="NAME", help="let the program write a variable again"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="read the values once (so it is without --follow)")
    how.add_argument("--follow", action="store_true", help="go on and show what changes, until Ctrl-C")
    yes_argument(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON document on standard output, nothing else; with --follow one JSON object a line",
    )


@dataclass(slots=True)
class Plan:
    """What was asked for, checked as far as that is possible without the board."""

    at: At
    settings: SerialSettings
    artefact: Artefact
    leaves: list[Leaf]
    forces: list[tuple[Leaf, Value]]
    releases: list[Leaf]


@dataclass(slots=True)
class Seen:
    """What was shown last."""

    values: dict[str, Value] = field(default_factory=dict)
    event: BoardEvent | None = None
    held: list[str] = field(default_factory=list)
    """What this command has forced, as far as the board still held it then."""


def run(options: Namespace) -> int:
    try:
        plan = _plan(options)
        may_open(plan.at, options.yes)
    except WrongUsage as wrong:
        print_usage_json(options, wrong)
        raise
    except RuntimeFailure as failure:
        return report(failure, options.json)
    try:
        return run_async(_follow(options, plan) if options.follow else _once(options, plan))
    except (KeyboardInterrupt, asyncio.CancelledError):
        if not options.follow:
            raise
        return 0


# -- what was asked for ------------------------------------------------------------------------------------------------


def _plan(options: Namespace) -> Plan:
    words: list[str] = options.words
    path = Path(words[0]) if words and Path(words[0]).exists() else Path()
    names = words[1:] if words and Path(words[0]).exists() else words
    loaded = load_program([path], options.board)
    board = board_of(options.board, loaded.settings.target)
    at = find_port(options.port, board)
    if at.board is None:
        raise WrongUsage(
            f"it is not known which board is on {at.port}: say so with --board, or with target in rung.toml."
        )
    if loaded.settings.target != at.board.name:
        loaded = load_program([path], at.board.name)
    built = build(loaded, at.board.name)
    if built.artefact is None:
        print_diagnostics(loaded, [item for item in built.diagnostics if item.severity == "error"], sys.stderr)
        raise RuntimeFailure(
            Kind.PROGRAM,
            f"{built.failure or 'The program here has errors.'} So it is not known which variables the board has.",
            "Correct the program, or name the one that the board runs.",
        )
    known = built.artefact.leaves
    wanted = [leaf for name in names for leaf in find(known, name)] if names else without_health(known)
    leaves = {leaf.path: leaf for leaf in wanted}
    forces = [forced_value(known, text) for text in options.force]
    releases = [find_one(known, name) for name in options.release]
    return Plan(at, loaded.settings.serial, built.artefact, list(leaves.values()), forces, releases)


# -- once --------------------------------------------------------------------------------------------------------------


async def _once(options: Namespace, plan: Plan) -> int:
    connection = _connection(plan)
    values: dict[str, Value] = {}
    error: RuntimeFailure | None = None
    event = connection.event
    try:
        await _begin(connection, plan, [])
        values = await connection.read(plan.leaves)
        event = connection.event
    except RuntimeFailure as failure:
        error = failure
    finally:
        forced = sorted(connection.forced)
        await connection.close()
    if options.json:
        document = {
            "port": plan.at.port,
            **_state_json(event),
            "values": _values_json(values),
            "forced": forced,
            "error": error_json(error),
        }
        print(json.dumps(document))
        return 0 if error is None else exit_code(error.kind)
    for leaf in plan.leaves:
        if leaf.path in values:
            print(_line(leaf, values[leaf.path]))
    if event.health is not None:
        health = event.health
        print(
            f"{event.message} Scan time {health.scan_us} us (max {health.scan_max_us}), overruns {health.overruns}, "
            f"faults {health.faults}.{_faults(event)}",
            file=sys.stderr,
        )
    if forced:
        print(
            f"note: {', '.join(forced)} {'stays forced until it is' if len(forced) == 1 else 'stay forced until they are'} released (--release) "
            "or the board restarts.",
            file=sys.stderr,
        )
    return 0 if error is None else report(error)


async def _begin(connection: BoardConnection, plan: Plan, held: list[str]) -> None:
    """Connect, release and force; `held` is told of each force before it is known whether it came through."""
    await connection.open()
    for leaf in plan.releases:
        await connection.release(leaf)
    for leaf, value in plan.forces:
        held.append(leaf.path)
        await connection.force(leaf, value)


def _connection(plan: Plan) -> BoardConnection:
    from rung.boards.connection import BoardConnection

    return BoardConnection(plan.at.port, board=plan.at.board, settings=plan.settings, artefact=plan.artefact)


# -- on and on ---------------------------------------------------------------------------------------------------------


async def _follow(options: Namespace, plan: Plan) -> int:
    connection = _connection(plan)
    seen = Seen()
    error: RuntimeFailure | None = None
    with stopped_by_signals():
        try:
            await _begin(connection, plan, seen.held)
            while True:
                await _look(options, plan, connection, seen)
                await asyncio.sleep(_PERIOD_S)
        except RuntimeFailure as failure:
            error = failure
        finally:
            # Also after Ctrl-C: nothing that was forced for looking at it stays so.
            held = list(connection.forced)
            left = await _release(connection, seen.held)
            await connection.close()
            _tell_end(options, sorted(set(held) - set(left)), sorted(left), error)
    return 0 if error is None else exit_code(error.kind)


async def _look(options: Namespace, plan: Plan, connection: BoardConnection, seen: Seen) -> None:
    from rung.boards.connection import State

    event = connection.event
    if event.state is not State.DISCONNECTED:
        seen.held = list(connection.forced)
    else:
        raise RuntimeFailure(event.kind or Kind.LOST, event.message, event.hint)
    if seen.event is None or _told(event) != _told(seen.event):
        _tell_state(options, event, seen.event)
        seen.event = event
    if event.state is not State.CONNECTED:
        return
    try:
        values = await connection.read(plan.leaves)
    except RuntimeFailure as failure:
        if failure.kind is Kind.NOT_OURS:
            raise
        return  # the connection says what this means, at the next look
    changed = {
        path: value
        for path, value in values.items()
        if path not in seen.values or _text(seen.values[path]) != _text(value)
    }
    seen.values = values
    if not changed:
        return
    if options.json:
        _json_line("values", {"values": _values_json(changed)})
        return
    for leaf in plan.leaves:
        if leaf.path in changed:
            print(f"{_now()} {_line(leaf, changed[leaf.path])}", flush=True)


async def _release(connection: BoardConnection, held: list[str]) -> list[str]:
    """Release what this command forced, and return what could not be: the board does not answer, or is gone."""
    from rung.boards.connection import State

    end = asyncio.get_running_loop().time() + _RELEASE_S
    while connection.state is not State.DISCONNECTED:
        for leaf in list(connection.forced.values()):
            with contextlib.suppress(RuntimeFailure):
                await connection.release(leaf)
        if not connection.forced or asyncio.get_running_loop().time() > end:
            return list(connection.forced)
        await asyncio.sleep(0.1)
    return held


# -- what is shown -----------------------------------------------------------------------------------------------------


def _tell_state(options: Namespace, event: BoardEvent, before: BoardEvent | None) -> None:
    if options.json:
        _json_line("state", _state_json(event))
        return
    if before is not None and event.restarts != before.restarts:
        print(f"{_now()} The board restarted: nothing is forced any more.", file=sys.stderr)
    print(f"{_now()} {event.message}{_faults(event)}", file=sys.stderr)


def _tell_end(options: Namespace, released: list[str], left: list[str], error: RuntimeFailure | None) -> None:
    if options.json:
        _json_line("end", {"released": released, "stillForced": left, "error": error_json(error)})
        return
    if error is not None:
        report(error)
    if released:
        print(f"Released: {', '.join(released)}.", file=sys.stderr)
    if left:
        print(
            f"warning: {', '.join(left)} could not be released and may still be forced. It is so no more after the board restarts.",
            file=sys.stderr,
        )


def _told(event: BoardEvent) -> tuple[object, ...]:
    health = event.health
    trouble = None if health is None else (health.halted, health.faults > 0, health.overruns > 0)
    return event.state, event.md5, event.in_sync, event.restarts, trouble, event.message


def _faults(event: BoardEvent) -> str:
    """What the counters of a program mean that are not at 0: nobody sees in its values that it divides by zero."""
    said = ""
    if event.health is not None and event.health.faults:
        said += " The program divides by zero, leaves the bounds of an array, or the like: the values of such operations are replacements."
    if event.health is not None and event.health.overruns:
        said += " Scans take longer than the tasks' interval."
    return said


def _state_json(event: BoardEvent) -> dict[str, object]:
    return {
        "state": event.state.value,
        "md5": event.md5,
        "inSync": event.in_sync,
        "board": health_json(event),
        "restarts": event.restarts,
        "message": event.message,
    }


def _json_line(kind: str, content: dict[str, object]) -> None:
    print(json.dumps({"time": _now(), "event": kind, **content}), flush=True)


def _values_json(values: dict[str, Value]) -> dict[str, object]:
    """Times and dates in nanoseconds; a REAL that is no number as text, because JSON has none."""
    return {
        path: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for path, value in values.items()
    }


def _line(leaf: Leaf, value: Value) -> str:
    from rung.boards.value_text import value_text

    return f"{leaf.path} = {value_text(leaf, value)}"


def _text(value: Value) -> str:
    return repr(value)  # equal for two NaN


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
