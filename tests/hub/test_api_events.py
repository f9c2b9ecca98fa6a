"""Events for editors: pushed as they happen, to the tenant they belong to, for as long as the token is good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench
from rung.hub.api import events
from rung.hub.bus import Event
from rung.hub.roles import Role


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


def listen(desk: Bench, who: str = "Bottling viewer") -> aiohttp.client._RequestContextManager:
    return desk.http.get(f"{desk.base}/api/v1/events", headers={"Authorization": f"Bearer {desk.tokens[who]}"})


async def next_block(answer: aiohttp.ClientResponse) -> str:
    return (await asyncio.wait_for(answer.content.readuntil(b"\n\n"), 5)).decode()


async def test_events_come_as_they_happen_and_only_the_tenants_own(desk: Bench) -> None:
    async with listen(desk) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert answer.headers["Rung-Hub"] == "hub"
        assert (await next_block(answer)).startswith(":")
        await desk.desk.bus.publish(Event("Dairy", "orchestrator", {"id": "theirs"}))
        await desk.desk.bus.publish(Event("Bottling", "vplc", {"text": "two\nlines"}))
        kind, data = (await next_block(answer)).strip().split("\n")
        assert kind == "event: vplc"
        assert json.loads(data.removeprefix("data: ")) == {"text": "two\nlines"}


async def test_a_comment_comes_when_nothing_happens(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    async with listen(desk) as answer:
        for _ in range(3):
            assert (await next_block(answer)).startswith(":")


async def test_a_stream_ends_with_the_right_to_it(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.05)
    async with listen(desk) as answer:
        await next_block(answer)
        await desk.store.revoke_tokens(desk.users["Bottling viewer"])
        rest = await asyncio.wait_for(answer.content.read(), 5)
        assert b"event:" not in rest


async def test_a_busy_stream_ends_with_the_right_to_it_too(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT", 0.1)
    async with listen(desk) as answer:
        await next_block(answer)
        await desk.store.revoke_tokens(desk.users["Bottling viewer"])

        async def chatter() -> None:
            while True:
                await desk.desk.bus.publish(Event("Bottling", "vplc", {}))
                await asyncio.sleep(0.01)

        noise = asyncio.ensure_future(chatter())
        try:
            await asyncio.wait_for(answer.content.read(), 5)
        finally:
            noise.cancel()


async def test_a_ninth_stream_of_a_user_is_refused_and_others_are_not(desk: Bench) -> None:
    open_ones = [await listen(desk) for _ in range(8)]
    assert {one.status for one in open_ones} == {200}
    async with listen(desk) as ninth:
        assert ninth.status == 429
    async with listen(desk, "Bottling engineer") as other:
        assert other.status == 200
    for one in open_ones:
        one.close()
    for _ in range(100):
        await desk.desk.bus.publish(Event("Bottling", "vplc", {}))
        async with listen(desk) as again:
            if again.status == 200:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("closed streams still count")


async def test_streams_do_not_use_up_a_users_requests(desk: Bench) -> None:
    open_ones = [await listen(desk) for _ in range(8)]
    answers = await asyncio.gather(*(desk.ask("GET", "/me", Role.VIEWER) for _ in range(16)))
    assert {one.status for one in answers} == {200}
    for one in open_ones:
        one.close()


async def test_a_stream_ends_when_the_hub_does(desk: Bench) -> None:
    async with listen(desk) as answer:
        await next_block(answer)
        desk.desk.leaving.set()
        assert await asyncio.wait_for(answer.content.read(), 5) == b""


async def test_too_slow_a_listener_is_told_to_read_everything_again(desk: Bench) -> None:
    subscription = desk.desk.bus.subscribe("Bottling")
    for number in range(1000):
        await desk.desk.bus.publish(Event("Bottling", "vplc", {"n": number}))
    assert (await anext(subscription)).kind == "resync"
