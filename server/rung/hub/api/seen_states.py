"""What vPLCs' runtimes last said of their programs, overheard from answers that this process relayed.

The hub has no account on any runtime, so this is all that it can know. It counts for ten seconds and no longer.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_COUNTS_FOR: Final = 10.0
_MOST: Final = 20_000
_WORDS: Final = frozenset({"EMPTY", "INIT", "RUNNING", "STOPPED", "ERROR"})


class SeenStates:
    """The last states of programs.

    Args:
        alone: whether this is the hub's only process. If not, another may have passed on a start that this one has not heard of, and
            nothing is ever known.
        clock: seconds that only go forward.
    """

    def __init__(self, alone: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._alone = alone
        self._clock = clock
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def now(self) -> float:
        """The moment before a question, for `note`."""
        return self._clock()

    def note(self, vplc_id: str, asked: float, body: object) -> None:
        """Take the state from the body of an answer to `api/status`, if there is one in it.

        Args:
            asked: when the question was put; what was done to the machine after that makes the answer worthless.
        """
        word = body.get("status") if isinstance(body, dict) else None
        state = word.removeprefix("STATUS:").strip() if isinstance(word, str) and word.startswith("STATUS:") else ""
        if self._seen.get(vplc_id, ("", -1.0))[1] < asked:
            self._keep(vplc_id, state if state in _WORDS else "", asked)

    def forget(self, vplc_id: str) -> None:
        """Something was done that may have changed it."""
        self._keep(vplc_id, "", self._clock())

    def state(self, vplc_id: str) -> str | None:
        """`RUNNING`, `STOPPED` and so on, as of the last ten seconds; None when that is not known."""
        state, at = self._seen.get(vplc_id, ("", 0.0))
        return state if self._alone and state and self._clock() - at <= _COUNTS_FOR else None

    def _keep(self, vplc_id: str, state: str, at: float) -> None:
        self._seen[vplc_id] = (state, at)
        self._seen.move_to_end(vplc_id)
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)
