"""The HTTP client of Runtime v4 against recorded and unkind answers."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState, TaskTiming, User
from rung.runtimes.v4 import V4Client
from rung.runtimes.v4_session import Session
from rung.runtimes.v4_upload import Source
from rung.runtimes.way import Direct
from runtimes.scripted_device import MD5, PASSWORD, QUICK, V4_0, V4_1

if TYPE_CHECKING:
    from runtimes.scripted_device import ScriptedDevice


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


# -- users ---------------------------------------------------------------------------------------------------------


async def test_the_first_user_is_created_without_a_login(device: ScriptedDevice) -> None:
    device.users.clear()
    client = V4Client(Direct(device.address, device.identity.pin), V4_1, QUICK)
    await client.create_first_user("admin", PASSWORD)
    await client.login("admin", PASSWORD)
    assert (await client.status()).state is PlcState.STOPPED
    await client.aclose()


async def test_the_first_user_is_not_created_twice(device: ScriptedDevice, client: V4Client) -> None:
    failure = await failure_of(client.create_first_user("mallory", "x"))
    assert failure.kind is Kind.CREDENTIALS
    assert list(device.users) == ["admin"]


async def test_a_wrong_password_is_a_matter_of_credentials(device: ScriptedDevice) -> None:
    client = V4Client(Direct(device.address, device.identity.pin), V4_1, QUICK)
    failure = await failure_of(client.login("admin", "nope"))
    assert failure.kind is Kind.CREDENTIALS
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    await client.aclose()


@pytest.mark.parametrize("token", [None, 7, "", "a\r\nX-Evil: 1", "x" * 20_000])
async def test_a_login_without_a_usable_token_is_no_login(device: ScriptedDevice, token: object) -> None:
    device.script("login", device.json({"access_token": token}))
    client = V4Client(Direct(device.address, device.identity.pin), V4_1, QUICK)
    assert (await failure_of(client.login("admin", PASSWORD))).kind is Kind.NOT_OPENPLC
    await client.aclose()


# Every way in which a token is refused (section 1.1).
REFUSED_TOKENS = {
    "no header": (401, "Missing Authorization Header"),
    "another scheme": (401, "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"),
    "no token": (422, "Not enough segments"),
    "the device was reset": (422, "Signature verification failed"),
    "expired": (401, "Token has expired"),
    "logged out elsewhere": (401, "Token has been revoked"),
    "its user was deleted": (401, "Error loading the user 1"),
}


@pytest.mark.parametrize(("status", "msg"), REFUSED_TOKENS.values(), ids=REFUSED_TOKENS)
async def test_a_refused_token_is_renewed_without_the_caller_noticing(
    device: ScriptedDevice, client: V4Client, status: int, msg: str
) -> None:
    device.script("status", device.json({"msg": msg}, status))
    assert (await client.status()).state is PlcState.STOPPED
    assert device.logins == 2


async def test_calls_at_the_same_time_share_one_new_login(device: ScriptedDevice, client: V4Client) -> None:
    device.expire_tokens()
    states = await asyncio.gather(*(client.status() for _ in range(6)))
    assert {status.state for status in states} == {PlcState.STOPPED}
    assert device.logins == 2


async def test_a_token_that_stays_refused_ends_in_one_sentence(device: ScriptedDevice, client: V4Client) -> None:
    device.script("status", device.json({"msg": "Token has expired"}, 401), forever=True)
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert device.logins == 2


async def test_a_changed_password_is_not_tried_again_and_again(device: ScriptedDevice, client: V4Client) -> None:
    device.users["admin"] = "changed"
    device.expire_tokens()
    for _ in range(3):
        assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert device.requests.count("POST login") == 2


async def test_a_user_who_was_deleted_meanwhile_is_told_and_not_tried_again(
    device: ScriptedDevice, client: V4Client
) -> None:
    device.users.clear()
    device.script("status", device.json({"msg": "Error loading the user 1"}, 401), forever=True)
    for _ in range(2):
        assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert device.requests.count("POST login") == 2


async def test_logout_forgets_the_credentials(device: ScriptedDevice, client: V4Client) -> None:
    await client.logout()
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert device.requests.count("POST login") == 1


async def test_a_user_without_rights_is_told(device: ScriptedDevice, client: V4Client) -> None:
    device.script("start-plc", device.json({"msg": "Admin privileges required"}, 403))
    assert (await failure_of(client.start())).kind is Kind.CREDENTIALS


# -- state ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("STATUS:EMPTY", PlcState.EMPTY),
        ("STATUS:INIT", PlcState.INIT),
        ("STATUS:RUNNING", PlcState.RUNNING),
        ("STATUS:STOPPED", PlcState.STOPPED),
        ("STATUS:TRANSITIONING", PlcState.TRANSITIONING),
        ("STATUS:ERROR", PlcState.ERROR),
        ("STATUS:ERROR\n", PlcState.CORE_DOWN),
        ("No response from runtime", PlcState.NO_RESPONSE),
        ("STATUS:SOMETHING_NEW", PlcState.UNKNOWN),
    ],
)
async def test_each_state_is_told_from_the_others(
    device: ScriptedDevice, client: V4Client, text: str, state: PlcState
) -> None:
    device.plc = text
    assert (await client.status()).state is state


async def test_the_late_answer_to_another_command_is_not_taken_for_the_state(
    device: ScriptedDevice, client: V4Client
) -> None:
    device.script("status", device.json({"status": "PING:OK"}), device.json({"status": None}))
    device.plc = "STATUS:RUNNING"
    assert (await client.status()).state is PlcState.RUNNING


async def test_a_runtime_that_stays_out_of_step_is_told(device: ScriptedDevice, client: V4Client) -> None:
    device.plc = "START:OK"
    assert (await failure_of(client.status())).kind is Kind.LOST


async def test_task_times_are_read_and_their_types_are_checked(device: ScriptedDevice, client: V4Client) -> None:
    task = {
        "name": "TASK0",
        "scan_count": 108,
        "overruns": 0,
        "scan_time_min": 9,
        "scan_time_max": 93,
        "scan_time_avg": 8,
    }
    odd = {"name": 3, "scan_count": "many", "overruns": True, "scan_time_min": None}
    device.script("status", device.json({"status": "STATUS:RUNNING", "timing_stats": {"tasks": [task, odd, "x"]}}))
    status = await client.status(stats=True)
    nothing = (None,) * 6
    assert status.tasks == (TaskTiming("TASK0", 108, 0, 9, 93, 8, *nothing), TaskTiming("", *(None,) * 11))


@pytest.mark.parametrize("body", [[], "x", {"status": 3}, {"timing_stats": 1}])
async def test_a_status_of_another_form_is_never_a_state(
    device: ScriptedDevice, client: V4Client, body: object
) -> None:
    device.script("status", device.json(body), forever=True)
    assert (await failure_of(client.status())).kind in (Kind.NOT_OPENPLC, Kind.LOST)


# -- start and stop ------------------------------------------------------------------------------------------------


async def test_start_waits_until_the_program_runs(device: ScriptedDevice, client: V4Client) -> None:
    device.script("status", device.json({"status": "STATUS:TRANSITIONING"}), device.json({"status": "STATUS:INIT"}))
    assert (await client.start()).state is PlcState.RUNNING


async def test_a_busy_machine_is_asked_again(device: ScriptedDevice, client: V4Client) -> None:
    device.script("start-plc", *[device.json({"status": "COMMAND:BUSY"}) for _ in range(3)])
    assert (await client.start()).state is PlcState.RUNNING
    assert device.requests.count("GET start-plc") == 4


async def test_a_machine_that_stays_busy_is_given_up(device: ScriptedDevice, client: V4Client) -> None:
    device.script("start-plc", *[device.json({"status": "COMMAND:BUSY"}) for _ in range(40)])
    assert (await failure_of(client.start())).kind is Kind.BUSY


async def test_a_program_that_runs_already_has_started(device: ScriptedDevice, client: V4Client) -> None:
    device.plc = "STATUS:RUNNING"
    device.script("start-plc", device.json({"status": "START:ERROR_ALREADY_RUNNING"}))
    assert (await client.start()).state is PlcState.RUNNING


async def test_a_start_whose_answer_is_lost_is_judged_by_the_state(device: ScriptedDevice, client: V4Client) -> None:
    async def started_and_gone(request: web.Request) -> web.StreamResponse:
        device.plc = "STATUS:RUNNING"
        return await gone(request)

    device.script("start-plc", started_and_gone)
    assert (await client.start()).state is PlcState.RUNNING
    assert device.requests.count("GET start-plc") == 1


async def test_a_start_that_was_lost_and_shows_no_effect_is_not_called_a_refusal(
    device: ScriptedDevice, client: V4Client
) -> None:
    device.script("start-plc", gone)
    failure = await failure_of(client.start())
    assert failure.kind is Kind.LOST
    assert "the program is stopped, but the command may yet be carried out" in failure.message


async def test_a_stop_whose_answer_is_lost_is_judged_by_the_state(device: ScriptedDevice, client: V4Client) -> None:
    device.plc = "STATUS:RUNNING"

    async def stopped_and_gone(request: web.Request) -> web.StreamResponse:
        device.plc = "STATUS:STOPPED"
        return await gone(request)

    device.script("stop-plc", stopped_and_gone)
    assert (await client.stop()).state is PlcState.STOPPED


async def gone(request: web.Request) -> web.StreamResponse:
    """The connection breaks in place of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("path", ["status", "start-plc"])
