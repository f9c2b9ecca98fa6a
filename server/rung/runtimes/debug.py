"""The debug channel of OpenPLC Runtime v4.1+: which program runs, the values of its variables, and forcing them.

One command is under way at a time, in one worker thread; callers wait their turn. A broken channel is opened again by the
next command, with a new token where the old one was refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_frames
from rung.runtimes.address import Address
from rung.runtimes.debug_frames import BadAnswer, ByteOrder, ListAnswer, Value
from rung.runtimes.debug_wire import DebugWire, TokenRefused
from rung.runtimes.errors import Kind, RuntimeFailure

_In = TypeVar("_In")
_Out = TypeVar("_Out")

TokenSource = Callable[[str | None], Awaitable[str]]
"""Gives a token; its argument is one that was just refused."""


class DebugChannel:
    """The debug channel of one machine; opened by the first command.

    Args:
        address: the machine.
        pin: SHA-256 of its certificate, compared before anything is sent.
        token: where to get a token.
        timeout: seconds for connecting and for each answer.
    """

    def __init__(self, address: Address, pin: str, token: TokenSource, timeout: float = 5.0) -> None:
        self._address = address
        self._pin = pin
        self._token = token
        self._timeout = timeout
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rung-debug")
        self._turn = asyncio.Lock()
        self._wire: DebugWire | None = None
        self._order: ByteOrder | None = None

    async def aclose(self) -> None:
        """Hang up. The channel is of no use afterwards. A command that is still under way ends in the worker by itself."""
        self._worker.submit(self._hang_up)
        self._worker.shutdown(wait=False)

    async def md5(self) -> str | None:
        """The MD5 of the program that is loaded (32 lower-case hex digits), or None when there is none."""
        answer = self._checked(debug_frames.md5_answer, await self._ask(debug_frames.MD5_REQUEST))
        if answer is None:
            return None
        self._order = answer[1]
        return answer[0]

    async def info(self) -> tuple[int, ...] | None:
        """How many variables each array has (array 0: the globals, then one per program instance); None without a program."""
        return self._checked(debug_frames.info_answer, await self._ask(debug_frames.INFO_REQUEST))

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        """The values of variables, by path. They are read while the program runs, so they may be of different scans.

        The leaves must belong to the program whose MD5 the channel answers: a wrong list gives wrong values.

        Raises:
            RuntimeFailure: `not-ours` when no program is loaded or the list cannot be that of the loaded one.
        """
        order = await self._byte_order()
        values: dict[str, Value] = {}
        for batch in debug_frames.batches(leaves):
            rest = batch
            while rest:
                frame = await self._ask(debug_frames.list_request(rest))
                answer = self._checked(debug_frames.list_answer, frame)
                if not isinstance(answer, ListAnswer):
                    raise self._refused(answer)
                served = rest[: answer.served]
                if answer.served > len(rest) or len(answer.data) != sum(leaf.size for leaf in served):
                    raise self._refused(debug_frames.OUT_OF_BOUNDS)
                offset = 0
                for leaf in served:
                    data = answer.data[offset : offset + leaf.size]
                    values[leaf.path] = debug_frames.to_value(leaf, data, order)
                    offset += leaf.size
                rest = rest[answer.served :]
        return values

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value, whatever the program writes, until it is unforced or the program restarts.

        Raises:
            ValueError: the variable cannot hold the value.
            RuntimeFailure: `not-ours` when there is no such variable; `busy` when the runtime's queue of forces is full.
        """
        await self._set(leaf, debug_frames.to_bytes(leaf, value, await self._byte_order()))

    async def unforce(self, leaf: Leaf) -> None:
        """Let the program write the variable again. It keeps the forced value until then."""
        await self._set(leaf, None)

    async def _byte_order(self) -> ByteOrder:
        if self._order is None:
            await self.md5()
        if self._order is None:
            raise self._refused(debug_frames.NO_PROGRAM)
        return self._order

    async def _set(self, leaf: Leaf, value: bytes | None) -> None:
        frame = await self._ask(debug_frames.force_request(leaf, value))
        status = self._checked(debug_frames.force_answer, frame)
        if status != debug_frames.OK:
            raise self._refused(status)

    async def _ask(self, frame: bytes) -> bytes:
        command = debug_frames.encode(frame)
        async with self._turn:
            token = await self._token(None)
            try:
                text = await self._in_worker(token, command)
            except TokenRefused:
                token = await self._token(token)
                try:
                    text = await self._in_worker(token, command)
                except TokenRefused:
                    raise RuntimeFailure(
                        Kind.CREDENTIALS,
                        f"The debug channel of {self._address} refuses the token that the runtime has just given.",
                        "Restart the runtime service on the device, then connect again.",
                    ) from None
        return self._checked(debug_frames.decode, text)

    async def _in_worker(self, token: str, command: str) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._exchange, token, command)

    def _exchange(self, token: str, command: str) -> object:
        wire = self._wire
        if wire is None or not wire.alive:
            self._hang_up()
            wire = self._wire = DebugWire(self._address, self._pin, token, self._timeout)
        try:
            return wire.ask(command)
        except TokenRefused:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _checked(self, parse: Callable[[_In], _Out], answer: _In) -> _Out:
        try:
            return parse(answer)
        except BadAnswer as error:
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"The debug channel of {self._address} answered with what no OpenPLC Runtime v4.1 does: {error}.",
                "Try again; if it stays so, restart the runtime service on the device.",
            ) from None

    def _refused(self, status: int) -> RuntimeFailure:
        if status == debug_frames.NO_PROGRAM:
            return RuntimeFailure(
                Kind.NOT_OURS,
                f"No program is loaded on {self._address}, so its variables have no values.",
                "Start the program, or deploy it.",
            )
        if status == debug_frames.TOO_LARGE:
            return RuntimeFailure(
                Kind.BUSY,
                f"{self._address} cannot take so many forced values at once. The variable was not changed.",
                "Try again in a moment.",
            )
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"The program on {self._address} has other variables than the one here: the values would be wrong.",
            "Deploy the program, or open the one that the machine runs.",
        )
