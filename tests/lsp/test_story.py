"""The whole story over standard input and output: a broken program is mended, downloaded, watched, lost and found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lsprotocol import types

from lsp.editor import editor
from simulated import SimulatorProcess

BROKEN = """PROGRAM Blink
    VAR
        Lamp AT %QX0.0 : BOOL;
        Count : INT;
    END_VAR
    Lamp := NOT Lamp
    Count := Count + 1;
END_PROGRAM
"""
MENDED = BROKEN.replace("NOT Lamp\n", "NOT Lamp;\n")
PASSWORD = "correct horse"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(tmp_path / "runtime")
    made.start()
    yield made
    made.kill()


async def test_from_a_broken_file_to_a_verified_machine_and_back(tmp_path: Path, simulator: SimulatorProcess) -> None:
    folder = tmp_path / "blink"
    folder.mkdir()
    async with editor(folder) as plc:
        plc.write("blink.st", BROKEN)
        await plc.initialize()

        # open a broken file: one error, at the end of the line that lacks the semicolon
        plc.open("blink.st")
        errors = [item for item in await plc.problems("blink.st") if item.severity == types.DiagnosticSeverity.Error]
        assert [(error.range.start.line, error.code) for error in errors] == [(5, "SYN002")]

        # mend it
        plc.type("blink.st", 5, len("    Lamp := NOT Lamp"), ";")
        assert await plc.codes("blink.st") == []

        # connect: trust, first user
        assert await plc.command("addConnection", name="line3", address=simulator.address) == {"ok": True}
        answer = await plc.command("connect", target="line3")
        assert answer["state"] == "needs-trust"
        assert len(answer["fingerprint"].split(":")) == 32
        assert answer["subject"]
        answer = await plc.command("connect", target="line3", trust=answer["fingerprint"])
        assert answer["state"] == "needs-first-user"
        answer = await plc.command("createFirstUser", target="line3", username="engineer", password=PASSWORD)
        assert answer["state"] == "connected"
        assert await plc.state("connected", within=2) < 2

        # compile and download, with progress
        uri = plc.uri("blink.st")
        deployed = await plc.command("compileAndDownload", token="bar", target="line3", uri=uri)
        assert deployed["error"] is None
        assert (deployed["ok"], deployed["stage"], deployed["plc"]) == (True, "verify", "RUNNING")
        assert deployed["verified"] is True
        shown = [item for item in plc.progress if item["token"] == "bar"]
        assert [item["kind"] for item in (shown[0], shown[1], shown[-1])] == ["begin", "report", "end"]
        percents = [item["percentage"] for item in shown if item["kind"] == "report"]
        assert percents == sorted(percents)
        assert percents[-1] >= 90
        assert plc.log, "the device's compiler was not shown"
        status = await plc.command("status", target="line3")
        assert (status["state"], status["plc"], status["inSync"]) == ("connected", "RUNNING", True)
        assert status["md5"] == deployed["md5"]

        # an edit: the machine no longer runs what the editor shows
        plc.replace("blink.st", MENDED.replace("+ 1", "+ 2"))
        await plc.problems("blink.st")
        assert (await plc.command("status", target="line3"))["inSync"] is False
        plc.replace("blink.st", MENDED)
        await plc.problems("blink.st")
        assert (await plc.command("status", target="line3"))["inSync"] is True

        # a machine that runs is not stopped without a word
        asked = await plc.command("compileAndDownload", target="line3", uri=uri)
        assert asked["needsConfirmation"] is True
        asked = await plc.command("stop", target="line3")
        assert asked["needsConfirmation"] is True
        assert (await plc.command("status", target="line3"))["plc"] == "RUNNING"
        assert await plc.command("stop", target="line3", confirmed=True) == {"ok": True, "plc": "STOPPED"}
        assert (await plc.command("status", target="line3"))["plc"] == "STOPPED"
        assert await plc.command("start", target="line3") == {"ok": True, "plc": "RUNNING"}

        # a wrong password
        assert await plc.command("disconnect", target="line3") == {"ok": True}
        answer = await plc.command("connect", target="line3", username="engineer", password="wrong")
        assert (answer["state"], answer["kind"]) == ("error", "credentials")
        answer = await plc.command("connect", target="line3", username="engineer", password=PASSWORD)
        assert answer["state"] == "connected"

        # the machine dies: the editor knows within 8 seconds, and says nothing of a program that it cannot see
        simulator.kill()
        assert await plc.state("error", within=8) < 8
        assert plc.states[-1]["plc"] is None
        lost = await plc.command("status", target="line3")
        assert (lost["state"], lost["plc"], lost["inSync"], lost["error"]["kind"]) == ("error", None, None, "lost")

        # and comes back. It loads its program again and starts it by itself, as the devices do
        simulator.start()
        await plc.state("connected", within=40)
        again = await plc.command("status", target="line3")
        assert (again["state"], again["plc"], again["md5"]) == ("connected", "RUNNING", deployed["md5"])
        assert again["inSync"] is True
        assert await plc.shut_down() == 0
