"""Whether the hub is alive and ready, and its figures; for load balancers and monitoring, without a token of a user."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from aiohttp import web

from rung.hub.api.answers import absent, failed, own
from rung.hub.limits import peer_address
from rung.hub.metrics import CONTENT_TYPE, Metrics
from rung.runtimes.deadline import within
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.bus import Bus
    from rung.hub.settings import HubSettings
    from rung.hub.store import Store

_PATIENCE: Final = 3.0
_FRESH: Final = 1.0
"""Seconds for which a look at the database counts: whoever asks more often must not load it."""


class Health:
    """Answers to those who watch the hub.

    Args:
        settings: the hub's.
        store: looked at by `readyz`.
        bus: looked at by `readyz`.
        metrics: the figures.
        agents: gives the figures of the agents' side, by name.
    """

    def __init__(
        self, settings: HubSettings, store: Store, bus: Bus, metrics: Metrics, agents: Callable[[], Mapping[str, int]]
    ) -> None:
        self._settings = settings
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._agents = agents
        self._database = True
        self._looked = -_FRESH
        self.leaving = False

    def routes(self) -> list[web.AbstractRouteDef]:
        """The routes."""
        return [
            web.get("/healthz", self._alive, name="healthz"),
            web.get("/readyz", self._ready, name="readyz"),
            web.get("/metrics", self._figures, name="metrics"),
        ]

    async def parts(self) -> dict[str, bool]:
        """Whether each part works: the database and, where the hub has several processes, what joins them."""
        if time.monotonic() - self._looked > _FRESH:
            self._looked = time.monotonic()
            try:
                await within(_PATIENCE, self._store.ping())
                self._database = True
            except (RuntimeFailure, TimeoutError):
                self._database = False
        found = {"database": self._database}
        if self._settings.redis_url is not None:
            found["redis"] = self._bus.shared
        for part, works in found.items():
            self._metrics.up.labels(part).set(works)
        return found

    async def _alive(self, request: web.Request) -> web.StreamResponse:
        return own({"ok": True})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        parts = await self.parts()
        # Without Redis the agents of this process still work, so it stays in service and only says so.
        ready = parts["database"] and not self.leaving
        return own({"ready": ready, **parts}, 200 if ready else 503)

    async def _figures(self, request: web.Request) -> web.StreamResponse:
        if not self._may_read(request):
            return failed(absent())
        await self.parts()
        for name, value in self._agents().items():
            self._metrics.agents.labels(name.replace(" ", "_")).set(value)
        return web.Response(body=self._metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    def _may_read(self, request: web.Request) -> bool:
        token = self._settings.metrics_token
        if token is not None:
            given = request.headers.get("Authorization", "")
            return hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode())
        if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
            return False  # a reverse proxy on this computer brings strangers in
        try:
            return ipaddress.ip_address(peer_address(request).partition("%")[0]).is_loopback
        except ValueError:
            return False
