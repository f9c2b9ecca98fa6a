"""`rung run`: run a program on this computer, on a virtual clock."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.program import load_program, print_diagnostics
from rung.ide.build import source_map
from rung.ide.diagnostics import diagnostics, flat, has_errors

if TYPE_CHECKING:
    from rung.codegen.run import RunResult, Setting

HELP = "run a program on this computer for some scans and print its variables"
_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000}


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, default=Path(), help="a folder or a file; default: this folder")
    parser.add_argument("--cycles", type=_cycles, required=True, metavar="N", help="how many scans")
    parser.add_argument(
        "--tick", type=_duration, metavar="20ms", help="a scan's virtual time; default: what the tasks' intervals share"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE[@CYCLE]",
        help="write a variable or an address before a scan",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def run(options: Namespace) -> int:
    from rung.codegen.program import BuildError

    try:
        settings = [_setting(text) for text in options.set]
    except ValueError as error:
        return _refuse(options, str(error), 2)
    try:
        loaded = load_program([options.path])
    except WrongUsage as wrong:
        return _refuse(options, str(wrong), 2)
    found = flat(diagnostics(loaded, "host"))
    if has_errors(found):
        print_diagnostics(loaded, [item for item in found if item.severity == "error"], sys.stderr)
        return _refuse(options, "The program has errors, so it was not run.", 1)
    if loaded.program.configuration is None:
        return _refuse(options, "There is no PROGRAM in it, so there is nothing to run.", 1)
    from rung.codegen.run import run_program

    late = next((setting for setting in settings if setting.cycle > options.cycles), None)
    if late is not None:
        return _refuse(
            options, f"--set {late.name}=...@{late.cycle} would have no effect: only {options.cycles} scans are run.", 2
        )
    try:
        result = run_program(loaded.program, source_map(loaded), options.cycles, options.tick, settings)
    except BuildError as error:
        return _refuse(options, str(error), 1)
    except ValueError as error:
        return _refuse(options, str(error), 2)
    return _show(options, result)


def _show(options: Namespace, result: RunResult) -> int:
    if options.json:
        document = {
            "cycles": result.cycles,
            "time_ns": result.time_ns,
            "variables": result.variables,
            "error": result.error,
        }
        print(json.dumps(document))
    else:
        for name, value in result.variables.items():
            print(f"{name} = {_shown(value)}")
        print(f"{result.cycles} scans, {result.time_ns / 1e6:g} ms of virtual time", file=sys.stderr)
        if result.faults:
            print(
                f"{result.faults} fault(s): a division by zero, an index out of range or the like. The program went on as "
                "ARCHITECTURE.md says.",
                file=sys.stderr,
            )
        if result.error is not None:
            print(f"rung run: {result.error}", file=sys.stderr)
    return 1 if result.error is not None else 0


def _shown(value: object) -> str:
    """A value on one line; what a STRING holds cannot pass for another variable."""
    if isinstance(value, bool):
        return str(value).upper()
    return "".join(letter if letter.isprintable() else f"${ord(letter):02X}" for letter in str(value))


def _refuse(options: Namespace, message: str, code: int) -> int:
    if options.json:
        print(json.dumps({"cycles": 0, "time_ns": 0, "variables": {}, "error": message}))
    else:
        print(f"rung run: {message}", file=sys.stderr)
    return code


def _setting(text: str) -> Setting:
    from rung.codegen.run import Setting

    name, equals, rest = text.partition("=")
    value, at, cycle = rest.rpartition("@")
    if not at or not cycle.isdigit():
        value, cycle = rest, "1"
    if not equals or not name.strip() or int(cycle) < 1:
        raise ValueError(f"--set {text}: write NAME=VALUE or NAME=VALUE@SCAN, scans count from 1.")
    return Setting(name.strip(), value, int(cycle))


def _cycles(text: str) -> int:
    if not text.isdigit():
        raise ArgumentTypeError(f"'{text}' is not a number of scans")
    return int(text)


def _duration(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m)", text.strip().lower().removeprefix("t#"))
    nanoseconds = round(float(match[1]) * _UNITS[match[2]]) if match else 0
    if nanoseconds <= 0:
        raise ArgumentTypeError(f"'{text}' is not a time such as 20ms, 500us or 1s")
    return nanoseconds
