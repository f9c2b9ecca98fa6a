"""A lease is good for one vPLC, and whoever has one of another vPLC reaches nothing with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench
from hub.stocked import asked_for
from hub.test_api_debug import LOGIN, DebugAgent
from rung.hub.api import debug_leases
from rung.hub.records import Vplc
from rung.hub.roles import Role

FORCE = "42 00 00 00 01 00 01 01"


@pytest_asyncio.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(debug_leases, "_LINGERS", 0.02)
    async with bench(tmp_path) as made:
        made.agents.answers["run_command debug"] = DebugAgent(raw=True)
        yield made


def debug(vplc: Vplc, action: str) -> str:
    return f"/orchestrators/{{o}}/vplcs/{vplc.id}/debug/{action}"


async def opened(desk: Bench, vplc: Vplc, role: Role) -> str:
    answer = await desk.ask("POST", debug(vplc, "open"), role, LOGIN)
    assert answer.status == 200, answer.body
    return str(answer.json()["lease"])


@pytest.mark.parametrize("action", ["ask", "md5", "close"])
async def test_a_lease_of_one_vplc_reaches_no_other(desk: Bench, action: str) -> None:
    capper = await asked_for(desk.store, desk.here, "Capper")
    await opened(desk, desk.vplc, Role.ENGINEER)
    mine = await opened(desk, capper, Role.ADMIN)
    before = len(desk.agents.asked)
    body = {"lease": mine} | ({"frame": FORCE} if action == "ask" else {})
    answer = await desk.ask("POST", debug(desk.vplc, action), Role.ADMIN, body)
    assert answer.status == 409
    assert len(desk.agents.asked) == before, "nothing went to the machine that somebody else watches"


async def test_a_lease_that_another_process_has_ended_forces_nothing(desk: Bench) -> None:
    lease = await opened(desk, desk.vplc, Role.ENGINEER)
    await desk.store.end_lease(desk.vplc.id, lease)  # as another process of the hub does
    before = len(desk.agents.asked)
    answer = await desk.ask("POST", debug(desk.vplc, "ask"), Role.ENGINEER, {"lease": lease, "frame": FORCE})
    assert answer.status == 409
    assert len(desk.agents.asked) == before
