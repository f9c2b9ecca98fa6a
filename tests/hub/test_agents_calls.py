"""A call to an agent ends in one way: with its answer, with "nothing was sent", or with "it is not known"."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.listening import Listening, agent, echo, eventually, listening
from rung.hub.agents import AgentBounds, UnknownTopic
from rung.hub.agents.packets import frame_size
from rung.runtimes.errors import Kind, RuntimeFailure

pytestmark = pytest.mark.asyncio
BOUNDS = AgentBounds(wait_for_turn=0.1, late_answer=0.3)


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Listening]:
    async with listening(tmp_path, bounds=BOUNDS) as one:
        yield one


def message_of(size: int, topic: str = "run_command") -> dict[str, object]:
    """A message whose call has exactly so many bytes on the wire, with a number of one digit."""
    empty = frame_size(topic, {"data": "", "correlation_id": 1})
    return {"data": "x" * (size - empty)}


async def forever(_: dict[str, Any]) -> None:
    await asyncio.sleep(3600)


async def failure_of(call: Any) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await call
    return caught.value


async def test_the_acknowledgement_comes_back_as_it_is(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        one.answers["get_serial_devices"] = echo(action="get_serial_devices", status="success", devices=["ü"], count=1)
        reply = await hub.agents.call(line.common_name, "get_serial_devices", {"requested_at": "2026-11-22T05:58:34Z"})
        assert (reply["status"], reply["devices"], reply["count"]) == ("success", ["ü"], 1)
        topic, message = one.heard[-1]
        assert topic == "get_serial_devices"
        assert message == {"requested_at": "2026-11-22T05:58:34Z", "correlation_id": reply["correlation_id"]}
        assert isinstance(message["correlation_id"], int)


async def test_an_offline_agent_is_said_to_be_offline_at_once(hub: Listening) -> None:
    line = await hub.enrol()
    failure = await failure_of(hub.agents.call(line.common_name, "get_serial_devices", {}))
    assert failure.kind is Kind.UNREACHABLE
    assert "Nothing was sent" in failure.message


async def test_a_topic_that_the_agents_version_does_not_know_says_so(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line):
        failure = await failure_of(hub.agents.call(line.common_name, "start_device", {"device_id": "a"}))
    assert isinstance(failure, UnknownTopic)
    assert failure.kind is Kind.TOO_OLD


@pytest.mark.parametrize("answer", ["words", 17, ["a"], True, {"correlation_id": 999}, {"action": "delete_device"}])
async def test_an_answer_that_is_none_or_another_calls_is_odd(hub: Listening, answer: object) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:

        async def odd(_: dict[str, Any]) -> object:
            return answer

        one.answers["get_device_status"] = odd
        failure = await failure_of(hub.agents.call(line.common_name, "get_device_status", {"device_id": "a"}))
    assert failure.kind is Kind.INTERNAL
    assert "odd answer" in failure.message
    assert "not known" in failure.message


async def test_an_answer_nested_without_end_is_odd_and_ends_nothing(hub: Listening) -> None:
    line = await hub.enrol()
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    async with agent(hub, line) as one:
        one.answers["run_command"] = echo(http_response=deep)
        assert (await failure_of(hub.agents.call(line.common_name, "run_command", {}))).kind is Kind.INTERNAL
        one.answers["run_command"] = echo(status="success")
        assert (await hub.agents.call(line.common_name, "run_command", {}))["status"] == "success"


async def test_no_answer_in_time_means_that_the_outcome_is_not_known(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        one.answers["run_command"] = forever
        failure = await failure_of(hub.agents.call(line.common_name, "run_command", {}, timeout=0.1))
        assert failure.kind is Kind.LOST
        assert "not known" in failure.message
        assert len([topic for topic, _ in one.heard if topic == "run_command"]) == 1


async def test_a_late_answer_is_not_taken_for_the_next_calls(hub: Listening) -> None:
    line = await hub.enrol()
    release = asyncio.Event()
    async with agent(hub, line) as one:

        async def late(message: dict[str, Any]) -> dict[str, Any]:
            number = message["correlation_id"]
            if message["data"] == "first":
                await release.wait()
            return {"correlation_id": number, "said": message["data"]}

        one.answers["run_command"] = late
        await failure_of(hub.agents.call(line.common_name, "run_command", {"data": "first"}, timeout=0.05))
        second = asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {"data": "second"}))
        release.set()
        assert (await second)["said"] == "second"


async def test_a_lost_session_fails_its_calls_at_once_and_repeats_nothing(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        one.answers["run_command"] = forever
        calls = [asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {"n": n})) for n in range(5)]
        await eventually(lambda: len(one.heard) >= 5)
        began = time.monotonic()
        # The process dies: its connection breaks, and nothing is said before.
        one.client.eio.ws._response.connection.transport.abort()
        failures = [await failure_of(call) for call in calls]
        assert time.monotonic() - began < 1.0
        assert {failure.kind for failure in failures} == {Kind.LOST}
        assert all("not known" in failure.message for failure in failures)
        assert len(one.heard) == 5
    async with agent(hub, line) as again:
        await asyncio.sleep(0.1)
        assert again.heard == []


async def test_an_agent_on_polling_that_dies_fails_its_calls_at_once(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line, "polling") as one:
        one.answers["run_command"] = forever
        call = asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {}))
        await eventually(lambda: bool(one.heard))
        await asyncio.sleep(0.1)  # it polls again
        began = time.monotonic()
        for protocol in list(one.client.eio.http.connector._acquired):
            protocol.transport.abort()
        assert (await failure_of(call)).kind is Kind.LOST
        assert time.monotonic() - began < 1.0


async def test_a_call_fails_as_lost_when_the_agent_is_dropped_or_the_hub_stops(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        first, second = await hub.enrol("Line 1"), await hub.enrol("Line 2")
        async with agent(hub, first) as one, agent(hub, second) as two:
            one.answers["run_command"] = two.answers["run_command"] = forever
            calls = [
                asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {})) for line in (first, second)
            ]
            await eventually(lambda: bool(one.heard and two.heard))
            await hub.agents.drop(first.common_name, "it was revoked")
            assert (await failure_of(calls[0])).kind is Kind.LOST
            await hub.agents.stop()
            stopped = await failure_of(calls[1])
            assert stopped.kind is Kind.LOST
            assert "hub was stopped" in stopped.message


async def test_a_frame_just_under_4_mib_passes_and_one_of_4_mib_is_refused_before_it_is_sent(hub: Listening) -> None:
    """The agent's websocket closes at 4 MiB exactly, and every open call with it."""
    line = await hub.enrol()
    limit = 4 * 1024 * 1024
    async with agent(hub, line) as one:
        one.answers["run_command"] = echo(status="success")
        assert one.client.transport() == "websocket"
        assert (await hub.agents.call(line.common_name, "run_command", message_of(limit - 1)))["status"] == "success"
        heard = len(one.heard)
        for size in (limit, limit + 1, 2 * limit):
            failure = await failure_of(hub.agents.call(line.common_name, "run_command", message_of(size)))
            assert failure.kind is Kind.UPLOAD_REFUSED
            assert "Nothing was sent" in failure.message
        assert len(one.heard) == heard
        assert not one.ended.is_set()
        assert (await hub.agents.call(line.common_name, "run_command", {}))["status"] == "success"


