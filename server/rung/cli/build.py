"""`rung build`: the artefact that a target takes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rung.cli.program import load_program, print_diagnostics
from rung.ide.build import TARGETS, build, write_artefact

HELP = "build the file that a target takes"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    parser.add_argument(
        "--target", choices=TARGETS, help="what to build for; default: the target in rung.toml, else openplc-v4"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="default: the artefact's own name in this folder"
    )


def run(options: Namespace) -> int:
    loaded = load_program([options.path], options.target)
    built = build(loaded, loaded.settings.target)
    print_diagnostics(loaded, [item for item in built.diagnostics if item.severity in ("error", "warning")], sys.stderr)
    if built.artefact is None:
        if built.failure:
            print(f"rung build: {built.failure}", file=sys.stderr)
        return 1
    output = options.output or Path(built.artefact.file_name)
    try:
        write_artefact(built.artefact, output)
    except OSError as error:
        print(f"rung build: {output} cannot be written: {error.strerror}. Nothing was changed.", file=sys.stderr)
        return 2
    print(f"{output}: {len(built.artefact.data)} bytes for {built.artefact.target}, MD5 {built.artefact.md5}")
    return 0
