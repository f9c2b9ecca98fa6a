"""What hub processes tell each other through Redis: messages on channels, and small values that expire.

Invariant: nothing that comes from Redis is ever unpickled or evaluated: handlers get bytes, and only those that a process of this hub has sealed. The feed connects again by itself for ever; whoever
listens is told of every gap, because what was published meanwhile is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from rung.hub.seal import Seal

_log = logging.getLogger("rung.hub.redis")
_CONNECTIONS: Final = 16
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 5.0
_PING_EVERY_SECONDS: Final = 4.0
_SILENCE_SECONDS: Final = 10.0
_LONGEST_PAUSE_SECONDS: Final = 2.0
_QUIET_SECONDS: Final = 60.0
_FAILURES: Final = (RedisError, OSError, asyncio.TimeoutError)

Handler = Callable[[bytes], None]


class RedisGoneError(Exception):
    """Redis does not answer; whether it heard is not known."""


class RedisFeed:
    """One process's connection to Redis.

    Args:
        url: `redis://`, `rediss://` or `unix://`; may hold a password, so it is never shown.
        seal: seals whatever goes into Redis, and opens what comes out.
    """

    def __init__(self, url: str, seal: Seal) -> None:
        # The library would repeat a command whose answer it missed: a message could be heard, and an upload done, twice.
        pool = aioredis.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_ANSWER_SECONDS,  # who finds all of them in use waits so long
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_ANSWER_SECONDS,
            health_check_interval=15,
            retry=Retry(NoBackoff(), 0),
        )
        self._seal = seal
        self._foreign = -_QUIET_SECONDS
        self._client = aioredis.Redis.from_pool(pool)
        self._handlers: dict[str, Handler] = {}
        self._on_gap: list[Callable[[], None]] = []
        self._pubsub: aioredis.client.PubSub | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether messages of other processes arrive now."""
        return self._ready.is_set()

    def on_gap(self, told: Callable[[], None]) -> None:
        """Have `told` called whenever messages may have been missed: once when the connection is lost, once when it is back."""
        self._on_gap.append(told)

    async def start(self, wait: float = 2.0) -> None:
        """Begin to listen; returns when the channels are heard, or after `wait` seconds, when Redis is away (it is tried for ever)."""
        self._task = asyncio.create_task(self._listen(), name="redis feed")
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ready.wait(), wait)

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        with contextlib.suppress(*_FAILURES):
            await self._client.aclose()

    async def subscribe(self, channel: str, handler: Handler) -> None:
        """Have `handler` called, in the event loop and in order, with each message of the channel; now, or as soon as Redis is back."""
        self._handlers[channel] = handler
        if self._pubsub is not None and self.connected:
            with contextlib.suppress(*_FAILURES):
                await self._pubsub.subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Hear no more of the channel."""
        self._handlers.pop(channel, None)
        if self._pubsub is not None and self.connected:
            with contextlib.suppress(*_FAILURES):
                await self._pubsub.unsubscribe(channel)

    async def publish(self, channel: str, message: bytes) -> int:
        """Send a message; returns how many processes heard it.

        Raises:
            RedisGoneError: Redis did not answer.
        """
        try:
            return int(await self._client.publish(channel, self._seal.close(channel, message)))
        except _FAILURES as error:
            raise RedisGoneError(type(error).__name__) from None

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a value for some seconds.

        Raises:
            RedisGoneError: Redis did not answer.
        """
        try:
            await self._client.set(key, self._seal.close(key, value), ex=seconds)
        except _FAILURES as error:
            raise RedisGoneError(type(error).__name__) from None

    async def get(self, keys: Iterable[str]) -> list[bytes | None]:
        """The values of the keys, None where there is none.

        Raises:
            RedisGoneError: Redis did not answer.
        """
        wanted = list(keys)
        if not wanted:
            return []
        try:
            values = await self._client.mget(wanted)
        except _FAILURES as error:
            raise RedisGoneError(type(error).__name__) from None
        return [
            self._seal.open(key, value, once=False) if isinstance(value, bytes) else None
            for key, value in zip(wanted, values, strict=True)
        ]

    async def answers(self) -> bool:
        """Whether Redis answers a ping now. One that fails is repeated once: its connection may be of a server that is gone."""
        for _ in range(2):
            with contextlib.suppress(*_FAILURES):
                return bool(await self._client.ping())
        return False

    async def _listen(self) -> None:
        pause = 0.1
        while True:
            pubsub = self._client.pubsub(ignore_subscribe_messages=True)
            try:
                await pubsub.subscribe("rung.feed", *self._handlers)
                self._pubsub = pubsub
                late = [channel for channel in self._handlers if channel.encode() not in pubsub.channels]
                if late:
                    await pubsub.subscribe(*late)
                await pubsub.ping()
                pause = 0.1
                # Those in the pool may be of the server that is gone: a message on one would be lost without a sign.
                await self._client.connection_pool.disconnect(inuse_connections=False)
                self._ready.set()
                self._tell_gap()
                await self._hear(pubsub)
            except _FAILURES as error:
                if self._ready.is_set():
                    _log.warning(
                        "Redis is gone (%s). Agents of this process still work; those of other processes do not.",
                        type(error).__name__,
                    )
            finally:
                was_ready = self._ready.is_set()
                self._pubsub = None
                self._ready.clear()
                with contextlib.suppress(*_FAILURES):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # the library has no annotation there
                if was_ready:
                    self._tell_gap()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _hear(self, pubsub: aioredis.client.PubSub) -> None:
        """Hand out messages until the connection is lost; a Redis that is silent though asked counts as lost."""
        loop = asyncio.get_running_loop()
        heard = asked = loop.time()
        while True:
            message = await pubsub.get_message(timeout=1.0)
            now = loop.time()
            if message is not None:
                heard = now
                self._hand_out(message)
            elif now - heard > _SILENCE_SECONDS:
                raise asyncio.TimeoutError
            if now - asked > _PING_EVERY_SECONDS:
                asked = now
                await pubsub.ping()

    def _hand_out(self, message: dict[str, object]) -> None:
        channel, data = message.get("channel"), message.get("data")
        if message.get("type") != "message" or not isinstance(channel, bytes) or not isinstance(data, bytes):
            return
        name = channel.decode("utf-8", "replace")
        handler = self._handlers.get(name)
        if handler is None:
            return
        opened = self._seal.open(name, data)
        if opened is not None:
            handler(opened)
        elif time.monotonic() - self._foreign > _QUIET_SECONDS:
            self._foreign = time.monotonic()
            _log.error(
                "A message over Redis was not sealed by a process of this hub, or came twice; such messages are ignored. All processes of a hub "
                "need the same keys in their folders; if they have them, somebody else writes to this Redis."
            )

    def _tell_gap(self) -> None:
        for told in self._on_gap:
            told()


def feed_of(url: str | None, seal: Seal | None) -> RedisFeed | None:
    """The feed of a hub with several processes; None for a hub of one.

    Raises:
        ValueError: there is nothing to seal with.
    """
    if url is None:
        return None
    if seal is None:
        raise ValueError("what goes through Redis must be sealed")
    return RedisFeed(url, seal)
