"""From a built program to a machine that provably runs it, and what is told on every way on which it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from rung.codegen.artefact import Artefact
from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.connection import Connection
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.errors import Kind
from runtimes.scripted_device import MD5, OTHER_MD5, PASSWORD

if TYPE_CHECKING:
    from runtimes.scripted_device import ScriptedDevice

PROGRAM = Artefact("openplc-v4", "program.zip", b"PK" * 30_000, MD5, (), {"main.st": "/plant/main.st"})


@pytest.fixture
async def connected(device: ScriptedDevice, connection: Connection) -> Connection:
    assert (await connection.connect("admin", PASSWORD)).state == "connected"
    return connection


class Deploy:
    """One deploy, with all that it told."""

    def __init__(self, *, yes: bool = True) -> None:
        self.yes = yes
        self.asked: list[str] = []
        self.steps: list[Progress] = []

    async def _confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.yes

    async def run(
        self,
        connection: Connection,
        artefact: Artefact = PROGRAM,
        *,
        start: bool = True,
        precheck: Callable[[Artefact], Awaitable[str]] | None = None,
    ) -> DeployReport:
        return await deploy(
            connection,
            artefact,
            start=start,
            confirm=self._confirm,
            precheck=precheck,
            progress=self.steps.append,
            poll=0.02,
            settle=0.05,
        )

    async def reached(self, stage: str) -> None:
        for _ in range(500):
            if stage in self.stages:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{stage} was not reached: {self.stages}")

    @property
    def stages(self) -> list[str]:
        return list(dict.fromkeys(step.stage for step in self.steps))


def log_entry(number: int, message: str) -> dict[str, object]:
    return {"id": number, "level": "ERROR", "message": message, "timestamp": "2026-11-22T05:43:30+0000"}


def kind_of(report: DeployReport) -> Kind:
    assert report.error is not None
    assert not report.ok
    assert report.error.message.endswith(".")
    assert report.error.hint.endswith(".")
    return report.error.kind


# -- it works ------------------------------------------------------------------------------------------------------


async def test_a_deploy_ends_running_and_verified(device: ScriptedDevice, connected: Connection) -> None:
    job = Deploy()
    report = await job.run(connected)
    assert report == DeployReport(True, "verify", "RUNNING", True, MD5, None, ())
    assert job.stages == ["connect", "login", "upload", "compile", "start", "verify"]
    assert job.asked == []
    assert device.uploads == [PROGRAM.data]
    assert [step.log_line for step in job.steps if step.log_line] == [
        "[INFO] Starting compilation",
        "[INFO] Build finished successfully",
    ]
    uploaded = [step.fraction for step in job.steps if step.stage == "upload" and step.fraction is not None]
    assert uploaded == sorted(uploaded)
    assert uploaded[-1] == 1.0
    assert connected.plc == "RUNNING"


async def test_without_start_the_machine_stands_with_the_new_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    report = await Deploy().run(connected, start=False)
    assert (report.ok, report.stage, report.plc, report.verified) == (True, "compile", "STOPPED", False)
    assert "GET start-plc" not in device.requests


async def test_a_running_machine_is_stopped_only_after_a_yes(device: ScriptedDevice, connected: Connection) -> None:
    device.plc = "STATUS:RUNNING"
    job = Deploy()
    assert (await job.run(connected)).ok
    assert len(job.asked) == 1
    assert "line3" in job.asked[0]
    assert "stops the machine" in job.asked[0]


@pytest.mark.parametrize("state", ["STATUS:RUNNING", "STATUS:TRANSITIONING", "No response from runtime"])
async def test_after_a_no_nothing_was_sent(device: ScriptedDevice, connected: Connection, state: str) -> None:
    device.plc = state
    report = await Deploy(yes=False).run(connected)
    assert kind_of(report) is Kind.CANCELLED
    assert device.uploads == []


async def test_warnings_of_the_devices_compiler_are_no_failure(device: ScriptedDevice, connected: Connection) -> None:
    device.compile_log = ["[INFO] Starting\n", "[ERROR] main.st:3:1: warning: unused variable 'x'\n"]
    report = await Deploy().run(connected)
    assert report.ok
    assert report.diagnostics == (DeviceDiagnostic("/plant/main.st", 3, None, "warning", "unused variable 'x'"),)


async def test_a_token_that_expires_during_the_compile_is_renewed_unnoticed(
    device: ScriptedDevice, connected: Connection
) -> None:
    async def expire(request: web.Request) -> web.StreamResponse:
        device.expire_tokens()
        return device.json({"status": "COMPILING", "logs": ["[INFO] Starting compilation\n"], "exit_code": None})

    device.script("compilation-status", expire, expire)
    assert (await Deploy().run(connected)).ok


# -- before anything was sent --------------------------------------------------------------------------------------


async def test_without_a_connection_nothing_is_done(device: ScriptedDevice, connection: Connection) -> None:
    assert kind_of(await Deploy().run(connection)) is Kind.LOST
    assert device.requests == []


async def test_a_program_of_another_form_is_not_sent(device: ScriptedDevice, connected: Connection) -> None:
    report = await Deploy().run(connected, Artefact("openplc-v3", "p.st", b"x", MD5))
    assert kind_of(report) is Kind.PROGRAM
    assert report.error is not None
    assert "v4.1.4" in report.error.message
    assert device.uploads == []


async def test_code_that_does_not_compile_here_is_not_sent(device: ScriptedDevice, connected: Connection) -> None:
    async def precheck(artefact: Artefact) -> str:
        return "main.st:7:3: error: no match for 'operator+'\n"

    device.plc = "STATUS:RUNNING"
    job = Deploy()
    report = await job.run(connected, precheck=precheck)
    assert (kind_of(report), report.stage) == (Kind.COMPILE_FAILED, "connect")
    assert [d.line for d in report.diagnostics] == [7]
    assert (device.uploads, job.asked, device.plc) == ([], [], "STATUS:RUNNING")


async def test_code_that_compiles_here_goes_on(connected: Connection) -> None:
    async def precheck(artefact: Artefact) -> str:
        assert artefact is PROGRAM
        return ""

    assert (await Deploy().run(connected, precheck=precheck)).ok


# -- upload --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Runtime is compiling another program, please wait", Kind.BUSY),
        ("Uploaded ZIP file failed safety checks", Kind.UPLOAD_REFUSED),
    ],
)
async def test_a_refused_upload_ends_there(
    device: ScriptedDevice, connected: Connection, reason: str, kind: Kind
) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        await request.read()
        device.log.append(log_entry(1, "Disallowed extension: x.js"))
        return device.json({"CompilationStatus": "FAILED", "UploadFileFail": reason})

    device.script("upload-file", refuse)
    report = await Deploy().run(connected)
    assert (kind_of(report), report.stage) == (kind, "upload")
    assert report.error is not None
    assert ("Disallowed extension: x.js" in report.error.message) == (kind is Kind.UPLOAD_REFUSED)
    assert "GET start-plc" not in device.requests


async def test_a_device_that_dies_during_the_upload_keeps_its_old_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    async def die(request: web.Request) -> web.StreamResponse:
        await request.content.read(1000)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    device.script("upload-file", die)
    large = Artefact("openplc-v4", "program.zip", bytes(40_000_000), MD5)
    report = await Deploy().run(connected, large)
    assert (kind_of(report), report.stage) == (Kind.LOST, "upload")
    assert report.error is not None
    assert "keeps its old program" in report.error.message


async def test_a_device_that_dies_after_the_upload_is_not_known(device: ScriptedDevice, connected: Connection) -> None:
    async def die(request: web.Request) -> web.StreamResponse:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    device.script("upload-file", die)
    report = await Deploy().run(connected)
    assert kind_of(report) is Kind.LOST
    assert report.error is not None
    assert "is not known" in report.error.message


# -- compile -------------------------------------------------------------------------------------------------------


async def test_a_failed_compile_says_what_it_did_to_the_machine_and_where_the_error_is(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.compile_ok = False
    device.compile_log = ["[INFO] Starting compilation\n", "[ERROR] main.st:12:9: error: 'X' was not declared\n"]
    report = await Deploy().run(connected)
    assert (kind_of(report), report.stage, report.plc) == (Kind.COMPILE_FAILED, "compile", "STOPPED")
    assert report.diagnostics == (DeviceDiagnostic("/plant/main.st", 12, None, "error", "'X' was not declared"),)
    assert report.error is not None
    assert "erased" in report.error.message
    assert "GET start-plc" not in device.requests


async def test_a_device_that_refuses_connections_while_it_compiles_is_waited_for(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.script("compilation-status", *[device.text("busy", status=502) for _ in range(9)])
    assert (await Deploy().run(connected)).ok


async def test_a_device_that_dies_while_it_compiles_may_have_any_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.plc = "STATUS:RUNNING"

    async def die(request: web.Request) -> web.StreamResponse:
        device.script("status", device.text("dead", status=502), forever=True)
        return device.text("dead", status=502)

    device.script("compilation-status", die, device.text("dead", status=502), forever=True)
    report = await Deploy().run(connected)
    assert (kind_of(report), report.stage, report.plc) == (Kind.NOT_OPENPLC, "compile", None)
    assert report.error is not None
    assert "it may still have its old program, be stopped with the new one, or have none" in report.error.message


async def test_a_failed_compile_is_told_even_when_the_device_falls_silent_after_it(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.compile_ok = False
    job = Deploy()
    original = device.script

    async def verdict(request: web.Request) -> web.StreamResponse:
        original("status", device.text("dead", status=502), forever=True)
        return device.json({"status": "FAILED", "logs": ["main.st:1:1: error: no\n"], "exit_code": 1})

    device.script("compilation-status", verdict, verdict)
    report = await job.run(connected)
    assert (kind_of(report), report.plc) == (Kind.COMPILE_FAILED, None)
    assert len(report.diagnostics) == 1


async def test_a_device_that_dies_at_the_start_may_run_the_new_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.script("start-plc", device.text("dead", status=502))
    report = await Deploy().run(connected)
    assert (kind_of(report), report.stage, report.plc) == (Kind.NOT_OPENPLC, "start", None)
    assert report.error is not None
    assert "Whether the new program runs is not known" in report.error.message


async def test_a_machine_that_does_not_say_whether_it_runs_is_not_called_running(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.plc = "No response from runtime"
    job = Deploy(yes=False)
    report = await job.run(connected)
    assert "may be running a program" in job.asked[0]
    assert report.error is not None
    assert "runs on" not in report.error.message


# -- start and verify ----------------------------------------------------------------------------------------------


async def test_a_program_that_cannot_be_loaded_did_not_start(device: ScriptedDevice, connected: Connection) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        device.plc = "STATUS:EMPTY"
        device.log.append(log_entry(2, "undefined symbol: f"))
        return device.json({"status": "START:OK"})

    device.log = [log_entry(1, "an old trouble")]
    device.script("start-plc", fail)
    report = await Deploy().run(connected)
    assert (kind_of(report), report.stage, report.plc) == (Kind.START_FAILED, "start", "EMPTY")
    assert report.error is not None
    assert "undefined symbol: f" in report.error.message
    assert "an old trouble" not in report.error.message


async def test_a_program_that_crashes_at_once_has_crashed(device: ScriptedDevice, connected: Connection) -> None:
    device.after_start = "STATUS:ERROR"
    report = await Deploy().run(connected)
    assert (kind_of(report), report.plc, report.verified) == (Kind.CRASHED, "ERROR", False)


async def test_the_old_program_that_crashes_again_is_told_as_the_old_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.after_start = "STATUS:ERROR"
    device.loaded = OTHER_MD5
    report = await Deploy().run(connected)
    assert (kind_of(report), report.md5) == (Kind.NOT_OURS, OTHER_MD5)
    assert report.error is not None
    assert "Restart the runtime service" in report.error.hint


async def test_a_program_that_crashes_a_moment_after_the_start_has_crashed(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.crash_after_md5 = True
    report = await Deploy().run(connected)
    assert (kind_of(report), report.verified) == (Kind.CRASHED, False)


@pytest.mark.parametrize("loaded", [OTHER_MD5, None])
async def test_another_program_that_runs_is_never_taken_for_ours(
    device: ScriptedDevice, connected: Connection, loaded: str | None
) -> None:
    device.loaded = loaded
    report = await Deploy().run(connected)
    assert (kind_of(report), report.verified, report.md5, report.stage) == (Kind.NOT_OURS, False, loaded, "verify")


async def test_a_program_that_cannot_be_read_back_is_not_verified(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.debug_answers["45 DE AD 00 00"] = {"success": False, "error": "Runtime not connected"}
    report = await Deploy().run(connected)
    assert (kind_of(report), report.verified, report.plc) == (Kind.LOST, False, "RUNNING")


async def test_a_busy_machine_is_started_when_it_is_ready(device: ScriptedDevice, connected: Connection) -> None:
    device.script("start-plc", *[device.json({"status": "COMMAND:BUSY"}) for _ in range(3)])
    assert (await Deploy().run(connected)).ok


# -- cancelling ----------------------------------------------------------------------------------------------------


async def cancelled_at(device: ScriptedDevice, connection: Connection, path: str) -> DeployReport:
    reached = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        if path == "upload-file":
            await request.read()
        reached.set()
        await asyncio.sleep(30)
        return web.Response()

    device.script(path, hang)
    task = asyncio.create_task(Deploy().run(connection))
    await asyncio.wait_for(reached.wait(), 20)
    device.unscript(path)
    task.cancel()
    return await task


async def test_cancelling_before_the_upload_leaves_everything(device: ScriptedDevice, connected: Connection) -> None:
    waiting = asyncio.Event()

    async def never(question: str) -> bool:
        waiting.set()
        await asyncio.sleep(30)
        return True

    device.plc = "STATUS:RUNNING"
    task = asyncio.create_task(deploy(connected, PROGRAM, confirm=never, progress=lambda step: None))
    await asyncio.wait_for(waiting.wait(), 20)
    task.cancel()
    report = await task
    assert kind_of(report) is Kind.CANCELLED
    assert report.error is not None
    assert "before anything was sent" in report.error.message
    assert "the program runs" in report.error.message
    assert (report.plc, device.uploads) == ("RUNNING", [])


async def test_cancelling_an_incomplete_upload_leaves_the_old_program(
    device: ScriptedDevice, connected: Connection
) -> None:
    device.plc = "STATUS:RUNNING"
    begun = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await request.content.read(1000)
        begun.set()
        await asyncio.sleep(30)
        return web.Response()

    device.script("upload-file", slow)
    large = Artefact("openplc-v4", "program.zip", bytes(40_000_000), MD5)
    task = asyncio.create_task(Deploy().run(connected, large))
    await asyncio.wait_for(begun.wait(), 20)
    task.cancel()
    report = await task
    assert kind_of(report) is Kind.CANCELLED
    assert report.error is not None
    assert "before it was complete" in report.error.message
    assert report.plc == "RUNNING"


@pytest.mark.parametrize("path", ["upload-file", "compilation-status"])
async def test_a_compile_cannot_be_recalled(device: ScriptedDevice, connected: Connection, path: str) -> None:
    report = await cancelled_at(device, connected, path)
    assert kind_of(report) is Kind.CANCELLED
    assert report.error is not None
    assert "cannot be recalled" in report.error.message


async def test_a_second_cancellation_does_not_cost_the_report(device: ScriptedDevice, connected: Connection) -> None:
    compiling, asked = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        compiling.set()
        await asyncio.sleep(30)
        return web.Response()

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.sleep(0.3)
        return device.json({"status": "STATUS:STOPPED"})

    device.script("compilation-status", hang)
    task = asyncio.create_task(Deploy().run(connected))
    await asyncio.wait_for(compiling.wait(), 20)
    device.script("status", slow, forever=True)
    task.cancel()
    await asyncio.wait_for(asked.wait(), 20)
    task.cancel()
    await asyncio.sleep(0.05)
    task.cancel()
    report = await task
    assert (kind_of(report), report.plc) == (Kind.CANCELLED, "STOPPED")


async def test_cancelling_the_start_says_how_the_machine_stands(device: ScriptedDevice, connected: Connection) -> None:
    report = await cancelled_at(device, connected, "start-plc")
    assert (kind_of(report), report.stage, report.plc) == (Kind.CANCELLED, "start", "STOPPED")
    assert report.error is not None
    assert "the program is stopped" in report.error.message


async def test_cancelling_the_verification_says_that_it_is_missing(
    device: ScriptedDevice, connected: Connection
) -> None:
    job = Deploy()
    device.debug_answers["45 DE AD 00 00"] = {"success": False, "error": "No response from runtime"}
    task = asyncio.create_task(job.run(connected))
    await job.reached("verify")
    task.cancel()
    report = await task
    assert (kind_of(report), report.verified, report.plc) == (Kind.CANCELLED, False, "RUNNING")
    assert report.error is not None
    assert "verified" in report.error.message
