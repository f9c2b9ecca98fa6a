"""The debug channel of OpenPLC Runtime v4.1+: which program runs, the values of its variables, and forcing them.

One command is under way at a time; callers wait their turn. A broken channel is opened again by the next command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_frames, debug_values
from rung.runtimes.debug_frames import ListAnswer
from rung.runtimes.debug_refusals import malformed, refused
from rung.runtimes.debug_values import BadAnswer, ByteOrder, Value
from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.way import Link

_Out = TypeVar("_Out")


class DebugChannel:
    """The variables of one machine, addressed by array and element; opened by the first command.

    Args:
        link: carries the frames.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._order: ByteOrder | None = None

    async def aclose(self) -> None:
        """Hang up. The channel is of no use afterwards."""
        await self._link.aclose()

    async def md5(self) -> str | None:
        """The MD5 of the program that is loaded (32 lower-case hex digits), or None when there is none."""
        answer = await self._ask(debug_frames.MD5_REQUEST, debug_frames.md5_answer)
        if answer is None:
            return None
        self._order = answer[1]
        return answer[0]

    async def info(self) -> tuple[int, ...] | None:
        """How many variables each array has (array 0: the globals, then one per program instance); None without a program."""
        return await self._ask(debug_frames.INFO_REQUEST, debug_frames.info_answer)

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
                answer = await self._ask(debug_frames.list_request(rest), debug_frames.list_answer)
                if not isinstance(answer, ListAnswer):
                    raise self._refused(answer)
                served = rest[: answer.served]
                if answer.served > len(rest) or len(answer.data) != sum(leaf.size for leaf in served):
                    raise self._refused(debug_values.OUT_OF_BOUNDS)
                offset = 0
                for leaf in served:
                    data = answer.data[offset : offset + leaf.size]
                    values[leaf.path] = debug_values.to_value(leaf, data, order)
                    offset += leaf.size
                rest = rest[answer.served :]
        return values

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value, whatever the program writes, until it is unforced or the program restarts.

        Raises:
            ValueError: the variable cannot hold the value.
            RuntimeFailure: `not-ours` when there is no such variable; `busy` when the runtime's queue of forces is full.
        """
        await self._set(leaf, debug_values.to_bytes(leaf, value, await self._byte_order()))

    async def unforce(self, leaf: Leaf) -> None:
        """Let the program write the variable again. It keeps the forced value until then."""
        await self._set(leaf, None)

    async def _byte_order(self) -> ByteOrder:
        if self._order is None:
            await self.md5()
        if self._order is None:
            raise self._refused(debug_values.NO_PROGRAM)
        return self._order

    async def _set(self, leaf: Leaf, value: bytes | None) -> None:
        status = await self._ask(debug_frames.force_request(leaf, value), debug_frames.force_answer)
        if status != debug_values.OK:
            raise self._refused(status)

    async def _ask(self, frame: bytes, parse: Callable[[bytes], _Out]) -> _Out:
        try:
            return parse(await self._link.ask(frame))
        except BadAnswer as error:
            raise malformed(self._link.address, error, "OpenPLC Runtime v4.1") from None

    def _refused(self, status: int) -> RuntimeFailure:
        return refused(self._link.address, status)
