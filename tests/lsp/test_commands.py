"""Commands on machines: every question has an answer, and every answer is true."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp.editor import SERVER, Editor, editor
from simulated import SimulatorProcess

GOOD = "PROGRAM Main\nVAR\n    x : INT;\nEND_VAR\nx := x + 1;\nEND_PROGRAM\n"
PASSWORD = "s3cret-Horse-battery"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(tmp_path_factory.mktemp("device") / "runtime")
    made.start()
    yield made
    made.kill()


async def connect(plc: Editor, simulator: SimulatorProcess) -> None:
    """Save the machine as line3 and connect, with the first user if it has none."""
    plc.write("main.st", GOOD)
    await plc.initialize()
    await plc.command("addConnection", name="line3", address=simulator.address, username="engineer")
    answer = await plc.command("connect", target="line3")
    answer = await plc.command("connect", target="line3", trust=answer["fingerprint"], password=PASSWORD)
    if answer["state"] == "needs-first-user":
        answer = await plc.command("createFirstUser", target="line3", username="engineer", password=PASSWORD)
    assert answer["state"] == "connected", answer
    plc.open("main.st")


async def test_useless_arguments_are_answered_in_words(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        await plc.initialize()
        wrong: list[tuple[str, dict[str, object]]] = [
            ("connect", {}), ("connect", {"target": 7}), ("connect", {"target": ""}), ("connect", {"target": "no such machine"}),
            ("connect", {"target": "127.0.0.1:1", "password": 5}), ("createFirstUser", {"target": "127.0.0.1:1"}),
            ("compileAndDownload", {"target": "127.0.0.1:1"}), ("compileAndDownload", {"target": "127.0.0.1:1", "uri": "http://x"}),
            ("logs", {"target": "127.0.0.1:1", "after": "x"}), ("stop", {"target": "127.0.0.1:1"}), ("start", {}),
            ("addConnection", {"name": "../x", "address": "a"}), ("addConnection", {"name": "x", "address": "a b:-1"}),
            ("removeConnection", {"target": "::::"}),
        ]  # fmt: skip
        for name, given in wrong:
            answer = await plc.command_with([given], name)
            assert set(answer) == {"error"}, (name, given, answer)
            assert set(answer["error"]) == {"kind", "message", "hint"}
            assert "mistake" not in answer["error"]["message"], (name, given, answer)
        for arguments in ([], [7], ["x"], [None], [[1]]):
            answer = await plc.command_with(arguments, "connect")
            assert answer["error"]["message"].endswith("Nothing was done.")
        with pytest.raises(JsonRpcException, match="There is no command"):
            await plc.command("noSuchThing")
        assert await plc.command("targets") == {"targets": []}


async def test_status_without_a_target_is_about_all_that_are_connected(
    tmp_path: Path, simulator: SimulatorProcess
) -> None:
    async with editor(tmp_path / "work") as plc:
        await plc.initialize()
        assert await plc.command("status") == {"targets": []}
        idle = await plc.command("status", target=simulator.address)
        assert (idle["state"], idle["plc"], idle["md5"], idle["error"]) == ("disconnected", None, None, None)
    async with editor(tmp_path / "work2") as plc:
        await connect(plc, simulator)
        alone = await plc.command("status")
        assert (alone["target"], alone["state"]) == ("line3", "connected")
        refused = await plc.command("connect", target="127.0.0.1:1")
        assert (refused["state"], refused["kind"]) == ("error", "refused")
        both = await plc.command("status")
        assert {row["target"]: row["state"] for row in both["targets"]} == {
            "line3": "connected",
            "127.0.0.1:1": "error",
        }
        rows = (await plc.command("targets"))["targets"]
        assert {row["name"]: row["state"] for row in rows} == {"line3": "connected", "127.0.0.1:1": "error"}


async def test_a_program_with_errors_is_not_sent(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work") as plc:
        await connect(plc, simulator)
        before = await plc.command("status", target="line3")
        plc.replace("main.st", GOOD.replace("1;", "1"))
        answer = await plc.command("compileAndDownload", target="line3", uri=plc.uri("main.st"), confirmed=True)
        assert (answer["ok"], answer["stage"], answer["error"]["kind"]) == (False, "check", "program")
        assert "line3 is as it was" in answer["error"]["message"]
        assert [item["code"] for item in answer["diagnostics"] if item["severity"] == "error"] == ["SYN002"]
        after = await plc.command("status", target="line3")
        assert (after["plc"], after["md5"]) == (before["plc"], before["md5"])


async def test_an_edit_is_checked_while_a_download_compiles(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work") as plc:
        await connect(plc, simulator)
        uri = plc.uri("main.st")
        download = asyncio.ensure_future(
            plc.command("compileAndDownload", token="a", target="line3", uri=uri, confirmed=True)
        )
        await plc.until(lambda: True if compiling(plc, "a") else None, 30)
        for number in range(5):
            began = time.monotonic()
            plc.replace("main.st", GOOD.replace("1;", "1" if number % 2 == 0 else f"{number};"))
            assert await plc.codes("main.st", within=3) == (["SYN002"] if number % 2 == 0 else [])
            assert time.monotonic() - began < 2
            assert not download.done()
        answer = await download
        assert (answer["ok"], answer["verified"]) == (True, True)
        # what was sent is what the editor showed when it was asked
        assert (await plc.command("status", target="line3"))["inSync"] in (False, None)
        plc.replace("main.st", GOOD)
        assert (await plc.command("status", target="line3"))["inSync"] is True


async def test_a_cancelled_download_says_what_the_machine_does(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work") as plc:
        await connect(plc, simulator)

        # by the progress's own button
        token, download = await download_until_it_compiles(plc)
        plc.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
        check_cancelled(await asyncio.wait_for(download, 10))
        assert [item["kind"] for item in plc.progress if item["token"] == token][-1] == "end"

        # by taking the request back: it is still answered
        token, download = await download_until_it_compiles(plc)
        plc.take_back(token)
        check_cancelled(await asyncio.wait_for(download, 10))
        assert (await plc.command("status", target="line3"))["state"] == "connected"

        # by both, as an editor does that gives up waiting, and more than once
        token, download = await download_until_it_compiles(plc)
        for _ in range(3):
            plc.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
            plc.take_back(token)
        check_cancelled(await asyncio.wait_for(download, 10))

    async with editor(tmp_path / "next") as plc:  # and leaves the device in peace for the next test
        await connect(plc, simulator)
        _, download = await download_until_it_compiles(plc)
        assert (await download)["ok"] is True


def check_cancelled(answer: dict[str, Any]) -> None:
    assert answer["error"] is not None, answer
    assert (answer["ok"], answer["verified"], answer["error"]["kind"]) == (False, False, "cancelled")
    assert answer["stage"] == "compile"
    assert "At this moment" in answer["error"]["message"]


def compiling(plc: Editor, token: str) -> bool:
    """Whether the device is at work on a download."""
    shown = (item.get("message") or "" for item in plc.progress if item["token"] == token)
    return any(text.startswith("Compiling on the device") for text in shown)


async def download_until_it_compiles(plc: Editor) -> tuple[str, asyncio.Task[dict[str, Any]]]:
    """Begin a download; its token and its answer to come. A device that still compiles an earlier one is asked again."""
    uri = plc.uri("main.st")
    for attempt in range(50):
        token = f"{plc.folder.name} {len(plc.progress)} {attempt}"
        task = asyncio.create_task(plc.command("compileAndDownload", token, target="line3", uri=uri, confirmed=True))
        task.add_done_callback(lambda _: asyncio.ensure_future(plc.look_again()))
        await plc.until(lambda: True if task.done() or compiling(plc, token) else None, 60)  # noqa: B023  # waited for here
        if not task.done():
            return token, task
        assert (await task)["error"]["kind"] == "busy", await task
        await asyncio.sleep(0.2)
    raise AssertionError("the device never came to rest")


async def test_targets_builds_nothing_twice(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work", sys.executable, "-c", COUNT_BUILDS) as plc:
        await connect(plc, simulator)
        await plc.command("compileAndDownload", target="line3", uri=plc.uri("main.st"), confirmed=True)
        for _ in range(5):
            rows = (await plc.command("targets"))["targets"]
            assert rows[0]["inSync"] is True
        plc.replace("main.st", GOOD.replace("1;", "2;"))
        for _ in range(5):
            rows = (await plc.command("targets"))["targets"]
            assert rows[0]["inSync"] is False
        await plc.shut_down()
        assert plc.client.errors.decode().count("built") == 2


COUNT_BUILDS = """
import sys
import rung.codegen.build as made
real = made.build_artefact
def counted(*given):
    print("built", file=sys.stderr)
    return real(*given)
