"""Runs an uploader's blocking work in a thread that can be stopped between two steps."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from rung.boards.progress import FlashProgress
from rung.boards.uploaders.row import Upload


class Thread:
    """What the work in the thread sees of the world outside: whether it shall end, and where to tell how far it is."""

    def __init__(self, upload: Upload, loop: asyncio.AbstractEventLoop) -> None:
        self._upload = upload
        self._loop = loop
        self.stop = threading.Event()

    def tell(self, fraction: float | None, text: str) -> None:
        """Hand a step of the upload to the event loop."""
        step = FlashProgress("upload", fraction, text)
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody listens any more
            self._loop.call_soon_threadsafe(self._upload.progress, step)


async def in_thread(upload: Upload, work: Callable[[Thread], str]) -> str:
    """Return what the work returns.

    The work looks at `stop` between its steps and raises. When this task is cancelled, the work has ended before `CancelledError` passes, so
    that nobody else writes to the port then.
    """
    thread = Thread(upload, asyncio.get_running_loop())
    watching = asyncio.ensure_future(_pass_on(upload.cancel, thread.stop))
    running = asyncio.ensure_future(asyncio.to_thread(work, thread))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        thread.stop.set()
        while not running.done():
            with contextlib.suppress(asyncio.CancelledError):  # whoever is impatient waits as well
                await asyncio.wait({running})
        running.exception()  # it was stopped, so how it ended is known
        raise
    finally:
        watching.cancel()


async def _pass_on(cancel: asyncio.Event, stop: threading.Event) -> None:
    await cancel.wait()
    stop.set()
