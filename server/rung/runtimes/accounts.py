"""The users of a machine with a REST interface (v3 and v4): listing and changing them, and what must never be done to them.

The guards are functions of their own, so that every door asks the same questions. No error text holds a password.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rung.runtimes import v4_answers
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import User
from rung.runtimes.v4_session import Answer, Session

ADMIN = "admin"
_MOST_USERS = 10_000


def check_deletion(users: Sequence[User], user: User, own_name: str | None) -> None:
    """Whether an account may be deleted.

    Args:
        users: all accounts of the machine.
        user: the one to be deleted.
        own_name: who is logged in.

    Raises:
        RuntimeFailure: it is the last one, the last administrator, or one's own.
    """
    if user.username == own_name:
        raise _forbidden(
            f"{_name(user)} is the user whom you are logged in as, and cannot be deleted. Nothing was changed.",
            "Log in as another user to delete this one.",
        )
    if not [other for other in users if other.id != user.id]:
        raise _forbidden(
            f"{_name(user)} is the machine's last user: without one, anybody in the network could make himself its first. "
            "Nothing was changed.",
            "Create another user first.",
        )
    if _is_last_admin(users, user):
        raise _forbidden(
            f"{_name(user)} is the machine's last administrator, and cannot be deleted. Nothing was changed.",
            "Make another user an administrator first.",
        )


def check_role(users: Sequence[User], user: User, role: str) -> None:
    """Whether an account may be given a role; the arguments are those of `check_deletion`.

    Raises:
        RuntimeFailure: the machine would have no administrator any more.
    """
    if role != ADMIN and _is_last_admin(users, user):
        raise _forbidden(
            f"{_name(user)} is the machine's last administrator, and must stay one. Nothing was changed.",
            "Make another user an administrator first.",
        )


def check_new_password(password: str) -> None:
    """Whether an account may be given a password.

    Raises:
        RuntimeFailure: it is empty, as where a pipe ended too early: the account would be open to everybody.
    """
    if not password:
        raise _forbidden("The new password is empty. Nothing was changed.", "Give the account a password.")


async def create_first_user(session: Session, username: str, password: str) -> None:
    """Create the account that a new machine has not yet; afterwards nobody can do so without logging in.

    Raises:
        RuntimeFailure: `credentials` when somebody else was faster or the machine refuses the name.
    """
    check_new_password(password)
    answer = await session.anonymous("POST", "/api/create-user", {"username": username, "password": password})
    if answer.status == 201:
        return
    said = v4_answers.message(session.parse(answer))
    said = "" if _repeats(said, password) else said
    if answer.status in (401, 409, 422):
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"{session.address} has a user already, so no first user was created.",
            "Log in with that user. If you do not know it, somebody else has set up this device.",
        )
    if answer.status in (400, 403):
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"{session.address} refuses this user name or password ({said or 'it does not say why'}). No user was created.",
            "Choose another user name or password.",
        )
    raise session.odd(f"HTTP status {answer.status} to the creation of a user")


class Accounts:
    """The users of one machine, as its logged-in user may see and change them.

    Args:
        session: where we are logged in.
        capabilities: what the machine can do.
    """

    def __init__(self, session: Session, capabilities: Capabilities) -> None:
        self._session = session
        self._capabilities = capabilities

    @property
    def own_name(self) -> str | None:
        """The name of the user who is logged in."""
        return self._session.username

    async def list(self) -> tuple[User, ...]:
        """All accounts, in the order of their numbers."""
        answer = await self._session.call("GET", "/api/get-users-info")
        value = self._session.parse(answer)
        if isinstance(value, dict):
            # The runtime gives its anonymous answer to a token that has just ended, and no 401.
            await self._session.token(stale=await self._session.token())
            answer = await self._session.call("GET", "/api/get-users-info")
            value = self._session.parse(answer)
        self._check(answer, "list the users")
        users = tuple(map(v4_answers.user, value[:_MOST_USERS])) if isinstance(value, list) else (None,)
        found = tuple(user for user in users if user is not None)
        if len(found) != len(users):
            raise self._session.odd("no list of users")
        if not self._capabilities.roles:  # older runtimes store one, but it means nothing to them
            found = tuple(replace(user, role=None) for user in found)
        return tuple(sorted(found, key=lambda user: user.id))

    async def create(self, username: str, password: str, role: str | None = None) -> None:
        """Add an account; `role` (`admin` or `user`) only where the machine has roles.

        Raises:
            RuntimeFailure: `credentials` when the machine refuses.
        """
        check_new_password(password)
        fields = {"username": username, "password": password}
        if role is not None and self._capabilities.roles:
            fields["role"] = role
        await self._do("POST", "/api/create-user", fields, "create the user", password)

    async def change_password(self, user: User, old: str, new: str) -> None:
        """Give an account another password; `old` is that account's present one. One's own login goes on with the new one.

        Raises:
            RuntimeFailure: `credentials` when the old one is wrong or the machine refuses.
        """
        check_new_password(new)
        if self._capabilities.roles:
            fields = {"password": new, "current_password": old}
            await self._do("PUT", f"/api/update-user/{user.id}", fields, "change the password", old, new)
        else:
            fields = {"old_password": old, "new_password": new}
            await self._do("PUT", f"/api/password-change/{user.id}", fields, "change the password", old, new)
        if user.username == self.own_name:
            await self._session.password_changed(new)

    async def set_role(self, user: User, role: str) -> None:
        """Make an account an administrator (`admin`) or an ordinary user (`user`), on machines that have roles.

        Raises:
            RuntimeFailure: `credentials` when it is the last administrator or the machine refuses, `too-old` without roles.
        """
        if not self._capabilities.roles:
            raise RuntimeFailure(
                Kind.TOO_OLD,
                f"{self._session.address} has no roles: every user of it may do everything. Nothing was changed.",
                "Update the runtime on the device to version 4.1.9 or newer.",
            )
        check_role(await self.list(), user, role)
        await self._do("PUT", f"/api/update-user/{user.id}", {"role": role}, "change the role")

    async def delete(self, user: User) -> None:
        """Remove an account, after `check_deletion` of the machine's accounts as they are now.

        Raises:
            RuntimeFailure: `credentials` when it must not be removed or the machine refuses.
        """
        check_deletion(await self.list(), user, self.own_name)
        await self._do("DELETE", f"/api/delete-user/{user.id}", None, "delete the user")

    async def _do(self, method: str, path: str, fields: Mapping[str, str] | None, what: str, *secrets: str) -> None:
        answer = await self._session.call(method, path, content=fields, deadline=self._session.timeouts.login)
        self._check(answer, what, *secrets)

    def _check(self, answer: Answer, what: str, *secrets: str) -> None:
        if answer.status in (200, 201):
            return
        said = v4_answers.message(self._session.parse(answer))
        if _repeats(said, *secrets):
            said = ""
        if answer.status == 404:
            raise _forbidden(
                f"{self._session.address} could not {what}: it has no such user any more.", "List the users again."
            )
        if answer.status in (400, 403, 409):
            raise _forbidden(
                f"{self._session.address} refused to {what}: {said or 'it does not say why'}. Nothing was changed.",
                "Correct what it names, or log in as a user with more rights on this device.",
            )
        raise self._session.odd(f"HTTP status {answer.status} when it was to {what}")


def _repeats(said: str, *secrets: str) -> bool:
    """Whether a machine repeats a password, a very short one as a word of its own; then it is not quoted."""
    return any(
        secret and (re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", said) or (len(secret) > 3 and secret in said))
        for secret in secrets
    )


def _is_last_admin(users: Sequence[User], user: User) -> bool:
    admins = [other for other in users if other.role == ADMIN]
    return user.role == ADMIN and [admin.id for admin in admins] == [user.id]


def _name(user: User) -> str:
    return repr(clean(user.username, 60))


def _forbidden(message: str, hint: str) -> RuntimeFailure:
    return RuntimeFailure(Kind.CREDENTIALS, message, hint)
