"""`rung flash`: check, build, compile, upload to a board, and read back that it runs."""

from __future__ import annotations

import json
import signal
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.board_target import At, board_arguments, board_of, find_port
from rung.cli.program import load_program, print_diagnostics
from rung.cli.session import ask, error_json, exit_code, on_terminal, run_async, stopped_by_signals
from rung.ide.build import Built, build
from rung.ide.diagnostics import device_to_json, to_json
from rung.project.settings import board_for
from rung.project.snapshot import Snapshot
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import find_board

if TYPE_CHECKING:
    from rung.boards.flash import FlashReport
    from rung.codegen.artefact import Artefact
    from rung.targets.board import Board

HELP = "check, build and compile a program, put it on a microcontroller board and verify that it runs"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    board_arguments(parser)
    parser.add_argument(
        "--toolchain", metavar="T", help="what compiles; default: the first that is installed (rung boards)"
    )
    parser.add_argument(
        "--uploader", metavar="U", help="what uploads; default: the first that is installed (rung boards)"
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="stop the board's program and replace it without asking, whoever put it there; its outputs go off meanwhile",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


@dataclass(slots=True)
class Result:
    """What `--json` prints. `stage` is the last one reached: check, build, compile, upload or verify."""

    stage: str
    board: str | None = None
    port: str | None = None
    verified: bool = False
    md5: str | None = None
    flash_bytes: int = 0
    ram_bytes: int = 0
    toolchain: str | None = None
    uploader: str | None = None
    error: RuntimeFailure | None = None
    stopped: bool = False
    """Whether Ctrl-C, or an end from outside, ended it before its time."""
    warnings: tuple[str, ...] = ()
    diagnostics: list[dict[str, object]] = field(default_factory=list)


def run(options: Namespace) -> int:
    try:
        return _finish(options, _run(options))
    except WrongUsage as wrong:
        if options.json:
            failure = RuntimeFailure(
                Kind.PROGRAM, str(wrong), "Name a folder or file with a program, its board, and the board's port."
            )
            _finish(options, Result("check", error=failure))
        raise


def _run(options: Namespace) -> Result:
    loaded = load_program([options.path], options.board)
    board = board_of(options.board, loaded.settings.target)
    if board is None:
        raise WrongUsage(
            f"the program is for {loaded.settings.target}, which is no board: say which with --board, or with target in rung.toml. "
            "`rung boards` lists them."
        )
    _check_ways(options, board)
    built = build(loaded, board.name)
    if built.artefact is None:
        return _not_built(options, loaded, built, board)
    if not options.json:
        print_diagnostics(loaded, [item for item in built.diagnostics if item.severity == "warning"], sys.stderr)
    try:
        at = find_port(options.port, board)
    except RuntimeFailure as failure:
        return Result("build", board.name, error=failure)
    fitted = board_for(loaded.settings, board.name) or board
    found, stopped = run_async(_flash(options, loaded, built.artefact, fitted, at))
    return _result(found, stopped)


def _check_ways(options: Namespace, board: Board) -> None:
    from rung.boards.toolchains import toolchains_for
    from rung.boards.uploaders import uploaders_for

    compiling = [] if options.toolchain is None else [row.name for row in toolchains_for(board)]
    uploading = [] if options.uploader is None else [row.name for row in uploaders_for(board)]
    for word, names in ((options.toolchain, compiling), (options.uploader, uploading)):
        if word is not None and word not in names:
            raise WrongUsage(f"{board.title} has no way called {word!r}: choose one of {', '.join(names)}.")


async def _flash(
    options: Namespace, loaded: Snapshot, artefact: Artefact, board: Board, at: At
) -> tuple[FlashReport, bool]:
    from rung.boards.flash import flash
    from rung.cli.progress import progress_display

    with progress_display(quiet=options.json) as show, stopped_by_signals() as signals:

        async def confirm(question: str, foreign: bool) -> bool:
            if options.yes:
                return True
            if not on_terminal():
                if options.port is not None and not foreign:
                    return True  # a script that names the port has said which board's program stops
                print(f"{question} Nobody is here to answer; --yes answers yes.", file=sys.stderr)
                return False
            with show.pause():
                try:
                    return ask(question)
                except KeyboardInterrupt:
                    signals.append(signal.SIGINT)  # what the board is left with is said all the same
                    return False

        found = await flash(
            artefact,
            board,
            at.port,
            toolchain=options.toolchain,
            uploader=options.uploader,
            serial=loaded.settings.serial,
            confirm=confirm,
            progress=show,
        )
        return found, bool(signals)


def _not_built(options: Namespace, loaded: Snapshot, built: Built, board: Board) -> Result:
    if not options.json:
        print_diagnostics(loaded, built.diagnostics, sys.stderr)
    errors = sum(item.severity == "error" for item in built.diagnostics)
    reason = built.failure or f"The program has {errors} error{'s' if errors != 1 else ''}."
    failure = RuntimeFailure(
        Kind.PROGRAM, f"{reason} Nothing was sent; the board is as it was.", "Correct the program and flash again."
    )
    stage = "build" if built.failure else "check"
    return Result(stage, board.name, error=failure, diagnostics=to_json(built.diagnostics))


def _result(found: FlashReport, stopped: bool) -> Result:
    rows = [
        device_to_json(item.file, item.line, item.column, item.severity, item.message) for item in found.diagnostics
    ]
    return Result(
        found.stage,
        found.board,
        found.port,
        found.verified,
        found.md5,
        found.flash_bytes,
        found.ram_bytes,
        found.toolchain,
        found.uploader,
        found.error,
        stopped and found.error is not None,
        found.warnings,
        rows,
    )


def _finish(options: Namespace, result: Result) -> int:
    code = 0 if result.error is None else 130 if result.stopped else exit_code(result.error.kind)
    if options.json:
        document = {
            "ok": result.error is None,
            "stage": result.stage,
            "board": result.board,
            "port": result.port,
            "verified": result.verified,
            "md5": result.md5,
            "flashBytes": result.flash_bytes,
            "ramBytes": result.ram_bytes,
            "toolchain": result.toolchain,
            "uploader": result.uploader,
            "warnings": list(result.warnings),
            "error": error_json(result.error),
            "diagnostics": result.diagnostics,
        }
        print(json.dumps(document))
        return code
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if result.error is not None:
        if result.stage not in ("check", "build"):
            for row in result.diagnostics:
                _print_row(row)
        print(f"error[{result.error.kind.value}]: {result.error.message}\n  {result.error.hint}", file=sys.stderr)
    elif result.verified:
        print(f"Verified: the board on {result.port} runs this program (MD5 {result.md5}).{_room(result)}")
    else:
        print(f"Uploaded to the board on {result.port}; not verified.{_room(result)}")
    return code


def _room(result: Result) -> str:
    """How full the board is: on a terminal the progress that said it is gone by then."""
    board = find_board(result.board or "")
    if board is None or not result.flash_bytes:
        return ""
    return f" It takes {result.flash_bytes} of {board.flash} bytes of flash and {result.ram_bytes} of {board.ram} bytes of RAM."


def _print_row(row: dict[str, object]) -> None:
    place = row["range"]
    line = place["start"]["line"] + 1 if isinstance(place, dict) else 0
    where = f"{row['file']}:{line}: " if row["file"] else ""
    print(f"{where}{row['severity']}: {row['message']}", file=sys.stderr)
