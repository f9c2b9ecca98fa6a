"""`rung pull`: fetch back the source that was stored on a machine with its program."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rung.cli import WrongUsage
from rung.cli.session import connected, report, run_async, target_arguments
from rung.runtimes.errors import RuntimeFailure

HELP = "fetch a program's source back from a machine (Runtime v4.2 and newer)"


def arguments(parser: ArgumentParser) -> None:
    target_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="a folder that is empty or does not exist yet"
    )


def run(options: Namespace) -> int:
    from rung.project.archive import ArchiveError, unpack_project

    folder: Path = options.output
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUsage(
            f"{folder} is there already and not empty: nothing is written over. Name another folder with -o."
        )
    try:
        files = unpack_project(run_async(_fetch(options)), folder)
    except RuntimeFailure as failure:
        return report(failure, options.json)
    except ArchiveError as error:
        raise WrongUsage(str(error)) from None
    except OSError as error:
        raise WrongUsage(f"the project cannot be written to {folder}: {error.strerror or error}.") from None
    if options.json:
        print(json.dumps({"folder": str(folder), "files": files, "error": None}))
    else:
        print(f"{len(files)} file{'s' * (len(files) != 1)} in {folder}")
    return 0


async def _fetch(options: Namespace) -> bytes:
    async with connected(options) as connection:
        return await connection.client.project_snapshot()
