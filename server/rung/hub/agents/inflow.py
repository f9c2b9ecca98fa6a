"""What agents' messages may hold of the hub's memory before they are whole.

Invariant: who is asked nothing can make the hub hold little; who is asked something, no more than its answer may have; and all together no more
than the hub has for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_UNREAD: Final = 512 * 1024
"""Whole messages that wait to be read, and what the transport hands on at once: its own flow control bounds them."""


class Inflow:
    """The bytes of large messages that are coming in, together.

    Args:
        most: how many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    def take(self, count: int) -> bool:
        """Hold so many more; False if there would be too many, and then they are not held."""
        if self._held + count > self._most:
            return False
        self._held += count
        return True

    def give_back(self, count: int) -> None:
        """Hold so many less."""
        self._held -= count


class Metered:
    """Stands in front of a websocket's parser, which collects a message until it is whole.

    Args:
        parser: the library's.
        inflow: of all.
        allowed: how many bytes a message of this agent may have now.
        cut: ends the connection.
    """

    def __init__(self, parser: Any, inflow: Inflow, allowed: Callable[[], int], cut: Callable[[], None]) -> None:
        self._parser, self._inflow, self._allowed, self._cut = parser, inflow, allowed, cut
        self._fed = 0
        self._charged = 0

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Hand on what has come, unless it is too much."""
        self._fed += len(data)
        if self._fed > _UNREAD:
            more = self._fed - self._charged
            if self._fed > self._allowed() + _UNREAD or not self._inflow.take(more):
                self._cut()
                return True, b""
            self._charged = self._fed
        eof, tail = self._parser.feed_data(data)
        return bool(eof), bytes(tail)

    def feed_eof(self) -> None:
        """The connection has ended."""
        self.read()
        self._parser.feed_eof()

    def read(self) -> None:
        """A message was whole and was handed on."""
        self._inflow.give_back(self._charged)
        self._fed = self._charged = 0
