"""`rung hub`: the place where orchestrators and engineers meet. Each action is a module of its own, `rung.cli.hub_ACTION`, imported when it is
asked for: the hub's libraries are an extra that other users of Rung do not have."""

from __future__ import annotations

import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from importlib import import_module
from typing import Final

from rung.cli import WrongUsage
from rung.cli.session import report
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure

HELP = "run a hub for orchestrators, and use one"
ACTIONS: Final = ("init", "serve", "user", "login", "orchestrator", "vplc", "audit")
_EXTRA: Final = frozenset({"alembic", "prometheus_client", "psycopg", "redis", "sqlalchemy"})


def arguments(parser: ArgumentParser) -> None:
    parser.epilog = (
        f"Actions: {', '.join(ACTIONS)}. `rung hub` alone says what each does, `rung hub ACTION --help` how."
    )
    parser.add_argument("action", nargs="?", metavar="ACTION")
    parser.add_argument("words", nargs=REMAINDER, metavar="...", help="what the action takes")


def run(options: Namespace) -> int:
    if options.action not in ACTIONS:
        wrong = "" if options.action is None else f"rung hub: there is no action '{options.action}'.\n\n"
        print(f"{wrong}{_overview()}", file=sys.stderr)
        return 2
    try:
        action = import_module(f"rung.cli.hub_{options.action}")
        parser = ArgumentParser(prog=f"rung hub {options.action}", description=action.HELP)
        action.arguments(parser)
        chosen = parser.parse_args(options.words)
        code: int = action.run(chosen)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise WrongUsage(
            f"this computer has no {missing.name}, which `rung hub {options.action}` needs: "
            'install it with `pip install "rung[hub]"`.'
        ) from None
    except RuntimeFailure as failure:
        code = report(failure, getattr(chosen, "json", False)) if not _wrong(failure) else _say(failure, chosen)
    except WrongUsage as wrong:
        code = _say(RuntimeFailure(Kind.INTERNAL, str(wrong), f"Read `{parser.prog} --help`."), chosen)
    return code


def _wrong(failure: RuntimeFailure) -> bool:
    """Whether a hub refused what was asked for: a name that is taken, a word that it does not know. That is no mistake of Rung."""
    return isinstance(failure, NotRelayed) and failure.kind is Kind.INTERNAL


def _say(wrong: RuntimeFailure, options: Namespace) -> int:
    """Tell of wrong usage, in JSON where that is asked for, and return its exit code."""
    if getattr(options, "json", False):
        report(wrong, as_json=True)
    else:
        hint = "" if wrong.hint in wrong.message else f"\n  {wrong.hint}"
        print(f"rung hub: {wrong.message}{hint}", file=sys.stderr)
    return 2


def _overview() -> str:
    lines = ["usage: rung hub ACTION ...", "", "actions:"]
    lines += [f"  {name:<13} {import_module(f'rung.cli.hub_{name}').HELP}" for name in ACTIONS]
    return "\n".join([*lines, "", "`rung hub ACTION --help` says more."])
