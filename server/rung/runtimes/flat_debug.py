"""The debug channel of OpenPLC Runtime v4.0: the Socket.IO channel of v4.1, with one index as a variable's address.

Nothing is ever asked while no program runs: the runtime then calls functions that are not there, and its core dies
(runtime protocol, section 3.2).
"""

from __future__ import annotations

from rung.runtimes import flat_frames
from rung.runtimes.address import Address
from rung.runtimes.debug_refusals import refused
from rung.runtimes.debug_values import NO_PROGRAM
from rung.runtimes.flat_variables import FlatVariables
from rung.runtimes.way import Link, Running


class FlatDebugChannel(FlatVariables):
    """The variables of one machine; opened by the first command.

    Args:
        link: carries the frames.
        running: whether the machine says, now, that its program runs.
    """

    _MOST = 256
    _LARGEST = 4096 - 10
    _RUNTIME = "OpenPLC Runtime v4.0"

    def __init__(self, link: Link, running: Running) -> None:
        self._link = link
        self._running = running

    async def aclose(self) -> None:
        """Hang up. The channel is of no use afterwards."""
        await self._link.aclose()

    async def md5(self) -> str | None:
        """The MD5 of the program that runs (32 lower-case hex digits), or None when none does."""
        if not await self._running():
            return None
        return await self._answer(flat_frames.md5_answer, flat_frames.MD5_REQUEST)

    @property
    def _address(self) -> Address:
        return self._link.address

    async def _ready(self) -> None:
        if not await self._running():
            raise refused(self._address, NO_PROGRAM)

    async def _ask(self, *frames: bytes) -> bytes:
        return await self._link.ask(*frames)
