"""The users of a tenant. A token is shown once, to the owner who has it made; the hub itself keeps only its hash."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

from aiohttp import web

from rung.hub.api.answers import Refusal, bad, conflict, own, status_of
from rung.hub.api.call import Call
from rung.hub.api.shapes import Fields, time_text, user_shape
from rung.hub.records import User
from rung.hub.roles import Role
from rung.runtimes.errors import RuntimeFailure

_DAYS: Final = range(1, 3651)


async def list_all(call: Call) -> web.StreamResponse:
    """All users of the tenant."""
    return own({"users": [user_shape(user) for user in await call.desk.store.users(call.user.tenant)]})


async def create(call: Call) -> web.StreamResponse:
    """Add a user, with a first token."""
    fields = await call.fields("name", "role", "days")
    role, expires = _role(fields), _expires(fields)
    try:
        user = await call.desk.store.add_user(call.user.tenant, fields.text("name", 63), role)
    except ValueError as error:
        raise conflict(str(error), "Choose another name.") from None
    try:
        token = await call.desk.store.issue_token(user, "", expires)
    except RuntimeFailure as failure:
        raise Refusal(
            status_of(failure),
            failure.kind,
            f"The user {user.name} was added, but it is not known whether a token was made, and it cannot be shown.",
            "When the hub's database is back, have another token made for this user.",
        ) from None
    return own({"user": user_shape(user), "token": token, "expiresAt": time_text(expires)}, 201)


async def change(call: Call) -> web.StreamResponse:
    """Give a user another role, shut it out, or let it in again; its old tokens stay void."""
    fields = await call.fields("role", "disabled")
    user = await _user(call)
    role = _role(fields) if "role" in fields else user.role
    disabled = fields.flag("disabled")
    try:
        if role is not user.role:
            user = await call.desk.store.set_role(user, role)
        if disabled:
            await call.desk.store.disable_user(user)
        elif "disabled" in fields and user.disabled:
            await call.desk.store.enable_user(user)
    except ValueError as error:
        raise conflict(f"{error} Nothing was changed.", "Make another user an owner first.") from None
    return own({"user": user_shape(await _user(call))})


async def create_token(call: Call) -> web.StreamResponse:
    """Another token for a user."""
    fields = await call.fields("label", "days")
    user = await _user(call)
    if user.disabled:
        raise conflict(
            f"{user.name} was shut out. No token was made.", "Let the user in again first, or add a new one."
        )
    expires = _expires(fields)
    token = await call.desk.store.issue_token(user, fields.words("label", 63), expires)
    return own({"token": token, "expiresAt": time_text(expires)}, 201)


async def revoke_tokens(call: Call) -> web.StreamResponse:
    """End all tokens of a user."""
    return own({"revoked": await call.desk.store.revoke_tokens(await _user(call))})


async def _user(call: Call) -> User:
    return await call.desk.store.find_user(call.user.tenant, call.request.match_info["name"])


def _expires(fields: Fields) -> datetime | None:
    return datetime.now(timezone.utc) + timedelta(days=fields.number("days", _DAYS)) if "days" in fields else None


def _role(fields: Fields) -> Role:
    try:
        return Role.of_word(fields.text("role", 20))
    except ValueError as error:
        raise bad(str(error)) from None
