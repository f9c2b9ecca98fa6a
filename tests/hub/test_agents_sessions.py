"""Who may connect as which orchestrator's agent, and what the hub says of it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import socketio  # type: ignore[import-untyped]  # it ships no types

from hub.listening import TENANT, Listening, agent, echo, fingerprinted, listening, next_event, renewed
from hub.pki import Authority, Credentials
from rung.hub.agents import AgentBounds

pytestmark = pytest.mark.asyncio
HANDSHAKE = "/socket.io/?transport=polling&EIO=4"


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Listening]:
    async with listening(tmp_path) as one:
        yield one


async def refusal(hub: Listening, credentials: Credentials) -> str:
    """What an agent that is not let in writes to its log."""
    said: list[object] = []
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with agent(hub, credentials, online=False) as one:
            said = one.refused
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(credentials))) as http:
        opened = await handshake(hub, http)
        await post(hub, http, opened, "40{}")
        said = [
            json.loads(packet[2:])["message"]
            for packet in (await poll(hub, http, opened)).split("\x1e")
            if packet[:2] == "44"
        ]
    assert len(said) == 1
    return str(said[0])


async def handshake(hub: Listening, http: aiohttp.ClientSession) -> str:
    async with http.get(hub.url + HANDSHAKE) as response:
        assert response.status == 200
        return str(json.loads((await response.text())[1:])["sid"])


async def post(hub: Listening, http: aiohttp.ClientSession, sid: str, body: str | bytes) -> int:
    async with http.post(f"{hub.url}{HANDSHAKE}&sid={sid}", data=body) as response:
        return response.status


async def poll(hub: Listening, http: aiohttp.ClientSession, sid: str) -> str:
    async with http.get(f"{hub.url}{HANDSHAKE}&sid={sid}") as response:
        return await response.text()


async def test_an_enrolled_agent_is_online_while_it_is_connected(hub: Listening) -> None:
    line = await hub.enrol()
    assert not await hub.online(line.common_name)
    async with agent(hub, line):
        presence = (await hub.agents.presence([line.common_name]))[line.common_name]
        assert presence.online
        assert presence.process == "hub-1"
        assert presence.since is not None
        assert set(await hub.store.sessions()) == {line.common_name}
    await hub.until(line.common_name, False)
    assert (await hub.orchestrator(line.common_name)).last_seen is not None


async def test_editors_are_told_of_online_and_offline(hub: Listening) -> None:
    line = await hub.enrol()
    async with hub.bus.subscribe(TENANT) as events, hub.bus.subscribe("Others") as others:
        async with agent(hub, line):
            began = await next_event(events)
            assert (began["orchestrator"], began["online"]) == (line.common_name, True)
        ended = await next_event(events)
        assert (ended["orchestrator"], ended["online"]) == (line.common_name, False)
        assert datetime.fromisoformat(str(ended["at"])) >= datetime.fromisoformat(str(began["at"]))
        with pytest.raises(asyncio.TimeoutError):
            await next_event(others, 0.05)


async def test_without_a_certificate_there_is_no_connection(hub: Listening) -> None:
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(None))) as http:
        with pytest.raises(aiohttp.ClientError):
            await handshake(hub, http)


async def test_a_certificate_of_another_authority_is_no_certificate(hub: Listening, tmp_path: Path) -> None:
    line = await hub.enrol()
    other = Authority(tmp_path, "Test authority").issue(line.common_name)
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(other))) as http:
        with pytest.raises(aiohttp.ClientError):
            await handshake(hub, http)


async def test_a_certificate_that_has_expired_ends_in_the_handshake(hub: Listening) -> None:
    now = datetime.now(timezone.utc)
    line = await hub.enrol(not_before=now - timedelta(days=2), not_after=now - timedelta(seconds=1))
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        with pytest.raises(aiohttp.ClientError):
            await handshake(hub, http)


async def test_an_unknown_orchestrator_is_refused_with_a_sentence(hub: Listening) -> None:
    assert "does not know" in await refusal(hub, hub.authority.issue("F" * 32))


async def test_another_certificate_of_the_same_name_is_refused(hub: Listening) -> None:
    line = await hub.enrol()
    assert "not the one that counts" in await refusal(hub, hub.authority.issue(line.common_name))
    assert not await hub.online(line.common_name)
    async with agent(hub, line):
        assert await hub.online(line.common_name)


async def test_a_revoked_orchestrator_is_refused(hub: Listening) -> None:
    line = await hub.enrol()
    await hub.store.revoke(await hub.orchestrator(line.common_name), datetime.now(timezone.utc))
    assert "revoked" in await refusal(hub, line)


async def test_dropping_a_revoked_orchestrator_ends_its_session_and_its_connection(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as one:
        await hub.store.revoke(await hub.orchestrator(line.common_name), datetime.now(timezone.utc))
        await hub.agents.drop(line.common_name, "it was revoked")
        assert not await hub.online(line.common_name)
        await asyncio.wait_for(one.ended.wait(), 5)
    assert "revoked" in await refusal(hub, line)


async def test_a_renewed_certificate_counts_from_its_first_connection_and_ends_the_old_one(hub: Listening) -> None:
    line = await hub.enrol()
    fresh, record = await renewed(hub, line.common_name)
    async with agent(hub, line):
        assert (await hub.orchestrator(line.common_name)).certificate.fingerprint == line.record.fingerprint
    await hub.until(line.common_name, False)
    async with agent(hub, fresh):
        known = await hub.orchestrator(line.common_name)
        assert known.certificate.fingerprint == record.fingerprint
        assert known.renewed is None
    assert "not the one that counts" in await refusal(hub, line)


async def test_a_session_ends_when_its_certificate_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.hub.agents.agents._BEAT_SECONDS", 0.05)
    async with listening(tmp_path) as hub:
        line = await hub.enrol(not_after=datetime.now(timezone.utc) + timedelta(seconds=2))
        async with agent(hub, line) as one:
            await asyncio.wait_for(one.ended.wait(), 5)
            assert not await hub.online(line.common_name)


async def test_a_session_is_compared_with_the_database_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have revoked it, and may not have been heard."""
    monkeypatch.setattr("rung.hub.agents.agents._BEAT_SECONDS", 0.05)
    async with listening(tmp_path, bounds=AgentBounds(recheck_every=0.1)) as hub:
        line = await hub.enrol()
        async with agent(hub, line) as one:
            await asyncio.sleep(0.3)
            assert await hub.online(line.common_name)
            await hub.store.revoke(await hub.orchestrator(line.common_name), datetime.now(timezone.utc))
            await asyncio.wait_for(one.ended.wait(), 5)


