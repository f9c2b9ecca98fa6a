"""The Socket.IO debug channel as a way for frames: one question at a time, opened when needed, with a token that renews itself.

It knows nothing of what the frames say. The blocking connection lives in one worker thread; callers wait their turn.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from rung.runtimes.address import Address
from rung.runtimes.debug_values import BadAnswer
from rung.runtimes.debug_wire import DebugWire, TokenRefused
from rung.runtimes.errors import Kind, RuntimeFailure

TokenSource = Callable[[str | None], Awaitable[str]]
"""Gives a token; its argument is one that was just refused."""

_ATTEMPTS = 3
_PAUSE = 0.15
_HEX = re.compile(r"[0-9a-fA-F]{2}(?: [0-9a-fA-F]{2}){0,4095}")


def encode(frame: bytes) -> str:
    """A frame as the channel carries it: two hex digits per byte, single spaces."""
    return frame.hex(" ").upper()


def decode(text: object) -> bytes:
    """The bytes of an answer.

    Raises:
        BadAnswer: it is no hex; the runtime reports its own errors as words in the same place (section 3).
    """
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise BadAnswer("the answer is not a frame")
    return bytes.fromhex(text)


class DebugLink:
    """The debug channel of one machine; opened by the first question, and again after it broke.

    Args:
        address: the machine.
        pin: SHA-256 of its certificate, compared before anything is sent.
        token: where to get a token.
        timeout: seconds for connecting and for each answer.
    """

    def __init__(self, address: Address, pin: str, token: TokenSource, timeout: float) -> None:
        self.address = address
        self._pin = pin
        self._token = token
        self._timeout = timeout
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="rung-debug")
        self._turn = asyncio.Lock()
        self._wire: DebugWire | None = None

    async def aclose(self) -> None:
        """Hang up, for good. A question that is still under way ends in the worker by itself."""
        self._worker.submit(self._hang_up)
        self._worker.shutdown(wait=False)

    async def ask(self, *frames: bytes) -> bytes:
        """Send frames, with nobody else's between them, and return the answer to the last.

        Raises:
            BadAnswer: an answer is no frame.
            RuntimeFailure: the channel cannot be opened, broke, or has no answer.
        """
        answer = b""
        async with self._turn:
            for frame in frames:
                answer = decode(await self._command(encode(frame)))
        return answer

    async def _command(self, command: str) -> object:
        token = await self._token(None)
        try:
            return await self._in_worker(token, command)
        except TokenRefused:
            token = await self._token(token)
        try:
            return await self._in_worker(token, command)
        except TokenRefused:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"The debug channel of {self.address} refuses the token that the runtime has just given.",
                "Restart the runtime service on the device, then connect again.",
            ) from None

    async def _in_worker(self, token: str, command: str) -> object:
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._exchange, token, command)

    def _exchange(self, token: str, command: str) -> object:
        """Ask, and once more on a new connection if one broke at once: the requests of this channel may be repeated.

        What hangs is not asked again: a second time it would hang just as long.
        """
        began = time.monotonic()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._ask_once(token, command)
            except RuntimeFailure as failure:
                stands = self._wire is not None and self._wire.alive
                late = time.monotonic() - began > self._timeout / 2
                if failure.kind is not Kind.LOST or stands or late or attempt == _ATTEMPTS:
                    raise
            time.sleep(_PAUSE * attempt)
        raise AssertionError("the last attempt returns or raises")

    def _ask_once(self, token: str, command: str) -> object:
        wire = self._wire
        if wire is None or not wire.alive:
            self._hang_up()
            wire = self._wire = DebugWire(self.address, self._pin, token, self._timeout)
        try:
            return wire.ask(command)
        except TokenRefused:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