async def test_an_error_in_place_of_a_state_is_quoted(device: ScriptedDevice, client: V4Client, path: str) -> None:
    device.plc = "STATUS:STOPPED"
    device.script(path, device.json({"error": "Unknown argument"}), forever=True)
    failure = await failure_of(client.status() if path == "status" else client.start())
    assert failure.kind is Kind.NOT_OPENPLC
    assert "an error of its own (Unknown argument)" in failure.message


@pytest.mark.parametrize("said", ["START:ERROR", "START:ERROR\n", "START:ERROR_SWITCH_STOP"])
async def test_a_refused_start_is_told(device: ScriptedDevice, client: V4Client, said: str) -> None:
    device.script("start-plc", device.json({"status": said}))
    failure = await failure_of(client.start())
    assert failure.kind is Kind.START_FAILED
    assert ("switch" in failure.message) == said.endswith("SWITCH_STOP")


@pytest.mark.parametrize(
    ("ends_in", "kind"),
    [
        ("STATUS:EMPTY", Kind.START_FAILED),
        ("STATUS:STOPPED", Kind.START_FAILED),
        ("STATUS:ERROR", Kind.CRASHED),
        ("STATUS:INIT", Kind.START_FAILED),
    ],
)
async def test_start_ok_alone_is_not_believed(
    device: ScriptedDevice, client: V4Client, ends_in: str, kind: Kind
) -> None:
    device.after_start = ends_in
    assert (await failure_of(client.start())).kind is kind


