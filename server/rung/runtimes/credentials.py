"""Passwords and hub tokens in the system's own store, one per user and address. They are written nowhere else."""

from __future__ import annotations

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure

_SERVICE = "rung"
_HUB_SERVICE = "rung hub"


def get_password(address: Address, username: str) -> str | None:
    """The saved password, or None.

    Raises:
        RuntimeFailure: this computer has no usable store. Not fatal for a caller that was given a password otherwise.
    """
    return _get(_SERVICE, _entry(address, username))


def set_password(address: Address, username: str, password: str) -> None:
    """Save a password.

    Raises:
        RuntimeFailure: this computer has no usable store; nothing was saved.
    """
    _set(_SERVICE, _entry(address, username), password)


def delete_password(address: Address, username: str) -> bool:
    """Forget a password; False when there was none.

    Raises:
        RuntimeFailure: this computer has no usable store.
    """
    return _delete(_SERVICE, _entry(address, username))


def get_hub_token(url: str, user: str | None) -> str | None:
    """The saved token for a hub, or None; it raises what `get_password` does."""
    return _get(_HUB_SERVICE, _hub_entry(url, user))


def set_hub_token(url: str, user: str | None, token: str) -> None:
    """Save a token for a hub; it raises what `set_password` does."""
    _set(_HUB_SERVICE, _hub_entry(url, user), token)


def delete_hub_token(url: str, user: str | None) -> bool:
    """Forget a token for a hub; it answers and raises what `delete_password` does."""
    return _delete(_HUB_SERVICE, _hub_entry(url, user))


def _get(service: str, entry: str) -> str | None:
    import keyring  # loading it looks for back ends and takes long
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service, entry)
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None


def _set(service: str, entry: str, secret: str) -> None:
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(service, entry, secret)
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None


def _delete(service: str, entry: str) -> bool:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(service, entry)
    except PasswordDeleteError:
        return False
    except (KeyringError, OSError, RuntimeError) as error:
        raise _no_store(error) from None
    return True


def _hub_entry(url: str, user: str | None) -> str:
    return f"{user or 'token'}@{url}"


def _entry(address: Address, username: str) -> str:
    return f"{username}@{address}"


def _no_store(error: Exception) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.CREDENTIALS,
        f"This computer has no password store that can be used ({type(error).__name__}), so passwords are neither saved nor found.",
        "Give the password each time with --password-stdin, or set up the system's keyring.",
    )
