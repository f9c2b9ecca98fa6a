"""Runtime v3's log, one plain text without times, made into the numbered and time-stamped entries that v4 gives by itself.

The text is read whole each time and compared with what was read before. The times are this computer's, of the moment when a line
was first read, so a line is never younger than its stamp says. Entries of ours mark where the machine forgot its log; a restart
after which it says the same as before, to the letter, cannot be seen.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timezone
from typing import Final

from rung.runtimes.device_text import clean
from rung.runtimes.machine import LogEntry, LogPage

FIRST_LINE: Final = "OpenPLC Runtime starting..."
"""What a program's process says first (runtime protocol v3, section 4.4)."""

STOPPED: Final = "(The program ended, and with it the machine's log.)"
STARTED_ANEW: Final = "(The program was started anew, and the machine's log with it. Lines before this may be missing.)"
DROPPED: Final = "(The machine has dropped the older part of its log. Lines before this may be missing.)"

_MOST_ENTRIES = 5000
_SURELY_CUT = 16_384
"""A log of this many characters that is the beginning of the one before was cut on its way: a program that was started anew would
have to say all of it again, to the letter."""


class PlainLog:
    """What is known of one machine's log."""

    def __init__(self) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=_MOST_ENTRIES)
        self._last = 0
        self._text = ""

    def feed(self, text: str, now: datetime | None = None) -> None:
        """Take in the whole log as it was just read.

        Args:
            text: all of it; empty when no program runs.
            now: when it was read.
        """
        stamp = (now or datetime.now(timezone.utc)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+0000")
        old = self._text
        if not text:
            if old:
                self._add_lines(old[old.rfind("\n") + 1 :], stamp)  # what was cut off in the middle of a line
                self._add(STOPPED, "INFO", stamp)
            self._text = ""
            return
        if text.startswith(old):
            news = text[old.rfind("\n") + 1 :]
        elif old.startswith(text) and len(text) >= _SURELY_CUT:
            return
        else:
            self._add(STARTED_ANEW if text.startswith(FIRST_LINE) else DROPPED, "WARNING", stamp)
            news = text
        self._text = text
        # The last line may be half written; it is taken when its end has come.
        self._add_lines(news[: news.rfind("\n") + 1], stamp)

    def page(self, after: int = 0) -> LogPage:
        """The entries that follow the number `after`; all of them where that number was never given."""
        restarted = after > self._last
        first = 0 if restarted else after
        return LogPage(tuple(entry for entry in self._entries if entry.id > first), restarted)

    def _add_lines(self, text: str, stamp: str) -> None:
        lines = text.rsplit("\n", _MOST_ENTRIES + 1)[-_MOST_ENTRIES - 1 :]
        self._last += text.count("\n") + 1 - len(lines)  # what nobody would keep is counted, and not looked at
        for line in lines:
            message = clean(line).strip()
            if message:
                self._add(message, "ERROR" if "error" in message.lower() else "INFO", stamp)

    def _add(self, message: str, level: str, stamp: str) -> None:
        self._last += 1
        self._entries.append(LogEntry(self._last, stamp, level, message))
