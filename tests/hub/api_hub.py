"""The editors' interface for tests: the real table, doors and database; an agent that says what the test has written down for it."""

from __future__ import annotations

import asyncio
import atexit
import io
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from multidict import CIMultiDictProxy

from hub.stocked import asked_for, enrolled
from rung.hub.agents import AgentAbilities
from rung.hub.api.asking import Asking
from rung.hub.api.call import Desk
from rung.hub.api.debug_leases import DebugLeases
from rung.hub.api.doors import application
from rung.hub.api.seen_states import SeenStates
from rung.hub.api.vplc_progress import VplcProgress
from rung.hub.bus import Bus
from rung.hub.journal import Journal
from rung.hub.limits import Buckets, Limits
from rung.hub.metrics import Metrics
from rung.hub.records import Orchestrator, Presence, User, Vplc, VplcState
from rung.hub.roles import Role
from rung.hub.settings import HubSettings, from_table
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure

PROCESS = "process-of-the-test"
Answer = Mapping[str, object] | Exception | Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]


def offline() -> RuntimeFailure:
    return RuntimeFailure(Kind.UNREACHABLE, "The orchestrator is offline. Nothing was sent.", "Wait for it.")


def lost() -> RuntimeFailure:
    return RuntimeFailure(Kind.LOST, "The connection was lost. Whether it was done is not known.", "Look first.")


