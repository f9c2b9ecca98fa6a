"""Passwords in the system's own store."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import keyring.backend
import keyring.backends.fail
import keyring.errors
import pytest

from rung.runtimes.address import Address
from rung.runtimes.credentials import delete_password, get_password, set_password
from rung.runtimes.errors import Kind, RuntimeFailure

A = Address("192.168.0.10", 8443)
B = Address("192.168.0.10", 9443)


class MemoryKeyring(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's own class is not typed
        self.rows: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.rows.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.rows[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.rows.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError


@pytest.fixture
def store() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    made = MemoryKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_a_password_belongs_to_a_user_at_an_address(store: MemoryKeyring) -> None:
    set_password(A, "admin", "one")
    set_password(B, "admin", "two")
    assert get_password(A, "admin") == "one"
    assert get_password(A, "operator") is None
    assert delete_password(A, "admin")
    assert not delete_password(A, "admin")
    assert store.rows == {("rung", "admin@192.168.0.10:9443"): "two"}


def test_a_computer_without_a_store_says_what_to_do_and_repeats_no_password(store: MemoryKeyring) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]  # nor is this one
    for work in (
        lambda: get_password(A, "admin"),
        lambda: set_password(A, "admin", "very-secret"),
        lambda: delete_password(A, "admin"),
    ):
        with pytest.raises(RuntimeFailure, match="no password store") as caught:
            work()
        assert caught.value.kind is Kind.CREDENTIALS
        assert "--password-stdin" in caught.value.hint
        assert "very-secret" not in str(vars(caught.value))
