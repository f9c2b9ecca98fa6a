"""`rung build`: the artefact that a target takes; for a board, the compiled firmware."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli.program import load_program, print_diagnostics, target_name
from rung.ide.build import build, write_artefact
from rung.project.settings import board_for

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.targets.board import Board

HELP = "build the file that a target takes"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    parser.add_argument(
        "--target",
        type=target_name,
        help="what to build for, a runtime (openplc-v4, openplc-v4.0, openplc-v3), host, or a board that `rung boards` lists; "
        "default: the target in rung.toml, else openplc-v4",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="default: the artefact's own name in this folder; for a board, program.zip and the like are the sketch that is compiled",
    )


def run(options: Namespace) -> int:
    loaded = load_program([options.path], options.target)
    built = build(loaded, loaded.settings.target)
    print_diagnostics(loaded, [item for item in built.diagnostics if item.severity in ("error", "warning")], sys.stderr)
    if built.artefact is None:
        if built.failure:
            print(f"rung build: {built.failure}", file=sys.stderr)
        return 1
    board = board_for(loaded.settings, built.artefact.target)
    if board is not None and (options.output is None or options.output.suffix != ".zip"):
        return _firmware(options, built.artefact, board)
    return _write(built.artefact, options.output or Path(built.artefact.file_name))


def _firmware(options: Namespace, artefact: Artefact, board: Board) -> int:
    """Compile for a board; a `.zip` would be the sketch that is compiled."""
    from rung.boards.toolchains import compile_firmware
    from rung.cli.progress import progress_display
    from rung.cli.session import report, run_async
    from rung.runtimes.errors import RuntimeFailure

    try:
        with progress_display() as show:
            firmware = run_async(compile_firmware(artefact, board, progress=show))
    except RuntimeFailure as failure:
        return report(failure)
    for warning in firmware.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    output = options.output or Path(firmware.main)
    code = _write(replace(artefact, data=firmware.files[firmware.main]), output)
    if not code and firmware.flash_bytes:
        print(f"flash {firmware.flash_bytes} of {board.flash} bytes, RAM {firmware.ram_bytes} of {board.ram} bytes")
    return code


def _write(artefact: Artefact, output: Path) -> int:
    try:
        write_artefact(artefact, output)
    except OSError as error:
        print(f"rung build: {output} cannot be written: {error.strerror}. Nothing was changed.", file=sys.stderr)
        return 2
    print(f"{output}: {len(artefact.data)} bytes for {artefact.target}, MD5 {artefact.md5}")
    return 0
