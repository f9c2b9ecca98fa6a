"""Two hosts with one certificate, as after copying a virtual machine: each throws the other out, for ever, and both look online."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_SECONDS: Final = 60.0
_OFTEN: Final = 4
"""An agent whose connection broke replaces its own session once."""
_SILENCE: Final = 600.0


@dataclass(slots=True)
class _Line:
    replaced: deque[float] = field(default_factory=lambda: deque(maxlen=_OFTEN))
    told: float | None = None


class Rivals:
    """Counts live sessions that were replaced by a new one of the same orchestrator."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def replaced(self, orchestrator: str, now: float) -> bool:
        """Note one, and whether it is time to say that two hosts must be at it.

        Args:
            orchestrator: whose session.
            now: seconds of a clock that only grows.
        """
        for name in [name for name, line in self._lines.items() if now - line.replaced[-1] > _SILENCE]:
            del self._lines[name]
        line = self._lines.setdefault(orchestrator, _Line())
        line.replaced.append(now)
        often = len(line.replaced) == _OFTEN and now - line.replaced[0] <= _SECONDS
        if not often or (line.told is not None and now - line.told < _SILENCE):
            return False
        line.told = now
        return True
