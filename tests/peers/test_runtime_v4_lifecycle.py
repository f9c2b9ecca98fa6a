"""The simulator goes through its states as a real OpenPLC Runtime v4.1.4 did, step by step."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from peers.recorded import same_bytes, sections
from peers.recorded_programs import PROGRAMS
from rung.simulator import Simulator
from simulator.runtime_client import RuntimeClient

OLD_PROGRAM_STAYS = "G3b"


class Play:
    """Carries out the lines of the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.simulator = self._device()
        self._client = RuntimeClient(("", 0))

    def _device(self) -> Simulator:
        return Simulator(self._folder, port=0, transition_s=0.3, restart_s=0.4, discovery_port=0)

    async def begin(self) -> None:
        await self.simulator.start()
        self._client = RuntimeClient(self.simulator.address)
        await self._client.log_in()

    async def end(self) -> None:
        await self._client.close()
        await self.simulator.stop()

    async def step(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        match verb:
            case "status" if rest.startswith("-> "):
                await self._client.reaches(rest[3:])
            case "status":
                assert await self._client.status() == rest
            case "start" | "stop":
                assert (await self._client.get(f"/api/{verb}-plc"))["status"] == rest
            case "upload":
                program, status, exit_code = rest.split()
                assert (await self._client.upload(PROGRAMS[program].zip()))["UploadFileFail"] == ""
                build = await self._client.compiled()
                assert [build["status"], str(build["exit_code"])] == [status, exit_code], build["logs"]
            case "compiled":
                build = await self._client.compiled()
                assert any(text.startswith(rest) for text in build["logs"]), build["logs"]
            case "debug":
                command, _, answer = rest.partition(" -> ")
                data = await self._client.debug_once(command)
                assert same_bytes(answer, data), data
            case "log":
                level, _, message = rest.partition(" ")
                assert message in await self._client.logs(level)
            case "wait":
                await asyncio.sleep(float(rest))
            case "kill":
                await self._kill()
            case "restart":
                await self.end()
                self.simulator = self._device()
                await self.begin()
            case _:
                raise AssertionError(f"unknown step: {line}")

    async def _kill(self) -> None:
        pid = self.simulator.program_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        async def raw_status() -> str:
            return str((await self._client.get("/api/status"))["status"])

        await self._client.wait(raw_status, lambda text: text == "No response from runtime", 5)
        await self._client.wait(raw_status, lambda text: text == "STATUS:ERROR\n", 5)
        await self._client.wait(raw_status, lambda text: text.startswith("STATUS:") and not text.endswith("\n"), 5)


def acts() -> list[list[tuple[str, list[str]]]]:
    """The sections, those together that go on where the one before ended."""
    found: list[list[tuple[str, list[str]]]] = []
    for title, lines in sections("runtime_v4_1_lifecycle.txt"):
        continues = title.startswith(("G1 ", "G2 ", "G3b", "G4", "G5"))
        if continues:
            found[-1].append((title, lines))
        else:
            found.append([(title, lines)])
    return found


@pytest.mark.parametrize("act", acts(), ids=lambda act: act[0][0].split()[0])
async def test_states_change_as_recorded(act: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.simulator.faults.old_program_after_crash = any(title.startswith(OLD_PROGRAM_STAYS) for title, _ in act)
    await play.begin()
    try:
        for title, lines in act:
            for line in filter(None, lines):
                try:
                    await play.step(line)
                except AssertionError as error:
                    raise AssertionError(f"{title}: {line}: {error}") from error
    finally:
        await play.end()
