"""The server's connections to machines, one per saved name, and what is known of the program each of them runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from rung.runtimes.address import Address
from rung.runtimes.connection import Connection, ConnectionEvent, Outcome, State
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile, ProfileStore, resolve_target

ProgramMd5 = Callable[["Path | None"], Awaitable["str | None"]]


@dataclass(slots=True)
class Known:
    """What was read from a machine since its state last changed: its program's MD5. `home` is the program deployed to it last."""

    md5: str | None = None
    home: Path | None = None


class Machines:
    """All machines that a command has named.

    Args:
        on_change: told every change of every connection.
        program_md5: the MD5 that a program would have now, None while it has errors.
    """

    def __init__(self, on_change: Callable[[ConnectionEvent], None], program_md5: ProgramMd5) -> None:
        self._on_change = on_change
        self._program_md5 = program_md5
        self._connections: dict[str, Connection] = {}
        self._known: dict[str, Known] = {}
        self._profiles = ProfileStore()

    def connection(self, target: str) -> Connection:
        """Return the connection to a saved name or an address; made when first asked for.

        Raises:
            RuntimeFailure: it is neither.
        """
        try:
            profile = resolve_target(target, self._profiles)
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Add the connection first.") from None
        found = self._connections.get(profile.name)
        if found is None or (found.profile.address != profile.address and found.state is State.DISCONNECTED):
            found = self._connections[profile.name] = Connection(profile)
            found.on_change(self._changed)
        return found

    def all(self) -> list[Connection]:
        """Return every connection that a command has named."""
        return list(self._connections.values())

    def deployed(self, connection: Connection, home: Path, md5: str | None) -> None:
        """Note which program was sent to a machine, and what the machine said it runs then."""
        self._known[connection.profile.name] = Known(md5, home)

    async def md5(self, connection: Connection) -> str | None:
        """Return the MD5 of the program that a machine has in its memory; None when it does not say."""
        known = self._known.setdefault(connection.profile.name, Known())
        if known.md5 is None and connection.state is State.CONNECTED:
            with contextlib.suppress(RuntimeFailure):
                known.md5 = await connection.debug.md5()
        return known.md5

    async def in_sync(self, connection: Connection) -> bool | None:
        """Whether the machine has in its memory what the editor shows; None when there is nothing to compare."""
        theirs = await self.md5(connection)
        if theirs is None:
            return None
        ours = await self._program_md5(self._known[connection.profile.name].home)
        return None if ours is None else ours == theirs

    def _changed(self, event: ConnectionEvent) -> None:
        # Whoever changed the machine's state may have changed its program, too.
        known = self._known.get(event.target)
        if known is not None:
            known.md5 = None
        self._on_change(event)

    async def rows(self) -> list[dict[str, object]]:
        """Return what `rung.targets` answers: the saved machines, and those that are connected without being saved."""
        profiles = {profile.name: profile for profile in self._profiles.list()}
        for name, connection in self._connections.items():
            if connection.state is not State.DISCONNECTED:
                profiles.setdefault(name, connection.profile)
        return [await self._row(profile) for profile in profiles.values()]

    async def _row(self, profile: Profile) -> dict[str, object]:
        connection = self._connections.get(profile.name)
        row: dict[str, object] = {"name": profile.name, "address": str(profile.address), "username": profile.username}
        if connection is None:
            return {**row, "state": State.DISCONNECTED.value, "plc": None, "version": None, "inSync": None, "md5": None}
        return {
            **row,
            "state": connection.state.value,
            "plc": connection.plc,
            "version": connection.info.version if connection.info else None,
            "inSync": await self.in_sync(connection),
            "md5": await self.md5(connection),
        }

    def add(self, name: str, address: str, username: str | None) -> None:
        """Save a connection.

        Raises:
            RuntimeFailure: the name or the address cannot be one, or the file cannot be written.
        """
        try:
            self._profiles.add(Profile(name, Address.parse(address), username or None))
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Correct it and try again. Nothing was saved.") from None

    async def remove(self, target: str) -> None:
        """Disconnect from a machine and forget it; its certificate stays trusted."""
        name = self.connection(target).profile.name
        await self._connections.pop(name).disconnect()
        self._known.pop(name, None)
        self._profiles.remove(name)

    async def forget_certificate(self, target: str) -> None:
        """Disconnect from a machine and trust its certificate no longer."""
        connection = self.connection(target)
        await connection.disconnect()
        PinStore().forget(connection.profile.address)

    async def close(self) -> None:
        """Disconnect from every machine."""
        await asyncio.gather(*(connection.disconnect() for connection in self.all()), return_exceptions=True)


def connect_answer(outcome: Outcome) -> dict[str, object]:
    """Return what `rung.connect` answers."""
    answer: dict[str, object] = {"state": outcome.state}
    if outcome.certificate is not None:
        answer |= {
            "fingerprint": outcome.certificate.fingerprint,
            "subject": outcome.certificate.subject,
            "notAfter": outcome.certificate.not_after,
        }
        if outcome.pinned is not None:
            answer["pinned"] = outcome.pinned
    if outcome.kind is not None:
        answer["kind"] = outcome.kind.value
    if outcome.message:
        answer |= {"message": outcome.message, "hint": outcome.hint}
    return answer


def failure_answer(failure: RuntimeFailure) -> dict[str, str]:
    """Return the error object of the contracts."""
    return {"kind": failure.kind.value, "message": failure.message, "hint": failure.hint}
