"""How often somebody may ask: token buckets by client address, user and machine.

Invariant: memory is bounded whoever asks and however often; a clock that is set anew changes nothing.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rung.hub.handed_on import handed_on

if TYPE_CHECKING:
    from aiohttp import web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYBODY: Final = ""
"""The key of a bucket that all share."""
_LARGEST_HEADER: Final = 2_000


class Buckets:
    """One token bucket per key: `burst` at once, then `rate` per second.

    Args:
        rate: tokens that come back per second.
        burst: what a bucket holds at most, and at first.
        clock: seconds that only go forward.
        most: buckets at most; the one unused for longest goes first, as the fullest usually.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic, most: int = 10_000
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._most = most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one token.

        Returns:
            0 when there was one, else the seconds until there will be; then nothing was taken.
        """
        now = self._clock()
        left = self._now(key, now)
        if left < 1.0:
            return (1.0 - left) / self._rate
        self._keep(key, left - 1.0, now)
        return 0.0

    def give_back(self, key: str) -> None:
        """Put back a token that was taken for something that has proved to be in order."""
        now = self._clock()
        self._keep(key, min(self._burst, self._now(key, now) + 1.0), now)

    def __len__(self) -> int:
        return len(self._left)

    def _now(self, key: str, now: float) -> float:
        left, at = self._left.get(key, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate)

    def _keep(self, key: str, left: float, now: float) -> None:
        self._left[key] = (left, now)
        self._left.move_to_end(key)
        if len(self._left) > self._most:
            self._left.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """The hub's buckets.

    Attributes:
        addresses: what anybody may fetch, by client address.
        users: requests of the editors' interface, by `tenant/user`.
        failed_tokens: tokens that are none, by client address.
        failed_ids: enrolments that were refused, by client address.
        failed_ids_overall: the same by all together (key `EVERYBODY`).
        enrolments: ids issued, by `tenant/user`.
        runtime_logins: logins at a runtime that it refused, by `tenant/user/vPLC`.
        renewals: certificates renewed, by orchestrator.
        refusals_noted: rows of the audit log for refusals of strangers (key `EVERYBODY`), so that they cannot fill the disk.
    """

    addresses: Buckets = field(default_factory=lambda: Buckets(rate=5.0, burst=50.0))
    users: Buckets = field(default_factory=lambda: Buckets(rate=50.0, burst=300.0))
    failed_tokens: Buckets = field(default_factory=lambda: Buckets(rate=1 / 6, burst=10.0))
    failed_ids: Buckets = field(default_factory=lambda: Buckets(rate=1 / 12, burst=5.0))
    failed_ids_overall: Buckets = field(default_factory=lambda: Buckets(rate=1.0, burst=60.0))
    enrolments: Buckets = field(default_factory=lambda: Buckets(rate=1 / 10, burst=50.0))
    runtime_logins: Buckets = field(default_factory=lambda: Buckets(rate=1 / 10, burst=20.0))
    renewals: Buckets = field(default_factory=lambda: Buckets(rate=1 / 3600, burst=3.0))
    refusals_noted: Buckets = field(default_factory=lambda: Buckets(rate=1 / 10, burst=100.0))


def retry_after(seconds: float) -> dict[str, str]:
    """The header that goes with status 429."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def client_address(request: web.BaseRequest, trusted_proxies: Sequence[Network] = ()) -> str:
    """Whom a request comes from, as a key of buckets: an IPv4 address, or the /64 network of an IPv6 address.

    `X-Forwarded-For` is read only when the peer itself is a trusted proxy, from its end, and no further than the first address that is not
    one: everything before that was written by a stranger.

    Args:
        trusted_proxies: the networks that hub.toml names.
    """
    address = _parse(peer_address(request))
    if address is None:
        return "unknown"
    said = ",".join(request.headers.getall("X-Forwarded-For", ()))[-_LARGEST_HEADER:]
    for text in reversed(said.split(",")):
        if not any(address in network for network in trusted_proxies):
            break
        earlier = _parse(text.strip())
        if earlier is None:
            break
        address = earlier
    return _key(address)


def place_of(address: str) -> str:
    """The key of limits for a peer's IP address: of IPv6 it is the /64 network, for whoever has one address there has them all."""
    parsed = _parse(address)
    return address if parsed is None else _key(parsed)


def peer_address(request: web.BaseRequest) -> str:
    """The IP address at the other end of a request's connection, behind a proxy that passes TLS through; empty when it has ended."""
    connection = handed_on(request)
    if connection is not None:  # which knows whom a proxy that passes TLS through speaks for
        return connection.origin
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if peer else ""


def _key(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
