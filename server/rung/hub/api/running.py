"""Whether the program of a vPLC runs, asked before something ends it.

Invariant: what a client says of a machine is never taken for its state. Where the hub cannot know, it says so and asks, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from rung.hub.api.answers import NeedsConfirmation
from rung.hub.api.call import Call
from rung.hub.records import Vplc
from rung.runtimes.errors import RuntimeFailure

_NAMED = 5


async def confirm_end(call: Call, vplcs: Sequence[Vplc], what: str, confirmed: bool) -> None:
    """See that nothing moves a machine any more, or that the user knows that something does.

    Args:
        call: the request.
        vplcs: what is to be ended.
        what: what is about to happen, to end a sentence with.
        confirmed: the user has been asked.

    Raises:
        NeedsConfirmation: a program runs, or may run.
    """
    if confirmed:
        return
    running: list[str] = []
    unknown: list[str] = []
    for vplc in vplcs:
        state = await _state(call, vplc)
        if state is None:
            unknown.append(vplc.name)
        elif state:
            running.append(vplc.name)
    sentences = []
    if running:
        sentences.append(f"{_names(running)} RUNS its program now.")
    if unknown:
        sentences.append(f"It cannot be known whether the program of {_names(unknown)} runs.")
    if sentences:
        raise NeedsConfirmation(
            f"{' '.join(sentences)} To {what} ends it at once, and its outputs keep no defined state. "
            "See that the machine is safe, then confirm."
        )


async def _state(call: Call, vplc: Vplc) -> bool | None:
    """Whether its program runs; None when that cannot be known."""
    try:
        reply = await call.desk.asking.reply(call.orchestrator.id, "get_device_status", {"device_id": vplc.id})
    except RuntimeFailure:
        return None
    status = reply.get("status")
    if status == "not_found":
        return False
    if status == "success" and reply.get("is_running") is False:
        return False
    heard = call.desk.states.state(vplc.id)
    return None if heard is None else heard not in ("EMPTY", "STOPPED")


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
