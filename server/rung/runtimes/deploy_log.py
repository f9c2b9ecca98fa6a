"""What a device's own log says of a deploy. A deploy never depends on it: a log that cannot be read says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rung.runtimes.connection import Connection
from rung.runtimes.errors import RuntimeFailure

_TROUBLE = ("WARNING", "ERROR", "CRITICAL")
_FAILED = ("ERROR", "CRITICAL")


class DeviceLog:
    """The log of a machine since a deploy began."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last_entry = 0

    async def begin(self) -> None:
        """What the log says so far is of before."""
        try:
            entries = (await self._connection.client.logs()).entries
        except RuntimeFailure:
            entries = ()
        self._last_entry = entries[-1].id if entries else 0

    async def explained(self, failure: RuntimeFailure) -> RuntimeFailure:
        """The failure with what the log has said about it."""
        try:
            entries = (await self._connection.client.logs(self._last_entry)).entries
        except RuntimeFailure:
            return failure
        errors = [entry.message.rstrip(".") for entry in entries if entry.level in _TROUBLE][-2:]
        said = f" The device's log says: {'; '.join(errors)}." if errors else ""
        return RuntimeFailure(failure.kind, failure.message + said, failure.hint)

    async def about(self, plugins: Sequence[str]) -> str | None:
        """What the log has said of plug-ins that failed, None for nothing: a program may run without the plug-ins that go with it."""
        if not plugins:
            return None
        try:
            entries = (await self._connection.client.logs(self._last_entry)).entries
        except RuntimeFailure:
            return None
        said = [e.message.strip().rstrip(".") for e in entries if e.level in _FAILED and _names(e.message, plugins)]
        return "; ".join(dict.fromkeys(said[:3])) or None


def _names(message: str, plugins: Sequence[str]) -> bool:
    folded = message.casefold()
    return any(name in folded for name in plugins)
