"""`rung demo`: the main job on the simulator, start to finish, narrated."""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from rung.cli.program import load_program, print_diagnostics
from rung.cli.progress import progress_display
from rung.cli.session import report, run_async
from rung.ide.build import build, check_natively
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.runtimes.connection import Connection

HELP = "check, compile, download, start and verify an example on the simulator"
TARGET = "openplc-v4"
_SHOWN = ("STATE", "DWELL.ET", "CROSSINGS")
_SAMPLES = 3


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", type=Path, help="a program of your own; default: the traffic light")


def run(options: Namespace) -> int:
    began = time.monotonic()
    folder = options.path or example("traffic_light")
    loaded = load_program([folder])
    _say("check", f"{len(loaded.files)} file(s) of {folder.name}")
    built = build(loaded, TARGET)
    if built.artefact is None:
        print_diagnostics(loaded, built.diagnostics, sys.stderr)
        print(f"rung demo: {built.failure or 'the program has errors.'}", file=sys.stderr)
        return 1
    _say("build", f"{len(built.artefact.data)} bytes, MD5 {built.artefact.md5}")
    try:
        run_async(_tell(built.artefact, began))
    except RuntimeFailure as failure:
        return report(failure)
    return 0


def example(name: str) -> Path:
    """Return the folder of an example, in an installed package or in a clone."""
    package = Path(__file__).parents[1]
    return next(
        place / name for place in (package / "examples", package.parents[1] / "examples") if (place / name).is_dir()
    )


async def _tell(artefact: Artefact, began: float) -> None:
    from rung.runtimes.address import Address
    from rung.runtimes.connection import Connection
    from rung.runtimes.deploy import deploy
    from rung.runtimes.deployed import DeployedPrograms
    from rung.runtimes.pins import PinStore
    from rung.runtimes.profiles import Profile
    from rung.simulator import Simulator

    with tempfile.TemporaryDirectory(prefix="rung-demo-") as scratch:
        simulator = Simulator(Path(scratch) / "runtime", port=0)
        await simulator.start()
        connection = Connection(
            Profile("demo", Address(*simulator.address)), pins=PinStore(Path(scratch) / "pins.json")
        )
        try:
            _say("simulate", f"a runtime listens on {connection.profile.address}")
            outcome = await connection.connect()
            if outcome.certificate is None:
                raise RuntimeFailure(outcome.kind or Kind.INTERNAL, outcome.message, outcome.hint)
            _say("trust", f"its certificate {outcome.certificate.fingerprint[:23]}... is new: pinned")
            outcome = await connection.connect(trust=outcome.certificate.fingerprint)
            outcome = await connection.create_first_user("engineer", secrets.token_urlsafe(18))
            if outcome.state != "connected":
                raise RuntimeFailure(outcome.kind or Kind.INTERNAL, outcome.message, outcome.hint)
            _say("login", "first user created, connected")
            with progress_display() as show:
                found = await deploy(
                    connection,
                    artefact,
                    confirm=_yes,
                    precheck=check_natively,
                    progress=show,
                    deployed=DeployedPrograms(Path(scratch) / "deployed.json"),
                )
            if found.error is not None:
                raise found.error
            _say("verify", f"{found.plc}; MD5 read back {found.md5}: the runtime runs exactly this program")
            await _watch(connection, artefact)
        finally:
            await connection.disconnect()
            await simulator.stop()
    _say("done", f"in {time.monotonic() - began:.1f} s. Next: open examples/ in VS Code, or read `rung --help`")


async def _watch(connection: Connection, artefact: Artefact) -> None:
    leaves = artefact.leaves
    named = [leaf for leaf in leaves if leaf.path.endswith(_SHOWN) and leaf.path.count(".") <= 2]
    chosen = sorted(named or leaves, key=lambda leaf: leaf.path)[:3]
    types = {leaf.path: leaf.type for leaf in chosen}
    for _ in range(_SAMPLES):
        values = await connection.debug.read(chosen)
        _say("live", "   ".join(f"{path} = {_shown(value, types[path])}" for path, value in values.items()))
        await asyncio.sleep(0.4)


def _shown(value: object, kind: str) -> str:
    if kind == "TIME" and isinstance(value, int):
        return f"T#{value // 1_000_000}ms"
    return str(value).upper() if isinstance(value, bool) else str(value)


async def _yes(question: str) -> bool:
    return True


def _say(step: str, text: str) -> None:
    print(f"{step:<9} {text}", flush=True)
