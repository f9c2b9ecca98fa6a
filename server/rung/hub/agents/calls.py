"""Calls to the agents that are connected here, from the message to the answer.

Invariant: a call is sent once at most and ends in exactly one way: with the agent's answer, with a failure that says that nothing was sent, or with
one that says that the outcome is not known. A session that ends fails its calls at once.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.failures import UnknownTopic, busy, hub_busy, lost, odd, offline, too_large, unanswered, unfit
from rung.hub.agents.packets import frame_size
from rung.hub.agents.sessions import Session

Emit = Callable[[str, str, "dict[str, object]", Callable[..., None]], Awaitable[None]]
"""`emit(sid, topic, message, answered)`: send an event and have `answered` called with the arguments of its acknowledgement."""


@dataclass(slots=True, eq=False)
class Pending:
    """A call that was sent and not answered.

    Attributes:
        answer: gets the arguments of the acknowledgement, or the failure.
        heard: somebody still waits for it.
        size: bytes that it holds.
        room: bytes that its answer may have.
    """

    topic: str
    answer: asyncio.Future[tuple[object, ...]]
    size: int
    room: int
    heard: bool = True
    timer: asyncio.TimerHandle | None = None


class Calls:
    """Calls to the agents of this process.

    Args:
        emit: sends.
        bounds: limits.
        largest: bytes that one message may have.
    """

    def __init__(self, emit: Emit, bounds: AgentBounds, largest: int) -> None:
        self._emit, self._bounds, self._largest = emit, bounds, largest
        self._numbers = itertools.count(1)
        self._outgoing = 0
        self.counts: Counter[str] = Counter()
        self.under_way = 0

    async def call(
        self, session: Session, topic: str, message: Mapping[str, object], timeout: float
    ) -> dict[str, object]:
        """Send a message and wait for its answer.

        Args:
            session: whose agent.
            topic: the event's name.
            message: its argument; it gets a `correlation_id` of ours.
            timeout: for the answer, in seconds.

        Raises:
            RuntimeFailure: see `Agents.call`.
        """
        number = next(self._numbers)
        payload: dict[str, object] = {**message, "correlation_id": number}
        size = self.fitting(topic, payload)
        turns = session.turns
        if turns is None:
            turns = session.turns = asyncio.Semaphore(self._bounds.calls)
        try:
            await asyncio.wait_for(turns.acquire(), self._bounds.wait_for_turn)
        except asyncio.TimeoutError:
            self.counts["busy"] += 1
            raise busy(self._bounds.calls) from None
        if not session.online or session.sid is None:
            turns.release()
            raise offline()
        if self._outgoing + size > self._bounds.outgoing:
            turns.release()
            raise hub_busy()
        pending = Pending(topic, asyncio.get_running_loop().create_future(), size, self._bounds.room(topic, message))
        session.pending[number] = pending
        self._outgoing += size
        self.under_way += 1
        try:
            await self._emit(session.sid, topic, payload, lambda *answer: self._answered(session, number, answer))
            answer = await asyncio.wait_for(asyncio.shield(pending.answer), timeout)
        except asyncio.TimeoutError:
            self.counts["unanswered"] += 1
            raise unanswered(topic, timeout) from None
        finally:
            pending.heard = False
            if not pending.answer.done():
                # The agent may still work on it, in one of its few threads.
                loop = asyncio.get_running_loop()
                pending.timer = loop.call_later(self._bounds.late_answer, self._release, session, number)
        return self._judged(topic, number, answer)

    def fitting(self, topic: str, payload: dict[str, object]) -> int:
        """The bytes of a message.

        Raises:
            RuntimeFailure: too many, or it has no JSON form; nothing was sent.
        """
        try:
            size = frame_size(topic, payload)
        except (ValueError, TypeError, RecursionError):
            raise unfit(topic) from None
        if size > self._largest:
            self.counts["too large"] += 1
            raise too_large(size, self._largest)
        return size

    def fail(self, session: Session, why: str | None = None) -> None:
        """The session has ended: whoever waits for an answer learns it now."""
        for number, pending in list(session.pending.items()):
            if pending.heard and not pending.answer.done():
                self.counts["lost"] += 1
                pending.answer.set_exception(lost(pending.topic, why) if why is not None else lost(pending.topic))
            self._release(session, number)

    def _answered(self, session: Session, number: int, answer: tuple[object, ...]) -> None:
        pending = session.pending.get(number)
        self._release(session, number)
        if pending is not None and pending.heard and not pending.answer.done():
            self.counts["answered"] += 1
            pending.answer.set_result(answer)

    def _release(self, session: Session, number: int) -> None:
        pending = session.pending.pop(number, None)
        if pending is None:
            return
        if pending.timer is not None:
            pending.timer.cancel()
        self._outgoing -= pending.size
        self.under_way -= 1
        if session.turns is not None:
            session.turns.release()

    def _judged(self, topic: str, number: int, answer: tuple[object, ...]) -> dict[str, object]:
        if not answer or answer[0] is None:
            raise UnknownTopic(topic)
        reply = answer[0]
        # An agent may leave out what it need not say; what it does say must belong to this call.
        if (
            isinstance(reply, dict)
            and reply.get("correlation_id", number) in (number, None)
            and reply.get("action", topic) in (topic, None)
        ):
            return reply
        self.counts["odd"] += 1
        raise odd(topic)
