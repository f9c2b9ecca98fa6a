"""`rung check`: diagnostics for people, editors and continuous integration."""

from __future__ import annotations

import gc
import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rung.cli import WrongUsage
from rung.cli.program import load_program, print_diagnostics, target_name
from rung.ide.diagnostics import Diagnostic, diagnostics, flat, has_errors, to_json

HELP = "find mistakes in a program"
FORMATS = ("text", "json", "sarif", "github")
_SHOWN_ALWAYS = ("error", "warning")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="folders and files of one program; default: this folder"
    )
    parser.add_argument(
        "--target",
        type=target_name,
        help="what the program is for, a runtime (openplc-v4, openplc-v4.0, openplc-v3), host, or a board that `rung boards` lists; "
        "default: the target in rung.toml, else openplc-v4",
    )
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument(
        "--info",
        action="store_true",
        help="say what is implied, too; in text also hints such as unused variables",
    )


def run(options: Namespace) -> int:
    # The trees live until the process ends, so looking for garbage among them is time lost.
    gc.disable()
    try:
        paths = options.paths or [Path()]
        loaded = load_program(paths, options.target)
        target = loaded.settings.target
    except WrongUsage as wrong:
        if options.format == "json":
            print(json.dumps({**report([], 0), "error": str(wrong)}))
        raise
    found = [item for item in flat(diagnostics(loaded, target)) if options.info or "on-request" not in item.tags]
    if options.format == "json":
        print(json.dumps(report(found, len(loaded.files))))
    elif options.format == "sarif":
        from rung.cli.sarif import sarif

        print(json.dumps(sarif(found)))
    elif options.format == "github":
        for item in found:
            if options.info or item.severity in _SHOWN_ALWAYS:
                print(github_line(item))
    else:
        print_diagnostics(loaded, [item for item in found if options.info or item.severity in _SHOWN_ALWAYS])
        errors, warnings = counts(found)
        files = len(loaded.files)
        print(
            f"{files} file{'s' * (files != 1)}: {errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}",
            file=sys.stderr,
        )
    return 1 if has_errors(found) else 0


def counts(found: list[Diagnostic]) -> tuple[int, int]:
    """Return how many errors and warnings there are."""
    return sum(item.severity == "error" for item in found), sum(item.severity == "warning" for item in found)


def report(found: list[Diagnostic], files: int) -> dict[str, object]:
    """Return the JSON document of `--format json`."""
    errors, warnings = counts(found)
    return {
        "version": 1,
        "diagnostics": to_json(found),
        "summary": {"files": files, "errors": errors, "warnings": warnings},
    }


def github_line(item: Diagnostic) -> str:
    """Return a finding as a GitHub workflow command, which shows it on the line of a pull request."""
    level = {"error": "error", "warning": "warning"}.get(item.severity, "notice")
    message = item.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    place = f"file={item.file},line={item.start[0] + 1},col={item.start[1] + 1},endLine={item.end[0] + 1}"
    return f"::{level} {place},title={item.code}::{message}"
