"""Saved connections."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from rung.runtimes.address import Address
from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.profiles import Profile, ProfileStore, resolve_target

LINE3 = Profile("Line 3", Address("192.168.0.10", 8443), "admin")


def test_a_saved_connection_is_found_again_by_its_name_in_any_case(configuration: Path) -> None:
    ProfileStore().add(LINE3)
    assert ProfileStore().get("line 3") == LINE3
    assert [p.name for p in ProfileStore().list()] == ["Line 3"]
    assert (configuration / "connections.json").is_file()


def test_adding_the_same_name_again_replaces_the_connection() -> None:
    store = ProfileStore()
    store.add(LINE3)
    moved = Profile("line 3", Address("::1", 9443))
    store.add(moved)
    assert store.list() == [moved]


def test_a_modbus_port_that_the_machine_does_not_know_of_is_kept() -> None:
    forwarded = Profile("press", Address("10.0.0.7", 8443), "admin", modbus_port=1502)
    ProfileStore().add(forwarded)
    assert ProfileStore().get("press") == forwarded


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_modbus_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="no TCP port"):
        ProfileStore().add(Profile("press", LINE3.address, modbus_port=port))


def test_a_removed_connection_is_gone() -> None:
    store = ProfileStore()
    store.add(LINE3)
    assert store.remove("LINE 3")
    assert not store.remove("LINE 3")
    assert store.list() == []


@pytest.mark.parametrize("name", ["", " line", "a" * 65, "line\n3", "../x"])
def test_a_name_that_could_confuse_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        ProfileStore().add(Profile(name, LINE3.address))


def test_a_target_is_a_saved_name_first_and_an_address_else() -> None:
    store = ProfileStore()
    store.add(Profile("press", Address("10.0.0.7", 8443)))
    assert resolve_target("press", store).address == Address("10.0.0.7", 8443)
    assert resolve_target("press2", store) == Profile("press2:8443", Address("press2", 8443))
    with pytest.raises(ValueError, match="No connection of this name"):
        resolve_target("press 2", store)


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"connections": []}',
        '{"connections": {"a": {"address": "b c"}}}',
        '{"connections": {"a": {"address": "b", "modbus_port": true}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_named_and_not_taken_for_empty(configuration: Path, damage: str) -> None:
    configuration.mkdir()
    (configuration / "connections.json").write_text(damage)
    with pytest.raises(RuntimeFailure, match=r"connections\.json"):
        ProfileStore().list()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_file_is_for_the_user_only(configuration: Path) -> None:
    store = ProfileStore()
    store.add(LINE3)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(configuration.stat().st_mode) == 0o700


def test_the_file_holds_names_addresses_and_users_and_nothing_else() -> None:
    store = ProfileStore()
    store.add(LINE3)
    assert json.loads(store.path.read_text()) == {
        "version": 1,
        "connections": {"Line 3": {"address": "192.168.0.10:8443", "username": "admin"}},
    }
