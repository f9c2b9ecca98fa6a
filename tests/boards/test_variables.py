"""Variables of a board's program: packed into its frames, read, forced, released, and refused in words."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Iterator

import pytest

from boards.firmware_double import MD5, FirmwareDouble
from rung.boards.variables import BoardVariables
from rung.boards.wire import SerialWire
from rung.codegen.artefact import Leaf
from rung.runtimes.errors import Kind, RuntimeFailure

LAMP = Leaf(0, 0, "LAMP", "BOOL", 1)
LEVEL = Leaf(0, 1, "LEVEL", "INT", 2)
DELAY = Leaf(0, 2, "DELAY", "TIME", 8)
NAME = Leaf(0, 3, "NAME", "STRING[20]", 21)
ALL = (LAMP, LEVEL, DELAY, NAME)


@pytest.fixture
def board() -> Iterator[FirmwareDouble]:
    with FirmwareDouble(
        b"\x01", b"\xd2\x04", bytes.fromhex("000000000065cd1d"), b"\x05hello".ljust(21, b"\0"), most_forces=2
    ) as made:
        yield made


@pytest.fixture
async def variables(board: FirmwareDouble) -> AsyncIterator[BoardVariables]:
    wire = await SerialWire.open(board.port)
    yield BoardVariables(wire)
    await wire.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_the_md5_of_the_running_program_is_read(variables: BoardVariables) -> None:
    assert await variables.md5() == MD5


async def test_values_are_read_whatever_their_types(variables: BoardVariables) -> None:
    assert await variables.read(ALL) == {"LAMP": True, "LEVEL": 1234, "DELAY": 500_000_000, "NAME": "hello"}


async def test_a_request_names_no_more_than_20_variables_and_goes_on_where_a_frame_was_full(
    board: FirmwareDouble, variables: BoardVariables
) -> None:
    board.values[:] = [bytearray(struct.pack("<q", n)) for n in range(45)]
    leaves = [Leaf(0, n, f"V{n}", "LINT", 8) for n in range(45)]
    assert await variables.read(leaves) == {f"V{n}": n for n in range(45)}
    asked = [struct.unpack(">H", request[1:3])[0] for request in board.requests]
    assert asked == [20, 6, 20, 6, 5]  # 14 values of 8 bytes fit into a frame of 128


async def test_a_variable_is_forced_and_released(board: FirmwareDouble, variables: BoardVariables) -> None:
    await variables.force(LEVEL, -5)
    await variables.force(DELAY, -2_500_000_000)
    assert await variables.read([LEVEL, DELAY]) == {"LEVEL": -5, "DELAY": -2_500_000_000}
    await variables.unforce(LEVEL)
    assert set(board.forces) == {2}


async def test_a_board_without_room_for_a_force_says_so(board: FirmwareDouble, variables: BoardVariables) -> None:
    await variables.force(LAMP, True)
    await variables.force(LEVEL, 1)
    failure = await failure_of(variables.force(DELAY, 1_000_000))
    assert failure.kind is Kind.BUSY
    assert "Release a variable" in failure.hint
    assert set(board.forces) == {0, 1}


async def test_a_force_that_another_took_away_is_noticed(board: FirmwareDouble, variables: BoardVariables) -> None:
    board.answer = lambda pdu: b"\x42\x7e" if pdu[0] == 0x42 else FirmwareDouble.answer(board, pdu)  # type: ignore[method-assign]
    failure = await failure_of(variables.force(LEVEL, 7))
    assert failure.kind is Kind.BUSY
    assert failure.message.startswith(f"The board on {board.port} says that it holds LEVEL")


async def test_a_variable_that_the_program_has_not_is_refused(variables: BoardVariables) -> None:
    more = Leaf(0, 4, "MORE", "INT", 2)
    for work in (variables.read([LAMP, more]), variables.force(more, 1), variables.unforce(more)):
        assert (await failure_of(work)).kind is Kind.NOT_OURS


async def test_values_of_other_sizes_are_not_shown(variables: BoardVariables) -> None:
    assert (await failure_of(variables.read([Leaf(0, 1, "LEVEL", "DINT", 4)]))).kind is Kind.NOT_OURS


async def test_a_variable_that_cannot_be_forced_is_not_sent(board: FirmwareDouble, variables: BoardVariables) -> None:
    with pytest.raises(ValueError, match="a board holds forced values of up to 8 bytes, and this one has 21"):
        await variables.force(Leaf(0, 3, "NAME", "STRING[20]", 21, False), "other")
    assert board.requests == []


async def test_an_answer_that_is_none_of_the_protocol_is_told(board: FirmwareDouble, variables: BoardVariables) -> None:
    board.answer = lambda pdu: b"\x45\x7e" + b"z" * 32  # type: ignore[method-assign]
    assert (await failure_of(variables.md5())).kind is Kind.NOT_OPENPLC


@pytest.mark.parametrize("value", [1_500_000, 2**31 * 1_000_000, -(2**31) * 1_000_000 - 1_000_000])
async def test_a_time_that_boards_do_not_keep_is_not_sent(
    board: FirmwareDouble, variables: BoardVariables, value: int
) -> None:
    with pytest.raises(ValueError, match="whole milliseconds, at most 24 days"):
        await variables.force(DELAY, value)
    assert board.requests == []
    await variables.force(DELAY, 1_000_000)
