"""Enrolment over the wire: the vendor's calls with the recorded replies, once per id, and nothing to learn for whoever guesses."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
import string
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hub.enrolling import ID, EnrollingHub, csr, enrolling_hub, form, new_key, now
from rung.hub.roles import Role


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EnrollingHub]:
    async with enrolling_hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
async def client(hub: EnrollingHub) -> AsyncIterator[aiohttp.ClientSession]:
    async with hub.client() as session:
        yield session


async def enrol(client: aiohttp.ClientSession, hub: EnrollingHub, request: bytes) -> tuple[int, dict[str, object]]:
    async with client.post(f"{hub.editors}/orchestrators/enroll", **form(request)) as answer:
        return answer.status, await answer.json()


async def test_an_open_id_gives_a_certificate_as_recorded(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    enrolment = await hub.enrolment()
    status, body = await enrol(client, hub, csr(enrolment.id))
    assert status == 200
    assert body.keys() == {"statusCode", "data"}
    assert body["statusCode"] == 200
    data = body["data"]
    assert isinstance(data, dict)
    assert data.keys() == {"certificate", "message", "id"}
    assert data["id"] == enrolment.id
    certificate = x509.load_pem_x509_certificate(data["certificate"].encode())
    orchestrator = await hub.store.orchestrator(enrolment.tenant, enrolment.id)
    assert orchestrator is not None
    assert orchestrator.name == "press-line"
    assert orchestrator.certificate.fingerprint == certificate.fingerprint(hashes.SHA256()).hex().upper()


async def test_a_shell_script_gets_the_certificate_alone(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    id, key = (await hub.enrolment()).id, new_key()
    url = f"{hub.editors}/orchestrators/enroll"
    async with client.post(url, **form(csr(id, key=key), accept="application/x-pem-file")) as answer:
        certificate = x509.load_pem_x509_certificate(await answer.read())
    assert certificate.public_key() == key.public_key()
    async with client.post(url, **form(csr(id, key=key), accept="application/x-pem-file")) as answer:
        assert (answer.status, answer.content_type) == (403, "text/plain")
        assert (await answer.text()).startswith("No enrolment is open for this id.")


async def test_an_enrolment_is_told_to_editors_and_audited(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    enrolment = await hub.enrolment()
    async with hub.bus.subscribe(enrolment.tenant) as events:
        await enrol(client, hub, csr(enrolment.id))
        event = await asyncio.wait_for(anext(events), 5)
    assert (event.tenant, event.kind) == ("plant", "enrolment")
    assert event.data == {"id": enrolment.id, "state": "enrolled", "orchestrator": enrolment.id}
    [row] = await hub.store.audit("plant")
    assert (row.user, row.action, row.orchestrator, row.outcome) == ("-", "enrolment.complete", enrolment.id, "ok")


async def test_unknown_used_and_expired_ids_sound_the_same(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    used = await hub.enrolment("used")
    assert (await enrol(client, hub, csr(used.id)))[0] == 200
    expired = await hub.enrolment("expired", lives=timedelta(milliseconds=1))
    await asyncio.sleep(0.01)
    answers = []
    for id in (ID, used.id, expired.id):
        async with client.post(f"{hub.editors}/orchestrators/enroll", **form(csr(id))) as answer:
            headers = {name: value for name, value in answer.headers.items() if name != "Date"}
            answers.append((answer.status, headers, await answer.read()))
    assert answers[0][0] == 403
    assert answers[0] == answers[1] == answers[2]


async def test_of_many_at_once_one_gets_the_certificate(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    id = (await hub.enrolment()).id
    outcomes = await asyncio.gather(*(enrol(client, hub, csr(id)) for _ in range(5)))
    assert sorted(status for status, _ in outcomes) == [200, 403, 403, 403, 403]


async def test_a_replayed_enrolment_changes_nothing(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    id = (await hub.enrolment()).id
    request = csr(id)
    assert (await enrol(client, hub, request))[0] == 200
    before = await hub.store.orchestrator_of_agent(id)
    assert (await enrol(client, hub, request))[0] == 403
    assert await hub.store.orchestrator_of_agent(id) == before


async def test_a_bad_request_does_not_use_up_the_id(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    id = (await hub.enrolment()).id
    status, body = await enrol(client, hub, csr(id).replace(b"MI", b"M=", 1))
    assert (status, body["statusCode"]) == (400, 400)
    assert (await enrol(client, hub, csr(id)))[0] == 200


async def test_guessing_is_slowed_down_and_a_right_id_passes_again(
    hub: EnrollingHub, client: aiohttp.ClientSession
) -> None:
    statuses = [(await enrol(client, hub, csr(f"{number:032X}")))[0] for number in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    async with client.post(f"{hub.editors}/orchestrators/enroll", **form(csr(ID))) as answer:
        assert 1 <= int(answer.headers["Retry-After"]) <= 12
    id = (await hub.enrolment()).id
    assert (await enrol(client, hub, csr(id)))[0] == 429
    hub.clock.seconds += 12
    assert (await enrol(client, hub, csr(id)))[0] == 200


async def test_success_costs_nothing(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    for number in range(8):
        enrolment = await hub.enrolment(f"line-{number}")
        assert (await enrol(client, hub, csr(enrolment.id)))[0] == 200


async def test_all_guessers_together_have_a_limit_too(tmp_path: Path) -> None:
    async with enrolling_hub(tmp_path / "hub", trusted_proxies=["127.0.0.0/8"]) as hub, hub.client() as client:
        statuses = []
        for number in range(62):
            call = form(csr(ID))
            call["headers"] = {"X-Forwarded-For": f"198.51.{number}.1"}
            async with client.post(f"{hub.editors}/orchestrators/enroll", **call) as answer:
                statuses.append(answer.status)
        assert statuses == [403] * 60 + [429] * 2
        call = form(csr((await hub.enrolment()).id))
        call["headers"] = {"X-Forwarded-For": "203.0.113.9"}
        async with client.post(f"{hub.editors}/orchestrators/enroll", **call) as answer:
            assert answer.status == 200, "who guesses keeps nobody out who has an id"


async def test_a_stranger_cannot_make_up_addresses(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    statuses = []
    for number in range(6):
        call = form(csr(ID))
        call["headers"] = {"X-Forwarded-For": f"198.51.100.{number}"}
        async with client.post(f"{hub.editors}/orchestrators/enroll", **call) as answer:
            statuses.append(answer.status)
    assert statuses == [403] * 5 + [429]


async def test_refusals_are_noted_but_do_not_fill_the_log(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    await enrol(client, hub, csr(ID))
    for _ in range(150):
        hub.clock.seconds += 0.1  # fast enough to be counted, slow enough for the overall limit to be the only one
        await enrol(client, hub, b"")
    # Strangers belong to no tenant, so nobody's audit log has them; whoever runs the hub finds them in the database.
    with sqlite3.connect(hub.settings.folder / "hub.db") as connection:
        rows = connection.execute("SELECT tenant, outcome, detail FROM audit").fetchall()
    assert rows[0] == (
        "-",
        "refused",
        "from 127.0.0.1: No enrolment is open for this id. An id is good for one enrolment within five minutes, and until a newer one is asked for.",
    )
    assert len(rows) <= 101


async def test_no_id_without_an_administrators_token(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    url = f"{hub.editors}/orchestrators/id"
    _, engineer = await hub.administrator(Role.ENGINEER, "fitter")
    headers = [{}, {"Authorization": "Bearer rung_" + "A" * 43}, {"Authorization": f"Bearer {engineer}"}]
    statuses = []
    for one in headers:
        async with client.get(url, headers=one) as answer:
            statuses.append((answer.status, (await answer.json()).keys()))
    shape = {"statusCode", "error"}
    assert statuses == [(401, shape), (401, shape), (403, shape)]


async def test_an_administrator_gets_an_id_as_recorded(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    _, token = await hub.administrator()
    url = f"{hub.editors}/orchestrators/id?name=press"
    async with client.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        body = await answer.json()
    assert (answer.status, body["statusCode"], body["data"].keys()) == (200, 200, {"id", "expiresAt", "expiresIn"})
    assert re.fullmatch("[0-9A-F]{32}", body["data"]["id"])
    assert body["data"]["expiresIn"] == 300
    assert abs(datetime.fromisoformat(body["data"]["expiresAt"]) - now() - timedelta(minutes=5)) < timedelta(seconds=30)
    assert (await enrol(client, hub, csr(body["data"]["id"])))[0] == 200


async def test_wrong_tokens_are_slowed_down(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    statuses = []
    for _ in range(12):
        async with client.get(f"{hub.editors}/orchestrators/id", headers={"Authorization": "Bearer x"}) as answer:
            statuses.append(answer.status)
    assert statuses == [401] * 10 + [429] * 2


async def test_anybody_may_read_the_install_script(hub: EnrollingHub, client: aiohttp.ClientSession) -> None:
    async with client.get(f"{hub.editors}/install.sh") as answer:
        assert (answer.status, answer.content_type) == (200, "text/x-shellscript")
        text = await answer.text()
    assert hub.editors in text
    assert "PRIVATE" not in text


async def raw(hub: EnrollingHub, head: dict[str, str], body: bytes) -> int:
    """The status that any bytes get; a token of the right kind is in none of them."""
    async with (
        hub.client() as client,
        client.post(f"{hub.editors}/orchestrators/enroll", data=body, headers=head) as answer,
    ):
        text = await answer.text()
        assert json.loads(text).keys() == {"statusCode", "error"}
        return answer.status


def parts(*fields: tuple[str, bytes]) -> bytes:
    body = b""
    for disposition, content in fields:
        body += b"--b\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"
    return body + b"--b--\r\n"


async def test_only_one_field_called_csr_is_read(hub: EnrollingHub) -> None:
    id = (await hub.enrolment()).id
    good = ('form-data; name="csr"; filename="c"', csr(id))
    head = {"Content-Type": "multipart/form-data; boundary=b"}
    forms = {
        "another field": parts(('form-data; name="key"', csr(id))),
        "two fields": parts(good, good),
        "no field": b"--b--\r\n",
        "a form in the form": b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
        "no end": parts(good)[:-9],
        "no form": b"csr=" + csr(id),
    }
    hub.clock.seconds = 0
    for case, body in forms.items():
        hub.clock.seconds += 60
        assert await raw(hub, head, body) == 400, case
    hub.clock.seconds += 60
    assert await raw(hub, {"Content-Type": "application/x-www-form-urlencoded"}, forms["no form"]) == 400
    hub.clock.seconds += 60
    assert await raw(hub, head, parts(('form-data; name="csr"', b"x" * 30_000))) == 413
    assert await hub.store.open_enrolment(id) is not None


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader", "ignore::aiohttp.BadContentDispositionParam")
async def test_no_bytes_break_the_form_reader(hub: EnrollingHub) -> None:
    letters = string.printable + "\x00\xff"
    chance = random.Random(4)
    whole = parts(('form-data; name="csr"; filename="c"', csr(ID)))
    for _ in range(60):
        hub.clock.seconds += 60
        body = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            body[chance.randrange(len(body))] = ord(chance.choice(letters)) & 0xFF
        kind = chance.choice(
            ["multipart/form-data; boundary=b", "multipart/form-data", 'multipart/form-data; boundary=""']
        )
        assert await raw(hub, {"Content-Type": kind}, bytes(body)) in (400, 403)


async def test_a_form_that_does_not_come_is_given_up(hub: EnrollingHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.hub.csr_upload._PATIENCE", 0.2)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"--b\r\n"
        await asyncio.sleep(20)

    head = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "500"}
    async with (
        hub.client() as client,
        client.post(f"{hub.editors}/orchestrators/enroll", data=slowly(), headers=head) as answer,
    ):
        assert answer.status == 408
