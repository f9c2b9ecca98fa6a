"""What the orchestrator protocol asks of a hub beside the great stories: the handshake's figures, the form of every message, odd answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hub.agent_contract import CONTRACTS, NEWER_CONTRACTS, refusal
from hub.api_hub import Bench, bench, runtime_says
from hub.listening import TENANT, agent, echo, fingerprinted, listening, next_event
from hub.test_agents_listener import HANDSHAKE, handshake
from hub.test_api_debug import LOGIN, DebugAgent
from hub.test_api_upload import send, upload
from hub.test_api_vplcs import EXITED, PLAIN, RUNNING, one_by_one
from hub.test_review_sessions import websocket
from rung.hub.agents import AgentBounds
from rung.hub.agents.abilities import probe
from rung.hub.api import orchestrators
from rung.hub.roles import Role
from rung.runtimes.errors import Kind, RuntimeFailure

ONE = "/orchestrators/{o}"
VPLC = f"{ONE}/vplcs/{{v}}"
STANDSTILL_MS = 25_000
"""So long a public agent answers no ping, because it ends a debug session (orchestrator protocol, section 2.6)."""


# -- the connection (orchestrator protocol, sections 1.2 and 2) ------------------------------------------------------


@pytest.mark.parametrize(
    ("transports", "upgrades"), [(("polling", "websocket"), ["websocket"]), (("polling",), [])], ids=["both", "polling"]
)
async def test_the_handshake_tells_agents_figures_that_they_can_keep(
    tmp_path: Path, transports: tuple[str, ...], upgrades: list[str]
) -> None:
    async with listening(tmp_path, transports=transports) as hub:
        line = await hub.enrol()
        async with (
            aiohttp.ClientSession(connector=fingerprinted(hub.authority.client_context(line))) as http,
            http.get(hub.url + HANDSHAKE) as response,
        ):
            told = json.loads((await response.text())[1:])
    assert told["upgrades"] == upgrades
    assert told["pingInterval"] == 25_000
    assert told["pingTimeout"] > STANDSTILL_MS
    assert told["maxPayload"] >= 32 * 1024 * 1024


async def test_an_agent_that_falls_silent_without_a_word_is_offline_and_its_calls_are_lost(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(ping_interval=0.2, ping_timeout=0.3)) as hub:
        line = await hub.enrol()
        _, writer = await websocket(hub, line)
        writer.write(b"\x81\x84\0\0\0\x0040{}")
        await hub.until(line.common_name, True)
        call = asyncio.ensure_future(hub.agents.call(line.common_name, "run_command", {}, timeout=30))
        await hub.until(line.common_name, False, 5)
        with pytest.raises(RuntimeFailure, match="not known") as caught:
            await asyncio.wait_for(call, 2)
        assert caught.value.kind is Kind.LOST
        writer.close()


async def test_a_header_about_a_certificate_is_not_believed(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line, other = await hub.enrol("Line 1"), await hub.enrol("Line 2")
        pem = other.certificate.read_text().replace("\n", "%0A")
        words = {"X-SSL-Client-CN": other.common_name, "X-SSL-Client-Cert": pem, "X-Forwarded-Client-Cert": pem}
        connector = fingerprinted(hub.authority.client_context(line))
        async with aiohttp.ClientSession(connector=connector, headers=words) as http:
            sid = await handshake(hub, http)
            async with http.post(f"{hub.url}{HANDSHAKE}&sid={sid}", data="40{}") as response:
                assert response.status == 200
            await hub.until(line.common_name, True)
            assert not await hub.online(other.common_name)


def test_an_agent_is_given_longer_than_it_takes_to_come_back() -> None:
    """Its longest pause is 30 s and up to 30 % more."""
    assert orchestrators._AWAY_FOR_GOOD > 30.0 * 1.3


async def test_an_agent_that_sends_no_heartbeat_is_online_and_has_none(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        async with agent(hub, line):
            presence = (await hub.agents.presence([line.common_name]))[line.common_name]
    assert (presence.online, presence.heartbeat, presence.heartbeat_at) == (True, {}, None)


async def test_the_age_of_a_heartbeat_is_that_of_the_hubs_clock(tmp_path: Path) -> None:
    async with listening(tmp_path, bounds=AgentBounds(heartbeat_every=0.0)) as hub:
        line = await hub.enrol()
        began = datetime.now(timezone.utc)
        async with hub.bus.subscribe(TENANT) as events, agent(hub, line) as one:
            await next_event(events)
            await one.send_heartbeat(agent_id=line.common_name, timestamp="1999-12-31T23:59:59.527406")
            await next_event(events)
            presence = (await hub.agents.presence([line.common_name]))[line.common_name]
    assert presence.heartbeat_at is not None
    assert began <= presence.heartbeat_at <= datetime.now(timezone.utc)


async def test_an_event_that_the_hub_has_no_use_for_changes_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        async with agent(hub, line) as one:
            for event in ("webrtc:ice", "get_device_status", "heartbeat_ack"):
                await one.client.emit(event, {"session_id": "s1", "status": "success"})
            one.answers["get_device_status"] = echo(status="not_found")
            assert (await hub.agents.call(line.common_name, "get_device_status", {}))["status"] == "not_found"
            assert not one.ended.is_set()


async def test_answers_that_overtake_each_other_are_told_apart(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        second_answered = asyncio.Event()

        async def second_first(message: dict[str, Any]) -> dict[str, Any]:
            if message["n"] == 1:
                await second_answered.wait()
            else:
                second_answered.set()
            return {"correlation_id": message["correlation_id"], "n": message["n"]}

        async with agent(hub, line) as one:
            one.answers["run_command"] = second_first
            replies = await asyncio.gather(
                *(hub.agents.call(line.common_name, "run_command", {"n": n}) for n in (1, 2))
            )
        assert [reply["n"] for reply in replies] == [1, 2]


# -- messages (orchestrator protocol, sections 2.1 and 2.2) ----------------------------------------------------------


def refused_by_contract(asked: Sequence[tuple[str, Mapping[str, object]]]) -> list[tuple[str, str]]:
    """The messages that a recorded agent would not accept, and why."""
    known = {**CONTRACTS, **NEWER_CONTRACTS}
    judged = [(topic, refusal(known[topic], message)) for topic, message in asked]
    return [(topic, why) for topic, why in judged if why is not None]


async def test_every_message_to_an_agent_is_one_that_it_accepts(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        desk.agents.answers |= {
            "create_new_runtime": {"status": "creating"},
            "delete_device": {"status": "deleting"},
            "delete_orchestrator": {"status": "accepted"},
            "get_device_status": RUNNING,
            "get_host_interfaces": {"status": "success", "interfaces": []},
            "get_serial_devices": {"status": "success", "devices": [], "count": 0},
            "get_consumption_orchestrator": {"cpu": 2},
            "get_consumption_device": {"memory": "N/A"},
            "run_command": runtime_says({"status": "STATUS:STOPPED"}),
            "run_command debug": DebugAgent(raw=True),
        }
        for query in ("", "?virtual=1"):
            assert (await desk.ask("GET", f"{ONE}/interfaces{query}")).status == 200
        serial = {"name": "modbus", "device": "usb-FTDI_X", "path": "/dev/modbus0"}
        whole = PLAIN | {"serial": [serial], "runtimeVersion": "v4.1.4", "dedicated": "eth1"}
        login = {"username": "chief", "password": "a good password"}
        for method, path, body, status in (
            ("GET", f"{ONE}/serial-devices", None, 200),
            ("GET", f"{ONE}/consumption", None, 200),
            ("GET", f"{VPLC}/consumption?cpu=15m&memory=90s", None, 200),
            ("POST", f"{ONE}/vplcs", whole, 202),
            ("GET", VPLC, None, 200),
            ("GET", f"{VPLC}/http/api/runtime-logs?id=3", None, 200),
            ("POST", f"{VPLC}/http/api/login", login, 200),
            ("PUT", f"{VPLC}/http/api/password-change/1", login, 200),
            ("DELETE", f"{VPLC}/http/api/delete-user/1", None, 200),
        ):
            assert (await desk.ask(method, path, body=body)).status == status, path
        assert (await send(desk, upload(b"zip")))[0] == 200
        lease = (await desk.ask("POST", f"{VPLC}/debug/open", body=LOGIN)).json()["lease"]
        for path, frame in (("ask", {"frame": "44 00 00"}), ("md5", {}), ("close", {})):
            assert (await desk.ask("POST", f"{VPLC}/debug/{path}", body={"lease": lease} | frame)).status == 200
        gone = {"typed": "Filler", "running": True}
        assert (await desk.ask("DELETE", VPLC, body=gone)).status == 202
        gone = {"typed": "Line 1", "running": True, "uninstall": True}
        assert (await desk.ask("DELETE", ONE, body=gone)).status == 202
        asked = [(topic, message) for _, topic, message, _ in desk.agents.asked]
    assert refused_by_contract(asked) == []
    webrtc = {topic for topic in CONTRACTS if topic.startswith("webrtc:")}
    assert {topic for topic, _ in asked} == set(CONTRACTS) - webrtc, "each topic that all agents know, but for WebRTC"


async def test_every_probe_is_one_that_agents_accept_or_do_not_know() -> None:
    asked: list[tuple[str, Mapping[str, object]]] = []

    async def ask(topic: str, message: Mapping[str, object]) -> dict[str, object]:
        asked.append((topic, message))
        return {}

    await probe(ask)
    assert refused_by_contract([row for row in asked if row[0] != "start_device"]) == []
    assert {topic for topic, _ in asked} - set(CONTRACTS) == {"get_orchestrator_version", "start_device"}


# -- containers (orchestrator protocol, sections 2.4 and 5) ----------------------------------------------------------


async def test_a_container_whose_deletion_failed_is_told_with_the_reason_and_still_reached(tmp_path: Path) -> None:
    """The agent goes on telling the failure, however well the container is."""
    async with bench(tmp_path) as desk:
        failed = {"status": "error", "operation": "delete", "error": "the network is in use"}
        desk.agents.answers |= {"get_device_status": failed, "run_command": runtime_says({"version": "v4.1.4"})}
        told = (await desk.ask("GET", VPLC)).json()
        assert (told["state"], told["message"]) == ("error", "the network is in use")
        answer = await desk.ask("GET", f"{VPLC}/http/api/version")
        assert (answer.status, answer.headers["Rung-Hub"]) == (200, "relayed")


async def test_a_container_that_its_host_starts_again_is_shown_as_it_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        desk.agents.answers["get_device_status"] = one_by_one(EXITED, RUNNING)  # type: ignore[assignment]
        assert [(await desk.ask("GET", VPLC)).json()["state"] for _ in range(2)] == ["stopped", "running"]


async def test_whoever_deletes_a_vplc_is_told_that_its_program_and_users_go_with_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        told = (await desk.ask("DELETE", VPLC, Role.ADMIN)).json()
    assert "with its program and its users" in told["message"]


# -- debugging (orchestrator protocol, section 2.6) ------------------------------------------------------------------


class GarblingAgent(DebugAgent):
    """Tells frames that it cannot relay as a recorded one does: by a word in the place of the answer."""

    async def answer(self, data: dict[str, Any]) -> dict[str, object]:
        if data["type"] == "debug_command":
            return {"type": "debug_command_response", "data": "ERROR_PARSING"}
        return await super().answer(data)


@pytest.mark.parametrize(("action", "also"), [("ask", {"frame": "44 00 00"}), ("md5", {})], ids=["frame", "md5"])
async def test_an_agents_word_in_the_place_of_a_frame_is_no_frame(
    tmp_path: Path, action: str, also: dict[str, str]
) -> None:
    async with bench(tmp_path) as desk:
        desk.agents.answers["run_command debug"] = GarblingAgent(raw=True)
        lease = await lease_of(desk)
        answer = await desk.ask("POST", f"{VPLC}/debug/{action}", body={"lease": lease} | also)
        assert (answer.status, answer.json()["error"]["kind"]) == (502, "internal")
        assert "ERROR_PARSING" not in answer.body.decode()


async def lease_of(desk: Bench) -> str:
    return str((await desk.ask("POST", f"{VPLC}/debug/open", body=LOGIN)).json()["lease"])
