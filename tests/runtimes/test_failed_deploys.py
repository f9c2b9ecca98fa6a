"""What a machine does after a deploy that did not go through, on every line of runtimes: the table of docs/failed-deploys.md."""

from __future__ import annotations

import asyncio

import pytest

from rung.codegen.artefact import Artefact
from rung.runtimes import deploy as deploy_module
from rung.runtimes.capabilities import Capabilities, Line
from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.deployed import DeployedPrograms
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import Compilation, LogEntry, PlcState
from runtimes.paper_machine import PaperConnection, PaperMachine, deploy_to, program_for
from runtimes.scripted_device import MD5, OTHER_MD5

V3 = (Line.V3, Line.V3_WEB)
EVERY_LINE = (Line.V4_1, Line.V4_0, *V3)
FAILED = Compilation("FAILED", ("Build failed",), 1)
SILENT = RuntimeFailure(Kind.TIMEOUT, "It did not answer in time.", "Try again.")
REFUSED = RuntimeFailure(Kind.REFUSED, "10.0.0.7 refuses connections to Modbus TCP port 502.", "Switch Modbus on.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy_module, "_COMES_TO_REST", 0.2)
    monkeypatch.setattr(deploy_module, "_STARTS_ITSELF", 0.4)


def failure_of(report: DeployReport, kind: Kind, stage: str) -> RuntimeFailure:
    assert report.error is not None
    assert (report.ok, report.error.kind, report.stage, report.verified) == (False, kind, stage, False)
    assert report.error.message.endswith(".")
    assert report.error.hint.endswith(".")
    return report.error


# -- it works ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", EVERY_LINE)
async def test_a_deploy_ends_running_and_verified(line: Line) -> None:
    machine = PaperMachine(line)
    machine.after_upload = [PlcState.STOPPED, PlcState.RUNNING] if line is Line.V4_0 else [PlcState.STOPPED]
    report = await deploy_to(machine)
    assert (report.ok, report.stage, report.plc, report.verified, report.md5, report.note) == (
        True,
        "verify",
        "RUNNING",
        True,
        MD5,
        None,
    )
    assert machine.uploads == [b"PROGRAM"]


async def test_v4_0_is_never_started_twice() -> None:
    machine = PaperMachine(Line.V4_0)
    machine.after_upload = [PlcState.STOPPED, PlcState.STOPPED, PlcState.RUNNING]
    assert (await deploy_to(machine)).verified
    assert "start" not in machine.done


async def test_v4_0_gets_no_debug_command_while_it_stands() -> None:
    machine = PaperMachine(Line.V4_0)
    machine.after_upload = [PlcState.RUNNING]
    await deploy_to(machine)
    assert machine.done == ["upload", "md5"]


async def test_the_program_is_built_for_the_machine_that_is_there() -> None:
    machine = PaperMachine(Line.V3)
    asked: list[Capabilities] = []

    def build(capabilities: Capabilities) -> Artefact:
        asked.append(capabilities)
        return program_for(machine)

    async def yes(question: str) -> bool:
        return True

    steps: list[Progress] = []
    report = await deploy(PaperConnection(machine), build, confirm=yes, progress=steps.append, poll=0.01, settle=0.01)
    assert report.verified
    assert asked == [machine.capabilities]
    assert asked[0].target == "openplc-v3"


async def test_a_program_that_cannot_be_built_for_the_machine_ends_before_anything_is_sent() -> None:
    machine = PaperMachine(Line.V3)

    def build(capabilities: Capabilities) -> Artefact:
        raise RuntimeFailure(Kind.PROGRAM, "WSTRING cannot be built for openplc-v3.", "Use STRING.")

    async def yes(question: str) -> bool:
        return True

    report = await deploy(PaperConnection(machine), build, confirm=yes, progress=lambda step: None)
    failure_of(report, Kind.PROGRAM, "build")
    assert machine.done == []


# -- the safety question -------------------------------------------------------------------------------------------


async def test_one_question_names_the_running_machine_and_the_other_users_program() -> None:
    machine = PaperMachine(Line.V4_1)
    machine.states = [PlcState.RUNNING]
    machine.after_upload = [PlcState.STOPPED]
    machine.loaded = [OTHER_MD5, MD5]
    asked: list[str] = []
    assert (await deploy_to(machine, asked=asked)).ok
    assert len(asked) == 1
    assert "is running a program" in asked[0]
    assert OTHER_MD5[:8] in asked[0]
    assert "somebody else's" in asked[0]


@pytest.mark.parametrize("state", [PlcState.ERROR, PlcState.STOPPED])
async def test_another_users_program_is_asked_about_also_while_the_machine_stands(state: PlcState) -> None:
    machine = PaperMachine(Line.V4_1)
    machine.states = [state]
    machine.loaded = [OTHER_MD5]
    asked: list[str] = []
    report = await deploy_to(machine, yes=False, asked=asked)
    failure_of(report, Kind.CANCELLED, "login")
    assert "somebody else's" in asked[0]
    assert "stops the machine" not in asked[0]
    assert machine.uploads == []


async def test_the_program_that_this_workspace_sent_last_is_replaced_without_a_word_about_others() -> None:
    machine = PaperMachine(Line.V4_1)
    DeployedPrograms().remember(machine.address, "plant", OTHER_MD5)
    machine.states = [PlcState.RUNNING]
    machine.loaded = [OTHER_MD5, MD5]
    asked: list[str] = []
    await deploy_to(machine, asked=asked)
    assert "somebody else's" not in asked[0]
    machine.loaded = [OTHER_MD5, MD5]
    await deploy_to(machine, asked=asked, workspace="another")
    assert "somebody else's" in asked[1]


async def test_what_was_sent_is_remembered_for_the_next_time() -> None:
    machine = PaperMachine(Line.V4_1)
    await deploy_to(machine)
    assert DeployedPrograms().last(machine.address, "plant") == MD5
    assert DeployedPrograms().last(machine.address, "another") is None


# -- before and during the upload ----------------------------------------------------------------------------------


async def test_v4_0_cannot_be_loaded_without_a_start_and_nothing_is_sent() -> None:
    machine = PaperMachine(Line.V4_0)
    failure = failure_of(await deploy_to(machine, start=False), Kind.PROGRAM, "connect")
    assert "starts every program as soon as it has compiled it" in failure.message
    assert machine.done == []


@pytest.mark.parametrize("line", EVERY_LINE)
async def test_an_incomplete_upload_leaves_the_old_program(line: Line) -> None:
    machine = PaperMachine(line)
    machine.upload_failure = SILENT
    failure = failure_of(await deploy_to(machine), Kind.TIMEOUT, "upload")
    assert "keeps its old program" in failure.message


# -- the compile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line.V4_1, "erased the program it had before"),
        (Line.V4_0, "erased the program it had before"),
        (Line.V3, "a start would run that one"),
        (Line.V3_WEB, "a start would run that one"),
    ],
)
async def test_a_failed_compile_says_what_the_machine_has_now_and_starts_nothing(line: Line, words: str) -> None:
    machine = PaperMachine(line)
    machine.compilations = [FAILED]
    report = await deploy_to(machine)
    assert words in failure_of(report, Kind.COMPILE_FAILED, "compile").message
    assert report.plc == "STOPPED"
    assert "start" not in machine.done
    assert DeployedPrograms().last(machine.address, "plant") is None


