"""What comes over a board's serial port and is no answer: the text that a program prints, kept line by line.

Invariant: a line is text from a device, so it is made fit to be shown before anybody sees it; at most `_MOST` lines are kept.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from rung.runtimes.device_text import clean

_MOST = 2000
_LONGEST_LINE = 500


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A line: its number, which only grows, when it ended by this computer's clock (ISO 8601, with its zone), and its text."""

    id: int
    timestamp: str
    text: str


class SerialLog:
    """The lines of one port. It may be fed by one thread and read by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[SerialLine] = deque(maxlen=_MOST)
        self._open = bytearray()
        self._next = 1

    def feed(self, data: bytes) -> None:
        """Take over stray bytes; a line ends with a line feed, or where it becomes too long."""
        with self._lock:
            for byte in data:
                if byte == 0x0A or len(self._open) == _LONGEST_LINE:
                    self._end_line()
                if byte != 0x0A:
                    self._open.append(byte)

    def flush(self) -> None:
        """End a line that nobody has ended: nothing more came for a while."""
        with self._lock:
            if self._open:
                self._end_line()

    def after(self, number: int = 0) -> list[SerialLine]:
        """The lines whose numbers are greater."""
        with self._lock:
            return [line for line in self._lines if line.id > number]

    def _end_line(self) -> None:
        # Bytes that are no text are shown by their numbers: a wrong baud rate looks like this.
        text = clean(bytes(self._open).decode("utf-8", "backslashreplace"))
        self._open.clear()
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._lines.append(SerialLine(self._next, now, text))
        self._next += 1
