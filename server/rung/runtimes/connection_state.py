"""What is told of a connection: its four states, its changes, and what came of trying to connect. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rung.runtimes.certificate import Certificate
from rung.runtimes.errors import Kind
from rung.runtimes.recognise import Recognised

_DEFAULT_ACCOUNT = "A new OpenPLC Runtime v3 has the user openplc with the password openplc: change it."

ONLY_THE_USER = frozenset(
    {
        Kind.CERTIFICATE_CHANGED,
        Kind.CREDENTIALS,
        Kind.NO_USERS,
        Kind.NOT_OURS,
        Kind.TOO_OLD,
        Kind.UNTRUSTED,
    }
)
"""Failures that trying again cannot mend."""


class State(str, Enum):
    """The four states; the values are part of the language server's contract."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """A change. `plc` is the program's state while connected, `kind` the reason of an error."""

    target: str
    state: State
    plc: str | None
    message: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of trying to connect.

    `state` is `connected`, `needs-trust` (with `certificate`, and `pinned` when another one was trusted until now),
    `needs-first-user`, `needs-login`, or `error` (with `kind`, `message`, `hint`). `encrypted` is False where everybody in the
    network can read what is sent, a password too: the user has to be told before one is typed.
    """

    state: str
    message: str = ""
    hint: str = ""
    kind: Kind | None = None
    certificate: Certificate | None = None
    pinned: str | None = None
    encrypted: bool = True


def needs_plain_login(found: Recognised) -> Outcome:
    """What is told of a runtime that has only web pages, before any password is typed or sent."""
    where = (
        f"{found.address.host} is {found.capabilities.name}, reached through its web pages on port {found.address.port}"
    )
    return Outcome(
        "needs-login",
        f"{where}, which are not encrypted: everybody in the network can read the password and the program. It asks for a user name and "
        "a password. None was sent.",
        f"Log in only in a network that you trust. {_DEFAULT_ACCOUNT}",
        encrypted=False,
    )
