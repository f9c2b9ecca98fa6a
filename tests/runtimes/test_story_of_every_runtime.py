"""The main job against every runtime that a user may have, each played by the embedded runtime of its line, which really compiles and
really runs: from a machine that is only an address to a verified program, and what is true when something stands in the way."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rung.runtimes.deploy import deploy
from rung.runtimes.errors import Kind
from rung.runtimes.machine import PlcState
from runtimes.every_runtime import MACHINES, OTHER, Machine, arrive, download, leaf_of, no, program

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the simulators compile with g++")


@pytest.fixture(params=MACHINES)
async def machine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Machine]:
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
    made = MACHINES[request.param](tmp_path / "device")
    await made.simulator.start()
    yield made
    await made.simulator.stop()


async def test_from_an_address_to_a_verified_program_and_back_to_a_machine_that_stands(
    machine: Machine,
) -> None:
    connection = machine.connection()
    assert (await arrive(machine, connection)).state == "connected"
    assert (connection.capabilities.line, connection.capabilities.version) == (machine.line, machine.version)
    ours = program()(connection.capabilities)

    report = await download(connection, ours)
    assert (report.error, report.note, report.diagnostics) == (None, None, ())
    assert (report.ok, report.plc, report.verified, report.md5) == (True, "RUNNING", True, ours.md5)

    counter = leaf_of(ours, "COUNTER")
    before = (await connection.debug.read([counter]))[counter.path]
    assert isinstance(before, int)
    await connection.debug.force(counter, 7)
    assert (await connection.debug.read([counter]))[counter.path] == 7
    await connection.debug.unforce(counter)

    status = await connection.status()
    assert status.state is PlcState.RUNNING
    assert bool(status.tasks) == connection.capabilities.statistics
    assert (await connection.client.logs()).entries

    asked: list[str] = []
    other = program(OTHER)(connection.capabilities)
    second = await deploy(
        connection, other, confirm=no(asked), progress=lambda step: None, workspace="another", poll=0.2
    )
    assert second.error is not None
    assert second.error.kind is Kind.CANCELLED
    assert "is running a program" in asked[0]
    assert "somebody else's" in asked[0]
    assert (await connection.debug.md5()) == ours.md5

    assert (await connection.client.stop()).state.stands
    assert await connection.debug.md5() is None
    assert (await connection.client.start()).state is PlcState.RUNNING
    assert await connection.debug.md5() == ours.md5
    await connection.disconnect()


async def test_a_wrong_password_is_told_as_such_and_the_right_one_works_then(machine: Machine) -> None:
    connection = machine.connection()
    await arrive(machine, connection)
    await connection.disconnect()
    refused = await connection.connect(machine.user, "wrong")
    assert (refused.state, refused.kind) == ("error", Kind.CREDENTIALS)
    assert (await connection.connect(machine.user, machine.password)).state == "connected"
    await connection.disconnect()


async def test_a_machine_that_dies_while_it_compiles_is_lost_and_nothing_is_claimed(
    machine: Machine,
) -> None:
    connection = machine.connection()
    await arrive(machine, connection)
    machine.simulator.faults.die_in_compile = True
    report = await download(connection, program())
    assert report.error is not None
    assert (report.ok, report.verified, report.plc) == (False, False, None)
    assert report.error.kind in (Kind.REFUSED, Kind.LOST, Kind.TIMEOUT)
    assert "is not known" in report.error.message
    await connection.disconnect()
