"""How much an agent may take of the hub, in one place; the defaults are what the agents' listener runs with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_SMALL: Final = 1024 * 1024
_MEDIUM: Final = 4 * 1024 * 1024
_CONSUMPTION: Final = 8 * 1024 * 1024
"""48 hours of measurements, one every five seconds, of processor and memory."""


@dataclass(frozen=True, slots=True)
class AgentBounds:
    """Limits of the agents' listener. Sizes are bytes, times seconds.

    Attributes:
        websocket_frame: the largest message to an agent that may be on a websocket. The agent's library closes the connection, and loses every
            pending answer, at 4 MiB (aiohttp: a frame of `max_msg_size` bytes or more is refused).
        polling_frame: the largest message when only polling is offered.
        answer: the largest answer of an agent; most questions allow less, see `room`.
        event: the largest message of an agent that answers nothing.
        incoming: large messages of all agents that are coming in, together.
        calls: calls under way per agent; the agent's worker threads are few and shared with its heartbeats.
        wait_for_turn: how long a further call waits for one of those to end.
        late_answer: how long an unanswered call counts as under way after its caller was told.
        outgoing: messages to all agents that wait for their answer, together.
        ping_interval, ping_timeout: Engine.IO's. Public agents stand still for up to 25 s, pongs included, while a debug session ends.
        connect_within: from the Engine.IO handshake to an accepted Socket.IO connection.
        handshakes: sessions of one certificate that are not accepted yet.
        connections: TCP connections of one certificate.
        tls_seconds: for the TLS handshake.
        tls_per_address: TLS handshakes under way from one address; before its end nobody is known.
        tls_at_once: the same, together.
        head_seconds: until a request's head is there, also between two requests.
        body_seconds: for a request's body.
        write_seconds: for an agent to take what is sent on a websocket.
        frames_per_second: of one websocket; the faster ones wait.
        requests_per_second, requests_at_once: HTTP requests of one certificate; the faster ones wait.
        heartbeat_every: how often a heartbeat is told to others.
        recheck_every: how often a live session is compared with the database.
    """

    websocket_frame: int = 4 * 1024 * 1024 - 1
    polling_frame: int = 32 * 1024 * 1024
    answer: int = 32 * 1024 * 1024
    event: int = 16 * 1024
    incoming: int = 512 * 1024 * 1024
    calls: int = 8
    wait_for_turn: float = 2.0
    late_answer: float = 60.0
    outgoing: int = 512 * 1024 * 1024
    ping_interval: float = 25.0
    ping_timeout: float = 40.0
    connect_within: float = 10.0
    handshakes: int = 4
    connections: int = 16
    tls_seconds: float = 10.0
    tls_per_address: int = 256
    tls_at_once: int = 2048
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    write_seconds: float = 60.0
    frames_per_second: int = 500
    requests_per_second: float = 200.0
    requests_at_once: float = 1000.0
    heartbeat_every: float = 10.0
    recheck_every: float = 300.0

    def room(self, topic: str, message: Mapping[str, object]) -> int:
        """The bytes that the answer to a call may have: reading a large one takes time in which nobody else is served."""
        if topic == "run_command":
            whole = message.get("api") in (None, "api/project-snapshot")
            return self.answer if whole else min(self.answer, _MEDIUM)
        return min(self.answer, _CONSUMPTION if topic.startswith("get_consumption_") else _SMALL)
