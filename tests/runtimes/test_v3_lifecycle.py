"""A program's life on Runtime v3, the same over REST and over its web pages: it says OK to everything, so only its state counts."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable

import pytest
from aiohttp import web

from rung.codegen.artefact import Leaf
from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.compile_watch import follow_compilation
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.logs_merge import STOPPED
from rung.runtimes.machine import Compilation, PlcState
from rung.runtimes.v3_rest import V3RestClient
from rung.runtimes.v3_web import V3WebClient
from rung.runtimes.way import Direct
from runtimes.scripted_device import PASSWORD, QUICK, Identity
from runtimes.scripted_v3 import BAD_LOG, GOOD_LOG, MD5, ScriptedModbus, ScriptedV3, modbus

TIMEOUTS = dataclasses.replace(QUICK, watch=0.3)
PROGRAM = "PROGRAM main (* größer *) END_PROGRAM".encode()
V3Client = V3RestClient | V3WebClient


@pytest.fixture
async def machine(identity: Identity) -> AsyncIterator[ScriptedV3]:
    made = ScriptedV3(identity)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(params=["REST", "web pages"])
async def client(request: pytest.FixtureRequest, machine: ScriptedV3) -> AsyncIterator[V3Client]:
    """A client of the machine, logged in; no program answers on the Modbus port that it knows."""
    async with modbus() as closed:
        port = closed.address.port
    made: V3Client
    if request.param == "REST":
        made = V3RestClient(Direct(machine.rest_address, machine.identity.pin), of_line(Line.V3), TIMEOUTS, port)
        await made.login("ide", PASSWORD)
    else:
        machine.settings_modbus = port
        made = V3WebClient(machine.web_address, of_line(Line.V3_WEB), TIMEOUTS, port)
        await made.login("openplc", PASSWORD)
    yield made
    await made.aclose()


@pytest.fixture
async def program() -> AsyncIterator[ScriptedModbus]:
    """A program's Modbus server, with one variable."""
    async with modbus(b"\xd2\x04") as made:
        yield made


LEVEL = Leaf(0, 0, "LEVEL", "INT", 2)


def log_with_modbus(port: int) -> str:
    return f"OpenPLC Runtime starting...\nIssued start_modbus() command to start on port: {port}\n"


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def verdict(client: V3Client) -> Compilation:
    return await follow_compilation(client, lambda line: None, poll=0.01, deadline=5)


# -- states (section 4.1) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "state"), [("RUNNING", PlcState.RUNNING), ("STOPPED", PlcState.STOPPED), ("EMPTY", PlcState.COMPILING)]
)
async def test_the_states_are_read(machine: ScriptedV3, client: V3Client, said: str, state: PlcState) -> None:
    machine.plc = said
    assert (await client.status(stats=True)).state is state


async def test_a_program_is_started_and_stopped(machine: ScriptedV3, client: V3Client) -> None:
    assert (await client.start()).state is PlcState.RUNNING
    assert (await client.stop()).state is PlcState.STOPPED


async def test_a_start_is_not_believed_before_the_state_says_so(machine: ScriptedV3, client: V3Client) -> None:
    machine.after_start = ["STOPPED", "RUNNING"]
    assert (await client.start()).state is PlcState.RUNNING


