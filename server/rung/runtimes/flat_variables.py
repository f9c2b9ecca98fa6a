"""Variables that are addressed by one index, whatever carries the frames: Socket.IO of v4.0, Modbus TCP of v3, a board's serial port."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, TypeVar

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_values, flat_frames
from rung.runtimes.address import Address
from rung.runtimes.debug_refusals import malformed, refused
from rung.runtimes.debug_values import BadAnswer, Value
from rung.runtimes.errors import Kind, RuntimeFailure

_PATIENCE = (0.0, 0.02, 0.1, 0.3)
"""Seconds before each look whether a force holds: it may do so only from the next scan on."""

_Out = TypeVar("_Out")


class FlatVariables(ABC):
    """The variables of the program that a machine runs; a subclass knows the way to it. It keeps no state but its way's."""

    _MOST: ClassVar[int]
    """How many variables a request may name."""
    _LARGEST: ClassVar[int]
    """How many bytes of values an answer can hold."""
    _RUNTIME: ClassVar[str]
    """What answers here, in words."""

    @property
    @abstractmethod
    def _address(self) -> Address | str:
        """Who is asked, for sentences."""

    @abstractmethod
    async def _ready(self) -> int | None:
        """Make sure that asking does no harm. Returns how many variables there are, where more must never be asked for."""

    @abstractmethod
    async def _ask(self, *frames: bytes) -> bytes:
        """Send frames, with nobody else's between them, and return the answer to the last; BadAnswer if it is none."""

    def _refused(self, status: int) -> RuntimeFailure:
        """The failure that a status byte stands for."""
        return refused(self._address, status)

    def _malformed(self, error: BadAnswer) -> RuntimeFailure:
        """The failure for an answer that is no frame of the protocol."""
        return malformed(self._address, error, self._RUNTIME)

    async def md5(self) -> str | None:
        """The MD5 of the program that runs (32 lower-case hex digits)."""
        await self._ready()
        return await self._answer(flat_frames.md5_answer, flat_frames.MD5_REQUEST)

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        """The values of variables, by path; times and dates in nanoseconds. They may be of different scans.

        Raises:
            RuntimeFailure: `not-ours` when the list cannot be that of the program that runs.
        """
        self._check(leaves, await self._ready())
        values: dict[str, Value] = {}
        for batch in debug_values.batches(leaves, self._MOST, self._LARGEST):
            rest = batch
            while rest:
                parse = partial(flat_frames.list_answer, rest)
                answer = await self._answer(parse, flat_frames.list_request(rest))
                if isinstance(answer, int):
                    raise self._refused(answer)
                served, data = answer
                offset = 0
                for leaf in rest[:served]:
                    raw = data[offset : offset + leaf.size]
                    values[leaf.path] = debug_values.to_value(leaf, raw, flat_frames.ORDER, time_pairs=True)
                    offset += leaf.size
                rest = rest[served:]
        return values

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value until it is unforced or the program ends. A forced output drives the machine.

        Raises:
            ValueError: the variable cannot hold the value.
            RuntimeFailure: `not-ours` when there is no such variable; `busy` when it did not take the value.
        """
        data = debug_values.to_bytes(leaf, value, flat_frames.ORDER, time_pairs=True)
        await self._set(leaf, data)
        # "Done" is said to forces, too, for which the program has no place left; only the value itself tells.
        wanted = debug_values.to_value(leaf, data, flat_frames.ORDER, time_pairs=True)
        for wait in _PATIENCE:
            await asyncio.sleep(wait)
            held = (await self.read((leaf,)))[leaf.path]
            if held == wanted or str(held) == str(wanted):  # the second for NaN, which is equal to nothing
                return
        raise RuntimeFailure(
            Kind.BUSY,
            f"{self._address} says that it holds {leaf.path} at the value, but the variable has another one: the program has no place "
            "for more forced variables, or somebody else let it go.",
            "Unforce variables that need it no more, then try again.",
        )

    async def unforce(self, leaf: Leaf) -> None:
        """Let the program write the variable again. It keeps the forced value until then."""
        await self._set(leaf, None)

    async def _set(self, leaf: Leaf, value: bytes | None) -> None:
        self._check((leaf,), await self._ready())
        # The byte order of forced values is one setting for all who ask, so it is said anew each time.
        frames = (flat_frames.MD5_REQUEST, flat_frames.force_request(leaf, value))
        status = await self._answer(flat_frames.force_answer, *frames)
        if status != debug_values.OK:
            raise self._refused(status)

    def _check(self, leaves: Sequence[Leaf], count: int | None) -> None:
        if count is not None and any(leaf.element >= count for leaf in leaves):
            raise self._refused(debug_values.OUT_OF_BOUNDS)

    async def _answer(self, parse: Callable[[bytes], _Out], *frames: bytes) -> _Out:
        try:
            return parse(await self._ask(*frames))
        except BadAnswer as error:
            raise self._malformed(error) from None
