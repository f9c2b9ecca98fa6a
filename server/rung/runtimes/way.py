"""How requests reach one machine: directly, over TLS with a pinned certificate, or (`orchestrated.Hubbed`) through a hub.

The clients know no sockets, pins or hubs; whatever the way, what they send and how they judge the answers is the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import httpx

from rung.runtimes.address import Address
from rung.runtimes.transport import PinnedTransport

if TYPE_CHECKING:
    from rung.runtimes.client import Variables


class Login(Protocol):
    """Who is logged in at the machine."""

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User name and password, as they are kept in memory; None when nobody is logged in."""

    async def token(self, stale: str | None = None) -> str:
        """A token of the machine; `stale` is one that was just refused."""


class Link(Protocol):
    """Carries the frames of a machine's debug channel and knows nothing of what they say."""

    @property
    def address(self) -> Address:
        """The machine, for sentences."""

    async def ask(self, *frames: bytes) -> bytes:
        """Send frames, with nobody else's between them, and return the answer to the last; BadAnswer if it is none."""

    async def aclose(self) -> None:
        """Hang up, for good."""


Running = Callable[[], Awaitable[bool]]
"""Whether the machine says, now, that its program runs."""


class Way(Protocol):
    """The way to one machine."""

    @property
    def address(self) -> Address:
        """The machine, as the user names it."""

    @property
    def carries_source(self) -> bool:
        """Whether the project's source can travel with a program: an orchestrator's agent passes on files, but no fields beside them."""

    def transport(self) -> httpx.AsyncBaseTransport:
        """A new transport for requests to `https://{address.authority}/...`. It raises RuntimeFailure and nothing of the HTTP library."""

    def variables(
        self, login: Login, channel: Callable[[Link], Variables], guard: Running | None, timeout: float
    ) -> Variables:
        """A way to the variables of the running program; opened by its first question.

        Args:
            login: who is logged in.
            channel: what speaks the machine's frames over a link.
            guard: to be asked before any question on machines whose core dies of one while no program runs; None for others.
            timeout: seconds for opening it and for each answer.
        """


class Direct:
    """Straight to a machine, for as long as it shows the pinned certificate.

    Args:
        address: the machine.
        pin: SHA-256 of its certificate, 64 upper-case hex digits; compared on every connection before anything is sent.
    """

    carries_source = True

    def __init__(self, address: Address, pin: str) -> None:
        self.address = address
        self.pin = pin

    def transport(self) -> httpx.AsyncBaseTransport:
        """See `Way`."""
        return PinnedTransport(self.address, self.pin)

    def variables(
        self, login: Login, channel: Callable[[Link], Variables], guard: Running | None, timeout: float
    ) -> Variables:
        """See `Way`; the channels over this link ask `guard` themselves."""
        from rung.runtimes.debug_link import DebugLink

        return channel(DebugLink(self.address, self.pin, login.token, timeout))
