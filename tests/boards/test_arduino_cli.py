"""The adapter of arduino-cli, against a stand-in that really compiles and really uploads. arduino-cli itself was not run here: it could not be had."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from pathlib import Path

import pytest

from boards import arduino_cli_double
from boards.emulated import EmulatedBoard
from boards.small_sketch import SOURCE, sketch, table_leaves
from rung.boards.firmware import Firmware
from rung.boards.flash import flash
from rung.boards.progress import FlashProgress
from rung.boards.sizes import Usage
from rung.boards.toolchains import CompileFailure, arduino_cli_answers, compile_firmware, toolchains_for
from rung.boards.toolchains.arduino_cli import find_arduino_cli
from rung.boards.uploaders import upload, uploaders_for
from rung.boards.wire import SerialWire
from rung.ide.build import build
from rung.project.snapshot import load
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards, find_board


def board(name: str) -> Board:
    found = find_board(name)
    assert found is not None
    return found


UNO = board("uno")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the head of the PATH, for the stand-in."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def quiet(step: FlashProgress) -> None:
    """Nobody listens."""


def script(folder: Path, text: str) -> None:
    path = folder / "arduino-cli"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


async def failure_of(board: Board = UNO, statement: str | None = None) -> CompileFailure:
    artefact = sketch(board.name, statement=statement) if statement else sketch(board.name)
    with pytest.raises(CompileFailure) as caught:
        await compile_firmware(artefact, board, toolchain="arduino-cli", progress=quiet)
    return caught.value


# -- compile -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True], ids=["version 1", "before 1.0"])
async def test_a_program_is_compiled_by_arduino_cli_with_its_core(tools: Path, old: bool) -> None:
    arduino_cli_double.install(tools, old=old)
    firmware = await compile_firmware(sketch(), UNO, toolchain="arduino-cli", progress=quiet)
    assert (firmware.toolchain, firmware.main) == ("arduino-cli", "program.hex")
    assert firmware.files["program.hex"].startswith(b":10000000")
    assert 1500 < firmware.flash_bytes < 4000
    assert 250 < firmware.ram_bytes < 600
    assert firmware.uploads is not None
    assert firmware.uploads["rung.ino.hex"] == firmware.files["program.hex"]


async def test_an_error_leads_back_to_the_line_of_the_users_program(tools: Path) -> None:
    for old in (False, True):  # the versions before 1.0 tell the compiler's words on their standard error alone
        arduino_cli_double.install(tools, old=old)
        failure = await failure_of(statement="main_instance.nothing = 3;")
        errors = [item for item in failure.diagnostics if item.severity == "error"]
        assert (errors[0].file, errors[0].line) == (SOURCE, 7)
        assert "defect of Rung" in failure.message


async def test_a_program_that_is_too_large_is_refused_with_its_largest_instances(tools: Path) -> None:
    arduino_cli_double.install(tools)
    with pytest.raises(CompileFailure) as caught:
        await compile_firmware(
            sketch(table=1600, leaves=table_leaves(1600)), UNO, toolchain="arduino-cli", progress=quiet
        )
    assert "MAIN.TABLE 1600" in caught.value.message


async def test_a_missing_core_is_named_with_the_command_that_installs_it(tools: Path) -> None:
    arduino_cli_double.install(tools, cores={})
    other = next(board for board in all_boards().values() if board.index_url)
    for board_ in (UNO, other):
        row = next(row for row in toolchains_for(board_) if row.name == "arduino-cli")
        assert not row.available
        more = f" --additional-urls {board_.index_url}" if board_.index_url else ""
        assert f"`arduino-cli core install {board_.core}{more}`" in row.missing
    assert "arduino-cli core install arduino:avr" in (await failure_of()).hint


@pytest.mark.parametrize(
    ("code", "message", "said", "hint"),
    [
        (
            1,
            "Error during build: Platform 'arduino:avr' not found: platform not installed",
            "no usable core",
            "core install arduino:avr",
        ),
        (6, "Error initializing instance: loading core", "no usable core", "arduino-cli core install arduino:avr"),
        (5, "Error downloading index: no route to host", "network", "arduino-cli core update-index"),
        (7, "Invalid argument passed", "Invalid argument passed", "arduino-cli compile -b arduino:avr:uno"),
    ],
)
async def test_each_failure_of_arduino_cli_has_its_remedy(
    tools: Path, code: int, message: str, said: str, hint: str
) -> None:
    arduino_cli_double.install(tools, says={"compile": [code, message]})
    failure = await failure_of()
    assert failure.kind is Kind.COMPILE_FAILED
    assert said in failure.message
    assert hint in failure.hint


async def test_a_missing_library_is_named_with_the_command_that_installs_it(tools: Path) -> None:
    arduino_cli_double.install(tools)
    artefact = sketch(more={"rung/more.cpp": "#include <Servo.h>\n"})
    with pytest.raises(CompileFailure) as caught:
        await compile_firmware(artefact, UNO, toolchain="arduino-cli", progress=quiet)
    assert "arduino-cli lib install Servo" in caught.value.hint


@pytest.mark.parametrize("text", ["exit 3", "echo '[]'", "echo hello", "echo '{\"VersionString\": 3}'", "echo '{'"])
def test_what_does_not_answer_as_arduino_cli_is_not_taken_for_it(tools: Path, text: str) -> None:
    script(tools, text)
    assert find_arduino_cli() is None


async def test_success_without_a_program_is_no_success(tools: Path) -> None:
    script(
        tools,
        'case "$1" in version) echo \'{"VersionString":"1.5.1"}\';; core) echo \'{"platforms":[{"id":"arduino:avr","installed_version":"1"}]}\';;'
        " compile) echo '{\"success\":true}';; esac",
    )
    assert "made no file" in (await failure_of()).message


# -- upload ------------------------------------------------------------------------------------------------------------


PROGRAM = """
PROGRAM Main
VAR start AT %IX0.0 : BOOL; lamp AT %QX0.0 : BOOL; delay : TON; END_VAR
  delay(IN := NOT start, PT := T#50ms);
  lamp := delay.Q;
END_PROGRAM
"""


async def test_a_generated_program_goes_the_whole_way_through_arduino_cli(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_CONFIG_DIR", str(tmp_path / "configuration"))
    arduino_cli_double.install(tools)
    source = tmp_path / "main.st"
    source.write_text(PROGRAM)
    artefact = build(load([source]), "uno").artefact
    assert artefact is not None

    async def yes(question: str, foreign: bool) -> bool:
        return True

    with EmulatedBoard("uno", tmp_path) as chip:
        report = await flash(
            artefact,
            UNO,
            chip.port,
            toolchain="arduino-cli",
            uploader="arduino-cli",
            running=artefact.md5,
            confirm=yes,
            progress=quiet,
        )
        assert (report.verified, report.toolchain, report.uploader) == (True, "arduino-cli", "arduino-cli")
        assert chip.await_level("7", True)


async def test_a_program_of_another_toolchain_is_uploaded_as_well_after_the_board_was_watched(
    tools: Path, tmp_path: Path
) -> None:
    arduino_cli_double.install(tools)
    firmware = await compile_firmware(sketch(), UNO, toolchain="avr-gcc", progress=quiet)
    assert not firmware.uploads
    with EmulatedBoard("uno", tmp_path) as chip:
        watch = await SerialWire.open(chip.port)  # which keeps the port from hanging up
        await watch.aclose()
        await upload(firmware, UNO, chip.port, uploader="arduino-cli", progress=quiet)
        assert await blinks(chip)


async def blinks(chip: EmulatedBoard) -> bool:
    before = chip.toggles("13")
    for _ in range(150):
        if chip.toggles("13") > before + 2:
            return True
        await asyncio.sleep(0.02)
    return False


HEX = Firmware("uno", "avr-gcc", "program.hex", {"program.hex": b":00000001FF\n"}, "0" * 32, 0, 0)


async def upload_failure(port: str, cancel: asyncio.Event | None = None, board: Board = UNO) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await upload(HEX, board, port, uploader="arduino-cli", progress=quiet, cancel=cancel)
    return caught.value


@pytest.mark.parametrize(
    ("code", "message", "said", "hint"),
    [
        (1, "Failed uploading: uploading error: exit status 1", "exit status 1", "right port"),
        (11, "A programmer is required to upload", "only through a programmer", "another uploader"),
        (5, "Unable to connect", "lacks what it needs", "core install"),
    ],
)
async def test_each_failure_of_an_upload_has_its_remedy(
    tools: Path, tmp_path: Path, code: int, message: str, said: str, hint: str
) -> None:
    arduino_cli_double.install(tools, says={"upload": [code, message]})
    with EmulatedBoard("uno", tmp_path) as chip:
        failure = await upload_failure(chip.port)
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert said in failure.message
    assert hint in failure.hint


async def test_an_upload_that_is_cancelled_ends_arduino_cli(tools: Path, tmp_path: Path) -> None:
    script(
        tools,
        f'[ "$1" = version ] && echo \'{{"VersionString":"1"}}\' && exit; echo $$ > {tmp_path}/pid; exec sleep 60',
    )
    with EmulatedBoard("uno", tmp_path) as chip:
        cancel = asyncio.Event()
        task = asyncio.ensure_future(upload_failure(chip.port, cancel))
        for _ in range(500):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            await asyncio.sleep(0.02)
        cancel.set()
        failure = await task
    assert failure.kind is Kind.CANCELLED
    assert "not known" in failure.message
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_port_in_the_network_is_not_for_arduino_cli(tools: Path) -> None:
    arduino_cli_double.install(tools)
    assert "only to serial ports of this computer" in (await upload_failure("rfc2217://127.0.0.1:2217")).message


def test_users_read_how_far_arduino_cli_was_tried(tools: Path) -> None:
    arduino_cli_double.install(tools)
    toolchain = next(row for row in toolchains_for(UNO) if row.name == "arduino-cli")
    uploader = next(row for row in uploaders_for(UNO) if row.name == "arduino-cli")
    assert toolchain.available
    assert uploader.available
    for tried in (toolchain.tried, uploader.tried):
        assert "arduino-cli itself was not run" in tried


# -- the answers -------------------------------------------------------------------------------------------------------

PORT = {
    "address": "/dev/ttyACM0",
    "label": "/dev/ttyACM0",
    "protocol": "serial",
    "properties": {"vid": "0x2341", "pid": "0x0043"},
}


def test_cores_are_read_in_each_shape() -> None:
    new = {
        "platforms": [
            {"id": "arduino:avr", "installed_version": "1.8.6"},
            {"id": "esp32:esp32", "installed_version": ""},
        ]
    }
    old = [{"id": "arduino:avr", "installed": "1.8.6"}, {"id": "esp32:esp32", "latest": "3.0.0"}]
    for answer in (new, old):
        assert arduino_cli_answers.cores_of(json.dumps(answer)) == {"arduino:avr": "1.8.6"}


def test_a_compilations_answer_is_read_with_everything_or_nothing_in_it() -> None:
    answer = {
        "compiler_err": "main.st:7:3: error: no\n",
        "builder_result": {
            "executable_sections_size": [
                {"name": "text", "size": 924, "max_size": 32256},
                {"name": "data", "size": 9, "max_size": 2048},
            ],
            "build_properties": ["runtime.platform.path=/cores/esp32", "nothing"],
            "diagnostics": [
                {"severity": "ERROR", "message": "no", "file": "main.st", "line": 7, "column": 3},
                {"severity": "WARNING", "message": "perhaps", "file": "main.st", "line": 8},
            ],
        },
        "success": True,
    }
    read = arduino_cli_answers.compiled_of(json.dumps(answer), "")
    assert read.success
    assert read.log == ("main.st:7:3: error: no", "main.st:8: warning: perhaps")
    assert (read.usage, read.limits) == (Usage(924, 9), Usage(32256, 2048))
    assert read.properties == {"runtime.platform.path": "/cores/esp32"}
    empty = arduino_cli_answers.compiled_of("", "")
    assert (empty.success, empty.usage, empty.log, empty.error) == (False, None, (), "")


def test_an_uploads_new_port_is_read() -> None:
    assert arduino_cli_answers.upload_port_of(json.dumps({"updated_upload_port": PORT})) == "/dev/ttyACM0"
    assert arduino_cli_answers.upload_port_of(json.dumps({"stdout": "", "stderr": ""})) is None


@pytest.mark.parametrize(
    "port",
    [
        {"address": "192.168.1.5", "protocol": "network"},
        {"address": "socket://192.168.1.5:23"},
        {"address": "/dev/ttyACM0\x1b[2J"},
        {"address": "x" * 300},
        {"address": ["/dev/ttyACM0"]},
        "text",
    ],
)
def test_an_uploads_new_port_is_one_of_this_computers_or_none(port: object) -> None:
    assert arduino_cli_answers.upload_port_of(json.dumps({"updated_upload_port": port})) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "3",
        '"text"',
        "[]",
        "{}",
        "[[[[",
        '{"platforms": 3, "detected_ports": {}}',
        '[{"port": []}]',
        "[" * 100_000,
    ],
)
def test_nothing_that_comes_instead_of_an_answer_is_a_surprise(text: str) -> None:
    answers = arduino_cli_answers
    assert (answers.version_of(text), answers.cores_of(text)) == (None, {})
    assert answers.upload_port_of(text) is None
    assert not answers.compiled_of(text, text).success
    assert answers.fatal_of(text).error == ""
