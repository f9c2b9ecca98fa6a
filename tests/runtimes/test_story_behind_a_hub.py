"""A machine behind a real hub and an agent in a process of its own: what an older agent can do, and what is true when the way is cut."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rung.runtimes.capabilities import Line
from rung.runtimes.errors import Kind, RuntimeFailure
from runtimes.every_runtime import HubbedMachine, arrive, compile_once, download, leaf_of, program
from runtimes.hubbed_machine import SimulatorBehindHub
from runtimes.scripted_device import Events

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the simulators compile with g++")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture
async def behind(
    compiled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[SimulatorBehindHub]:
    """The runtime, its hub and its agent, which is of the line that the test names, by default the one that relays frames."""
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
    compile_once(compiled, monkeypatch)
    made = SimulatorBehindHub(tmp_path / "device", "v4.1.4", getattr(request, "param", "raw-debug"))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def machine(behind: SimulatorBehindHub, tmp_path: Path) -> HubbedMachine:
    return HubbedMachine(Line.V4_1, "v4.1.4", behind, tmp_path / "device")


@pytest.mark.parametrize("behind", ["main"], indirect=True)
async def test_an_agent_that_translates_lets_a_program_be_verified_and_no_variable_be_read(
    machine: HubbedMachine,
) -> None:
    connection = machine.connection()
    assert (await arrive(machine, connection)).state == "connected"
    ours = program()(connection.capabilities)
    report = await download(connection, ours)
    assert (report.error, report.ok, report.verified, report.md5) == (None, True, True, ours.md5)
    with pytest.raises(RuntimeFailure) as caught:
        await connection.debug.read([leaf_of(ours, "COUNTER")])
    assert caught.value.kind is Kind.TOO_OLD
    await connection.disconnect()


async def test_an_agent_that_dies_with_the_upload_leaves_it_open_and_the_true_state_is_shown_when_it_is_back(
    machine: HubbedMachine, behind: SimulatorBehindHub
) -> None:
    connection = machine.connection()
    await arrive(machine, connection)
    events = Events(connection)
    behind.agent.faults(die="after api/upload-file")
    report = await download(connection, program())
    assert report.error is not None
    assert (report.error.kind, report.ok, report.verified, report.plc) == (Kind.LOST, False, False, None)
    assert "is not known" in report.error.message
    await asyncio.to_thread(behind.agent.wait_ended)
    lost = await events.wait_for("error", Kind.LOST)
    assert "offline" in lost.message
    behind.agent.faults()
    behind.agent.start()
    # the program had arrived: the machine has compiled it, and stands, for nobody has started it
    back = await events.wait_for("connected", seconds=20.0)
    assert back.plc in ("STOPPED", "EMPTY", "INIT")
    again = await download(connection, program())
    assert (again.error, again.verified) == (None, True)
    await connection.disconnect()


async def test_an_offline_orchestrator_is_told_at_once_and_its_program_runs_on(
    machine: HubbedMachine, behind: SimulatorBehindHub
) -> None:
    connection = machine.connection()
    await arrive(machine, connection)
    ours = program()(connection.capabilities)
    assert (await download(connection, ours)).verified
    await connection.disconnect()
    async with behind.client() as client:
        events = client.events()
        assert (await anext(events)).kind == "resync"
        behind.agent.kill()
        told = await asyncio.wait_for(anext(events), 30)
        assert (told.kind, told.data.get("online")) == ("orchestrator", False)
    began = time.monotonic()
    outcome = await connection.connect(machine.user, machine.password)
    assert (outcome.state, outcome.kind) == ("error", Kind.UNREACHABLE)
    assert "last seen" in outcome.message
    assert time.monotonic() - began < 2.0
    assert (await machine.truth((ours,))).runs == ours.md5


async def test_a_name_that_means_another_machine_after_a_break_is_noticed(
    machine: HubbedMachine, behind: SimulatorBehindHub
) -> None:
    connection = machine.connection()
    await arrive(machine, connection)
    events = Events(connection)
    behind.agent.cut()
    async with behind.client() as client:
        (hall,) = await client.orchestrators()
        (press,) = hall.vplcs
        await client.rename_vplc(hall.id, press.id, "Old press")
        await behind.add_vplc("Press")
    await behind.hub.stop()
    await events.wait_for("error", Kind.LOST)
    await behind.start_hub()
    other = await events.wait_for("error", Kind.NOT_OURS, seconds=30.0)
    assert "another vPLC has got that name" in other.message
    await connection.disconnect()
