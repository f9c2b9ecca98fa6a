"""The server's connections to machines, one per saved name, and what is known of the program each of them runs.

Invariants: what is said of a machine is about the machine that the connection reaches, whatever is saved under its name by now; nothing is
done to a machine by a name that means another one now. What a machine has in its memory is never older than one heartbeat, or half a minute behind a hub.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rung.runtimes.address import Address
from rung.runtimes.connection import Connection, ConnectionEvent, Outcome, State
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile, ProfileStore, resolve_target
from rung.targets.names import DEFAULT_TARGET

ProgramMd5 = Callable[["Path | None", str], Awaitable["str | None"]]

_HEARTBEAT_S: Final = 2.0
_BEHIND_A_HUB_S: Final = 30.0
"""Reading which program runs takes the one place that a hub has for watching a vPLC: others must find it free most of the time."""


@dataclass(slots=True)
class Known:
    """What was read from a machine: its program's MD5, good `until` then, or in `unread` why it could not be read.

    `home` is the program deployed to it last.
    """

    home: Path | None = None
    md5: str | None = None
    until: float = 0.0
    unread: str | None = None


class Machines:
    """All machines that a command has named.

    Args:
        on_change: told every change of every connection.
        program_md5: the MD5 that a program would have now if it were built for a target, None while it has errors.
        hubs: the saved hubs, through which some machines are reached, and the tokens for them.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        on_change: Callable[[ConnectionEvent], None],
        program_md5: ProgramMd5,
        hubs: Hubs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_change = on_change
        self._program_md5 = program_md5
        self._hubs = hubs
        self._clock = clock
        self._connections: dict[str, Connection] = {}
        self._known: dict[str, Known] = {}
        self._profiles = ProfileStore()

    def connection(self, target: str) -> Connection:
        """Return the connection to a saved name or an address, to use the machine; made when first asked for.

        Raises:
            RuntimeFailure: it is neither, or another address was saved under this name while the connection is open.
        """
        profile, found = self._find(target)
        if found.profile.address != profile.address:
            raise RuntimeFailure(
                Kind.LOST,
                f"{profile.name} is still the connection to {found.profile.address}, but {profile.address} is saved under this name "
                "now. Nothing was done to either machine.",
                "Reconnect first: disconnect, then connect again.",
            )
        return found

    def _find(self, target: str) -> tuple[Profile, Connection]:
        """Return what is saved under a name, and the connection under that name, which may reach another address while it is open."""
        try:
            profile = resolve_target(target, self._profiles, self._hubs.store)
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Add the connection first.") from None
        found = self._connections.get(profile.name)
        if found is None or (found.profile.address != profile.address and found.state is State.DISCONNECTED):
            self._known.pop(profile.name, None)
            found = self._connections[profile.name] = Connection(profile, hubs=self._hubs)
            found.on_change(self._changed)
        return profile, found

    def all(self) -> list[Connection]:
        """Return every connection that a command has named."""
        return list(self._connections.values())

    def deployed(self, connection: Connection, home: Path, md5: str | None) -> None:
        """Note which program was sent to a machine, and what the machine said it runs then."""
        self._known[connection.profile.name] = Known(home, md5, self._clock() + _good_for(connection))

    async def program(self, connection: Connection, *, now: bool) -> tuple[str | None, bool | None]:
        """Return the MD5 of the program that a machine has in its memory, and whether that is what the editor shows.

        Args:
            connection: the machine's.
            now: read it anew; otherwise it may be a little old, for others may download, too.

        Returns:
            None for what is not known: the machine does not say, or there is nothing to compare.
        """
        if connection.state is not State.CONNECTED:
            return None, None
        known = self._known.setdefault(connection.profile.name, Known())
        if now or known.until <= self._clock():
            asked = self._clock()
            try:
                known.md5, known.until = await connection.debug.md5(), asked + _good_for(connection)
                known.unread = None
            except RuntimeFailure as failure:
                # Counted from the end of a long wait, so that a machine that is silent does not keep every list of machines waiting.
                known.md5, known.until = None, self._clock() + _good_for(connection)
                known.unread = failure.message
        theirs = known.md5
        ours = None if theirs is None else await self._program_md5(known.home, target_of(connection))
        return theirs, None if ours is None else ours == theirs

    def unread(self, connection: Connection) -> str | None:
        """Return why the program that a machine has could not be read; None when it could be, or has not been asked for."""
        known = self._known.get(connection.profile.name)
        return None if known is None else known.unread

    def _changed(self, event: ConnectionEvent) -> None:
        # Whoever changed the machine's state may have changed its program, too.
        known = self._known.get(event.target)
        if known is not None:
            known.md5, known.unread, known.until = None, None, 0.0
        self._on_change(event)

    async def rows(self) -> list[dict[str, object]]:
        """Return what `rung.targets` answers: the saved machines, and those that are connected without being saved."""
        profiles = {profile.name: profile for profile in self._profiles.list()}
        for name, connection in self._connections.items():
            if connection.state is not State.DISCONNECTED:
                profiles.setdefault(name, connection.profile)
        return list(await asyncio.gather(*(self._row(profile) for profile in profiles.values())))

    async def _row(self, profile: Profile) -> dict[str, object]:
        connection = self._connections.get(profile.name)
        if connection is not None and connection.state is not State.DISCONNECTED:
            profile = connection.profile
        row: dict[str, object] = {"name": profile.name, "address": str(profile.address), "username": profile.username}
        if connection is None:
            unknown = dict.fromkeys(("plc", "version", "runtime", "encrypted", "inSync", "md5"))
            return {**row, "state": State.DISCONNECTED.value, **unknown, "snapshots": False}
        md5, in_sync = await self.program(connection, now=False)
        return {
            **row,
            "state": connection.state.value,
            "plc": connection.plc,
            "version": connection.info.version if connection.info else None,
            **runtime_answer(connection),
            "inSync": in_sync,
            "md5": md5,
        }

    def add(self, name: str, address: str, username: str | None) -> None:
        """Save a connection.

        Raises:
            RuntimeFailure: the name or the address cannot be one, or the file cannot be written.
        """
        try:
            profile = Profile(name, Address.parse(address), username or None)
            before = self._profiles.get(name)
            if before is not None and before.address == profile.address:
                profile = replace(profile, modbus_port=before.modbus_port)  # the editor does not know of it
            self._profiles.add(profile)
        except ValueError as error:
            raise RuntimeFailure(Kind.DNS, str(error), "Correct it and try again. Nothing was saved.") from None

    async def remove(self, target: str) -> None:
        """Disconnect from a machine and forget it; its certificate stays trusted."""
        name = self._find(target)[0].name
        await self._connections.pop(name).disconnect()
        self._known.pop(name, None)
        self._profiles.remove(name)

    async def disconnect(self, target: str) -> None:
        """Disconnect from a machine, wherever the connection leads."""
        await self._find(target)[1].disconnect()

    def check_hub(self, connection: Connection) -> None:
        """Make sure that somebody is signed in to the hub through which a machine is reached, if it is.

        Raises:
            RuntimeFailure: nobody is, so no password of the machine would help.
        """
        if connection.profile.address.through_hub:
            self._hubs.signed_in(self._hubs.of(connection.profile.address))

    async def disconnect_through(self, hub: Address) -> None:
        """Disconnect from every machine that is reached through a hub."""
        addresses = ((connection, connection.profile.address) for connection in self.all())
        found = [one for one, at in addresses if at.through_hub and (at.host, at.port) == (hub.host, hub.port)]
        await asyncio.gather(*(connection.disconnect() for connection in found))

    async def forget_certificate(self, target: str) -> None:
        """Disconnect from a machine and trust its certificate no longer."""
        connection = self.connection(target)
        await connection.disconnect()
        PinStore().forget(connection.profile.address)

    async def close(self) -> None:
        """Disconnect from every machine."""
        await asyncio.gather(*(connection.disconnect() for connection in self.all()), return_exceptions=True)


