"""User accounts and the device's secrets.

Invariant: a password is never stored nor logged, only PBKDF2-SHA256 of password + pepper. Losing the secrets file means
a reset device: new secrets and no users, as on a Runtime v4.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from rung.simulator.storage import DataFolderError, write_private

ADMINISTRATOR: Final = "admin"
ORDINARY: Final = "user"
ROLES: Final = (ADMINISTRATOR, ORDINARY)
_ITERATIONS: Final = 600_000


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a device makes for itself at its first start."""

    token_key: str = field(repr=False)
    pepper: str = field(repr=False)


@dataclass(slots=True)
class User:
    """One account; `salt` and `digest` in hex, made with so many `iterations`.

    `role` is an administrator's for accounts of a device that knew no roles, as it is after a Runtime v4's own update.
    """

    id: int
    username: str
    role: str = ADMINISTRATOR
    salt: str = field(default="", repr=False)
    digest: str = field(default="", repr=False)
    iterations: int = _ITERATIONS


class Accounts:
    """The users of one data folder."""

    def __init__(self, folder: Path) -> None:
        """Load users and secrets; start with none if the secrets file is missing.

        Raises:
            DataFolderError: a file is there but is not ours.
        """
        self._path = folder / "users.json"
        secrets_path = folder / "secrets.json"
        self._users: list[User] = []
        self._next_id = 1
        self._hashing = asyncio.Lock()
        try:
            if secrets_path.is_file():
                self.secrets = Secrets(**json.loads(secrets_path.read_bytes()))
                if self._path.is_file():
                    self._load()
            else:
                self.secrets = Secrets(secrets.token_hex(32), secrets.token_hex(32))
                write_private(secrets_path, json.dumps(asdict(self.secrets)).encode())
                self._path.unlink(missing_ok=True)
        except (ValueError, TypeError, KeyError) as error:
            raise DataFolderError(
                f"{secrets_path} or {self._path} was not written by this program. "
                "Delete both to begin without users, or name another folder with --data."
            ) from error

    def any(self) -> bool:
        """True when the first user has been created."""
        return bool(self._users)

    def all(self) -> list[User]:
        """All users in the order of their creation."""
        return list(self._users)

    def by_id(self, user_id: int) -> User | None:
        """The user with this id."""
        return next((user for user in self._users if user.id == user_id), None)

    def by_name(self, username: str) -> User | None:
        """The user with exactly this name."""
        return next((user for user in self._users if user.username == username), None)

    def last_administrator(self, user: User) -> bool:
        """Whether nobody could manage accounts any more without this user."""
        return [known for known in self._users if known.role == ADMINISTRATOR] == [user]

    async def create(self, username: str, password: str, role: str, *, as_first: bool) -> User | None:
        """Add an account; None when the name is taken, or when it should be the first and is not any more."""
        user = User(0, username, role)
        await self._hash_into(user, password)
        if self.by_name(username) is not None or (as_first and self._users):
            return None
        user.id = self._next_id
        self._next_id += 1
        self._users.append(user)
        self._save()
        return user

    async def check(self, user: User | None, password: str) -> bool:
        """Whether this is the user's password. An unknown user takes as long as a known one."""
        known = user or User(0, "")
        digest = await self._digest(password, known.salt, known.iterations)
        return user is not None and hmac.compare_digest(digest, known.digest)

    async def set_password(self, user: User, password: str) -> None:
        """Replace the password of an existing user."""
        await self._hash_into(user, password)
        self._save()

    def change(self, user: User, *, username: str | None, role: str | None) -> None:
        """Give an existing user another name or role; None leaves it."""
        user.username = username or user.username
        user.role = role or user.role
        self._save()

    def delete(self, user: User) -> None:
        """Remove the account. Its id is never given again, so its tokens cannot become another user's."""
        self._users.remove(user)
        self._save()

    async def _hash_into(self, user: User, password: str) -> None:
        salt = secrets.token_hex(16)
        user.digest = await self._digest(password, salt, _ITERATIONS)
        user.salt, user.iterations = salt, _ITERATIONS

    async def _digest(self, password: str, salt: str, iterations: int) -> str:
        secret = (password + self.secrets.pepper).encode("utf-8", "surrogatepass")
        async with self._hashing:  # one at a time, off the loop: many logins must not starve the program's scans
            digest = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", secret, bytes.fromhex(salt), iterations)
        return digest.hex()

    def _load(self) -> None:
        content = json.loads(self._path.read_bytes())
        self._users = [User(**entry) for entry in content["users"]]
        self._next_id = int(content["next_id"])

    def _save(self) -> None:
        content = {"next_id": self._next_id, "users": [asdict(user) for user in self._users]}
        write_private(self._path, json.dumps(content).encode())
