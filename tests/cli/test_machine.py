"""The command line and a machine: saved, trusted, first user, deployed, watched, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Ran, rung
from simulated import SimulatorProcess

PASSWORD = "a quiet evening 7"
BLINK = """PROGRAM Blink
    VAR
        Lamp AT %QX0.0 : BOOL;
        Count : UDINT;
    END_VAR
    Lamp := NOT Lamp;
    Count := Count + 1;
END_PROGRAM
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "blink.st").write_text(BLINK, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def simulator(place: Path) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(place / "runtime")
    made.start()
    yield made
    made.kill()


def test_from_a_new_machine_to_a_verified_program(place: Path, simulator: SimulatorProcess) -> None:
    def run(*words: str, given: str = "") -> Ran:
        ran = rung(*words, folder=place, given=given, within=120, RUNG_CONFIG_DIR=str(place / "config"))
        assert PASSWORD not in ran.out + ran.err
        return ran

    assert run("connection", "add", "line3", simulator.address, "--user", "engineer").code == 0

    # nothing is sent to a machine whose certificate nobody has accepted
    ran = run("deploy", "blink.st", "--to", "line3", "--json")
    assert (ran.code, ran.json["stage"], ran.json["error"]["kind"]) == (4, "connect", "untrusted")
    walked = run("connection", "test", "line3", "--json").json["steps"]
    assert [(step["step"], step["ok"]) for step in walked] == [("dns", True), ("tcp", True), ("tls", None)]

    wrong = ":".join(["00"] * 32)
    assert run("connection", "trust", "line3", wrong).code == 4
    assert run("connection", "list", "--json").json["connections"][0]["trusted"] is False
    fingerprint = ran.json["error"]["hint"].split()[-1]
    assert run("connection", "trust", "line3", fingerprint).code == 0

    # another certificate than the trusted one is never trusted in one step
    pins = place / "config" / "trusted-certificates.json"
    kept = pins.read_text(encoding="utf-8")
    pins.write_text(kept.replace(fingerprint, wrong), encoding="utf-8")
    ran = run("connection", "trust", "line3", fingerprint)
    assert ran.code == 4
    assert fingerprint in ran.err
    assert "certificate-changed" in ran.err
    pins.write_text(kept, encoding="utf-8")

    # a machine without users says so; the first one is created only when that was asked for
    ran = run("deploy", "blink.st", "--to", "line3", "--json", "--password-stdin", given=f"{PASSWORD}\n")
    assert (ran.code, ran.json["error"]["kind"]) == (4, "no-users")
    ran = run(
        "deploy",
        "blink.st",
        "--to",
        "line3",
        "--json",
        "--create-first-user",
        "--password-stdin",
        given=f"{PASSWORD}\n",
    )
    assert ran.code == 0
    assert {key: ran.json[key] for key in ("ok", "stage", "plc", "verified", "error", "diagnostics")} == {
        "ok": True, "stage": "verify", "plc": "RUNNING", "verified": True, "error": None, "diagnostics": [],
    }  # fmt: skip

    status = run("status", "--to", "line3", "--json", "--password-stdin", given=f"{PASSWORD}\n").json
    assert (status["state"], status["plc"], status["md5"], status["error"]) == (
        "connected",
        "RUNNING",
        ran.json["md5"],
        None,
    )
    assert [task["name"] for task in status["tasks"]]

    # a wrong password is refused for security, and the machine runs on
    ran = run("status", "--to", "line3", "--json", "--password-stdin", given="guess\n")
    assert (ran.code, ran.json["error"]["kind"]) == (4, "credentials")

    # a machine that runs is neither stopped nor replaced without a yes
    ran = run("stop", "--to", "line3", "--password-stdin", given=f"{PASSWORD}\n")
    assert ran.code == 1
    assert "the program runs; it was not stopped" in ran.err
    ran = run("deploy", "blink.st", "--to", "line3", "--json", "--password-stdin", given=f"{PASSWORD}\n")
    assert (ran.code, ran.json["error"]["kind"], ran.json["plc"]) == (1, "cancelled", "RUNNING")

    assert run("stop", "--to", "line3", "--yes", "--password-stdin", given=f"{PASSWORD}\n").out.startswith("STOPPED")
    assert run("start", "--to", "line3", "--password-stdin", given=f"{PASSWORD}\n").out.startswith("RUNNING")
    assert "PLC State: RUNNING" in run("logs", "--to", "line3", "--password-stdin", given=f"{PASSWORD}\n").out

    # after that it is forgotten entirely
    assert run("connection", "forget", "line3").code == 0
    assert run("connection", "list", "--json").json == {"connections": []}
    left = [path for path in (place / "config").rglob("*") if path.is_file()]
    assert not any(PASSWORD in path.read_text(encoding="utf-8") for path in left)


def test_looking_for_machines_is_one_list_whatever_is_there(place: Path) -> None:
    ran = rung("connection", "discover", "--json", folder=place, within=30)
    assert ran.code == 0
    assert ran.json["error"] is None
    members = {"host", "port", "version", "hostname", "project", "recovery"}
    assert all(set(row) == members for row in ran.json["found"])
    assert rung("connection", "discover", folder=place, within=30).code == 0


def test_a_machine_without_encryption_is_saved_as_such_and_has_no_certificate(place: Path) -> None:
    def run(*words: str) -> Ran:
        return rung(*words, folder=place, within=30, RUNG_CONFIG_DIR=str(place / "plain"))

    assert run("connection", "add", "old", "http://127.0.0.1:1").code == 0
    assert run("connection", "list", "--json").json["connections"] == [
        {"name": "old", "address": "http://127.0.0.1:1", "username": None, "trusted": False, "encrypted": False}
    ]
    assert "not encrypted" in run("connection", "list").out
    refused = run("connection", "trust", "old")
    assert refused.code == 4
    assert "no certificate" in refused.err
    assert run("connection", "test", "old").code == 3
