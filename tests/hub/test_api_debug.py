"""The debug relay: one user at a time, frames as they are with newer agents, and the MD5 alone with older ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench, lost
from rung.hub.api import debug_leases
from rung.hub.roles import Role

DEBUG = "/orchestrators/{o}/vplcs/{v}/debug"
MD5 = "6efe4824341ba1e0224107ed5262b452"
FRAME = " ".join(f"{byte:02x}" for byte in b"\x45\x7e" + MD5.encode() + b"\xad\xde")


class DebugAgent:
    """An agent's debug sessions as recorded (orchestrator protocol, section 2.6)."""

    def __init__(self, raw: bool) -> None:
        self.raw = raw
        self.open = False
        self.heard: list[str] = []
        self.stop_takes = 0.0
        self.start: Mapping[str, object] = {}
        self.md5: dict[str, object] = {"type": "debug_md5_response", "md5": MD5 + "\ufffd\ufffd"}

    async def __call__(self, message: Mapping[str, object]) -> dict[str, object]:
        data = message["data"]
        assert isinstance(data, dict)
        self.heard.append(data["type"])
        return {"status": "success", "debug_response": await self.answer(data)}

    async def answer(self, data: dict[str, Any]) -> dict[str, object]:
        kind = data["type"]
        if kind == "debug_start":
            self.start = data
            if data.get("password") == "wrong" or data.get("token") == "wrong":
                return {"type": "debug_error", "error": "Authentication failed: HTTP 401"}
            self.open = True
            return {"type": "debug_connected"}
        if kind == "debug_stop":
            if self.open:
                await asyncio.sleep(self.stop_takes)
            self.open = False
            return {"type": "debug_disconnected"}
        if not self.open:
            return {"type": "debug_error", "error": "No active debug session. Send debug_start first."}
        if kind == "debug_get_md5":
            return self.md5
        if kind == "debug_command" and self.raw:
            data = {"45 DE AD 00 00": FRAME}.get(data["command"], "44 81")  # type: ignore[assignment]
            return {"type": "debug_command_response", "data": data}
        return {"type": "debug_error", "error": f"Unknown debug message type: {kind}"}


@pytest_asyncio.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(debug_leases, "_LINGERS", 0.05)
    async with bench(tmp_path) as made:
        made.agents.answers["run_command debug"] = DebugAgent(raw=True)
        yield made


def agent(desk: Bench) -> DebugAgent:
    found = desk.agents.answers["run_command debug"]
    assert isinstance(found, DebugAgent)
    return found


def old_agent(desk: Bench) -> DebugAgent:
    desk.agents.raw_debug = False
    desk.agents.answers["run_command debug"] = DebugAgent(raw=False)
    return agent(desk)


LOGIN = {"token": "abc", "username": "fitter", "password": "secret word"}


async def opened(desk: Bench, role: Role = Role.ENGINEER) -> str:
    answer = await desk.ask("POST", f"{DEBUG}/open", role, LOGIN)
    assert answer.status == 200, answer.body
    lease = answer.json()["lease"]
    assert isinstance(lease, str)
    return lease


async def test_a_newer_agent_relays_frames_as_they_are(desk: Bench) -> None:
    answer = await desk.ask("POST", f"{DEBUG}/open", Role.ENGINEER, LOGIN)
    assert answer.json()["way"] == "raw"
    assert agent(desk).start == {"type": "debug_start", "port": 8443, "token": "abc"}, "no password where a token does"
    lease = answer.json()["lease"]
    told = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "44 00 01 00 00 00"})
    assert told.json() == {"frame": "44 81"}
    assert (await desk.ask("POST", f"{DEBUG}/md5", Role.ENGINEER, {"lease": lease})).json() == {"md5": MD5}


async def test_a_frame_for_an_older_agent_is_refused_with_the_reason(desk: Bench) -> None:
    old_agent(desk)
    lease = await opened(desk)
    answer = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "44 00 01 00 00 00"})
    assert answer.status == 502
    assert answer.json()["error"]["kind"] == "too-old"


async def test_an_older_agent_gives_the_md5_without_its_tail(desk: Bench) -> None:
    old_agent(desk)
    answer = await desk.ask("POST", f"{DEBUG}/open", Role.ENGINEER, LOGIN)
    assert answer.json()["way"] == "md5"
    assert "token" not in agent(desk).start
    assert (await desk.ask("POST", f"{DEBUG}/md5", Role.ENGINEER, {"lease": answer.json()["lease"]})).json() == {
        "md5": MD5
    }


async def test_an_older_agent_does_not_know_the_word_for_no_program(desk: Bench) -> None:
    old_agent(desk).md5 = {"type": "debug_error", "error": "UNKNOWN(0x83)"}
    lease = await opened(desk)
    assert (await desk.ask("POST", f"{DEBUG}/md5", Role.ENGINEER, {"lease": lease})).json() == {"md5": None}


async def test_an_older_agent_never_falls_back_to_its_default_password(desk: Bench) -> None:
    old_agent(desk)
    for body in ({"token": "abc"}, LOGIN | {"password": ""}, {"username": "dev"}):
        assert (await desk.ask("POST", f"{DEBUG}/open", Role.ENGINEER, body)).status == 400
    assert "debug_start" not in agent(desk).heard


