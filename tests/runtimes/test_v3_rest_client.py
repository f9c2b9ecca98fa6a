"""The REST interface of Runtime v3 against recorded and unkind answers; what it shares with the web pages is tested elsewhere."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import AsyncIterator, Awaitable

import pytest
from aiohttp import web

from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState
from rung.runtimes.tls import CertificateMismatch
from rung.runtimes.v3_rest import V3RestClient
from rung.runtimes.way import Direct
from runtimes.scripted_device import PASSWORD, QUICK, Identity
from runtimes.scripted_v3 import ScriptedV3

TIMEOUTS = dataclasses.replace(QUICK, watch=0.3)


@pytest.fixture
async def machine(identity: Identity) -> AsyncIterator[ScriptedV3]:
    made = ScriptedV3(identity)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(machine: ScriptedV3) -> AsyncIterator[V3RestClient]:
    made = V3RestClient(Direct(machine.rest_address, machine.identity.pin), of_line(Line.V3), TIMEOUTS, 1)
    await made.login("ide", PASSWORD)
    yield made
    await made.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_the_first_user_is_created_once(machine: ScriptedV3) -> None:
    machine.users.clear()
    client = V3RestClient(Direct(machine.rest_address, machine.identity.pin), of_line(Line.V3), TIMEOUTS)
    await client.create_first_user("ide", PASSWORD)
    failure = await failure_of(client.create_first_user("mallory", "x"))
    assert failure.kind is Kind.CREDENTIALS
    assert list(machine.users) == ["ide"]
    await client.aclose()


async def test_a_wrong_password_is_a_bare_json_text_and_a_matter_of_credentials(machine: ScriptedV3) -> None:
    client = V3RestClient(Direct(machine.rest_address, machine.identity.pin), of_line(Line.V3), TIMEOUTS)
    failure = await failure_of(client.login("ide", "nope-1234"))
    assert failure.kind is Kind.CREDENTIALS
    assert "nope-1234" not in "".join(traceback.format_exception(failure))
    await client.aclose()


async def test_nothing_is_said_to_a_machine_with_another_certificate(machine: ScriptedV3, stranger: Identity) -> None:
    client = V3RestClient(Direct(machine.rest_address, stranger.pin), of_line(Line.V3), TIMEOUTS)
    assert isinstance(await failure_of(client.login("ide", PASSWORD)), CertificateMismatch)
    assert machine.requests == []
    await client.aclose()


@pytest.mark.parametrize(
    ("status", "msg"),
    [
        (401, "Token has expired"),
        (401, "Token has been revoked"),
        (401, "Error loading the user 1"),
        (422, "Not enough segments"),
        (422, "Signature verification failed"),
    ],
)
async def test_a_refused_token_is_renewed_once(
    machine: ScriptedV3, client: V3RestClient, status: int, msg: str
) -> None:
    machine.script("status", machine.json({"msg": msg}, status))
    assert (await client.status()).state is PlcState.STOPPED
    machine.script("status", *(machine.json({"msg": msg}, status) for _ in range(2)))
    assert (await failure_of(client.status())).kind is Kind.CREDENTIALS


async def test_a_state_that_is_not_known_yet_is_unknown(machine: ScriptedV3, client: V3RestClient) -> None:
    machine.plc = "SOMETHING_NEW"
    assert (await client.status()).state is PlcState.UNKNOWN


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "Unknown argument"},
        {"status": None},
        {"status": "START:OK"},
        ["STATUS:RUNNING"],
        "STATUS:RUNNING",
    ],
)
async def test_an_ok_without_a_state_is_none(machine: ScriptedV3, client: V3RestClient, answer: object) -> None:
    machine.script("status", machine.json(answer))
    failure = await failure_of(client.status())
    assert failure.kind is Kind.NOT_OPENPLC
    assert "Runtime v3" in failure.message


async def test_a_page_in_the_place_of_json_is_told(machine: ScriptedV3, client: V3RestClient) -> None:
    machine.script("status", web.Response(text="<h1>Internal Server Error</h1>", content_type="text/html", status=500))
    assert (await failure_of(client.status())).kind is Kind.NOT_OPENPLC


async def test_an_answer_without_end_is_not_read_to_its_end(machine: ScriptedV3, client: V3RestClient) -> None:
    machine.script("status", machine.json({"status": "x" * 1_100_000}))
    assert (await failure_of(client.status())).kind is Kind.NOT_OPENPLC


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"CompilationStatus": "FAILED", "UploadFileFail": "No file part in the request"}),
        (200, {"PostRequestError": "Unknown argument"}),
        (500, {"error": "Object of type Row is not JSON serializable"}),
        (500, {"error": "'utf-8' codec can't decode byte 0xe9"}),
    ],
)
async def test_a_refused_upload_is_read_from_its_fields(
    machine: ScriptedV3, client: V3RestClient, status: int, answer: dict[str, str]
) -> None:
    machine.script("upload-file", machine.json(answer, status))
    failure = await failure_of(client.upload(b"PROGRAM main", "program.st"))
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert next(reversed(answer.values())) in failure.message


async def test_compiling_in_a_refusal_does_not_mean_ours(machine: ScriptedV3, client: V3RestClient) -> None:
    answer = {"CompilationStatus": "COMPILING", "UploadFileFail": "Runtime is compiling another program, please wait"}
    machine.script("upload-file", machine.json(answer))
    assert (await failure_of(client.upload(b"PROGRAM main", "program.st"))).kind is Kind.BUSY


async def test_what_a_machine_says_is_cleaned(machine: ScriptedV3, client: V3RestClient) -> None:
    machine.script(
        "upload-file", machine.json({"UploadFileFail": "\x1b[2Jbad\u202etxt", "CompilationStatus": "FAILED"})
    )
    failure = await failure_of(client.upload(b"PROGRAM main", "program.st"))
    assert "badtxt" in failure.message
    assert failure.message.isprintable()


@pytest.mark.parametrize("answer", [{"runtime-logs": [1]}, {"error": "Unknown argument"}])
async def test_a_log_of_another_form_is_none(machine: ScriptedV3, client: V3RestClient, answer: object) -> None:
    machine.script("runtime-logs", machine.json(answer))
    assert (await failure_of(client.logs())).kind is Kind.NOT_OPENPLC
