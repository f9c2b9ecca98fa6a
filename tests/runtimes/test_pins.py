"""Trusted certificates: what is kept, and what happens when it cannot be kept."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rung.runtimes.address import Address
from rung.runtimes.certificate import normalise_fingerprint
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.pins import PinStore, fetch_certificate

if TYPE_CHECKING:
    from runtimes.scripted_device import Identity, ScriptedDevice

A = Address("192.168.0.10", 8443)
ONE = "11" * 32
TWO = "AB" * 32


def test_a_pin_belongs_to_a_host_and_a_port() -> None:
    PinStore().trust(A, ONE)
    assert PinStore().get(A) == ONE
    assert PinStore().get(Address(A.host, 8444)) is None


def test_a_forgotten_machine_is_not_trusted() -> None:
    store = PinStore()
    store.trust(A, ONE)
    assert store.forget(A)
    assert not store.forget(A)
    assert store.get(A) is None


@pytest.mark.parametrize(
    "text",
    [
        TWO,
        TWO.lower(),
        ":".join(["ab"] * 32),
        "sha256 Fingerprint=" + ":".join(["AB"] * 32),
        " ".join(["AB"] * 32),
    ],
)
def test_a_fingerprint_may_be_pasted_as_any_tool_prints_it(text: str) -> None:
    assert normalise_fingerprint(text) == TWO


@pytest.mark.parametrize("text", ["", "AB", TWO[:-2], TWO + "AB", "G" * 64])
def test_a_part_of_a_fingerprint_is_not_enough(text: str) -> None:
    with pytest.raises(ValueError, match="complete SHA-256"):
        PinStore().trust(A, text)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_file_is_for_the_user_only() -> None:
    store = PinStore()
    store.trust(A, ONE)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_a_full_disk_leaves_the_old_pins_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    store = PinStore()
    store.trust(A, ONE)
    before = store.path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RuntimeFailure, match="No space left on device") as caught:
        store.trust(A, TWO)
    assert "unchanged" in caught.value.message
    assert store.path.read_bytes() == before
    assert store.get(A) == ONE
    assert os.listdir(store.path.parent) == [store.path.name]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RuntimeFailure, match="Not a directory"):
        PinStore(tmp_path / "file" / "pins.json").trust(A, ONE)


@pytest.mark.parametrize("damage", ["", "{", '{"pins": 3}', '{"pins": {"a:1": "AB"}}', '{"pins": {"a:1": null}}'])
def test_a_damaged_file_trusts_nobody_and_asks_nobody_to_trust_again(configuration: Path, damage: str) -> None:
    configuration.mkdir()
    store = PinStore()
    store.path.write_text(damage)
    with pytest.raises(RuntimeFailure) as caught:
        store.get(A)
    assert caught.value.kind is Kind.INTERNAL
    assert store.path.read_text() == damage


async def test_a_certificate_can_be_looked_at_without_sending_anything(
    device: ScriptedDevice, identity: Identity
) -> None:
    seen = await fetch_certificate(device.address, 2.0)
    assert seen == identity.certificate
    assert seen.fingerprint == ":".join(seen.sha256[i : i + 2] for i in range(0, 64, 2))
    assert seen.subject == "CN=localhost"
    assert seen.not_after.startswith("21")
    assert device.requests == []