async def test_another_user_is_refused_and_told_who_watches(desk: Bench) -> None:
    lease = await opened(desk)
    answer = await desk.ask("POST", f"{DEBUG}/open", Role.ADMIN, LOGIN)
    assert (answer.status, answer.json()["error"]["kind"]) == (409, "busy")
    assert "Bottling-engineer" in answer.json()["error"]["message"]
    stolen = await desk.ask("POST", f"{DEBUG}/ask", Role.ADMIN, {"lease": lease, "frame": "41"})
    assert stolen.status == 409, "a lease is its user's own"


async def test_the_same_user_takes_over_and_the_older_lease_ends(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debug_leases, "_RENEWED_EVERY", 0.0)
    older, newer = await opened(desk), await opened(desk)
    for lease, status in ((older, 409), (newer, 200)):
        answer = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "41"})
        assert answer.status == status


async def test_a_session_never_passes_from_one_user_to_another(desk: Bench) -> None:
    agent(desk).open = True  # left behind by somebody whose editor went away
    await opened(desk)
    assert agent(desk).heard == ["debug_stop", "debug_start"]


async def test_closing_ends_the_session_after_a_moment(desk: Bench) -> None:
    lease = await opened(desk)
    assert (await desk.ask("POST", f"{DEBUG}/close", Role.ENGINEER, {"lease": lease})).json() == {"ok": True}
    assert (await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": "1.x", "frame": "41"})).status == 409
    for _ in range(100):
        if (await desk.ask("POST", f"{DEBUG}/open", Role.ADMIN, LOGIN)).status == 200:
            break
        await asyncio.sleep(0.02)
    assert agent(desk).heard.index("debug_stop", 1) < len(agent(desk).heard)
    assert agent(desk).open


async def test_a_user_who_comes_back_at_once_does_not_wait_for_a_slow_end(desk: Bench) -> None:
    old_agent(desk).stop_takes = 5.0
    lease = await opened(desk)
    await desk.ask("POST", f"{DEBUG}/close", Role.ENGINEER, {"lease": lease})
    await asyncio.wait_for(opened(desk), 1.0)
    assert agent(desk).heard == ["debug_stop", "debug_start", "debug_get_md5"]


async def test_who_comes_back_with_another_login_gets_another_session(desk: Bench) -> None:
    lease = await opened(desk)
    await desk.ask("POST", f"{DEBUG}/close", Role.ENGINEER, {"lease": lease})
    assert (await desk.ask("POST", f"{DEBUG}/open", Role.ENGINEER, LOGIN | {"password": "another"})).status == 200
    assert agent(desk).heard == ["debug_stop", "debug_start", "debug_start"]


async def test_a_session_that_ended_by_itself_is_opened_anew(desk: Bench) -> None:
    lease = await opened(desk)
    await desk.ask("POST", f"{DEBUG}/close", Role.ENGINEER, {"lease": lease})
    agent(desk).open = False
    await opened(desk)
    assert agent(desk).heard == ["debug_stop", "debug_start", "debug_command", "debug_start"]


async def test_a_refused_login_gives_the_lease_back(desk: Bench) -> None:
    answer = await desk.ask("POST", f"{DEBUG}/open", Role.ENGINEER, LOGIN | {"token": "wrong"})
    assert (answer.status, answer.json()["error"]["kind"]) == (502, "credentials")
    await opened(desk, Role.ADMIN)


async def test_an_end_of_the_agents_session_is_told(desk: Bench) -> None:
    lease = await opened(desk)
    agent(desk).open = False
    answer = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "41"})
    assert answer.status == 409
    assert "Open it again" in answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    "frame", ["", "45DEAD0000", "46 00", "00", "45 DE AD 00 0", "45 DE\n", "45 GG", "4 5", "45  DE", "41 " * 3000, 7]
)
async def test_what_is_no_debug_frame_goes_nowhere(desk: Bench, frame: object) -> None:
    lease = await opened(desk)
    answer = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": frame})
    assert answer.status == 400
    assert "debug_command" not in agent(desk).heard


async def test_reading_leaves_no_rows_and_forcing_does(desk: Bench) -> None:
    lease = await opened(desk)
    await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "44 00 00"})
    await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "42 00 00 00 01 00 01 01"})
    assert await desk.rows() == [
        ("debug.open", "begun"), ("debug.open", "ok"), ("debug.ask", "begun"), ("debug.ask", "ok")
    ]  # fmt: skip
    assert "42 00" not in repr(await desk.store.audit("Bottling"))


async def test_a_lost_force_is_unknown(desk: Bench) -> None:
    lease = await opened(desk)
    desk.agents.answers["run_command debug"] = lost()
    answer = await desk.ask("POST", f"{DEBUG}/ask", Role.ENGINEER, {"lease": lease, "frame": "42 00 00 00 01 00 01 01"})
    assert answer.status == 504
    assert (await desk.rows())[-1] == ("debug.ask", "unknown")


async def test_no_password_or_token_is_kept(desk: Bench) -> None:
    old_agent(desk)
    await opened(desk)
    kept = desk.log.getvalue() + repr(await desk.store.audit("Bottling"))
    assert "secret word" not in kept
