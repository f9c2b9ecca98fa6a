"""`rung.pull`: all of a project's files in an empty folder, or none and a sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lsp.editor import editor
from rung.lsp.pulling import pull
from rung.runtimes.errors import Kind, RuntimeFailure
from simulated import SimulatorProcess

PROGRAM = "(* Größe *)\nPROGRAM Main\nVAR\n    x : INT;\nEND_VAR\nx := x + 1;\nEND_PROGRAM\n"


def archive(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/"), content)
    return data.getvalue()


class Machine:
    """A machine that keeps an archive, and counts how often it was asked for it."""

    def __init__(self, kept: bytes) -> None:
        self.kept = kept
        self.asked = 0

    async def project_snapshot(self) -> bytes:
        self.asked += 1
        return self.kept


def session(machine: Machine) -> Any:
    connection = SimpleNamespace(client=machine, profile=SimpleNamespace(name="line3"))
    return SimpleNamespace(machines=SimpleNamespace(connection=lambda name: connection))


async def fetch(machine: Machine, folder: Path | str) -> dict[str, object]:
    return await pull(session(machine), {"target": "line3", "folder": str(folder)}, None)


@pytest.mark.parametrize("there", [True, False])
async def test_the_files_are_written_into_an_empty_folder(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "project"
    if there:
        folder.mkdir()
    answer = await fetch(Machine(archive(main="x := 1;", lib__a="y")), folder)
    assert answer == {"files": ["lib/a", "main"]}
    assert (folder / "lib" / "a").read_text() == "y"


async def test_a_folder_that_holds_something_is_left_alone_and_the_machine_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "mine.st").write_text("mine")
    machine = Machine(archive(main="x"))
    for folder in (tmp_path, tmp_path / "mine.st"):
        with pytest.raises(RuntimeFailure, match="is not empty, so nothing was fetched"):
            await fetch(machine, folder)
    assert machine.asked == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.st"]


@pytest.mark.parametrize("kept", [b"no zip", archive(), archive(**{"..__..__evil": "x"})])
async def test_an_archive_that_is_none_leaves_nothing(tmp_path: Path, kept: bytes) -> None:
    with pytest.raises(RuntimeFailure, match="What line3 keeps as its program's source cannot be used") as refused:
        await fetch(Machine(kept), tmp_path / "project")
    assert refused.value.kind is Kind.NOT_OURS
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RuntimeFailure, match=r"cannot be written to .*Nothing is left there"):
        await fetch(Machine(archive(main="x")), tmp_path / "file" / "below")


async def test_a_path_that_means_something_else_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="no absolute path"):
        await fetch(Machine(archive(main="x")), "project")


async def test_what_was_downloaded_is_fetched_back_to_the_letter(tmp_path: Path) -> None:
    machine = SimulatorProcess(tmp_path / "runtime", "--runtime-version", "v4.2.3")
    machine.start()
    try:
        async with editor(tmp_path / "work") as plc:
            plc.write("main.st", PROGRAM)
            await plc.initialize()
            await plc.command("addConnection", name="line3", address=machine.address)
            answer = await plc.command("connect", target="line3")
            await plc.command("connect", target="line3", trust=answer["fingerprint"])
            await plc.command("createFirstUser", target="line3", username="engineer", password="x")
            plc.open("main.st")
            sent = await plc.command("compileAndDownload", target="line3", uri=plc.uri("main.st"))
            assert (sent["ok"], sent["verified"], sent["note"]) == (True, True, None), sent
            fetched = tmp_path / "fetched"
            assert await plc.command("pull", target="line3", folder=str(fetched)) == {"files": ["main.st"]}
            assert (fetched / "main.st").read_bytes() == PROGRAM.encode()
            again = await plc.command("pull", target="line3", folder=str(fetched))
            assert "is not empty" in again["error"]["message"]
    finally:
        machine.kill()