async def test_stop_waits_until_the_program_stands(device: ScriptedDevice, client: V4Client) -> None:
    device.plc = "STATUS:RUNNING"
    device.script("status", device.json({"status": "STATUS:TRANSITIONING"}))
    assert (await client.stop()).state is PlcState.STOPPED


@pytest.mark.parametrize("state", [PlcState.EMPTY, PlcState.STOPPED, PlcState.ERROR])
async def test_a_machine_that_does_not_run_is_left_as_it_is(
    device: ScriptedDevice, client: V4Client, state: PlcState
) -> None:
    device.plc = f"STATUS:{state.value}"
    assert (await client.stop()).state is state


@pytest.mark.parametrize("before", ["EMPTY", "STOPPED", "ERROR"])
async def test_a_start_is_tried_from_every_state_but_running(
    device: ScriptedDevice, client: V4Client, before: str
) -> None:
    device.plc = f"STATUS:{before}"
    assert (await client.start()).state is PlcState.RUNNING


async def test_a_machine_that_runs_on_after_stop_is_a_danger_that_is_told(
    device: ScriptedDevice, client: V4Client
) -> None:
    device.plc = "STATUS:RUNNING"
    device.script("stop-plc", device.json({"status": "STOP:OK"}))
    failure = await failure_of(client.stop())
    assert "may still move" in failure.message


@pytest.mark.parametrize("plc", ["No response from runtime", "STATUS:WHAT_IS_THIS", "STATUS:INIT", "STATUS:ERROR\n"])
async def test_a_stop_that_nobody_confirms_has_not_succeeded(
    device: ScriptedDevice, client: V4Client, plc: str
) -> None:
    device.plc = plc
    failure = await failure_of(client.stop())
    assert failure.kind is Kind.INTERNAL
    assert "may still move" in failure.message


async def test_a_stop_is_waited_for_through_silence_of_the_core(device: ScriptedDevice, client: V4Client) -> None:
    device.plc = "STATUS:RUNNING"
    device.script("status", *[device.json({"status": "No response from runtime"})] * 3)
    assert (await client.stop()).state is PlcState.STOPPED


