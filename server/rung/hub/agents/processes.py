"""Agents that other hub processes hold: Socket.IO's client manager over Redis, sending each message to the one process that it is for.

The library's own Redis manager tells every message to every process, uploads too, and swallows what goes wrong. This one keeps its protocol (emit,
callback, disconnect) and differs in that: the name of a channel is the process's, a message that nobody heard is a failure, and the holder of the
agent answers with the outcome, so limits and lost sessions are judged where they happen.

Invariant: what comes over Redis is JSON of bounded size and known form; it is never unpickled. A call is published once at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import socketio  # type: ignore[import-untyped]  # it ships no types

from rung.hub.agents.failures import UnknownTopic, elsewhere, lost, odd, unanswered
from rung.hub.redis_feed import RedisFeed, RedisGoneError
from rung.runtimes.errors import Kind, RuntimeFailure

_log = logging.getLogger("rung.hub.agents")
_CHANNEL: Final = "rung.agents."
_LARGEST: Final = 48 * 1024 * 1024
_ANSWER: Final = 24 * 1024 * 1024  # Redis ends a listener that is 32 MB behind
_QUEUE: Final = 1000
_CALL: Final = "rung:call"
_LONGEST_CALL: Final = 600.0
_GRACE: Final = 3.0
_HAND_BACK_PAUSES: Final = (0.2, 0.5, 1.0)

Serve = Callable[[str, str, Mapping[str, object], float], Awaitable["dict[str, object]"]]
"""`serve(sid, topic, message, timeout)`: a call to an agent of this process."""


class NobodyHeardError(Exception):
    """The process that a message was for does not listen."""


class ProcessManager(socketio.async_pubsub_manager.AsyncPubSubManager):  # type: ignore[misc]  # its base has no types
    """Socket.IO's client manager for one of several hub processes.

    Args:
        feed: the connection to Redis.
        process: this process's name.
        serve: answers calls of other processes.
        end: ends a session of this process: `end(sid, why)`.
    """

    name = "rung"

    def __init__(self, feed: RedisFeed, process: str, serve: Serve, end: Callable[[str, str], None]) -> None:
        super().__init__(channel=_CHANNEL + process)
        self.host_id = process
        self._feed, self._serve, self._end = feed, serve, end
        self._holders: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._answers: set[asyncio.Future[list[object]]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Listen from now on; the library would wait for the first agent, and miss what other processes ask before."""
        self.initialize()
        await self._feed.subscribe(self.channel, self._take)

    async def finish(self) -> None:
        """Hang up."""
        self.thread.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(self.thread, *self._tasks, return_exceptions=True)

    async def call(
        self,
        holder: str,
        sid: str,
        topic: str,
        message: Mapping[str, object],
        timeout: float,
        still: Callable[[], Awaitable[bool]],
    ) -> dict[str, object]:
        """Have another process call its agent.

        Args:
            holder: that process.
            sid: the agent's session there.
            topic, message, timeout: of the call.
            still: asks whether that session is still there.

        Raises:
            RuntimeFailure: as the holder says, UNREACHABLE when it was not asked, LOST when its answer is missing.
        """
        # Redis may be back before this process hears it again: an answer would be missed.
        if not self._feed.connected or not await self._feed.answers():
            raise elsewhere("Redis does not answer")
        answer: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()

        def answered(*outcome: object) -> None:
            if not answer.done():
                answer.set_result(list(outcome))

        self._holders[sid] = holder
        self._answers.add(answer)
        try:
            envelope = {"topic": topic, "message": dict(message), "timeout": timeout}
            await self.emit(_CALL, envelope, namespace="/", room=sid, callback=answered)
            outcome = await self._wait(answer, topic, timeout + _GRACE, still)
        except NobodyHeardError:
            raise elsewhere("it does not listen") from None
        except RedisGoneError:
            raise lost(topic, "Redis was lost") from None
        finally:
            self._answers.discard(answer)
            waiting: dict[int, object] = self.callbacks.get(sid, {})
            for number in [number for number, told in waiting.items() if told is answered]:
                del waiting[number]
            if not waiting:
                self.callbacks.pop(sid, None)
                self._holders.pop(sid, None)
        return _outcome(topic, outcome)

    async def end_elsewhere(self, holder: str, sid: str, why: str) -> bool:
        """Have another process end a session; whether it heard."""
        try:
            await self._send(holder, {"method": "disconnect", "sid": sid, "why": why, "host_id": self.host_id})
        except (NobodyHeardError, RedisGoneError):
            return False
        return True

    def fail(self) -> None:
        """Redis was lost or is back: answers may have been missed, so whoever waits for one learns that now."""
        for answer in list(self._answers):
            if not answer.done():
                answer.set_exception(RedisGoneError())

    async def _wait(
        self, answer: asyncio.Future[list[object]], topic: str, seconds: float, still: Callable[[], Awaitable[bool]]
    ) -> list[object]:
        """Wait for the answer, and look now and then whether its process still lives."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while True:
            left = until - loop.time()
            await asyncio.wait({answer}, timeout=max(0.0, min(left, 2.0)))
            if answer.done():
                return answer.result()
            if left <= 0:
                raise unanswered(topic, seconds - _GRACE)
            if not await still():
                raise lost(topic, "The hub process that held the agent's connection has ended")

    def _generate_ack_id(self, sid: str, callback: Callable[..., None]) -> int:
        """Numbers for answers; those of other processes' agents are never used again, for an answer may be late."""
        if sid not in self._holders:
            return int(super()._generate_ack_id(sid, callback))
        number = next(self._numbers)
        self.callbacks.setdefault(sid, {})[number] = callback
        return number

    async def _publish(self, data: dict[str, Any]) -> None:
        """Send one of the library's messages to the process that it is for."""
        if data["method"] == "emit":
            holder = self._holders.get(data["room"])
        elif data["method"] == "callback":
            holder = data["host_id"]
        else:
            holder = None
        if holder is None:
            raise NobodyHeardError
        await self._send(holder, data)

    async def _send(self, holder: str, data: Mapping[str, object]) -> None:
        message = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
        if await self._feed.publish(_CHANNEL + holder, message) == 0:
            raise NobodyHeardError

    def _take(self, message: bytes) -> None:
        if len(message) > _LARGEST or self._incoming.full():
            _log.error("A message of another hub process is too large or too many; it is dropped.")
            return
        self._incoming.put_nowait(message)

    async def _listen(self) -> AsyncIterator[dict[str, Any]]:
        """The messages for this process, those of known form only."""
        while True:
            try:
                message = json.loads(await self._incoming.get())
            except (ValueError, RecursionError):
                message = None
            if (
                isinstance(message, dict)
                and message.get("method") in ("emit", "callback", "disconnect")
                and isinstance(message.get("host_id"), str)
            ):
                yield message
            else:
                _log.warning("Something that is no message of a hub process came over Redis; it is ignored.")

    async def _handle_emit(self, message: dict[str, Any]) -> None:
        """A call of another process; our own come by here first, and are not for this process."""
        if message.get("host_id") == self.host_id:
            return
        task = asyncio.get_running_loop().create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: dict[str, Any]) -> None:
        try:
            (envelope,) = message["data"]
            sid, namespace, number = message["callback"]
            topic, argument, timeout = envelope["topic"], envelope["message"], float(envelope["timeout"])
            if (
                not isinstance(sid, str)
                or not isinstance(topic, str)
                or not isinstance(argument, dict)
                or message["event"] != _CALL
            ):
                raise TypeError
        except (KeyError, TypeError, ValueError):
            _log.warning("A call of another hub process has not the right form; it is ignored.")
            return
        try:
            outcome: list[object] = ["answer", await self._serve(sid, topic, argument, min(timeout, _LONGEST_CALL))]
            if len(json.dumps(outcome)) > _ANSWER:
                raise RuntimeFailure(
                    Kind.INTERNAL,
                    f"The agent's answer to {topic!r} is too large to be handed from one hub process to another.",
                    "Ask the hub process that holds the agent.",
                )
        except UnknownTopic:
            outcome = ["unknown"]
        except RuntimeFailure as failure:
            outcome = ["failure", failure.kind.value, failure.message, failure.hint]
        for pause in _HAND_BACK_PAUSES:
            # Safe to repeat: an answer that comes twice finds nobody who waits for its number.
            with contextlib.suppress(RedisGoneError, NobodyHeardError):
                await self._return_callback(message["host_id"], sid, namespace, number, *outcome)
                return
            await asyncio.sleep(pause)
        _log.warning("The answer to a call of hub process %r could not be handed back.", message["host_id"])

    async def _handle_disconnect(self, message: dict[str, Any]) -> None:
        sid, why = message.get("sid"), message.get("why")
        if isinstance(sid, str):
            self._end(sid, why if isinstance(why, str) else "another hub process asked for it")


def _outcome(topic: str, outcome: list[object]) -> dict[str, object]:
    """What the holder said, as the caller is to get it."""
    if len(outcome) == 2 and outcome[0] == "answer" and isinstance(outcome[1], dict):
        return outcome[1]
    if outcome == ["unknown"]:
        raise UnknownTopic(topic)
    if len(outcome) == 4 and outcome[0] == "failure":
        try:
            raise RuntimeFailure(Kind(outcome[1]), str(outcome[2]), str(outcome[3]))
        except ValueError:
            pass
    raise odd(topic)
