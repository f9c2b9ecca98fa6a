"""Several hub processes: an agent is connected to one of them, and every one of them can call it."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis import Redis

from hub.listening import SEAL_KEY, TENANT, Listening, agent, echo, eventually, listening, next_event
from hub.pki import Authority
from hub.redis_server import RedisServer, shared_redis
from rung.hub.agents import AgentBounds, UnknownTopic
from rung.hub.seal import Seal
from rung.runtimes.errors import Kind, RuntimeFailure

pytestmark = pytest.mark.asyncio
Pair = tuple[Listening, Listening]


@asynccontextmanager
async def two(folder: Path, url: str, bounds: AgentBounds | None = None) -> AsyncIterator[Pair]:
    authority = Authority(folder)
    common: dict[str, Any] = {"authority": authority, "redis_url": url, "bounds": bounds}
    async with (
        listening(folder, process="hub-1", **common) as first,
        listening(folder, process="hub-2", **common) as second,
    ):
        yield first, second


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with two(tmp_path, shared_redis().url) as both:
        yield both


async def failure_of(call: Any) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await call
    return caught.value


async def forever(_: dict[str, Any]) -> None:
    await asyncio.sleep(3600)


async def self_healed(hub: Listening, id: str) -> dict[str, object]:
    """The answer, as soon as the agent is in reach again; until then each call must say that nothing was sent."""
    for _ in range(500):
        try:
            return await hub.agents.call(id, "x", {})
        except RuntimeFailure as failure:
            if failure.kind is not Kind.UNREACHABLE:
                raise
            await asyncio.sleep(0.02)
    raise AssertionError("it does not come back")


async def test_a_process_that_never_had_an_agent_calls_one_of_another(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as one:
        one.answers["get_serial_devices"] = echo(status="success", devices=[])
        began = time.monotonic()
        reply = await second.agents.call(line.common_name, "get_serial_devices", {})
        assert reply["status"] == "success"
        assert time.monotonic() - began < 1.0
        assert isinstance(await failure_of(second.agents.call(line.common_name, "nothing", {})), UnknownTopic)
        await second.until(line.common_name, True)
        presence = (await second.agents.presence([line.common_name]))[line.common_name]
        assert presence.process == "hub-1"


async def test_editors_of_both_processes_hear_of_an_agent(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with second.bus.subscribe(TENANT) as events:
        await asyncio.sleep(0.1)
        async with agent(first, line):
            assert (await next_event(events))["online"] is True
        assert (await next_event(events))["online"] is False


async def test_heartbeats_are_seen_by_other_processes(tmp_path: Path) -> None:
    async with two(tmp_path, shared_redis().url, AgentBounds(heartbeat_every=0.0)) as (first, second):
        line = await first.enrol()
        async with agent(first, line) as one:
            await one.send_heartbeat(agent_id=line.common_name, cpu_usage=7.5)
            for _ in range(200):
                presence = (await second.agents.presence([line.common_name]))[line.common_name]
                if presence.heartbeat:
                    break
                await asyncio.sleep(0.01)
            assert presence.heartbeat == {"cpu_usage": 7.5}
            assert presence.heartbeat_at is not None


async def test_limits_and_failures_are_the_holders(tmp_path: Path) -> None:
    async with two(tmp_path, shared_redis().url, AgentBounds(wait_for_turn=0.1)) as (first, second):
        line = await first.enrol()
        async with agent(first, line) as one:
            one.answers["run_command"] = forever
            here = [asyncio.ensure_future(first.agents.call(line.common_name, "run_command", {})) for _ in range(5)]
            there = [asyncio.ensure_future(second.agents.call(line.common_name, "run_command", {})) for _ in range(3)]
            await eventually(lambda: len(one.heard) >= 8)
            assert (await failure_of(second.agents.call(line.common_name, "run_command", {}))).kind is Kind.BUSY
            assert (await failure_of(first.agents.call(line.common_name, "run_command", {}))).kind is Kind.BUSY
            large = {"data": "x" * 5 * 1024 * 1024}
            refused = await failure_of(second.agents.call(line.common_name, "run_command", large))
            assert refused.kind is Kind.UPLOAD_REFUSED
            began = time.monotonic()
            one.client.eio.ws._response.connection.transport.abort()
            lost = [await failure_of(call) for call in (*here, *there)]
            assert {failure.kind for failure in lost} == {Kind.LOST}
            assert time.monotonic() - began < 1.0
            assert len(one.heard) == 8


async def test_an_upload_reaches_only_the_process_that_holds_the_agent(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    with Redis.from_url(shared_redis().url) as client:
        watching = client.pubsub()
        watching.psubscribe("*")
        async with agent(first, line) as one:
            one.answers["run_command"] = echo(status="success")
            await first.agents.call(line.common_name, "run_command", {"data": "local-secret"})
            await second.agents.call(line.common_name, "run_command", {"data": "remote-secret" + "x" * 3_000_000})
        seen: list[tuple[bytes, bytes]] = []
        while (message := watching.get_message(timeout=0.2)) is not None:
            if message["type"] == "pmessage":
                seen.append((message["channel"], message["data"]))
        watching.close()
    assert {channel for channel, data in seen if len(data) > 3_000_000} == {b"rung.agents.hub-1"}
    assert sum(len(data) for _, data in seen) < 4_000_000, "nothing went round twice, and the other call not at all"


async def test_an_agent_that_connects_to_another_process_leaves_the_first(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as old, agent(second, line) as new:
        await asyncio.wait_for(old.ended.wait(), 5)
        new.answers["x"] = echo(which="new")
        assert (await first.agents.call(line.common_name, "x", {}))["which"] == "new"
        assert not new.ended.is_set()
        assert set(await first.store.sessions()) == {line.common_name}


async def test_dropping_reaches_the_process_that_holds_the_agent(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as one:
        await second.agents.drop(line.common_name, "it was revoked")
        await asyncio.wait_for(one.ended.wait(), 5)


async def test_200_calls_from_the_other_process_are_all_answered(tmp_path: Path) -> None:
    async with two(tmp_path, shared_redis().url, AgentBounds(wait_for_turn=20.0)) as (first, second):
        line = await first.enrol()
        async with agent(first, line) as one:
            one.answers["run_command"] = echo(status="success")
            replies = await asyncio.gather(
                *(second.agents.call(line.common_name, "run_command", {"n": n}) for n in range(200))
            )
            assert {reply["status"] for reply in replies} == {"success"}
            assert len(one.heard) == 200


async def test_a_late_answer_from_the_other_process_is_not_taken_for_the_next_calls(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    release = asyncio.Event()

    async def late(message: dict[str, Any]) -> dict[str, Any]:
        if message["n"] == 1:
            await release.wait()
        return {"correlation_id": message["correlation_id"], "n": message["n"]}

    async with agent(first, line) as one:
        one.answers["x"] = late
        waiting = asyncio.ensure_future(second.agents.call(line.common_name, "x", {"n": 1}))
        await eventually(lambda: len(one.heard) == 1)
        waiting.cancel()
        await asyncio.sleep(0)
        following = asyncio.ensure_future(second.agents.call(line.common_name, "x", {"n": 2}))
        release.set()
        assert (await following)["n"] == 2


async def test_a_process_that_ends_leaves_its_callers_with_an_unknown_outcome(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as one:
        one.answers["run_command"] = forever
        call = asyncio.ensure_future(second.agents.call(line.common_name, "run_command", {}))
        await eventually(lambda: bool(one.heard))
        await first.agents.stop()
        failure = await failure_of(call)
        assert failure.kind is Kind.LOST
        assert "not known" in failure.message
    assert (await failure_of(second.agents.call(line.common_name, "x", {}))).kind is Kind.UNREACHABLE


async def test_a_process_that_is_killed_is_missed_before_the_time_out(pair: Pair) -> None:
    first, second = pair
    line = await first.enrol()
    async with agent(first, line) as one:
        one.answers["run_command"] = forever
        call = asyncio.ensure_future(second.agents.call(line.common_name, "run_command", {}, timeout=60))
        await eventually(lambda: bool(one.heard))
        await first.store.forget_process("hub-1")  # as after 15 s of silence
        began = time.monotonic()
        assert (await failure_of(call)).kind is Kind.LOST
        assert time.monotonic() - began < 5


async def test_without_redis_own_agents_work_and_others_are_said_to_be_out_of_reach(tmp_path: Path) -> None:
    server = RedisServer()
    try:
        async with two(tmp_path, server.url) as (first, second):
            line = await first.enrol()
            async with agent(first, line) as one:
                one.answers["x"] = echo(status="success")
                one.answers["run_command"] = forever
                pending = asyncio.ensure_future(second.agents.call(line.common_name, "run_command", {}))
                await eventually(lambda: bool(one.heard))
                server.stop()
                lost = await failure_of(pending)
                assert lost.kind is Kind.LOST
                assert (await first.agents.call(line.common_name, "x", {}))["status"] == "success"
                gone = await failure_of(second.agents.call(line.common_name, "x", {}))
                assert gone.kind is Kind.UNREACHABLE
                assert "Nothing was sent" in gone.message
                assert "Redis" in gone.message
                heard = len(one.heard)
                server.start()
                reply = await self_healed(second, line.common_name)
                assert reply["status"] == "success"
                assert len(one.heard) == heard + 1
    finally:
        server.close()


async def test_a_hub_starts_while_redis_is_away(tmp_path: Path) -> None:
    server = RedisServer()
    server.stop()
    try:
        async with listening(tmp_path, redis_url=server.url) as hub:
            line = await hub.enrol()
            async with agent(hub, line) as one:
                one.answers["x"] = echo(status="success")
                assert (await hub.agents.call(line.common_name, "x", {}))["status"] == "success"
    finally:
        server.close()


async def test_rubbish_from_redis_harms_nothing_and_is_not_unpickled(pair: Pair, tmp_path: Path) -> None:
    first, second = pair
    line = await first.enrol()
    witness = tmp_path / "run"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (witness,)

    async with agent(first, line) as one:
        one.answers["x"] = echo(status="success")
        sid = (await first.store.sessions())[line.common_name][1]
        rubbish: list[object] = [
            {
                "method": "emit",
                "event": "delete_orchestrator",
                "data": [{}],
                "room": None,
                "host_id": "x",
                "callback": None,
            },
            {
                "method": "emit",
                "event": "delete_orchestrator",
                "data": [{}],
                "room": sid,
                "host_id": "x",
                "namespace": "/",
            },
            {"method": "emit", "host_id": "x", "callback": [sid, "/", 1], "data": [{"topic": 1}]},
            {"method": "callback", "host_id": "hub-1", "sid": sid, "id": 99, "args": [], "namespace": "/"},
            {"method": "close_room", "host_id": "x", "room": sid, "namespace": "/"},
            {"method": "disconnect", "host_id": "x", "sid": ["a"]},
            [],
            "emit",
        ]
        with Redis.from_url(shared_redis().url) as client:
            for data in (pickle.dumps(Evil()), b"[" * 5000, *(json.dumps(message).encode() for message in rubbish)):
                client.publish("rung.agents.hub-1", data)
                client.publish("rung.agents.hub-1", Seal(SEAL_KEY).close("rung.agents.hub-1", data))
        assert (await second.agents.call(line.common_name, "x", {}))["status"] == "success"
        assert [topic for topic, _ in one.heard] == ["x"]
        assert not one.ended.is_set()
    assert not witness.exists()
