"""Orchestrators, enrolments, users and the audit log over the editors' interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import pytest_asyncio

from hub.api_hub import Bench, bench, lost, offline
from hub.stocked import certificate, enrolled
from rung import __version__
from rung.hub.roles import Role

ONE = "/orchestrators/{o}"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


# -- who and what ---------------------------------------------------------------------------------------------------


async def test_me(desk: Bench) -> None:
    told = (await desk.ask("GET", "/me", Role.OPERATOR)).json()
    assert told == {
        "user": "Bottling-operator", "tenant": "Bottling", "role": "operator", "hub": {"version": __version__}
    }  # fmt: skip


async def test_the_list_has_the_tenants_orchestrators_only_and_asks_no_agent(desk: Bench) -> None:
    (shown,) = (await desk.ask("GET", "/orchestrators", Role.VIEWER)).json()["orchestrators"]
    assert (shown["name"], shown["online"], shown["revoked"]) == ("Line 1", True, None)
    assert [one["name"] for one in shown["vplcs"]] == ["Filler"]
    assert len(shown["certificate"]["fingerprint"]) == 64
    assert desk.agents.asked == []
    (theirs,) = (await desk.ask("GET", "/orchestrators", tenant="Dairy")).json()["orchestrators"]
    assert theirs["name"] == "Line 9"


async def test_one_orchestrator_is_shown_with_what_its_agent_can_do(desk: Bench) -> None:
    shown = (await desk.ask("GET", ONE, Role.VIEWER)).json()
    assert shown["agent"] == {"version": None, "watchesVariables": True, "startsContainers": False}
    desk.agents.raw_debug = False
    assert (await desk.ask("GET", ONE, Role.VIEWER)).json()["agent"]["watchesVariables"] is False


async def test_an_offline_orchestrator_is_shown_as_such(desk: Bench) -> None:
    desk.agents.away.add(desk.here.id)
    shown = (await desk.ask("GET", ONE, Role.VIEWER)).json()
    assert (shown["online"], shown["agent"]) == (False, None)


async def test_renaming_is_told_to_everybody(desk: Bench) -> None:
    subscription = desk.desk.bus.subscribe("Bottling")
    told = (await desk.ask("PATCH", ONE, Role.ADMIN, {"name": "Line 2", "description": "by the gate"})).json()
    assert (told["name"], told["description"]) == ("Line 2", "by the gate")
    event = await anext(subscription)
    assert (event.kind, event.data["name"]) == ("orchestrator", "Line 2")
    assert (await desk.ask("PATCH", ONE, body={"name": "no/slash"})).status == 409


async def test_what_the_host_has(desk: Bench) -> None:
    desk.agents.answers |= {
        "get_host_interfaces": {"status": "success", "interfaces": [{"name": "eth0"}]},
        "get_serial_devices": {"status": "success", "devices": [{"path": "/dev/ttyUSB0"}], "count": 1},
        "get_consumption_orchestrator": {"action": "x", "correlation_id": 5, "cpu": 2, "cpu_usage": []},
    }
    assert (await desk.ask("GET", f"{ONE}/interfaces?virtual=1", Role.ADMIN)).json() == {
        "interfaces": [{"name": "eth0"}]
    }
    assert desk.agents.last() == {"include_virtual": True}, "the agent takes a boolean only"
    assert (await desk.ask("GET", f"{ONE}/serial-devices", Role.ADMIN)).json()["devices"] == [{"path": "/dev/ttyUSB0"}]
    told = (await desk.ask("GET", f"{ONE}/consumption?cpu=90s&memory=7d", Role.VIEWER)).json()
    assert told == {"cpu": 2, "cpu_usage": []}
    assert desk.agents.last() == {"cpuPeriod": "90", "memoryPeriod": "7d"}


async def test_an_agents_refusal_is_502_in_its_words(desk: Bench) -> None:
    desk.agents.answers["get_host_interfaces"] = {"status": "error", "error": "No interfaces\n\x1b[2Jreported yet"}
    answer = await desk.ask("GET", f"{ONE}/interfaces")
    assert answer.status == 502
    assert answer.json()["error"]["message"] == "The orchestrator refused: No interfacesreported yet."


# -- the end --------------------------------------------------------------------------------------------------------


async def test_revoking_ends_the_session_and_stays(desk: Bench) -> None:
    assert (await desk.ask("POST", f"{ONE}/revoke", body={"typed": "Line 1"})).json() == {"ok": True}
    assert desk.agents.dropped == [desk.here.id]
    assert (await desk.ask("GET", ONE)).json()["revoked"] is not None
    assert [row for row in await desk.rows() if row[0] == "orchestrator.revoke"] == [
        ("orchestrator.revoke", "begun"), ("orchestrator.revoke", "ok")
    ]  # fmt: skip


async def test_forgetting_one_touches_nothing_on_its_host(desk: Bench) -> None:
    assert (await desk.ask("DELETE", ONE, body={"typed": "Line 1"})).status == 200
    assert desk.agents.asked == []
    assert desk.agents.dropped == [desk.here.id]
    assert (await desk.ask("GET", ONE)).status == 404


async def test_uninstalling_with_a_program_that_may_run_is_confirmed_twice(desk: Bench) -> None:
    desk.agents.answers |= {
        "delete_orchestrator": {"status": "accepted", "message": "going", "poll_device_id": "__orchestrator__"},
        "get_device_status": {"status": "success", "is_running": True, "container_status": "running"},
    }
    first = await desk.ask("DELETE", ONE, body={"uninstall": True})
    assert (first.status, first.json()["type"]) == (409, "Line 1")
    assert "all its vPLCs" in first.json()["message"]
    second = await desk.ask("DELETE", ONE, body={"uninstall": True, "typed": "Line 1"})
    assert (second.status, second.json()["running"]) == (409, True)
    assert "Filler" in second.json()["message"]
    assert "delete_orchestrator" not in desk.agents.topics()
    third = await desk.ask("DELETE", ONE, body={"uninstall": True, "typed": "Line 1", "running": True})
    assert third.status == 202
    assert desk.agents.topics().count("delete_orchestrator") == 1


async def test_an_uninstalled_one_is_forgotten_when_its_agent_has_gone(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.hub.api.orchestrators._REMOVAL_PAUSE", 0.01)
    monkeypatch.setattr("rung.hub.api.orchestrators._AWAY_FOR_GOOD", 0.3)
    desk.agents.answers |= {
        "delete_orchestrator": {"status": "accepted"},
        "get_device_status": {"status": "not_found"},
    }
    await desk.ask("DELETE", ONE, body={"uninstall": True, "typed": "Line 1"})
    await asyncio.sleep(0.05)
    assert (await desk.ask("GET", ONE)).status == 200, "still at it"
    desk.agents.away.add(desk.here.id)
    await asyncio.sleep(0.1)
    assert (await desk.ask("GET", ONE)).status == 200, "a lost connection is not the end of a removal: it may come back"
    desk.agents.away.discard(desk.here.id)
    await asyncio.sleep(0.4)
    assert (await desk.ask("GET", ONE)).status == 200, "it came back"
    desk.agents.answers["get_device_status"] = offline()  # another hub process holds it and cannot be reached
    await asyncio.sleep(0.4)
    assert (await desk.ask("GET", ONE)).status == 200, "that it cannot be asked does not say that it has gone"
    desk.agents.away.add(desk.here.id)
    for _ in range(200):
        if (await desk.ask("GET", ONE)).status == 404:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it is still in the list")


async def test_an_uninstalling_that_fails_leaves_it_in_the_list(desk: Bench) -> None:
    desk.agents.answers |= {
        "delete_orchestrator": {"status": "accepted"},
        "get_device_status": {"status": "not_found"},
    }
    await desk.ask("DELETE", ONE, body={"uninstall": True, "typed": "Line 1"})
    desk.agents.answers["get_device_status"] = {"status": "error", "operation": "delete", "error": "netmon is stuck"}
    await asyncio.sleep(0.05)
    assert (await desk.ask("GET", ONE)).status == 200


@pytest.mark.parametrize(("failure", "status", "outcome"), [(offline(), 503, "failed"), (lost(), 504, "unknown")])
async def test_an_uninstalling_that_the_agent_may_not_have_heard_keeps_the_record(
    desk: Bench, failure: Exception, status: int, outcome: str
) -> None:
    desk.agents.answers["delete_orchestrator"] = failure
    desk.agents.answers["get_device_status"] = {"status": "not_found"}
    assert (await desk.ask("DELETE", ONE, body={"uninstall": True, "typed": "Line 1"})).status == status
    assert (await desk.ask("GET", ONE)).status == 200
    assert (await desk.rows())[-1] == ("orchestrator.delete", outcome)


# -- enrolments -----------------------------------------------------------------------------------------------------


async def test_an_enrolment_goes_from_waiting_to_online(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.hub.api.enrolments.install_command", lambda settings, id: f"install {id}")
    answer = await desk.ask("POST", "/enrolments", Role.ADMIN, {"name": "Line 5"})
    told = answer.json()
    assert (answer.status, told["command"]) == (201, f"install {told['id']}")
    left = datetime.fromisoformat(told["expiresAt"].replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(minutes=4, seconds=50) < left <= timedelta(minutes=5)
    path = f"/enrolments/{told['id']}"
    assert (await desk.ask("GET", path, Role.ADMIN)).json() == {"id": told["id"], "state": "waiting"}
    assert (await desk.ask("GET", path, tenant="Dairy")).status == 404
    desk.agents.away.add(told["id"])
    await desk.store.complete_enrolment(told["id"], certificate())
    assert (await desk.ask("GET", path)).json()["state"] == "enrolled"
    desk.agents.away.clear()
    assert (await desk.ask("GET", path)).json() == {"id": told["id"], "state": "online", "orchestrator": told["id"]}


async def test_an_enrolment_expires(desk: Bench) -> None:
    past = datetime.now(timezone.utc) - timedelta(seconds=1)
    made = await desk.store.create_enrolment(desk.users["Bottling admin"], "Line 6", "", past)
    assert (await desk.ask("GET", f"/enrolments/{made.id}")).json()["state"] == "expired"


async def test_an_enrolments_name_must_be_free(desk: Bench) -> None:
    assert (await desk.ask("POST", "/enrolments", body={"name": "line 1"})).status == 409


async def test_an_orchestrator_enrolled_in_the_meantime_is_listed(desk: Bench) -> None:
    await enrolled(desk.store, desk.users["Bottling admin"], "Line 7")
    names = [one["name"] for one in (await desk.ask("GET", "/orchestrators")).json()["orchestrators"]]
    assert sorted(names) == ["Line 1", "Line 7"]


# -- users and the audit log ----------------------------------------------------------------------------------------


async def test_a_new_users_token_works_at_once_and_is_in_no_log(desk: Bench) -> None:
    answer = await desk.ask("POST", "/users", body={"name": "fitter", "role": "engineer", "days": 30})
    token = answer.json()["token"]
    assert (answer.status, answer.json()["user"]["role"]) == (201, "engineer")
    mine = await desk.ask("GET", "/me", role=None, headers={"Authorization": f"Bearer {token}"})
    assert (mine.json()["user"], mine.json()["tenant"]) == ("fitter", "Bottling")
    assert token not in desk.log.getvalue() + repr(await desk.store.audit("Bottling"))


async def test_roles_change_and_tokens_die_at_once(desk: Bench) -> None:
    viewer = desk.tokens["Bottling viewer"]
    await desk.ask("PATCH", "/users/Bottling-viewer", body={"role": "admin"})
    assert (await desk.ask("GET", "/audit", Role.VIEWER)).status == 200
    assert (await desk.ask("DELETE", "/users/Bottling-viewer/tokens")).json() == {"revoked": 1}
    assert (await desk.ask("GET", "/me", role=None, headers={"Authorization": f"Bearer {viewer}"})).status == 401
    again = (await desk.ask("POST", "/users/Bottling-viewer/tokens", body={"label": "CI", "days": 1})).json()["token"]
    bearer = {"Authorization": f"Bearer {again}"}
    assert (await desk.ask("GET", "/me", role=None, headers=bearer)).status == 200
    await desk.ask("PATCH", "/users/Bottling-viewer", body={"disabled": True})
    assert (await desk.ask("GET", "/me", role=None, headers=bearer)).status == 401
    assert (await desk.ask("POST", "/users/Bottling-viewer/tokens")).status == 409
    assert (await desk.ask("PATCH", "/users/Bottling-viewer", body={"disabled": False})).status == 200


@pytest.mark.parametrize("body", [{"role": "admin"}, {"disabled": True}])
async def test_the_last_owner_stays_one(desk: Bench, body: dict[str, object]) -> None:
    assert (await desk.ask("PATCH", "/users/Bottling-owner", body=body)).status == 409
    await desk.store.add_user("Bottling", "other", Role.OWNER)
    assert (await desk.ask("PATCH", "/users/Bottling-owner", body=body)).status == 200


async def test_users_of_others_do_not_exist(desk: Bench) -> None:
    listed = (await desk.ask("GET", "/users")).json()["users"]
    assert {user["name"] for user in listed} == {f"Bottling-{role.word}" for role in Role}
    for name in ("Dairy-viewer", "nobody"):
        assert (await desk.ask("PATCH", f"/users/{name}", body={"role": "owner"})).status == 404
        assert (await desk.ask("DELETE", f"/users/{name}/tokens")).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "fitter"},
        {"name": "fitter", "role": "king"},
        {"role": "viewer"},
        {"name": "fitter", "role": "viewer", "days": 0},
    ],
)
async def test_what_is_no_user_is_refused(desk: Bench, body: dict[str, object]) -> None:
    assert (await desk.ask("POST", "/users", body=body)).status == 400


async def test_the_audit_log_is_the_tenants_own_newest_first_and_in_pages(desk: Bench) -> None:
    for name in ("Line 2", "Line 3"):
        await desk.ask("PATCH", ONE, Role.ADMIN, {"name": name})
    await desk.ask("PATCH", f"/orchestrators/{desk.there.id}", body={"name": "x"}, tenant="Dairy")
    rows = (await desk.ask("GET", "/audit?limit=3", Role.ADMIN)).json()["rows"]
    assert [(row["action"], row["outcome"]) for row in rows] == [
        ("orchestrator.rename", "ok"), ("orchestrator.rename", "begun"), ("orchestrator.rename", "ok")
    ]  # fmt: skip
    assert rows[0]["user"] == "Bottling-admin"
    older = (await desk.ask("GET", f"/audit?before={rows[-1]['at']}", Role.ADMIN)).json()["rows"]
    assert [row["outcome"] for row in older][-1:] == ["begun"]
    for query in ("limit=0", "limit=1001", "limit=x", "before=yesterday", "tenant=Dairy", "limit=1&limit=2"):
        assert (await desk.ask("GET", f"/audit?{query}", Role.ADMIN)).status == 400


async def test_no_change_is_made_that_cannot_be_noted(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: object, row: object) -> None:
        raise offline()

    monkeypatch.setattr(type(desk.store), "note", refuse)
    assert (await desk.ask("PATCH", ONE, body={"name": "Line 2"})).status == 503
    monkeypatch.undo()
    assert (await desk.ask("GET", ONE)).json()["name"] == "Line 1"
