"""Flashing a board, start to finish: real compiler, real bootloader on an emulated chip; and what a user is told when it does not go well."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from boards.board_program import firmware_of
from boards.emulated import EmulatedBoard
from boards.firmware_double import MD5, FirmwareDouble
from boards.small_sketch import SOURCE, sketch, table_leaves
from rung.boards import flash as flashing
from rung.boards.flash import FlashReport, flash
from rung.boards.flashed import FlashedPrograms
from rung.boards.ports import port_at
from rung.boards.progress import FlashProgress
from rung.boards.variables import BoardVariables
from rung.boards.wire import SerialWire
from rung.codegen.artefact import Artefact
from rung.runtimes.errors import Kind
from rung.targets.board import Board, find_board


def board(name: str) -> Board:
    found = find_board(name)
    assert found is not None
    return found


UNO = board("uno")
OTHER = "fedcba9876543210fedcba9876543210"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_CONFIG_DIR", str(tmp_path / "configuration"))


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[EmulatedBoard]:
    with EmulatedBoard("uno", tmp_path) as made:
        yield made


class Session:
    """A user who flashes boards: what was asked and told, and the answers given.

    Args:
        answers: to the questions, yes after the last.
        looks: nobody has told what the board runs, so it is asked, which takes an empty chip's time.
    """

    def __init__(self, *answers: bool, looks: bool = False) -> None:
        self.looks = looks
        self.answers = list(answers)
        self.questions: list[str] = []
        self.steps: list[FlashProgress] = []

    async def confirm(self, question: str, foreign: bool) -> bool:
        self.questions.append(question)
        return self.answers.pop(0) if self.answers else True

    async def flash(self, artefact: Artefact, port: str, board: Board = UNO, **options: str | None) -> FlashReport:
        return await flash(
            artefact,
            board,
            port,
            toolchain=options.get("toolchain"),
            uploader=options.get("uploader"),
            running=options.get("running", None if self.looks else artefact.md5),
            confirm=self.confirm,
            progress=self.steps.append,
        )


# -- the main road -----------------------------------------------------------------------------------------------------


async def test_a_program_is_compiled_uploaded_and_read_back(
    chip: EmulatedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flashing, "_LOOK", 1.0)  # the chip is empty and would be asked for three times as long
    user, artefact = Session(looks=True), sketch()
    report = await user.flash(artefact, chip.port)
    assert report == FlashReport(
        True,
        "verify",
        "uno",
        chip.port,
        True,
        artefact.md5,
        report.flash_bytes,
        report.ram_bytes,
        "avr-gcc",
        "stk500v1",
        None,
    )
    assert 200 < report.flash_bytes < 1500
    assert [question.startswith("While Arduino Uno on ") for question in user.questions] == [True]
    stages = list(dict.fromkeys(step.stage for step in user.steps))
    assert stages == ["compile", "upload", "verify"]
    assert user.steps[-1].text.endswith(f"runs this program (MD5 {artefact.md5[:8]}..).")


async def test_one_s_own_program_is_replaced_without_another_question(chip: EmulatedBoard) -> None:
    user = Session(looks=True)
    assert (await Session().flash(sketch(), chip.port)).ok
    assert (await user.flash(sketch(table=44), chip.port)).ok
    assert len(user.questions) == 1


async def test_somebody_elses_program_is_named_before_it_is_replaced(tmp_path: Path) -> None:
    theirs = await firmware_of(sketch())
    with EmulatedBoard("uno", tmp_path, firmware=theirs.files["program.hex"]) as chip:
        await _is_named(chip)


async def _is_named(chip: EmulatedBoard) -> None:
    user = Session(True, False, looks=True)
    report = await user.flash(sketch(table=44), chip.port)
    assert not report.ok
    assert report.error is not None
    assert report.error.kind is Kind.CANCELLED
    assert "it keeps its program" in report.error.message
    assert f"MD5 {sketch().md5[:8]}.." in user.questions[1]
    assert "was not put there from this computer" in user.questions[1]
    assert await md5_at(chip.port) == sketch().md5


async def md5_at(port: str) -> str | None:
    wire = await SerialWire.open(port)
    try:
        return await BoardVariables(wire).md5()
    finally:
        await wire.aclose()


async def test_no_leaves_the_board_as_it_was(chip: EmulatedBoard) -> None:
    before = chip.resets
    report = await Session(False).flash(sketch(), chip.port)
    assert (report.ok, report.stage, report.md5) == (False, "compile", None)
    assert chip.resets == before


async def test_what_a_connection_has_told_of_the_board_is_part_of_the_one_question(chip: EmulatedBoard) -> None:
    user = Session(False)
    await user.flash(sketch(), chip.port, running=OTHER)
    assert len(user.questions) == 1
    assert OTHER[:8] in user.questions[0]
    assert "outputs go off" in user.questions[0]


async def test_a_board_that_does_not_restart_is_looked_at_before_the_question() -> None:
    calm = dataclasses.replace(UNO, resets_on_open=False)
    with FirmwareDouble(b"\x01") as double:
        user = Session(False, looks=True)
        await user.flash(sketch(), double.port, calm)
        assert MD5[:8] in user.questions[0]
        FlashedPrograms().remember(port_at(double.port).identity, MD5)
        user = Session(False, looks=True)
        await user.flash(sketch(), double.port, calm)
        assert MD5[:8] not in user.questions[0]


# -- what can go wrong -------------------------------------------------------------------------------------------------


async def test_a_port_that_is_not_there_is_told_before_anything_is_compiled(tmp_path: Path) -> None:
    user = Session()
    report = await user.flash(sketch(), str(tmp_path / "ttyACM0"))
    assert report.error is not None
    assert report.error.kind is Kind.DNS
    assert (report.stage, user.questions, user.steps) == ("build", [], [])


async def test_a_program_that_does_not_fit_never_reaches_the_board(chip: EmulatedBoard) -> None:
    user = Session()
    report = await user.flash(sketch(table=1900, leaves=table_leaves(1900)), chip.port)
    assert report.error is not None
    assert report.error.kind is Kind.COMPILE_FAILED
    assert "MAIN.TABLE 1900" in report.error.message
    assert (report.stage, user.questions) == ("compile", [])


async def test_a_compilers_errors_are_in_the_report(chip: EmulatedBoard) -> None:
    report = await Session().flash(sketch(statement="main_instance.nothing = 1;"), chip.port)
    assert [(item.file, item.line) for item in report.diagnostics if item.severity == "error"] == [(SOURCE, 7)]


async def test_a_board_that_answers_with_another_program_is_not_verified(
    chip: EmulatedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flashing, "_ENDS", 0.2)
    report = await Session().flash(sketch(answers=OTHER), chip.port)
    assert (report.ok, report.verified, report.stage, report.md5) == (False, False, "verify", OTHER)
    assert report.error is not None
    assert report.error.kind is Kind.NOT_OURS


async def test_a_board_that_does_not_answer_is_not_verified(
    chip: EmulatedBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flashing, "_STARTS", 1.5)
    mute = sketch(program="int main() { for (;;) {} }\n")
    report = await Session().flash(mute, chip.port)
    assert (report.ok, report.verified, report.stage, report.md5) == (False, False, "verify", None)
    assert report.error is not None
    assert report.error.kind is Kind.TIMEOUT
    assert report.error.message.startswith("The program was written to Arduino Uno on ")


async def test_a_failed_upload_says_what_the_board_is_left_with(chip: EmulatedBoard) -> None:
    async def pull_the_cable(question: str, foreign: bool) -> bool:
        chip.unplug()
        return True

    report = await flash(sketch(), UNO, chip.port, running=OTHER, confirm=pull_the_cable, progress=lambda step: None)
    assert (report.ok, report.stage, report.uploader) == (False, "upload", "stk500v1")
    assert report.error is not None
    assert report.error.kind is Kind.DNS
    assert not FlashedPrograms().sent(port_at(chip.port).identity, sketch().md5)


async def cancelled_when(
    start: Callable[[Callable[[FlashProgress], None]], Awaitable[FlashReport]], stage: str, fraction: float
) -> FlashReport:
    """The report of a flash whose task is cancelled, twice, as soon as it has come so far."""

    def on_step(step: FlashProgress) -> None:
        if step.stage == stage and (step.fraction or 0.0) >= fraction:
            task.cancel()
            task.cancel()

    task = asyncio.ensure_future(start(on_step))
    return await task


@pytest.mark.parametrize(
    ("stage", "fraction", "said"),
    [
        ("compile", 0.0, "it keeps its program"),
        ("upload", 0.3, "bootloader is still there"),
        ("verify", 0.0, "not verified|before it was verified"),
    ],
)
async def test_a_cancellation_ends_with_a_report_of_what_is_true(
    chip: EmulatedBoard, stage: str, fraction: float, said: str
) -> None:
    user, artefact = Session(), sketch(table=100)
    report = await cancelled_when(
        lambda on_step: flash(artefact, UNO, chip.port, running=OTHER, confirm=user.confirm, progress=on_step),
        stage,
        fraction,
    )
    assert report.error is not None
    assert (report.ok, report.stage, report.error.kind) == (False, stage, Kind.CANCELLED)
    assert any(part in report.error.message for part in said.split("|"))
    if stage == "upload":
        assert (await user.flash(artefact, chip.port)).verified  # the next one goes through


# -- the memory of what was sent ---------------------------------------------------------------------------------------


def test_what_was_put_on_a_board_is_remembered_for_that_board(tmp_path: Path) -> None:
    memory = FlashedPrograms()
    assert not memory.sent("/dev/ttyACM0", MD5)
    memory.remember("/dev/ttyACM0", MD5)
    memory.remember("/dev/ttyACM0", OTHER)
    assert memory.sent("/dev/ttyACM0", MD5)
    assert memory.sent("/dev/ttyACM0", OTHER)
    assert not memory.sent("/dev/ttyACM1", MD5)
    if os.name == "posix":
        assert stat.S_IMODE(memory.path.stat().st_mode) == 0o600


def test_the_memory_does_not_grow_for_ever() -> None:
    memory = FlashedPrograms()
    for number in range(60):
        memory.remember("board", f"{number:032x}")
    assert not memory.sent("board", f"{9:032x}")
    assert memory.sent("board", f"{10:032x}")
    boards = json.loads(memory.path.read_text())["boards"]
    assert len(boards["board"]) == 50


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"boards": 3}', '{"boards": {"b": "text"}}', '{"boards": {"b": [3, "no md5"]}}']
)
def test_a_damaged_file_is_a_memory_of_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "flashed.json"
    path.write_text(content)
    memory = FlashedPrograms(path)
    assert not memory.sent("b", MD5)
    memory.remember("b", MD5)
    assert memory.sent("b", MD5)
