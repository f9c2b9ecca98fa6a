"""`rung user`: the accounts on a machine.

Passwords are prompted for and never shown. With --password-stdin they are lines of standard input, in the order in which they would be asked
for: the login's, then those of the action.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rung.cli.session import (
    ask,
    connected,
    new_password,
    on_terminal,
    prompt_password,
    read_password_line,
    report,
    run_async,
    target_arguments,
)
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.accounts import Accounts
    from rung.runtimes.connection import Connection
    from rung.runtimes.machine import User

HELP = "list, add and remove users of a machine, change passwords and roles"
ROLES = ("admin", "user")


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    order = "With --password-stdin the lines are: your own password"
    target_arguments(actions.add_parser("list", help="show the users"))
    add = actions.add_parser("add", help="create a user", epilog=f"{order}, then the new user's.")
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, help="where the machine has roles (Runtime v4.1.9 and newer)")
    password = actions.add_parser(
        "password", help="change a user's password", epilog=f"{order}, then that user's present one, then the new one."
    )
    password.add_argument("name", nargs="?", help="default: who logs in")
    remove = actions.add_parser("remove", help="delete a user")
    remove.add_argument("name")
    remove.add_argument("--yes", action="store_true", help="without asking")
    role = actions.add_parser("role", help="make a user an administrator, or an ordinary user again")
    role.add_argument("name")
    role.add_argument("role", choices=ROLES)
    for action in (add, password, remove, role):
        target_arguments(action)


def run(options: Namespace) -> int:
    actions: dict[str, Callable[[Namespace, Connection, Accounts], Awaitable[str]]] = {
        "list": _list,
        "add": _add,
        "password": _password,
        "remove": _remove,
        "role": _role,
    }
    try:
        print(run_async(_with_accounts(options, actions[options.action])))
    except RuntimeFailure as failure:
        return report(failure, options.json)
    return 0


async def _with_accounts(
    options: Namespace, action: Callable[[Namespace, Connection, Accounts], Awaitable[str]]
) -> str:
    async with connected(options) as connection:
        accounts = connection.client.accounts
        if accounts is None:
            raise RuntimeFailure(
                Kind.TOO_OLD,
                f"The users of {connection.profile.address} cannot be changed from here: it is reached through its web pages.",
                "Open the machine's own web page and choose Users there.",
            )
        said = await action(options, connection, accounts)
    return json.dumps({"message": said, "error": None}) if options.json and options.action != "list" else said


async def _list(options: Namespace, connection: Connection, accounts: Accounts) -> str:
    users = await accounts.list()
    if options.json:
        rows = [{"id": user.id, "username": user.username, "role": user.role} for user in users]
        return json.dumps({"users": rows, "error": None})
    return "\n".join(
        f"{user.username}{f'  ({user.role})' if user.role else ''}{'  <- you' * (user.username == accounts.own_name)}"
        for user in users
    )


async def _add(options: Namespace, connection: Connection, accounts: Accounts) -> str:
    capabilities = connection.client.capabilities
    if options.role is not None and not capabilities.roles:
        raise RuntimeFailure(
            Kind.TOO_OLD,
            f"{capabilities.name} on {connection.profile.address} has no roles: every user may do everything. No user was created.",
            "Leave out --role, or update the runtime to version 4.1.9 or newer.",
        )
    password = read_password_line() if options.password_stdin else new_password(options.name)
    await accounts.create(options.name, password, options.role)
    return f"Created {options.name} on {connection.profile.name}."


async def _password(options: Namespace, connection: Connection, accounts: Accounts) -> str:
    user = await _find(options.name or accounts.own_name or "", connection, accounts)
    if options.password_stdin:
        old, new = read_password_line(), read_password_line()
    else:
        old, new = prompt_password(f"Present password of {user.username}: "), new_password(user.username)
    await accounts.change_password(user, old, new)
    return f"Changed the password of {user.username} on {connection.profile.name}."


async def _remove(options: Namespace, connection: Connection, accounts: Accounts) -> str:
    user = await _find(options.name, connection, accounts)
    if not options.yes and not (on_terminal() and ask(f"Delete {user.username} on {connection.profile.name}?")):
        raise RuntimeFailure(Kind.CANCELLED, f"{user.username} was not deleted.", "Say yes, or give --yes.")
    await accounts.delete(user)
    return f"Deleted {user.username} on {connection.profile.name}."


async def _role(options: Namespace, connection: Connection, accounts: Accounts) -> str:
    user = await _find(options.name, connection, accounts)
    await accounts.set_role(user, options.role)
    return f"{user.username} is {'an administrator' if options.role == 'admin' else 'an ordinary user'} on {connection.profile.name} now."


async def _find(name: str, connection: Connection, accounts: Accounts) -> User:
    users = await accounts.list()
    for user in users:
        if user.username == name:
            return user
    raise RuntimeFailure(
        Kind.CREDENTIALS,
        f"{connection.profile.name} has no user {name!r}. Nothing was changed.",
        f"Its users are: {', '.join(user.username for user in users)}.",
    )
