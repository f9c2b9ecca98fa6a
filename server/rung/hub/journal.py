"""The hub's log: JSON, one line per event, on standard error.

Invariant: a line holds words and numbers that the hub chose. No body, token, password, query string or text of an exception is ever in one:
of libraries' records only their fixed words are kept.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone
from typing import Final, TextIO

from rung.runtimes.device_text import clean
from rung.runtimes.errors import RuntimeFailure

_LIBRARIES: Final = ("aiohttp", "socketio", "engineio", "asyncio", "alembic", "sqlalchemy", "redis")
_LONGEST: Final = 300
_FRAMES: Final = 6


class Journal:
    """Writes the log.

    Args:
        process: this process's name, in every line.
        stream: where to; standard error.
    """

    def __init__(self, process: str, stream: TextIO | None = None) -> None:
        self._process = process
        self._stream = stream

    def note(self, event: str, **fields: str | int | float | bool | None) -> None:
        """One line.

        Args:
            event: what happened, a fixed word or two.
            fields: more about it; never anything that a peer sent and nobody checked.
        """
        line: dict[str, object] = {
            "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "process": self._process[:8],
            "event": event,
        }
        for name, value in fields.items():
            line[name] = clean(value, _LONGEST) if isinstance(value, str) else value
        stream = self._stream or sys.stderr
        try:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            stream.flush()
        except (OSError, ValueError):
            return  # nobody reads the log any more; machines are still to be served

    def failure(self, where: str, failure: RuntimeFailure) -> None:
        """Something did not work that a user may or may not have been told of; failures' sentences hold no secrets."""
        self.note("failure", where=where, kind=failure.kind.value, message=failure.message)

    def mistake(self, where: str, error: BaseException) -> None:
        """A defect of ours: its type and place. Its text stays out, for it may quote what somebody sent."""
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        place = " < ".join(f"{frame.filename.rpartition('rung/')[2]}:{frame.lineno}" for frame in reversed(frames))
        self.note("mistake", where=where, type=type(error).__name__, place=place)


class _Records(logging.Handler):
    """Takes what libraries log into the journal, with their fixed words only."""

    def __init__(self, journal: Journal, ours: bool) -> None:
        super().__init__(logging.INFO if ours else logging.WARNING)
        self._journal = journal
        self._ours = ours

    def emit(self, record: logging.LogRecord) -> None:
        # A library's format string is its author's; what is filled in, or was already, may be a peer's.
        words = record.getMessage() if self._ours else str(record.msg) if record.args else "(no fixed words)"
        self._journal.note(
            "log", logger=record.name, level=record.levelname, words=words.splitlines()[0] if words else ""
        )
        if record.exc_info and record.exc_info[1] is not None:
            self._journal.mistake(record.name, record.exc_info[1])


def take_over_logging(journal: Journal) -> None:
    """Have everything that is logged in this process go through the journal."""
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [_Records(journal, ours=False)]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    hub = logging.getLogger("rung")
    hub.handlers = [_Records(journal, ours=True)]
    hub.setLevel(logging.INFO)
    hub.propagate = False
