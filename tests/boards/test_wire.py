"""The serial line: every answer is the one to its question, every request ends, and nothing waits in the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator

import pytest

from boards.firmware_double import MD5, FirmwareDouble
from rung.boards import rtu
from rung.boards.serial_log import SerialLog
from rung.boards.wire import SerialWire
from rung.runtimes.errors import Kind, RuntimeFailure

ASK_MD5 = bytes.fromhex("45adde0000")
MD5_ANSWER = b"\x45\x7e" + MD5.encode()


@pytest.fixture
def board() -> Iterator[FirmwareDouble]:
    with FirmwareDouble(b"\x01", b"\xd2\x04") as made:
        yield made


@pytest.fixture
async def wire(board: FirmwareDouble) -> AsyncIterator[SerialWire]:
    made = await SerialWire.open(board.port)
    yield made
    await made.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


# -- frames ------------------------------------------------------------------------------------------------------------


def test_a_request_carries_slave_and_checksum_and_has_at_least_six_bytes() -> None:
    # the checksum of the Modbus specification's own example
    assert rtu.crc16(bytes.fromhex("0207")) == 0x1241
    assert rtu.to_frame(1, ASK_MD5)[:6] == b"\x01" + ASK_MD5
    assert len(rtu.to_frame(1, b"\x41")) == 6


@pytest.mark.parametrize("before", [b"", b"boot\r\n", b"\x01\x45", rtu.to_frame(1, ASK_MD5), b"\x01\x44\x7e\x00"])
def test_an_answer_is_found_behind_whatever_came_before_it(before: bytes) -> None:
    frame = rtu.to_frame(1, MD5_ANSWER)
    assert rtu.find_answer(before + frame + b"tail", 1, 0x45, quiet=True) == (len(before), len(before) + len(frame))


def test_values_that_look_like_an_answer_are_not_taken_for_one() -> None:
    inner = rtu.to_frame(1, b"\x44\x7e" + bytes(6) + b"\x00\x01\x05")
    outer = rtu.to_frame(1, b"\x44\x7e" + bytes(6) + len(inner + b"12").to_bytes(2, "big") + inner + b"12")
    for cut in range(len(outer)):
        assert rtu.find_answer(outer[:cut], 1, 0x44, quiet=False) is None
    assert rtu.find_answer(outer, 1, 0x44, quiet=False) == (0, len(outer))


def test_an_answer_that_says_it_is_larger_than_any_frame_is_none() -> None:
    assert rtu.find_answer(bytes.fromhex("01447e000100000000ffff") + bytes(400), 1, 0x44, quiet=True) is None


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_a_question_is_answered(wire: SerialWire) -> None:
    assert await wire.ask(ASK_MD5) == MD5_ANSWER
    assert await wire.ask(b"\x41") == b"\x41\x00\x02"
    assert wire.last_answer is not None
    assert time.monotonic() - wire.last_answer < 1


async def test_any_number_may_ask_at_a_time(wire: SerialWire) -> None:
    lists = [bytes.fromhex(f"44000100{n:02x}") for n in (0, 1)]
    answers = await asyncio.gather(*(wire.ask(lists[n % 2]) for n in range(20)))
    assert [answer[10:] for answer in answers] == [b"\x01", b"\xd2\x04"] * 10


async def test_a_garbled_answer_is_asked_for_again(board: FirmwareDouble, wire: SerialWire) -> None:
    board.garbled = 1
    assert await wire.ask(ASK_MD5) == MD5_ANSWER
    assert board.requests == [ASK_MD5] * 2


async def test_a_silent_board_is_told_with_what_was_tried(board: FirmwareDouble, wire: SerialWire) -> None:
    board.silent = True
    failure = await failure_of(wire.ask(ASK_MD5, tries=1))
    assert failure.kind is Kind.TIMEOUT
    assert f"{board.port} does not answer at 115200 bits per second as slave 1" in failure.message
    assert "not known" in (await failure_of(wire.ask(bytes.fromhex("42000001000101"), tries=1))).message
    board.silent = False
    assert await wire.ask(ASK_MD5) == MD5_ANSWER


async def test_a_late_answer_is_not_taken_for_the_next(board: FirmwareDouble, wire: SerialWire) -> None:
    board.answer_after = 0.3
    assert (await failure_of(wire.ask(b"\x44\x00\x01\x00\x00", tries=1, patience=0.1))).kind is Kind.TIMEOUT
    board.answer_after = 0.0
    assert (await wire.ask(b"\x44\x00\x01\x00\x01"))[10:] == b"\xd2\x04"


async def test_a_cancelled_caller_leaves_no_late_answer_behind(board: FirmwareDouble, wire: SerialWire) -> None:
    board.answer_after = 0.1
    work = asyncio.create_task(wire.ask(b"\x44\x00\x01\x00\x00"))
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await wire.ask(b"\x44\x00\x01\x00\x01"))[10:] == b"\xd2\x04"


async def test_another_modbus_device_is_recognised(board: FirmwareDouble, wire: SerialWire) -> None:
    board.answer = lambda pdu: bytes((pdu[0] | 0x80, 1))  # type: ignore[method-assign]
    assert (await failure_of(wire.ask(ASK_MD5))).kind is Kind.NOT_OPENPLC


async def test_the_text_of_a_program_is_kept_and_answers_are_found_in_it(board: FirmwareDouble) -> None:
    log = SerialLog()
    wire = await SerialWire.open(board.port, log=log)
    board.say(b"motor starts\r\nmotor ")
    board.before = b"runs\n\xff\x01E"
    assert await wire.ask(ASK_MD5) == MD5_ANSWER
    await wire.aclose()
    assert [line.text for line in log.after()] == ["motor starts", "motor runs", "\\xffE"]
    assert [line.id for line in log.after(1)] == [2, 3]


async def test_a_device_that_never_stops_talking_is_not_listened_to_for_ever(
    board: FirmwareDouble, wire: SerialWire
) -> None:
    board.before = b"x" * 3000
    assert await wire.ask(ASK_MD5) == MD5_ANSWER


# -- ending ------------------------------------------------------------------------------------------------------------


async def test_a_port_that_vanishes_ends_what_is_under_way_and_is_told(board: FirmwareDouble, wire: SerialWire) -> None:
    told: asyncio.Future[RuntimeFailure] = asyncio.get_running_loop().create_future()
    wire.on_lost(told.set_result)
    board.silent = True
    work = asyncio.create_task(wire.ask(ASK_MD5, tries=20))
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    board.unplug()
    assert (await failure_of(work)).kind is Kind.LOST
    assert (await asyncio.wait_for(told, 1)).kind is Kind.LOST
    assert (await failure_of(wire.ask(ASK_MD5))).kind is Kind.LOST
    assert time.monotonic() - begun < 0.5
    assert wire.closed


async def test_a_port_that_vanishes_is_noticed_without_asking(board: FirmwareDouble, wire: SerialWire) -> None:
    told: asyncio.Future[RuntimeFailure] = asyncio.get_running_loop().create_future()
    wire.on_lost(told.set_result)
    board.unplug()
    assert (await asyncio.wait_for(told, 0.5)).kind is Kind.LOST


@pytest.mark.parametrize("unplugged", [False, True])
async def test_closing_ends_within_half_a_second(board: FirmwareDouble, wire: SerialWire, unplugged: bool) -> None:
    board.silent = True
    work = asyncio.create_task(wire.ask(ASK_MD5, tries=20))
    await asyncio.sleep(0.05)
    if unplugged:
        board.unplug()
    begun = time.monotonic()
    await wire.aclose()
    assert time.monotonic() - begun < 0.5
    assert (await failure_of(work)).kind is Kind.LOST
    assert (await failure_of(wire.ask(ASK_MD5))).kind is Kind.LOST
    await wire.aclose()


async def test_a_closed_port_can_be_opened_again(board: FirmwareDouble, wire: SerialWire) -> None:
    await wire.aclose()
    again = await SerialWire.open(board.port)
    assert await again.ask(ASK_MD5) == MD5_ANSWER
    await again.aclose()


async def test_a_port_that_is_not_there_is_told() -> None:
    failure = await failure_of(SerialWire.open("/dev/no-such-port"))
    assert failure.kind is Kind.DNS
    assert "/dev/no-such-port" in failure.message


async def test_a_port_that_another_program_has_is_told(board: FirmwareDouble, wire: SerialWire) -> None:
    await wire.ask(ASK_MD5)
    assert (await failure_of(SerialWire.open(board.port))).kind is Kind.BUSY


async def test_the_event_loop_goes_on_while_a_board_is_waited_for(board: FirmwareDouble, wire: SerialWire) -> None:
    board.silent = True
    work = asyncio.create_task(wire.ask(ASK_MD5, tries=1))
    beats, begun = 0, time.monotonic()
    while not work.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert (await failure_of(work)).kind is Kind.TIMEOUT
    assert beats > 0.5 * (time.monotonic() - begun) / 0.01
