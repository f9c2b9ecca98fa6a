"""The orchestrator agent that other tests use acknowledges what the real ones did, message by message, and connects as they did."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.agent_process import AgentFiles, AgentProcess
from peers.agents_listener import AgentsListener, TooLong
from peers.recorded import ANY, same_bytes, sections
from peers.recorded_programs import UPLOADS
from rung.simulator import Simulator

AGENT_ID = "7FFFA4C4"
USER = {"username": "admin", "password": "secret-12"}


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path / "device", port=0, transition_s=0.3, restart_s=0.4, discovery_port=0)
    await simulator.start()
    yield simulator
    await simulator.stop()


@asynccontextmanager
async def talking(folder: Path, *options: str, **listening: Any) -> AsyncIterator[tuple[AgentsListener, AgentProcess]]:
    """An agent that is online with a listener."""
    listener = AgentsListener(folder, AGENT_ID, **listening)
    await listener.start()
    agent = AgentProcess(listener.address, listener.files, folder / "agent", *options)
    agent.start()
    try:
        await listener.online()
        await asyncio.to_thread(agent.wait_online)
        yield listener, agent
    finally:
        agent.close()
        await listener.stop()


class Talk:
    """Says what was said to the recorded agent."""

    def __init__(self, listener: AgentsListener, agent: AgentProcess) -> None:
        self._listener, self._agent = listener, agent
        self._token = ""

    async def perform(self, title: str) -> None:
        """Go through a section of the file."""
        lines = [
            line for found, lines in sections("orchestrator_agent.txt") if found == title for line in lines if line
        ]
        assert lines, title
        while lines:
            said = lines.pop(0).removeprefix("> ")
            recorded = []
            while lines and lines[0].startswith("< "):
                recorded.append(lines.pop(0)[2:])
            await self._step(said, recorded)

    async def log_in(self) -> None:
        """Have a token of the runtime."""
        for api in ("api/create-user", "api/login"):
            answer = await self._http({"method": "POST", "api": api, "data": USER})
        self._token = answer["access_token"]

    async def run(self, upload: str) -> None:
        """Have a program run."""
        files = {
            "file": {"filename": "program.zip", "content_base64": "{" + upload + "}", "content_type": "application/zip"}
        }
        answer = await self._http({"method": "POST", "api": "api/upload-file", "files": files})
        assert answer["UploadFileFail"] == ""
        await self._compiled()
        assert await self._http({"method": "GET", "api": "api/start-plc"}) == {"status": "START:OK"}
        await self._running()

    async def _step(self, said: str, recorded: list[str]) -> None:
        topic, _, text = said.partition(" ")
        match topic:
            case "poll":
                await self._poll(text, [json.loads(line) for line in recorded])
            case "compiled":
                await self._compiled()
            case "kill":
                vplcs = json.loads((self._agent.data / "vplcs.json").read_text())
                os.killpg(vplcs[text]["pid"], signal.SIGKILL)
            case _ if recorded == ["nothing"]:
                with pytest.raises(TooLong):
                    await self._listener.call(topic, json.loads(text), 1)
            case _:
                answer = await self._listener.call(topic, json.loads(self._fill(text)))
                assert same(json.loads(recorded[0]), answer), (
                    f"{said}\nrecorded {recorded[0]}\nanswered {json.dumps(answer)}"
                )
                if '"api/login"' in text and answer["status"] == "success":
                    self._token = answer["http_response"]["body"]["access_token"]
                if "START:OK" in recorded[0]:
                    await self._running()

    def _fill(self, text: str) -> str:
        text = text.replace("{valid}", self._token)
        return re.sub(r"\{(\w+\.zip)\}", lambda found: base64.b64encode(UPLOADS[found[1]]).decode(), text)

    async def _poll(self, name: str, recorded: list[Any]) -> None:
        while True:
            answer = await self._listener.call("get_device_status", {"correlation_id": 1, "device_id": name})
            assert any(same(each, answer) for each in recorded), answer
            if same(recorded[-1], answer):
                return
            await asyncio.sleep(0.01)

    async def _http(self, message: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        message = {"device_id": "vplc-01", "headers": headers, **json.loads(self._fill(json.dumps(message)))}
        return (await self._listener.call("run_command", message))["http_response"]["body"]

    async def _compiled(self) -> None:
        await self._until("api/compilation-status", "SUCCESS")

    async def _running(self) -> None:
        await self._until("api/status", "STATUS:RUNNING")

    async def _until(self, api: str, status: str) -> None:
        while True:
            if (await self._http({"method": "GET", "api": api}))["status"] == status:
                return
            await asyncio.sleep(0.05)


def same(recorded: Any, answered: Any) -> bool:
    """Whether an acknowledgement is the recorded one; see the head of the file for the wildcards."""
    if recorded == ANY:
        return True
    if isinstance(recorded, dict) and isinstance(answered, dict):
        answered = {key: value for key, value in answered.items() if key not in ("Date", "Server")}
        return recorded.keys() == answered.keys() and all(same(recorded[key], answered[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(answered, list):
        return len(recorded) == len(answered) and all(map(same, recorded, answered))
    if isinstance(recorded, str) and isinstance(answered, str) and ".. " in recorded:
        return same_bytes(recorded, answered)
    if isinstance(recorded, str) and isinstance(answered, str):
        return re.fullmatch(".*".join(map(re.escape, recorded.split(ANY))), answered, re.DOTALL) is not None
    return type(recorded) is type(answered) and bool(recorded == answered)


async def test_every_recorded_message_gets_the_recorded_acknowledgement(device: Simulator, tmp_path: Path) -> None:
    at = f"vplc-01=127.0.0.1:{device.address[1]}"
    async with talking(tmp_path, "--device", at, "--step-s", "0.05") as (listener, agent):
        talk = Talk(listener, agent)
        await talk.perform("topics")
        await talk.perform("run_command")
        await talk.perform("from the first user to running")
        await talk.perform("debugging in the agent's own words")
        await talk.perform("traps of the proxy")
        await talk.perform("create and delete")
        await talk.perform("the end of an agent")
        await asyncio.to_thread(agent.wait_ended)
        assert json.loads((agent.data / "vplcs.json").read_text()) == {}


async def test_the_branch_that_relays_frames_does_so_as_recorded(device: Simulator, tmp_path: Path) -> None:
    at = f"vplc-01=127.0.0.1:{device.address[1]}"
    async with talking(tmp_path, "--device", at, "--line", "raw-debug") as (listener, agent):
        talk = Talk(listener, agent)
        await talk.log_in()
        await talk.run("blink.zip")
        await talk.perform("raw-debug: frames are relayed")


async def test_the_branch_with_versions_knows_more_topics_and_sends_heartbeats(tmp_path: Path) -> None:
    async with talking(tmp_path, "--line", "version-management", "--heartbeat-s", "0.05") as (listener, agent):
        await Talk(listener, agent).perform("version-management: what it knows besides")
        beat = await asyncio.wait_for(listener.heartbeats.get(), 10)
        recorded = {
            "agent_id": AGENT_ID,
            "agent_version": "test",
            "cpu_usage": 100.0,
            "memory_usage": 2.2,
            "memory_total": 23.5,
            "disk_usage": 28.1,
            "disk_total": 252.0,
            "uptime": 5,
            "status": "active",
            "timestamp": "2026-11-22T05:58:34.527406",
        }
        assert {key: type(value) for key, value in beat.items()} == {
            key: type(value) for key, value in recorded.items()
        }
        periods = {"cpuPeriod": "1h", "memoryPeriod": "0,1"}
        usage = await listener.call("get_consumption_orchestrator", periods)
        assert usage["cpu_usage"][0].keys() == {"timestamp", "cpu"}
        assert usage["memory_usage"] == []  # nothing was measured in 1970


async def test_main_sends_no_heartbeat(tmp_path: Path) -> None:
    async with talking(tmp_path, "--heartbeat-s", "0.01") as (listener, _):
        for _ in range(20):
            await listener.call("get_serial_devices", {})
        assert listener.heartbeats.empty()


async def test_it_begins_with_polling_and_shows_its_certificate_and_nothing_else(tmp_path: Path) -> None:
    async with talking(tmp_path) as (listener, _):
        assert {key: value for key, value in listener.handshake["query"].items() if key != "t"} == {
            "transport": "polling",
            "EIO": "4",
        }
        assert listener.handshake["path"] == "/socket.io/"
        assert listener.handshake["headers"] == {
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
        }
        assert listener.handshake["auth"] is None
        assert listener.handshake["certificate"] == AGENT_ID


async def test_it_never_connects_where_only_websockets_are_offered(tmp_path: Path) -> None:
    listener = AgentsListener(tmp_path, AGENT_ID, transports=["websocket"])
    await listener.start()
    agent = AgentProcess(listener.address, listener.files, tmp_path / "agent")
    agent.start()
    assert await asyncio.to_thread(agent.wait_refused) == "Unexpected status code 400 in server response"
    agent.close()
    await listener.stop()


async def test_it_does_not_talk_to_a_server_of_an_authority_that_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = AgentsListener(tmp_path / "other", AGENT_ID)
    listener = AgentsListener(tmp_path, AGENT_ID)
    await listener.start()
    files = AgentFiles(listener.files.certificate, listener.files.key, other.files.ca)
    agent = AgentProcess(listener.address, files, tmp_path / "agent")
    agent.start()
    assert "CERTIFICATE_VERIFY_FAILED" in await asyncio.to_thread(agent.wait_refused)
    agent.close()
    await listener.stop()


async def test_a_frame_above_4_mib_drops_the_session_and_smaller_ones_do_not(tmp_path: Path) -> None:
    async with talking(tmp_path) as (listener, agent):
        message = {"device_id": "nope", "method": "GET", "api": "api/version", "data": "x" * (4 * 2**20 - 200)}
        assert (await listener.call("run_command", message))["error"] == "Device not found: nope"
        with pytest.raises(TooLong):
            await listener.call("run_command", {**message, "data": "x" * (4 * 2**20)}, 2)
        await asyncio.to_thread(agent.wait_online, 30, 2)


async def test_tries_to_reconnect_are_further_and_further_apart(tmp_path: Path) -> None:
    listener = AgentsListener(tmp_path, AGENT_ID)
    await listener.start()
    agent = AgentProcess(listener.address, listener.files, tmp_path / "agent", scale=0.01)
    agent.start()
    await asyncio.to_thread(agent.wait_online)
    await listener.stop()
    delays: list[float] = []
    while len(delays) < 7:
        await asyncio.sleep(0.1)
        delays = [float(text) / 0.01 for text in re.findall(r"next try in ([\d.]+) s", agent.log)]
    agent.close()
    for base, delay in zip((1, 2, 4, 8, 16, 30, 30), delays, strict=False):
        assert max(1, 0.7 * base) <= delay * 1.001
        assert delay <= 1.3 * base * 1.001


CREATE = {"container_name": "plc-a", "vnic_configs": [], "runtime_version": "v4.1.4"}


async def status(listener: AgentsListener, name: str = "plc-a") -> dict[str, Any]:
    answer: dict[str, Any] = await listener.call("get_device_status", {"device_id": name})
    return answer


async def created(listener: AgentsListener) -> dict[str, Any]:
    assert (await listener.call("create_new_runtime", CREATE))["status"] == "creating"
    while True:
        answer = await status(listener)
        if answer["status"] == "success":
            return answer
        await asyncio.sleep(0.02)


async def test_vplcs_outlive_their_agent_and_are_found_again(tmp_path: Path) -> None:
    async with talking(tmp_path, "--step-s", "0") as (listener, agent):
        before = await created(listener)
        pid = json.loads((agent.data / "vplcs.json").read_text())["plc-a"]["pid"]
        agent.kill()
        await listener.offline()
        os.kill(pid, 0)
        agent.start()
        await listener.online()
        after = await status(listener)
        assert {**after, "uptime_seconds": 0} == {**before, "uptime_seconds": 0}
        assert json.loads((agent.data / "vplcs.json").read_text())["plc-a"]["pid"] == pid


@pytest.mark.parametrize(("moment", "users"), [("before", "No users found"), ("after", "Users found")])
async def test_it_can_die_before_or_after_it_has_passed_a_request_on(
    device: Simulator, tmp_path: Path, moment: str, users: str
) -> None:
    async with talking(tmp_path, "--device", f"vplc-01=127.0.0.1:{device.address[1]}") as (listener, agent):
        agent.faults(die=f"{moment} api/create-user")
        creating = {"device_id": "vplc-01", "method": "POST", "api": "api/create-user", "data": USER}
        with pytest.raises(TooLong):
            await listener.call("run_command", creating, 2)
        await asyncio.to_thread(agent.wait_ended)
        agent.faults()
        agent.start()
        await listener.online()
        message = {"device_id": "vplc-01", "method": "GET", "api": "api/get-users-info"}
        assert (await listener.call("run_command", message))["http_response"]["body"] == {"msg": users}


async def test_it_can_be_asked_to_be_slow_and_answers_others_meanwhile(tmp_path: Path) -> None:
    async with talking(tmp_path) as (listener, agent):
        agent.faults(slow={"get_device_status": 1.0})
        slow = asyncio.create_task(status(listener))
        assert (await listener.call("get_serial_devices", {}))["status"] == "success"
        assert not slow.done()
        assert (await slow)["status"] == "not_found"


async def test_its_session_can_be_cut_and_comes_back(tmp_path: Path) -> None:
    async with talking(tmp_path) as (listener, agent):
        agent.cut()
        await listener.offline()
        await asyncio.to_thread(agent.wait_online, 30, 2)


async def test_an_upgrade_ends_with_a_new_agent_that_connects(tmp_path: Path) -> None:
    async with talking(tmp_path, "--line", "version-management", "--step-s", "0.2") as (listener, agent):
        answer = await listener.call("upgrade_orchestrator", {"correlation_id": 1})
        assert answer["status"] == "accepted"
        assert answer["poll_device_id"] == "__orchestrator__"
        told = await status(listener, "__orchestrator__")
        assert (told["status"], told["operation"], told["step"]) == ("upgrading", "upgrade", "starting")
        assert "already in progress" in (await listener.call("upgrade_orchestrator", {}))["error"]
        await listener.offline()
        await listener.online()
        await asyncio.to_thread(agent.wait_online)
        assert (await status(listener, "__orchestrator__"))["status"] == "not_found"
