"""Tenants, their users and the users' tokens. Of a token only its SHA-256 is stored: who reads the database cannot sign in."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, or_, select, update

from rung.hub.records import User
from rung.hub.roles import Role
from rung.hub.store.names import LONGEST_NAME, checked_name, name_key, plain_words
from rung.hub.store.part import Part, inserting, lock_tenant, taken, unknown, utc_now
from rung.hub.store.tables import UtcTime, enrolments, leases, tenants, tokens, users

_TOKEN = re.compile(r"rung_[A-Za-z0-9_-]{43}", re.ASCII)


class Users(Part):
    """People and programs that may sign in."""

    async def add_user(self, tenant: str, name: str, role: Role) -> User:
        """Adds a user, and the tenant with its first one.

        Raises:
            ValueError: the user's or the tenant's name cannot be one, or the tenant has a user of this name.
        """
        return await self._database.write(_add, checked_name("tenant", tenant), checked_name("user", name), role)

    async def users(self, tenant: str | None = None) -> list[User]:
        """The users of a tenant, or of all, by tenant and name."""
        return await self._database.read(_users, tenant)

    async def find_user(self, tenant: str, name: str) -> User:
        """A user by name.

        Raises:
            RuntimeFailure: DNS, there is none of this name in this tenant.
        """
        return await self._database.read(_find, tenant, name)

    async def set_role(self, user: User, role: Role) -> User:
        """Gives a user another role, which counts from his next request on.

        Raises:
            ValueError: he is the tenant's last owner, and would not be one any more.
            RuntimeFailure: DNS, there is no such user.
        """
        return await self._database.write(_set_role, user, role)

    async def disable_user(self, user: User) -> None:
        """Locks a user out at once: his tokens, open enrolments and leases end, and for good.

        Raises:
            ValueError: he is the tenant's last owner.
        """
        await self._database.write(_disable, user)

    async def enable_user(self, user: User) -> User:
        """Lets a disabled user in again; he needs a new token.

        Raises:
            RuntimeFailure: DNS, there is no such user.
        """
        return await self._database.write(_enable, user)

    async def issue_token(self, user: User, label: str, expires: datetime | None) -> str:
        """A new token. It is returned once and stored nowhere.

        Args:
            label: what the user calls it, at most 63 characters.
            expires: when it ends; None for never.

        Raises:
            RuntimeFailure: DNS, there is no such user, or he is disabled.
        """
        token = f"rung_{secrets.token_urlsafe(32)}"
        await self._database.write(_issue, user, _hash(token), plain_words(label, LONGEST_NAME), expires)
        return token

    async def revoke_tokens(self, user: User) -> int:
        """Ends all tokens of a user, and says how many were still good."""
        return await self._database.write(_revoke, user)

    async def user_of_token(self, token: str) -> User | None:
        """Who signs in with a token; None if nobody may."""
        if _TOKEN.fullmatch(token) is None:
            return None
        return await self._database.read(_of_token, _hash(token))


_SELECT = select(
    users.c.id, tenants.c.name.label("tenant"), users.c.name, users.c.role, users.c.created, users.c.disabled
).join(tenants, tenants.c.id == users.c.tenant_id)


def _user(row: RowMapping) -> User:
    return User(
        id=row["id"],
        tenant=row["tenant"],
        name=row["name"],
        role=Role.of_word(row["role"]),
        created=row["created"],
        disabled=row["disabled"] is not None,
    )


def _add(connection: Connection, tenant: str, name: str, role: Role) -> User:
    connection.execute(
        inserting(connection, tenants).values(name=tenant, key=name_key(tenant)).on_conflict_do_nothing()
    )
    number = lock_tenant(connection, tenant)
    of_name = select(users.c.id).where(users.c.tenant_id == number, users.c.key == name_key(name))
    if connection.execute(of_name).first() is not None:
        raise taken("user", name)
    connection.execute(
        users.insert().values(tenant_id=number, name=name, key=name_key(name), role=role.word, created=utc_now())
    )
    return _find(connection, tenant, name)


def _users(connection: Connection, tenant: str | None) -> list[User]:
    query = _SELECT.order_by(tenants.c.key, users.c.key)
    if tenant is not None:
        query = query.where(tenants.c.key == name_key(tenant))
    return [_user(row) for row in connection.execute(query).mappings()]


def _find(connection: Connection, tenant: str, name: str) -> User:
    query = _SELECT.where(tenants.c.key == name_key(tenant), users.c.key == name_key(name))
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise unknown("user")
    return _user(row)


def _by_number(connection: Connection, user: User) -> User:
    row = connection.execute(_SELECT.where(users.c.id == user.id)).mappings().one_or_none()
    if row is None:
        raise unknown("user")
    return _user(row)


def _set_role(connection: Connection, user: User, role: Role) -> User:
    if role is not Role.OWNER:
        _keep_an_owner(connection, user)
    connection.execute(update(users).where(users.c.id == user.id).values(role=role.word))
    return _by_number(connection, user)


def _disable(connection: Connection, user: User) -> None:
    _keep_an_owner(connection, user)
    connection.execute(
        update(users).where(users.c.id == user.id).values(disabled=func.coalesce(users.c.disabled, utc_now()))
    )
    _revoke(connection, user)
    connection.execute(delete(leases).where(leases.c.user_id == user.id))
    numbered = select(users.c.tenant_id).where(users.c.id == user.id).scalar_subquery()
    connection.execute(
        update(enrolments)
        .where(
            enrolments.c.tenant_id == numbered,
            enrolments.c.issued_by == user.name,
            enrolments.c.used.is_(None),
            enrolments.c.expires > utc_now(),
        )
        .values(expires=utc_now())
    )


def _keep_an_owner(connection: Connection, user: User) -> None:
    """See that a tenant has another owner before this user stops being one; two owners who remove each other come one after the other.

    Raises:
        ValueError: he is the last one.
    """
    number = lock_tenant(connection, user.tenant)
    owners = select(users.c.id).where(
        users.c.tenant_id == number, users.c.role == Role.OWNER.word, users.c.disabled.is_(None)
    )
    if [row.id for row in connection.execute(owners)] == [user.id]:
        raise ValueError(f"{user.name} is the last owner of {user.tenant} and must stay one.")


def _enable(connection: Connection, user: User) -> User:
    connection.execute(update(users).where(users.c.id == user.id).values(disabled=None))
    return _by_number(connection, user)


def _issue(connection: Connection, user: User, digest: str, label: str, expires: datetime | None) -> None:
    # The row lock keeps a user from being disabled between the look and the new token.
    enabled = select(users.c.id).where(users.c.id == user.id, users.c.disabled.is_(None)).with_for_update()
    if connection.execute(enabled).first() is None:
        raise unknown("user")
    connection.execute(
        tokens.insert().values(hash=digest, user_id=user.id, label=label, created=utc_now(), expires=expires)
    )


def _revoke(connection: Connection, user: User) -> int:
    now = utc_now()
    good = or_(tokens.c.expires.is_(None), tokens.c.expires > now)
    ended = connection.execute(
        update(tokens).where(tokens.c.user_id == user.id, tokens.c.revoked.is_(None), good).values(revoked=now)
    )
    return ended.rowcount


# Every request of an editor asks this; so it is built once.
_OF_TOKEN = _SELECT.join(tokens, tokens.c.user_id == users.c.id).where(
    tokens.c.hash == bindparam("digest"),
    tokens.c.revoked.is_(None),
    or_(tokens.c.expires.is_(None), tokens.c.expires > bindparam("now", type_=UtcTime)),
    users.c.disabled.is_(None),
)


def _of_token(connection: Connection, digest: str) -> User | None:
    row = connection.execute(_OF_TOKEN, {"digest": digest, "now": utc_now()}).mappings().one_or_none()
    return None if row is None else _user(row)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()
