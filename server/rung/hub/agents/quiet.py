"""The log of the Socket.IO library, which writes whole packets: passwords, tokens, programs.

Invariant: nothing below WARNING gets out, whatever the logging of the process is set to, and no flood of it.
"""

from __future__ import annotations

import logging
import time
from typing import Final

_PER_MINUTE: Final = 20


class _Quiet(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._minute = 0
        self._written = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return False
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._written = minute, 0
        self._written += 1
        # A trace of a fault in the library says where it was; its text may quote what an agent sent.
        if record.exc_info and record.exc_info[0] is not None:
            record.msg, record.args = f"{record.getMessage()} ({record.exc_info[0].__name__})", None
            record.exc_info = record.exc_text = None
        return self._written <= _PER_MINUTE


def quiet_logger() -> logging.Logger:
    """The logger to give to the library."""
    logger = logging.getLogger("rung.hub.agents.socketio")
    logger.setLevel(logging.WARNING)
    if not any(isinstance(one, _Quiet) for one in logger.filters):
        logger.addFilter(_Quiet())
    return logger