def test_nothing_runs_only_in_the_states_that_say_so() -> None:
    assert {state for state in PlcState if state.stands} == {
        PlcState.STOPPED,
        PlcState.EMPTY,
        PlcState.ERROR,
        PlcState.COMPILING,
    }


# -- upload --------------------------------------------------------------------------------------------------------


async def test_the_device_receives_exactly_the_bytes_and_we_are_told_how_far_it_is(
    device: ScriptedDevice, client: V4Client
) -> None:
    data = bytes(range(256)) * 400
    seen: list[tuple[int, int]] = []
    await client.upload(data, "program.zip", lambda sent, total: seen.append((sent, total)))
    assert device.uploads == [data]
    assert seen[0] == (0, len(data))
    assert seen[-1] == (len(data), len(data))
    assert seen == sorted(seen)
    assert len(seen) > 5


async def test_an_upload_is_one_part_named_file(device: ScriptedDevice, client: V4Client) -> None:
    async def look(request: web.Request) -> web.StreamResponse:
        assert request.query_string == ""
        ((name, part),) = (await request.post()).items()
        assert isinstance(part, web.FileField)
        assert (name, part.filename, part.content_type) == ("file", "program.zip", "application/zip")
        return device.json({"CompilationStatus": "COMPILING", "UploadFileFail": ""})

    device.script("upload-file", look)
    await client.upload(b"PK", "program.zip")
    assert device.requests.count("POST upload-file") == 1


async def test_an_upload_survives_a_token_that_expired_before_it(device: ScriptedDevice, client: V4Client) -> None:
    device.expire_tokens()
    await client.upload(b"PK" * 50_000, "program.zip")
    assert device.uploads == [b"PK" * 50_000]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Runtime is compiling another program, please wait", Kind.BUSY),
        ("Uploaded ZIP file failed safety checks", Kind.UPLOAD_REFUSED),
        ("No file part in the request", Kind.UPLOAD_REFUSED),
        ("File is too large", Kind.UPLOAD_REFUSED),
        ("Unexpected error: Error -3 while decompressing data", Kind.UPLOAD_REFUSED),
        ("File system error: [Errno 28] No space left on device", Kind.UPLOAD_REFUSED),
        (None, Kind.UPLOAD_REFUSED),
    ],
)
async def test_a_refusal_inside_http_200_is_a_refusal(
    device: ScriptedDevice, client: V4Client, reason: str | None, kind: Kind
) -> None:
    device.script("upload-file", device.json({"CompilationStatus": "FAILED", "UploadFileFail": reason}))
    failure = await failure_of(client.upload(b"x", "program.zip"))
    assert failure.kind is kind
    assert "as it was" in failure.message
    if kind is Kind.UPLOAD_REFUSED and reason:
        assert reason in failure.message


async def test_an_answer_without_verdict_on_the_upload_is_no_success(device: ScriptedDevice, client: V4Client) -> None:
    device.script("upload-file", device.json({"PostRequestError": "Unknown argument"}))
    assert (await failure_of(client.upload(b"x", "program.zip"))).kind is Kind.UPLOAD_REFUSED


async def test_an_answer_that_trickles_in_for_ever_is_given_up(device: ScriptedDevice) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    client = V4Client(
        Direct(device.address, device.identity.pin), V4_1, dataclasses.replace(QUICK, upload=0.5, connect=0.5)
    )
    await client.login("admin", PASSWORD)
    device.script("upload-file", trickle)
    failure = await asyncio.wait_for(failure_of(client.upload(b"x", "program.zip")), 5)
    assert failure.kind is Kind.TIMEOUT
    await client.aclose()


async def test_a_file_name_cannot_break_out_of_its_header(device: ScriptedDevice, client: V4Client) -> None:
    await client.upload(b"x", 'a"\r\nX-Evil: 1.zip')
    assert device.uploads == [b"x"]


# -- the project's source ------------------------------------------------------------------------------------------

V4_2 = dataclasses.replace(of_line(Line.V4_1, "v4.2.1"), snapshots=True)
SOURCE = Source(b"PK-source" * 5000, {"projectName": "Press 2", "formatVersion": 1})


@pytest.fixture
async def keeper(device: ScriptedDevice) -> AsyncIterator[V4Client]:
    """A client of a device that keeps the source of projects, logged in."""
    made = V4Client(Direct(device.address, device.identity.pin), V4_2, QUICK)
    await made.login("admin", PASSWORD)
    yield made
    await made.aclose()


