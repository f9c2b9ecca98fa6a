"""Who may do what in the editors' interface. The cases are made from the table of routes, so no route can be forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench, runtime_says
from rung.hub.api.paths import ALLOWED, METHODS, Content
from rung.hub.api.routes import ROUTES, Audit, Route
from rung.hub.limits import Buckets
from rung.hub.roles import Role

NOWHERE = "0" * 32
NO_VPLC = "00000000-0000-4000-8000-000000000000"
BEHIND_MACHINES = [route for route in ROUTES if "{o}" in route.path]
CHANGING = [route for route in ROUTES if route.audit is Audit.YES]


def ids(route: Route) -> str:
    return route.name


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


def path_of(route: Route, o: str = "{o}", v: str = "{v}") -> str:
    path = route.path.replace("{o}", o).replace("{v}", v).replace("{path:.*}", "api/version")
    return path.replace("{id}", NOWHERE).replace("{name}", "Bottling-viewer")


def method_of(route: Route) -> str:
    return "GET" if route.method == "*" else route.method


@pytest.mark.parametrize("route", ROUTES, ids=ids)
async def test_nobody_gets_in_without_a_valid_token(desk: Bench, route: Route) -> None:
    viewer = desk.users["Bottling owner"]
    past = await desk.store.issue_token(viewer, "old", datetime.now(timezone.utc) - timedelta(seconds=1))
    gone = await desk.store.add_user("Bottling", "left", Role.OWNER)
    gone_token = await desk.store.issue_token(gone, "left", None)
    await desk.store.disable_user(gone)
    good = desk.tokens["Bottling owner"]
    answers = set()
    for given in (None, "", "Bearer ", "Bearer garbage", f"Bearer {past}", f"Bearer {gone_token}", f"Basic {good}", f"Bearer {good}x", good):  # fmt: skip
        headers = {} if given is None else {"Authorization": given}
        answer = await desk.ask(method_of(route), path_of(route), role=None, headers=headers)
        answers.add((answer.status, answer.body))
    assert len(answers) == 1, "every refusal is the same, byte for byte"
    assert answers.pop()[0] == 401
    assert desk.agents.asked == []


@pytest.mark.parametrize("route", ROUTES, ids=ids)
async def test_two_tokens_in_one_request_are_none(desk: Bench, route: Route) -> None:
    good = f"Bearer {desk.tokens['Bottling owner']}"
    path = path_of(route, desk.here.id, desk.vplc.id)
    async with desk.http.request(
        method_of(route), f"{desk.base}/api/v1{path}", headers=[("Authorization", good), ("Authorization", good)]
    ) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("route", [route for route in ROUTES if route.role > Role.VIEWER], ids=ids)
async def test_a_role_below_the_needed_one_is_refused_and_noted(desk: Bench, route: Route) -> None:
    lower = [role for role in Role if role < route.role]
    for role in lower:
        answer = await desk.ask(method_of(route), path_of(route), role)
        assert answer.status == 403, role
        assert answer.json()["error"]["kind"] == "credentials"
    assert desk.agents.asked == []
    assert await desk.rows() == [(route.name, "refused")] * len(lower)


@pytest.mark.parametrize("route", ROUTES, ids=ids)
async def test_the_needed_role_passes_the_doors(desk: Bench, route: Route) -> None:
    if route.name == "events":
        return  # it answers for ever; test_api_events has it
    answer = await desk.ask(method_of(route), path_of(route), route.role)
    assert answer.status not in (401, 403)


@pytest.mark.parametrize("route", BEHIND_MACHINES, ids=ids)
async def test_absent_and_foreign_are_the_same_bytes_for_every_role(desk: Bench, route: Route) -> None:
    for role in Role:
        if role < route.role:
            continue
        answers = []
        for o, v in (
            (NOWHERE, NO_VPLC),
            (desk.there.id, desk.their_vplc.id),
            (desk.there.id, NO_VPLC),
            ("x y", "..%2f"),
        ):
            answer = await desk.ask(method_of(route), path_of(route, o, v), role)
            answers.append((answer.status, answer.body, sorted(set(answer.headers) - {"Date"})))
        assert answers[0][0] == 404
        assert all(answer == answers[0] for answer in answers)
    assert desk.agents.asked == []


@pytest.mark.parametrize("route", [route for route in BEHIND_MACHINES if "{v}" in route.path], ids=ids)
async def test_a_vplc_of_another_orchestrator_is_absent(desk: Bench, route: Route) -> None:
    for v in (desk.their_vplc.id, NO_VPLC):
        answer = await desk.ask(method_of(route), path_of(route, desk.here.id, v))
        assert answer.status == 404
    assert desk.agents.asked == []


@pytest.mark.parametrize("route", BEHIND_MACHINES, ids=ids)
async def test_absent_and_foreign_ask_the_database_the_same(
    desk: Bench, route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []
    for name in ("orchestrator", "vplc", "note", "user_of_token", "vplcs"):

        def spy(name: str = name) -> None:
            real = getattr(desk.store, name)

            async def counted(*words: object) -> object:
                questions.append(name)
                return await real(*words)

            monkeypatch.setattr(type(desk.store), name, lambda self, *words: counted(*words))

        spy()
    seen = []
    for o, v in ((NOWHERE, NO_VPLC), (desk.there.id, desk.their_vplc.id)):
        questions.clear()
        assert (await desk.ask(method_of(route), path_of(route, o, v))).status == 404
        seen.append(list(questions))
    assert seen[0] == seen[1], "like work takes like time"


@pytest.mark.parametrize("route", CHANGING, ids=ids)
async def test_every_change_leaves_its_beginning_and_its_end_in_the_audit_log(desk: Bench, route: Route) -> None:
    answer = await desk.ask(method_of(route), path_of(route), Role.OWNER)
    rows = [row for row in await desk.rows() if row[0] == route.name]
    assert rows[0] == (route.name, "begun")
    assert len(rows) == 2
    assert rows[1][1] == ("ok" if answer.status < 400 else "refused" if answer.status < 500 else "failed")


@pytest.mark.parametrize("route", [route for route in CHANGING if "{o}" in route.path], ids=ids)
async def test_a_change_to_what_is_not_there_is_noted_as_refused(desk: Bench, route: Route) -> None:
    await desk.ask(method_of(route), path_of(route, desk.there.id, desk.their_vplc.id))
    assert await desk.rows() == [(route.name, "refused")]
    assert await desk.rows("Dairy") == [], "the other tenant is not bothered with it"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.destroys], ids=ids)
async def test_what_destroys_asks_for_the_name_first(desk: Bench, route: Route) -> None:
    for typed in (None, "", "line 1", "Filler ", "yes"):
        answer = await desk.ask(method_of(route), path_of(route), body={"typed": typed} if typed is not None else None)
        told = answer.json()
        assert answer.status == 409
        assert told["needsConfirmation"] is True
        assert told["type"] in ("Line 1", "Filler")
    assert not {"delete_device", "delete_orchestrator"} & set(desk.agents.topics())
    assert await desk.store.orchestrator("Bottling", desk.here.id) is not None
    assert desk.agents.dropped == []


def test_a_route_without_a_role_cannot_be_added() -> None:
    with pytest.raises(TypeError, match="has no role"):
        replace(ROUTES[0], role=None)  # type: ignore[arg-type]  # that is the point


def test_a_route_that_changes_something_must_be_in_the_audit_log() -> None:
    with pytest.raises(ValueError, match="must be in the audit log"):
        replace(ROUTES[0], method="POST", audit=Audit.NO)


def test_names_and_paths_of_routes_are_unique() -> None:
    assert len({route.name for route in ROUTES}) == len(ROUTES) == len({(route.method, route.path) for route in ROUTES})


async def test_what_is_in_no_table_is_absent_or_not_allowed(desk: Bench) -> None:
    nothing = await desk.ask("GET", "/secrets")
    assert nothing.status == 404
    assert nothing.headers["Rung-Hub"] == "hub"
    wrong = await desk.ask("PUT", "/me")
    assert wrong.status == 405
    assert wrong.headers["Rung-Hub"] == "hub"


# -- the runtime's own paths, each with its role -------------------------------------------------------------------


def example(pattern: str) -> str:
    return pattern.replace("\\-", "-").replace("[0-9]{1,9}", "7")


@pytest.mark.parametrize("row", ALLOWED, ids=lambda row: f"{row.method} {row.pattern.pattern}")
async def test_every_path_of_a_runtime_has_its_own_role(desk: Bench, row: object) -> None:
    from rung.hub.api.paths import Allowed

    assert isinstance(row, Allowed)
    desk.agents.answers["run_command"] = runtime_says({"status": "STATUS:STOPPED"})
    path = f"/orchestrators/{{o}}/vplcs/{{v}}/http/{example(row.pattern.pattern)}"
    body = {"username": "u", "password": "p"} if row.content is Content.JSON else None
    for role in Role:
        answer = await desk.ask(row.method, path, role, body)
        if role < row.role:
            assert answer.status == 403
            assert answer.headers["Rung-Hub"] == "hub"
            assert desk.agents.asked == []
        elif row.content is not Content.FORM:
            assert answer.status == 200
            assert answer.headers["Rung-Hub"] == "relayed"
    for method in {*METHODS, "PATCH", "HEAD", "OPTIONS"} - {
        one.method for one in ALLOWED if one.pattern == row.pattern
    }:
        assert (await desk.ask(method, path, Role.OWNER)).status in (403, 405), method


async def test_only_some_attempts_without_a_token_are_answered(tmp_path: Path) -> None:
    from hub.api_hub import generous

    limits = replace(generous(), failed_tokens=Buckets(rate=0.001, burst=3))
    async with bench(tmp_path, limits) as desk:
        statuses = [(await desk.ask("GET", "/me", role=None)).status for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]
        assert (await desk.ask("GET", "/me")).status == 200, (
            "whoever has a token behind the same address is not locked out"
        )


async def test_a_user_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    from hub.api_hub import generous

    async with bench(tmp_path, replace(generous(), users=Buckets(rate=0.1, burst=2))) as desk:
        answers = [await desk.ask("GET", "/me") for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert int(answers[2].headers["Retry-After"]) >= 1
        assert (await desk.ask("GET", "/me", Role.VIEWER)).status == 200, "others are not held up"
