"""What the editor is told of a board does not wait for a program to be built, and outlives no connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from boards.firmware_double import MD5, FirmwareDouble, health_leaves
from rung.boards.connection import State
from rung.codegen.artefact import Artefact, Leaf
from rung.lsp.board_links import BoardLinks, Link, Status
from rung.project.settings import Settings
from rung.runtimes.errors import RuntimeFailure
from rung.targets.board import find_board

HOME = Path("/work")
UNO = find_board("uno")


class Builder:
    """Builds what the board runs, or as the test says."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.md5 = MD5
        self.fails = False
        self.built = 0

    async def __call__(self, home: Path, target: str) -> Any:
        self.built += 1
        await self.gate.wait()
        if self.fails:
            raise AssertionError("-".join(("a", "secret")))
        leaves = (Leaf(0, 0, "MAIN.GREEN", "BOOL", 1), *health_leaves(1))
        artefact = Artefact(target, "x.zip", b"", self.md5, leaves)
        return SimpleNamespace(artefact=artefact, snapshot=SimpleNamespace(settings=Settings()))


async def until(look: Callable[[], object], within: float = 3.0) -> None:
    end = time.monotonic() + within
    while not look():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


async def connected(links: BoardLinks, board: FirmwareDouble) -> Link:
    assert UNO is not None
    link = links.link(board.port)
    await links.open(link, UNO, HOME)
    return link


def double() -> FirmwareDouble:
    return FirmwareDouble(b"\0", *(bytes(leaf.size) for leaf in health_leaves(1)))


async def test_a_connection_that_ends_is_told_of_while_a_program_is_still_being_built() -> None:
    told: list[Status] = []
    build = Builder()
    links = BoardLinks(build, told.append)
    with double() as board:
        link = await connected(links, board)
        await until(lambda: told and told[-1]["inSync"] is True)
        build.gate.clear()
        before = build.built
        links.tell(link)
        await until(lambda: build.built > before)
        began = time.monotonic()
        await links.close(link)
        await until(lambda: told[-1]["state"] == "disconnected", 1.0)
        assert time.monotonic() - began < 1.0
        assert (told[-1]["md5"], told[-1]["inSync"], told[-1]["scanUs"]) == (None, None, None)
        build.gate.set()
        await asyncio.sleep(0.1)
        assert told[-1]["state"] == "disconnected", "what was under way tells nothing old"


async def test_a_program_that_cannot_be_built_does_not_hide_how_the_board_is(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Status] = []
    build = Builder()
    links = BoardLinks(build, told.append)
    with double() as board:
        link = await connected(links, board)
        build.fails = True
        links.tell(link)
        await until(lambda: told and told[-1]["state"] == "connected" and told[-1]["inSync"] is None)
        assert "a-secret" not in caplog.text
        await links.close_all()


async def test_times_of_scans_are_told_once_a_second_and_states_at_once() -> None:
    told: list[tuple[float, Status]] = []
    links = BoardLinks(Builder(), lambda status: told.append((time.monotonic(), status)))
    with double() as board:
        link = await connected(links, board)
        await until(lambda: told and told[-1][1]["scanUs"] is not None)
        seen = len(told)
        for number in range(1, 30):
            board.values[2][:] = number.to_bytes(4, "little")
            await asyncio.sleep(0.06)
        news = [at for at, _ in told[seen:]]
        assert 1 <= len(news) <= 3
        board.values[5][:] = b"\1"
        await until(lambda: told[-1][1]["halted"] is True, 1.0)
        await links.close(link)


async def test_what_was_forced_is_let_go_of_before_the_port_is_closed() -> None:
    links = BoardLinks(Builder(), lambda status: None)
    with double() as board:
        link = await connected(links, board)
        await links.force(link, "main.green", "TRUE")
        assert (await links.status(link))["forced"] == ["MAIN.GREEN"]
        assert board.forces
        await links.close(link)
        assert board.forces == {}
        assert link.now().state is State.DISCONNECTED
        with pytest.raises(RuntimeFailure, match="is not connected"):
            await links.variables(link, None)


async def test_a_program_that_is_mended_to_be_the_one_that_runs_is_in_sync_again() -> None:
    build = Builder()
    build.md5 = "f" * 32
    links = BoardLinks(build, lambda status: None)
    with double() as board:
        link = await connected(links, board)
        assert (await links.status(link))["inSync"] is False
        with pytest.raises(RuntimeFailure, match="runs another program"):
            await links.variables(link, None)
        build.md5 = MD5
        assert (await links.status(link))["inSync"] is True
        assert (await links.variables(link, frozenset(("MAIN.GREEN",))))["variables"]
        build.md5 = "e" * 32  # edited further: the values are still those of the program that runs
        assert (await links.status(link))["inSync"] is False
        assert (await links.variables(link, None))["md5"] == MD5
        with pytest.raises(RuntimeFailure, match="was not forced"):
            await links.force(link, "MAIN.GREEN", "TRUE")
        await links.close(link)
