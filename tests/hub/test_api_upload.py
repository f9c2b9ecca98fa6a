"""A program on its way through the hub: a form becomes files in base64, or is refused before anything is sent."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import FormData

from hub.api_hub import Bench, bench, runtime_says
from hub.api_raw import head, prefix, raw
from rung.hub.roles import Role


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        made.agents.answers["run_command"] = runtime_says({"version": "v4.1.4"})
        made.tokens = dict(made.tokens)  # the bench shares them with others
        yield made


def upload(content: bytes, name: str = "program.zip", also: Mapping[str, str] | None = None) -> FormData:
    form = FormData()
    for key, value in (also or {}).items():
        form.add_field(key, value)
    form.add_field("file", content, filename=name, content_type="application/zip")
    return form


async def send(desk: Bench, form: FormData, role: Role = Role.ENGINEER) -> tuple[int, dict[str, object]]:
    async with desk.http.post(
        f"{desk.base}{prefix(desk)}/api/upload-file?clean=1",
        data=form,
        headers={
            "Authorization": f"Bearer {desk.tokens[f'Bottling {role.word}']}",
            "Rung-Runtime-Authorization": "Bearer abc",
        },
    ) as answer:
        return answer.status, await answer.json(content_type=None)


async def send_raw(desk: Bench, body: bytes) -> int:
    """A form as no library would make it."""
    headers = {
        "Authorization": f"Bearer {desk.tokens['Bottling owner']}",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    async with desk.http.post(f"{desk.base}{prefix(desk)}/api/upload-file", data=body, headers=headers) as answer:
        return answer.status


async def test_a_program_of_some_megabytes_goes_on_whole(desk: Bench) -> None:
    program = bytes(range(256)) * 12_000
    status, _ = await send(desk, upload(program))
    assert status == 200
    files = desk.agents.asked[0][2]["files"]
    assert isinstance(files, dict)
    assert base64.b64decode(files["file"]["content_base64"]) == program


async def test_an_upload_goes_on_as_a_file_without_a_content_type_header(desk: Bench) -> None:
    program = bytes(range(256)) * 40
    status, _ = await send(desk, upload(program))
    assert status == 200
    orchestrator, _, message, patience = desk.agents.asked[0]
    assert message["headers"] == {"Authorization": "Bearer abc"}, (
        "with a Content-Type the agent would not write the form's own"
    )
    assert message["params"] == {"clean": "1"}
    assert "data" not in message
    files = message["files"]
    assert isinstance(files, dict)
    assert files["file"]["filename"] == "program.zip"
    assert files["file"]["content_type"] == "application/zip"
    assert base64.b64decode(files["file"]["content_base64"]) == program
    assert (orchestrator, patience) == (desk.here.id, 120.0)


async def test_an_ordinary_field_travels_as_a_file_of_its_name(desk: Bench) -> None:
    await send(desk, upload(b"zip", also={"snapshot_metadata": '{"projectName":"x"}'}))
    files = desk.agents.last()["files"]
    assert isinstance(files, dict)
    assert base64.b64decode(files["snapshot_metadata"]["content_base64"]) == b'{"projectName":"x"}'
    assert files["snapshot_metadata"]["filename"] == "snapshot_metadata"


@pytest.mark.parametrize(
    ("said", "goes_on"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a.zip", "a.zip"),
        ("a;b'c%0d%0a.zip", "a_b_c_0d_0a.zip"),
        ("..", "file"),
        ("\u00fc" * 300, "_" * 100),
        ("a\u202egpj.zip", "a_gpj.zip"),
    ],
)
async def test_a_files_name_is_cleaned(desk: Bench, said: str, goes_on: str) -> None:
    quoted = said.replace("\\", "\\\\")
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\nContent-Type: a/b\r\n\r\nzip\r\n--x--\r\n'
    assert await send_raw(desk, body.encode()) == 200
    files = desk.agents.last()["files"]
    assert isinstance(files, dict)
    assert files["file"]["filename"] == goes_on


async def test_an_empty_file_is_refused_because_an_agent_leaves_it_out(desk: Bench) -> None:
    status, _ = await send(desk, upload(b""))
    assert status == 400
    assert desk.agents.asked == []


async def test_an_upload_that_is_too_large_is_refused_before_it_is_read(desk: Bench) -> None:
    status, answer = await raw(
        desk,
        head(
            desk,
            f"{prefix(desk)}/api/upload-file",
            "Content-Type: multipart/form-data; boundary=x",
            "Content-Length: 24000001",
            method="POST",
        ),
    )
    assert status == 413
    assert b"upload-refused" in answer
    assert desk.agents.asked == []


async def test_an_upload_of_unknown_length_is_refused(desk: Bench) -> None:
    status, _ = await raw(
        desk,
        head(
            desk,
            f"{prefix(desk)}/api/upload-file",
            "Content-Type: multipart/form-data; boundary=x",
            "Transfer-Encoding: chunked",
            method="POST",
        ),
    )
    assert status == 411


@pytest.mark.parametrize("body", [b"", b"--x", b"--x--\r\n", b"--x\r\n\r\nno name\r\n--x--\r\n", b"\0" * 100])
async def test_what_is_no_form_is_refused(desk: Bench, body: bytes) -> None:
    assert await send_raw(desk, body) == 400
    assert desk.agents.asked == []


async def test_a_seventh_upload_at_a_time_waits_outside(desk: Bench) -> None:
    begun, go = asyncio.Semaphore(0), asyncio.Event()

    async def slowly(message: Mapping[str, object]) -> Mapping[str, object]:
        begun.release()
        await go.wait()
        return runtime_says({})

    desk.agents.answers["run_command api/upload-file"] = slowly
    users = (Role.ENGINEER, Role.ADMIN, Role.OWNER)
    six = [asyncio.ensure_future(send(desk, upload(b"zip"), role)) for role in users for _ in range(2)]
    for _ in six:
        await begun.acquire()
    fitter = await desk.store.add_user("Bottling", "fitter", Role.ENGINEER)
    desk.tokens["Bottling engineer"] = await desk.store.issue_token(fitter, "", None)
    status, told = await send(desk, upload(b"zip"))
    assert status == 429
    assert told["error"]["kind"] == "busy"  # type: ignore[index]
    go.set()
    assert [status for status, _ in await asyncio.gather(*six)] == [200] * 6
