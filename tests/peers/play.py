"""Carries out the steps of a recorded lifecycle on a simulator."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from peers.recorded import same_bytes
from peers.recorded_programs import PROGRAMS
from rung.simulator import Simulator
from simulator.runtime_client import RuntimeClient


class Uploadable(Protocol):
    """A program, as the files of a zip."""

    def zip(self) -> bytes: ...


class Play:
    """Carries out the lines of the file."""

    version = "v4.1.4"
    programs: Mapping[str, Uploadable] = PROGRAMS

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.simulator = self._device()
        self._client = RuntimeClient(("", 0))

    def _device(self) -> Simulator:
        return Simulator(self._folder, port=0, version=self.version, transition_s=0.3, restart_s=0.4, discovery_port=0)

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
                assert (await self._client.upload(self.programs[program].zip()))["UploadFileFail"] == ""
                build = await self._built()
                assert [build["status"], str(build["exit_code"])] == [status, exit_code], build["logs"]
            case "compiled":
                build = await self._built()
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

    async def _built(self) -> dict[str, Any]:
        return await self._client.compiled()

    async def _kill(self) -> None:
        pid = self.simulator.program_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        async def raw_status() -> str:
            return str((await self._client.get("/api/status"))["status"])

        await self._client.wait(raw_status, lambda text: text == "No response from runtime", 5)
        await self._client.wait(raw_status, lambda text: text == "STATUS:ERROR\n", 5)
        await self._client.wait(raw_status, lambda text: text.startswith("STATUS:") and not text.endswith("\n"), 5)


async def perform(play: Play, act: list[tuple[str, list[str]]]) -> None:
    """Carry out sections, given as title and lines, on one device."""
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
