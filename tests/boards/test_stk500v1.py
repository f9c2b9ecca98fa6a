"""The built-in uploader against a double of the bootloader, which can break in ways that the real one on an emulated chip does not."""

from __future__ import annotations

import asyncio
import termios
from dataclasses import replace

import pytest
import serial

from boards.bootloader_double import BootloaderDouble
from boards.firmwares import firmware, image, intel_hex
from rung.boards.ports import open_port
from rung.boards.progress import FlashProgress
from rung.boards.uploaders import stk500v1, upload, uploaders_for
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, find_board

PAGES = 5
IMAGE = image(PAGES * 128 - 40)
LOOP = b"\xff\xcf"


def uno() -> Board:
    board = find_board("uno")
    assert board is not None
    return board


async def flash(
    double: BootloaderDouble, board: Board | None = None, data: bytes = IMAGE, **more: object
) -> list[FlashProgress]:
    steps: list[FlashProgress] = []
    cancel = more.get("cancel")
    assert cancel is None or isinstance(cancel, asyncio.Event)
    port = await upload(
        firmware("uno", program__hex=intel_hex(data)),
        board or uno(),
        double.port,
        uploader="stk500v1",
        progress=steps.append,
        cancel=cancel,
    )
    assert port == double.port
    return steps


async def refused(double: BootloaderDouble, board: Board | None = None, data: bytes = IMAGE) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await flash(double, board, data)
    return caught.value


async def test_a_program_is_written_compared_and_started() -> None:
    with BootloaderDouble() as double:
        steps = await flash(double)
    assert double.flash[: len(IMAGE)] == IMAGE
    assert double.started
    fractions = [step.fraction for step in steps if step.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {step.stage for step in steps} == {"upload"}


async def test_flash_behind_the_program_is_not_touched() -> None:
    with BootloaderDouble() as double:
        await flash(double)
    assert set(double.flash[PAGES * 128 :]) == {0xAA}


async def test_the_first_page_is_a_loop_until_the_last_write() -> None:
    """A board that loses power half-way must not run half of a program."""
    with BootloaderDouble() as double:
        await flash(double)
    assert double.written == [0, 128, 256, 384, 512, 0]
    with BootloaderDouble(unplug_after=3) as double:
        failure = await refused(double)
    assert double.flash[:128] == LOOP.ljust(128, b"\xff")
    assert failure.kind is Kind.LOST
    assert failure.message.endswith(
        "The board has no whole program now and leaves its outputs off; its bootloader is still there, so upload again."
    )


async def test_what_a_running_program_sends_is_not_taken_for_an_answer() -> None:
    with BootloaderDouble(first_words=b"\x14temperature: 21\r\n\x14\x10" * 5) as double:
        await flash(double)
    assert double.started


async def test_a_board_whose_port_was_kept_from_hanging_up_is_restarted_all_the_same() -> None:
    """Who watches a board asks for that, so that closing and opening its port does not stop its program."""
    with BootloaderDouble() as double:
        port = open_port(double.port, 115200)
        assert isinstance(port, serial.Serial)
        settings = termios.tcgetattr(port.fileno())
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
        await asyncio.sleep(0.05)
        port.close()
        await asyncio.sleep(0.05)
        await flash(double)
    assert double.started


async def test_a_bootloader_that_a_question_came_to_too_early_is_restarted() -> None:
    """It answers a first time and then restarts itself. Whoever opens a port anew restarts it twice."""
    with BootloaderDouble(confused=2) as double:
        await flash(double)
    assert double.started
    assert double.restarts > 2


async def test_one_that_stays_confused_is_given_up_with_the_program_as_it_was() -> None:
    with BootloaderDouble(confused=99) as double:
        failure = await refused(double)
    assert failure.kind is Kind.TIMEOUT
    assert "answered something else" in failure.message
    assert "was not changed" in failure.message
    assert double.written == []


async def test_another_chip_is_refused_by_its_signature_and_named() -> None:
    with BootloaderDouble(signature="1e9801") as double:
        failure = await refused(double)
    assert failure.kind is Kind.NOT_OURS
    assert "1e9801" in failure.message
    assert "Arduino Mega 2560" in failure.message
    assert failure.message.endswith("The program on the board was not changed.")
    assert double.written == []


async def test_a_bootloader_of_another_speed_is_named_as_a_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stk500v1, "_SYNC_SECONDS", (0.1, 0.1, 0.1))
    with BootloaderDouble(baud=57600) as double:
        failure = await refused(double)
    assert failure.kind is Kind.TIMEOUT
    assert "did not answer at 115200 bits per second. The program on the board was not changed." in failure.message
    assert "try board nano-old (57600)" in failure.hint


