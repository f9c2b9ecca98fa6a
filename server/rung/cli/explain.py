"""`rung explain CODE`: the page behind a diagnostic."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

HELP = "say what a diagnostic code means, with a bad and a good example"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="for instance TYP001; without it, all codes are listed")


def run(options: Namespace) -> int:
    from rung.rules.explain import explain, overview

    if options.code is None:
        print(overview())
        return 0
    page = explain(options.code.upper())
    if page is None:
        print(f"rung explain: there is no code {options.code}. `rung explain` lists all.", file=sys.stderr)
        return 2
    print(page)
    return 0
