"""A start or stop whose answer never came: the command may have been carried out all the same, so the machine's state is asked for.

Nothing is sent a second time: a start that is carried out twice may interrupt a program that runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState, RuntimeStatus

_UNANSWERED = (Kind.TIMEOUT, Kind.LOST, Kind.NOT_OPENPLC)
_POLL = 0.15


async def state_instead(
    failure: RuntimeFailure,
    status: Callable[[], Awaitable[RuntimeStatus]],
    reached: Callable[[PlcState], bool],
    patience: float,
) -> RuntimeStatus:
    """The state that the command should have led to.

    Args:
        failure: of the command.
        status: asks the machine for its state.
        reached: whether a state is the one that was wanted.
        patience: seconds for which it is waited for.

    Raises:
        RuntimeFailure: `failure`, if it is another one than a missing answer, or if the machine does not say what it does; else one of
            the same kind that says in which state the machine is.
    """
    if failure.kind not in _UNANSWERED:
        raise failure
    began = time.monotonic()
    while True:
        try:
            now = await status()
        except RuntimeFailure:
            raise failure from None
        if reached(now.state):
            return now
        if time.monotonic() - began > patience:
            raise RuntimeFailure(
                failure.kind,
                f"{failure.message} At this moment {now.state.sentence}, but the command may yet be carried out.",
                "Look at the state of the machine (rung status) before you try again.",
            )
        await asyncio.sleep(_POLL)
