"""What of a request to a runtime goes on through the hub to the agent, and what never does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from hub.api_hub import Bench, bench, runtime_says
from hub.api_raw import HTTP, head, prefix, raw
from rung.hub.api.answers import Refusal
from rung.hub.api.paths import allowed, parameters
from rung.hub.roles import Role

SECRET = "correct horse battery staple"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        made.agents.answers["run_command"] = runtime_says({"version": "v4.1.4"})
        yield made


async def test_a_request_goes_on_with_the_machine_the_path_the_port_and_nothing_else(desk: Bench) -> None:
    answer = await desk.ask(
        "GET", f"{HTTP}/api/version", Role.VIEWER, headers={"X-Forwarded-Host": "evil", "Cookie": "a=b"}
    )
    assert (answer.status, answer.json()) == (200, {"version": "v4.1.4"})
    (asked,) = desk.agents.asked
    assert asked == (
        desk.here.id,
        "run_command",
        {"device_id": desk.vplc.id, "method": "GET", "port": 8443, "api": "api/version"},
        30.0,
    )


async def test_the_runtimes_token_goes_on_and_the_hubs_never_does(desk: Bench) -> None:
    await desk.ask("GET", f"{HTTP}/api/status", headers={"Rung-Runtime-Authorization": "Bearer abc.DEF-1_2"})
    assert desk.agents.last()["headers"] == {"Authorization": "Bearer abc.DEF-1_2"}
    assert desk.tokens["Bottling owner"] not in json.dumps(desk.agents.asked)


@pytest.mark.parametrize(
    "value",
    [
        "Basic dTpw",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "bearer abc",
        "Bearer a\tb",
        "Bearer " + "a" * 8001,
        "Bearer a;b",
        "Bearer ä",
    ],
)
async def test_what_is_no_bearer_token_is_refused(desk: Bench, value: str) -> None:
    target = f"{prefix(desk)}/api/status"
    status, _ = await raw(desk, head(desk, target, f"Rung-Runtime-Authorization: {value}"))
    assert status == 400
    assert desk.agents.asked == []


async def test_two_tokens_are_refused(desk: Bench) -> None:
    two = ["Rung-Runtime-Authorization: Bearer a", "Rung-Runtime-Authorization: Bearer b"]
    status, _ = await raw(desk, head(desk, f"{prefix(desk)}/api/status", *two))
    assert status == 400
    assert desk.agents.asked == []


async def test_a_line_end_in_a_header_never_becomes_a_header(desk: Bench) -> None:
    for bad in ("Bearer a\nX-Evil: 1", "Bearer a\rX-Evil: 1", "Bearer a\0b"):
        await raw(desk, head(desk, f"{prefix(desk)}/api/status", f"Rung-Runtime-Authorization: {bad}"))
    for _, _, message, _ in desk.agents.asked:
        assert "headers" not in message or set(message["headers"]) <= {"Authorization"}  # type: ignore[call-overload]
        assert "Evil" not in json.dumps(message)


async def test_json_goes_on_as_an_object_with_its_type(desk: Bench) -> None:
    body = {"username": "chief", "password": SECRET}
    await desk.ask("POST", f"{HTTP}/api/login", Role.VIEWER, body)
    assert desk.agents.last()["data"] == body
    assert desk.agents.last()["headers"] == {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [{}, [], "", 0, None, [1], "text", 7, True])
async def test_a_body_that_an_agent_would_leave_out_or_garble_is_refused(desk: Bench, body: object) -> None:
    async with desk.http.post(
        f"{desk.base}{prefix(desk)}/api/login",
        data=json.dumps(body),
        headers={"Authorization": f"Bearer {desk.tokens['Bottling owner']}", "Content-Type": "application/json"},
    ) as answer:
        assert answer.status == 400
    assert desk.agents.asked == []


@pytest.mark.parametrize("text", ['{"a":NaN}', '{"a":1,"a":2}', "{", "[" * 100_000, '{"a":"\udcff"}'])
async def test_json_that_others_read_otherwise_is_refused(desk: Bench, text: str) -> None:
    async with desk.http.post(
        f"{desk.base}{prefix(desk)}/api/login",
        data=text.encode("utf-8", "surrogatepass"),
        headers={"Authorization": f"Bearer {desk.tokens['Bottling owner']}", "Content-Type": "application/json"},
    ) as answer:
        assert answer.status == 400
    assert desk.agents.asked == []


async def test_more_than_a_megabyte_of_json_is_refused_before_it_is_read(desk: Bench) -> None:
    status, answer = await raw(
        desk,
        head(
            desk,
            f"{prefix(desk)}/api/login",
            "Content-Type: application/json",
            "Content-Length: 1048577",
            method="POST",
        ),
    )
    assert status == 413
    assert b"upload-refused" in answer
    assert desk.agents.asked == []


async def test_a_body_where_none_belongs_is_refused(desk: Bench) -> None:
    assert (await desk.ask("GET", f"{HTTP}/api/status", body={"a": 1})).status == 400
    assert desk.agents.asked == []


async def test_parameters_go_on_if_the_request_takes_them(desk: Bench) -> None:
    await desk.ask("GET", f"{HTTP}/api/runtime-logs?id=17&level=ERROR")
    assert desk.agents.last()["params"] == {"id": "17", "level": "ERROR"}


@pytest.mark.parametrize(
    "query",
    [
        "port=8444",
        "id=1&id=2",
        "id=-1",
        "id=1%0d%0a",
        "id=",
        "id",
        "level=<b>",
        "id=1&x=2",
        "id=%EF%BC%91",
        "&" * 400,
        "a=1&" * 20,
    ],
)
async def test_other_parameters_are_refused(desk: Bench, query: str) -> None:
    status, _ = await raw(desk, head(desk, f"{prefix(desk)}/api/runtime-logs?{query}"))
    assert status == 400
    assert desk.agents.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "/api/../api/version", "/api/./version", "/api//version", "//api/version", "/api/version/", "/api/version%00", "/api%2fversion",
        "/api/%76ersion", "/%61pi/version", "/api\\version", "/api/version;x", "/api/version%3fa=b", "/api/version#a", "/api/version%23",
        "/http://evil/api/version", "/https:%2f%2fevil/", "/api/version\u00e9", "/API/VERSION", "/api/debug", "/debug", "/", "",
        "/api/../../../../me", "/api/update", "/api/restart", "/socket.io/", "/api/get-user-info/1234567890", "/api/get-user-info/٣",
        "/api/version:8444", "/api/plugin-command", "/static/x", "/api/delete-user/1/2", "/%2e%2e/api/version", "/..;/api/version",
    ],
)  # fmt: skip
async def test_a_path_outside_the_list_goes_nowhere(desk: Bench, target: str) -> None:
    request = head(desk, "TARGET").replace(b"TARGET", (prefix(desk) + target).encode())
    status, answer = await raw(desk, request)
    assert status in (400, 403, 404)
    assert b"Rung-Hub: relayed" not in answer
    assert desk.agents.asked == []


async def test_an_absolute_target_goes_nowhere(desk: Bench) -> None:
    status, _ = await raw(desk, head(desk, f"http://127.0.0.1:8443{prefix(desk)}/api/version"))
    assert status in (400, 403, 404)
    assert desk.agents.asked == []


@given(st.text(min_size=1, max_size=60))
def test_only_a_path_of_the_list_is_ever_allowed(path: str) -> None:
    try:
        row = allowed("GET", path)
    except Refusal:
        return
    assert row.pattern.fullmatch(path)
    assert not set(path) & set("%.\\?#:;@ \r\n\t\0")
    assert "//" not in path


@given(
    st.sampled_from(["api/version", "api/status", "api/start-plc"]), st.integers(0, 12), st.text(min_size=1, max_size=3)
)
def test_a_listed_path_with_anything_put_into_it_is_not_allowed(path: str, at: int, extra: str) -> None:
    changed = path[:at] + extra + path[at:]
    with pytest.raises(Refusal):
        allowed("GET", changed)


@given(st.text(max_size=120))
def test_parameters_are_refused_or_plain(query: str) -> None:
    row = allowed("GET", "api/runtime-logs")
    try:
        found = parameters(row, query)
    except Refusal:
        return
    assert set(found) <= {"id", "level"}
    assert all(value.isascii() and value.isalnum() for value in found.values())
