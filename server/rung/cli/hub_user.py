"""`rung hub user`: the users of a hub, worked on in its database by whoever may read the hub's folder.

A token is printed once, on standard output's last line, and cannot be shown again.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.session import run_async
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.records import User
    from rung.hub.store import Store

HELP = "list, add and disable users of the hub on this computer, give them roles and tokens"
_ROLES = ("viewer", "operator", "engineer", "admin", "owner")
_LONGEST_LIFE = 3650
_AUDITED = {
    "add": "user.create",
    "role": "user.change",
    "disable": "user.change",
    "token": "token.create",
    "revoke": "token.revoke",
}
"""What the audit log calls each action, as when it is done through the hub."""


def arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="user_action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show the users")
    add = actions.add_parser("add", help="add a user and print its first token")
    role = actions.add_parser("role", help="give a user another role")
    disable = actions.add_parser("disable", help="lock a user out for good; its tokens die at once")
    token = actions.add_parser("token", help="print a further token")
    revoke = actions.add_parser("revoke", help="make all tokens of a user void")
    for action in (add, role, disable, token, revoke):
        action.add_argument("name")
    for action in (add, role):
        action.add_argument("role", choices=_ROLES)
    for action in (add, token):
        action.add_argument("--label", default="rung hub user", metavar="TEXT", help="what the token is for")
        action.add_argument("--days", type=int, metavar="N", help="how long the token is good; default: until revoked")
    for action in (listing, add, role, disable, token, revoke):
        action.add_argument("--data", metavar="DIR", help="the hub's folder; default: RUNG_HUB_DIR, else the system's")
        action.add_argument("--tenant", metavar="T", help="whose user; may be left out when there is one tenant")
        action.add_argument("--json", action="store_true")


def run(options: Namespace) -> int:
    try:
        answer, lines = run_async(_with_store(options))
    except ValueError as error:
        raise WrongUsage(f"{error} Nothing was changed.") from None
    if options.json:
        print(json.dumps({**answer, "error": None}))
    else:
        print("\n".join(lines))
    return 0


Answer = tuple[dict[str, object], list[str]]
"""What --json prints, and what is printed else."""


async def _with_store(options: Namespace) -> Answer:
    from rung.hub.settings import hub_folder, load
    from rung.hub.store import Store

    actions: dict[str, Callable[[Store, Namespace], Awaitable[Answer]]] = {
        "list": _list,
        "add": _add,
        "role": _role,
        "disable": _disable,
        "token": _token,
        "revoke": _revoke,
    }
    settings = load(hub_folder(options.data))
    store = await Store.open(settings.database_url)
    try:
        answer = await actions[options.user_action](store, options)
        await _note(store, options, answer)
        return answer
    finally:
        await store.aclose()


async def _list(store: Store, options: Namespace) -> Answer:
    users = await store.users(options.tenant)
    lines = [
        f"{user.tenant}/{user.name}  {user.role.word}{'  disabled' if user.disabled else ''}" for user in users
    ] or ["There is no user."]
    return {"users": [_row(user) for user in users]}, lines


async def _add(store: Store, options: Namespace) -> Answer:
    from rung.hub.roles import Role

    expires = _expires(options)
    tenant = options.tenant or await _only_tenant(store)
    user = await store.add_user(tenant, options.name, Role.of_word(options.role))
    token = await store.issue_token(user, options.label, expires)
    said = f"{user.name} of {user.tenant} is {user.role.word}. The token is shown this once:"
    return {"user": _row(user), "token": token}, [said, token]


async def _role(store: Store, options: Namespace) -> Answer:
    from rung.hub.roles import Role

    user = await store.set_role(await _found(store, options), Role.of_word(options.role))
    return {"user": _row(user)}, [f"{user.name} of {user.tenant} is {user.role.word} now."]


async def _disable(store: Store, options: Namespace) -> Answer:
    user = await _found(store, options)
    await store.disable_user(user)
    return {"user": {**_row(user), "disabled": True}}, [f"{user.name} of {user.tenant} is locked out."]


async def _token(store: Store, options: Namespace) -> Answer:
    expires = _expires(options)
    user = await _found(store, options)
    if user.disabled:
        raise ValueError(f"{user.name} of {user.tenant} is disabled and gets no token.")
    token = await store.issue_token(user, options.label, expires)
    said = f"A token of {user.name} of {user.tenant}, shown this once:"
    return {"user": _row(user), "token": token}, [said, token]


async def _revoke(store: Store, options: Namespace) -> Answer:
    user = await _found(store, options)
    count = await store.revoke_tokens(user)
    words = "1 token is" if count == 1 else f"{count} tokens are"
    return {"user": _row(user), "revoked": count}, [
        f"{words} void now. `rung hub user token {user.name}` gives a new one."
    ]


async def _note(store: Store, options: Namespace, answer: Answer) -> None:
    """Keep in the audit log what was done; that it was done with the hub's folder, not a token, is all that is known of who."""
    from rung.hub.records import AuditRow

    user = answer[0].get("user")
    if isinstance(user, dict):
        detail = f"{user['name']}, {user['role']}; with the hub's folder"
        now = datetime.now(timezone.utc)
        action = _AUDITED[options.user_action]
        try:
            await store.note(AuditRow(now, str(user["tenant"]), "-", action, None, None, "ok", detail))
        except RuntimeFailure as failure:
            # It is done, and a token that was made can be shown only now.
            print(f"note: this was done, but is not in the audit log: {failure.message}", file=sys.stderr)


async def _found(store: Store, options: Namespace) -> User:
    tenant = options.tenant or await _only_tenant(store)
    try:
        return await store.find_user(tenant, options.name)
    except RuntimeFailure as failure:
        if failure.kind is not Kind.DNS:
            raise
        raise ValueError(
            f"{tenant} has no user called {options.name[:63]!r}. `rung hub user list` shows the users."
        ) from None


async def _only_tenant(store: Store) -> str:
    tenants = sorted({user.tenant for user in await store.users()})
    if len(tenants) != 1:
        raise ValueError(f"There are {len(tenants)} tenants: {', '.join(tenants)}. Name one with --tenant.")
    return tenants[0]


def _expires(options: Namespace) -> datetime | None:
    if options.days is None:
        return None
    if not 1 <= options.days <= _LONGEST_LIFE:
        raise ValueError(
            f"--days {options.days}: a token lives 1 to {_LONGEST_LIFE} days, or without --days until it is revoked."
        )
    return datetime.now(timezone.utc) + timedelta(days=options.days)


def _row(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "tenant": user.tenant,
        "role": user.role.word,
        "disabled": user.disabled,
        "created": user.created.isoformat(),
    }
