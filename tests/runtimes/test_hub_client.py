"""A hub as a peer: verified before anything is sent, its answers checked, its own words kept apart from a machine's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from rung.runtimes import hub_events
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure
from rung.runtimes.hub_client import HubClient
from rung.runtimes.hub_events import HubEvent
from rung.runtimes.hub_records import Confirmation, Network, NewVplc, SerialPort, Vplc
from rung.runtimes.hubs import Hub
from rung.runtimes.moments import age, moment
from runtimes.scripted_device import raw_peer
from scripted_hub import (
    LONG_AGO,
    TOKEN,
    HubIdentity,
    ScriptedHub,
    failure,
    make_hub_identity,
    orchestrator,
    own,
    running,
    vplc,
)


@pytest.fixture(scope="module")
def hub_identity(tmp_path_factory: pytest.TempPathFactory) -> HubIdentity:
    return make_hub_identity(tmp_path_factory.mktemp("hub"), "plant")


@pytest.fixture
async def hub(hub_identity: HubIdentity) -> AsyncIterator[ScriptedHub]:
    async with running(ScriptedHub(hub_identity)) as made:
        yield made


@pytest.fixture
async def client(hub: ScriptedHub) -> AsyncIterator[HubClient]:
    async with HubClient(hub.hub(), TOKEN, timeout=3.0) as made:
        yield made


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    assert TOKEN not in str(vars(caught.value))
    assert caught.value.message.endswith((".", ".."))
    return caught.value


async def refusal_by(hub: Hub) -> RuntimeFailure:
    async with HubClient(hub, TOKEN, timeout=2.0) as client:
        return await failure_of(client.me())


# -- who is there --------------------------------------------------------------------------------------------------


async def test_a_hub_whose_authority_was_given_is_asked(client: HubClient) -> None:
    me = await client.me()
    assert (me.user, me.tenant, me.role) == ("chief", "works", "engineer")


async def test_nothing_is_sent_to_a_hub_of_another_authority(hub_identity: HubIdentity, tmp_path: Path) -> None:
    async with raw_peer(None, hub_identity.server_context()) as peer:
        for ca in (make_hub_identity(tmp_path, "other").ca, None):
            refused = await refusal_by(Hub("plant", "localhost", peer.address.port, ca))
            assert (refused.kind, "authority" in refused.message) == (Kind.UNTRUSTED, True)
            assert "nothing was sent" in refused.message
        assert bytes(peer.received) == b""


async def test_nothing_is_sent_to_a_hub_of_another_name(tmp_path: Path) -> None:
    other = make_hub_identity(tmp_path, "other", host="hub.example")
    async with raw_peer(None, other.server_context()) as peer:
        for host in ("localhost", "127.0.0.1"):
            refused = await refusal_by(Hub("plant", host, peer.address.port, other.ca))
            assert refused.kind is Kind.UNTRUSTED
            assert f"another name than {host}" in refused.message
        assert bytes(peer.received) == b""


async def test_nothing_is_sent_to_a_hub_whose_certificate_has_expired(tmp_path: Path) -> None:
    old = make_hub_identity(tmp_path, "old", days=-1)
    async with raw_peer(None, old.server_context()) as peer:
        refused = await refusal_by(Hub("plant", "localhost", peer.address.port, old.ca))
        assert (refused.kind, "expired" in refused.message) == (Kind.UNTRUSTED, True)
        assert bytes(peer.received) == b""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_tls_older_than_1_2_is_refused(hub_identity: HubIdentity) -> None:
    old = hub_identity.server_context()
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with raw_peer(None, old) as peer:
        refused = await refusal_by(Hub("plant", "localhost", peer.address.port, hub_identity.ca))
        assert (refused.kind, "TLS 1.2" in refused.message) == (Kind.LOST, True)
        assert bytes(peer.received) == b""


async def test_a_hub_that_is_off_is_said_to_be_off(hub_identity: HubIdentity) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    refused = await refusal_by(Hub("plant", "localhost", port, hub_identity.ca))
    assert refused.kind is Kind.REFUSED
    assert f"The hub localhost:{port} refused" in refused.message


async def test_a_hub_that_nobody_knows_is_named(hub_identity: HubIdentity) -> None:
    refused = await refusal_by(Hub("plant", "no-such-hub.invalid", 8444, hub_identity.ca))
    assert (refused.kind, "no-such-hub.invalid" in refused.message) == (Kind.DNS, True)


async def test_a_hub_that_hangs_up_leaves_the_outcome_open(hub_identity: HubIdentity) -> None:
    async with raw_peer(b"", hub_identity.server_context()) as peer:
        refused = await refusal_by(Hub("plant", "localhost", peer.address.port, hub_identity.ca))
    assert (refused.kind, "is not known" in refused.message) == (Kind.LOST, True)


async def test_a_hub_that_does_not_answer_is_given_up(hub_identity: HubIdentity) -> None:
    async with (
        raw_peer(None, hub_identity.server_context()) as peer,
        HubClient(Hub("plant", "localhost", peer.address.port, hub_identity.ca), TOKEN, timeout=0.3) as client,
    ):
        refused = await failure_of(client.me())
    assert (refused.kind, "is not known" in refused.message) == (Kind.TIMEOUT, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nRung-Hub: relayed\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ],
)
async def test_what_is_no_hub_is_not_taken_for_one(hub_identity: HubIdentity, answer: bytes) -> None:
    async with raw_peer(answer, hub_identity.server_context()) as peer:
        refused = await refusal_by(Hub("plant", "localhost", peer.address.port, hub_identity.ca))
    assert refused.kind is Kind.NOT_OPENPLC


async def test_a_redirect_is_followed_nowhere(hub_identity: HubIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_peer(b"HTTP/1.1 200 OK\r\n\r\n") as elsewhere:
        to = f"http://127.0.0.1:{elsewhere.address.port}/"
        monkeypatch.setenv("HTTPS_PROXY", to)
        monkeypatch.setenv("ALL_PROXY", to)
        answer = f"HTTP/1.1 307 Go\r\nRung-Hub: hub\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
        async with raw_peer(answer, hub_identity.server_context()) as peer:
            refused = await refusal_by(Hub("plant", "localhost", peer.address.port, hub_identity.ca))
        assert "307" in refused.message
        assert elsewhere.connections == 0


# -- what it says --------------------------------------------------------------------------------------------------


async def test_a_wrong_token_is_refused_in_the_hub_s_words(hub: ScriptedHub) -> None:
    wrong = "rung_somebody-else"
    async with HubClient(hub.hub(), wrong) as client:
        refused = await failure_of(client.me())
    assert (refused.kind, refused.message) == (Kind.CREDENTIALS, "This token is not known.")
    assert wrong not in str(vars(refused))


@pytest.mark.parametrize(
    ("status", "kind", "told", "heard"),
    [
        (503, "unreachable", Kind.UNREACHABLE, False),
        (404, "dns", Kind.DNS, False),
        (413, "upload-refused", Kind.UPLOAD_REFUSED, False),
        (429, "busy", Kind.BUSY, False),
        (502, "unreachable", Kind.REFUSED, False),
        (502, "internal", Kind.INTERNAL, True),
        (504, "lost", Kind.LOST, True),
        (504, "no such kind", Kind.LOST, True),
        (403, "untrusted", Kind.CREDENTIALS, False),
        (503, "certificate-changed", Kind.UNREACHABLE, False),
    ],
)
async def test_a_failure_is_one_of_the_closed_list_and_says_whether_a_machine_has_heard(
    hub: ScriptedHub, client: HubClient, status: int, kind: str, told: Kind, heard: bool
) -> None:
    hub.script("GET /me", failure(status, kind, "So it is."))
    refused = await failure_of(client.me())
    assert (refused.kind, refused.message, refused.hint) == (told, "So it is.", "Do so.")
    assert isinstance(refused, NotRelayed) is not heard


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"error": 1}', '{"error": {"message": 5, "kind": []}}', "x" * 70_000, "[" * 60_000]
)
async def test_a_failure_without_words_gets_some(hub: ScriptedHub, client: HubClient, body: str) -> None:
    hub.script("GET /me", web.Response(status=503, text=body, headers={"Rung-Hub": "hub"}))
    refused = await failure_of(client.me())
    assert (refused.kind, "503" in refused.message) == (Kind.UNREACHABLE, True)


async def test_what_a_hub_says_is_made_fit_to_be_shown(hub: ScriptedHub, client: HubClient) -> None:
    hub.script("GET /me", failure(503, "unreachable", "\x1b[31mred\x1b[0m\u202e\n" + "long " * 500 + "."))
    refused = await failure_of_any(client.me())
    assert refused.message.startswith("redlong")
    assert len(refused.message) <= 600


async def failure_of_any(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


ODD: list[object] = [
    None,
    5,
    {},
    {"orchestrators": {}},
    {"orchestrators": [5]},
    {"orchestrators": [{}]},
    {"orchestrators": [{**orchestrator("a"), "id": "../../etc"}]},
    {"orchestrators": [{**orchestrator("a"), "id": 7}]},
    {"orchestrators": [{**orchestrator("a"), "name": "a/b"}]},
    {"orchestrators": [{**orchestrator("a"), "name": "a\nb"}]},
    {"orchestrators": [{**orchestrator("a"), "vplcs": "none"}]},
    {"orchestrators": [orchestrator("a", {**vplc("b"), "state": None})]},
]


@pytest.mark.parametrize("value", ODD)
async def test_a_list_of_another_form_is_refused(hub: ScriptedHub, client: HubClient, value: object) -> None:
    hub.script("GET /orchestrators", own(value))
    refused = await failure_of(client.orchestrators())
    assert (refused.kind, "localhost" in refused.message) == (Kind.INTERNAL, True)


async def test_an_answer_without_end_is_not_read_to_its_end(hub: ScriptedHub, client: HubClient) -> None:
    hub.script("GET /orchestrators", own({"orchestrators": [], "x": "y" * 5_000_000}))
    assert (await failure_of(client.orchestrators())).kind is Kind.INTERNAL


async def test_the_list_is_in_order_and_checked(hub: ScriptedHub, client: HubClient) -> None:
    hub.orchestrators = [
        orchestrator("b", vplc("Z", "2"), vplc("a", "1"), id="B"),
        {**orchestrator("A", id="A", online=False), "heartbeat": None, "lastSeen": "yesterday", "online": "yes"},
    ]
    first, second = await client.orchestrators()
    assert (first.name, first.online, first.last_seen, dict(first.heartbeat)) == ("A", False, None, {})
    assert [one.name for one in second.vplcs] == ["a", "Z"]
    assert second.json()["lastSeen"] == LONG_AGO
    assert second.json()["vplcs"] == [{**vplc("a", "1")}, {**vplc("Z", "2")}]


@pytest.mark.parametrize("id", ["", "a/b", "..", "a?b", "a b", "x" * 65, "ä"])
async def test_an_id_that_could_lead_elsewhere_is_not_sent(hub: ScriptedHub, client: HubClient, id: str) -> None:
    for ask in (client.orchestrator, client.enrolment, client.vplcs):
        assert (await failure_of(ask(id))).kind is Kind.DNS
    assert (await failure_of(client.vplc("O1", id))).kind is Kind.DNS
    assert hub.requests == []


# -- what it is told -----------------------------------------------------------------------------------------------


async def test_what_destroys_something_is_asked_twice(hub: ScriptedHub, client: HubClient) -> None:
    delete = "DELETE /orchestrators/O1/vplcs/v1"
    seen: list[object] = []

    async def asks(request: web.Request) -> web.StreamResponse:
        seen.append(await request.json())
        step = len(seen)
        if step == 1:
            return own({"needsConfirmation": True, "message": "It goes.", "type": "Press"}, 409)
        if step == 2:
            return own({"needsConfirmation": True, "message": "It RUNS.", "running": True}, 409)
        return own(vplc("Press", state="deleting"), 202)

    hub.script(delete, asks, asks, asks)
    assert await client.delete_vplc("O1", "v1") == Confirmation("It goes.", "Press")
    assert await client.delete_vplc("O1", "v1", typed="Press") == Confirmation("It RUNS.", None)
    assert await client.delete_vplc("O1", "v1", typed="Press", running=True) is None
    assert seen == [{"running": False}, {"typed": "Press", "running": False}, {"typed": "Press", "running": True}]


async def test_a_conflict_that_is_no_question_is_a_failure(hub: ScriptedHub, client: HubClient) -> None:
    hub.script("PATCH /orchestrators/O1", failure(409, "internal", "That name is taken."))
    refused = await failure_of(client.rename_orchestrator("O1", "Hall 2"))
    assert (refused.message, isinstance(refused, NotRelayed)) == ("That name is taken.", True)


async def test_a_vplc_is_created_as_it_is_wanted_and_waited_for(
    hub: ScriptedHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.runtimes.hub_client._POLL_S", 0.01)
    seen: list[object] = []

    async def creates(request: web.Request) -> web.StreamResponse:
        seen.append(await request.json())
        return own(vplc("Mill", "v2", "creating"), 202)

    hub.script("POST /orchestrators/O1/vplcs", creates)
    one = "GET /orchestrators/O1/vplcs/v2"
    pulling = vplc("Mill", "v2", "creating", "pulling_image")
    hub.script(one, own(pulling), own(pulling), own(vplc("Mill", "v2")))
    wanted = NewVplc(
        "Mill",
        (Network("veth0", "eth0"), Network("veth1", "eth1", "10.0.0.5", "255.0.0.0", dns=("10.0.0.1",))),
        (SerialPort("modbus", "/dev/serial/by-id/x", "/dev/modbus", 9600),),
        "v4.1.4",
    )
    made = await client.create_vplc("O1", wanted)
    told: list[Vplc] = []
    assert (await client.until_created("O1", made.id, told.append)).state == "running"
    assert [(row.state, row.message) for row in told] == [("creating", "pulling_image"), ("running", "")]
    assert seen == [
        {
            "name": "Mill",
            "networks": [
                {"name": "veth0", "parent": "eth0", "mode": "dhcp"},
                {
                    "name": "veth1",
                    "parent": "eth1",
                    "mode": "static",
                    "ip": "10.0.0.5",
                    "subnet": "255.0.0.0",
                    "dns": ["10.0.0.1"],
                },
            ],
            "serial": [{"name": "modbus", "device": "/dev/serial/by-id/x", "path": "/dev/modbus", "baud": 9600}],
            "runtimeVersion": "v4.1.4",
        }
    ]


async def test_a_creation_that_fails_is_told_in_the_agent_s_words(hub: ScriptedHub, client: HubClient) -> None:
    hub.script("GET /orchestrators/O1/vplcs/v2", own(vplc("Mill", "v2", "error", "There is no such image.")))
    refused = await failure_of(client.until_created("O1", "v2", lambda now: None))
    assert refused.message == "The vPLC Mill was not created: There is no such image."


async def test_who_waits_for_a_creation_is_told_when_its_orchestrator_goes(hub: ScriptedHub, client: HubClient) -> None:
    hub.orchestrators[0]["online"] = False
    pulling = vplc("Mill", "v2", "creating", "pulling_image")
    hub.script("GET /orchestrators/O1/vplcs/v2", own(pulling), own(vplc("Mill", "v2")))
    told: list[Vplc] = []
    assert (await client.until_created("O1", "v2", told.append)).state == "running"
    assert [row.message for row in told] == ["its orchestrator is offline; waiting for it", ""]


async def test_what_a_host_has_is_read_as_its_agent_tells_it(hub: ScriptedHub, client: HubClient) -> None:
    rows = [
        {"name": "eth0", "ip_address": "10.0.0.2", "ipv4_addresses": ["10.0.0.2", "10.0.0.3"], "gateway": "10.0.0.1"},
        {"name": ""},
    ]
    hub.script("GET /orchestrators/O1/interfaces", own({"interfaces": rows}))
    (one,) = await client.interfaces("O1")
    assert (one.name, one.addresses, one.gateway, one.dedicated_to) == (
        "eth0",
        ("10.0.0.2", "10.0.0.3"),
        "10.0.0.1",
        None,
    )
    ports = [
        {"path": "/dev/ttyUSB0", "device_id": "/dev/serial/by-id/x", "manufacturer": "FTDI", "product": "UART"},
        {"path": None},
    ]
    hub.script("GET /orchestrators/O1/serial-devices", own({"devices": ports}))
    assert [port.json() for port in await client.serial_devices("O1")] == [
        {"path": "/dev/ttyUSB0", "device": "/dev/serial/by-id/x", "product": "FTDI UART"}
    ]
    hub.script(
        "GET /orchestrators/O1/consumption",
        own({"cpu": 4, "disk": float("inf"), "cpu_usage": [{"timestamp": 1, "cpu": 2}], "os": "\x1b[1mDebian"}),
    )
    assert await client.consumption("O1") == {
        "cpu": 4,
        "disk": None,
        "cpu_usage": [{"timestamp": 1, "cpu": 2}],
        "os": "Debian",
    }


async def test_an_enrolment_is_followed(hub: ScriptedHub, client: HubClient) -> None:
    hub.script(
        "POST /enrolments",
        own({"id": "AB12", "expiresAt": LONG_AGO, "command": "curl -fsS https://hub/install.sh | sh"}, 201),
    )
    ticket = await client.enrol("Hall 2")
    assert (ticket.id, ticket.command) == ("AB12", "curl -fsS https://hub/install.sh | sh")
    hub.script(
        "GET /enrolments/AB12",
        own({"id": "AB12", "state": "online", "orchestrator": "AB12"}),
        own({"id": "AB12", "state": "?"}),
    )
    assert (await client.enrolment("AB12")).orchestrator == "AB12"
    assert (await failure_of(client.enrolment("AB12"))).kind is Kind.INTERNAL


async def test_an_orchestrator_is_enrolled_again(hub: ScriptedHub, client: HubClient) -> None:
    again = {"id": "CD34", "expiresAt": LONG_AGO, "command": "curl", "message": "The present certificate ends."}
    hub.script("POST /orchestrators/O1/enrolments", own(again, 201))
    ticket = await client.enrol_again("O1")
    assert (ticket.id, ticket.command, ticket.message) == ("CD34", "curl", "The present certificate ends.")


# -- what changes --------------------------------------------------------------------------------------------------


async def take(events: AsyncIterator[HubEvent], count: int) -> list[HubEvent]:
    return [await asyncio.wait_for(anext(events), 5) for _ in range(count)]


async def test_changes_are_told_as_they_come_in_whatever_pieces(hub: ScriptedHub, client: HubClient) -> None:
    events = client.events()
    assert (await take(events, 1))[0].kind == "resync"
    for piece in (
        b"event: vpl",
        b'c\r\ndata: {"id":',
        b'"v1",\r\ndata: "x": "\\u001b[1my"}\r\n\r',
        b"\n: still here\n\nevent: odd\ndata: {}\n\n",
    ):
        hub.events.put_nowait(piece)
    hub.events.put_nowait(b"event: enrolment\ndata: [\n\n")
    first, second = await take(events, 2)
    assert (first.kind, first.data) == ("vplc", {"id": "v1", "x": "y"})
    assert (second.kind, second.data) == ("enrolment", {})


async def test_a_stream_that_ends_is_opened_again_and_says_that_something_may_be_missing(
    hub: ScriptedHub, client: HubClient
) -> None:
    events = hub_events.follow(client.http, back_off=(0.01,))
    await take(events, 1)
    hub.events.put_nowait(None)
    lost, again = await take(events, 2)
    assert (lost.kind, lost.failure is not None and lost.failure.kind, again.kind) == ("lost", Kind.LOST, "resync")
    await hub.stop()
    (lost,) = await take(events, 1)
    assert lost.kind == "lost"
    await hub.start()
    while (await take(events, 1))[0].kind != "resync":
        pass


async def test_a_silent_stream_counts_as_broken(hub: ScriptedHub, client: HubClient) -> None:
    events = hub_events.follow(client.http, back_off=(0.01,), silence=0.2)
    first, second = await take(events, 2)
    assert (first.kind, second.kind) == ("resync", "lost")


async def test_a_token_that_ends_ends_the_stream(hub: ScriptedHub, client: HubClient) -> None:
    events = hub_events.follow(client.http, back_off=(0.01,))
    await take(events, 1)
    hub.script("GET /events", failure(401, "credentials", "This token was revoked."))
    hub.events.put_nowait(None)
    assert (await take(events, 1))[0].kind == "lost"
    assert (await failure_of(take(events, 1))).message == "This token was revoked."


# -- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("2026-03-01T12:00:00Z", "0 seconds ago"),
        ("2026-03-01T11:59:59.000Z", "1 second ago"),
        ("2026-03-01T11:57:00+00:00", "3 minutes ago"),
        ("2026-03-01T10:00:00", "2 hours ago"),
        ("2026-02-27T12:00:00Z", "2 days ago"),
        ("2027-01-01T00:00:00Z", "0 seconds ago"),
        (None, "never"),
        ("soon", "never"),
        ("0001-01-01T00:00:00+14:00", "never"),
    ],
)
def test_an_age_is_told_in_words(then: str | None, words: str) -> None:
    assert age(then, moment("2026-03-01T12:00:00Z")) == words