async def test_letters_count_as_the_bytes_that_they_take(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line):
        text = "ü" * (4 * 1024 * 1024 // 6)
        failure = await failure_of(hub.agents.call(line.common_name, "run_command", {"data": text}))
        assert failure.kind is Kind.UPLOAD_REFUSED


async def test_an_agent_that_may_still_upgrade_gets_no_larger_frame_either(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line, "polling") as one:
        one.answers["run_command"] = echo(status="success")
        failure = await failure_of(hub.agents.call(line.common_name, "run_command", message_of(5 * 1024 * 1024)))
        assert failure.kind is Kind.UPLOAD_REFUSED


async def test_with_polling_only_20_mib_pass(tmp_path: Path) -> None:
    async with listening(tmp_path, transports=("polling",)) as hub:
        line = await hub.enrol()
        async with agent(hub, line) as one:
            one.answers["run_command"] = echo(status="success")
            assert one.client.transport() == "polling"
            reply = await hub.agents.call(line.common_name, "run_command", message_of(20 * 1024 * 1024))
            assert reply["status"] == "success"
            failure = await failure_of(hub.agents.call(line.common_name, "run_command", message_of(33 * 1024 * 1024)))
            assert failure.kind is Kind.UPLOAD_REFUSED


async def test_an_answer_of_several_mib_arrives(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        one.answers["run_command"] = echo(http_response={"body": "y" * 8 * 1024 * 1024})
        reply = await hub.agents.call(line.common_name, "run_command", {})
        assert len(reply["http_response"]["body"]) == 8 * 1024 * 1024  # type: ignore[index]  # JSON


async def test_a_message_without_json_form_is_not_sent(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        for value in (float("nan"), object()):
            failure = await failure_of(hub.agents.call(line.common_name, "run_command", {"data": value}))
            assert failure.kind is Kind.INTERNAL
        assert one.heard == []


async def test_the_ninth_call_waits_a_moment_and_then_says_busy(hub: Listening) -> None:
    line = await hub.enrol()
    release = asyncio.Event()
    async with agent(hub, line) as one:

        async def held(message: dict[str, Any]) -> dict[str, Any]:
            await release.wait()
            return {"correlation_id": message["correlation_id"]}

        one.answers["run_command"] = held
        calls = [asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {})) for _ in range(8)]
        await asyncio.sleep(0.05)
        failure = await failure_of(hub.agents.call(line.common_name, "run_command", {}))
        assert failure.kind is Kind.BUSY
        assert "Nothing was sent" in failure.message
        assert len(one.heard) == 8
        waiting = asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {}))
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls, waiting)


