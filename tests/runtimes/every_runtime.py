"""A machine of every line that a user may have, played by the embedded runtime of that line, and how a user gets a program onto it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rung.codegen.artefact import Artefact, Leaf
from rung.codegen.build import build_artefact
from rung.codegen.sources import SourceMap
from rung.ide.build import build
from rung.project.snapshot import load
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities, Line
from rung.runtimes.connection import Connection, Outcome
from rung.runtimes.deploy import DeployReport, deploy
from rung.runtimes.profiles import Profile
from rung.runtimes.v4_session import Timeouts
from rung.semantics.model import Program as TypedProgram
from rung.simulator import Simulator
from rung.simulator.build import Builder, find_program
from rung.simulator.machine import State
from rung.simulator.recipe import GENERATED, NEW_LIBRARY
from rung.simulator.v3 import V3Simulator, iec2c
from rung.simulator.v3 import compiler as v3_compiler
from runtimes.hubbed_machine import SimulatorBehindHub
from runtimes.scripted_device import PASSWORD
from simulated import own_port

PATIENT = Timeouts(connect=5.0, answer=15.0, login=20.0, upload=30.0, settle=20.0, watch=0.5)

MAIN = """\
PROGRAM Main
VAR
    lamp AT %QX0.0 : BOOL;
END_VAR
VAR
    counter : UDINT;
