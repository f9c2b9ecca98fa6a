"""Events reach every subscriber of the tenant, in whichever process, once and in order, or it is told to read again."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis

from hub.listening import SEAL_KEY, eventually
from hub.redis_server import RedisServer, shared_redis
from rung.hub.bus import QUEUE, RESYNC, Bus, Event, Subscription
from rung.hub.seal import Seal

pytestmark = pytest.mark.asyncio


async def heard(events: Subscription, within: float = 5.0) -> Event:
    return await asyncio.wait_for(events.__anext__(), within)


async def nothing(events: Subscription) -> bool:
    try:
        await heard(events, 0.1)
    except asyncio.TimeoutError:
        return True
    return False


def numbered(number: int, tenant: str = "Bottling") -> Event:
    return Event(tenant, "vplc", {"n": number})


@pytest_asyncio.fixture
async def alone() -> AsyncIterator[Bus]:
    bus = Bus()
    await bus.start()
    yield bus
    await bus.stop()


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[tuple[Bus, Bus]]:
    """Two processes' buses on one Redis."""
    url = shared_redis().url
    first, second = Bus(url, Seal(SEAL_KEY)), Bus(url, Seal(SEAL_KEY))
    await asyncio.gather(first.start(), second.start())
    yield first, second
    await asyncio.gather(first.stop(), second.stop())


async def test_a_subscriber_hears_its_tenant_in_order_and_nothing_else(alone: Bus) -> None:
    async with alone.subscribe("Bottling") as events, alone.subscribe("Others") as others:
        for number in range(3):
            await alone.publish(numbered(number))
        assert [(await heard(events)).data["n"] for _ in range(3)] == [0, 1, 2]
        assert await nothing(others)


async def test_a_slow_subscriber_is_told_to_read_again_and_holds_up_nobody(alone: Bus) -> None:
    async with alone.subscribe("Bottling") as slow:
        for number in range(QUEUE + 10):
            await alone.publish(numbered(number))
        assert (await heard(slow)).kind == RESYNC
        assert [(await heard(slow)).data["n"] for _ in range(9)] == list(range(QUEUE + 1, QUEUE + 10))
        assert await nothing(slow)


async def test_an_ended_subscription_ends_whoever_waits(alone: Bus) -> None:
    events = alone.subscribe("Bottling")
    waiting = asyncio.ensure_future(events.__anext__())
    await asyncio.sleep(0)
    await events.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting
    await alone.publish(numbered(1))


async def test_events_cross_processes_once(pair: tuple[Bus, Bus]) -> None:
    first, second = pair
    async with (
        first.subscribe("Bottling") as here,
        second.subscribe("Bottling") as there,
        second.subscribe("Bo") as other,
    ):
        await asyncio.sleep(0.1)
        for number in range(20):
            await first.publish(numbered(number))
        assert [(await heard(there)).data["n"] for _ in range(20)] == list(range(20))
        assert [(await heard(here)).data["n"] for _ in range(20)] == list(range(20))
        assert await nothing(here)
        assert await nothing(there)
        assert await nothing(other)


async def test_subscribing_again_hears_again(pair: tuple[Bus, Bus]) -> None:
    first, second = pair
    for number in range(3):
        async with second.subscribe("Bottling") as events:
            await asyncio.sleep(0.1)
            await first.publish(numbered(number))
            assert (await heard(events)).data["n"] == number


async def test_what_is_no_event_is_ignored_and_never_unpickled(pair: tuple[Bus, Bus], tmp_path: Path) -> None:
    first, second = pair
    witness = tmp_path / "run"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (witness,)  # type: ignore[return-value]  # what pickle takes

    async with second.subscribe("Bottling") as events:
        await asyncio.sleep(0.1)
        with Redis.from_url(shared_redis().url) as client:
            for rubbish in (
                pickle.dumps(Evil()),
                b"",
                b"[]",
                b'{"from":1}',
                b'{"from":"x","kind":3,"data":{}}',
                b"[" * 5000,
            ):
                client.publish("rung.events.Bottling", rubbish)
                client.publish("rung.events.Bottling", Seal(SEAL_KEY).close("rung.events.Bottling", rubbish))
        await first.publish(numbered(1))
        assert (await heard(events)).data == {"n": 1}
    assert not witness.exists()


async def test_without_redis_the_process_hears_itself_and_with_it_again_everybody() -> None:
    server = RedisServer()
    first, second = Bus(server.url, Seal(SEAL_KEY)), Bus(server.url, Seal(SEAL_KEY))
    await asyncio.gather(first.start(), second.start())
    try:
        async with first.subscribe("Bottling") as here, second.subscribe("Bottling") as there:
            await asyncio.sleep(0.1)
            server.stop()
            assert (await heard(there)).kind == RESYNC
            assert (await heard(here)).kind == RESYNC
            assert not first.shared
            await first.publish(numbered(1))
            assert (await heard(here)).data["n"] == 1
            server.start()
            assert (await heard(there, 10)).kind == RESYNC
            await eventually(lambda: bool(first.shared and second.shared))
            await asyncio.sleep(0.1)
            await first.publish(numbered(2))
            event = await heard(there)
            while event.kind == RESYNC:
                event = await heard(there)
            assert event.data["n"] == 2
    finally:
        await asyncio.gather(first.stop(), second.stop())
        server.close()


async def test_a_bus_starts_without_redis() -> None:
    server = RedisServer()
    server.stop()
    bus = Bus(server.url, Seal(SEAL_KEY))
    try:
        await bus.start()
        assert not bus.shared
        async with bus.subscribe("Bottling") as events:
            await bus.publish(numbered(1))
            assert (await heard(events)).data["n"] == 1
    finally:
        await bus.stop()
        server.close()
