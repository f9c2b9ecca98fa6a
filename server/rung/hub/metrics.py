"""Figures of one hub process for Prometheus. No user, tenant or machine is in them: labels are words of the hub's own, and few."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

TOPICS: Final = frozenset(
    {
        "create_new_runtime",
        "delete_device",
        "delete_orchestrator",
        "get_consumption_device",
        "get_consumption_orchestrator",
        "get_device_status",
        "get_host_interfaces",
        "get_serial_devices",
        "run_command",
    }
)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """The figures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.agents = Gauge(
            "rung_hub_agents", "The agents' side of this process, by figure.", ("figure",), registry=self._registry
        )
        self._calls = Counter("rung_hub_agent_calls", "Calls to agents.", ("topic", "outcome"), registry=self._registry)
        self._call_seconds = Histogram(
            "rung_hub_agent_call_seconds",
            "Time until agents answer.",
            ("topic",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._requests = Counter(
            "rung_hub_requests", "Requests of editors.", ("route", "status"), registry=self._registry
        )
        self._request_seconds = Histogram(
            "rung_hub_request_seconds",
            "Time until editors are answered.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "rung_hub_refusals", "Requests refused, by status.", ("status",), registry=self._registry
        )
        self.up = Gauge("rung_hub_up", "1 while the part works.", ("part",), registry=self._registry)

    def agent_call(self, topic: str, outcome: str, seconds: float) -> None:
        """A call to an agent has ended.

        Args:
            topic: its topic.
            outcome: `ok`, `error` (the agent's refusal) or a failure's kind.
            seconds: how long it took.
        """
        word = topic if topic in TOPICS else "other"
        self._calls.labels(word, outcome).inc()
        self._call_seconds.labels(word).observe(seconds)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request has been answered; `route` is its name in the table."""
        self._requests.labels(route, f"{status // 100}xx").inc()
        self._request_seconds.labels(route).observe(seconds)
        if status in (401, 403, 404, 413, 429):
            self._refusals.labels(str(status)).inc()

    def page(self) -> bytes:
        """All figures, in Prometheus' text form."""
        return generate_latest(self._registry)