async def test_a_start_whose_answer_is_lost_is_judged_by_the_state(
    machine: ScriptedV3, client: V3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = client._send_start

    async def unanswered() -> str | None:
        await send()
        raise RuntimeFailure(Kind.TIMEOUT, "It did not answer in time.", "Try again.")

    monkeypatch.setattr(client, "_send_start", unanswered)
    assert (await client.start()).state is PlcState.RUNNING
    assert sum("start" in request for request in machine.requests) == 1


async def test_a_program_that_runs_is_not_started_again(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc = "RUNNING"
    assert (await client.start()).state is PlcState.RUNNING
    assert not any("start" in request for request in machine.requests)


async def test_nothing_is_started_while_the_machine_compiles(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc = "EMPTY"
    failure = await failure_of(client.start())
    assert failure.kind is Kind.BUSY
    assert not any("start" in request for request in machine.requests)


async def test_a_stop_of_a_machine_that_stands_is_no_failure(machine: ScriptedV3, client: V3Client) -> None:
    assert (await client.stop()).state is PlcState.STOPPED


async def test_a_machine_that_says_ok_and_does_not_stop_may_still_move(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc, machine.ignores_stop = "RUNNING", True
    failure = await failure_of(client.stop())
    assert failure.kind is Kind.INTERNAL
    assert "may still move" in failure.message


async def test_a_stop_does_not_wait_for_a_log_or_a_state(machine: ScriptedV3, client: V3Client) -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    machine.plc = "RUNNING"
    for path in ("runtime-logs", "runtime_logs", "status", "dashboard"):
        machine.script(path, silent)
    began = time.monotonic()
    assert (await client.stop()).state is PlcState.STOPPED
    assert time.monotonic() - began < 4


async def test_an_upload_stops_the_program_and_it_stays_stopped(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc = "RUNNING"
    await client.upload(PROGRAM, "program.st")
    assert (await client.status()).state is PlcState.COMPILING
    assert (await verdict(client)).ok
    assert (await client.status()).state is PlcState.STOPPED


async def test_a_second_upload_while_the_machine_compiles_is_refused(machine: ScriptedV3, client: V3Client) -> None:
    await client.upload(PROGRAM, "program.st")
    failure = await failure_of(client.upload(PROGRAM, "program.st"))
    assert failure.kind is Kind.BUSY
    assert len(machine.uploads) == 1


# -- the compile (sections 2.5 and 3.4) ------------------------------------------------------------------------------


async def test_a_program_arrives_as_it_was_sent(machine: ScriptedV3, client: V3Client) -> None:
    told: list[tuple[int, int]] = []
    await client.upload(PROGRAM, "program.st", lambda sent, total: told.append((sent, total)))
    assert machine.uploads == [PROGRAM]
    assert told[0] == (0, len(PROGRAM))
    assert told[-1] == (len(PROGRAM), len(PROGRAM))


async def test_the_log_is_followed_to_the_verdict(machine: ScriptedV3, client: V3Client) -> None:
    machine.polls_to_verdict = 4
    await client.upload(PROGRAM, "program.st")
    lines: list[str] = []
    compilation = await follow_compilation(client, lines.append, poll=0.01, deadline=5)
    assert compilation == Compilation("SUCCESS", tuple(line.replace("\t", " ") for line in GOOD_LOG), 0)
    assert lines == list(compilation.log)


async def test_a_failed_compile_is_one(machine: ScriptedV3, client: V3Client) -> None:
    machine.next_log = BAD_LOG
    await client.upload(PROGRAM, "program.st")
    compilation = await verdict(client)
    assert compilation.finished
    assert not compilation.ok
    assert compilation.log == tuple(BAD_LOG)


async def test_a_machine_that_never_compiled_is_idle(machine: ScriptedV3, client: V3Client) -> None:
    assert await client.compilation() == Compilation("IDLE", (), None)


async def test_the_verdict_on_the_last_program_is_none_on_this_one(machine: ScriptedV3, client: V3Client) -> None:
    machine.compile_log, machine.plc, machine.next_log = GOOD_LOG, "EMPTY", GOOD_LOG
    machine.begin_compile("another")
    machine._left = 1_000
    machine.compile_log = GOOD_LOG
    assert (await client.compilation()).state == "COMPILING"


async def test_words_inside_a_line_are_no_verdict(machine: ScriptedV3, client: V3Client) -> None:
    machine.next_log = ["  11 | (* Compilation finished successfully! *)", "Compilation finished with errors!"]
    await client.upload(PROGRAM, "program.st")
    assert not (await verdict(client)).ok


async def test_a_compile_that_began_between_two_looks_is_under_way(machine: ScriptedV3, client: V3Client) -> None:
    async def begun(request: web.Request) -> web.StreamResponse:
        machine.begin_compile("another")
        text = "Generating C files...\n"
        is_rest = request.path.startswith("/api")
        lines = {"status": "COMPILING", "logs": [text], "exit_code": 0}
        return machine.json(lines) if is_rest else web.Response(text=text, content_type="text/html")

    for path in ("compilation-status", "compilation-logs"):
        machine.script(path, begun)
    assert (await client.compilation()).state == "COMPILING"


async def test_a_compiler_that_dies_without_a_word_has_failed(machine: ScriptedV3, client: V3Client) -> None:
    machine.next_log = ["Generating C files...", "Killed"]
    await client.upload(PROGRAM, "program.st")
    compilation = await verdict(client)
    assert not compilation.ok
    assert "without a verdict" in compilation.log[-1]


@pytest.mark.parametrize("data", [b"PROGRAM gr\xf6\xdfer", "\ufeffPROGRAM main".encode(), b"PROGRAM\0main"])
async def test_what_is_no_plain_utf8_is_never_sent(machine: ScriptedV3, client: V3Client, data: bytes) -> None:
    failure = await failure_of(client.upload(data, "program.st"))
    assert failure.kind is Kind.PROGRAM
    assert not any("upload" in request for request in machine.requests)


# -- traps (sections 3.6 and 4.3) ------------------------------------------------------------------------------------


async def test_after_a_failed_compile_the_md5_tells_that_a_start_ran_the_old_program(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = None
    machine.started_log = log_with_modbus(program.address.port)
    machine.next_log = BAD_LOG
    await client.upload(PROGRAM, "program.st")
    assert not (await verdict(client)).ok
    assert (await client.start()).state is PlcState.RUNNING
    variables = client.variables()
    assert await variables.md5() == MD5
    await variables.aclose()


async def test_a_program_that_crashes_right_after_its_start_is_told(machine: ScriptedV3, client: V3Client) -> None:
    machine.after_start = ["RUNNING", "STOPPED"]
    failure = await failure_of(client.start())
    assert failure.kind is Kind.CRASHED
    assert "keeps no reason" in failure.message


async def test_a_start_that_starts_nothing_is_told(machine: ScriptedV3, client: V3Client) -> None:
    machine.after_start = ["STOPPED"]
    failure = await failure_of(client.start())
    assert failure.kind is Kind.CRASHED
    assert "does not run although" in failure.message


async def test_an_error_of_the_monitoring_is_no_failed_start(machine: ScriptedV3, client: V3Client) -> None:
    machine.start_complaint = "list index out of range"
    assert (await client.start()).state is PlcState.RUNNING


async def test_an_error_after_which_nothing_runs_is_a_failed_start(machine: ScriptedV3, client: V3Client) -> None:
    machine.start_complaint, machine.after_start = "list index out of range", ["STOPPED"]
    assert (await failure_of(client.start())).kind is Kind.START_FAILED


async def test_a_compile_that_somebody_else_began_meanwhile_is_told(machine: ScriptedV3, client: V3Client) -> None:
    for states in (["EMPTY"], ["RUNNING", "EMPTY"]):
        machine.plc, machine.after_start = "STOPPED", states
        assert (await failure_of(client.start())).kind is Kind.BUSY


async def test_a_start_that_only_finds_an_orphan_says_that_the_old_program_goes_on(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = program.address.port
    failure = await failure_of(client.start())
    assert failure.kind is Kind.START_FAILED
    assert "ran before this start already" in failure.message


async def test_an_orphan_that_ends_with_the_start_is_none(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = program.address.port
    send = client._send_start

    async def end_the_old_one() -> str | None:
        program.cut()
        return await send()

    client._send_start = end_the_old_one  # type: ignore[method-assign]  # the machine's part of this story
    assert (await client.start()).state is PlcState.RUNNING


async def test_an_orphan_that_the_machine_cannot_stop_is_not_called_stopped(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = program.address.port
    failure = await failure_of(client.stop())
    assert failure.kind is Kind.INTERNAL
    assert "lost track" in failure.message
    assert "may be moving" in failure.message


async def test_another_modbus_server_of_the_device_is_no_orphan(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    program.answer = lambda request: request[:7] + bytes((request[7] | 0x80, 1))
    client._modbus_port = program.address.port
    assert (await client.start()).state is PlcState.RUNNING


# -- variables and Modbus settings (sections 4.1, 4.2 and 5) -------------------------------------------------------------


async def test_the_machines_own_log_says_where_its_variables_are(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = None
    machine.plc, machine.log = "RUNNING", log_with_modbus(program.address.port)
    variables = client.variables()
    assert await variables.md5() == MD5
    assert await variables.read([LEVEL]) == {"LEVEL": 1234}
    await variables.aclose()


async def test_without_a_running_program_there_is_no_md5(machine: ScriptedV3, client: V3Client) -> None:
    variables = client.variables()
    assert await variables.md5() is None


async def test_modbus_switched_off_is_said_and_not_hidden(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc, machine.log = "RUNNING", "OpenPLC Runtime starting...\nIssued stop_modbus() command\n"
    failure = await failure_of(client.variables().md5())
    assert failure.kind is Kind.REFUSED
    assert "switched off" in failure.message
    assert "cannot be verified" in failure.message


async def test_a_closed_modbus_port_is_said_and_not_hidden(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc = "RUNNING"
    failure = await failure_of(client.variables().md5())
    assert failure.kind is Kind.REFUSED
    assert "cannot be verified" in failure.message


async def test_a_port_that_another_program_has_is_not_asked(
    machine: ScriptedV3, client: V3Client, program: ScriptedModbus
) -> None:
    client._modbus_port = None
    port = program.address.port
    machine.plc = "RUNNING"
    machine.log = log_with_modbus(port) + "Server: error binding socket => Address already in use\n"
    failure = await failure_of(client.variables().md5())
    assert failure.kind is Kind.REFUSED
    assert f"port {port}" in failure.message
    assert program.connections == 0


# -- logs (section 4.4) ------------------------------------------------------------------------------------------------


async def test_the_log_is_numbered_and_its_last_copy_outlives_a_stop(machine: ScriptedV3, client: V3Client) -> None:
    machine.plc, machine.log = "RUNNING", "OpenPLC Runtime starting...\n"
    first = await client.logs()
    assert [(entry.id, entry.message) for entry in first.entries] == [(1, "OpenPLC Runtime starting...")]
    machine.log += "Server: Listening on port 502\n"
    await client.stop()
    assert [entry.message for entry in (await client.logs(1)).entries] == ["Server: Listening on port 502", STOPPED]


# -- dying and coming back ---------------------------------------------------------------------------------------------


async def test_a_login_that_ended_is_renewed_without_the_caller_noticing(machine: ScriptedV3, client: V3Client) -> None:
    machine.log_everybody_out()
    assert (await client.status()).state is PlcState.STOPPED
    machine.log_everybody_out()
    await client.upload(PROGRAM, "program.st")
    assert machine.uploads == [PROGRAM]


async def test_a_changed_password_is_not_tried_again_and_again(machine: ScriptedV3, client: V3Client) -> None:
    machine.users["ide"] = machine.web_users["openplc"] = "changed"
    machine.log_everybody_out()
    for _ in range(3):
        assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert machine.requests.count("POST login") == 2


async def test_logout_forgets_the_credentials(machine: ScriptedV3, client: V3Client) -> None:
    await client.logout()
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert machine.requests.count("POST login") == 1


async def test_a_machine_that_is_gone_is_said_to_be(machine: ScriptedV3, client: V3Client) -> None:
    await machine.stop()
    assert (await failure_of(client.status())).kind is Kind.REFUSED
    await machine.start()
    assert (await client.status()).state is PlcState.STOPPED
