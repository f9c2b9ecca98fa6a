"""What was done is never said to be undone, though something after it has failed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from hub.api_hub import bench
from rung.hub.records import Orchestrator, User
from rung.runtimes.errors import Kind, RuntimeFailure


def away() -> RuntimeFailure:
    return RuntimeFailure(Kind.UNREACHABLE, "The hub's database does not answer; nothing was changed.", "Wait.")


async def test_a_user_who_was_added_without_a_token_is_said_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as desk:

        async def issue_token(user: User, label: str, expires: datetime | None) -> str:
            raise away()

        monkeypatch.setattr(desk.store, "issue_token", issue_token)
        answer = await desk.ask("POST", "/users", body={"name": "fitter", "role": "viewer"})
        assert answer.status == 503
        told = answer.json()["error"]
        assert "fitter was added" in told["message"]
        assert "nothing" not in told["message"].lower()
        assert "fitter" in (await desk.ask("GET", "/users")).body.decode()


async def test_a_revoking_that_is_done_is_not_said_to_have_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as desk:
        looked = desk.store.orchestrator
        revoke = desk.store.revoke

        async def gone(tenant: str, id: str) -> Orchestrator | None:
            raise away()

        async def revoke_and_lose(orchestrator: Orchestrator, at: datetime) -> None:
            await revoke(orchestrator, at)
            monkeypatch.setattr(desk.store, "orchestrator", gone)

        monkeypatch.setattr(desk.store, "revoke", revoke_and_lose)
        answer = await desk.ask("POST", "/orchestrators/{o}/revoke", body={"typed": "Line 1"})
        assert (answer.status, answer.json()) == (200, {"ok": True})
        now = await looked("Bottling", desk.here.id)
        assert now is not None
        assert now.revoked is not None
        assert desk.agents.dropped == [desk.here.id]


async def test_a_user_whose_token_cannot_be_as_asked_for_is_not_added(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        answer = await desk.ask("POST", "/users", body={"name": "fitter", "role": "viewer", "days": 0})
        assert answer.status == 400
        assert "Nothing was done" in answer.json()["error"]["message"]
        assert "fitter" not in (await desk.ask("GET", "/users")).body.decode()