async def test_the_state_after_a_failed_compile_is_that_after_the_device_has_stopped_its_program() -> None:
    machine = PaperMachine(Line.V4_1)
    machine.states = [PlcState.RUNNING]
    machine.after_upload = [PlcState.RUNNING, PlcState.TRANSITIONING, PlcState.STOPPED]
    machine.compilations = [FAILED]
    report = await deploy_to(machine)
    assert (report.plc, "erased" in failure_of(report, Kind.COMPILE_FAILED, "compile").message) == ("STOPPED", True)


async def test_an_old_build_that_v4_0_starts_after_a_failed_compile_is_told() -> None:
    machine = PaperMachine(Line.V4_0)
    machine.after_upload = [PlcState.RUNNING]
    machine.compilations = [FAILED]
    report = await deploy_to(machine)
    failure = failure_of(report, Kind.COMPILE_FAILED, "compile")
    assert "not this program but an older one" in failure.message
    assert "rung stop" in failure.hint
    assert report.plc == "RUNNING"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line.V4_1, "it may still have its old program, be stopped with the new one, or have none"),
        (Line.V4_0, "run the new one, which it starts by itself, or be stopped without any"),
        (Line.V3, "the machine stands, and has the new program, or still the old one"),
    ],
)
async def test_a_machine_that_falls_silent_in_its_compile_may_have_what_its_line_may_have(
    line: Line, words: str
) -> None:
    machine = PaperMachine(line)
    machine.compilations = [SILENT]
    assert words in failure_of(await deploy_to(machine), Kind.TIMEOUT, "compile").message