END_VAR
    counter := counter + UDINT#1;
    lamp := (counter MOD UDINT#2) = UDINT#1;
END_PROGRAM
"""
OTHER = MAIN.replace("UDINT#2", "UDINT#3")
CONFIGURATION = """
CONFIGURATION Config0
    RESOURCE Res0 ON PLC
        TASK fast (INTERVAL := T#20ms, PRIORITY := 1);
        PROGRAM instance0 WITH fast : Main;
    END_RESOURCE
END_CONFIGURATION
"""

Program = Callable[[Capabilities], Artefact]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a machine really does, looked up behind its back.

    Attributes:
        runs: the MD5 of the program that runs; None when none does.
        holds: the MD5s of those of our programs that a start would run; there is one at most.
    """

    runs: str | None
    holds: frozenset[str]


@dataclass
class Machine:
    """A machine of one line, and how a user gets there."""

    line: Line
    version: str
    simulator: Simulator | V3Simulator
    folder: Path
    user: str = "admin"
    password: str = PASSWORD

    @property
    def address(self) -> Address:
        """Where it is while it is switched on."""
        if self.line is Line.V3_WEB:
            assert isinstance(self.simulator, V3Simulator)
            return Address(*self.simulator.web_address, "http")
        return Address(*self.simulator.address)

    def connection(self, timeouts: Timeouts = PATIENT, heartbeat: float = 0.5) -> Connection:
        """A connection that nobody has connected yet."""
        profile = Profile("line3", self.address)
        return Connection(profile, heartbeat=heartbeat, back_off=(0.2, 0.5), timeouts=timeouts)

    @property
    def busy(self) -> bool:
        """Whether it compiles, starts or stops a program at this moment."""
        if isinstance(self.simulator, V3Simulator):
            assert self.simulator._runtime is not None
            return self.simulator._runtime.compiling
        machine, builder = self.simulator._running_machine(), self.simulator._builder
        compiles = builder is not None and builder._task is not None and not builder._task.done()
        return compiles or machine._transition is not None or machine.state is State.INIT

    async def truth(self, programs: tuple[Artefact, ...]) -> Truth:
        """What it really does; `programs` are those that it may have."""
        if isinstance(self.simulator, V3Simulator):
            runtime = self.simulator._runtime
            assert runtime is not None
            plc = runtime.plc
            holds = {p.md5 for p in programs if p.md5 == runtime._binary.md5}
            return Truth(None if plc is None else plc.binary.md5, frozenset(holds))
        machine = self.simulator._running_machine()
        runs = None
        if machine.state is State.RUNNING:
            answer = await machine.command("DEBUG:45 DE AD 00 00") or ""
            runs = bytes.fromhex(answer.removeprefix("DEBUG:"))[2:34].decode("ascii")
        folder = self.folder / "runtime"
        library = find_program(folder)
        held = b"" if library is None else (folder / library).read_bytes()
        return Truth(runs, frozenset(p.md5 for p in programs if p.md5.encode() in held))


def _v4(line: Line, version: str) -> Callable[[Path], Machine]:
    def made(folder: Path) -> Machine:
        simulator = Simulator(folder, port=0, version=version, transition_s=0.1, restart_s=0.4, discovery_port=0)
        return Machine(line, version, simulator, folder)

    return made


def _v3(line: Line) -> Callable[[Path], Machine]:
    def made(folder: Path) -> Machine:
        rest = line is Line.V3
        simulator = V3Simulator(folder, port=0, web_port=0, modbus_port=own_port(), rest=rest, transition_s=0.1)
        web_user = {} if rest else {"user": "openplc", "password": "openplc"}
        return Machine(line, "v3", simulator, folder, **web_user)

    return made


@dataclass
class HubbedMachine(Machine):
    """A machine behind a hub."""

    @property
    def address(self) -> Address:
        """Where it is while it is switched on."""
        assert isinstance(self.simulator, SimulatorBehindHub)
        return self.simulator.behind

    def connection(self, timeouts: Timeouts = PATIENT, heartbeat: float = 0.5) -> Connection:
        """A connection that nobody has connected yet, of a user who is signed in to the hub."""
        assert isinstance(self.simulator, SimulatorBehindHub)
        profile = Profile("line3", self.address)
        hubs = self.simulator.hubs
        return Connection(profile, hubs=hubs, heartbeat=heartbeat, back_off=(0.2, 0.5), timeouts=timeouts)


def _behind_hub(line: Line, version: str) -> Callable[[Path], Machine]:
    def made(folder: Path) -> Machine:
        return HubbedMachine(line, version, SimulatorBehindHub(folder, version, "raw-debug"), folder)

    return made


DIRECT: dict[str, Callable[[Path], Machine]] = {
    "v4.1": _v4(Line.V4_1, "v4.1.4"),
    "v4.2": _v4(Line.V4_1, "v4.2.3"),
    "v4.0": _v4(Line.V4_0, "v4"),
    "v3-rest": _v3(Line.V3),
    "v3-web": _v3(Line.V3_WEB),
}
"""Machines that are reached as they are."""
MACHINES = {**DIRECT, "v4.1-hub": _behind_hub(Line.V4_1, "v4.1.4")}


async def arrive(machine: Machine, connection: Connection) -> Outcome:
    """The first connection: trust and first user where the line has them, the default account where it has not."""
    if not machine.address.is_encrypted:
        outcome = await connection.connect()
        assert (outcome.state, outcome.encrypted) == ("needs-login", False)
        return await connection.connect(machine.user, machine.password)
    if machine.address.through_hub:
        assert (await connection.connect()).state == "needs-first-user"
        return await connection.create_first_user(machine.user, machine.password)
    shown = (await connection.connect()).certificate
    assert shown is not None
    assert (await connection.connect(trust=shown.fingerprint)).state == "needs-first-user"
    return await connection.create_first_user(machine.user, machine.password)


async def come_again(machine: Machine, connection: Connection) -> Outcome:
    """A later connection, to a machine that is set up already; its certificate is trusted as it is now."""
    shown = (await connection.connect()).certificate
    trust = shown.fingerprint if shown is not None else None
    return await connection.connect(machine.user, machine.password, trust=trust)


@lru_cache(maxsize=16)
def _built(text: str, target: str) -> Artefact:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "main.st"
        source.write_text(text + CONFIGURATION, encoding="utf-8")
        found = build(load([source]), target)
    assert found.artefact is not None, (found.failure, found.diagnostics)
    return found.artefact


def program(text: str = MAIN) -> Program:
    """What builds a program for the machine that is there."""
    return lambda capabilities: _built(text, capabilities.target)


async def download(connection: Connection, program: Program | Artefact, asked: list[str] | None = None) -> DeployReport:
    """Deploy a program, saying yes to every question."""

    async def yes(question: str) -> bool:
        if asked is not None:
            asked.append(question)
        return True

    return await deploy(connection, program, confirm=yes, progress=lambda step: None, poll=0.2, settle=0.3)


def no(asked: list[str]) -> Callable[[str], Awaitable[bool]]:
    """An answer to questions, which are noted."""

    async def refuse(question: str) -> bool:
        asked.append(question)
        return False

    return refuse


def leaf_of(program: Artefact, name: str) -> Leaf:
    """The variable whose path ends so."""
    return next(leaf for leaf in program.leaves if leaf.path.endswith(name))


# -- many machines in little time ----------------------------------------------------------------------------------


def compile_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the simulators' compiler keep what it made in `folder`: the same sources give the same library without another run."""
    compile_really = Builder._compile_all

    async def compile_all(builder: Builder) -> None:
        digest = hashlib.sha256()
        generated = builder._folder / GENERATED
        for path in sorted(p for p in generated.rglob("*") if p.is_file()):
            digest.update(str(path.relative_to(generated)).encode() + b"\0" + path.read_bytes())
        library, kept = builder._folder / NEW_LIBRARY, folder / digest.hexdigest()
        if not kept.is_file():
            await compile_really(builder)
            shutil.copyfile(library, kept)
        library.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, library)

    monkeypatch.setattr(Builder, "_compile_all", compile_all)
    monkeypatch.setattr(v3_compiler, "judge", _judge)
    monkeypatch.setattr(v3_compiler, "build_artefact", _artefact)


_judge = lru_cache(maxsize=8)(iec2c.judge)
_ARTEFACTS: dict[int, tuple[TypedProgram, Artefact]] = {}


def _artefact(typed: TypedProgram, target: str, sources: SourceMap) -> Artefact:
    """Build what the v3 compiler has judged; a judgement that is remembered is built once."""
    if id(typed) not in _ARTEFACTS:
        _ARTEFACTS[id(typed)] = (typed, build_artefact(typed, target, sources))
    return _ARTEFACTS[id(typed)][1]


def copy_of(template: Path, folder: Path) -> None:
    """A device like another one: same certificate, users and program. A v3 starts its program with its power and has a port of its own."""
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("lock"))
    installation = folder / "installation.json"
    if installation.is_file():
        content = json.loads(installation.read_bytes())
        content["settings"] |= {"modbus_port": own_port(), "start_run_mode": True}
        installation.write_text(json.dumps(content))
