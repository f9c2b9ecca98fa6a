"""Who may do what: five roles, each of which may do all that the one before it may."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """A user's role in a tenant; the names are part of the editors' interface and of the database and never change."""

    VIEWER = 1
    """Sees states, logs and consumption."""
    OPERATOR = 2
    """Starts and stops programs."""
    ENGINEER = 3
    """Downloads programs, reads and forces variables, creates a machine's first user."""
    ADMIN = 4
    """Enrols orchestrators, creates and deletes vPLCs, reads the audit log."""
    OWNER = 5
    """Removes and revokes orchestrators, manages users."""

    @property
    def word(self) -> str:
        """The role as it is written: `viewer`, `operator` and so on."""
        return self.name.lower()

    @classmethod
    def of_word(cls, word: str) -> Role:
        """The role of a written name.

        Raises:
            ValueError: there is none of this name; the sentence lists them.
        """
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"{word[:40]!r} is no role. Roles: {', '.join(role.word for role in cls)}.")
