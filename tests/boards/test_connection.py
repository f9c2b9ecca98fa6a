"""A connection to a board: what it says is true now, or it does not say it."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from boards.board_program import artefact_of, board_named, firmware_of
from boards.emulated import EmulatedBoard
from boards.firmware_double import MD5, FirmwareDouble, health_leaves
from boards.rfc2217 import Rfc2217Server
from rung.boards.connection import BoardConnection, BoardEvent, Health, State
from rung.codegen.artefact import Artefact, Leaf
from rung.runtimes.errors import Kind, RuntimeFailure

LAMP = Leaf(0, 0, "LAMP", "BOOL", 1)
LEVEL = Leaf(0, 1, "LEVEL", "INT", 2)
OURS = Artefact("uno", "program.zip", b"", MD5, (LAMP, LEVEL, *health_leaves(2)))
WELL = (*(struct.pack("<I", number) for number in (0, 180, 220, 0)), b"\0")


@pytest.fixture
def board() -> Iterator[FirmwareDouble]:
    with FirmwareDouble(b"\x01", b"\xd2\x04", *WELL, most_forces=2) as made:
        yield made


@pytest.fixture
async def connection(board: FirmwareDouble) -> AsyncIterator[BoardConnection]:
    made = BoardConnection(board.port, artefact=OURS, heartbeat=0.1, boot=1.0)
    yield made
    await made.close()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def until(true: Callable[[], object], within: float = 3.0) -> float:
    """Wait until something is true; returns how long that took."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < within, "it never came to be"
        await asyncio.sleep(0.01)
    return time.monotonic() - begun


async def test_connected_means_program_md5_and_scan_times_are_known(connection: BoardConnection) -> None:
    seen: list[BoardEvent] = []
    connection.on_change(seen.append)
    await connection.open()
    assert (connection.state, connection.md5, connection.in_sync) == (State.CONNECTED, MD5, True)
    await until(lambda: connection.health)
    health = connection.health
    assert health == Health(health.scans if health else 0, 180, 220, 0, 0, False)
    assert [event.state for event in seen[:2]] == [State.CONNECTING, State.CONNECTED]
    await connection.close()
    assert seen[-1] == BoardEvent(connection.port, State.DISCONNECTED)


async def test_a_board_that_restarts_when_its_port_is_opened_is_waited_for() -> None:
    with FirmwareDouble(b"\x01", *WELL, boots_in=1.0) as board:
        connection = BoardConnection(board.port)
        begun = time.monotonic()
        await connection.open()
        assert 0.9 < time.monotonic() - begun < 1.6
        assert board.restarts == 1
        assert connection.in_sync is None
        await connection.close()


async def test_a_bootloader_that_waits_for_bytes_gets_none() -> None:
    with FirmwareDouble(b"\x01", *WELL, boots_in=0.0) as board:
        connection = BoardConnection(board.port, board=board_named("mega"))
        opening = asyncio.create_task(connection.open())
        await asyncio.sleep(1.2)
        assert board.requests == []
        await opening
        assert connection.state is State.CONNECTED
        await connection.close()


async def test_a_silent_board_is_given_up_in_time(board: FirmwareDouble, connection: BoardConnection) -> None:
    board.silent = True
    begun = time.monotonic()
    failure = await failure_of(connection.open())
    assert 0.8 < time.monotonic() - begun < 2.0
    assert failure.kind is Kind.TIMEOUT
    assert (connection.state, connection.event.kind) == (State.ERROR, Kind.TIMEOUT)


async def test_another_program_that_prints_text_is_recognised(
    board: FirmwareDouble, connection: BoardConnection
) -> None:
    board.silent = True
    opening = asyncio.create_task(connection.open())
    await asyncio.sleep(0.2)
    board.say(b"temperature 21\r\n")
    failure = await failure_of(opening)
    assert failure.kind is Kind.NOT_OPENPLC
    assert "'temperature 21'" in failure.message


async def test_unplugging_is_noticed_at_once(board: FirmwareDouble, connection: BoardConnection) -> None:
    await connection.open()
    await connection.force(LAMP, False)
    board.unplug()
    assert await until(lambda: connection.state is State.DISCONNECTED) < 0.5
    assert connection.event.kind is Kind.LOST
    assert (connection.md5, connection.in_sync, connection.health, connection.forced) == (None, None, None, {})
    assert (await failure_of(connection.read([LAMP]))).kind is Kind.LOST


async def test_a_board_that_falls_silent_is_not_called_connected_and_comes_back(
    board: FirmwareDouble, connection: BoardConnection
) -> None:
    await connection.open()
    await until(lambda: connection.health)
    board.silent = True
    assert await until(lambda: connection.state is State.ERROR) < 1.5
    assert (connection.event.kind, connection.md5, connection.health) == (Kind.TIMEOUT, None, None)
    assert (await failure_of(connection.read([LAMP]))).kind is Kind.LOST
    board.silent = False
    await until(lambda: connection.state is State.CONNECTED and connection.health)
    assert connection.in_sync is True


async def test_a_long_reading_does_not_hide_that_the_board_is_silent(
    board: FirmwareDouble, connection: BoardConnection
) -> None:
    await connection.open()
    board.silent = True
    reading = asyncio.create_task(connection.read([LAMP]))
    assert await until(lambda: connection.state is State.ERROR) < 1.5
    assert (await failure_of(reading)).kind is Kind.TIMEOUT


