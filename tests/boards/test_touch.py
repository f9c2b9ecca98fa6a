"""The 1200-bps touch: which boards get it, what their port feels, and which port is taken for theirs afterwards."""

from __future__ import annotations

import os
import select
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from rung.boards.ports import Port
from rung.boards.touch import touch_1200, wait_for_port, wants_touch
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards, find_board

APP, BOOT = (0x2341, 0x8036), (0x2341, 0x0036)


def leonardo() -> Board:
    board = find_board("uno")
    assert board is not None
    return replace(
        board, name="leonardo", title="Arduino Leonardo", usb=(APP, BOOT), upload={"protocol": "avr109", "touch": True}
    )


def at(device: str, numbers: tuple[int, int] | None, number: str = "", problem: str = "") -> Port:
    vid, pid = numbers or (None, None)
    return Port(device, device, vid, pid, number, problem=problem)


def over_time(*looks: list[Port]) -> Callable[[], list[Port]]:
    """A list of ports that changes with each look, and stays as it was at last."""
    rest = list(looks)
    return lambda: rest.pop(0) if len(rest) > 1 else rest[0]


def test_the_port_is_opened_at_1200_and_closed() -> None:
    master, slave = os.openpty()
    device = os.ttyname(slave)
    os.close(slave)
    speeds: list[int] = []

    def watch() -> None:
        end = time.monotonic() + 5
        opened = False
        while time.monotonic() < end:
            event = _events(master)
            if not event & select.POLLHUP:
                opened = True
                speeds.append(termios.tcgetattr(master)[4])
            elif opened:
                return
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    touch_1200(leonardo(), device)
    thread.join()
    os.close(master)
    assert speeds[-1] == termios.B1200


def _events(master: int) -> int:
    poll = select.poll()
    poll.register(master, select.POLLIN)
    return dict(poll.poll(0)).get(master, 0)


def test_a_board_that_does_not_want_it_is_never_touched() -> None:
    with pytest.raises(ValueError, match="is not to be touched"):
        touch_1200(replace(leonardo(), upload={"protocol": "avr109"}), "/dev/null")
    for board in all_boards().values():
        # These restart by DTR; their program may speak 1200 bits per second for other reasons.
        if "stk500v1" in board.uploaders or board.upload.get("protocol") in ("arduino", "wiring"):
            assert not wants_touch(board), board.name


def test_a_touch_over_the_network_cannot_be_followed() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        touch_1200(leonardo(), "rfc2217://127.0.0.1:1")
    assert caught.value.kind is Kind.UPLOAD_REFUSED


async def test_the_bootloaders_port_is_found_by_the_boards_numbers() -> None:
    app, boot = at("/dev/ttyACM0", APP), at("/dev/ttyACM1", BOOT)
    assert await wait_for_port([app], leonardo(), app.device, look=over_time([app], [], [boot])) == "/dev/ttyACM1"


async def test_the_same_name_may_come_back() -> None:
    app, boot = at("/dev/ttyACM0", APP), at("/dev/ttyACM0", BOOT)
    assert await wait_for_port([app], leonardo(), app.device, look=over_time([app], [], [], [boot])) == "/dev/ttyACM0"


async def test_another_device_that_is_plugged_in_meanwhile_is_not_taken() -> None:
    app, meter, boot = at("/dev/ttyACM0", APP), at("/dev/ttyACM1", (0x1234, 1)), at("/dev/ttyACM2", BOOT)
    assert (
        await wait_for_port([app], leonardo(), app.device, look=over_time([app], [meter], [meter, boot]))
        == "/dev/ttyACM2"
    )


async def test_a_board_with_other_numbers_is_known_by_its_serial_number() -> None:
    app, boot = at("/dev/ttyACM0", (0x2341, 1), "75A1"), at("/dev/ttyACM1", (0x2341, 2), "75A1")
    assert await wait_for_port([app], leonardo(), app.device, look=over_time([app], [], [boot])) == "/dev/ttyACM1"


async def test_a_port_is_not_handed_out_before_its_permission_is_there() -> None:
    app, early, boot = (
        at("/dev/ttyACM0", APP),
        at("/dev/ttyACM1", BOOT, problem="no permission"),
        at("/dev/ttyACM1", BOOT),
    )
    looks = over_time([], [early], [boot])
    assert await wait_for_port([app], leonardo(), app.device, look=looks) == "/dev/ttyACM1"
    assert looks() == [boot]


async def test_a_board_that_stays_in_its_place_is_used_there() -> None:
    app = at("/dev/ttyACM0", APP)
    assert await wait_for_port([app], leonardo(), app.device, settle=0.2, look=lambda: [app]) == "/dev/ttyACM0"


async def test_a_board_that_does_not_come_back_is_lost() -> None:
    app = at("/dev/ttyACM0", APP)
    with pytest.raises(RuntimeFailure) as caught:
        await wait_for_port([app], leonardo(), app.device, seconds=0.3, look=list)
    assert caught.value.kind is Kind.LOST
    assert "twice" in caught.value.hint
