"""The install script as a computer runs it: real sh, openssl and curl against a served hub; only Docker is one that writes down its words."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from hub.computer import Computer
from hub.enrolling import ID, EnrollingHub, csr, enrolling_hub, made_settings, now
from rung.hub.authority import Authority
from rung.hub.install_script import install_command, script
from rung.hub.settings import HubSettings, save


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EnrollingHub]:
    async with enrolling_hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
def computer(tmp_path: Path) -> Computer:
    (tmp_path / "computer").mkdir()
    return Computer(tmp_path / "computer")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_one_line_enrols_a_computer_and_starts_its_agent(hub: EnrollingHub, computer: Computer) -> None:
    id = (await hub.enrolment()).id
    code, said = await computer.run("sh", "-c", install_command(hub.settings, id))
    assert code == 0, said
    assert "the agent is started" in said

    key = serialization.load_pem_private_key((computer.keep / "client.key").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((computer.keep / "client.crt").read_bytes())
    assert getattr(key, "key_size", 0) == 4096
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == f"CN={id}"
    assert mode(computer.keep) == 0o700
    assert {path.name: mode(path) for path in computer.keep.iterdir()} == dict.fromkeys(
        ("client.key", "client.crt", "hub-ca.pem", "hub"), 0o600
    )
    orchestrator = await hub.store.orchestrator_of_agent(id)
    assert orchestrator is not None
    assert orchestrator.name == "press-line"

    calls = computer.calls()
    assert [call[0] for call in calls] == ["volume", "pull", "pull", "run", "run"]
    monitor, agent = calls[-2:]
    assert monitor[monitor.index("--network") :][:2] == ["--network", "host"]
    assert monitor[-1] == hub.settings.netmon_image
    for mount in (
        f"{computer.keep}:/root/.mtls:ro",
        "/var/run/docker.sock:/var/run/docker.sock",
        "orchestrator-shared:/var/orchestrator",
    ):
        assert agent[agent.index(mount) - 1] == "--volume"
    assert agent[agent.index("--env") + 1] == "SSL_CERT_FILE=/root/.mtls/hub-ca.pem"
    assert agent[agent.index("--log-driver") + 1] == "none"  # the agent prints passwords
    assert agent[agent.index("--workdir") + 1] == "/app/src"
    assert not [word for word in agent if "REQUESTS_CA_BUNDLE" in word]
    assert agent[agent.index(hub.settings.agent_image) + 1 :][:2] == ["python", "-c"]
    assert agent[-1] == hub.settings.agents_address


async def test_the_agents_own_entry_point_is_called_with_the_hubs_address(
    hub: EnrollingHub, computer: Computer, tmp_path: Path
) -> None:
    computer.ready_key()
    code, said = await computer.install(script(hub.settings), (await hub.enrolment()).id)
    assert code == 0, said
    (tmp_path / "controllers.py").write_text(
        "def run_websocket_with_reconnection(address, run): print(address, run.__module__, run.__name__)\n"
    )
    words = computer.calls()[-1]
    launched = words[words.index("python") + 1 :]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *launched, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert printed.decode() == f"{hub.settings.agents_address} asyncio.runners run\n"


async def test_with_a_wrong_pin_nothing_is_run(hub: EnrollingHub, computer: Computer) -> None:
    id = (await hub.enrolment()).id
    command = re.sub(r"sha256//.{6}", "sha256//AAAAAA", install_command(hub.settings, id))
    _, said = await computer.run("sh", "-c", command)
    assert "public key" in said
    assert computer.calls() == []
    assert list(computer.root.iterdir()) == []
    assert await hub.store.open_enrolment(id) is not None


async def test_a_download_that_was_cut_off_does_nothing(computer: Computer, tmp_path: Path) -> None:
    lines = script(made_settings(tmp_path / "hub")).splitlines(keepends=True)
    assert lines[-1].startswith("main ")
    outcomes = await asyncio.gather(
        *(computer.install("".join(lines[:number]), ID) for number in range(0, len(lines), 3))
    )
    await computer.install("".join(lines)[: -len(lines[-1])] + "ma", ID)
    assert len(outcomes) > 80
    assert computer.calls() == []
    assert list(computer.root.iterdir()) == []


async def test_running_it_again_keeps_key_and_certificate(hub: EnrollingHub, computer: Computer) -> None:
    id = (await hub.enrolment()).id
    computer.ready_key()
    text = script(hub.settings)
    assert (await computer.install(text, id))[0] == 0
    before = {path.name: path.read_bytes() for path in computer.keep.iterdir()}
    code, said = await computer.install(text, id)
    assert (code, {path.name: path.read_bytes() for path in computer.keep.iterdir()}) == (0, before)
    assert "enrolled already" in said
    assert [call[0] for call in computer.calls()][-6:] == ["pull", "pull", "rm", "rm", "run", "run"]


async def test_an_enrolled_computer_is_not_enrolled_as_another(hub: EnrollingHub, computer: Computer) -> None:
    id = (await hub.enrolment()).id
    computer.ready_key()
    await computer.install(script(hub.settings), id)
    done = len(computer.calls())
    code, said = await computer.install(script(hub.settings), (await hub.enrolment("other")).id)
    assert (code, len(computer.calls())) == (1, done)
    assert f"enrolled as {id} already" in said


async def test_a_failed_pull_is_mended_by_running_it_again(hub: EnrollingHub, computer: Computer) -> None:
    id = (await hub.enrolment()).id
    computer.ready_key()
    computer.docker.mkdir()
    (computer.docker / "no-images").touch()
    code, said = await computer.install(script(hub.settings), id)
    assert code == 1
    assert "cannot be had" in said
    (computer.docker / "no-images").unlink()
    code, said = await computer.install(script(hub.settings), id)
    assert code == 0, said
    assert computer.containers() == {"orchestrator_agent", "autonomy_netmon"}


async def test_the_containers_of_another_service_are_left_alone(hub: EnrollingHub, computer: Computer) -> None:
    computer.container("orchestrator_agent", "")
    id = (await hub.enrolment()).id
    for words in ((id,), ("uninstall",)):
        code, said = await computer.install(script(hub.settings), *words)
        assert code == 1
        assert "of another service or hub" in said
    assert computer.calls() == []
    assert await hub.store.open_enrolment(id) is not None


@pytest.mark.parametrize("tool", ["openssl", "curl", "docker"])
async def test_a_missing_program_is_named(tool: str, hub: EnrollingHub, computer: Computer) -> None:
    (computer.programs / tool).unlink()
    code, said = await computer.install(script(hub.settings), ID)
    assert code == 1
    assert said.startswith(f"rung: {tool} is needed")
    assert list(computer.root.iterdir()) == []


async def test_it_must_be_root(hub: EnrollingHub, computer: Computer) -> None:
    computer.program("id", "#!/bin/sh\necho 1000\n")
    code, said = await computer.install(script(hub.settings), ID)
    assert code == 1
    assert "must run as root" in said


@pytest.mark.parametrize("word", ["", "abc", ID.lower(), ID + "0", "../" + ID[3:], "$(reboot)", ID + "\n", "--help"])
async def test_what_is_no_id_is_said_before_anything_happens(word: str, hub: EnrollingHub, computer: Computer) -> None:
    code, said = await computer.install(script(hub.settings), word)
    assert code == 1
    assert said.endswith("Nothing was changed.\n")
    assert computer.calls() == []


async def test_what_the_hub_says_is_shown(hub: EnrollingHub, computer: Computer) -> None:
    computer.ready_key()
    code, said = await computer.install(script(hub.settings), ID)
    assert code == 1
    assert "the hub refused (status 403): No enrolment is open for this id." in said
    assert computer.calls() == []
    assert sorted(path.name for path in computer.keep.iterdir()) == ["client.key", "hub", "hub-ca.pem"]


async def test_a_hub_of_another_authority_gets_nothing(hub: EnrollingHub, computer: Computer, tmp_path: Path) -> None:
    other = made_settings(tmp_path / "other")
    assert other.server_authority is not None
    assert hub.settings.server_authority is not None
    id = (await hub.enrolment()).id
    computer.ready_key()
    text = script(hub.settings).replace(
        hub.settings.server_authority.read_text().strip(), other.server_authority.read_text().strip()
    )
    code, said = await computer.install(text, id)
    assert code == 1
    assert "was not reached" in said
    assert await hub.store.open_enrolment(id) is not None


async def test_a_certificate_for_another_key_is_not_used(hub: EnrollingHub, computer: Computer, tmp_path: Path) -> None:
    computer.ready_key()
    curl = shutil.which("curl")
    stranger = hub.authority.issue(csr(ID), ID, now()).pem
    (tmp_path / "stranger.pem").write_text(stranger)
    (computer.programs / "curl").unlink()
    # What a broken or malicious hub would answer.
    computer.program("curl", f'#!/bin/sh\ncat {tmp_path}/stranger.pem >"{computer.keep}/answer"\necho 200\n: {curl}\n')
    code, said = await computer.install(script(hub.settings), ID)
    assert code == 1
    assert "not a certificate for this computer's key" in said
    assert not (computer.keep / "client.crt").exists()


async def installed(hub: EnrollingHub, computer: Computer, age: timedelta = timedelta(0)) -> str:
    """A computer that was enrolled some time ago; its id."""
    id = (await hub.enrolment()).id
    computer.ready_key()
    key = serialization.load_pem_private_key((computer.keep / "client.key").read_bytes(), None)
    issued = hub.authority.issue(csr(id, key=key), id, now() - age)  # type: ignore[arg-type]
    assert await hub.store.complete_enrolment(id, issued.record) is not None
    (computer.keep / "client.crt").write_text(issued.pem)
    (computer.keep / "hub").write_text(f"{hub.settings.public_url}\n")
    code, said = await computer.install(script(hub.settings), id)
    assert code == 0, said
    return id


async def test_a_certificate_is_renewed_when_it_is_due(hub: EnrollingHub, computer: Computer) -> None:
    id = await installed(hub, computer, age=timedelta(days=340))
    before = (computer.keep / "client.crt").read_bytes()
    kept = str(computer.root / "usr/local/sbin/rung-orchestrator")
    code, said = await computer.run("sh", kept, "renew", "--if-due")
    assert code == 0, said
    assert computer.calls()[-1] == ["restart", "orchestrator_agent"]
    after = x509.load_pem_x509_certificate((computer.keep / "client.crt").read_bytes())
    assert after.public_key() == x509.load_pem_x509_certificate(before).public_key()
    orchestrator = await hub.store.orchestrator_of_agent(id)
    assert orchestrator is not None
    assert orchestrator.renewed is not None
    assert orchestrator.renewed.not_after == after.not_valid_after_utc


async def test_a_certificate_that_is_not_due_is_kept(hub: EnrollingHub, computer: Computer) -> None:
    await installed(hub, computer)
    done, before = len(computer.calls()), (computer.keep / "client.crt").read_bytes()
    assert await computer.install(script(hub.settings), "renew", "--if-due") == (0, "")
    assert (len(computer.calls()), (computer.keep / "client.crt").read_bytes()) == (done, before)


async def test_an_expired_certificate_is_said_to_need_a_new_id(hub: EnrollingHub, computer: Computer) -> None:
    await installed(hub, computer, age=timedelta(days=400))
    code, said = await computer.install(script(hub.settings), "renew", "--if-due")
    assert code == 1
    assert "the certificate has expired" in said


async def test_systemd_or_cron_renews_by_itself(hub: EnrollingHub, computer: Computer) -> None:
    (computer.root / "etc/cron.weekly").mkdir(parents=True)
    await installed(hub, computer)
    kept = computer.root / "usr/local/sbin/rung-orchestrator"
    assert (
        computer.root / "etc/cron.weekly/rung-orchestrator"
    ).read_text() == f"#!/bin/sh\nexec {kept} renew --if-due\n"
    assert not computer.systemctl.exists()
    (computer.root / "run/systemd/system").mkdir(parents=True)
    code, said = await computer.install(script(hub.settings), "uninstall")
    assert code == 0, said
    (computer.root / "etc/cron.weekly").rmdir()
    hub_users = await hub.store.users()
    id = (await hub.store.create_enrolment(hub_users[0], "again", "", now() + timedelta(minutes=5))).id
    computer.ready_key()
    assert (await computer.install(script(hub.settings), id))[0] == 0
    assert computer.systemctl.read_text().splitlines() == [
        "daemon-reload",
        "enable --now --quiet rung-orchestrator.timer",
    ]
    service = (computer.root / "etc/systemd/system/rung-orchestrator.service").read_text()
    assert f"ExecStart={kept} renew --if-due\n" in service


async def test_uninstalling_leaves_nothing_but_the_vplcs(hub: EnrollingHub, computer: Computer) -> None:
    (computer.root / "run/systemd/system").mkdir(parents=True)
    await installed(hub, computer)
    computer.container("3f1c-vplc", "")
    code, said = await computer.run("sh", str(computer.root / "usr/local/sbin/rung-orchestrator"), "uninstall")
    assert code == 0, said
    assert computer.containers() == {"3f1c-vplc"}
    assert [path for path in computer.root.rglob("*") if path.is_file()] == []
    assert "vPLCs keep running" in said
    assert [call for call in computer.calls() if call[:2] == ["volume", "rm"]] == []


async def test_an_operators_public_certificate_needs_no_pin_and_no_authority(
    tmp_path: Path, computer: Computer
) -> None:
    brought = made_settings(tmp_path / "brought")
    keys = {"certificate": str(brought.certificate), "key": str(brought.key)}
    async with enrolling_hub(tmp_path / "hub", **keys) as hub:
        id = (await hub.enrolment()).id
        command = install_command(hub.settings, id)
        assert command == f"curl -fsS {hub.settings.public_url}/install.sh | sudo sh -s -- {id}"
        computer.ready_key()
        # The authorities that this computer trusts.
        code, said = await computer.run("sh", "-c", command, CURL_CA_BUNDLE=str(brought.server_authority))
    assert code == 0, said
    assert not (computer.keep / "hub-ca.pem").exists()
    assert "SSL_CERT_FILE" not in str(computer.calls())


def test_the_script_is_plain_shell_and_whole(tmp_path: Path) -> None:
    text = script(made_settings(tmp_path / "hub"))
    for shell in {"sh", "dash", "bash"} & {name for name in ("sh", "dash", "bash") if shutil.which(name)}:
        subprocess.run([shell, "-n"], input=text, text=True, check=True)
    assert re.findall(r"@[A-Z_]+@", text) == []
    assert "BEGIN CERTIFICATE" in text
    assert "PRIVATE KEY" not in text


def test_a_setting_cannot_become_a_command(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    settings: HubSettings = made_settings(folder)
    Authority.open(folder)
    for image in ("a;reboot", "$(reboot)", "a b", "'", "-v"):
        with pytest.raises(ValueError, match="no name of a container image"):
            save(folder, {"names": list(settings.names), "agent_image": image})
    with pytest.raises(ValueError, match="is neither a DNS name"):
        save(folder, {"names": ["$(reboot)"]})
    assert os.fspath(settings.folder) == os.fspath(folder)
