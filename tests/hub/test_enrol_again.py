"""An orchestrator whose certificate is lost, expired or revoked gets another one, and stays the orchestrator that it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import socketio  # type: ignore[import-untyped]  # it ships no types
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hub.agent_process import AgentProcess, enrol
from hub.api_hub import Bench, bench, generous
from hub.enrolling import EnrollingHub, csr, enrolling_hub, form, key_pem, new_key, now
from hub.hub_process import HubProcess, until
from hub.listening import TENANT, agent, echo, listening, next_event
from hub.stocked import certificate, known, soon
from rung.hub.limits import Buckets
from rung.hub.records import Enrolment, Orchestrator
from rung.hub.roles import Role
from rung.runtimes.errors import Kind, RuntimeFailure

# -- asked for by an editor ----------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        yield made


async def test_an_owner_gets_the_command_and_is_told_what_it_ends(desk: Bench) -> None:
    answer = await desk.ask("POST", "/orchestrators/{o}/enrolments")
    told = answer.json()
    assert answer.status == 201
    assert told.keys() == {"id", "expiresAt", "command", "message"}
    assert told["id"] != desk.here.id
    assert told["command"].endswith(f"| sudo sh -s -- {told['id']}")
    assert "the present one is never accepted again. Its vPLCs keep running" in told["message"]
    assert await desk.rows() == [("orchestrator.enrol", "begun"), ("orchestrator.enrol", "ok")]
    waiting = await desk.store.enrolment("Bottling", told["id"])
    assert waiting is not None
    assert timedelta(minutes=4) < waiting.expires - now() <= timedelta(minutes=5)
    assert desk.agents.dropped == [], "nothing has ended yet"


async def test_how_far_it_has_come_is_said_with_the_orchestrators_own_id(desk: Bench) -> None:
    id = (await desk.ask("POST", "/orchestrators/{o}/enrolments")).json()["id"]
    assert (await desk.ask("GET", f"/enrolments/{id}")).json() == {"id": id, "state": "waiting"}
    assert (await desk.ask("GET", f"/enrolments/{id}", tenant="Dairy")).status == 404
    await desk.store.complete_enrolment(id, certificate())
    desk.agents.away.add(desk.here.id)
    enrolled_now = {"id": id, "state": "enrolled", "orchestrator": desk.here.id}
    assert (await desk.ask("GET", f"/enrolments/{id}")).json() == enrolled_now
    desk.agents.away.clear()
    assert (await desk.ask("GET", f"/enrolments/{id}")).json() == {**enrolled_now, "state": "online"}
    (listed,) = (await desk.ask("GET", "/orchestrators")).json()["orchestrators"]
    assert (listed["id"], [vplc["name"] for vplc in listed["vplcs"]]) == (desk.here.id, ["Filler"])


async def test_a_foreign_orchestrator_is_not_enrolled(desk: Bench) -> None:
    answer = await desk.ask("POST", f"/orchestrators/{desk.there.id}/enrolments")
    assert answer.status == 404
    assert desk.there.name not in answer.body.decode()
    assert await desk.rows("Dairy") == []


async def test_an_administrator_may_not(desk: Bench) -> None:
    assert (await desk.ask("POST", "/orchestrators/{o}/enrolments", Role.ADMIN)).status == 403


async def test_ids_are_issued_so_often_and_no_more(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(generous(), enrolments=Buckets(rate=0.001, burst=2))) as desk:
        statuses = [(await desk.ask("POST", "/orchestrators/{o}/enrolments")).status for _ in range(3)]
    assert statuses == [201, 201, 429]


# -- used by a computer --------------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EnrollingHub]:
    async with enrolling_hub(tmp_path / "hub") as served:
        yield served


async def used(hub: EnrollingHub, request: bytes, replaces: str | None = None) -> tuple[int, dict[str, str]]:
    """Status, and data or error."""
    query = "" if replaces is None else f"?replaces={replaces}"
    async with (
        hub.client() as client,
        client.post(f"{hub.editors}/orchestrators/enroll{query}", **form(request)) as answer,
    ):
        body = await answer.json()
        return answer.status, body.get("data") or body["error"]


async def permitted_again(hub: EnrollingHub, orchestrator: Orchestrator) -> Enrolment:
    return await hub.store.create_enrolment_anew((await hub.store.users())[0], orchestrator, soon())


async def line_of(hub: EnrollingHub, name: str = "press-line") -> Orchestrator:
    found = await hub.store.complete_enrolment((await hub.enrolment(name)).id, certificate())
    assert found is not None
    return found


async def test_the_old_session_ends_before_anybody_has_the_new_certificate(hub: EnrollingHub) -> None:
    line = await line_of(hub)
    again = await permitted_again(hub, line)
    async with hub.bus.subscribe("plant") as events:
        status, data = await used(hub, csr(again.id))
        assert hub.dropped == [line.id]
        event = await asyncio.wait_for(anext(events), 5)
    assert (status, data["id"]) == (200, again.id)
    assert event.data == {"id": again.id, "state": "enrolled", "orchestrator": line.id}
    issued = x509.load_pem_x509_certificate(data["certificate"].encode())
    assert issued.subject.rfc4514_string() == f"CN={again.id}"
    after = await known(hub.store, line)
    assert after.certificate.fingerprint == issued.fingerprint(hashes.SHA256()).hex().upper()
    row = (await hub.store.audit("plant"))[0]
    assert (row.action, row.orchestrator, row.outcome) == ("enrolment.complete", line.id, "ok")
    assert row.detail == "anew, from 127.0.0.1"
    assert (await used(hub, csr(again.id)))[0] == 403, "an id is good once"
    assert hub.dropped == [line.id]


async def test_a_new_orchestrator_ends_nobodys_session(hub: EnrollingHub) -> None:
    assert (await used(hub, csr((await hub.enrolment()).id)))[0] == 200
    assert hub.dropped == []


async def test_a_computer_becomes_anew_what_it_is_and_nothing_else(hub: EnrollingHub) -> None:
    line, other = await line_of(hub), await line_of(hub, "mill")
    again, new = await permitted_again(hub, line), await hub.enrolment("third")
    for id, replaces in ((again.id, other.agent), (again.id, ""), (again.id, "x"), (new.id, other.agent)):
        status, error = await used(hub, csr(id), replaces)
        assert status == 409
        assert "this computer is enrolled as another orchestrator. Nothing was changed." in error["message"]
    assert await known(hub.store, line) == line
    assert await hub.store.open_enrolment(new.id) is not None
    assert (await used(hub, csr(again.id), line.agent))[0] == 200


async def test_a_computer_whose_new_certificate_was_lost_on_its_way_may_ask_again(hub: EnrollingHub) -> None:
    line = await line_of(hub)
    lost = await permitted_again(hub, line)
    assert (await used(hub, csr(lost.id), line.agent))[0] == 200
    again = await permitted_again(hub, line)
    assert (await used(hub, csr(again.id), line.agent))[0] == 200
    assert (await known(hub.store, line)).agent == again.id


async def test_an_unknown_id_says_nothing_of_whom_it_would_replace(hub: EnrollingHub) -> None:
    line = await line_of(hub)
    answers = [await used(hub, csr("0" * 32), replaces) for replaces in (None, line.agent, "0" * 32)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 403


async def test_only_the_new_certificate_can_be_renewed(hub: EnrollingHub, tmp_path: Path) -> None:
    key, ids, files = new_key(), [(await hub.enrolment()).id], []
    for number in range(2):
        status, data = await used(hub, csr(ids[-1], key=key))
        assert status == 200
        files.append(tmp_path / f"{number}.pem")
        files[-1].write_bytes(data["certificate"].encode() + key_pem(key))
        ids.append((await permitted_again(hub, (await hub.store.orchestrators("plant"))[0])).id)

    async def renewed(file: Path, request: bytes) -> tuple[int, dict[str, str]]:
        url = f"{hub.agents}/orchestrators/renew"
        async with hub.client(file) as client, client.post(url, **form(request)) as answer:
            return answer.status, (await answer.json()).get("data", {})

    for id in ids[:2]:
        assert (await renewed(files[0], csr(id, key=key)))[0] == 403
    assert (await renewed(files[1], csr(ids[0], key=key)))[0] == 400, "for its own common name alone"
    hub.clock.seconds += 1e6
    status, data = await renewed(files[1], csr(ids[1], key=key))
    assert (status, data["id"]) == (200, ids[1])


# -- live ----------------------------------------------------------------------------------------------------------


async def test_the_new_agent_answers_for_the_same_orchestrator(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        old = await hub.enrol()
        line = await hub.orchestrator(old.common_name)
        (anna,) = await hub.store.users()
        async with agent(hub, old) as before:
            again = await hub.store.create_enrolment_anew(anna, line, soon())
            new = hub.authority.issue(again.id)
            assert await hub.store.complete_enrolment(again.id, new.record) is not None
            await hub.agents.drop(line.id, "the orchestrator was enrolled anew")
            assert not await hub.online(line.id)
            with pytest.raises(RuntimeFailure) as failure:
                await hub.agents.call(line.id, "get_serial_devices", {})
            assert failure.value.kind is Kind.UNREACHABLE
            await asyncio.wait_for(before.ended.wait(), 5)
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with agent(hub, old):
                pass
        assert hub.agents.figures()["connects refused"] == 1
        async with agent(hub, new, online=False) as after:
            await hub.until(line.id, True)
            after.answers["get_serial_devices"] = echo(status="success", which="new")
            assert (await hub.agents.call(line.id, "get_serial_devices", {}))["which"] == "new"
            await after.send_heartbeat(agent_id=line.id, cpu_usage=1.0)
            async with hub.bus.subscribe(TENANT) as events:
                await after.send_heartbeat(agent_id=new.common_name, cpu_usage=2.0)
                event = await next_event(events)
            assert (event["orchestrator"], event["heartbeat"]) == (line.id, {"cpu_usage": 2.0})
            assert hub.agents.figures()["foreign heartbeats"] == 1
            await hub.agents.drop(line.id, "it was revoked")
            await asyncio.wait_for(after.ended.wait(), 5)


async def test_a_session_that_is_being_accepted_meanwhile_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(tmp_path) as hub:
        old = await hub.enrol()
        line = await hub.orchestrator(old.common_name)
        (anna,) = await hub.store.users()
        again = await hub.store.create_enrolment_anew(anna, line, soon())
        began, reached, go_on = hub.store.session_began, asyncio.Event(), asyncio.Event()

        async def slowly(*given: str) -> tuple[str, str] | None:
            reached.set()
            await go_on.wait()
            return await began(*given)  # type: ignore[arg-type]  # handed on as it came

        monkeypatch.setattr(hub.store, "session_began", slowly)

        async def connect() -> None:
            async with agent(hub, old, online=False):
                raise AssertionError("it was accepted")

        connecting = asyncio.ensure_future(connect())
        await reached.wait()
        assert await hub.store.complete_enrolment(again.id, certificate()) is not None
        go_on.set()
        with pytest.raises((socketio.exceptions.ConnectionError, aiohttp.ClientError)):
            await connecting
        assert not await hub.online(line.id)
        assert await hub.store.sessions() == {}


def test_a_host_whose_key_leaked_is_enrolled_anew_and_its_vplcs_are_there(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path / "hub").init().start()
    agents = []
    try:
        id, files = hub.enrol("north", tmp_path / "first")
        first = AgentProcess(hub.agents_address, files, tmp_path / "host", "--step-s", "0.05")
        agents.append(first)
        first.start()
        hub.until_online(id)
        vplc = hub.create(id, "press")
        assert hub.ask("POST", f"/orchestrators/{id}/revoke", {"typed": "north"}).status_code == 200
        hub.until_online(id, online=False)
        until(lambda: "This orchestrator was revoked" in hub.log, what="the refusal of the revoked certificate")

        answer = hub.ask("POST", f"/orchestrators/{id}/enrolments")
        assert answer.status_code == 201, answer.text
        again = answer.json()["id"]
        new = enrol(hub.url, hub.ca, again, tmp_path / "second")
        # The old agent tries on, with the key that somebody else may have too, and is not let in.
        until(lambda: "This hub does not know this orchestrator" in hub.log, what="the refusal of the old certificate")
        first.kill()
        second = AgentProcess(hub.agents_address, new, tmp_path / "host", "--step-s", "0.05")
        agents.append(second)
        second.start()
        hub.until_online(id)
        assert hub.ask("GET", f"/enrolments/{again}").json() == {"id": again, "state": "online", "orchestrator": id}
        (north,) = hub.ask("GET", "/orchestrators").json()["orchestrators"]
        assert (north["id"], north["name"], north["revoked"]) == (id, "north", None)
        told = hub.vplc(id, vplc)
        assert (told["name"], told["state"]) == ("press", "running")
        assert told["container"] is not None
        assert (
            hub.ask("DELETE", f"/orchestrators/{id}/vplcs/{vplc}", {"typed": "press", "running": True}).status_code
            == 202
        )
        until(lambda: hub.ask("GET", f"/orchestrators/{id}/vplcs").json()["vplcs"] == [], what="the vPLC's removal")
        actions = [row["action"] for row in hub.ask("GET", "/audit").json()["rows"] if row["orchestrator"] == id]
        assert {"orchestrator.enrol", "enrolment.complete", "orchestrator.revoke", "vplc.delete"} <= set(actions)
    finally:
        for one in agents:
            one.close()
        hub.kill()
