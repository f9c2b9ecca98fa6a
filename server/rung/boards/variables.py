"""The variables of the program that runs on a board, read and forced over its serial port."""

from __future__ import annotations

from typing import Final

from rung.boards.value_text import value_text
from rung.boards.wire import SerialWire
from rung.codegen.artefact import Leaf
from rung.runtimes.debug_values import TOO_LARGE, BadAnswer, Value, to_bytes
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.flat_frames import ORDER
from rung.runtimes.flat_variables import FlatVariables

_MILLISECOND: Final = 1_000_000
_SHORT_TIMES: Final = ("TIME", "TOD", "TIME_OF_DAY")
"""The types that boards keep as 32-bit numbers of milliseconds; dates have 64 bits."""


def check_forced(leaf: Leaf, value: Value) -> None:
    """See whether a board can hold a variable at a value.

    Raises:
        ValueError: with a sentence: the variable cannot be forced or not hold the value, or the value has parts that boards do not keep.
    """
    if not leaf.forceable:
        raise ValueError(
            f"{leaf.path} cannot be forced: a board holds forced values of up to 8 bytes, and this one has {leaf.size}."
        )
    to_bytes(leaf, value, ORDER, time_pairs=True)
    if leaf.type.upper() in _SHORT_TIMES and isinstance(value, int):
        whole, rest = divmod(value, _MILLISECOND)
        if rest or not -(2**31) <= whole < 2**31:
            raise ValueError(
                f"{leaf.path} is of type {leaf.type}, which boards keep in whole milliseconds, at most 24 days and 20 hours: it cannot hold "
                f"{value_text(leaf, value)}."
            )


class BoardVariables(FlatVariables):
    """The variables behind one line. It keeps no state of its own: several may share a line.

    An answer holds what fits into the board's frame, 128 bytes on the smallest; what is left is asked for anew.

    Args:
        wire: the line; whoever opened it closes it.
    """

    _MOST = 20
    _LARGEST = 243
    _RUNTIME = "program of Rung"

    def __init__(self, wire: SerialWire) -> None:
        self._wire = wire

    async def aclose(self) -> None:
        """Nothing is open here but the line."""

    async def force(self, leaf: Leaf, value: Value) -> None:
        """As for every runtime; times have whole milliseconds."""
        check_forced(leaf, value)
        await super().force(leaf, value)

    @property
    def _address(self) -> str:
        return f"The board on {self._wire.port}"

    async def _ready(self) -> None:
        """A board refuses an index that it has not, so none needs to be known before."""

    async def _ask(self, *frames: bytes) -> bytes:
        return await self._wire.ask(*frames)

    def _refused(self, status: int) -> RuntimeFailure:
        if status == TOO_LARGE:
            return RuntimeFailure(
                Kind.BUSY,
                f"The board on {self._wire.port} holds as many forced variables as it has memory for, so this one was not forced.",
                "Release a variable that needs to be forced no more, then try again.",
            )
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"The program on the board on {self._wire.port} has other variables than the one here: the values would be wrong.",
            "Flash the program, or open the one that the board runs.",
        )

    def _malformed(self, error: BadAnswer) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"What answers on {self._wire.port} is no program of Rung's or OpenPLC's: {error}.",
            "See that this is the right port; if it is the board, flash it.",
        )
