"""Who has the Redis between hub processes, or listens to it: reads nothing, forges nothing, repeats nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis import Redis
from redis.client import PubSub

from hub.listening import TENANT, agent, echo, listening, next_event
from hub.redis_server import shared_redis
from hub.test_agents_processes import Pair, two
from rung.hub.agents import AgentBounds
from rung.hub.bus import Event
from rung.hub.seal import Seal
from rung.runtimes.errors import Kind, RuntimeFailure

HOLDER = "rung.agents.hub-1"


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with two(tmp_path, shared_redis().url, AgentBounds(heartbeat_every=0.0)) as both:
        yield both


def overheard(watching: PubSub) -> list[tuple[bytes, bytes]]:
    """What has passed, by channel."""
    seen = []
    while (message := watching.get_message(timeout=0.2)) is not None:
        if message["type"] == "pmessage":
            seen.append((message["channel"], message["data"]))
    return seen


async def test_nothing_of_a_call_an_event_or_a_heartbeat_can_be_read(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    with Redis.from_url(shared_redis().url) as client:
        watching = client.pubsub()
        watching.psubscribe("*")
        async with agent(first, line) as one:
            one.answers["run_command"] = echo(http_response={"body": {"access_token": "secret of the answer"}})
            await one.send_heartbeat(agent_id=line.common_name, status="known words")
            await second.agents.call(line.common_name, "run_command", {"data": {"password": "secret of the call"}})
            await first.bus.publish(Event(TENANT, "vplc", {"n": "known words"}))
        seen = b"".join(data for _, data in overheard(watching))
        watching.close()
        kept = b"".join(client.get(key) or b"" for key in client.scan_iter("rung.*"))
    assert len(seen) > 500
    for word in (b"secret", b"password", b"run_command", b"known words", line.common_name.encode()):
        assert word not in seen + kept


async def test_a_forged_call_reaches_no_agent_and_a_forged_end_ends_nothing(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as one:
        one.answers["x"] = echo(status="success")
        sid = (await first.store.sessions())[line.common_name][1]
        envelope = {"topic": "delete_orchestrator", "message": {}, "timeout": 5}
        call = {
            "method": "emit",
            "event": "rung:call",
            "data": [envelope],
            "callback": [sid, "/", 1],
            "host_id": "hub-2",
        }
        end = {"method": "disconnect", "sid": sid, "why": "forged", "host_id": "hub-2"}
        with Redis.from_url(shared_redis().url) as client:
            for forged in (call, end):
                plain = json.dumps(forged).encode()
                client.publish(HOLDER, plain)
                client.publish(HOLDER, Seal(b"x" * 32).close(HOLDER, plain))
        assert (await second.agents.call(line.common_name, "x", {}))["status"] == "success"
        assert [topic for topic, _ in one.heard] == ["x"]
        assert not one.ended.is_set()


async def test_a_call_that_is_published_again_is_not_done_again(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    with Redis.from_url(shared_redis().url) as client:
        watching = client.pubsub()
        watching.psubscribe("rung.agents.*")
        async with agent(first, line) as one:
            one.answers["run_command"] = echo(status="success")
            await second.agents.call(line.common_name, "run_command", {"api": "api/stop-plc"})
            ((_, sealed), *_) = [row for row in overheard(watching) if row[0] == HOLDER.encode()]
            for channel in (HOLDER, "rung.agents.hub-2"):
                client.publish(channel, sealed)
            await second.agents.call(line.common_name, "run_command", {"api": "api/status"})
            await asyncio.sleep(0.1)
            assert [data["api"] for _, data in one.heard] == ["api/stop-plc", "api/status"]
        watching.close()


async def test_a_forged_event_is_heard_by_nobody(pair: Pair) -> None:
    first, _ = pair
    async with first.bus.subscribe(TENANT) as events:
        await asyncio.sleep(0.1)
        with Redis.from_url(shared_redis().url) as client:
            client.publish(f"rung.events.{TENANT}", json.dumps({"from": "x", "kind": "vplc", "data": {"n": 1}}))
        await first.bus.publish(Event(TENANT, "vplc", {"n": 2}))
        assert await next_event(events) == {"n": 2}


async def test_a_process_with_other_keys_is_not_one_of_this_hub(tmp_path: Path) -> None:
    url = shared_redis().url
    async with listening(tmp_path, redis_url=url, process="hub-1") as first:
        line = await first.enrol()
        stranger = listening(
            tmp_path,
            redis_url=url,
            process="hub-2",
            authority=first.authority,
            seal=Seal(b"another hub's key, 32 bytes long"),
        )
        async with agent(first, line) as one, stranger as second:
            one.answers["x"] = echo(status="success")
            with pytest.raises(RuntimeFailure) as failure:
                await second.agents.call(line.common_name, "x", {}, timeout=0.2)
            assert failure.value.kind is Kind.LOST
            assert one.heard == []


def test_messages_may_overtake_each_other_but_none_comes_twice() -> None:
    sender, hearer = Seal(b"k" * 32), Seal(b"k" * 32)
    sealed = [sender.close("there", b"%d" % number) for number in range(100)]
    order = [*range(50, 100), *range(50)]
    assert [hearer.open("there", sealed[number]) for number in order] == [b"%d" % number for number in order]
    assert [hearer.open("there", one) for one in sealed] == [None] * 100
    assert hearer.open("elsewhere", sender.close("there", b"")) is None
    kept = sender.close("there", b"kept")
    assert [hearer.open("there", kept, once=False) for _ in range(2)] == [b"kept"] * 2
    for cut in (b"", kept[:10], kept[:28], kept[:-1], kept[:-1] + bytes([kept[-1] ^ 1])):
        assert hearer.open("there", cut) is None


def test_a_message_that_all_others_have_overtaken_is_not_taken_for_a_new_one() -> None:
    sender, hearer = Seal(b"k" * 32), Seal(b"k" * 32)
    old = sender.close("there", b"old")
    for _ in range(70_000):
        last = sender.close("there", b"")
    assert hearer.open("there", last) == b""
    assert hearer.open("there", old) is None
