"""The memory of what was sent to which machine decides only whether a question is asked, so it never stands in the way."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from rung.runtimes.address import Address
from rung.runtimes.capabilities import Line
from rung.runtimes.deployed import DeployedPrograms, program_name
from runtimes.paper_machine import PaperMachine
from runtimes.scripted_device import MD5, OTHER_MD5

A = Address("10.0.0.7", 8443)


def test_each_workspace_knows_what_it_sent_to_which_machine() -> None:
    memory = DeployedPrograms()
    assert memory.last(A, "plant") is None
    memory.remember(A, "plant", MD5)
    memory.remember(A, "press", OTHER_MD5)
    again = DeployedPrograms()
    assert (again.last(A, "plant"), again.last(A, "press")) == (MD5, OTHER_MD5)
    assert again.last(Address("10.0.0.7", 8080, "http"), "plant") is None
    again.remember(A, "plant", OTHER_MD5)
    assert again.last(A, "plant") == OTHER_MD5


def test_the_file_is_the_users_own() -> None:
    memory = DeployedPrograms()
    memory.remember(A, "plant", MD5)
    if os.name == "posix":
        assert stat.S_IMODE(memory.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"machines": 3}', '{"machines": {"10.0.0.7:8443": {"plant": "no md5"}}}']
)
def test_a_damaged_file_is_a_memory_of_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "deployed.json"
    path.write_text(content)
    memory = DeployedPrograms(path)
    assert memory.last(A, "plant") is None
    memory.remember(A, "plant", MD5)
    assert memory.last(A, "plant") == MD5


def test_a_full_disk_costs_no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    memory = DeployedPrograms()
    monkeypatch.setattr(os, "fsync", full)
    memory.remember(A, "plant", MD5)
    assert memory.last(A, "plant") is None


def test_the_memory_does_not_grow_for_ever() -> None:
    memory = DeployedPrograms()
    for number in range(210):
        memory.remember(A, f"workspace {number}", MD5)
    assert memory.last(A, "workspace 0") is None
    assert memory.last(A, "workspace 209") == MD5


@pytest.mark.skipif(os.name != "posix", reason="only there are names of any bytes")
def test_a_folder_whose_name_is_no_utf8_is_remembered_too() -> None:
    memory, folder = DeployedPrograms(), os.fsdecode(b"/home/eng/pl\xe4nt")
    memory.remember(A, folder, MD5)
    assert DeployedPrograms().last(A, folder) == MD5


async def test_a_program_is_called_after_the_workspace_that_sent_it() -> None:
    memory = DeployedPrograms()
    memory.remember(A, "/home/chief/plants/press", MD5)
    machine = PaperMachine(Line.V3)
    machine.address = A
    assert await program_name(machine, MD5) == "press"
    assert await program_name(machine, OTHER_MD5) is None
    assert await program_name(machine, None) is None


async def test_the_name_that_the_machine_tells_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = DeployedPrograms()
    memory.remember(A, "press", MD5)
    machine = PaperMachine(Line.V4_1)
    machine.address = A

    async def told() -> str:
        return "cell 4"

    monkeypatch.setattr(machine, "project_name", told)
    assert await program_name(machine, MD5) == "cell 4"
