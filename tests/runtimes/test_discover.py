"""Looking for runtimes on the network: what answers is listed where it answers from, and nothing that it says is believed further."""

from __future__ import annotations

import json
import socket

import pytest

from rung.runtimes.discover import Found, ask_one, discover, read_answer
from rung.simulator.logs import RuntimeLog
from rung.simulator.network_discovery import answer_discovery
from runtimes.scripted_device import udp_peer

RECORD = {
    "service": "openplc-runtime",
    "protocol_version": 1,
    "runtime_version": "v4.1.4",
    "hostname": "press-2",
    "api_port": 8443,
}


def datagram(**changes: object) -> bytes:
    return json.dumps({**RECORD, **changes}).encode()


async def test_the_simulated_runtime_is_found() -> None:
    transport = await answer_discovery("127.0.0.1", 0, api_port=9443, version="v4.1.4", log=RuntimeLog())
    assert transport is not None
    port = transport.get_extra_info("sockname")[1]
    try:
        found = await discover(0.3, port=port, targets=["127.0.0.1"])
        assert found == (Found("127.0.0.1", 9443, "v4.1.4", socket.gethostname()),)
        assert await ask_one("localhost", 0.2, port) == found[0]
    finally:
        transport.close()


async def test_nobody_there_is_an_empty_list() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        assert await discover(0.1, port=silent.getsockname()[1], targets=["127.0.0.1"]) == ()
    assert await ask_one("no-such-device.invalid", 0.1) is None


async def test_every_network_of_this_computer_is_asked() -> None:
    async with udp_peer(datagram(), host="0.0.0.0") as port:
        found = await discover(0.3, port=port)
    assert found[0] == Found("127.0.0.1", 8443, "v4.1.4", "press-2")


async def test_a_runtime_that_answers_twice_is_found_once() -> None:
    async with udp_peer(datagram(), datagram(hostname="another")) as port:
        found = await discover(0.2, port=port, targets=["127.0.0.1"])
    assert [one.hostname for one in found] == ["press-2"]


async def test_a_flood_of_answers_is_cut() -> None:
    async with udp_peer(*(datagram(api_port=port) for port in range(1000, 1200))) as port:
        found = await discover(0.3, port=port, targets=["127.0.0.1"])
    assert len(found) == 64


def test_the_project_that_a_machine_keeps_is_told() -> None:
    found = read_answer(datagram(project_name="Press 2", project_timestamp="2026-11-22T05:43:30Z"), "10.0.0.7")
    assert found == Found("10.0.0.7", 8443, "v4.1.4", "press-2", "Press 2")


def test_a_bootloader_is_no_runtime_that_runs() -> None:
    record = {"service": "openplc-bootloader", "recovery": True, "bootloader_port": 8445, "hostname": "press-2"}
    assert read_answer(json.dumps(record).encode(), "10.0.0.7") == Found("10.0.0.7", 8445, "", "press-2", recovery=True)


def test_the_address_is_where_the_answer_came_from_whatever_it_says() -> None:
    found = read_answer(datagram(host="10.9.9.9", address="10.9.9.9", ip="10.9.9.9"), "10.0.0.7")
    assert found is not None
    assert found.host == "10.0.0.7"


def test_texts_are_cleaned_and_cut() -> None:
    found = read_answer(
        datagram(hostname="\x1b[31mred\u202e" + "x" * 500, runtime_version="v4\n.1", project_name=7), "10.0.0.7"
    )
    assert found is not None
    assert found.hostname.startswith("redxxx")
    assert len(found.hostname) == 64
    assert (found.version, found.project) == ("v4.1", None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OPENPLC_DISCOVER_V1",
        b"\xff\xfe",
        b"[" * 1400,
        b"[1]",
        b"null",
        datagram(service="printer"),
        datagram(service=["openplc-runtime"]),
        datagram(api_port=0),
        datagram(api_port=65536),
        datagram(api_port=True),
        datagram(api_port="8443"),
        datagram(api_port=8443.0),
        datagram(api_port=None),
        datagram(filler="x" * 1500),
    ],
)
def test_what_no_runtime_sends_is_dropped(data: bytes) -> None:
    assert read_answer(data, "10.0.0.7") is None


async def test_nobody_answers_for_another_host() -> None:
    async with udp_peer(datagram(), host="0.0.0.0") as port:
        assert await ask_one("127.0.0.1", 0.2, port) is not None
        assert await ask_one("127.0.0.2", 0.2, port) is None