async def test_a_board_with_another_program_shows_no_values(board: FirmwareDouble, connection: BoardConnection) -> None:
    board.md5 = "f" * 32
    await connection.open()
    assert (connection.state, connection.in_sync) == (State.CONNECTED, False)
    for work in (connection.read([LAMP]), connection.force(LAMP, True), connection.release(LAMP)):
        assert (await failure_of(work)).kind is Kind.NOT_OURS
    assert connection.health is None
    connection.use(Artefact("uno", "program.zip", b"", "f" * 32, OURS.leaves))
    assert connection.in_sync is True
    assert await connection.read([LEVEL]) == {"LEVEL": 1234}


async def test_a_restart_is_told_and_ends_what_was_forced(board: FirmwareDouble, connection: BoardConnection) -> None:
    await connection.open()
    await connection.force(LEVEL, 7)
    await until(lambda: connection.health and connection.health.scans > 5)
    board.md5 = "e" * 32  # whoever restarted it may have put another program into it
    board.restart()
    await until(lambda: connection.event.restarts == 1)
    assert connection.forced == {}
    await until(lambda: connection.in_sync is False)


async def test_what_the_watchdog_stopped_is_not_said_to_run(board: FirmwareDouble, connection: BoardConnection) -> None:
    await connection.open()
    board.values[6][:] = b"\x01"
    await until(lambda: connection.health and connection.health.halted)
    assert "outputs are off" in connection.event.message


async def test_forces_are_remembered_until_they_are_released(
    board: FirmwareDouble, connection: BoardConnection
) -> None:
    await connection.open()
    with pytest.raises(ValueError, match="cannot hold"):
        await connection.force(LEVEL, 70000)
    await connection.force(LEVEL, 7)
    assert await connection.read([LAMP, LEVEL]) == {"LAMP": True, "LEVEL": 7}
    assert list(connection.forced) == ["LEVEL"]
    await connection.release(LEVEL)
    assert (connection.forced, board.forces) == ({}, {})


@pytest.mark.parametrize("after", [0.0, 0.02, 0.3])
async def test_closing_while_it_opens_ends_both(
    board: FirmwareDouble, connection: BoardConnection, after: float
) -> None:
    board.silent = True
    opening = asyncio.create_task(connection.open())
    await asyncio.sleep(after)
    begun = time.monotonic()
    await connection.close()
    assert (await failure_of(opening)).kind in (Kind.LOST, Kind.CANCELLED)
    assert time.monotonic() - begun < 0.6
    assert connection.state is State.DISCONNECTED


async def test_a_connection_can_be_opened_again_after_it_gave_the_port_away(
    board: FirmwareDouble, connection: BoardConnection
) -> None:
    for _ in range(2):
        await connection.open()
        assert connection.state is State.CONNECTED
        await connection.close()


# -- with the real firmware, on an emulated chip -------------------------------------------------------------------------

_PROGRAM = """
PROGRAM Main
VAR
    Key AT %IX0.0 : BOOL;
    Lamp AT %QX0.0 : BOOL;
    Delay : TIME := T#1s500ms;
    Name : STRING[12] := 'pump';
    Table : ARRAY[0..49] OF INT;
    i : INT;
END_VAR
Lamp := Key;
FOR i := 0 TO 49 DO
    Table[i] := 3 * i;
END_FOR;
END_PROGRAM
"""


async def test_the_program_on_an_uno_is_watched_and_forced(tmp_path: Path) -> None:
    artefact = artefact_of(_PROGRAM, "uno")
    firmware = (await firmware_of(artefact)).files["program.hex"]
    leaves = {leaf.path: leaf for leaf in artefact.leaves}
    with EmulatedBoard("uno", tmp_path, firmware=firmware) as uno:
        connection = BoardConnection(uno.port, board=board_named("uno"), artefact=artefact)
        await connection.open()
        assert (connection.md5, connection.in_sync) == (artefact.md5, True)
        values = await connection.read(artefact.leaves)
        assert [values[f"MAIN.TABLE[{n}]"] for n in range(50)] == [3 * n for n in range(50)]
        assert (values["MAIN.DELAY"], values["MAIN.NAME"]) == (1_500_000_000, "pump")

        lamp, resets = leaves["MAIN.LAMP"], uno.resets
        await connection.force(lamp, True)
        await asyncio.to_thread(uno.await_level, "7", True, seconds=1)
        await connection.close()
        again = BoardConnection(uno.port, artefact=artefact)
        await again.open()
        assert uno.resets == resets  # a second opening does not disturb the program
        assert await again.read([lamp]) == {"MAIN.LAMP": True}
        await again.release(lamp)
        await asyncio.to_thread(uno.await_level, "7", False, seconds=1)

        assert again.health is not None
        scans = again.health.scans
        await until(lambda: again.health and again.health.scans > scans + 20)
        await again.force(leaves["MAIN.KEY"], True)
        await asyncio.to_thread(uno.await_level, "7", True, seconds=1)
        uno.reset()
        await until(lambda: again.event.restarts == 1 and again.state is State.CONNECTED, 6.0)
        assert again.forced == {}
        assert uno.pin("7") is False
        uno.unplug()
        assert await until(lambda: again.state is State.DISCONNECTED) < 1.5
        await again.close()


async def test_a_board_is_watched_over_the_network(tmp_path: Path) -> None:
    artefact = artefact_of(_PROGRAM, "uno")
    firmware = (await firmware_of(artefact)).files["program.hex"]
    with EmulatedBoard("uno", tmp_path, firmware=firmware, reset_on_open=False) as uno, Rfc2217Server(uno) as server:
        connection = BoardConnection(server.url, artefact=artefact)
        await connection.open()
        assert connection.in_sync is True
        assert len(await connection.read(artefact.leaves)) == len(artefact.leaves)
        begun = time.monotonic()
        await connection.close()
        assert time.monotonic() - begun < 0.6
