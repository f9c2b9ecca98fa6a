"""The simulator answers and goes through its states as a real OpenPLC Runtime v4.0 did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from peers.exchange import Bearers, compare, send
from peers.play import Play, perform
from peers.recorded import exchanges, same_bytes, sections
from peers.recorded_programs import PROGRAMS_V4_0, TWO_VARIABLES, UPLOADS_V4_0
from rung.simulator import V4_0, Simulator
from simulator.runtime_client import RuntimeClient


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path, port=0, personality=V4_0, restart_s=0.4)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def built(client: RuntimeClient) -> dict[str, Any]:
    """The end of a build: the status alone is told too early."""
    answer: dict[str, Any] = await client.wait(
        lambda: client.get("/api/compilation-status"), lambda build: "Cleanup" in "".join(build["logs"]), 60
    )
    return answer


async def test_every_recorded_request_gets_the_recorded_answer(device: Simulator, tmp_path: Path) -> None:
    client = RuntimeClient(device.address)
    bearers = Bearers(client, tmp_path)
    for exchange in exchanges("runtime_v4_0_requests.txt"):
        if exchange.label == "K7":
            client.token = await bearers.fill("{valid}")
            await built(client)
            await client.reaches("RUNNING")
            await asyncio.sleep(0.2)  # so that every statistic has been measured
            client.token = ""
        compare(exchange, await send(client, bearers, exchange, UPLOADS_V4_0))
    await client.close()


async def test_every_recorded_debug_command_gets_the_recorded_answer(device: Simulator) -> None:
    client = RuntimeClient(device.address)
    await client.log_in()
    await client.upload(TWO_VARIABLES.zip())
    await built(client)
    await client.reaches("RUNNING")
    lines = next(lines for _, lines in sections("runtime_v4_0_debug.txt"))
    async with client.debug() as ask:
        answer: dict[str, Any] = {}
        for line in filter(None, lines):
            mark, _, text = line.partition(" ")
            if mark == ">":
                answer = await ask(text)
            elif mark == "<!":
                assert answer == {"success": False, "error": text}
            else:
                assert answer["success"], f"{line}: {json.dumps(answer)}"
                assert same_bytes(text, answer["data"]), f"recorded {text}, answered {answer['data']}"
    await client.close()


class PlayV40(Play):
    """Carries out the lines of the 4.0 file."""

    version = "v4"
    programs = PROGRAMS_V4_0

    async def step(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        match verb:
            case "started":
                await self._client.reaches(rest, timeout_s=5)
            case "raw":
                assert (await self._raw_status()).rstrip() == rest
            case "mute":
                async with self._client.debug() as ask:
                    assert await ask(rest) == {"success": False, "error": "No response from runtime"}
            case "stop" if rest == "None":
                assert await self._client.get("/api/stop-plc") == {"status": None}
            case "late":
                if (await self._client.get("/api/stop-plc"))["status"] is None:
                    assert await self._client.wait(
                        self._raw_status, lambda text: text.startswith("STOP:OK\nSTATUS:"), 5
                    )
            case "log" if rest.startswith("-> "):
                level, _, message = rest[3:].partition(" ")
                await self._client.wait(lambda: self._client.logs(level), lambda messages: message in messages, 5)
            case _:
                await super().step(line)

    async def _raw_status(self) -> str:
        return str((await self._client.get("/api/status"))["status"])

    async def _built(self) -> dict[str, Any]:
        return await built(self._client)


def acts() -> list[list[tuple[str, list[str]]]]:
    """The sections in groups: a device of its own for K10 and K13, the others go on where the one before ended."""
    found: list[list[tuple[str, list[str]]]] = []
    for title, lines in sections("runtime_v4_0_lifecycle.txt"):
        if title.startswith(("K7", "K10", "K13")):
            found.append([])
        found[-1].append((title, lines))
    return found


@pytest.mark.parametrize("act", acts(), ids=lambda act: act[0][0].split()[0])
async def test_states_change_as_recorded(act: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    await perform(PlayV40(tmp_path), act)