made.build_artefact = counted
from rung.lsp.server import serve
raise SystemExit(serve())
"""


async def test_no_secret_is_logged(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work", *SERVER, RUNG_LOG="DEBUG", PYTHONASYNCIODEBUG="1") as plc:
        await connect(plc, simulator)
        await plc.command("connect", target="line3", username="engineer", password=PASSWORD + "-wrong")
        await plc.command("connect", target="line3", username="engineer", password=PASSWORD)
        await plc.command("compileAndDownload", target="line3", uri=plc.uri("main.st"), confirmed=True)
        await plc.command("createFirstUser", target="line3", username="engineer", password=PASSWORD)
        await plc.command_with([{"target": {"x": PASSWORD}, "password": PASSWORD}], "connect")
        assert await plc.shut_down() == 0
        said = plc.client.errors.decode()
        assert PASSWORD not in said
        assert "eyJ" not in said  # what every token begins with
        assert "never retrieved" not in said
        assert "was destroyed" not in said


async def test_a_defect_of_ours_is_an_answer_and_the_server_lives(tmp_path: Path) -> None:
    async with editor(tmp_path / "work", sys.executable, "-c", BROKEN_SERVER) as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        answer = await plc.command("targets")
        assert answer["error"]["kind"] == "internal"
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert await plc.command("status") == {"targets": []}
        assert await plc.shut_down() == 0
        said = plc.client.errors.decode()
        assert "rung.targets failed" in said
        assert PASSWORD not in said


BROKEN_SERVER = f"""
import rung.lsp.machines
async def rows(self):
    raise ValueError("{PASSWORD}")
