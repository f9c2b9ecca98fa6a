"""`rung hub audit`: who did what to which machine."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from rung.cli.hub_session import hub_arguments, show, signed_in
from rung.cli.session import run_async

HELP = "show who did what to which machine"
_MOST = 1000


def arguments(parser: ArgumentParser) -> None:
    parser.epilog = "It takes the role 'admin' or a higher one. The newest row comes last, as in a log."
    parser.add_argument(
        "--limit", type=_limit, default=200, metavar="N", help=f"how many rows, up to {_MOST}; default: 200"
    )
    hub_arguments(parser)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST):
        raise ArgumentTypeError(f"{text[:20]!r} is no number from 1 to {_MOST}")
    return int(text)


def run(options: Namespace) -> int:
    return run_async(_run(options))


async def _run(options: Namespace) -> int:
    async with signed_in(options) as client:
        rows = await client.audit(options.limit)
        if options.json:
            return show(options, {"rows": list(rows)}, "")
        found = await client.orchestrators()
    names = {one.id: one.name for one in found} | {vplc.id: vplc.name for one in found for vplc in one.vplcs}
    lines = []
    for row in reversed(rows):
        machine = "/".join(names.get(str(row[key]), str(row[key])) for key in ("orchestrator", "vplc") if row.get(key))
        words = [str(row.get(key) or "") for key in ("at", "user", "action")] + [machine, str(row.get("outcome") or "")]
        detail = row.get("detail")
        lines.append("  ".join(word for word in words if word) + (f": {detail}" if detail else ""))
    return show(options, {}, "\n".join(lines) or "Nothing was done yet.")
