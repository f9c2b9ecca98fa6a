"""Ending child processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys


async def end_at_once(process: asyncio.subprocess.Process) -> None:
    """Kill a child that leads its own session, with everything that it has started, and wait until it is gone.

    `Process.kill` is not used: it looks at the child's state first, and so may take the exit status away from the loop.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    await process.wait()