def runtime_says(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> dict[str, object]:
    """A reply of an agent with a runtime's answer in it, as recorded."""
    stated = {"Content-Type": "application/json", "X-OpenPLC-Runtime-Version": "v4.1.4"} if headers is None else headers
    return {
        "action": "run_command",
        "correlation_id": 1,
        "status": "success" if status < 400 else "error",
        "http_response": {
            "status_code": status,
            "headers": dict(stated),
            "ok": status < 400,
            "body": body,
            "content_type": "application/json" if isinstance(body, (dict, list)) else "text/plain",
        },
    }


@dataclass
class WrittenAgents:
    """Agents whose answers are written down.

    Attributes:
        answers: what is answered, by topic; for run_command by the path too (`run_command api/status`).
        asked: every call that was made.
        away: orchestrators that are offline.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, object], float]] = field(default_factory=list)
    away: set[str] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)
    raw_debug: bool = True

    async def call(
        self, orchestrator_id: str, topic: str, message: Mapping[str, object], timeout: float = 30.0
    ) -> dict[str, object]:
        if orchestrator_id in self.away:
            raise offline()
        self.asked.append((orchestrator_id, topic, dict(message), timeout))
        key = f"{topic} {message['api']}" if topic == "run_command" else topic
        answer = self.answers.get(
            key, self.answers.get(topic, {"status": "error", "error": f"nothing written for {key}"})
        )
        if isinstance(answer, Exception):
            raise answer
        return dict(answer) if isinstance(answer, Mapping) else dict(await answer(message))

    async def presence(self, orchestrator_ids: Sequence[str]) -> dict[str, Presence]:
        return {one: Presence(one not in self.away, datetime.now(timezone.utc), PROCESS) for one in orchestrator_ids}

    async def abilities(self, orchestrator_id: str) -> AgentAbilities:
        return AgentAbilities(raw_debug=self.raw_debug)

    async def drop(self, orchestrator_id: str, why: str) -> None:
        self.dropped.append(orchestrator_id)

    def topics(self) -> list[str]:
        return [topic for _, topic, _, _ in self.asked]

    def last(self) -> dict[str, object]:
        return self.asked[-1][2]


def generous() -> Limits:
    """Limits that no test comes near."""
    return Limits(**{name: Buckets(1e6, 1e6) for name in Limits.__dataclass_fields__})


def settings(folder: Path) -> HubSettings:
    """A hub's settings, with an operator's certificate so that none of the hub's own is needed."""
    made = from_table(folder, {"names": ["hub.example"], "certificate": "/none/c.pem", "key": "/none/k.pem"})
    return replace(made, database_url=f"sqlite:///{folder / 'hub.db'}")


@dataclass(frozen=True)
class Reply:
    """An answer of the hub, read in full."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Bench:
    """A running interface with two tenants, and users of every role.

    Attributes:
        tokens: by tenant and role, as `Bottling viewer`.
        here: an orchestrator of the tenant Bottling, with `vplc`.
        there: one of the tenant Dairy, with `their_vplc`.
    """

    desk: Desk
    store: Store
    agents: WrittenAgents
    http: ClientSession
    base: str
    tokens: dict[str, str]
    users: dict[str, User]
    here: Orchestrator
    vplc: Vplc
    there: Orchestrator
    their_vplc: Vplc
    log: io.StringIO
    runner: web.AppRunner

    async def ask(
        self,
        method: str,
        path: str,
        role: Role | None = Role.OWNER,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        tenant: str = "Bottling",
    ) -> Reply:
        """One request. `{o}` and `{v}` in the path stand for the bench's own."""
        path = path.replace("{o}", self.here.id).replace("{v}", self.vplc.id)
        sent = dict(headers or {})
        if role is not None:
            sent["Authorization"] = f"Bearer {self.tokens[f'{tenant} {role.word}']}"
        async with self.http.request(
            method, f"{self.base}/api/v1{path}", json=body, headers=sent, allow_redirects=False
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def rows(self, tenant: str = "Bottling") -> list[tuple[str, str]]:
        """The audit log's actions and outcomes, the oldest first."""
        return [(row.action, row.outcome) for row in reversed(await self.store.audit(tenant))]

    async def state(self) -> VplcState | None:
        found = await self.store.vplc(self.here.id, self.vplc.id)
        return found.state if found else None


@dataclass(frozen=True)
class _Stock:
    """A database with everything in it, made once and copied for each test."""

    file: Path
    tokens: dict[str, str]
    users: dict[str, User]
    here: Orchestrator
    vplc: Vplc
    there: Orchestrator
    their_vplc: Vplc


_made: list[_Stock] = []


async def _stocked() -> _Stock:
    if _made:
        return _made[0]
    file = Path(tempfile.mkdtemp(prefix="rung-api-")) / "hub.db"
    atexit.register(shutil.rmtree, file.parent, ignore_errors=True)
    store = await Store.open(f"sqlite:///{file}")
    tokens: dict[str, str] = {}
    users: dict[str, User] = {}
    for tenant in ("Bottling", "Dairy"):
        for role in Role:
            user = await store.add_user(tenant, f"{tenant}-{role.word}", role)
            users[f"{tenant} {role.word}"] = user
            tokens[f"{tenant} {role.word}"] = await store.issue_token(user, "test", None)
    here = await enrolled(store, users["Bottling admin"], "Line 1")
    there = await enrolled(store, users["Dairy admin"], "Line 9")
    vplc, their_vplc = await asked_for(store, here, "Filler"), await asked_for(store, there, "Churn")
    for one in (vplc, their_vplc):
        await store.set_vplc_state(one.id, VplcState.RUNNING, "")
    await store.aclose()
    _made.append(_Stock(file, tokens, users, here, vplc, there, their_vplc))
    return _made[0]


@asynccontextmanager
async def bench(folder: Path, limits: Limits | None = None) -> AsyncIterator[Bench]:
    """A bench; `limits` where a test is about them."""
    stock = await _stocked()
    shutil.copy(stock.file, folder / "hub.db")
    store = await Store.open(f"sqlite:///{folder / 'hub.db'}")
    agents, log = WrittenAgents(), io.StringIO()
    journal, bus, metrics = Journal(PROCESS, log), Bus(), Metrics()
    asking = Asking(agents, metrics)  # type: ignore[arg-type]  # it is all of Agents that the interface uses
    desk = Desk(
        settings=settings(folder),
        store=store,
        bus=bus,
        asking=asking,
        progress=VplcProgress(store, bus, asking, journal, PROCESS, pause=0.02),
        states=SeenStates(),
        leases=DebugLeases(store),
        limits=limits or generous(),
        metrics=metrics,
        journal=journal,
    )
    runner = web.AppRunner(application(desk), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with ClientSession() as http:
        yield Bench(
            desk, store, agents, http, f"http://127.0.0.1:{port}", stock.tokens, stock.users,
            stock.here, stock.vplc, stock.there, stock.their_vplc, log, runner,
        )  # fmt: skip
    desk.leaving.set()
    await runner.cleanup()
    await desk.progress.stop()
    await desk.leases.stop()
    for task in list(desk.tasks):
        task.cancel()
    await asyncio.gather(*desk.tasks, return_exceptions=True)
    await bus.stop()
    await store.aclose()
