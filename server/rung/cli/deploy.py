"""`rung deploy`: check, build, upload, watch the device's compile, start, verify."""

from __future__ import annotations

import json
import os
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
from rung.project.snapshot import Snapshot
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.names import DEFAULT_TARGET, RUNTIME_TARGETS

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.runtimes.capabilities import Capabilities
    from rung.runtimes.deploy import DeployReport

HELP = "check, build, upload, start and verify a program on a machine"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    target_arguments(parser)
    parser.add_argument(
        "--create-first-user", action="store_true", help="create the first user of a machine that has none"
    )
    parser.add_argument("--no-start", action="store_true", help="leave the machine stopped after the download")
    parser.add_argument(
        "--no-source", action="store_true", help="do not store the source on the machine (Runtime v4.2 keeps it)"
    )
    parser.add_argument(
        "--yes", action="store_true", help="stop a running machine and replace its program without asking"
    )


@dataclass(slots=True)
class Result:
    """What `--json` prints: the deploy contract."""

    stage: str
    plc: str | None = None
    verified: bool = False
    md5: str | None = None
    error: RuntimeFailure | None = None
    diagnostics: list[dict[str, object]] = field(default_factory=list)
    note: str | None = None


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
    # What is wrong with the program ends here. What the machine that answers cannot take shows when it is built for that one.
    wanted = loaded.settings.target  # a board's, if the project is for one: a machine is none
    target = wanted if wanted in RUNTIME_TARGETS else DEFAULT_TARGET
    built = build(loaded, target)
    if built.artefact is None:
        return _finish(options, _not_built(options, loaded, built))
    workspace = os.path.realpath(options.path)
    return _finish(options, run_async(_deploy(options, loaded, {target: built}, workspace)))


async def _deploy(options: Namespace, loaded: Snapshot, built: dict[str, Built], workspace: str) -> Result:
    from rung.cli.progress import progress_display
    from rung.ide.source_archive import source_archive, source_metadata
    from rung.runtimes.deploy import deploy
    from rung.runtimes.v4_upload import Source

    refused: list[Built] = []

    def build_for(capabilities: Capabilities) -> Artefact:
        made = None if capabilities.takes else built.get(capabilities.target)
        made = made or build(loaded, capabilities.target, takes=capabilities.takes)
        if made.artefact is None:
            refused.append(made)
            raise _program_failure(made)
        return made.artefact

    try:
        async with connected(options, options.create_first_user) as connection:
            source = None
            if connection.capabilities.snapshots and not options.no_source:
                source = Source(source_archive(loaded), source_metadata(options.path))
            with progress_display(quiet=options.json) as show:

                async def confirm(question: str) -> bool:
                    if options.yes:
                        return True
                    if not on_terminal():
                        print(f"{question} Nobody is here to answer; --yes answers yes.", file=sys.stderr)
                        return False
                    with show.pause():
                        return ask(question)

                found = await deploy(
                    connection,
                    build_for,
                    start=not options.no_start,
                    confirm=confirm,
                    precheck=check_natively,
                    progress=show,
                    workspace=workspace,
                    source=source,
                )
    except RuntimeFailure as failure:
        return Result("login" if failure.kind in (Kind.CREDENTIALS, Kind.NO_USERS) else "connect", error=failure)
    return _not_built(options, loaded, refused[0]) if refused else _result(found)


def _not_built(options: Namespace, loaded: Snapshot, built: Built) -> Result:
    if not options.json:
        print_diagnostics(loaded, built.diagnostics, sys.stderr)
    stage = "build" if built.failure else "check"
    return Result(stage, error=_program_failure(built), diagnostics=to_json(built.diagnostics))


def _result(found: DeployReport) -> Result:
    rows = [
        device_to_json(item.file, item.line, item.column, item.severity, item.message) for item in found.diagnostics
    ]
    return Result(found.stage, found.plc, found.verified, found.md5, found.error, rows, found.note)


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
                    "note": result.note,
                }
            )
        )
        return code
    if result.error is not None:
        if result.stage not in ("check", "build"):
            for row in result.diagnostics:
                _print_row(row)
        print(f"error[{result.error.kind.value}]: {result.error.message}\n  {result.error.hint}", file=sys.stderr)
    elif result.verified:
        if result.note is not None:
            print(f"note: {result.note}", file=sys.stderr)
        print(f"{result.plc}. Verified: the machine runs this program (MD5 {result.md5}).")
    elif result.note is not None:
        print(f"{result.plc}. Downloaded. {result.note}")
    else:
        print(f"{result.plc}. Downloaded; not started, so not verified.")
    return code


def _print_row(row: dict[str, object]) -> None:
    place = row["range"]
    line = place["start"]["line"] + 1 if isinstance(place, dict) else 0
    where = f"{row['file']}:{line}: " if row["file"] else ""
    print(f"{where}{row['severity']}: {row['message']}", file=sys.stderr)
