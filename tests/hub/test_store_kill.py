"""A hub that is killed loses nothing that it said was stored, and its database opens again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from hub.stocked import TESTS_IMPORTABLE, directly
from rung.hub.records import VplcState
from rung.hub.store import Store

WRITER = Path(__file__).with_name("store_writer.py")


def killed_after(lines: int, address: str) -> list[tuple[str, str]]:
    """What a writing process said before it was killed, in the middle of whatever it did."""
    with subprocess.Popen(
        [sys.executable, str(WRITER), address], stdout=subprocess.PIPE, text=True, env=TESTS_IMPORTABLE
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(lines)]
        writer.kill()
        said += writer.stdout.readlines()
    whole = [line.split() for line in said if line.endswith("\n")]
    assert len(whole) >= lines
    return [(orchestrator, vplc) for orchestrator, vplc in whole]


@pytest.mark.parametrize("lines", [1, 150])
async def test_everything_that_a_killed_hub_said_was_stored_is_there(database: str, lines: int) -> None:
    said = await asyncio.to_thread(killed_after, lines, database)
    if database.startswith("sqlite"):
        assert directly(database, "PRAGMA integrity_check") == [("ok",)]
        assert directly(database, "PRAGMA foreign_key_check") == []
    store = await Store.open(database)
    stored = {
        (line.id, vplc.id): vplc
        for line in await store.orchestrators("Bottling")
        for vplc in await store.vplcs(line.id)
    }
    noted = {(row.orchestrator, row.vplc) for row in await store.audit("Bottling", limit=1000)}
    assert set(said) <= set(stored)
    assert set(said) <= noted
    assert {stored[key].state for key in said} == {VplcState.CREATING}
    # Of what each writer was at when it was killed, a whole step is there or nothing of it.
    assert noted <= set(stored)
    assert len(stored) - len(said) <= 6
    await store.aclose()


@pytest.mark.parametrize("milliseconds", [0, 10, 25, 60])
async def test_a_hub_that_is_killed_while_it_makes_its_tables_leaves_a_database_that_opens(
    tmp_path: Path, milliseconds: int
) -> None:
    address = f"sqlite:///{tmp_path}/hub.sqlite"
    code = "import asyncio, sys, rung.hub.store as hub; print('opening', flush=True); asyncio.run(hub.Store.open(sys.argv[1]))"
    opener = await asyncio.create_subprocess_exec(sys.executable, "-c", code, address, stdout=asyncio.subprocess.PIPE)
    assert opener.stdout is not None
    assert await opener.stdout.readline() == b"opening\n"
    await asyncio.sleep(milliseconds / 1000)
    opener.kill()
    await opener.wait()
    store = await Store.open(address)
    assert await store.users() == []
    await store.aclose()
