"""One user takes no more than a share: of uploads, of guesses at a machine's password; and the audit log says what is known, no more."""

from __future__ import annotations

import asyncio
import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from hub.api_hub import Bench, bench, generous, runtime_says
from rung.hub.api.answers import own
from rung.hub.limits import Buckets
from rung.hub.roles import Role

HTTP = "/orchestrators/{o}/vplcs/{v}/http"


def refuse(value: str) -> object:
    raise ValueError(value)


def strictly(body: bytes) -> Any:
    """As every other program reads JSON."""
    return json.loads(body, parse_constant=refuse)


async def upload(desk: Bench, role: Role) -> int:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("program.st", "PROGRAM p END_PROGRAM")
    form = aiohttp.FormData()
    form.add_field("file", file.getvalue(), filename="program.zip", content_type="application/zip")
    path = f"{HTTP}/api/upload-file".replace("{o}", desk.here.id).replace("{v}", desk.vplc.id)
    headers = {"Authorization": f"Bearer {desk.tokens[f'Bottling {role.word}']}"}
    async with desk.http.post(f"{desk.base}/api/v1{path}", data=form, headers=headers) as answer:
        return answer.status


async def test_uploads_of_one_user_leave_room_for_those_of_others(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        release = asyncio.Event()

        async def slow(message: Mapping[str, object]) -> Mapping[str, object]:
            await release.wait()
            return runtime_says({"CompilationStatus": "COMPILING", "UploadFileFail": ""})

        desk.agents.answers["run_command api/upload-file"] = slow
        mine = [asyncio.ensure_future(upload(desk, Role.ENGINEER)) for _ in range(4)]
        refused, pending = await asyncio.wait(mine, timeout=1)
        assert [one.result() for one in refused] == [429, 429]
        other = asyncio.ensure_future(upload(desk, Role.ADMIN))
        await asyncio.sleep(0.2)
        assert not other.done()
        release.set()
        assert await other == 200
        assert [await one for one in pending] == [200, 200]


async def test_passwords_of_a_machine_are_not_guessed_through_the_hub(tmp_path: Path) -> None:
    limits = generous()
    object.__setattr__(limits, "runtime_logins", Buckets(rate=1 / 60, burst=3.0))
    async with bench(tmp_path, limits) as desk:
        body = {"username": "admin", "password": "a guess"}
        desk.agents.answers["run_command api/login"] = runtime_says({"access_token": "t"})
        for _ in range(5):
            assert (await desk.ask("POST", f"{HTTP}/api/login", Role.VIEWER, body)).status == 200, (
                "who is right may go on"
            )
        desk.agents.answers["run_command api/login"] = runtime_says({"msg": "Wrong username or password"}, 401)
        statuses = [(await desk.ask("POST", f"{HTTP}/api/login", Role.VIEWER, body)).status for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert (await desk.ask("POST", f"{HTTP}/api/login", Role.ENGINEER, body)).status == 401, (
            "others are not kept out"
        )


async def test_the_audit_log_says_that_the_runtime_answered_not_that_it_did_what_was_asked(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        desk.agents.answers["run_command api/stop-plc"] = runtime_says({"status": "STOP:ERROR"})
        await desk.ask("GET", f"{HTTP}/api/stop-plc", Role.OPERATOR)
        last = (await desk.store.audit("Bottling"))[0]
        assert (last.outcome, last.detail) == ("ok", "the runtime answered 200")


async def test_a_path_outside_the_list_is_in_the_audit_log(tmp_path: Path) -> None:
    async with bench(tmp_path) as desk:
        assert (await desk.ask("GET", f"{HTTP}/api/../secret", Role.OWNER)).status in (403, 404)
        assert (await desk.ask("DELETE", f"{HTTP}/api/everything", Role.VIEWER)).status == 403
        last = (await desk.store.audit("Bottling"))[0]
        assert (last.action, last.outcome, last.detail) == ("vplc.http", "refused", "DELETE api/everything")


async def test_numbers_that_json_does_not_have_are_none(tmp_path: Path) -> None:
    odd = {"cpu": math.nan, "memory": [1.5, -math.inf], "words": "NaN"}
    assert strictly(own(odd).body) == {"cpu": None, "memory": [1.5, None], "words": "NaN"}  # type: ignore[arg-type]
    async with bench(tmp_path) as desk:
        desk.agents.answers["run_command api/status"] = runtime_says({"status": "STATUS:RUNNING", "load": math.inf})
        answer = await desk.ask("GET", f"{HTTP}/api/status", Role.VIEWER)
        assert strictly(answer.body) == {"status": "STATUS:RUNNING", "load": None}
