"""Arriving at a machine, whichever way leads to it: what it is, the way, and how to find out later that it is still the same one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs
from rung.runtimes.pins import PinStore
from rung.runtimes.recognise import Ports, Recognised, recognise
from rung.runtimes.trusted import recognise_trusted
from rung.runtimes.v4_session import Timeouts
from rung.runtimes.way import Direct, Way


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was found.

    Attributes:
        found: the runtime.
        way: to it; None to plain web pages.
        again: asks in the same way as before what is there now. It raises RuntimeFailure when nothing answers, and when it is
            known to be another machine.
    """

    found: Recognised
    way: Way | None
    again: Callable[[], Awaitable[Recognised]]


async def arrive(
    address: Address, pins: PinStore, trust: str | None, hubs: Hubs, timeouts: Timeouts, ports: Ports
) -> Arrival:
    """Find out what is behind an address, without a user or a password of the machine.

    Args:
        address: where to ask.
        pins: the trusted certificates of machines.
        trust: the SHA-256 that the user has accepted for a machine.
        hubs: the saved hubs and the tokens for them.
        timeouts: how long to wait.
        ports: where runtimes listen.

    Raises:
        NotTrusted, CertificateMismatch: see `recognise_trusted`.
        RuntimeFailure: see `recognise`; behind a hub, see `orchestrated.reach`.
    """
    if address.through_hub:
        if trust is not None:
            raise RuntimeFailure(
                Kind.UNTRUSTED,
                f"{address} is reached through a hub, whose certificate is verified by its authority and not by a fingerprint. Nothing was "
                "sent.",
                "Leave the fingerprint out.",
            )
        from rung.runtimes.orchestrated import reach

        hubbed, found = await reach(address, pins, hubs, timeouts)
        return Arrival(found, hubbed, partial(hubbed.recognise_again, timeouts))
    found, pin = await recognise_trusted(address, pins, trust, timeouts, ports)
    way = None if pin is None else Direct(found.address, pin)
    return Arrival(found, way, partial(recognise, found.address, pin, timeouts, ports))
