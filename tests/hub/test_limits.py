"""Token buckets: what they let through, what they cost, and whose address counts."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request

from hub.enrolling import Clock
from rung.hub.limits import Buckets, client_address, retry_after


def test_a_burst_passes_then_one_per_interval() -> None:
    clock = Clock()
    buckets = Buckets(rate=0.5, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    clock.seconds = 1.0
    assert buckets.take("a") == pytest.approx(1.0)
    clock.seconds = 2.0
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0.0


def test_a_refusal_costs_nothing_so_that_waiting_helps() -> None:
    clock = Clock()
    buckets = Buckets(rate=1.0, burst=1, clock=clock)
    buckets.take("a")
    for _ in range(100):
        assert buckets.take("a") > 0.0
    clock.seconds = 1.0
    assert buckets.take("a") == 0.0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    buckets = Buckets(rate=1.0, burst=2, clock=clock)
    buckets.take("a")
    clock.seconds = 1e6
    for _ in range(5):
        buckets.give_back("a")
    assert [buckets.take("a") > 0 for _ in range(3)] == [False, False, True]


def test_keys_do_not_share() -> None:
    buckets = Buckets(rate=1.0, burst=1, clock=Clock())
    assert buckets.take("a") == buckets.take("b") == 0.0
    assert buckets.take("a") > 0.0


def test_what_was_taken_can_be_given_back() -> None:
    buckets = Buckets(rate=1.0, burst=1, clock=Clock())
    for _ in range(10):
        assert buckets.take("a") == 0.0
        buckets.give_back("a")


def test_a_million_strangers_do_not_fill_the_memory() -> None:
    buckets = Buckets(rate=1.0, burst=1, clock=Clock(), most=100)
    for number in range(10_000):
        buckets.take(str(number))
    assert len(buckets) == 100
    assert buckets.take("9999") > 0.0


def test_whoever_waits_is_told_whole_seconds_and_never_none() -> None:
    assert retry_after(0.2) == {"Retry-After": "1"}
    assert retry_after(61.4) == {"Retry-After": "62"}


PROXIES = (ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("fd00::/64"))


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("192.0.2.7", {}, "192.0.2.7"),
        ("192.0.2.7", {"X-Forwarded-For": "198.51.100.1"}, "192.0.2.7"),
        ("10.0.0.5", {}, "10.0.0.5"),
        ("10.0.0.5", {"X-Forwarded-For": "198.51.100.1"}, "198.51.100.1"),
        ("10.0.0.5", {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}, "198.51.100.1"),
        ("10.0.0.5", {"X-Forwarded-For": "203.0.113.9, 198.51.100.1, 10.0.0.6"}, "198.51.100.1"),
        ("10.0.0.5", {"X-Forwarded-For": "nonsense"}, "10.0.0.5"),
        ("10.0.0.5", {"X-Forwarded-For": "198.51.100.1, nonsense, 10.0.0.6"}, "10.0.0.6"),
        ("2001:db8:1:2:3::4", {}, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", {}, "192.0.2.7"),
        ("fe80::1%eth0", {}, "fe80::/64"),
    ],
)
def test_whose_address_counts(peer: str, headers: Mapping[str, str], expected: str) -> None:
    transport = Mock()
    transport.get_extra_info.side_effect = {"peername": (peer, 40_000), "sslcontext": None}.get
    request = make_mocked_request("GET", "/", headers=dict(headers), transport=transport)
    assert client_address(request, PROXIES) == expected
