"""The serial ports that the editor shows, and which board is behind each: those of this computer, and those that the user added.

Invariant: listing opens no port; ports are watched only while the editor wants it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from rung.boards.choices import BoardChoices
from rung.boards.hotplug import PortWatch
from rung.boards.ports import Port, check_name, list_ports, port_at
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, find_board


class BoardPorts:
    """All ports.

    Args:
        on_change: told in the event loop that ports came or went, while they are watched.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.choices = BoardChoices()
        self._on_change = on_change
        self._added: tuple[str, ...] = ()
        self._watch: PortWatch | None = None

    async def all(self) -> list[Port]:
        """Return the ports that there are now, those that were added by hand last, plugged in or not."""
        self._added = self.choices.added()
        return await asyncio.get_running_loop().run_in_executor(None, _list, self._added)

    async def find(self, device: str) -> Port:
        """Return one port, whether it is listed or not."""
        return await asyncio.get_running_loop().run_in_executor(None, port_at, device)

    async def add(self, device: str) -> None:
        """Show a port that the system does not list.

        Raises:
            RuntimeFailure: it cannot be one.
        """
        check_name(device)
        try:
            self.choices.add(device)
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Correct it and try again. Nothing was saved.") from None
        self._added = self.choices.added()

    async def choose(self, device: str, board: str) -> None:
        """Keep which board is at a port.

        Raises:
            RuntimeFailure: there is no such board.
        """
        try:
            self.choices.choose(await self.find(device), board)
        except ValueError as error:
            raise RuntimeFailure(Kind.NOT_OURS, str(error), "Choose one of the list. Nothing was saved.") from None

    def board_of(self, port: Port) -> Board | None:
        """Return the board at a port: the one that the user chose, else the only one that shows its USB numbers."""
        chosen = self.choices.board(port)
        if chosen is None and port.exact and len(port.boards) == 1:
            chosen = port.boards[0]
        return None if chosen is None else find_board(chosen)

    async def watch(self, on: bool) -> None:
        """Tell of ports that come and go from now on, or no longer."""
        if on and self._watch is None:
            self._added = self.choices.added()
            loop = asyncio.get_running_loop()

            def changed(ports: list[Port]) -> None:
                loop.call_soon_threadsafe(self._on_change)

            self._watch = PortWatch(changed, also=lambda: self._added)
            self._watch.start()
        elif not on and self._watch is not None:
            ending, self._watch = self._watch, None
            await asyncio.get_running_loop().run_in_executor(None, ending.stop)


def trouble(port: Port) -> str:
    """Return in two or three words why a port cannot be used now; empty when it can be."""
    if not port.problem:
        return ""
    if "://" in port.device:
        return "no address of a port"
    if os.name == "posix" and not os.path.exists(port.device):
        return "not plugged in"
    if os.name == "posix" and not os.access(port.device, os.R_OK | os.W_OK):
        return "no permission"
    return "in use or not plugged in" if os.name != "posix" else "in use"


def _list(added: tuple[str, ...]) -> list[Port]:
    found = list_ports()
    listed = {port.device for port in found}
    return [*found, *(port_at(device) for device in added if device not in listed)]
