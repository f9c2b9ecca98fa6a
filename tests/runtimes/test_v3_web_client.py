"""The web pages of Runtime v3: cookie, CSRF token, redirects, and pages that say something else than they seem to."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import AsyncIterator, Awaitable

import pytest
from aiohttp import web

from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState
from rung.runtimes.v3_web import PROGRAM_NAME, V3WebClient
from runtimes.scripted_device import PASSWORD, QUICK, Identity
from runtimes.scripted_v3 import MD5, ScriptedV3, modbus

TIMEOUTS = dataclasses.replace(QUICK, watch=0.3)
PROGRAM = b"PROGRAM main"
COMPILING = web.Response(text="<h2>Compiling program</h2>", content_type="text/html")


@pytest.fixture
async def machine(identity: Identity) -> AsyncIterator[ScriptedV3]:
    made = ScriptedV3(identity)
    made.settings_modbus = None
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(machine: ScriptedV3) -> AsyncIterator[V3WebClient]:
    made = V3WebClient(machine.web_address, of_line(Line.V3_WEB), TIMEOUTS)
    await made.login("openplc", PASSWORD)
    yield made
    await made.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_there_is_no_first_user_to_create(machine: ScriptedV3, client: V3WebClient) -> None:
    failure = await failure_of(client.create_first_user("ide", PASSWORD))
    assert failure.kind is Kind.CREDENTIALS
    assert client.accounts is None


async def test_a_wrong_password_is_a_page_with_status_200(machine: ScriptedV3) -> None:
    client = V3WebClient(machine.web_address, of_line(Line.V3_WEB), TIMEOUTS)
    failure = await failure_of(client.login("openplc", "nope-1234"))
    assert failure.kind is Kind.CREDENTIALS
    assert "nope-1234" not in "".join(traceback.format_exception(failure))
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    await client.aclose()


async def test_a_runtime_without_csrf_tokens_gets_none(machine: ScriptedV3) -> None:
    machine.csrf = False
    client = V3WebClient(machine.web_address, of_line(Line.V3_WEB), TIMEOUTS)
    await client.login("openplc", PASSWORD)
    await client.upload(PROGRAM, "program.st")
    assert machine.uploads == [PROGRAM]
    assert not any("csrf_token" in form for form in machine.forms)
    await client.aclose()


async def test_the_newest_cookie_counts_whatever_the_machines_clock_says(
    machine: ScriptedV3, client: V3WebClient
) -> None:
    for _ in range(3):
        assert (await client.status()).state is PlcState.STOPPED
    assert machine.requests.count("POST login") == 1


async def test_an_old_runtimes_absolute_redirect_to_the_login_is_one(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.absolute_redirects = True
    machine.log_everybody_out()
    assert (await client.status()).state is PlcState.STOPPED
    assert machine.requests.count("POST login") == 2


async def test_no_redirect_is_followed(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.script("dashboard", web.Response(status=302, headers={"Location": "http://198.51.100.7/steal"}))
    assert (await failure_of(client.status())).kind is Kind.NOT_OPENPLC


async def test_a_session_that_ends_at_once_is_not_renewed_for_ever(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.script("dashboard", *(machine.redirect("/login") for _ in range(5)))
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS
    assert machine.requests.count("POST login") == 2


async def test_the_first_upload_makes_one_row_and_the_next_ones_take_its_place(
    machine: ScriptedV3, client: V3WebClient
) -> None:
    await client.upload(PROGRAM, "program.st")
    assert machine.programs[18] == (PROGRAM_NAME, "275474.st")
    machine.plc = "STOPPED"
    await client.upload(b"PROGRAM other", "program.st")
    assert machine.uploads == [PROGRAM, b"PROGRAM other"]
    assert list(machine.programs) == [1, 17, 18]
    assert "POST update-program-action" in machine.requests


async def test_a_program_of_another_name_is_never_replaced(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.programs[3] = (f"{PROGRAM_NAME} 2", "3.st")
    machine.programs[4] = (PROGRAM_NAME.lower(), "4.st")
    await client.upload(PROGRAM, "program.st")
    assert machine.programs[18] == (PROGRAM_NAME, "275474.st")


async def test_an_upload_whose_session_ended_in_the_middle_is_sent_again(
    machine: ScriptedV3, client: V3WebClient
) -> None:
    missing = web.Response(text="<p>The CSRF session token is missing.</p>", content_type="text/html", status=400)
    machine.script("upload-program", missing)
    await client.upload(PROGRAM, "program.st")
    assert machine.uploads == [PROGRAM]


@pytest.mark.parametrize("path", ["programs", "upload-program", "upload-program-action"])
async def test_the_compiling_page_in_the_place_of_an_action_is_busy(
    machine: ScriptedV3, client: V3WebClient, path: str
) -> None:
    machine.script(path, COMPILING)
    assert (await failure_of(client.upload(PROGRAM, "program.st"))).kind is Kind.BUSY
    assert machine.uploads == []


async def test_a_compile_of_somebody_elses_program_is_not_taken_for_ours(
    machine: ScriptedV3, client: V3WebClient
) -> None:
    bar = "<span>Compiling: </span>Conveyor 7<h2>Compiling program</h2>"
    machine.script("compile-program", web.Response(text=bar, content_type="text/html"))
    assert (await failure_of(client.upload(PROGRAM, "program.st"))).kind is Kind.BUSY


async def test_a_compile_that_does_not_begin_is_told(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.script(
        "compile-program", web.Response(text="<h1>Internal Server Error</h1>", content_type="text/html", status=500)
    )
    failure = await failure_of(client.upload(PROGRAM, "program.st"))
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert "did not compile it" in failure.message


@pytest.mark.parametrize(
    "text",
    [
        "<h2>Error</h2><p>You need to select a file to be uploaded!</p>",
        "Invalid epoch time value: must be between 2015-01-01 and 1 year from now",
        '<meta http-equiv="refresh" content="0; url=http://198.51.100.7/compile-program?file=x.st">',
        '<meta http-equiv="refresh" content="0; url=/compile-program?file=../../etc/passwd">',
        "",
    ],
)
async def test_a_page_with_status_200_that_refuses_is_a_refusal(
    machine: ScriptedV3, client: V3WebClient, text: str
) -> None:
    machine.script("upload-program-action", web.Response(text=text, content_type="text/html"))
    failure = await failure_of(client.upload(PROGRAM, "program.st"))
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert machine.uploads == []


async def test_the_settings_say_where_modbus_is_when_the_log_does_not(machine: ScriptedV3, client: V3WebClient) -> None:
    async with modbus() as program:
        machine.settings_modbus, machine.plc, machine.log = program.address.port, "RUNNING", "(dropped)\n"
        variables = client.variables()
        assert await variables.md5() == MD5
        await variables.aclose()


async def test_modbus_disabled_in_the_settings_is_respected(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.plc, machine.log = "RUNNING", "(dropped)\n"
    failure = await failure_of(client.variables().md5())
    assert failure.kind is Kind.REFUSED
    assert "switched off" in failure.message


@pytest.mark.parametrize(
    "page",
    ["", "<html>", "<h2>Dashboard</h2>Status: <i>Dancing</i>", "<!--" * 1000, "<h3>Welcome to the coffee machine</h3>"],
)
async def test_a_page_without_a_state_is_not_the_machine(machine: ScriptedV3, client: V3WebClient, page: str) -> None:
    machine.script("dashboard", web.Response(text=page, content_type="text/html"))
    assert (await failure_of(client.status())).kind is Kind.NOT_OPENPLC


async def test_a_login_page_of_something_else_gets_no_password(machine: ScriptedV3) -> None:
    machine.script("login", web.Response(text="<h1>Router</h1>", content_type="text/html"))
    client = V3WebClient(machine.web_address, of_line(Line.V3_WEB), TIMEOUTS)
    assert (await failure_of(client.login("openplc", PASSWORD))).kind is Kind.NOT_OPENPLC
    assert machine.requests == ["GET login"]
    await client.aclose()


async def test_an_answer_without_end_is_not_read_to_its_end(machine: ScriptedV3, client: V3WebClient) -> None:
    machine.script("dashboard", web.Response(text="x" * 1_100_000, content_type="text/html"))
    assert (await failure_of(client.status())).kind is Kind.NOT_OPENPLC


@pytest.mark.parametrize("port", [0, 65536, 99999])
async def test_a_port_that_cannot_be_one_stands_in_the_way_of_no_stop(
    machine: ScriptedV3, client: V3WebClient, port: int
) -> None:
    machine.settings_modbus = port
    client._last_port = 1  # where nobody listens
    assert (await client.stop()).state is PlcState.STOPPED


async def test_what_a_page_says_cannot_steer_a_terminal(machine: ScriptedV3, client: V3WebClient) -> None:
    page = web.Response(text="<p>no\x1b]0;owned\x07 \x9b2J way</p>", content_type="text/html")
    machine.script("upload-program-action", page)
    failure = await failure_of(client.upload(PROGRAM, "program.st"))
    assert "no 2J way" in failure.message
    assert failure.message.isprintable()
