"""The command line and a board: listed, flashed, watched, forced; nothing is opened that would restart a program unless that was said.

Where no chip is needed, a double answers as a board's program does (`firmware_double`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from boards.emulated import EmulatedBoard
from boards.firmware_double import FirmwareDouble
from command import Ran, rung
from rung.cli import WrongUsage
from rung.cli.program import load_program
from rung.cli.watch_names import find, forced_value
from rung.codegen.artefact import Artefact
from rung.ide.build import build

BLINK = """PROGRAM Main
    VAR
        Lamp AT %QX0.0 : BOOL;
        Key AT %IX0.0 : BOOL;
        Level : INT;
        Off : TON;
    END_VAR
    Lamp := NOT Lamp;
    Level := Level + 1;
    Off(IN := Key, PT := T#5s);
END_PROGRAM
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.st").write_text(BLINK, encoding="utf-8")
    (tmp_path / "rung.toml").write_text('target = "uno"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def artefact(project: Path) -> Artefact:
    made = build(load_program([project]), "uno").artefact
    assert made is not None
    return made


@pytest.fixture
def board(artefact: Artefact) -> Iterator[FirmwareDouble]:
    """A board that runs the program; LEVEL is 1234."""
    values = [b"\xd2\x04" if leaf.path == "MAIN.LEVEL" else bytes(leaf.size) for leaf in artefact.leaves]
    with FirmwareDouble(*values) as made:
        made.md5 = artefact.md5
        yield made


def index_of(artefact: Artefact, path: str) -> int:
    return next(leaf.element for leaf in artefact.leaves if leaf.path == path)


def at(folder: Path, *words: object) -> Ran:
    return rung(*words, folder=folder, within=120, RUNG_CONFIG_DIR=str(folder / "config"))


# -- lists -------------------------------------------------------------------------------------------------------------


def test_boards_are_listed_with_what_compiles_and_uploads(tmp_path: Path) -> None:
    rows = {row["name"]: row for row in at(tmp_path, "boards", "--json").json["boards"]}
    uno = rows["uno"]
    assert (uno["title"], uno["fqbn"], uno["resetsOnOpen"]) == ("Arduino Uno", "arduino:avr:uno", True)
    assert [way["name"] for way in uno["uploaders"]][:2] == ["stk500v1", "avrdude"]
    assert all("hardware" in row["tried"] for row in rows.values())
    assert all(way["available"] or way["missing"] for row in rows.values() for way in row["toolchains"])
    text = at(tmp_path, "boards").out
    assert all(row["title"] in text for row in rows.values())


def test_one_board_is_told_with_its_pins(tmp_path: Path) -> None:
    assert "%QX0.3   13\n" in at(tmp_path, "boards", "uno").out
    assert at(tmp_path, "boards", "uno", "--json").json["boards"][0]["pins"]["%IW5"] == "A5"
    wrong = at(tmp_path, "boards", "unno")
    assert wrong.code == 2
    assert "`rung boards` lists them" in wrong.err


def test_ports_are_listed_and_none_is_opened(project: Path, board: FirmwareDouble) -> None:
    (project / "config").mkdir()
    (project / "config" / "boards.json").write_text(
        json.dumps({"version": 1, "ports": [board.port, "/dev/gone"], "boards": {board.port: "uno"}})
    )
    rows = {row["port"]: row for row in at(project, "boards", "--ports", "--json").json["ports"]}
    assert (rows[board.port]["chosen"], rows[board.port]["problem"]) == ("uno", "")
    assert rows["/dev/gone"]["problem"]
    assert board.requests == []
    assert f"{board.port}: Arduino Uno, as you chose" in at(project, "boards", "--ports").out
    # and that port is the one that fits, so it need not be named
    assert at(project, "watch", "Level", "--yes").out == "MAIN.LEVEL = 1234\n"


# -- watch -------------------------------------------------------------------------------------------------------------


def test_values_are_shown_as_the_language_writes_them(project: Path, board: FirmwareDouble) -> None:
    ran = at(project, "watch", "--port", board.port, "--yes")
    assert ran.code == 0
    assert "MAIN.LEVEL = 1234\n" in ran.out
    assert "MAIN.OFF.ET = T#0s\n" in ran.out
    assert "RUNG_" not in ran.out
    assert "Connected: the program runs." in ran.err
    ran = at(project, "watch", project / "main.st", "LAMP", "--port", board.port, "--yes")
    assert ran.out == "MAIN.LAMP = FALSE\n"
    wrong = at(project, "watch", "Levl", "--port", board.port, "--yes")
    assert (wrong.code, wrong.out) == (2, "")


def test_nothing_is_opened_that_restarts_a_board_unless_that_was_said(project: Path, board: FirmwareDouble) -> None:
    for command in (["watch"], ["status", "--to", f"serial:{board.port}"], ["logs", "--to", f"serial:{board.port}"]):
        ran = at(project, *command, *(["--port", board.port] if command == ["watch"] else []))
        assert ran.code == 2
        assert (
            "Opening the port restarts the program of the Arduino Uno: its outputs are off for about two seconds."
            in ran.err
        )
        assert "--yes" in ran.err
    assert board.requests == []
    to = ["--to", f"serial:{board.port}"]
    for command in (["watch", "--port", board.port], ["status", *to], ["logs", *to]):
        assert "--yes" in at(project, *command, "--json").json["error"]["message"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Level=70000", "MAIN.LEVEL is of type INT and cannot hold 70000"),
        ("Levl=1", "no variable 'Levl'. Did you mean LEVEL?"),
        ("Level", "write NAME=VALUE"),
        ("Off.PT=12", "T#1s500ms"),
        ("Off=1", "'Off' is not one variable. Say which: MAIN.OFF.IN, MAIN.OFF.PT"),
        ("RUNG_FAULTS=1", "cannot be forced"),
    ],
)
def test_what_cannot_be_forced_is_said_before_anything_is_opened(artefact: Artefact, words: str, said: str) -> None:
    with pytest.raises(WrongUsage) as caught:
        forced_value(artefact.leaves, words)
    assert said in str(caught.value)


def test_variables_are_named_by_their_path_or_its_end(artefact: Artefact) -> None:
    for name, found in (
        ("level", ["MAIN.LEVEL"]),
        ("Main.Off", ["MAIN.OFF.IN", "MAIN.OFF.PT", "MAIN.OFF.Q", "MAIN.OFF.ET"]),
        ("off.q", ["MAIN.OFF.Q"]),
        ("RUNG_SCAN_US", ["RUNG_SCAN_US"]),
    ):
        assert [leaf.path for leaf in find(artefact.leaves, name)] == found
    assert forced_value(artefact.leaves, "off.pt=T#2s")[1] == 2_000_000_000


def test_a_force_stays_until_it_is_released(project: Path, artefact: Artefact, board: FirmwareDouble) -> None:
    ran = at(project, "watch", "Lamp", "--force", "Lamp=TRUE", "--port", board.port, "--yes", "--json")
    document = ran.json
    assert (ran.code, document["values"], document["forced"]) == (0, {"MAIN.LAMP": True}, ["MAIN.LAMP"])
    assert (document["state"], document["inSync"], document["error"]) == ("connected", True, None)
    assert document["board"]["halted"] is False
    assert board.forces == {index_of(artefact, "MAIN.LAMP"): b"\x01"}
    text = at(project, "watch", "Lamp", "--force", "Level=5", "--port", board.port, "--yes")
    assert "MAIN.LEVEL stays forced until it is released" in text.err
    at(project, "watch", "--release", "Lamp", "--release", "Level", "--port", board.port, "--yes")
    assert board.forces == {}


def test_a_program_that_divides_by_zero_is_told_of(project: Path, artefact: Artefact, board: FirmwareDouble) -> None:
    assert "faults 0." in at(project, "watch", "Level", "--port", board.port, "--yes").err
    watch = follow(project, "Level", "--port", board.port)
    lines = iter(watch.stdout or ())
    assert [json.loads(next(lines))["event"] for _ in range(2)] == ["state", "values"]
    board.values[index_of(artefact, "RUNG_FAULTS")][:] = b"\x07\0\0\0"
    state = json.loads(next(lines))
    assert (state["event"], state["board"]["faults"]) == ("state", 7)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(5) == 0
    told = at(project, "watch", "Level", "--port", board.port, "--yes").err
    assert "faults 7. The program divides by zero" in told


def test_following_tells_what_changes_and_releases_at_its_end(
    project: Path, artefact: Artefact, board: FirmwareDouble
) -> None:
    lamp, level = index_of(artefact, "MAIN.LAMP"), index_of(artefact, "MAIN.LEVEL")
    watch = follow(project, "Lamp", "Level", "--force", "Lamp=1", "--port", board.port)
    lines = iter(watch.stdout or ())
    first, second = json.loads(next(lines)), json.loads(next(lines))
    assert (first["event"], first["state"], first["inSync"]) == ("state", "connected", True)
    assert (second["event"], second["values"]) == ("values", {"MAIN.LAMP": True, "MAIN.LEVEL": 1234})
    assert board.forces == {lamp: b"\x01"}
    board.values[level][:] = b"\xd3\x04"
    assert json.loads(next(lines))["values"] == {"MAIN.LEVEL": 1235}
    watch.send_signal(signal.SIGINT)
    end = json.loads(next(lines))
    assert (end["event"], end["released"], end["stillForced"], end["error"]) == ("end", ["MAIN.LAMP"], [], None)
    assert watch.wait(5) == 0
    assert board.forces == {}


def test_following_a_board_that_is_unplugged_ends_and_says_what_may_be_forced(
    project: Path, board: FirmwareDouble
) -> None:
    watch = follow(project, "Lamp", "--force", "Lamp=1", "--port", board.port)
    lines = iter(watch.stdout or ())
    next(lines), next(lines)
    begun = time.monotonic()
    board.unplug()
    end = json.loads(next(lines))
    assert (end["event"], end["error"]["kind"], end["stillForced"]) == ("end", "lost", ["MAIN.LAMP"])
    assert time.monotonic() - begun < 1.5
    assert watch.wait(5) == 3


def follow(project: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rung", "watch", *words, "--follow", "--json", "--yes"],
        cwd=project,
        env={**os.environ, "RUNG_CONFIG_DIR": str(project / "config")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("order", [(".", "Level", "--port"), (".", "--port", "Level"), ("--port", ".", "Level")])
def test_names_stand_before_or_after_the_options(project: Path, board: FirmwareDouble, order: tuple[str, ...]) -> None:
    words = [word for name in order for word in ([name, board.port] if name == "--port" else [name])]
    assert at(project, "watch", "--yes", *words).out == "MAIN.LEVEL = 1234\n"


def test_another_program_shows_no_values(project: Path, board: FirmwareDouble) -> None:
    board.md5 = "f" * 32
    ran = at(project, "watch", "--port", board.port, "--yes", "--json")
    assert (ran.code, ran.json["error"]["kind"], ran.json["values"]) == (1, "not-ours", {})


def test_a_port_that_is_not_there_is_told(project: Path) -> None:
    ran = at(project, "watch", "--port", "/dev/no-such-port", "--json")
    assert (ran.code, ran.json["error"]["kind"]) == (3, "dns")


# -- status and logs ---------------------------------------------------------------------------------------------------


def test_status_tells_program_and_scan_times(project: Path, artefact: Artefact, board: FirmwareDouble) -> None:
    status = at(project, "status", project, "--to", f"serial:{board.port}", "--yes", "--json").json
    assert (status["state"], status["plc"], status["md5"], status["inSync"]) == (
        "connected",
        "RUNNING",
        artefact.md5,
        True,
    )
    assert "the one here" in at(project, "status", project, "--to", f"serial:{board.port}", "--yes").out
    board.values[index_of(artefact, "RUNG_HALTED")][:] = b"\x01"
    assert at(project, "status", project, "--to", f"serial:{board.port}", "--yes", "--json").json["plc"] == "STOPPED"
    alone = at(project, "status", "--to", f"serial:{board.port}", "--yes", "--json").json
    assert (alone["plc"], alone["inSync"], alone["board"]) == (None, None, None)
    gone = at(project, "status", "--to", "serial:/dev/gone", "--yes", "--json")
    assert (gone.code, gone.json["state"], gone.json["error"]["kind"]) == (3, "error", "dns")


def test_the_text_that_a_board_sends_is_a_log(project: Path, board: FirmwareDouble) -> None:
    logs = subprocess.Popen(
        [sys.executable, "-m", "rung", "logs", "--to", f"serial:{board.port}", "--follow", "--yes"],
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 10
    while not board.opened and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    board.say(b"motor \x1b[31mstarts\r\n")
    assert logs.stdout is not None
    assert logs.stdout.readline().endswith(" motor starts\n")
    logs.send_signal(signal.SIGINT)
    assert logs.wait(5) == 0
    assert board.requests == []


def test_a_board_is_no_machine_that_is_started_or_stopped(project: Path) -> None:
    ran = at(project, "stop", "--to", "serial:/dev/ttyACM0")
    assert ran.code == 2
    assert "rung flash" in ran.err
    for port in ("/dev/ttyACM0", "COM3"):
        assert f"serial:{port}" in at(project, "status", "--to", port).err


# -- build and flash ---------------------------------------------------------------------------------------------------


def test_build_compiles_for_a_board(project: Path) -> None:
    ran = at(project, "build", "-o", "x.hex")
    assert ran.code == 0, ran.err
    assert (project / "x.hex").read_bytes().startswith(b":")
    assert "of 32256 bytes, RAM " in ran.out
    assert at(project, "build", "-o", "sketch.zip").code == 0
    assert (project / "sketch.zip").read_bytes().startswith(b"PK")


def test_flash_says_what_is_missing_before_anything_is_sent(project: Path) -> None:
    ran = at(project, "flash", "--port", "/dev/no-such-port", "--yes", "--json")
    assert (ran.code, ran.json["ok"], ran.json["error"]["kind"]) == (3, False, "dns")
    for way, names in (("--toolchain", "avr-gcc, "), ("--uploader", "stk500v1, ")):
        ran = at(project, "flash", way, "foo", "--port", "/dev/no-such-port", "--yes")
        assert ran.code == 2
        assert f"Arduino Uno has no way called 'foo': choose one of {names}" in ran.err
    (project / "rung.toml").write_text("", encoding="utf-8")
    ran = at(project, "flash", "--port", "/dev/no-such-port", "--yes")
    assert ran.code == 2
    assert "--board" in ran.err
    (project / "main.st").write_text(BLINK.replace("Level + 1", "Levl + 1"), encoding="utf-8")
    ran = at(project, "flash", "--board", "uno", "--port", "/dev/no-such-port", "--yes", "--json")
    assert (ran.code, ran.json["stage"], ran.json["error"]["kind"]) == (1, "check", "program")
    assert ran.json["diagnostics"]


def test_a_program_that_is_for_no_port_here_says_so(project: Path) -> None:
    (project / "rung.toml").write_text('target = "opta"\n', encoding="utf-8")
    (project / "main.st").write_text("PROGRAM Main END_PROGRAM\n", encoding="utf-8")
    ran = at(project, "watch", "--yes")
    assert ran.code == 3
    assert "could be that of the Arduino Opta." in ran.err


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_a_download_that_is_stopped_says_what_the_board_is_left_with(
    project: Path, board: FirmwareDouble, way: signal.Signals
) -> None:
    flash = subprocess.Popen(
        [sys.executable, "-m", "rung", "flash", "--port", board.port, "--yes"],
        cwd=project,
        env={**os.environ, "RUNG_CONFIG_DIR": str(project / "config")},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in flash.stderr or ():
        if "Waiting for the bootloader" in line:
            break
    flash.send_signal(way)
    _, said = flash.communicate(timeout=20)
    assert flash.returncode == 130
    assert "error[cancelled]: The upload was stopped. The program on the board was not changed." in said


def test_a_script_that_names_the_port_still_replaces_nobody_elses_program(project: Path, board: FirmwareDouble) -> None:
    board.md5 = "f" * 32
    refused = at(project, "flash", "--port", board.port, "--json")
    assert (refused.code, refused.json["stage"], refused.json["error"]["kind"]) == (1, "compile", "cancelled")
    assert "was not put there from this computer" in refused.err
    assert "it keeps its program" in refused.json["error"]["message"]


def test_from_an_empty_board_to_a_watched_program(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "board"
    folder.mkdir()
    with EmulatedBoard("uno", folder) as uno:
        ran = at(project, "flash", "--port", uno.port, "--json")
        assert ran.code == 0, ran.out
        assert (ran.json["ok"], ran.json["stage"], ran.json["verified"]) == (True, "verify", True)
        assert 0 < ran.json["flashBytes"] < 32256
        again = at(project, "flash", "--port", uno.port, "--yes")
        assert (
            f"It takes {ran.json['flashBytes']} of 32256 bytes of flash and {ran.json['ramBytes']} of 2048 bytes of RAM."
            in again.out
        )
        watched = at(
            project, "watch", "Level", "Lamp", "--force", "Lamp=TRUE", "--port", uno.port, "--yes", "--json"
        ).json
        assert watched["md5"] == ran.json["md5"]
        assert watched["values"]["MAIN.LEVEL"] > 0
        uno.await_level("7", True, seconds=1)
