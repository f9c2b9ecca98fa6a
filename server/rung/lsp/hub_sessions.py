"""Who is signed in to which hub, and whether the hub answers: one background task per hub follows what changes there.

Invariants: a token is in this process's memory only, and only while its hub has not refused it. A hub that does not answer keeps nobody
waiting: its state says so, and the task tries again by itself.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hub, Hubs

if TYPE_CHECKING:
    from rung.runtimes.hub_client import HubClient
    from rung.runtimes.hub_records import Me

NOT_ASKED: Final = frozenset({Kind.REFUSED, Kind.UNREACHABLE, Kind.DNS, Kind.TIMEOUT, Kind.LOST, Kind.BUSY})
"""Failures of a hub that was not reached: the token may be right, and waiting helps."""

_BACK_OFF: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_SOON_S: Final = 0.2
_SPACING_S: Final = 1.0


class Spaced:
    """Passes names on soon after they came, but each only once a second: a change seldom comes alone.

    Args:
        tell: is passed the names.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._due: set[str] = set()
        self._told: dict[str, float] = {}

    def __call__(self, name: str) -> None:
        """Have a name passed on."""
        if name in self._due:
            return
        loop = asyncio.get_running_loop()
        self._due.add(name)
        loop.call_at(max(loop.time() + _SOON_S, self._told.get(name, 0.0) + _SPACING_S), self._pass_on, name)

    def _pass_on(self, name: str) -> None:
        self._due.discard(name)
        self._told[name] = asyncio.get_running_loop().time()
        self._tell(name)


class HubSession:
    """A hub for which there is a token.

    Attributes:
        state: `online`, `offline` or `refused`.
        message: why it is one of the latter two.
        me: who is signed in, as the hub told last.
    """

    def __init__(self, hub: Hub, client: HubClient) -> None:
        self.hub = hub
        self.client = client
        self.state = "offline"
        self.message = ""
        self.me: Me | None = None
        self.task: asyncio.Task[None] | None = None

    def failed(self, failure: RuntimeFailure) -> None:
        """Note why the hub cannot be used now."""
        self.state = "offline" if failure.kind in NOT_ASKED else "refused"
        self.message = failure.message


class HubSessions:
    """The sessions of this process.

    Args:
        hubs: the saved hubs and the tokens for them.
        on_change: told the name of a hub of which something is another now.
    """

    def __init__(self, hubs: Hubs, on_change: Callable[[str], None]) -> None:
        self._hubs = hubs
        self._on_change = Spaced(on_change)
        self._sessions: dict[str, HubSession] = {}

    def rows(self) -> list[dict[str, object]]:
        """What `rung.hubs` answers. No hub is asked."""
        return [self._row(hub) for hub in self._hubs.store.list()]

    def _row(self, hub: Hub) -> dict[str, object]:
        session = self._session(hub)
        me = None if session is None else session.me
        return {
            "name": hub.name,
            "address": hub.address.authority,
            "user": hub.user if me is None else me.user,
            "role": None if me is None else me.role,
            "tenant": None if me is None else me.tenant,
            "signedIn": session is not None and session.state != "refused",
            "state": "signed-out" if session is None else session.state,
            "message": None if session is None or session.state == "online" else session.message,
        }

    def add(self, name: str, address: str, ca: str | None) -> None:
        """Save a hub.

        Raises:
            RuntimeFailure: name, address or certificate cannot be one, or the name is taken.
        """
        try:
            hub = Hub.parse(name, address, ca)
            if self._hubs.store.get(name) is not None:
                raise ValueError(f"There is already a hub {name!r}.")
            self._hubs.store.add(hub)
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Correct it and try again. Nothing was saved.") from None

    async def remove(self, name: str) -> None:
        """Sign out and forget the hub."""
        await self.sign_out(name)
        self._hubs.store.remove(name)

    async def sign_in(self, name: str, token: str) -> Me:
        """Use a token, and follow what changes at the hub from now on.

        Raises:
            RuntimeFailure: the hub refuses the token, which is forgotten then; or it does not answer, and the token is tried again until
                it does.
        """
        hub = self.hub(name)
        await self._end(hub)
        self._hubs.sign_in(hub, token)
        session = self._sessions[hub.name] = HubSession(hub, self._hubs.client(hub))
        try:
            session.me = await session.client.me()
        except RuntimeFailure as failure:
            session.failed(failure)
            if session.state == "refused":
                self._hubs.sign_out(hub)
            else:
                self._follow(session)
            raise
        session.state = "online"
        self._follow(session)
        return session.me

    async def sign_out(self, name: str) -> None:
        """Forget the token."""
        hub = self.hub(name)
        await self._end(hub)
        self._hubs.sign_out(hub)

    def hub(self, name: str) -> Hub:
        """The saved hub of this name.

        Raises:
            RuntimeFailure: there is none.
        """
        hub = self._hubs.store.get(name)
        if hub is None:
            raise RuntimeFailure(Kind.DNS, f"No hub {name[:70]!r} is saved. Nothing was done.", "Add the hub first.")
        return hub

    def client(self, name: str) -> HubClient:
        """The client of a hub.

        Raises:
            RuntimeFailure: nobody is signed in there.
        """
        hub = self.hub(name)
        session = self._session(hub)
        if session is None or session.state == "refused":
            self._hubs.signed_in(hub)  # says how to sign in
        assert session is not None, "who has a token has a session"
        return session.client

    async def close(self) -> None:
        """End all sessions."""
        await asyncio.gather(*(self._end(session.hub) for session in list(self._sessions.values())))

    def _session(self, hub: Hub) -> HubSession | None:
        """The session with this very hub: another one may have been saved under its name, by another window."""
        session = self._sessions.get(hub.name)
        return session if session is not None and session.hub == hub else None

    async def _end(self, hub: Hub) -> None:
        session = self._sessions.pop(hub.name, None)
        if session is None:
            return
        if session.task is not None:
            session.task.cancel()
            await asyncio.wait([session.task])
        await session.client.aclose()

    def _follow(self, session: HubSession) -> None:
        session.task = asyncio.create_task(self._keep(session), name="hub")

    async def _keep(self, session: HubSession) -> None:
        try:
            async for event in session.client.events():
                if event.kind == "lost" and event.failure is not None:
                    session.failed(event.failure)
                    session.state = "offline"  # whatever it was, it is tried again
                elif event.kind == "resync":
                    await self._introduce(session)
                self._on_change(session.hub.name)
        except RuntimeFailure as failure:
            session.failed(failure)
            self._hubs.sign_out(session.hub)
        except Exception as error:  # a task that ended in silence would leave "online" standing for ever
            logging.getLogger(__name__).error("following a hub failed: %s", type(error).__name__)
            session.state, session.message = "refused", "A defect of Rung ended the session with this hub."
            self._hubs.sign_out(session.hub)
        self._on_change(session.hub.name)

    async def _introduce(self, session: HubSession) -> None:
        """Ask who is signed in until the hub says it; a role may be another one than before."""
        for attempt in itertools.count():
            try:
                session.me = await session.client.me()
            except RuntimeFailure as failure:
                if failure.kind not in NOT_ASKED:
                    raise
                session.failed(failure)
                self._on_change(session.hub.name)
                await asyncio.sleep(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
            else:
                session.state, session.message = "online", ""
                return
