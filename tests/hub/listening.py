"""A hub's agents' listener for tests, over real TLS and the real database, and agents in the same process that answer as they are told."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiohttp
import socketio  # type: ignore[import-untyped]  # it ships no types

from hub.pki import Authority, Credentials
from rung.hub.agents import AgentBounds, Agents, AgentsListener
from rung.hub.bus import Bus, Subscription
from rung.hub.records import AgentCertificate, Orchestrator
from rung.hub.roles import Role
from rung.hub.seal import Seal
from rung.hub.store import Store

TENANT = "Bottling"
SEAL_KEY = b"what the hub's processes share.."
Answer = Callable[[dict[str, Any]], Awaitable[Any]]


@dataclass
class Listening:
    """One hub process's listener and what is behind it."""

    store: Store
    bus: Bus
    agents: Agents
    listener: AgentsListener
    authority: Authority
    bounds: AgentBounds

    @property
    def url(self) -> str:
        return f"https://localhost:{self.listener.port}"

    async def enrol(
        self, name: str = "Line 1", *, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> Credentials:
        """An orchestrator with its certificate."""
        users = [user for user in await self.store.users(TENANT) if user.name == "chief"]
        chief = users[0] if users else await self.store.add_user(TENANT, "chief", Role.ADMIN)
        enrolment = await self.store.create_enrolment(
            chief, name, "", datetime.now(timezone.utc) + timedelta(minutes=5)
        )
        credentials = self.authority.issue(enrolment.id, not_before=not_before, not_after=not_after)
        assert await self.store.complete_enrolment(enrolment.id, credentials.record) is not None
        return credentials

    async def orchestrator(self, id: str) -> Orchestrator:
        found = await self.store.orchestrator_of_agent(id)
        assert found is not None
        return found

    async def online(self, id: str) -> bool:
        return (await self.agents.presence([id]))[id].online

    async def until(self, id: str, online: bool, within: float = 5.0) -> None:
        """Wait until an agent is online, or is not."""
        latest = time.monotonic() + within
        while await self.online(id) != online:
            assert time.monotonic() < latest, f"still {'offline' if online else 'online'}"
            await asyncio.sleep(0.005)


@asynccontextmanager
async def listening(
    folder: Path,
    *,
    database: str | None = None,
    authority: Authority | None = None,
    bounds: AgentBounds | None = None,
    transports: tuple[str, ...] = ("polling", "websocket"),
    redis_url: str | None = None,
    seal: Seal | None = None,
    process: str = "hub-1",
) -> AsyncIterator[Listening]:
    """A listener on a free port."""
    store = await Store.open(database or f"sqlite:///{folder}/hub.sqlite")
    seal = seal or Seal(SEAL_KEY)
    bus = Bus(redis_url, seal)
    await bus.start()
    bounds = bounds or AgentBounds()
    agents = Agents(store, bus, process, redis_url=redis_url, seal=seal, transports=transports, bounds=bounds)
    await agents.start()
    authority = authority or Authority(folder)
    listener = AgentsListener(agents.application(), authority.server_context(), "127.0.0.1", 0, bounds)
    await listener.start()
    try:
        yield Listening(store, bus, agents, listener, authority, bounds)
    finally:
        await agents.stop()
        await listener.stop()
        await bus.stop()
        await store.aclose()


@dataclass
class Agent:
    """An agent: the library's client, as the real one uses it, with answers by topic."""

    client: Any
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[tuple[str, Any]] = field(default_factory=list)
    refused: list[Any] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        await self.client.disconnect()

    async def send_heartbeat(self, **words: object) -> None:
        await self.client.emit("heartbeat", words)


@asynccontextmanager
async def agent(
    hub: Listening, credentials: Credentials, *transports: str, online: bool = True
) -> AsyncIterator[Agent]:
    """A connected agent; `online` waits until the hub says so.

    Raises:
        socketio.exceptions.ConnectionError: it was refused.
    """
    quiet = logging.getLogger("tests.agent")
    quiet.setLevel(logging.CRITICAL)
    connector = aiohttp.TCPConnector(ssl=hub.authority.client_context(credentials), force_close=True)
    async with aiohttp.ClientSession(connector=connector) as http:
        client = socketio.AsyncClient(
            reconnection=False, http_session=http, ssl_verify=True, logger=quiet, engineio_logger=quiet
        )
        one = Agent(client)

        async def on_any(event: str, data: Any = None) -> Any:
            one.heard.append((event, data))
            if event in one.answers:
                return await one.answers[event](data)
            return None

        client.on("*", on_any)
        client.on("connect_error", one.refused.append)
        client.on("disconnect", lambda *_: one.ended.set())
        try:
            await client.connect(hub.url, transports=list(transports) or None)
            if online:
                await hub.until(credentials.common_name, True)
            yield one
        finally:
            await client.disconnect()


async def eventually(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Wait until a condition holds."""
    for _ in range(int(within / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come to pass")


def echo(**reply: object) -> Answer:
    """An answer as the real agent gives it: with the topic's name and the number that it was asked with."""

    async def answer(message: dict[str, Any]) -> dict[str, object]:
        return {"correlation_id": message["correlation_id"], **reply}

    return answer


async def next_event(events: Subscription, within: float = 5.0) -> dict[str, object]:
    return dict((await asyncio.wait_for(events.__anext__(), within)).data)


def fingerprinted(context: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Connections with the certificate of that context, one for each request."""
    return aiohttp.TCPConnector(ssl=context, force_close=True)


async def renewed(hub: Listening, id: str) -> tuple[Credentials, AgentCertificate]:
    """A certificate that was issued to replace the orchestrator's."""
    credentials = hub.authority.issue(id)
    await hub.store.store_renewal(id, credentials.record)
    return credentials, credentials.record
