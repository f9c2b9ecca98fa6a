"""Follows containers that are being made or removed, by asking the agent, until that has ended one way or the other.

Invariant: nothing is ever asked for a second time here. What a lost session left in the dark is read, never repeated. What was under
way when the hub ended is taken up again when it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rung.hub.api.asking import Asking, said
from rung.hub.api.shapes import vplc_shape
from rung.hub.bus import Bus, Event
from rung.hub.records import Orchestrator, Vplc, VplcState
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.journal import Journal
    from rung.hub.store import Store

UNFINISHED: Final = frozenset({VplcState.REQUESTED, VplcState.CREATING, VplcState.DELETING})
_SLOWER: Final = 4
"""How many times longer the pause is after a failure."""
_BELIEVED_AFTER: Final = 8.0
"""Seconds that an agent must go on saying that it does not know a container whose request was lost: it may only be slow."""
_SWEEP: Final = 5.0


class VplcProgress:
    """One watch for each container under way whose agent this process talks to.

    Args:
        store: where states are kept.
        bus: who is told of them.
        asking: the way to the agents.
        journal: the hub's log.
        process: this process, which takes up what others of its kind have left behind.
        pause: seconds between two questions.
    """

    def __init__(
        self, store: Store, bus: Bus, asking: Asking, journal: Journal, process: str, pause: float = 1.5
    ) -> None:
        self._store = store
        self._bus = bus
        self._asking = asking
        self._journal = journal
        self._process = process
        self._pause = pause
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is under way, now and whenever an agent comes back."""
        self._sweeper = asyncio.create_task(self._sweep(), name="vplc progress")

    async def stop(self) -> None:
        """End all watches; the containers go their way, and the next start takes it up again."""
        tasks = [*self._watches.values(), *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._watches.clear()

    def watch(self, orchestrator: Orchestrator, vplc_id: str) -> None:
        """Follow a container until it runs, is gone, or has failed."""
        if vplc_id in self._watches:
            return
        task = asyncio.create_task(self._follow(orchestrator, vplc_id), name="vplc")
        self._watches[vplc_id] = task
        task.add_done_callback(lambda done: self._ended(vplc_id, done))

    async def read(self, orchestrator: Orchestrator, vplc: Vplc) -> tuple[Vplc | None, dict[str, object]]:
        """Ask the agent, and keep what it says.

        Returns:
            The vPLC as it is now, None when it was removed, and the agent's reply.

        Raises:
            RuntimeFailure: the agent cannot be asked.
        """
        reply = await self._asking.reply(orchestrator.id, "get_device_status", {"device_id": vplc.id})
        found = reading(vplc, reply)
        if found is None:
            return vplc, reply
        if found[0] is VplcState.GONE and vplc.state is VplcState.DELETING:
            await self._store.remove_vplc(vplc)
            await self.tell(orchestrator, vplc, found[0], found[1], removed=True)
            return None, reply
        if found[0] is VplcState.GONE and vplc.state in UNFINISHED:
            return vplc, reply  # whoever follows it decides when to believe that
        if found != (vplc.state, vplc.message):
            vplc = await self.keep(orchestrator, vplc, *found)
        return vplc, reply

    async def keep(self, orchestrator: Orchestrator, vplc: Vplc, state: VplcState, message: str) -> Vplc:
        """Store a state and tell everybody who listens."""
        await self._store.set_vplc_state(vplc.id, state, message)
        now = await self._store.vplc(orchestrator.id, vplc.id) or vplc
        await self.tell(orchestrator, now, now.state, now.message)
        return now

    async def kept_if_possible(self, orchestrator: Orchestrator, vplc: Vplc, state: VplcState, message: str) -> Vplc:
        """`keep`, after the agent was asked: a database that fails now must not make what was done look as if it was not.

        What could not be stored stays as under way, and is read from the agent later.
        """
        try:
            return await self.keep(orchestrator, vplc, state, message)
        except RuntimeFailure as failure:
            self._journal.failure("vplc state", failure)
            return replace(vplc, state=state, message=message)

    async def tell(
        self, orchestrator: Orchestrator, vplc: Vplc, state: VplcState, message: str, removed: bool = False
    ) -> None:
        """Publish a vPLC's state."""
        shape = vplc_shape(vplc) | {"state": state.value, "message": message}
        data = {"orchestrator": orchestrator.id, "vplc": shape, "removed": removed}
        await self._bus.publish(Event(orchestrator.tenant, "vplc", data))

    async def _follow(self, orchestrator: Orchestrator, vplc_id: str) -> None:
        unknown_since: float | None = None
        while True:
            vplc = await self._store.vplc(orchestrator.id, vplc_id)
            if vplc is None or vplc.state not in UNFINISHED:
                return
            pause = self._pause
            try:
                now, reply = await self.read(orchestrator, vplc)
                if now is None or now.state not in UNFINISHED:
                    return
                if reply.get("status") != "not_found":
                    unknown_since = None
                elif unknown_since is None:
                    unknown_since = time.monotonic()
                elif time.monotonic() - unknown_since > _BELIEVED_AFTER:
                    await self.keep(orchestrator, now, VplcState.GONE, _NEVER_MADE)
                    return
            except RuntimeFailure as failure:
                if failure.kind is Kind.UNREACHABLE:
                    return  # the sweep takes it up when the agent is back
                pause *= _SLOWER
            await asyncio.sleep(pause)

    async def _sweep(self) -> None:
        while True:
            try:
                await self._take_up()
            except RuntimeFailure as failure:
                self._journal.failure("vplc progress", failure)
            await asyncio.sleep(_SWEEP)

    async def _take_up(self) -> None:
        left = [vplc for vplc in await self._store.unfinished_vplcs() if vplc.id not in self._watches]
        if not left:
            return
        sessions = await self._store.sessions(sorted({vplc.orchestrator for vplc in left}))
        for vplc in left:
            if vplc.orchestrator in sessions and sessions[vplc.orchestrator][0] == self._process:
                orchestrator = await self._store.orchestrator_of_agent(vplc.orchestrator)
                if orchestrator is not None:
                    self.watch(orchestrator, vplc.id)

    def _ended(self, vplc_id: str, task: asyncio.Task[None]) -> None:
        self._watches.pop(vplc_id, None)
        with contextlib.suppress(asyncio.CancelledError):
            if error := task.exception():
                self._journal.mistake("vplc progress", error)


_NEVER_MADE: Final = (
    "The orchestrator has no such container: the request did not reach it, or its attempt was lost in a restart. "
    "Delete this entry and create the vPLC again."
)


def reading(vplc: Vplc, reply: Mapping[str, object]) -> tuple[VplcState, str] | None:
    """What an agent's status (orchestrator protocol, section 2.4) means for a vPLC; None when it says nothing of use."""
    status = reply.get("status")
    if status == "success":
        runs = reply.get("is_running") is True
        word = reply.get("container_status")
        message = "" if runs else f"Its container is {clean(word, 40) if isinstance(word, str) else 'not running'}."
        if vplc.state is VplcState.DELETING:
            message = f"Its deletion has not been carried out. {message}".rstrip()
        return (VplcState.RUNNING if runs else VplcState.STOPPED), message
    if status == "not_found":
        return VplcState.GONE, "The orchestrator has no such container."
    if status in ("creating", "deleting"):
        step = reply.get("step")
        message = clean(step, 60).replace("_", " ") if isinstance(step, str) else ""
        return (VplcState.CREATING if status == "creating" else VplcState.DELETING), message
    if status == "error" and isinstance(reply.get("operation"), str):
        return VplcState.ERROR, said(reply)
    return None
