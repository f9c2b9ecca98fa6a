"""The main job against the embedded runtime, which really compiles and really runs: the story of a first day with a device."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rung.codegen.artefact import Artefact, Leaf
from rung.runtimes.address import Address
from rung.runtimes.connection import Connection
from rung.runtimes.deploy import DeployReport, deploy
from rung.runtimes.errors import Kind
from rung.runtimes.profiles import Profile
from rung.runtimes.v4_session import Timeouts
from rung.simulator import Simulator
from runtimes.scripted_device import PASSWORD, QUICK, Events
from simulator.minimal_program import Program, crashing

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the simulator compiles with g++")

ONE = "0123456789abcdef0123456789abcdef"
TWO = "fedcba9876543210fedcba9876543210"
LAMP = Leaf(0, 0, "LAMP", "BOOL", 1)
COUNTER = Leaf(0, 1, "COUNTER", "UDINT", 4)
PATIENT = Timeouts(connect=5.0, answer=10.0, login=20.0, upload=30.0)


@pytest.fixture
async def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Simulator]:
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
    made = new_simulator(tmp_path)
    await made.start()
    yield made
    await made.stop()


def new_simulator(folder: Path, port: int = 0, token_life_s: int = 900) -> Simulator:
    return Simulator(
        folder / "device", port=port, token_life_s=token_life_s, transition_s=0.1, restart_s=0.4, discovery_port=0
    )


def connection_to(simulator: Simulator, heartbeat: float = 2.0) -> Connection:
    address = Address(*simulator.address)
    return Connection(Profile("line3", address), heartbeat=heartbeat, back_off=(0.2, 0.5), timeouts=PATIENT)


async def connect(connection: Connection) -> None:
    shown = (await connection.connect()).certificate
    assert shown is not None
    assert (await connection.connect("admin", PASSWORD, trust=shown.fingerprint)).state == "needs-first-user"
    assert (await connection.create_first_user("admin", PASSWORD)).state == "connected"


async def yes(question: str) -> bool:
    return True


async def download(connection: Connection, program: Program) -> DeployReport:
    artefact = Artefact("openplc-v4", "program.zip", program.zip(), program.md5, (LAMP, COUNTER))
    return await deploy(connection, artefact, confirm=yes, progress=lambda step: None, poll=0.1)


async def test_from_a_new_device_to_a_verified_program_and_back_after_a_power_cut(
    simulator: Simulator, tmp_path: Path
) -> None:
    connection = connection_to(simulator)
    port = simulator.address[1]
    await connect(connection)
    assert connection.plc == "EMPTY"

    report = await download(connection, Program(ONE))
    assert (report.ok, report.plc, report.verified, report.md5, report.error) == (True, "RUNNING", True, ONE, None)

    values = await connection.debug.read([LAMP, COUNTER])
    assert values["LAMP"] is False
    assert isinstance(values["COUNTER"], int)
    await connection.debug.force(COUNTER, 7)
    assert (await connection.debug.read([COUNTER]))["COUNTER"] == 7
    await connection.debug.unforce(COUNTER)
    assert (await connection.status()).tasks[0].name == "fast"

    assert (await connection.client.stop()).plc == "STOPPED"

    events = Events(connection)
    await simulator.stop()
    assert (await events.wait_for("error", seconds=8.0)).kind is Kind.LOST
    again = new_simulator(tmp_path, port)
    await again.start()
    try:
        await events.wait_for("connected", seconds=8.0)
        assert await connection.debug.md5() == ONE
    finally:
        await connection.disconnect()
        await again.stop()


async def test_a_second_program_replaces_the_first(simulator: Simulator) -> None:
    connection = connection_to(simulator)
    await connect(connection)
    assert (await download(connection, Program(ONE))).ok
    report = await download(connection, Program(TWO))
    assert (report.verified, report.md5) == (True, TWO)
    await connection.disconnect()


async def test_a_program_that_crashes_is_told_with_the_devices_own_words(simulator: Simulator) -> None:
    connection = connection_to(simulator)
    await connect(connection)
    report = await download(connection, crashing(3, ONE))
    assert report.error is not None
    assert (report.error.kind, report.plc, report.verified) == (Kind.CRASHED, "ERROR", False)
    assert "signal 11" in report.error.message
    await connection.disconnect()


async def test_the_old_program_after_a_crash_is_never_taken_for_the_new_one(simulator: Simulator) -> None:
    simulator.faults.old_program_after_crash = True
    connection = connection_to(simulator)
    await connect(connection)
    assert not (await download(connection, crashing(3, ONE))).ok
    report = await download(connection, Program(TWO))
    assert report.error is not None
    assert (report.error.kind, report.md5, report.verified) == (Kind.NOT_OURS, ONE, False)
    await connection.disconnect()


async def test_a_failed_compile_on_the_device_leaves_no_program_and_says_so(simulator: Simulator) -> None:
    connection = connection_to(simulator)
    await connect(connection)
    assert (await download(connection, Program(ONE))).ok
    broken = Program(TWO, files={"broken.cpp": '#line 7 "main.st"\nint broken( {\n'})
    artefact = Artefact("openplc-v4", "program.zip", broken.zip(), TWO, (), {"main.st": "/plant/main.st"})
    report = await deploy(connection, artefact, confirm=yes, progress=lambda step: None, poll=0.1)
    assert report.error is not None
    assert (report.error.kind, report.plc) == (Kind.COMPILE_FAILED, "STOPPED")
    assert {(d.file, d.line) for d in report.diagnostics if d.severity == "error"} == {("/plant/main.st", 7)}
    await connection.disconnect()


async def test_a_download_outlives_many_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
    simulator = new_simulator(tmp_path, token_life_s=1)
    await simulator.start()
    try:
        connection = connection_to(simulator)
        await connect(connection)
        assert (await download(connection, Program(ONE))).verified
        await connection.disconnect()
    finally:
        await simulator.stop()


async def test_a_device_that_dies_in_its_compile_is_not_known(simulator: Simulator) -> None:
    simulator.faults.die_in_compile = True
    connection = Connection(Profile("line3", Address(*simulator.address)), heartbeat=0.2, timeouts=QUICK)
    await connect(connection)
    report = await download(connection, Program(ONE))
    assert report.error is not None
    assert (report.stage, report.verified) == ("compile", False)
    assert report.error.kind in (Kind.REFUSED, Kind.LOST)
    await connection.disconnect()