@pytest.mark.parametrize("warning", ["", "Snapshot ignored: Snapshot metadata needs a projectName"])
async def test_the_source_travels_with_the_program_to_a_machine_that_keeps_it(
    device: ScriptedDevice, keeper: V4Client, warning: str
) -> None:
    async def keep(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        program, archive, told = (form[name] for name in ("file", "snapshot", "snapshot_metadata"))
        assert isinstance(program, web.FileField)
        assert isinstance(archive, web.FileField)
        assert (program.file.read(), archive.file.read()) == (b"PK" * 500, SOURCE.archive)
        assert isinstance(told, str)
        assert json.loads(told) == SOURCE.metadata
        return device.json({"CompilationStatus": "COMPILING", "UploadFileFail": "", "ProjectSnapshotWarning": warning})

    device.script("upload-file", keep)
    assert await keeper.upload(b"PK" * 500, "program.zip", source=SOURCE) == warning


async def test_the_source_is_not_sent_to_a_machine_that_does_not_keep_it(
    device: ScriptedDevice, client: V4Client
) -> None:
    async def look(request: web.Request) -> web.StreamResponse:
        assert set(await request.post()) == {"file"}
        return device.json({"CompilationStatus": "COMPILING", "UploadFileFail": ""})

    device.script("upload-file", look)
    assert await client.upload(b"PK", "program.zip", source=SOURCE) == ""


async def test_the_source_is_not_sent_where_the_way_cannot_carry_it_and_that_is_told(
    device: ScriptedDevice, keeper: V4Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(request: web.Request) -> web.StreamResponse:
        assert set(await request.post()) == {"file"}
        return device.json({"CompilationStatus": "COMPILING", "UploadFileFail": ""})

    monkeypatch.setattr(Direct, "carries_source", False)
    device.script("upload-file", look)
    assert await keeper.upload(b"PK", "program.zip", source=SOURCE) == "an orchestrator cannot carry it"


async def test_an_upload_that_is_too_large_for_the_device_is_refused(device: ScriptedDevice, keeper: V4Client) -> None:
    device.script("upload-file", device.text("<html>Request Entity Too Large</html>", status=413))
    failure = await failure_of(keeper.upload(b"PK", "program.zip", source=SOURCE))
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert "too large" in failure.message


async def test_the_source_is_fetched_back(device: ScriptedDevice, keeper: V4Client) -> None:
    archive = bytes(range(256)) * 9000
    coded = base64.b64encode(archive).decode()
    device.script("project-snapshot", device.json({"projectName": "Press 2", "contentBase64": coded}))
    assert await keeper.project_snapshot() == archive


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"msg": "No project is stored on this device"}, Kind.PROGRAM),
        (403, {"msg": "Admin privileges required"}, Kind.CREDENTIALS),
        (200, {"contentBase64": "no base 64!"}, Kind.NOT_OPENPLC),
        (200, {"error": "Unknown argument"}, Kind.NOT_OPENPLC),
    ],
)
async def test_a_source_that_cannot_be_had_is_told(
    device: ScriptedDevice, keeper: V4Client, status: int, body: dict[str, str], kind: Kind
) -> None:
    device.script("project-snapshot", device.json(body, status))
    failure = await failure_of(keeper.project_snapshot())
    assert failure.kind is kind
    if status == 403:
        assert "Admin privileges required" in failure.message


async def test_an_older_machine_is_not_asked_for_a_source(device: ScriptedDevice, client: V4Client) -> None:
    assert (await failure_of(client.project_snapshot())).kind is Kind.PROGRAM
    assert "GET project-snapshot" not in device.requests


# -- what newer and older versions say -----------------------------------------------------------------------------


async def test_who_is_logged_in_is_asked_only_where_there_are_roles(
    device: ScriptedDevice, client: V4Client, keeper: V4Client
) -> None:
    device.script("whoami", device.json({"id": 1, "username": "admin", "role": "admin"}))
    assert await keeper.whoami() == User(1, "admin", "admin")
    assert await client.whoami() is None
    assert device.requests.count("GET whoami") == 1


@pytest.mark.parametrize(("said", "switch"), [("run", "run"), ("stop", "stop"), ("sideways", None), (3, None)])
async def test_the_mode_switch_is_told(
    device: ScriptedDevice, keeper: V4Client, said: object, switch: str | None
) -> None:
    device.script("status", device.json({"status": "STATUS:STOPPED", "switchPosition": said}))
    assert (await keeper.status()).switch == switch