@pytest.mark.parametrize("line", EVERY_LINE)
async def test_a_runtime_that_was_restarted_while_it_compiled_has_no_verdict(line: Line) -> None:
    machine = PaperMachine(line)
    machine.compilations = [Compilation("COMPILING", (), None), Compilation("IDLE", (), None)]
    assert "restarted" in failure_of(await deploy_to(machine), Kind.COMPILE_FAILED, "compile").message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line.V4_1, "has the new program, or none if the compile fails. It is not started"),
        (Line.V4_0, "the device starts the new program by itself"),
        (Line.V3, "the machine stands and is not started"),
    ],
)
async def test_a_cancelled_compile_cannot_be_recalled(line: Line, words: str) -> None:
    machine = PaperMachine(line)
    machine.compilations = [Compilation("COMPILING", (), None)]
    steps: list[Progress] = []
    task = asyncio.create_task(deploy_to(machine, steps=steps))
    await asyncio.sleep(0.2)
    assert steps[-1].stage == "compile"
    task.cancel()
    failure = failure_of(await task, Kind.CANCELLED, "compile")
    assert words in failure.message
    assert "At this moment the program is stopped" in failure.message


async def test_an_error_in_the_text_for_v3_stands_on_the_users_line() -> None:
    machine = PaperMachine(Line.V3)
    log = (
        "Generating C files...",
        "./st_files/webserver_program.st:3-5..3-11: error: invalid located variable declaration.",
        "./st_files/webserver_program.st:4-3..4-3: error: invalid variable before ':=' in ST assignment statement.",
        "",
        "2 error(s) found. Bailing out!",
        "Error generating C files",
        "Compilation finished with errors!",
    )
    machine.compilations = [Compilation("FAILED", log, 1)]
    report = await deploy_to(machine, lines=(None, ("/plant/main.st", 1), ("/plant/main.st", 7), ("/plant/main.st", 9)))
    assert report.diagnostics == (
        DeviceDiagnostic("/plant/main.st", 7, None, "error", "invalid located variable declaration."),
        DeviceDiagnostic(
            "/plant/main.st",
            9,
            None,
            "info",
            "Perhaps a consequence of the first error: invalid variable before ':=' in ST assignment statement.",
        ),
    )


# -- start and verification ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "words"), [(Line.V4_1, "It was not started"), (Line.V4_0, "It starts by itself")])
async def test_a_machine_that_falls_silent_after_its_compile_has_the_new_program(line: Line, words: str) -> None:
    machine = PaperMachine(line)
    machine.after_upload = [SILENT]
    failure = failure_of(await deploy_to(machine), Kind.TIMEOUT, "compile")
    assert "The new program is on line3" in failure.message
    assert words in failure.message


async def test_a_mode_switch_on_stop_is_no_failed_download() -> None:
    machine = PaperMachine(Line.V4_1, "v4.1.10")
    machine.start_failure = RuntimeFailure(Kind.START_FAILED, "The mode switch stands on STOP.", "Turn it.")
    report = await deploy_to(machine)
    failure = failure_of(report, Kind.START_FAILED, "start")
    assert "The download succeeded" in failure.message
    assert report.plc == "STOPPED"
    assert DeployedPrograms().last(machine.address, "plant") == MD5


@pytest.mark.parametrize(
    ("states", "kind"), [([PlcState.STOPPED], Kind.START_FAILED), ([PlcState.ERROR], Kind.CRASHED)]
)
async def test_v4_0_that_does_not_start_the_program_by_itself_is_told(states: list[PlcState], kind: Kind) -> None:
    machine = PaperMachine(Line.V4_0)
    machine.after_upload = list(states)
    report = await deploy_to(machine)
    failure_of(report, kind, "start")
    assert "start" not in machine.done


