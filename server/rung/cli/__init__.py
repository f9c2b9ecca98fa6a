"""The command line. One module per command; only the one that was asked for is imported.

A command module has `HELP` (one line), `arguments(parser)` and `run(options) -> int`, the exit code: 0 fine, 1 the program or the
device said no, 2 wrong usage or unreadable input, 3 could not reach, 4 refused for security. `WORDS_ANYWHERE = True` lets its words
stand before, between and after its options.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final


class WrongUsage(Exception):
    """What the user gave cannot be read or means nothing; the text says what and is all that is needed. Exit code 2."""


COMMANDS: Final = (
    "check", "explain", "build", "run", "simulate", "connection", "deploy", "status", "start", "stop", "logs", "user", "pull",
    "boards", "flash", "watch", "hub", "lsp", "demo",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `rung` with the given words (by default the process's own) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    if words[0] == "--version":
        from rung import __version__

        print(f"rung {__version__}")
        return 0
    if words[0] not in COMMANDS:
        print(f"rung: there is no command '{words[0]}'.\n\n{overview()}", file=sys.stderr)
        return 2
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except WrongUsage as wrong:
        print(f"rung {words[0]}: {wrong}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; a second error on exit would only confuse.
        sys.stdout = None
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _mistake(error)
        sys.stdout = None
        print(f"rung {words[0]}: there is no space left to write to.", file=sys.stderr)
        return 2
    except Exception as error:
        return _mistake(error)
    return code


def _run(words: Sequence[str]) -> int:
    from argparse import ArgumentParser

    command = import_module(f"rung.cli.{words[0]}")
    parser = ArgumentParser(prog=f"rung {words[0]}", description=command.HELP)
    command.arguments(parser)
    # argparse takes all positional words in one place only, unless it is told otherwise.
    anywhere = getattr(command, "WORDS_ANYWHERE", False)
    code: int = command.run((parser.parse_intermixed_args if anywhere else parser.parse_args)(words[1:]))
    return code


def _mistake(error: Exception) -> int:
    """A defect of ours: one sentence; the traceback goes to whoever asks for it, for it may show a program's text."""
    import os
    import traceback

    if os.environ.get("RUNG_TRACEBACK"):
        traceback.print_exception(error)
    print(
        f"error[internal]: Rung made a mistake ({type(error).__name__}). Nothing more was done.\n"
        "  Run it again with RUNG_TRACEBACK=1 and report what it prints.",
        file=sys.stderr,
    )
    return 1


def overview() -> str:
    """Return the list of commands with a line on each."""
    lines = ["usage: rung COMMAND ...", "", "commands:"]
    lines += [f"  {name:<11} {import_module(f'rung.cli.{name}').HELP}" for name in COMMANDS]
    return "\n".join([*lines, "", "`rung COMMAND --help` says more."])
