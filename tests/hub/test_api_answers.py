"""Whose word an answer is, the runtime's or the hub's, and what is kept of requests to runtimes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench, lost, offline, runtime_says
from hub.api_raw import HTTP
from rung.hub.roles import Role

SECRET = "correct horse battery staple"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        made.agents.answers["run_command"] = runtime_says({"version": "v4.1.4"})
        yield made


# -- whose word an answer is ----------------------------------------------------------------------------------------


async def test_a_runtimes_answer_keeps_its_status_body_and_version_and_is_marked(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says({"msg": "No users found"}, 404)
    answer = await desk.ask("GET", f"{HTTP}/api/get-users-info")
    assert answer.status == 404
    assert answer.json() == {"msg": "No users found"}
    assert answer.headers["Rung-Hub"] == "relayed"
    assert answer.headers["X-OpenPLC-Runtime-Version"] == "v4.1.4"


async def test_a_text_that_was_json_is_json_again(desk: Bench) -> None:
    said = runtime_says("Wrong username or password", 401)
    said["http_response"] |= {"content_type": "application/json"}  # type: ignore[operator]
    desk.agents.answers["run_command"] = said
    answer = await desk.ask("POST", f"{HTTP}/api/login", body={"username": "a", "password": "b"})
    assert (answer.status, answer.body.decode()) == (401, '"Wrong username or password"')
    assert answer.headers["Rung-Hub"] == "relayed", "it is not the hub that refuses"


async def test_a_large_answer_arrives_whole(desk: Bench) -> None:
    logs = [f"line {number} \u00b5" for number in range(50_000)]
    desk.agents.answers["run_command"] = runtime_says({"logs": logs, "status": "SUCCESS"})
    answer = await desk.ask("GET", f"{HTTP}/api/compilation-status")
    assert answer.json()["logs"] == logs
    assert answer.headers["Rung-Hub"] == "relayed"


async def test_a_page_of_a_runtime_is_plain_text_here(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says("<script>alert(1)</script>", 500, {"Content-Type": "text/html"})
    answer = await desk.ask("GET", f"{HTTP}/api/version")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_runtime_cannot_set_headers_of_the_hubs_answer(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says(
        {},
        200,
        {
            "Rung-Hub": "hub",
            "Set-Cookie": "a=b",
            "Location": "https://evil",
            "X-OpenPLC-Runtime-Version": "v4\r\nX-Evil: 1",
        },
    )
    answer = await desk.ask("GET", f"{HTTP}/api/version")
    assert answer.headers.getall("Rung-Hub") == ["relayed"]
    assert not {"Set-Cookie", "Location", "X-Evil", "X-OpenPLC-Runtime-Version"} & set(answer.headers)


async def test_an_unsuccessful_answer_is_still_the_runtimes(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says({"error": "boom"}, 500)
    answer = await desk.ask("GET", f"{HTTP}/api/version")
    assert (answer.status, answer.headers["Rung-Hub"]) == (500, "relayed")


@pytest.mark.parametrize("status", [None, True, "200", 99, 100, 199, 600, 2.5])
async def test_what_is_no_answer_of_a_runtime_is_not_passed_on(desk: Bench, status: object) -> None:
    said = runtime_says({})
    said["http_response"] |= {"status_code": status}  # type: ignore[operator]
    desk.agents.answers["run_command"] = said
    answer = await desk.ask("GET", f"{HTTP}/api/version")
    assert (answer.status, answer.headers["Rung-Hub"]) == (502, "hub")


REFUSED = (
    "HTTPSConnectionPool(host='172.18.0.3', port=8443): Max retries exceeded with url: /api/version (Caused by "
    'NewConnectionError("Failed to establish a new connection: [Errno 111] Connection refused"))'
)


async def test_a_runtime_that_does_not_listen_is_unreachable_and_internals_stay_inside(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says({"error": REFUSED}, 500, {})
    answer = await desk.ask("GET", f"{HTTP}/api/start-plc")
    assert (answer.status, answer.headers["Rung-Hub"]) == (502, "hub")
    told = answer.json()
    assert told["error"]["kind"] == "unreachable"
    assert "172.18" not in answer.body.decode()
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "failed")]


async def test_a_connection_that_broke_in_between_leaves_the_outcome_open(desk: Bench) -> None:
    broken = "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"
    desk.agents.answers["run_command"] = runtime_says({"error": broken}, 500, {})
    answer = await desk.ask("GET", f"{HTTP}/api/start-plc")
    told = answer.json()["error"]
    assert (answer.status, told["kind"]) == (504, "lost")
    assert "is not known" in told["message"]
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "unknown")]


async def test_an_agent_that_does_not_know_the_container_says_so(desk: Bench) -> None:
    desk.agents.answers["run_command"] = {"status": "error", "error": f"Device not found: {desk.vplc.id}"}
    answer = await desk.ask("GET", f"{HTTP}/api/version")
    assert (answer.status, answer.json()["error"]["kind"]) == (502, "unreachable")


async def test_an_offline_agent_is_503_and_nothing_is_sent(desk: Bench) -> None:
    desk.agents.answers["run_command"] = offline()
    answer = await desk.ask("GET", f"{HTTP}/api/start-plc")
    assert (answer.status, answer.json()["error"]["kind"]) == (503, "unreachable")
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "failed")]


async def test_a_lost_session_is_504_unknown_and_asked_once(desk: Bench) -> None:
    desk.agents.answers["run_command"] = lost()
    answer = await desk.ask("GET", f"{HTTP}/api/stop-plc")
    assert (answer.status, answer.json()["error"]["kind"]) == (504, "lost")
    assert len(desk.agents.asked) == 1
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "unknown")]


# -- what is kept ---------------------------------------------------------------------------------------------------


async def test_reading_leaves_no_row_and_changing_leaves_two(desk: Bench) -> None:
    await desk.ask("GET", f"{HTTP}/api/status")
    assert await desk.rows() == []
    await desk.ask("GET", f"{HTTP}/api/start-plc")
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "ok")]
    begun = (await desk.store.audit("Bottling"))[-1]
    assert (begun.detail, begun.user, begun.vplc) == ("GET api/start-plc", "Bottling-owner", desk.vplc.id)


async def test_a_role_that_is_too_small_for_a_path_is_noted(desk: Bench) -> None:
    answer = await desk.ask("GET", f"{HTTP}/api/start-plc", Role.VIEWER)
    assert answer.status == 403
    assert await desk.rows() == [("vplc.http", "refused")]


async def test_a_client_that_goes_away_does_not_end_what_it_began(desk: Bench) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slowly(message: Mapping[str, object]) -> Mapping[str, object]:
        begun.set()
        await go.wait()
        return runtime_says({"status": "STOP:OK"})

    desk.agents.answers["run_command api/stop-plc"] = slowly
    asking = asyncio.ensure_future(desk.ask("GET", f"{HTTP}/api/stop-plc"))
    await begun.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    go.set()
    for _ in range(100):
        if (rows := await desk.rows()) == [("vplc.http", "begun"), ("vplc.http", "ok")]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(rows)


async def test_what_a_stopping_hub_can_wait_for_no_longer_is_unknown(desk: Bench) -> None:
    begun = asyncio.Event()

    async def never(message: Mapping[str, object]) -> Mapping[str, object]:
        begun.set()
        await asyncio.sleep(600)
        return {}

    desk.agents.answers["run_command api/stop-plc"] = never
    asking = asyncio.ensure_future(desk.ask("GET", f"{HTTP}/api/stop-plc"))
    await begun.wait()
    await desk.runner.cleanup()
    await desk.desk.settle()
    await asyncio.gather(asking, return_exceptions=True)
    assert await desk.rows() == [("vplc.http", "begun"), ("vplc.http", "unknown")]


async def test_a_user_has_sixteen_requests_at_a_time(desk: Bench) -> None:
    begun, go = asyncio.Semaphore(0), asyncio.Event()

    async def slowly(message: Mapping[str, object]) -> Mapping[str, object]:
        begun.release()
        await go.wait()
        return runtime_says({})

    desk.agents.answers["run_command"] = slowly
    many = [asyncio.ensure_future(desk.ask("GET", f"{HTTP}/api/ping", Role.VIEWER)) for _ in range(16)]
    for _ in many:
        await begun.acquire()
    assert (await desk.ask("GET", "/me", Role.VIEWER)).status == 429
    assert (await desk.ask("GET", "/me", Role.ENGINEER)).status == 200
    go.set()
    assert {answer.status for answer in await asyncio.gather(*many)} == {200}


async def test_no_password_or_token_is_in_the_log_or_the_audit_log(desk: Bench) -> None:
    desk.agents.answers["run_command"] = runtime_says({"access_token": "jwt-" + SECRET})
    await desk.ask(
        "POST", f"{HTTP}/api/login", body={"username": "chief", "password": SECRET},
        headers={"Rung-Runtime-Authorization": "Bearer runtime-token"},
    )  # fmt: skip
    await desk.ask("GET", f"{HTTP}/api/runtime-logs?id=42424242")
    desk.agents.answers["run_command"] = ValueError(SECRET)
    assert (await desk.ask("POST", f"{HTTP}/api/login", body={"username": "a", "password": SECRET})).status == 500
    kept = desk.log.getvalue() + repr(await desk.store.audit("Bottling"))
    for secret in (SECRET, "runtime-token", desk.tokens["Bottling owner"], "42424242"):
        assert secret not in kept
    assert "mistake" in desk.log.getvalue()