@pytest.fixture
async def old(device: ScriptedDevice) -> AsyncIterator[V4Client]:
    """A client of a device with Runtime v4.0, logged in."""
    device.version = "v4"
    made = V4Client(Direct(device.address, device.identity.pin), V4_0, QUICK)
    await made.login("admin", PASSWORD)
    yield made
    await made.aclose()


async def test_the_flat_times_of_v4_0_are_those_of_its_one_cycle(device: ScriptedDevice, old: V4Client) -> None:
    flat = dict.fromkeys(
        (f"{a}_{b}" for a in ("scan_time", "cycle_time", "cycle_latency") for b in ("min", "max", "avg")), 48
    )
    device.script(
        "status", device.json({"status": "STATUS:RUNNING", "timing_stats": {**flat, "overruns": 0, "scan_count": 189}})
    )
    task = (await old.status(stats=True)).tasks[0]
    assert (task.name, task.scan_count, task.overruns, task.cycle_latency_avg) == ("cycle", 189, 0, 48)


async def test_v4_0_that_has_not_scanned_yet_has_no_times(device: ScriptedDevice, old: V4Client) -> None:
    nothing = {"scan_count": 0, "overruns": 0, "scan_time_avg": None}
    device.script("status", device.json({"status": "STATUS:EMPTY", "timing_stats": nothing}))
    assert (await old.status(stats=True)).tasks == ()


async def test_v4_0_that_calls_a_failed_compile_a_success_is_not_believed(
    device: ScriptedDevice, old: V4Client
) -> None:
    log = ["[ERROR] Build failed (exit=1)\n", "[INFO] Cleanup finished successfully\n"]
    device.script("compilation-status", device.json({"status": "SUCCESS", "logs": log, "exit_code": 0}))
    found = await old.compilation()
    assert (found.finished, found.ok) == (True, False)


async def test_v4_0_has_not_finished_before_its_last_step(device: ScriptedDevice, old: V4Client) -> None:
    log = ["[INFO] Build finished successfully\n"]
    early = device.json({"status": "SUCCESS", "logs": log, "exit_code": 0})
    late = device.json({"status": "SUCCESS", "logs": [*log, "[INFO] Cleanup finished successfully\n"], "exit_code": 0})
    device.script("compilation-status", early, late)
    assert not (await old.compilation()).finished
    assert (await old.compilation()).ok


async def test_v4_0_gets_no_debug_command_unless_its_program_runs(device: ScriptedDevice, old: V4Client) -> None:
    variables = old.variables()
    try:
        for state in ("STATUS:STOPPED", "STATUS:EMPTY", "STATUS:ERROR", "No response from runtime"):
            device.plc = state
            assert await variables.md5() is None
        assert device.debug_commands == []
        device.plc = "STATUS:RUNNING"
        device.debug_answers["45 AD DE 00 00"] = f"45 7e {MD5.encode().hex(' ')}"
        assert await variables.md5() == MD5
    finally:
        await variables.aclose()


# -- compile -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "exit_code", "finished", "ok"),
    [
        ("IDLE", None, False, False),
        ("UNZIPPING", None, False, False),
        ("COMPILING", None, False, False),
        ("SUCCESS", 0, True, True),
        ("SUCCESS", 1, True, False),
        ("FAILED", 1, True, False),
        ("FAILED", None, True, False),
        ("FAILED", -1, True, False),
        ("FAILED", 0, True, False),
    ],
    ids=["idle", "unpacks", "compiles", "good", "contradictory", "bad", "archive refused", "crashed", "half a failure"],
)
async def test_the_state_of_a_compile_is_read_from_its_two_verdicts(
    device: ScriptedDevice, client: V4Client, state: str, exit_code: int | None, finished: bool, ok: bool
) -> None:
    log = ["[ERROR] Not a valid PLC Program file.\n"]
    device.script("compilation-status", device.json({"status": state, "logs": log, "exit_code": exit_code}))
    found = await client.compilation()
    assert (found.finished, found.ok) == (finished, ok)
    assert found.log == ("[ERROR] Not a valid PLC Program file.",)


# -- log -----------------------------------------------------------------------------------------------------------


