"""`rung deploy`: check, build, upload, watch the device's compile, start, verify."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.program import load_program, print_diagnostics
from rung.cli.session import ask, connected, error_json, exit_code, on_terminal, run_async, target_arguments
from rung.ide.build import Built, build, check_natively
from rung.ide.diagnostics import device_to_json, to_json
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.runtimes.deploy import DeployReport

HELP = "check, build, upload, start and verify a program on a machine"
TARGET = "openplc-v4"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    target_arguments(parser)
    parser.add_argument(
        "--create-first-user", action="store_true", help="create the first user of a machine that has none"
    )
    parser.add_argument("--no-start", action="store_true", help="leave the machine stopped after the download")
    parser.add_argument("--yes", action="store_true", help="stop a running machine without asking")


@dataclass(slots=True)
class Result:
    """What `--json` prints: the deploy contract."""

    stage: str
    plc: str | None = None
    verified: bool = False
    md5: str | None = None
    error: RuntimeFailure | None = None
    diagnostics: list[dict[str, object]] = field(default_factory=list)


def run(options: Namespace) -> int:
    try:
        loaded = load_program([options.path])
    except WrongUsage as wrong:
        if options.json:
            _finish(
                options,
                Result(
                    "check", error=RuntimeFailure(Kind.PROGRAM, str(wrong), "Name a folder or file with a program.")
                ),
            )
        raise
    built = build(loaded, TARGET)
    if built.artefact is None:
        if not options.json:
            print_diagnostics(loaded, built.diagnostics, sys.stderr)
        stage = "build" if built.failure else "check"
        result = Result(stage, error=_program_failure(built), diagnostics=to_json(built.diagnostics))
    else:
        result = run_async(_deploy(options, built.artefact))
    return _finish(options, result)


async def _deploy(options: Namespace, artefact: Artefact) -> Result:
    from rung.cli.progress import progress_display
    from rung.runtimes.deploy import deploy

    async def confirm(question: str) -> bool:
        return options.yes or (on_terminal() and ask(question))

    try:
        async with connected(options, options.create_first_user) as connection:
            with progress_display(quiet=options.json) as show:
                found = await deploy(
                    connection,
                    artefact,
                    start=not options.no_start,
                    confirm_stop=confirm,
                    precheck=check_natively,
                    progress=show,
                )
    except RuntimeFailure as failure:
        return Result("login" if failure.kind in (Kind.CREDENTIALS, Kind.NO_USERS) else "connect", error=failure)
    return _result(found)


def _result(found: DeployReport) -> Result:
    rows = [
        device_to_json(item.file, item.line, item.column, item.severity, item.message) for item in found.diagnostics
    ]
    return Result(found.stage, found.plc, found.verified, found.md5, found.error, rows)


def _program_failure(built: Built) -> RuntimeFailure:
    errors = sum(item.severity == "error" for item in built.diagnostics)
    reason = built.failure or f"The program has {errors} error{'s' if errors != 1 else ''}."
    return RuntimeFailure(
        Kind.PROGRAM,
        f"{reason} Nothing was sent; the machine is as it was.",
        "Correct the program and deploy again.",
    )


def _finish(options: Namespace, result: Result) -> int:
    code = 0 if result.error is None else exit_code(result.error.kind)
    if options.json:
        print(
            json.dumps(
                {
                    "ok": result.error is None,
                    "stage": result.stage,
                    "plc": result.plc,
                    "verified": result.verified,
                    "md5": result.md5,
                    "error": error_json(result.error),
                    "diagnostics": result.diagnostics,
                }
            )
        )
        return code
    if result.error is not None:
        if result.stage != "check":
            for row in result.diagnostics:
                _print_row(row)
        print(f"error[{result.error.kind.value}]: {result.error.message}\n  {result.error.hint}", file=sys.stderr)
    elif result.verified:
        print(f"{result.plc}. Verified: the machine runs this program (MD5 {result.md5}).")
    else:
        print(f"{result.plc}. Downloaded; not started, so not verified.")
    return code


def _print_row(row: dict[str, object]) -> None:
    place = row["range"]
    line = place["start"]["line"] + 1 if isinstance(place, dict) else 0
    where = f"{row['file']}:{line}: " if row["file"] else ""
    print(f"{where}{row['severity']}: {row['message']}", file=sys.stderr)
