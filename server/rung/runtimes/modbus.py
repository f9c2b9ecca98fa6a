"""The variables of a program on OpenPLC Runtime v3, read and forced over Modbus TCP (runtime protocol v3, section 5).

Every connection belongs to one process on the machine, and so to one program. When it breaks, the next one counts as the same
program's only if it answers with the same MD5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from rung.runtimes import flat_frames
from rung.runtimes.address import Address
from rung.runtimes.debug_refusals import malformed, refused
from rung.runtimes.debug_values import OUT_OF_BOUNDS, BadAnswer
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.flat_variables import FlatVariables
from rung.runtimes.modbus_wire import ModbusWire, WireBroken

DEFAULT_PORT = 502
"""The runtime's Modbus port where its settings were not changed."""

Where = Callable[[], Awaitable[Address | None]]
"""Says where the Modbus server of the program that runs is; None when no program runs."""


class ModbusVariables(FlatVariables):
    """The variables of one machine; connected by the first question.

    Args:
        address: host and Modbus port.
        where: asked before each connection, if given: its answer takes the place of `address`.
        timeout: seconds for connecting and for each answer.
    """

    _MOST = 60
    _LARGEST = 243
    _RUNTIME = "OpenPLC Runtime v3"

    def __init__(self, address: Address, where: Where | None = None, timeout: float = 5.0) -> None:
        self._at = address
        self._where = where
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._wire: ModbusWire | None = None
        self._count = 0
        self._md5: str | None = None

    async def aclose(self) -> None:
        """Hang up. The next question would connect again."""
        self._hang_up()

    async def md5(self) -> str | None:
        """The MD5 of the program that runs (32 lower-case hex digits), or None when none does."""
        self._md5 = None
        if await self._connect() is None:
            return None
        self._md5 = await self._answer(flat_frames.md5_answer, flat_frames.MD5_REQUEST)
        return self._md5

    @property
    def _address(self) -> Address:
        return self._at

    async def _ready(self) -> int:
        count = await self._connect()
        if count is None:
            raise self._no_program()
        return count

    async def _ask(self, *frames: bytes) -> bytes:
        answer = b""
        async with self._turn:
            for frame in frames:
                answer = await self._exchange(frame)
        return answer

    async def _connect(self) -> int | None:
        """How many variables the program has that we are connected to; None when none runs."""
        async with self._turn:
            if self._wire is None or not self._wire.alive:
                self._hang_up()
                if not await self._open():
                    return None
            return self._count

    async def _open(self) -> bool:
        if self._where is not None:
            found = await self._where()
            if found is None:
                return False
            self._at = found
        wire = await ModbusWire.open(self._at, self._timeout)
        try:
            # An index that does not exist gets an answer that nobody can read, so the number of variables comes first.
            self._count = flat_frames.info_answer(await wire.ask(flat_frames.INFO_REQUEST))
            if self._md5 is not None:
                now = flat_frames.md5_answer(await wire.ask(flat_frames.MD5_REQUEST))
                if now != self._md5:
                    raise refused(self._at, OUT_OF_BOUNDS)
        except BadAnswer as error:
            wire.close()
            raise malformed(self._at, error, self._RUNTIME) from None
        except WireBroken:
            wire.close()
            raise self._broken() from None
        except BaseException:
            wire.close()
            raise
        self._wire = wire
        return True

    async def _exchange(self, frame: bytes) -> bytes:
        if self._wire is not None and self._wire.alive:
            try:
                return await self._wire.ask(frame)
            except WireBroken:
                pass  # the program may have been started anew since the last question, which is no failure
        self._hang_up()
        if not await self._open() or self._wire is None:
            raise self._no_program()
        try:
            return await self._wire.ask(frame)
        except WireBroken:
            self._hang_up()
            raise self._broken() from None

    def _no_program(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"No program runs on {self._at.host}, so its variables have no values.",
            "Start the program, or deploy it.",
        )

    def _broken(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.LOST,
            f"{self._at.host} broke the connection to its Modbus TCP port {self._at.port} before it had answered: the program ended, "
            "or another one has the port.",
            "Look at the state of the machine (rung status), then try again.",
        )

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
