"""A time limit that never swallows a cancellation.

`asyncio.wait_for` does so before Python 3.12 when the work ends in the same instant (CPython issue 86296): a watch that was told
to end would then go on for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

_Result = TypeVar("_Result")


async def within(seconds: float, work: Coroutine[object, object, _Result]) -> _Result:
    """The result of `work`, which is cancelled with us and at the end of the time.

    Raises:
        TimeoutError: it took longer.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # looked at, so that nobody misses it when we were cancelled ourselves
    raise TimeoutError


def dealt_with() -> None:
    """Tell the running task, from Python 3.11, that its latest cancellation has been obeyed."""
    uncancel = getattr(asyncio.current_task(), "uncancel", None)
    if uncancel is not None:
        uncancel()
