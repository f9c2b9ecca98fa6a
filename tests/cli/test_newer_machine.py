"""The command line and a Runtime v4.2: users with roles, the source stored and fetched back, plug-in files, RETAIN, status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Ran, rung
from simulated import SimulatorProcess

ADMIN, OTHER, LATER = "first password 1", "second password 2", "third password 3"
COUNT = """PROGRAM Count
    VAR RETAIN
        Total : UDINT;
    END_VAR
    VAR
        Lamp AT %QX0.0 : BOOL;
    END_VAR
    Total := Total + 1;
    Lamp := NOT Lamp;
END_PROGRAM
"""
SETTINGS = '[modbus_slave]\nhost = "127.0.0.1"\nport = 15020\n\n[retain]\nflush_seconds = 1\n'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newer")
    (folder / "plant").mkdir()
    (folder / "plant" / "count.st").write_text(COUNT, encoding="utf-8")
    (folder / "plant" / "rung.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def machine(place: Path) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(place / "runtime", "--runtime-version", "v4.2.3")
    made.start()
    yield made
    made.kill()


def run(place: Path, *words: str, given: tuple[str, ...] = (), user: str = "") -> Ran:
    login = ("--to", "line3", "--user", user, "--password-stdin") if user else ()
    lines = "".join(f"{line}\n" for line in given)
    ran = rung(*words, *login, folder=place, given=lines, within=120, RUNG_CONFIG_DIR=str(place / "config"))
    assert not any(secret in ran.out + ran.err for secret in (ADMIN, OTHER, LATER))
    return ran


def test_the_whole_way(place: Path, machine: SimulatorProcess) -> None:
    assert run(place, "connection", "add", "line3", machine.address).code == 0
    shown = run(place, "deploy", "plant", "--json", given=(ADMIN,), user="chief").json["error"]["hint"].split()[-1]
    assert run(place, "connection", "trust", "line3", shown).code == 0

    deployed = run(place, "deploy", "plant", "--json", "--create-first-user", given=(ADMIN,), user="chief")
    assert deployed.code == 0, deployed.out + deployed.err
    assert (deployed.json["verified"], deployed.json["note"]) == (True, None)

    # status compares the machine's program with the one here
    status = run(place, "status", "plant", "--json", given=(ADMIN,), user="chief").json
    assert (status["plc"], status["inSync"], status["switch"]) == ("RUNNING", True, "run")
    assert status["program"] == "plant"
    assert status["md5"] == deployed.json["md5"]
    (place / "plant" / "count.st").write_text(COUNT.replace("+ 1", "+ 2"), encoding="utf-8")
    text = run(place, "status", "plant", given=(ADMIN,), user="chief")
    assert "another one than the one here" in text.out

    # the source comes back as it was when it was sent, and nothing is written over
    pulled = run(place, "pull", "-o", "back", "--json", given=(ADMIN,), user="chief")
    assert pulled.json["files"] == ["count.st", "rung.toml"]
    assert (place / "back" / "count.st").read_text(encoding="utf-8") == COUNT
    assert run(place, "pull", "-o", "back", given=(ADMIN,), user="chief").code == 2

    _users(place)


def _users(place: Path) -> None:
    # users with roles: only an administrator makes more of them
    assert run(place, "user", "add", "fitter", "--role", "user", given=(ADMIN, OTHER), user="chief").code == 0
    users = run(place, "user", "list", "--json", given=(ADMIN,), user="chief").json["users"]
    assert [(user["username"], user["role"]) for user in users] == [("chief", "admin"), ("fitter", "user")]
    refused = run(place, "user", "add", "guest", given=(OTHER, LATER), user="fitter")
    assert (refused.code, "may not" in refused.err or "refused" in refused.err) == (4, True)
    # an ordinary user cannot fetch the source
    assert run(place, "pull", "-o", "stolen", given=(OTHER,), user="fitter").code != 0
    assert not (place / "stolen").exists()

    # passwords
    assert run(place, "user", "password", given=(OTHER, "not it", LATER), user="fitter").code == 4
    assert run(place, "user", "password", given=(OTHER, OTHER, LATER), user="fitter").code == 0
    assert run(place, "status", given=(OTHER,), user="fitter").code == 4
    assert run(place, "status", given=(LATER,), user="fitter").code == 0

    # what must never be done is not done
    for words, said in (
        (("user", "remove", "chief", "--yes"), "logged in as"),
        (("user", "role", "chief", "user"), "last administrator"),
        (("user", "remove", "nobody", "--yes"), "no user 'nobody'"),
        (("user", "remove", "fitter"), "was not deleted"),
    ):
        ran = run(place, *words, given=(ADMIN,), user="chief")
        assert ran.code != 0
        assert said in ran.err
    assert run(place, "user", "role", "fitter", "admin", given=(ADMIN,), user="chief").code == 0
    assert run(place, "user", "remove", "chief", "--yes", given=(LATER,), user="fitter").code == 0
    assert run(place, "status", given=(ADMIN,), user="chief").code == 4
