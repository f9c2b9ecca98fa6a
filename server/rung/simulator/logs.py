"""The runtime's log: a ring of the last 1000 entries, numbered from 1 (protocol section 1.6)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_CAPACITY = 1000
_LONGEST_MESSAGE = 4096


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `timestamp` is UTC as `2026-11-22T05:43:30+0000`."""

    id: int
    timestamp: str
    level: str
    message: str


class RuntimeLog:
    """What the runtime has to say. Ids grow by 1 and begin anew with the process: a client detects a restart by that."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_CAPACITY)
        self._next_id = 1

    def add(self, level: Level, message: str) -> None:
        """Append a line; nothing that a program says may make it longer than 4096 characters."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S%z")
        self._entries.append(Entry(self._next_id, now, level, message[:_LONGEST_MESSAGE]))
        self._next_id += 1

    def info(self, message: str) -> None:
        """Append a line of level INFO."""
        self.add("INFO", message)

    def warning(self, message: str) -> None:
        """Append a line of level WARNING."""
        self.add("WARNING", message)

    def error(self, message: str) -> None:
        """Append a line of level ERROR."""
        self.add("ERROR", message)

    def entries(self, lowest_id: int | None = None, level: str | None = None) -> list[Entry]:
        """The kept entries from `lowest_id` on whose level is exactly `level`; None means all."""
        return [
            entry
            for entry in self._entries
            if (lowest_id is None or entry.id >= lowest_id) and (level is None or entry.level == level)
        ]
