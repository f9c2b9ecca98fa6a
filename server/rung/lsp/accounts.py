"""The users of a machine: `rung.users`, `rung.createUser`, `rung.changePassword`, `rung.deleteUser`, `rung.setRole`.

Invariant: a password is in the request and in what goes to the machine, and nowhere else; no answer repeats one. What must not be done to
an account is decided by `runtimes.accounts`, on the machine's accounts as they are at that moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lsprotocol import types

from rung.lsp.arguments import Given, optional, text, unusable
from rung.runtimes.accounts import ADMIN, Accounts
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import User

if TYPE_CHECKING:
    from rung.lsp.commands import Session
    from rung.runtimes.connection import Connection

Answer = dict[str, object]

_ROLES: Final = (ADMIN, "user")


async def users(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Return all accounts, who is logged in, and whether accounts have roles."""
    connection = session.machines.connection(text(given, "target"))
    accounts = _accounts(connection)
    rows = [{"id": user.id, "username": user.username, "role": user.role} for user in await accounts.list()]
    return {"users": rows, "own": accounts.own_name, "roles": connection.capabilities.roles}


async def create_user(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Add an account."""
    connection = session.machines.connection(text(given, "target"))
    username, password = text(given, "username"), text(given, "password")
    role = None if optional(given, "role") is None else _role(given)
    await _accounts(connection).create(username, password, role)
    return {"ok": True}


async def change_password(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Give an account another password; `own` says whether that is the account which is logged in here."""
    connection = session.machines.connection(text(given, "target"))
    name, old, new = (text(given, key) for key in ("username", "old", "new"))
    accounts = _accounts(connection)
    user = await _find(accounts, name, connection)
    await accounts.change_password(user, old, new)
    return {"ok": True, "own": user.username == accounts.own_name}


async def delete_user(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Remove an account; the last one, the last administrator and one's own stay."""
    connection = session.machines.connection(text(given, "target"))
    accounts = _accounts(connection)
    await accounts.delete(await _find(accounts, text(given, "username"), connection))
    return {"ok": True}


async def set_role(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Make an account an administrator (`admin`) or an ordinary user (`user`)."""
    connection = session.machines.connection(text(given, "target"))
    name, role = text(given, "username"), _role(given)
    accounts = _accounts(connection)
    await accounts.set_role(await _find(accounts, name, connection), role)
    return {"ok": True}


def _accounts(connection: Connection) -> Accounts:
    accounts = connection.client.accounts
    if accounts is not None:
        return accounts
    address = connection.client.address
    raise RuntimeFailure(
        Kind.TOO_OLD,
        f"The users of {connection.profile.name} cannot be managed from here: it is reached through its web pages, and only those "
        "change its users. Nothing was changed.",
        f"Open http://{address.authority} in a browser and choose Users there; that is not encrypted.",
    )


async def _find(accounts: Accounts, name: str, connection: Connection) -> User:
    for user in await accounts.list():
        if user.username == name:
            return user
    raise RuntimeFailure(
        Kind.CREDENTIALS,
        f"{connection.profile.name} has no user {name!r} any more. Nothing was changed.",
        "List the users again.",
    )


def _role(given: Given) -> str:
    role = text(given, "role")
    if role not in _ROLES:
        raise unusable(f"{role!r} is not a role.")
    return role
