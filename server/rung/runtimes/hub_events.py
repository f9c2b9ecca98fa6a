"""The stream of what changes at a hub (server-sent events). It opens itself again, and says when something may have been missed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hub_http import HubHttp
from rung.runtimes.hub_records import plain

_SILENCE_S = 45.0
"""A hub sends a comment every 15 seconds."""
_BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_ONLY_THE_USER = (Kind.CREDENTIALS, Kind.UNTRUSTED)
_LARGEST_EVENT = 1_000_000
_KINDS = frozenset({"orchestrator", "vplc", "enrolment", "resync"})


@dataclass(frozen=True, slots=True)
class HubEvent:
    """A change.

    Attributes:
        kind: orchestrator, vplc or enrolment; `resync` when changes may have been missed and everything is to be read again, which is
            the first event of every stream, too; `lost` when the hub is not reached any more.
        data: what the hub tells of it.
        failure: why it is lost.
    """

    kind: str
    data: Mapping[str, object] = field(default_factory=dict)
    failure: RuntimeFailure | None = None


async def follow(
    http: HubHttp, back_off: Sequence[float] = _BACK_OFF, silence: float = _SILENCE_S
) -> AsyncIterator[HubEvent]:
    """What changes at a hub from now on; without an end.

    Args:
        http: to the hub, signed in.
        back_off: seconds before each new attempt after it was lost; the last one repeats.
        silence: seconds without a byte after which the stream counts as broken.

    Raises:
        RuntimeFailure: only the user can help: the token is refused, or the hub's certificate.
    """
    attempt = 0
    while True:
        failure = RuntimeFailure(
            Kind.LOST, f"The hub {http.hub.address.authority} ended the stream of changes.", "It is opened again."
        )
        try:
            async with http.stream("/events", silence) as response:
                attempt = 0
                yield HubEvent("resync")
                async for event in _events(response):
                    yield event
        except RuntimeFailure as broke:
            if broke.kind in _ONLY_THE_USER:
                raise
            failure = broke
        yield HubEvent("lost", failure=failure)
        await asyncio.sleep(back_off[min(attempt, len(back_off) - 1)])
        attempt += 1


async def _events(response: httpx.Response) -> AsyncIterator[HubEvent]:
    """Events as the HTML standard frames them; only `event` and `data` mean something here."""
    kind, rest, size = "", b"", 0
    data: list[bytes] = []
    async for part in response.aiter_raw():
        *lines, rest = (rest + part).replace(b"\r\n", b"\n").split(b"\n")
        if len(rest) > _LARGEST_EVENT:
            return
        for line in lines:
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                if kind in _KINDS:
                    yield HubEvent(kind, _object(b"\n".join(data)))
                kind, data, size = "", [], 0
            elif name == b"event":
                kind = value.decode("ascii", "replace")
            elif name == b"data":
                size += len(value)
                if size > _LARGEST_EVENT:
                    return
                data.append(value)


def _object(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return plain(value) if isinstance(value, dict) else {}
