"""Who debugs which vPLC through this hub: one user at a time, for as long as it goes on asking.

An agent keeps one debug session per vPLC and serves it to whoever asks (orchestrator protocol, section 2.6). So the hub lets only the holder
of the lease ask, and a session never passes from one user to another: it is ended in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from rung.hub.api.answers import Refusal, conflict
from rung.hub.records import User
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.store import Store

LASTS: Final = 60.0
_RENEWED_EVERY: Final = 10.0
"""The database is not written for every frame; a lease lasts much longer than this."""
_LINGERS: Final = 3.0
"""A deploy asks twice in a short time, and ending a session takes old agents 24 s."""
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Ending:
    """A session that is to be ended in a moment: whose, opened with what, and the task that ends it."""

    user: int
    login: bytes
    begun: asyncio.Event
    task: asyncio.Task[None]


class DebugLeases:
    """The leases that this process has given.

    Args:
        store: where they are kept, for all processes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._renewed: dict[tuple[str, str], float] = {}  # by vPLC and lease: a lease of another vPLC is none
        self._closing: dict[str, _Ending] = {}
        self._logins: dict[tuple[str, str], bytes] = {}
        self._key = secrets.token_bytes(32)

    async def take(
        self, vplc_id: str, user: User, login: tuple[str, str], end_session: Callable[[], Awaitable[None]]
    ) -> tuple[str, bool]:
        """Give a user the lease of a vPLC, and end the session that somebody else may have left behind.

        Args:
            login: the user and the password of the runtime; only a keyed hash of them is kept.
            end_session: ends the agent's session; it is quick when there is none.

        Returns:
            The lease, and whether the session is still open that the same user opened with the same login a moment ago.

        Raises:
            Refusal: 409, another user has it.
        """
        lease = f"{user.id}.{secrets.token_urlsafe(24)}"
        holder = await self._store.take_lease(vplc_id, user, lease, _expiry())
        if holder is not None:
            raise Refusal(
                409,
                Kind.BUSY,
                f"{holder} is watching this vPLC through the hub; only one user at a time can.",
                "Ask that user to stop watching, or wait a minute after that user's editor has gone.",
            )
        digest = hashlib.blake2b("\0".join(login).encode("utf-8", "replace"), key=self._key).digest()
        lingering = await self._lingering(vplc_id, user)
        try:
            if lingering is None:
                await end_session()
        except BaseException:
            await self.drop(vplc_id, lease)
            raise
        self._remember(vplc_id, lease)
        self._logins[vplc_id, lease] = digest
        return lease, lingering == digest

    async def hold(self, vplc_id: str, user: User, lease: str, certain: bool = False) -> None:
        """See that the user holds the lease of this vPLC, and lengthen it.

        Args:
            certain: ask the database, although it has said so a moment ago: another process may have ended the lease since.

        Raises:
            Refusal: 409, it does not, or no longer.
        """
        if lease.partition(".")[0] == str(user.id):
            at = self._renewed.get((vplc_id, lease))
            if at is not None and time.monotonic() - at < _RENEWED_EVERY and not certain:
                return
            if await self._store.renew_lease(vplc_id, lease, _expiry()):
                self._remember(vplc_id, lease)
                return
        self._renewed.pop((vplc_id, lease), None)
        raise conflict(
            "This watch has ended: nobody asked for a minute, or another editor took it over.", "Open it again."
        )

    def end_soon(self, vplc_id: str, user: User, lease: str, end_session: Callable[[], Awaitable[None]]) -> None:
        """Let the session linger for a moment, then end it and the lease."""
        self._renewed.pop((vplc_id, lease), None)
        login = self._logins.pop((vplc_id, lease), b"")
        begun = asyncio.Event()

        async def end() -> None:
            try:
                await asyncio.sleep(_LINGERS)
                begun.set()
                with contextlib.suppress(RuntimeFailure):
                    await end_session()  # it dies by itself within five minutes, if not now
            finally:
                ending = self._closing.get(vplc_id)
                if ending is not None and ending.begun is begun:
                    del self._closing[vplc_id]
            await self.drop(vplc_id, lease)

        self._closing[vplc_id] = _Ending(user.id, login, begun, asyncio.create_task(end(), name="debug close"))

    async def drop(self, vplc_id: str, lease: str) -> None:
        """End a lease at once."""
        self._renewed.pop((vplc_id, lease), None)
        self._logins.pop((vplc_id, lease), None)
        with contextlib.suppress(RuntimeFailure):
            await self._store.end_lease(vplc_id, lease)  # it runs out within a minute, if not now

    async def stop(self) -> None:
        """End what lingers without waiting for it."""
        tasks = [ending.task for ending in self._closing.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _lingering(self, vplc_id: str, user: User) -> bytes | None:
        """What the user's own session was opened with, if that is still there; if it is being ended, wait for that."""
        found = self._closing.pop(vplc_id, None)
        if found is None:
            return None
        if found.user == user.id and not found.begun.is_set():
            found.task.cancel()
            return found.login
        await asyncio.wait({found.task})
        return None

    def _remember(self, vplc_id: str, lease: str) -> None:
        if len(self._renewed) >= _MOST_REMEMBERED:
            self._renewed.clear()  # costs one look into the database each
            self._logins.clear()  # costs an opening of a session
        self._renewed[vplc_id, lease] = time.monotonic()


def _expiry() -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=LASTS)
