"""`rung status` and `rung logs` of a board on a serial port (`--to serial:PORT`)."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.board_target import SERIAL, At, board_of, find_port, may_open, print_usage_json
from rung.cli.program import load_program
from rung.cli.session import error_json, exit_code, report, run_async
from rung.ide.build import build
from rung.project.discovery import settings_of
from rung.project.settings import Settings
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.boards.connection import BoardEvent
    from rung.codegen.artefact import Artefact

_LISTEN_S = 2.0
_PERIOD_S = 0.25


def show_status(options: Namespace) -> int:
    """Print what a board does; with a path, whether it runs the program there, and its scan times."""
    artefact: Artefact | None = None
    try:
        settings = _settings(options.path)
        if options.path is not None:
            loaded = load_program([options.path])
            board = board_of(None, loaded.settings.target)
            if board is None:
                raise WrongUsage(
                    f"{options.path} is for {loaded.settings.target}, which is no board: set target in its rung.toml."
                )
            artefact = build(loaded, board.name).artefact
        at = find_port(options.to.removeprefix(SERIAL), board_of(None, settings.target))
        may_open(at, options.yes)
        event = run_async(_look(at, settings, artefact))
    except WrongUsage as wrong:
        print_usage_json(options, wrong, {**_document(None), "state": "error"})
        raise
    except RuntimeFailure as failure:
        if options.json:
            print(json.dumps({**_document(None), "state": "error", "error": error_json(failure)}))
            return exit_code(failure.kind)
        return report(failure)
    if options.json:
        print(json.dumps({**_document(event), "state": "connected", "error": None}))
        return 0
    health = event.health
    print(event.message)
    known = {
        None: "",
        True: ": the one here",
        False: ": another one than the one here, or the same one built by another version of Rung",
    }
    print(f"program MD5 {event.md5}{known[event.in_sync]}")
    if health is not None:
        print(
            f"{health.scans} scans, scan time {health.scan_us} us (max {health.scan_max_us}), overruns {health.overruns}, "
            f"faults {health.faults}"
        )
    return 0


def show_log(options: Namespace) -> int:
    """Print the text that comes from a board: for two seconds, or until Ctrl-C."""
    try:
        settings = _settings(None)
        at = find_port(options.to.removeprefix(SERIAL), board_of(None, settings.target))
        may_open(at, options.yes)
        run_async(_listen(options, at, settings))
    except WrongUsage as wrong:
        print_usage_json(options, wrong)
        raise
    except RuntimeFailure as failure:
        return report(failure, options.json)
    except KeyboardInterrupt:
        if not options.follow:
            raise
    return 0


async def _look(at: At, settings: Settings, artefact: Artefact | None) -> BoardEvent:
    from rung.boards.connection import BoardConnection

    connection = BoardConnection(at.port, board=at.board, settings=settings.serial, artefact=artefact)
    try:
        await connection.open()
        return connection.event
    finally:
        await connection.close()


async def _listen(options: Namespace, at: At, settings: Settings) -> None:
    from rung.boards.wire import SerialWire

    wire = await SerialWire.open(at.port, settings.serial.baud, settings.serial.slave)
    lost: asyncio.Future[RuntimeFailure] = asyncio.get_running_loop().create_future()
    wire.on_lost(lost.set_result)
    loop = asyncio.get_running_loop()
    end = loop.time() + _LISTEN_S
    last = 0
    try:
        while not lost.done() and (options.follow or loop.time() < end):
            await asyncio.sleep(_PERIOD_S)
            if not options.json:
                for line in wire.log.after(last):
                    print(f"{line.timestamp} {line.text}", flush=True)
                    last = line.id
    finally:
        await wire.aclose()
    if lost.done():
        raise lost.result()
    lines = wire.log.after(last)
    if options.json:
        entries = [{"id": line.id, "timestamp": line.timestamp, "level": "", "message": line.text} for line in lines]
        print(json.dumps({"entries": entries, "error": None}))
        return
    for line in lines:
        print(f"{line.timestamp} {line.text}", flush=True)
    if not wire.log.after():
        print(
            f"No text came from {at.port} within {_LISTEN_S:g} seconds. A program of Rung's sends none; --follow listens on.",
            file=sys.stderr,
        )


def _document(event: BoardEvent | None) -> dict[str, object]:
    health = event.health if event is not None else None
    running = None if health is None else "STOPPED" if health.halted else "RUNNING"
    return {
        "plc": running,
        "version": None,
        "md5": event.md5 if event is not None else None,
        "tasks": [],
        "inSync": event.in_sync if event is not None else None,
        "program": None,
        "switch": None,
        "board": health_json(event),
    }


def health_json(event: BoardEvent | None) -> dict[str, object] | None:
    """Return what a board's program says of itself, as JSON; None where it is not known."""
    if event is None or event.health is None:
        return None
    row = asdict(event.health)
    return {
        "scans": row["scans"],
        "scanUs": row["scan_us"],
        "scanMaxUs": row["scan_max_us"],
        "overruns": row["overruns"],
        "faults": row["faults"],
        "halted": row["halted"],
    }


def _settings(path: Path | None) -> Settings:
    try:
        return settings_of(path or Path())
    except ValueError as error:
        raise WrongUsage(str(error)) from None