def target_of(connection: Connection) -> str:
    """Return what a program is built for that goes to a machine; the usual target while it is not known which runtime that has."""
    return DEFAULT_TARGET if connection.info is None else connection.info.capabilities.target


def takes_of(connection: Connection) -> frozenset[str]:
    """Return the files beside a program that a machine takes and others of its target do not."""
    return frozenset() if connection.info is None else connection.info.capabilities.takes


def runtime_answer(connection: Connection) -> dict[str, object]:
    """Return what is told of the runtime behind a connection: its name, whether what is sent is encrypted, whether it gives its source back."""
    if connection.info is None:
        return {"runtime": None, "encrypted": None, "snapshots": False}
    known = connection.info.capabilities
    return {"runtime": known.name, "encrypted": known.encrypted, "snapshots": known.snapshots}


def connect_answer(outcome: Outcome, connection: Connection, *, logged_in: bool = True) -> dict[str, object]:
    """Return what `rung.connect` answers: what came of it, and which runtime it is if that is known.

    Args:
        outcome: what came of it.
        connection: the machine's.
        logged_in: False if the machine was given no user name and password that it could have refused.

    Raises:
        RuntimeFailure: the hub before the machine has refused it, so no other password would help.
    """
    if not logged_in and outcome.kind is Kind.CREDENTIALS and connection.profile.address.through_hub:
        raise RuntimeFailure(Kind.CREDENTIALS, outcome.message, outcome.hint)
    answer: dict[str, object] = {"state": outcome.state, "encrypted": outcome.encrypted}
    if connection.info is not None:
        answer |= {"line": connection.info.capabilities.line.value, "version": connection.info.version}
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


def _good_for(connection: Connection) -> float:
    """For how many seconds it is believed which program a machine runs, unless its state changes."""
    return _BEHIND_A_HUB_S if connection.profile.address.through_hub else _HEARTBEAT_S