async def test_the_board_row_says_the_speed() -> None:
    with BootloaderDouble(baud=57600) as double:
        await flash(double, replace(uno(), upload={"baud": 57600}))
    assert double.started


async def test_a_page_that_reads_back_otherwise_is_a_failure_and_the_board_stays_quiet() -> None:
    with BootloaderDouble(damaged=256) as double:
        failure = await refused(double)
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert "from address 0x0100 on" in failure.message
    assert double.flash[:2] == LOOP
    assert not double.started


async def test_a_stop_by_the_user_leaves_the_loop_and_says_so() -> None:
    cancel = asyncio.Event()
    with BootloaderDouble() as double:

        def progress(step: FlashProgress) -> None:
            if step.fraction:
                cancel.set()

        long = firmware("uno", program__hex=intel_hex(image(32000)))
        with pytest.raises(RuntimeFailure) as caught:
            await upload(long, uno(), double.port, uploader="stk500v1", progress=progress, cancel=cancel)
    assert caught.value.kind is Kind.CANCELLED
    assert "no whole program now and leaves its outputs off" in caught.value.message
    assert double.flash[:2] == LOOP
    assert not double.started


async def test_a_cancelled_task_has_let_go_of_the_port_when_it_ends() -> None:
    with BootloaderDouble() as double:
        begun = asyncio.Event()
        long = firmware("uno", program__hex=intel_hex(image(32000)))
        task = asyncio.ensure_future(
            upload(
                long,
                uno(),
                double.port,
                uploader="stk500v1",
                progress=lambda step: begun.set() if step.fraction else None,
            )
        )
        await begun.wait()
        for _ in range(3):  # somebody who is impatient
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await flash(double)
    assert double.started


async def test_a_program_that_would_reach_into_the_bootloader_is_never_sent() -> None:
    with BootloaderDouble() as double:
        failure = await refused(double, data=image(32256 + 1))
    assert failure.kind is Kind.COMPILE_FAILED
    assert "beyond the 32256 bytes" in failure.message
    assert double.written == []


async def test_an_empty_program_is_never_sent() -> None:
    with BootloaderDouble() as double:
        failure = await refused(double, data=b"")
    assert failure.kind is Kind.COMPILE_FAILED
    assert (double.written, double.restarts) == ([], 0)


async def test_a_port_that_is_not_there() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        await upload(
            firmware("uno", program__hex=intel_hex(IMAGE)),
            uno(),
            "/dev/ttyNOTTHERE",
            uploader="stk500v1",
            progress=lambda step: None,
        )
    assert caught.value.kind is Kind.DNS


def test_the_built_in_way_is_the_first_choice_for_an_uno_and_says_how_far_it_was_tried() -> None:
    row = uploaders_for(uno())[0]
    assert (row.name, row.available) == ("stk500v1", True)
    assert "not on hardware" in row.tried


async def test_an_uploader_that_the_board_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        await upload(
            firmware("uno", program__hex=b""), uno(), "/dev/null", uploader="dfu-util", progress=lambda step: None
        )
    assert caught.value.kind is Kind.UPLOAD_REFUSED
    assert "stk500v1" in caught.value.hint