@pytest.mark.parametrize("line", EVERY_LINE)
async def test_a_program_that_ends_a_moment_after_its_start_has_crashed(line: Line) -> None:
    machine = PaperMachine(line)
    ended = PlcState.STOPPED if line in V3 else PlcState.ERROR
    machine.after_start = [ended]
    machine.after_upload = [PlcState.STOPPED, PlcState.RUNNING, ended] if line is Line.V4_0 else [PlcState.STOPPED]
    report = await deploy_to(machine)
    failure = failure_of(report, Kind.CRASHED, "verify")
    assert ("keeps no reason" in failure.hint) == (line in V3)
    assert report.plc == ended.value


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line.V4_1, "the runtime keeps the old program loaded"),
        (Line.V4_0, "did not exchange it"),
        (Line.V3, "an older process of the runtime may run on"),
    ],
)
async def test_another_program_that_runs_is_never_taken_for_ours(line: Line, words: str) -> None:
    machine = PaperMachine(line)
    machine.loaded = [OTHER_MD5]
    machine.after_upload = [PlcState.RUNNING if line is Line.V4_0 else PlcState.STOPPED]
    report = await deploy_to(machine)
    assert words in failure_of(report, Kind.NOT_OURS, "verify").message
    assert report.md5 == OTHER_MD5


@pytest.mark.parametrize("line", V3)
async def test_v3_without_modbus_runs_and_is_not_called_verified(line: Line) -> None:
    machine = PaperMachine(line)
    machine.loaded = [REFUSED]
    steps: list[Progress] = []
    report = await deploy_to(machine, steps=steps)
    assert (report.ok, report.plc, report.verified, report.md5, report.error) == (True, "RUNNING", False, None, None)
    assert report.note == f"Not verified: {REFUSED.message}"
    assert steps[-1].text == report.note


async def test_v3_that_crashes_while_it_cannot_be_verified_has_crashed() -> None:
    machine = PaperMachine(Line.V3)
    machine.loaded = [REFUSED]
    machine.after_start = [PlcState.STOPPED]
    failure_of(await deploy_to(machine), Kind.CRASHED, "verify")


@pytest.mark.parametrize("line", [Line.V4_1, Line.V4_0])
async def test_v4_that_cannot_be_read_back_is_a_failure(line: Line) -> None:
    machine = PaperMachine(line)
    machine.loaded = [SILENT]
    machine.after_upload = [PlcState.RUNNING if line is Line.V4_0 else PlcState.STOPPED]
    report = await deploy_to(machine)
    assert "could not be read back" in failure_of(report, Kind.TIMEOUT, "verify").message
    assert report.plc == "RUNNING"


# -- it runs, but not all of what was sent works -------------------------------------------------------------------


PORT_TAKEN = LogEntry(2, "", "ERROR", "[MODBUS_SLAVE] Server startup failed: Could not start listen")


async def test_a_plugin_that_failed_is_told_although_the_program_runs() -> None:
    machine = PaperMachine(Line.V4_1)
    machine.logged = [PORT_TAKEN, LogEntry(3, "", "ERROR", "enabled native plugin 's7comm' failed to load symbols")]
    report = await deploy_to(machine, plugins=("modbus_slave", "s7comm"))
    assert (report.ok, report.verified) == (True, True)
    assert report.note == (
        "The program runs, but a plug-in that goes with it does not work. The device's log says: [MODBUS_SLAVE] Server startup failed: "
        "Could not start listen; enabled native plugin 's7comm' failed to load symbols."
    )


async def test_a_plugin_that_is_not_the_programs_is_nobodys_news() -> None:
    machine = PaperMachine(Line.V4_1)
    machine.logged = [PORT_TAKEN]
    assert (await deploy_to(machine, plugins=("opcua",))).note is None
    assert (await deploy_to(machine)).note is None


async def test_settings_that_the_device_did_not_take_are_told() -> None:
    machine = PaperMachine(Line.V4_1, "v4.2.3")
    refused = "[ERROR] Retain: refusing retain.conf from upload: The directory /srv does not exist.\n"
    machine.compilations = [Compilation("SUCCESS", (refused, "done"), 0)]
    report = await deploy_to(machine)
    assert report.verified
    assert report.note == "The machine did not take the settings for Retain: The directory /srv does not exist."


async def test_a_note_never_stands_in_for_a_verification() -> None:
    machine = PaperMachine(Line.V4_1, "v4.2.3")
    machine.compilations = [Compilation("SUCCESS", ("[ERROR] Retain: refusing retain.conf from upload: no.\n",), 0)]
    machine.loaded = [None]
    report = await deploy_to(machine)
    assert failure_of(report, Kind.NOT_OURS, "verify")
