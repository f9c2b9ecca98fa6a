"""Waiting for a device's compiler: each log line is shown once, and a small computer may fall silent for a while.

While a Raspberry Pi compiles, it may refuse connections for a minute (runtime protocol, section 7), so transport failures
count only when ten of them follow each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import Compilation

TRANSPORT = {Kind.REFUSED, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.LOST, Kind.DNS, Kind.NOT_OPENPLC}
"""Failures that tell nothing of the machine, only that it did not answer."""
_MOST_FAILURES = 10
_LAST_WORDS = 0.3


class Compiling(Protocol):
    """A machine that compiles what it was sent."""

    async def compilation(self) -> Compilation:
        """The log so far, and the verdict."""


async def follow_compilation(
    machine: Compiling,
    on_line: Callable[[str], None],
    *,
    poll: float = 1.0,
    deadline: float = 1200.0,
    end_unknown: str = "it may have the new program, the old one, or none",
) -> Compilation:
    """Wait for the verdict on the program that was just uploaded.

    Args:
        machine: who compiles.
        on_line: told every new line of the log, once.
        poll: seconds between two looks.
        deadline: seconds after which we give up waiting; the device goes on.
        end_unknown: what may be true of the machine when nobody hears of it any more, as a part of a sentence.

    Raises:
        RuntimeFailure: `compile-failed` when the verdict will never come, `timeout`, or the tenth transport failure;
            its message says what may be true of the machine.
    """
    began = time.monotonic()
    shown: tuple[str, ...] = ()
    failures = 0
    verdict = False
    while True:
        try:
            now = await machine.compilation()
        except RuntimeFailure as failure:
            failures += 1
            if failure.kind not in TRANSPORT or failures >= _MOST_FAILURES:
                raise RuntimeFailure(
                    failure.kind,
                    f"{failure.message} The device was compiling, and how that ended is not known: {end_unknown}.",
                    failure.hint,
                ) from None
            verdict = False
        else:
            failures = 0
            for line in _news(shown, now.log):
                on_line(line)
            shown = now.log
            if now.finished and verdict:
                return now
            if now.state == "IDLE":
                raise RuntimeFailure(
                    Kind.COMPILE_FAILED,
                    "The runtime was restarted while it compiled, and has forgotten how that went. "
                    f"What it does now is not known: {end_unknown}.",
                    "Check that the device has enough memory and steady power, then deploy again.",
                )
            # The first verdict is not yet the last word: lines arrive after it, and it flips back for an instant while
            # the device writes its plug-ins' configuration (section 1.4). It must be seen twice.
            verdict = now.finished
        if time.monotonic() - began > deadline:
            raise RuntimeFailure(
                Kind.TIMEOUT,
                f"The device has been compiling for {deadline / 60:.0f} minutes. It cannot be recalled, and nobody waits for "
                f"its end any more: {end_unknown}.",
                "Look at the device's state later (rung status).",
            )
        await asyncio.sleep(min(_LAST_WORDS, poll) if verdict else poll)


def _news(shown: tuple[str, ...], log: tuple[str, ...]) -> tuple[str, ...]:
    """The lines not shown yet. A log that is shorter, or differs where it was shown, has been begun anew."""
    return log[len(shown) :] if log[: len(shown)] == shown else log