async def test_unanswered_calls_keep_their_place_for_a_while(hub: Listening) -> None:
    """The agent's threads may still hang in them."""
    line = await hub.enrol()
    async with agent(hub, line) as one:
        one.answers["run_command"] = forever
        await asyncio.gather(
            *(failure_of(hub.agents.call(line.common_name, "run_command", {}, timeout=0.02)) for _ in range(8))
        )
        assert (await failure_of(hub.agents.call(line.common_name, "x", {}))).kind is Kind.BUSY
        await asyncio.sleep(BOUNDS.late_answer)
        one.answers["x"] = echo()
        assert "correlation_id" in await hub.agents.call(line.common_name, "x", {})
        assert hub.agents.figures()["calls under way"] == 0


async def test_200_calls_at_once_are_all_answered_or_refused(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(wait_for_turn=10.0)) as hub:
        line = await hub.enrol()
        most = under_way = 0

        async def counted(message: dict[str, Any]) -> dict[str, Any]:
            nonlocal most, under_way
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.005)
            under_way -= 1
            return {"correlation_id": message["correlation_id"], "n": message["n"]}

        async with agent(hub, line) as one:
            one.answers["run_command"] = counted
            replies = await asyncio.gather(
                *(hub.agents.call(line.common_name, "run_command", {"n": n}) for n in range(200))
            )
            assert [reply["n"] for reply in replies] == list(range(200))
            assert most <= 8


async def test_abilities_are_probed_once_per_session_and_on_a_device_that_does_not_exist(hub: Listening) -> None:
    line = await hub.enrol()
    no_session = {"type": "debug_error", "error": "No active debug session. Send debug_start first."}
    unknown_word = {"type": "debug_error", "error": "Unknown debug message type: debug_command"}
    async with agent(hub, line) as old:
        old.answers["run_command"] = echo(status="success", debug_response=unknown_word)
        abilities = await hub.agents.abilities(line.common_name)
        assert not (abilities.raw_debug)
        assert abilities.agent_version is None
        assert not (abilities.starts_containers)
        asked = len(old.heard)
        assert await hub.agents.abilities(line.common_name) == abilities
        assert len(old.heard) == asked
        assert {message.get("device_id", "rung-probe") for _, message in old.heard} == {"rung-probe"}
    await hub.until(line.common_name, False)
    async with agent(hub, line) as new:
        new.answers["run_command"] = echo(status="success", debug_response=no_session)
        new.answers["get_orchestrator_version"] = echo(orchestrator_version="1.2.6", netmon_version="unknown")
        new.answers["start_device"] = echo(status="error", error="Device not found")
        abilities = await hub.agents.abilities(line.common_name)
        assert abilities.raw_debug
        assert abilities.starts_containers
        assert abilities.agent_version == "1.2.6"


async def test_what_is_in_messages_and_answers_is_never_logged(
    hub: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    line = await hub.enrol()
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="rung.hub.agents.socketio")
    async with agent(hub, line) as one:
        one.answers["run_command"] = echo(http_response={"body": "token-of-the-runtime"})
        await hub.agents.call(line.common_name, "run_command", {"data": {"password": "secret-12"}})
        one.answers["run_command"] = forever
        await failure_of(hub.agents.call(line.common_name, "run_command", {"password": "secret-12"}, timeout=0.05))
    assert "is online" in caplog.text
    assert "secret-12" not in caplog.text
    assert "token-of-the-runtime" not in caplog.text