async def test_of_two_sessions_of_one_orchestrator_the_newest_stays(hub: Listening) -> None:
    line = await hub.enrol()
    async with agent(hub, line) as old, agent(hub, line) as new:
        await asyncio.wait_for(old.ended.wait(), 5)
        new.answers["get_serial_devices"] = echo(status="success", which="new")
        old.answers["get_serial_devices"] = echo(status="success", which="old")
        assert (await hub.agents.call(line.common_name, "get_serial_devices", {}))["which"] == "new"
        assert not new.ended.is_set()
        assert await hub.online(line.common_name)


async def test_many_connecting_at_once_leave_one_session(hub: Listening) -> None:
    line = await hub.enrol()

    async def connect(http: aiohttp.ClientSession) -> None:
        sid = await handshake(hub, http)
        await post(hub, http, sid, "40{}")

    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        await asyncio.gather(*(connect(http) for _ in range(4)))
        await hub.until(line.common_name, True)
        await asyncio.sleep(0.1)
        held = await hub.store.sessions()
        assert len(held) == 1
        assert hub.agents.figures()["online"] == 1


@pytest.mark.parametrize("way", ["poll", "post", "upgrade"])
async def test_a_request_for_a_session_with_another_certificate_is_closed(hub: Listening, way: str) -> None:
    """Whoever learns a session's name still needs the certificate of its handshake, also when it holds a good one itself."""
    line, thief = await hub.enrol("Line 1"), await hub.enrol("Line 2")
    mine = aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line)))
    theirs = aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(thief)))
    async with mine, theirs:
        sid = await handshake(hub, mine)
        if way == "poll":
            async with theirs.get(f"{hub.url}{HANDSHAKE}&sid={sid}") as response:
                assert response.status == 403
        elif way == "post":
            assert await post(hub, theirs, sid, "40{}") == 403
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as error:
                await theirs.ws_connect(f"{hub.url}/socket.io/?transport=websocket&EIO=4&sid={sid}")
            assert error.value.status == 403
        assert await post(hub, mine, sid, "40{}") == 200
        await hub.until(line.common_name, True)
        assert not await hub.online(thief.common_name)
        assert hub.agents.figures()["foreign certificates"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "transport=polling&EIO=4&sid={sid}&sid=other",
        "transport=polling&EIO=4&sid=&sid={sid}",
        "transport=polling&EIO=4&sid={sid}&transport=websocket",
        "transport=polling&EIO=4&sid={sid}&j=0",
        "transport=polling%26sid={sid}&EIO=4&sid=x",
        "EIO=4&sid={sid}",
    ],
)
async def test_a_query_that_can_be_read_in_two_ways_is_refused(hub: Listening, query: str) -> None:
    line, thief = await hub.enrol("Line 1"), await hub.enrol("Line 2")
    mine = aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line)))
    theirs = aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(thief)))
    async with mine, theirs:
        sid = await handshake(hub, mine)
        async with theirs.get(f"{hub.url}/socket.io/?{query.format(sid=sid)}") as response:
            assert response.status in (400, 403)