def entry(number: int, message: str = "x", timestamp: str = "2026-11-22T05:43:30+0000") -> dict[str, object]:
    return {"id": number, "level": "INFO", "message": message, "timestamp": timestamp}


async def test_the_log_is_read_on_from_where_it_was(device: ScriptedDevice, client: V4Client) -> None:
    device.log = [entry(1), entry(2)]
    page = await client.logs()
    assert [e.id for e in page.entries] == [1, 2]
    device.log.append(entry(3, "new"))
    page = await client.logs(2)
    assert ([e.message for e in page.entries], page.restarted) == (["new"], False)
    page = await client.logs(3)
    assert (page.entries, page.restarted) == ((), False)


async def test_a_log_that_counts_from_one_again_is_noticed(device: ScriptedDevice, client: V4Client) -> None:
    device.log = [entry(n) for n in range(1, 8)]
    await client.logs()
    device.log = [entry(1, "booted"), entry(2)]
    page = await client.logs(7)
    assert page.restarted
    assert [e.message for e in page.entries] == ["booted", "x"]


async def test_a_log_that_has_already_passed_the_old_number_is_noticed_too(
    device: ScriptedDevice, client: V4Client
) -> None:
    device.log = [entry(1), entry(2)]
    await client.logs()
    device.log = [entry(n, "after the restart", "2026-11-23T00:00:00+0000") for n in range(1, 6)]
    page = await client.logs(2)
    assert page.restarted
    assert [e.id for e in page.entries] == [1, 2, 3, 4, 5]


async def test_terminal_escapes_in_a_log_are_taken_out(device: ScriptedDevice, client: V4Client) -> None:
    device.log = [entry(1, "\x1b[31mred\x1b[0m\x07 \x1b]0;title\x07tail\u202e")]
    assert (await client.logs()).entries[0].message == "red tail"


@pytest.mark.parametrize("rows", [None, [3], [{"id": "1"}], [{"id": True}], {"a": 1}])
async def test_a_log_of_another_form_is_refused(device: ScriptedDevice, client: V4Client, rows: object) -> None:
    device.script("runtime-logs", device.json({"runtime-logs": rows}))
    assert (await failure_of(client.logs())).kind is Kind.NOT_OPENPLC


# -- secrets -------------------------------------------------------------------------------------------------------


def _everything_about(failure: BaseException) -> str:
    text = "".join(traceback.format_exception(failure)) + repr(failure) + str(vars(failure))
    seen: BaseException | None = failure.__context__
    while seen is not None:
        text += repr(seen) + str(vars(seen))
        seen = seen.__context__
    return text


FAULTS: list[Callable[[ScriptedDevice], web.Response]] = [
    lambda d: d.text("<html>password token</html>", status=500),
    lambda d: d.text("{", "application/json"),
    lambda d: d.json("Wrong username or password", 401),
    lambda d: d.json({"msg": "Not enough segments"}, 422),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_failure_and_no_log_line_holds_a_password_or_a_token(
    device: ScriptedDevice, fault: Callable[[ScriptedDevice], web.Response], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = V4Client(Direct(device.address, device.identity.pin), V4_1, QUICK)
    device.script("login", fault(device))
    device.script("create-user", fault(device))
    found = _everything_about(await failure_of(client.login("admin", PASSWORD)))
    found += _everything_about(await failure_of(client.create_first_user("admin", PASSWORD)))
    await client.login("admin", PASSWORD)
    device.script("status", fault(device), fault(device), fault(device))
    found += _everything_about(await failure_of(client.status()))
    await device.stop()
    found += _everything_about(await failure_of(client.status()))
    found += repr(client) + json.dumps([record.getMessage() for record in caplog.records])
    await client.aclose()
    assert PASSWORD not in found
    assert "token-1-secret" not in found
    assert "token-2-secret" not in found


# -- one request at a time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("one_at_a_time", [True, False])
async def test_a_runtime_that_cannot_do_two_things_at_once_is_asked_one_after_the_other(
    device: ScriptedDevice, one_at_a_time: bool
) -> None:
    under_way, most = 0, 0

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        return device.json({"status": "STATUS:STOPPED"})

    device.script("status", *[slow] * 6)
    session = Session(Direct(device.address, device.identity.pin), QUICK, one_at_a_time=one_at_a_time)
    await session.login("admin", PASSWORD)
    await asyncio.gather(*(session.call("GET", "/api/status") for _ in range(6)))
    await session.aclose()
    assert (most == 1) is one_at_a_time
