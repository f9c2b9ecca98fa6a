"""Boards on serial ports from the editor, over standard input and output: chips that are emulated, with real bootloaders, behind pseudo terminals.

What is said of a board is true of it now: nothing that it told outlives the connection.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from boards.emulated import EmulatedBoard
from boards.firmware_double import FirmwareDouble
from lsp.editor import SERVER, Editor, editor

LIGHTS = """PROGRAM Lights
VAR
    green AT %QX0.0 : BOOL;
    red AT %QX0.2 : BOOL;
    rung : INT;
    pace : TON;
END_VAR
pace(IN := NOT pace.Q, PT := T#100ms);
IF pace.Q THEN
    rung := (rung + 1) MOD 2;
END_IF;
green := rung = 0;
red := rung = 5;
END_PROGRAM

CONFIGURATION Ladder
RESOURCE Board ON PLC
    TASK Scan(INTERVAL := T#10ms, PRIORITY := 1);
    PROGRAM Main WITH Scan : Lights;
END_RESOURCE
END_CONFIGURATION
"""
RED_PIN = "12"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@asynccontextmanager
async def station(folder: Path, cache: Path) -> AsyncIterator[Editor]:
    """An editor that shows the lights."""
    async with editor(folder / "work", *SERVER, XDG_CACHE_HOME=str(cache)) as plc:
        plc.write("lights.st", LIGHTS)
        await plc.initialize()
        plc.open("lights.st")
        yield plc


@pytest.fixture
def uno(tmp_path: Path) -> Any:
    (tmp_path / "rig").mkdir()
    with EmulatedBoard("uno", tmp_path / "rig") as board:
        yield board


async def row(plc: Editor, port: str) -> dict[str, Any]:
    """What is told of one port."""
    (found,) = [one for one in (await plc.command("boards"))["ports"] if one["port"] == port]
    assert isinstance(found, dict)
    return found


async def add(plc: Editor, port: str, board: str = "uno") -> None:
    assert await plc.command("addPort", port=port) == {"ok": True}
    assert await plc.command("chooseBoard", port=port, board=board) == {"ok": True}


async def download(plc: Editor, port: str, token: str | None = None) -> dict[str, Any]:
    """Download the lights, and agree to what is asked."""
    given = {"port": port, "board": "uno", "uri": plc.uri("lights.st")}
    asked = await plc.command_with([given], "flashBoard")
    assert asked["needsConfirmation"] is True
    assert "its program stops and its outputs go off" in asked["message"]
    return await plc.command_with([{**given, "confirmed": True}], "flashBoard", token)


async def value(plc: Editor, port: str, name: str) -> dict[str, Any]:
    answer = await plc.command_with([{"port": port, "names": [name]}], "boardVariables")
    (only,) = answer["variables"]
    assert isinstance(only, dict)
    return only


async def told(plc: Editor, wanted: Callable[[dict[str, Any]], bool], within: float, since: int = 0) -> dict[str, Any]:
    """The first status after number `since` that is as wanted, as soon as it is told."""
    found = await plc.until(lambda: next(filter(wanted, plc.boards[since:]), None), within)
    assert isinstance(found, dict)
    return found


# -- ports ---------------------------------------------------------------------------------------------------------


async def test_a_port_that_is_added_is_shown_until_it_is_removed(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        port = str(tmp_path / "ttyNONE")
        await add(plc, port)
        found = await row(plc, port)
        assert (found["state"], found["chosen"], found["added"], found["trouble"]) == (
            "disconnected",
            "uno",
            True,
            "not plugged in",
        )
        assert "There is no port" in found["problem"]
        table = {board["name"]: board for board in (await plc.command("boards"))["boards"]}
        assert table["uno"]["title"] == "Arduino Uno"
        assert "not on hardware" in table["uno"]["tried"]
        refused = await plc.command("connectBoard", port=port, confirmed=True)
        assert refused["error"]["kind"] == "dns"
        assert (await row(plc, port))["state"] == "disconnected", "what is not there is in no error"
        assert await plc.command("removePort", port=port) == {"ok": True}
        assert all(one["port"] != port for one in (await plc.command("boards"))["ports"])


async def test_ports_that_come_and_go_are_told_only_while_the_editor_looks(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        port = tmp_path / "ttyPTY"
        await plc.command("addPort", port=str(port))
        await plc.command("watchPorts", on=True)
        await plc.until(lambda: plc.ports_changed or None, 5)  # what there is at first
        first, second = os.openpty()
        try:
            seen = plc.ports_changed
            port.symlink_to(os.ttyname(second))
            await plc.until(lambda: True if plc.ports_changed > seen else None, 5)
            assert (await row(plc, str(port)))["trouble"] == "in use", "by this test itself"
            await plc.command("watchPorts", on=False)
            seen = plc.ports_changed
            port.unlink()
            await asyncio.sleep(1.3)
            assert plc.ports_changed == seen
        finally:
            os.close(first)
            os.close(second)


async def test_nothing_is_done_to_a_port_whose_board_is_not_known(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        with FirmwareDouble(b"\0") as board:
            await plc.command("addPort", port=board.port)
            answer = await plc.command("connectBoard", port=board.port)
            assert "Choose the board first" in answer["error"]["hint"]
            assert (await plc.command("chooseBoard", port=board.port, board="toaster"))["error"]["message"].startswith(
                "There is no board 'toaster'"
            )
            assert board.restarts == 0


async def test_useless_arguments_are_answered_in_words(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        uri = plc.uri("lights.st")
        wrong: list[tuple[str, dict[str, object]]] = [
            ("addPort", {}), ("addPort", {"port": "a\nb"}), ("removePort", {"port": 7}), ("chooseBoard", {"port": "/dev/x"}),
            ("connectBoard", {}), ("disconnectBoard", {}), ("flashBoard", {"port": "/dev/x", "board": "toaster", "uri": uri}),
            ("flashBoard", {"port": "/dev/x", "board": "uno", "uri": "http://x"}), ("boardVariables", {"port": "/dev/x"}),
            ("boardVariables", {"port": "/dev/x", "names": "y"}), ("forceBoardVariable", {"port": "/dev/x", "name": "y", "value": "1"}),
            ("releaseBoardVariable", {"port": "/dev/x"}), ("boardLog", {"port": "/dev/x", "after": "y"}),
        ]  # fmt: skip
        for name, given in wrong:
            answer = await plc.command_with([given], name)
            assert set(answer) == {"error"}, (name, given, answer)
            assert "mistake" not in answer["error"]["message"], (name, given, answer)
        # An address that pyserial knows and that would write a file is no port; nor is what a program might take for an option.
        answer = await plc.command("addPort", port="spy:///dev/null?file=/tmp/x")
        assert "not a port that Rung opens" in answer["error"]["message"]
        answer = await plc.command("addPort", port="-x")
        assert "not the name of a serial port" in answer["error"]["message"]
        await plc.command("chooseBoard", port="spy:///dev/null?file=/tmp/x", board="uno")
        answer = await plc.command("connectBoard", port="spy:///dev/null?file=/tmp/x", confirmed=True)
        assert "not a port that Rung opens" in answer["error"]["message"]


# -- connecting ----------------------------------------------------------------------------------------------------


async def test_connecting_restarts_an_uno_only_after_a_question_that_is_asked_once(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        with FirmwareDouble(b"\0", boots_in=0.3) as board:
            await add(plc, board.port)
            before = board.restarts
            asked = await plc.command("connectBoard", port=board.port)
            assert asked["needsConfirmation"] is True
            assert "restarts the program of the Arduino Uno" in asked["message"]
            assert board.restarts == before
            answer = await plc.command("connectBoard", port=board.port, confirmed=True)
            assert (answer["state"], answer["inSync"]) == ("connected", False)
            assert await plc.command("disconnectBoard", port=board.port) == {"ok": True}
            assert (await plc.command("connectBoard", port=board.port))["state"] == "connected"


async def test_variables_of_another_program_are_neither_read_nor_forced(tmp_path: Path, cache: Path) -> None:
    async with station(tmp_path, cache) as plc:
        with FirmwareDouble(b"\0") as board:
            await add(plc, board.port)
            answer = await plc.command("connectBoard", port=board.port, uri=plc.uri("lights.st"), confirmed=True)
            assert (answer["inSync"], answer["scanUs"], answer["md5"]) == (False, None, board.md5)
            for name, given in (
                ("boardVariables", {}),
                ("forceBoardVariable", {"name": "MAIN.RED", "value": "TRUE"}),
            ):
                refused = await plc.command_with([{"port": board.port, **given}], name)
                assert refused["error"]["kind"] == "not-ours"
            assert board.forces == {}


async def test_a_board_that_falls_silent_is_an_error_and_connected_again_when_it_answers(
    tmp_path: Path, cache: Path
) -> None:
    async with station(tmp_path, cache) as plc:
        with FirmwareDouble(b"\0") as board:
            await add(plc, board.port)
            await plc.command("connectBoard", port=board.port, confirmed=True)
            seen = len(plc.boards)
            board.silent = True
            gone = await told(plc, lambda one: one["state"] == "error", 4, seen)
            assert (gone["md5"], gone["inSync"], "stopped answering" in gone["message"]) == (None, None, True)
            board.silent = False
            await told(plc, lambda one: one["state"] == "connected", 5, len(plc.boards))
            assert (await row(plc, board.port))["message"] is None


# -- the whole story on a chip with a real bootloader --------------------------------------------------------------


async def test_a_board_is_programmed_watched_forced_and_unplugged(
    tmp_path: Path, cache: Path, uno: EmulatedBoard
) -> None:
    port = str(uno.port)
    async with station(tmp_path, cache) as plc:
        await add(plc, port)
        report = await download(plc, port, "t")
        assert (report["ok"], report["stage"], report["verified"], report["error"]) == (True, "verify", True, None)
        assert "% of flash" in report["size"]
        steps = [item for item in plc.progress if item["token"] == "t"]
        assert steps[-1]["kind"] == "end"
        percents = [item["percentage"] for item in steps if item["kind"] == "report"]
        assert percents == sorted(percents), "the bar never goes back"

        found = await told(plc, lambda one: one["scanUs"] is not None, 5)
        assert (found["state"], found["inSync"], found["md5"]) == ("connected", True, report["md5"])
        names = [one["name"] for one in (await plc.command("boardVariables", port=port))["variables"]]
        assert {"MAIN.GREEN", "MAIN.RED", "MAIN.PACE.ET"} <= set(names)
        assert not any(name.startswith("RUNG_") for name in names), "what the program says of itself is no variable"
        seen: set[str] = set()
        for _ in range(50):
            seen.add((await value(plc, port, "main.green"))["value"])
            await asyncio.sleep(0.02)
        assert seen == {"TRUE", "FALSE"}

        await check_forcing(plc, uno, port)
        await check_edit(plc, port)

        pulled, since = time.monotonic(), len(plc.boards)
        uno.unplug()
        lost = await told(plc, lambda one: one["state"] == "disconnected", 2, since)
        assert time.monotonic() - pulled < 2
        assert [lost[key] for key in ("md5", "inSync", "scanUs", "overruns", "forced")] == [None, None, None, None, []]
        assert "is gone" in lost["message"]
        assert (await plc.command("boardVariables", port=port))["error"]["kind"] == "lost"
        uno.plug()
        back = await row(plc, port)
        assert (back["state"], back["message"], back["problem"]) == ("disconnected", None, "")
        again = await plc.command("connectBoard", port=port, uri=plc.uri("lights.st"))
        assert (again["state"], again["inSync"]) == ("connected", True), "it was asked before whether it may restart"
        assert await plc.shut_down() == 0


async def check_forcing(plc: Editor, uno: EmulatedBoard, port: str) -> None:
    """Forced outputs are high at the pin, and let go of when the connection ends."""
    force = {"port": port, "name": "MAIN.RED"}
    assert await plc.command("forceBoardVariable", **force, value="TRUE") == {"ok": True}
    uno.await_level(RED_PIN, True, seconds=2)
    found = await value(plc, port, "MAIN.RED")
    assert (found["value"], found["forced"], found["type"]) == ("TRUE", True, "BOOL")
    assert (await row(plc, port))["forced"] == ["MAIN.RED"]
    assert await plc.command("releaseBoardVariable", port=port) == {"ok": True}
    uno.await_level(RED_PIN, False, seconds=2)
    wrong = await plc.command("forceBoardVariable", **force, value="12")
    assert "no value of it" in wrong["error"]["message"]
    assert (
        "no variable" in (await plc.command("forceBoardVariable", port=port, name="X", value="1"))["error"]["message"]
    )
    await plc.command("forceBoardVariable", **force, value="TRUE")
    uno.await_level(RED_PIN, True, seconds=2)
    await plc.command("disconnectBoard", port=port)
    uno.await_level(RED_PIN, False, seconds=2)
    assert (await plc.command("connectBoard", port=port, uri=plc.uri("lights.st")))["forced"] == []


async def check_edit(plc: Editor, port: str) -> None:
    """An edit makes another program; the values are still those of the one that runs, but nothing is forced by its names."""
    plc.replace("lights.st", LIGHTS.replace("MOD 2", "MOD 3"))
    assert (await row(plc, port))["inSync"] is False
    assert (await value(plc, port, "MAIN.RED"))["value"] == "FALSE"
    refused = await plc.command("forceBoardVariable", port=port, name="MAIN.RED", value="TRUE")
    assert (refused["error"]["kind"], "was not forced" in refused["error"]["message"]) == ("not-ours", True)
    # The connection gives the port away for a download, and takes it back.
    changed = await download(plc, port)
    assert (changed["verified"], (await row(plc, port))["inSync"]) == (True, True)
    assert (await value(plc, port, "MAIN.RED"))["value"] == "FALSE"
    plc.replace("lights.st", LIGHTS)
    assert (await row(plc, port))["inSync"] is False
    plc.replace("lights.st", LIGHTS.replace("MOD 2", "MOD 3"))
    assert (await row(plc, port))["inSync"] is True


async def test_a_download_that_is_cancelled_half_way_says_what_the_board_is_left_with(
    tmp_path: Path, cache: Path, uno: EmulatedBoard
) -> None:
    port = str(uno.port)
    async with station(tmp_path, cache) as plc:
        await add(plc, port)
        work = asyncio.ensure_future(download(plc, port, "t"))
        await plc.until(lambda: True if writing(plc, "t") else None, 60)
        plc.stop_progress("t")
        report = await asyncio.wait_for(work, 10)
        assert (report["ok"], report["stage"], report["error"]["kind"]) == (False, "upload", "cancelled")
        found = await row(plc, port)
        assert (found["state"], found["message"]) == ("error", report["error"]["message"])
        assert (await download(plc, port))["verified"] is True


def writing(plc: Editor, token: str) -> bool:
    return any(item["token"] == token and "Writing" in (item.get("message") or "") for item in plc.progress)


async def test_a_program_that_the_board_cannot_run_is_not_sent(tmp_path: Path, cache: Path, uno: EmulatedBoard) -> None:
    port = str(uno.port)
    async with station(tmp_path, cache) as plc:
        await add(plc, port)
        plc.replace("lights.st", LIGHTS.replace("rung : INT;", "rung : INT;\n    wide : LREAL;"))
        given = {"port": port, "board": "uno", "uri": plc.uri("lights.st"), "confirmed": True}
        before = uno.resets
        report = await plc.command_with([given], "flashBoard")
        assert (report["ok"], report["stage"], report["error"]["kind"]) == (False, "build", "program")
        assert "Nothing was written to the board" in report["error"]["message"]
        assert any("LREAL" in item["message"] for item in report["diagnostics"])
        assert uno.resets == before
