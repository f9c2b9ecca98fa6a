"""The scripted device, its certificate, and a client and a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rung.runtimes.connection import Connection
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile
from rung.runtimes.v4 import V4Client
from rung.runtimes.way import Direct
from runtimes.scripted_device import PASSWORD, QUICK, V4_1, Identity, ScriptedDevice, make_identity


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The device's own certificate."""
    return make_identity(tmp_path_factory.mktemp("identity"), "own")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The certificate of somebody else."""
    return make_identity(tmp_path_factory.mktemp("identity"), "stranger")


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder of the test's own: no test touches the user's."""
    folder = tmp_path / "configuration"
    monkeypatch.setenv("RUNG_CONFIG_DIR", str(folder))
    return folder


@pytest.fixture
async def device(identity: Identity) -> AsyncIterator[ScriptedDevice]:
    made = ScriptedDevice(identity)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(device: ScriptedDevice) -> AsyncIterator[V4Client]:
    """A client of the device, logged in."""
    made = V4Client(Direct(device.address, device.identity.pin), V4_1, QUICK)
    await made.login("admin", PASSWORD)
    yield made
    await made.aclose()


@pytest.fixture
async def connection(device: ScriptedDevice) -> AsyncIterator[Connection]:
    """A connection to the device with quick heartbeats; its certificate is trusted, nobody is logged in yet."""
    PinStore().trust(device.address, device.identity.pin)
    made = Connection(Profile("line3", device.address, "admin"), heartbeat=0.1, back_off=(0.05, 0.1), timeouts=QUICK)
    yield made
    await made.disconnect()
