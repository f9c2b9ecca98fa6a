"""Events for editors: what changed, told to every subscriber of the tenant, in whichever hub process it is.

Invariant: a subscriber hears each event once and in order, or it gets a `resync` event and has to read everything again; it never misses an event
without being told. Publishing never waits for a subscriber.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rung.hub.redis_feed import RedisFeed, RedisGoneError, feed_of
from rung.hub.seal import Seal

_log = logging.getLogger("rung.hub.bus")
QUEUE: Final = 256
RESYNC: Final = "resync"
_KINDS: Final = ("orchestrator", "vplc", "enrolment", RESYNC)
_CHANNEL: Final = "rung.events."
_LARGEST_EVENT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """Something that editors should know.

    Attributes:
        tenant: whose editors.
        kind: `orchestrator`, `vplc` or `enrolment`; `resync` for "some events were lost: read all again".
        data: JSON values without secrets.
    """

    tenant: str
    kind: str
    data: Mapping[str, object] = field(default_factory=dict)


class Subscription(AsyncIterator[Event]):
    """The events of one tenant, as they come; use it in `async with`, or end it with `aclose`."""

    def __init__(self, bus: Bus, tenant: str) -> None:
        self.tenant = tenant
        self._bus = bus
        self._events: deque[Event] = deque()
        self._some = asyncio.Event()
        self._ended = False

    def deliver(self, event: Event) -> None:
        """Add an event; when the subscriber is too slow, all of them become one `resync`."""
        if len(self._events) >= QUEUE or event.kind == RESYNC:
            self._events.clear()
            event = Event(self.tenant, RESYNC)
        self._events.append(event)
        self._some.set()

    async def __anext__(self) -> Event:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._some.clear()
            await self._some.wait()
        return self._events.popleft()

    async def aclose(self) -> None:
        """End the subscription; who waits for an event gets no more."""
        self._ended = True
        self._some.set()
        await self._bus.leave(self)

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Bus:
    """Tells events to subscribers.

    Args:
        redis_url: the Redis that the hub's processes share; None for a hub of one process.
        seal: for what goes through it.
    """

    def __init__(self, redis_url: str | None = None, seal: Seal | None = None) -> None:
        self._feed = feed_of(redis_url, seal)
        self._origin = secrets.token_hex(8)
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._unheard: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def shared(self) -> bool:
        """Whether events of other processes arrive now; a hub of one process has no others."""
        return self._feed is None or self._feed.connected

    async def start(self) -> None:
        """Begin to hear other processes; does not fail when Redis is away."""
        if self._feed is not None:
            self._feed.on_gap(self._after_gap)
            await self._feed.start()

    async def stop(self) -> None:
        """End every subscription."""
        for subscription in [one for group in self._subscriptions.values() for one in group]:
            await subscription.aclose()
        for task in list(self._tasks):
            task.cancel()
        if self._feed is not None:
            await self._feed.stop()

    async def publish(self, event: Event) -> None:
        """Tell an event. Editors at this process hear it always; those at others are told to read again if Redis was away."""
        self._deliver(event)
        if self._feed is None:
            return
        text = json.dumps({"from": self._origin, "kind": event.kind, "data": dict(event.data)}, allow_nan=False)
        try:
            await self._feed.publish(_CHANNEL + event.tenant, text.encode())
        except RedisGoneError:
            self._unheard.add(event.tenant)

    def subscribe(self, tenant: str) -> Subscription:
        """Hear the tenant's events from now on."""
        subscription = Subscription(self, tenant)
        group = self._subscriptions.setdefault(tenant, set())
        group.add(subscription)
        if self._feed is not None and len(group) == 1:
            self._spawn_subscribe(self._feed, tenant)
        return subscription

    async def leave(self, subscription: Subscription) -> None:
        """Forget a subscription (called by its `aclose`)."""
        group = self._subscriptions.get(subscription.tenant, set())
        group.discard(subscription)
        if not group and self._subscriptions.pop(subscription.tenant, None) is not None and self._feed is not None:
            await self._feed.unsubscribe(_CHANNEL + subscription.tenant)
            if subscription.tenant in self._subscriptions:  # somebody came while Redis was asked
                self._spawn_subscribe(self._feed, subscription.tenant)

    def _spawn_subscribe(self, feed: RedisFeed, tenant: str) -> None:
        async def subscribe() -> None:
            await feed.subscribe(_CHANNEL + tenant, lambda data: self._heard(tenant, data))

        task = asyncio.get_running_loop().create_task(subscribe())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _deliver(self, event: Event) -> None:
        for subscription in self._subscriptions.get(event.tenant, ()):
            subscription.deliver(event)

    def _heard(self, tenant: str, data: bytes) -> None:
        """An event of another process; what is not one is dropped."""
        if len(data) > _LARGEST_EVENT:
            return self._deliver(Event(tenant, RESYNC))
        try:
            message = json.loads(data)
            origin, kind, values = message["from"], message["kind"], message["data"]
        except (ValueError, RecursionError, TypeError, KeyError):
            _log.warning("Something that is not an event came over Redis; it is ignored.")
            return None
        if origin != self._origin and kind in _KINDS and isinstance(values, dict):
            self._deliver(Event(tenant, kind, values))
        return None

    def _after_gap(self) -> None:
        for tenant in list(self._subscriptions):
            self._deliver(Event(tenant, RESYNC))
        if self.shared and self._unheard:
            task = asyncio.get_running_loop().create_task(self._tell_unheard())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _tell_unheard(self) -> None:
        """Editors at other processes whose events did not get through read everything again."""
        tenants, self._unheard = self._unheard, set()
        for tenant in tenants:
            await self.publish(Event(tenant, RESYNC))
