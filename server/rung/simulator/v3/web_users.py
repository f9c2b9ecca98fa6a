"""The users of the web pages: another store than REST's, with one user from the factory (section 0).

Invariant: unlike on a real v3 no password is stored as it is; a new installation has openplc with the password openplc.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rung.simulator.accounts import ORDINARY, Accounts, User
from rung.simulator.storage import write_private

_FACTORY: Final = "openplc"
UNCHANGED: Final = "mypasswordishere"


@dataclass(slots=True)
class Person:
    """What the pages tell of a user beside the user name."""

    full_name: str
    email: str


class WebUsers:
    """The accounts and the persons of one installation."""

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._accounts = Accounts(folder)
        self._path = folder / "persons.json"
        try:
            stored = json.loads(self._path.read_bytes())
            self._persons = {int(key): Person(**value) for key, value in stored.items()}
        except (OSError, ValueError, TypeError):
            self._persons = {}

    async def prepare(self) -> None:
        """Create the user of the factory in a new store."""
        if not self._accounts.any():
            await self.add(_FACTORY, _FACTORY, Person("OpenPLC User", "openplc@openplc.com"))

    def all(self) -> list[tuple[User, Person]]:
        """All users with what is known of them."""
        return [(user, self.person(user)) for user in self._accounts.all()]

    def by_id(self, user_id: int) -> User | None:
        """The user with this id."""
        return self._accounts.by_id(user_id)

    def person(self, user: User) -> Person:
        """What is known of a user."""
        return self._persons.get(user.id, Person(user.username, ""))

    async def log_in(self, username: str, password: str) -> User | None:
        """The user, if the password is right."""
        user = self._accounts.by_name(username)
        return user if await self._accounts.check(user, password) else None

    async def add(self, username: str, password: str, person: Person) -> None:
        """Add a user; a name that is taken changes nothing."""
        user = await self._accounts.create(username, password, ORDINARY, as_first=False)
        if user is not None:
            self._note(user, person)

    async def change(self, user: User, password: str, person: Person) -> None:
        """Change a user; the password that the form shows means "as it was"."""
        if password != UNCHANGED:
            await self._accounts.set_password(user, password)
        self._note(user, person)

    def delete(self, user: User) -> None:
        """Remove a user."""
        self._accounts.delete(user)
        self._persons.pop(user.id, None)
        self._save()

    def _note(self, user: User, person: Person) -> None:
        self._persons[user.id] = person
        self._save()

    def _save(self) -> None:
        content = {str(key): asdict(person) for key, person in self._persons.items()}
        write_private(self._path, json.dumps(content).encode())
