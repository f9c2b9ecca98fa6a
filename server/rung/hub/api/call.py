"""One request of a signed-in user, as handlers see it, and the desk at which all of them are served.

Invariant: `Call.orchestrator` and `Call.vplc` are of the user's tenant; the doors have looked them up before the handler began.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from aiohttp import web

from rung.hub.api.answers import Refusal, absent, bad
from rung.hub.api.shapes import Fields
from rung.hub.api.turns import Turns
from rung.hub.records import AuditRow, Orchestrator, User, Vplc
from rung.runtimes.deadline import within
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind

if TYPE_CHECKING:
    from rung.hub.api.asking import Asking
    from rung.hub.api.debug_leases import DebugLeases
    from rung.hub.api.routes import Route
    from rung.hub.api.seen_states import SeenStates
    from rung.hub.api.vplc_progress import VplcProgress
    from rung.hub.bus import Bus
    from rung.hub.journal import Journal
    from rung.hub.limits import Limits
    from rung.hub.metrics import Metrics
    from rung.hub.settings import HubSettings
    from rung.hub.store import Store

_TOKEN: Final = re.compile(r"Bearer (rung_[A-Za-z0-9_-]{43})", re.ASCII)
_LARGEST_JSON: Final = 65_536
_LOOK_AGAIN: Final = 0.02
_BODY_PATIENCE: Final = 30.0
"""Seconds for an ordinary body: a client that trickles must not hold a handler."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the editors' interface works with; one for each hub process."""

    settings: HubSettings
    store: Store
    bus: Bus
    asking: Asking
    progress: VplcProgress
    states: SeenStates
    leases: DebugLeases
    limits: Limits
    metrics: Metrics
    journal: Journal
    leaving: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is about to end: streams end themselves."""
    requests: Turns = field(
        default_factory=lambda: Turns(16, "This user has 16 requests under way already. Nothing was done.")
    )
    streams: Turns = field(default_factory=lambda: Turns(8, "This user listens for events 8 times already.", 30))
    uploads: Turns = field(
        default_factory=lambda: Turns(6, "The hub is passing on other programs. Nothing was sent.", 5)
    )
    own_uploads: Turns = field(
        default_factory=lambda: Turns(2, "The hub is passing on 2 programs of this user already. Nothing was sent.", 5)
    )
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def background(self, work: Coroutine[object, object, None]) -> None:
        """Go on with something after its request was answered; it ends with the process at the latest."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    async def settle(self, patience: float = 5.0) -> None:
        """Wait until no request is under way any more: those that were cut off still write what became of them."""
        for _ in range(int(patience / _LOOK_AGAIN)):
            if not self.requests.under_way:
                return
            await asyncio.sleep(_LOOK_AGAIN)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.journal.mistake("background", error)


class Call:
    """A request whose user may make it.

    Args:
        request: as it came.
        desk: what it is served with.
        route: its row of the table.
        user: who makes it.
        orchestrator: the one in its path.
        vplc: the one in its path.
    """

    def __init__(
        self,
        request: web.Request,
        desk: Desk,
        route: Route,
        user: User,
        orchestrator: Orchestrator | None = None,
        vplc: Vplc | None = None,
    ) -> None:
        self.request = request
        self.desk = desk
        self.route = route
        self.user = user
        self._orchestrator = orchestrator
        self._vplc = vplc
        self.begun = False

    @property
    def orchestrator(self) -> Orchestrator:
        """The orchestrator in the path."""
        if self._orchestrator is None:
            raise absent()
        return self._orchestrator

    @property
    def vplc(self) -> Vplc:
        """The vPLC in the path."""
        if self._vplc is None:
            raise absent()
        return self._vplc

    async def fields(self, *known: str) -> Fields:
        """The JSON object that came with the request; no body is an empty one.

        Raises:
            Refusal: it is no JSON object, is too large, or has fields other than those.
        """
        raw = await read_body(self.request, _LARGEST_JSON, _BODY_PATIENCE)
        return Fields(json_value(raw) if raw.strip() else {}, frozenset(known))

    def query(self, *known: str) -> dict[str, str]:
        """The parameters of the request; each at most once.

        Raises:
            Refusal: there are others.
        """
        given = self.request.query
        if len(given) != len(set(given)) or not set(given) <= set(known):
            raise bad("The request has a parameter that this hub does not know, or one twice.")
        return dict(given)

    async def begin(self, detail: str = "") -> None:
        """Write into the audit log that this is about to be done. Whoever reads it later sees it even if the hub dies now."""
        if not self.begun:
            await self.note("begun", detail)
            self.begun = True

    async def refused(self, detail: str) -> None:
        """Write into the audit log that this was refused; not for ever, for a user who goes on trying must not fill the disk."""
        if not self.desk.limits.refusals_noted.take(f"{self.user.tenant}/{self.user.name}"):
            await self.note("refused", detail)

    async def note(self, outcome: str, detail: str = "") -> None:
        """One row in the audit log."""
        await self.desk.store.note(
            AuditRow(
                at=datetime.now(timezone.utc),
                tenant=self.user.tenant,
                user=self.user.name,
                action=self.route.name,
                orchestrator=None if self._orchestrator is None else self._orchestrator.id,
                vplc=None if self._vplc is None else self._vplc.id,
                outcome=outcome,
                detail=clean(detail, 500),
            )
        )

    async def ask(self, topic: str, message: Mapping[str, object], timeout: float = 30.0) -> dict[str, object]:
        """Ask the orchestrator's agent; its refusals are failures.

        Raises:
            RuntimeFailure: see `Asking.ask`.
        """
        if self.orchestrator.revoked is not None:
            raise Refusal(
                503,
                Kind.UNREACHABLE,
                f"The certificate of {self.orchestrator.name} was revoked, so its agent may not connect. Nothing was sent; its vPLCs go on.",
                "Enrol its host again (rung hub orchestrator enrol NAME --again).",
            )
        return await self.desk.asking.ask(self.orchestrator.id, topic, message, timeout)


def bearer(request: web.Request) -> str:
    """The token that came with a request; empty when none did that could be one."""
    given = request.headers.getall("Authorization", [])
    found = _TOKEN.fullmatch(given[0]) if len(given) == 1 else None
    return found.group(1) if found else ""


def json_value(raw: bytes) -> object:
    """The value of a JSON text.

    Raises:
        Refusal: it is none, or one that other programs read in other ways (NaN, a key twice).
    """
    try:
        value: object = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        raise bad("The request's body is no valid JSON.") from None
    return value


async def read_body(request: web.Request, largest: int, patience: float) -> bytes:
    """A request's body, if it is not too large and comes in time.

    Raises:
        Refusal: 413 or 400.
    """
    if (request.content_length or 0) > largest:
        raise too_large(largest)
    try:
        return await within(patience, _collected(request, largest))
    except TimeoutError:
        raise Refusal(
            408, Kind.TIMEOUT, "The request's body did not come in time. Nothing was done.", "Try again."
        ) from None


async def _collected(request: web.Request, largest: int) -> bytes:
    body = bytearray()
    async for part in request.content.iter_chunked(65_536):
        body += part
        if len(body) > largest:
            raise too_large(largest)
    return bytes(body)


def too_large(largest: int) -> Refusal:
    """The refusal of a body that is too large."""
    return Refusal(
        413,
        Kind.UPLOAD_REFUSED,
        f"The request is larger than the {largest} bytes that the hub takes here. Nothing was done.",
        "Send less at once.",
    )


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value
