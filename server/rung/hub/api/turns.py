"""How many things of a kind go on at a time, for each user or together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rung.hub.api.answers import Refusal
from rung.runtimes.errors import Kind

TOGETHER = 0
"""The key where all share one number."""


class Turns:
    """Counts what is under way, and refuses what would be too much.

    Args:
        most: how many at a time, for each key.
        sentence: what the refusal says.
        retry_after: seconds after which trying again makes sense.
    """

    def __init__(self, most: int, sentence: str, retry_after: int = 2) -> None:
        self.most = most
        self._sentence = sentence
        self._retry_after = retry_after
        self._under_way: Counter[int] = Counter()

    @property
    def under_way(self) -> int:
        """How many there are, all keys together."""
        return self._under_way.total()

    @contextmanager
    def one(self, key: int) -> Iterator[None]:
        """One more, for as long as the block lasts.

        Raises:
            Refusal: 429, there are too many.
        """
        if self._under_way[key] >= self.most:
            raise Refusal(429, Kind.BUSY, self._sentence, "Try again when something has ended.", self._retry_after)
        self._under_way[key] += 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]