rung.lsp.machines.Machines.rows = rows
from rung.lsp.server import serve
raise SystemExit(serve())
"""


async def test_shutdown_logs_out_of_every_machine(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work") as plc:
        await connect(plc, simulator)
        assert await plc.shut_down() == 0
        assert plc.client.errors.decode() == ""


# What the extension's package carries is Python only; these libraries are not in it.
WITHOUT_COMPILED_LIBRARIES = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("cryptography", "aiohttp", "keyring", "_cffi_backend"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
from rung.lsp.server import serve
raise SystemExit(serve())
"""


async def test_pure_python_libraries_are_enough(tmp_path: Path, simulator: SimulatorProcess) -> None:
    async with editor(tmp_path / "work", sys.executable, "-c", WITHOUT_COMPILED_LIBRARIES) as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        await plc.command("addConnection", name="line3", address=simulator.address)
        answer = await plc.command("connect", target="line3")
        assert answer["state"] == "needs-trust"
        assert "localhost" in answer["subject"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", answer["notAfter"])
        answer = await plc.command(
            "connect", target="line3", trust=answer["fingerprint"], username="engineer", password=PASSWORD
        )
        if answer["state"] == "needs-first-user":
            answer = await plc.command("createFirstUser", target="line3", username="engineer", password=PASSWORD)
        assert answer["state"] == "connected"
        plc.open("main.st")
        sent = await plc.command("compileAndDownload", target="line3", uri=plc.uri("main.st"), confirmed=True)
        assert (sent["ok"], sent["verified"]) == (True, True)