async def test_heartbeats_are_kept_as_checked_words_and_told_to_editors(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(heartbeat_every=0.0)) as hub:
        line = await hub.enrol()
        async with hub.bus.subscribe(TENANT) as events, agent(hub, line) as one:
            await next_event(events)
            await one.send_heartbeat(
                agent_id=line.common_name,
                cpu_usage=12.5,
                memory_usage="much",
                uptime=True,
                disk_total=-1,
                status="active",
                agent_version="1.2.6",
                evil={"deep": []},
                timestamp="2026-11-22T05:58:34\x1b[31m",
            )
            told = await next_event(events)
            assert told["heartbeat"] == {"cpu_usage": 12.5, "status": "active", "agent_version": "1.2.6"}
            presence = (await hub.agents.presence([line.common_name]))[line.common_name]
            assert presence.heartbeat == told["heartbeat"]
            assert presence.heartbeat_at is not None


async def test_a_heartbeat_for_another_orchestrator_is_ignored(hub: Listening) -> None:
    line, other = await hub.enrol("Line 1"), await hub.enrol("Line 2")
    async with agent(hub, line) as one:
        await one.send_heartbeat(agent_id=other.common_name, cpu_usage=1.0)
        for _ in range(200):
            if "foreign heartbeats" in hub.agents.figures():
                break
            await asyncio.sleep(0.01)
        assert hub.agents.figures()["foreign heartbeats"] == 1
        presence = await hub.agents.presence([line.common_name, other.common_name])
        assert presence[line.common_name].heartbeat == {}
        assert not presence[other.common_name].online


async def test_events_named_like_the_librarys_own_do_not_reach_its_handlers(hub: Listening) -> None:
    line = await hub.enrol()
    async with aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http:
        sid = await handshake(hub, http)
        assert await post(hub, http, sid, "40{}") == 200
        await hub.until(line.common_name, True)
        assert (
            await post(hub, http, sid, '42["disconnect","transport close"]\x1e42["connect",{}]\x1e420["disconnect"]')
            == 200
        )
        await asyncio.sleep(0.05)
        assert await hub.online(line.common_name)


async def test_stopping_tells_agents_and_forgets_their_sessions(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        async with hub.bus.subscribe(TENANT) as events, agent(hub, line) as one:
            await next_event(events)
            await hub.agents.stop()
            await asyncio.wait_for(one.ended.wait(), 5)
            assert (await next_event(events))["online"] is False
            assert await hub.store.sessions() == {}
            connector = fingerprinted(hub.authority.client_context(line))
            async with (
                aiohttp.ClientSession(connector=connector) as http,
                http.get(hub.url + HANDSHAKE) as response,
            ):
                assert response.status == 503


async def test_a_database_that_cannot_be_used_refuses_and_says_so(hub: Listening) -> None:
    line = await hub.enrol()
    await hub.store.aclose()
    assert "database" in await refusal(hub, line)


async def test_tls_older_than_1_2_is_not_spoken(hub: Listening) -> None:
    line = await hub.enrol()
    context = hub.authority.client_context(line)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with aiohttp.ClientSession(connector=fingerprinted(context)) as http:
        with pytest.raises(aiohttp.ClientError):
            await handshake(hub, http)
