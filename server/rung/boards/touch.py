"""How a board's bootloader is started by its port alone: boards that speak USB themselves do it when the port is opened and closed at 1200 bits
per second (the touch), others when it is opened after it has hung up.

Invariant: no board is touched whose row does not say `touch`: another board, or another device, may take it as something else. A port that
appears afterwards is taken for the board's only if it shows the board's USB numbers or the serial number that the board had.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

from rung.boards.ports import Port, hang_up_on_close, is_pseudo_terminal, list_ports, open_port, port_at, set_lines
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

TOUCH_BAUD = 1200


def wants_touch(board: Board) -> bool:
    """Whether the bootloader of a board is started this way."""
    return board.upload.get("touch") is True


def touch_1200(board: Board, device: str) -> None:
    """Start a board's bootloader. Blocks for some tenths of a second.

    Raises:
        ValueError: the board does not want it.
        RuntimeFailure: the port cannot be opened.
    """
    if not wants_touch(board):
        raise ValueError(f"{board.title} is not to be touched at {TOUCH_BAUD} bits per second")
    if "://" in device:
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{board.title} gets another port when its bootloader starts, which cannot be followed over the network. Nothing was sent to the board.",
            "Plug the board into this computer.",
        )
    port = open_port(device, TOUCH_BAUD)
    with contextlib.suppress(OSError):  # some boards are gone the moment they see it
        set_lines(port, dtr=False, rts=True)
        time.sleep(0.05)
    with contextlib.suppress(OSError):
        port.close()


def let_it_restart(device: str) -> None:
    """Let the next opening of a port restart its board, for a program that is going to do that.

    A program restarts a board by the line DTR. A pseudo terminal has none, and whoever had it open before may have kept it from hanging up.

    Raises:
        RuntimeFailure: the port cannot be opened.
    """
    if "://" not in device and is_pseudo_terminal(device):
        port = open_port(device, 9600)
        hang_up_on_close(port)
        port.close()
        time.sleep(0.05)


async def wait_for_port(
    before: Iterable[Port],
    board: Board,
    device: str,
    *,
    seconds: float = 10.0,
    settle: float = 3.0,
    look: Callable[[], list[Port]] = list_ports,
) -> str:
    """Return the port on which a board is after it restarted, the same one or another.

    Args:
        before: the ports as they were before the restart.
        board: whose USB numbers count.
        device: the port that the board had.
        seconds: how long to wait.
        settle: so long the old port may stand unchanged before it is taken for the new one.

    Raises:
        RuntimeFailure: LOST: no port of this board came back.
    """
    was = {port.device: port for port in before}
    own = was.get(device) or port_at(device)
    start = time.monotonic()
    gone = False
    fresh: list[Port] = []
    while (waited := time.monotonic() - start) < seconds:
        now = await asyncio.to_thread(look)
        fresh = [port for port in now if port.device not in was and _same_board(port, own, board)]
        usable = next((port for port in fresh if not port.problem), None)
        if usable is not None:
            return usable.device  # permissions come a moment after the port
        there = await asyncio.to_thread(_present, device, now)
        if not there:
            gone = True
            was.pop(device, None)  # what comes back under the same name is new
        elif gone or waited >= settle:
            return device
        await asyncio.sleep(0.1)
    if fresh:
        return fresh[0].device
    raise RuntimeFailure(
        Kind.LOST,
        f"{board.title} restarted and did not come back with a serial port within {seconds:.0f} seconds.",
        "Press the board's reset button twice in a row to start its bootloader, choose the port it has then, and try again.",
    )


def _same_board(port: Port, own: Port, board: Board) -> bool:
    if own.serial_number and port.serial_number == own.serial_number and port.vid == own.vid:
        return True
    return port.vid is not None and port.pid is not None and (port.vid, port.pid) in board.usb


def _present(device: str, now: list[Port]) -> bool:
    return any(port.device == device for port in now) or not port_at(device).problem
