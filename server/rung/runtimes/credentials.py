"""Passwords in the system's own store, one per user and address. They are written nowhere else."""

from __future__ import annotations

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure

_SERVICE = "rung"


def get_password(address: Address, username: str) -> str | None:
    """The saved password, or None.

    Raises:
        RuntimeFailure: this computer has no usable store. Not fatal for a caller that was given a password otherwise.
    """
    import keyring  # loading it looks for back ends and takes long
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, _entry(address, username))
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None


def set_password(address: Address, username: str, password: str) -> None:
    """Save a password.

    Raises:
        RuntimeFailure: this computer has no usable store; nothing was saved.
    """
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(_SERVICE, _entry(address, username), password)
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None


def delete_password(address: Address, username: str) -> bool:
    """Forget a password; False when there was none.

    Raises:
        RuntimeFailure: this computer has no usable store.
    """
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(_SERVICE, _entry(address, username))
    except PasswordDeleteError:
        return False
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None
    return True


def _entry(address: Address, username: str) -> str:
    return f"{username}@{address}"


def _no_store(error: Exception) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.CREDENTIALS,
        f"This computer has no password store that can be used ({type(error).__name__}), so passwords are neither saved nor found.",
        "Give the password each time with --password-stdin, or set up the system's keyring.",
    )
