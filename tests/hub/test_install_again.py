"""The install script on a computer that is enrolled already: the key that works stays until the hub has signed the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hub.computer import Computer
from hub.enrolling import EnrollingHub, csr, enrolling_hub, key_pem, new_key, now
from hub.stocked import known, soon
from rung.hub.install_script import install_command, script
from rung.hub.records import Orchestrator


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EnrollingHub]:
    async with enrolling_hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
async def line(hub: EnrollingHub, computer: Computer) -> Orchestrator:
    """An orchestrator, which `computer` is."""
    computer.ready_key()
    id = (await hub.enrolment()).id
    code, said = await computer.install(script(hub.settings), id)
    assert code == 0, said
    found = await hub.store.orchestrator("plant", id)
    assert found is not None
    return found


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    """A computer that makes keys at once."""
    (tmp_path / "computer").mkdir()
    made = Computer(tmp_path / "computer")
    openssl = (made.programs / "openssl").readlink()
    (made.programs / "openssl").unlink()
    (tmp_path / "new.key").write_bytes(key_pem(new_key()))
    made.program(
        "openssl",
        f'#!/bin/sh\nif [ "$1" = genrsa ]; then exec cat {tmp_path}/new.key >"$3"; fi\nexec {openssl} "$@"\n',
    )
    return made


async def permitted_again(hub: EnrollingHub, orchestrator: Orchestrator) -> str:
    return (await hub.store.create_enrolment_anew((await hub.store.users())[0], orchestrator, soon())).id


def kept(computer: Computer) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in computer.keep.rglob("*") if path.is_file()}


def is_pair(computer: Computer, id: str) -> bool:
    """Whether the computer has a certificate of this common name and its key."""
    certificate = x509.load_pem_x509_certificate((computer.keep / "client.crt").read_bytes())
    key = serialization.load_pem_private_key((computer.keep / "client.key").read_bytes(), None)
    return certificate.public_key() == key.public_key() and certificate.subject.rfc4514_string() == f"CN={id}"


async def test_the_one_line_gives_it_a_new_key_and_certificate(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    computer.container("3f1c-vplc", "")
    before, done = kept(computer), len(computer.calls())
    again = await permitted_again(hub, line)
    code, said = await computer.run("sh", "-c", install_command(hub.settings, again))
    assert code == 0, said
    assert is_pair(computer, again)
    after = kept(computer)
    assert after.keys() == before.keys()
    assert after["client.key"] != before["client.key"], "the old one may be in wrong hands"
    assert {path.stat().st_mode & 0o077 for path in computer.keep.iterdir()} == {0}
    assert (await known(hub.store, line)).agent == again
    assert hub.dropped == [line.id]
    calls = computer.calls()[done:]
    assert [call[0] for call in calls][-4:] == ["rm", "rm", "run", "run"]
    assert "3f1c-vplc" in computer.containers(), "vPLCs keep running"


async def test_an_id_for_a_new_orchestrator_or_for_another_changes_nothing(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    new = (await hub.enrolment("mill")).id
    mill = await hub.store.complete_enrolment(new, hub.authority.issue(csr(new), new, now()).record)
    assert mill is not None
    before, done = kept(computer), len(computer.calls())
    for id in ((await hub.enrolment("third")).id, await permitted_again(hub, mill)):
        code, said = await computer.install(script(hub.settings), id)
        assert code == 1
        assert "this computer is enrolled as another orchestrator. Nothing was changed." in said
        assert await hub.store.open_enrolment(id) is not None
    assert (kept(computer), len(computer.calls())) == (before, done)


async def test_without_an_answer_the_present_key_stays(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    again, before, done = await permitted_again(hub, line), kept(computer), len(computer.calls())
    curl = (computer.programs / "curl").readlink()
    (computer.programs / "curl").unlink()
    computer.program("curl", "#!/bin/sh\nexit 28\n")
    code, said = await computer.install(script(hub.settings), again)
    assert code == 1
    assert "its answer was lost" in said
    assert (kept(computer), len(computer.calls())) == (before, done)
    assert not (computer.keep / "next").exists()
    computer.program("curl", f'#!/bin/sh\nexec {curl} "$@"\n')
    code, said = await computer.install(script(hub.settings), again)
    assert code == 0, said
    assert is_pair(computer, again)


async def test_after_a_lost_answer_another_id_is_good(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    lost = await permitted_again(hub, line)
    curl = (computer.programs / "curl").readlink()
    (computer.programs / "curl").unlink()
    computer.program("curl", f'#!/bin/sh\n{curl} "$@" >/dev/null\nexit 28\n')
    assert (await computer.install(script(hub.settings), lost))[0] == 1
    assert (await known(hub.store, line)).agent == lost
    assert is_pair(computer, line.id), "which the hub does not take any more"
    computer.program("curl", f'#!/bin/sh\nexec {curl} "$@"\n')
    code, said = await computer.install(script(hub.settings), lost)
    assert (code, "No enrolment is open for this id." in said) == (1, True)
    again = await permitted_again(hub, line)
    code, said = await computer.install(script(hub.settings), again)
    assert code == 0, said
    assert is_pair(computer, again)


@pytest.mark.parametrize("moved", [False, True], ids=["before the key was moved", "after the key was moved"])
@pytest.mark.parametrize("how", ["the same line", "renewal"])
async def test_a_power_failure_while_files_are_moved_is_mended(
    moved: bool, how: str, hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    again, key = await permitted_again(hub, line), new_key()
    issued = hub.authority.issue(csr(again, key=key), again, now())
    assert await hub.store.complete_enrolment(again, issued.record) is not None
    (computer.keep / "next").mkdir(mode=0o700)
    (computer.keep / "next/client.crt").write_text(issued.pem)
    (computer.keep / ("client.key" if moved else "next/client.key")).write_bytes(key_pem(key))
    words = (again,) if how == "the same line" else ("renew", "--if-due")
    code, said = await computer.install(script(hub.settings), *words)
    assert code == 0, said
    assert is_pair(computer, again)
    assert not (computer.keep / "next").exists()
    calls = computer.calls()
    if how == "renewal":
        assert calls[-1] == ["restart", "orchestrator_agent"]
    else:
        assert [call[0] for call in calls][-2:] == ["run", "run"]


async def test_a_computer_that_was_set_up_anew_becomes_what_it_was(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    code, said = await computer.install(script(hub.settings), "uninstall")
    assert code == 0, said
    again = await permitted_again(hub, line)
    code, said = await computer.install(script(hub.settings), again)
    assert code == 0, said
    assert is_pair(computer, again)
    assert (await known(hub.store, line)).agent == again


async def test_a_computer_of_another_hub_is_left_alone(
    hub: EnrollingHub, computer: Computer, line: Orchestrator
) -> None:
    (computer.keep / "hub").write_text("https://elsewhere.example:8444\n")
    again, before = await permitted_again(hub, line), kept(computer)
    code, said = await computer.install(script(hub.settings), again)
    assert code == 1
    assert "belongs to the hub https://elsewhere.example:8444" in said
    assert kept(computer) == before
    assert await hub.store.open_enrolment(again) is not None
