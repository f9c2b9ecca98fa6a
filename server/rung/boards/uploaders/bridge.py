"""A port of the network as a pseudo terminal, for programs that open ports of this computer only.

Invariant: the board is restarted once, when the bridge is made: a pseudo terminal has no DTR, so the program behind it cannot do it.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import cast

import serial

from rung.boards.ports import open_port, set_lines

CAN_BRIDGE = sys.platform != "win32"
_QUIET_S = 0.25
"""How long DTR is off before the edge that restarts the board."""
_LOOK_S = 0.1


@contextlib.contextmanager
def bridged(url: str, baud: int) -> Iterator[str]:
    """Restart the board behind an address and yield the name of the terminal that stands for it. Blocks for some tenths of a second.

    Args:
        url: `rfc2217://` or `socket://`.
        baud: bits per second of the board's bootloader.

    Raises:
        RuntimeFailure: the address cannot be opened.
    """
    import tty

    port = cast("serial.Serial", open_port(url, baud, timeout=_LOOK_S))
    ours, theirs = os.openpty()
    ended = threading.Event()
    threads = [threading.Thread(target=work, args=(port, ours, ended), daemon=True) for work in (_inwards, _outwards)]
    try:
        tty.setraw(theirs)  # and kept open, so that the terminal stands before the program opens it
        set_lines(port, dtr=False, rts=False)
        time.sleep(_QUIET_S)
        port.reset_input_buffer()
        set_lines(port, dtr=True, rts=True)
        for thread in threads:
            thread.start()
        yield os.ttyname(theirs)
    finally:
        ended.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join(1.0)
        with contextlib.suppress(OSError):
            port.close()
        os.close(theirs)
        os.close(ours)


def _inwards(port: serial.Serial, ours: int, ended: threading.Event) -> None:
    """What the board says, to the program. A line that breaks ends this: the program then hears nothing more, and says so."""
    with contextlib.suppress(OSError):
        while not ended.is_set():
            if data := port.read(max(1, port.in_waiting)):
                os.write(ours, data)


def _outwards(port: serial.Serial, ours: int, ended: threading.Event) -> None:
    """What the program says, to the board."""
    with contextlib.suppress(OSError):
        while not ended.is_set():
            if select.select([ours], [], [], _LOOK_S)[0]:
                port.write(os.read(ours, 4096))
