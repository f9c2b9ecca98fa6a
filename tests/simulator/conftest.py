"""A simulator on a free port, and a client that has logged in. The compiled scan host and the certificate are shared by all tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rung.simulator import Simulator
from rung.simulator.certificate import Certificate
from simulator.runtime_client import RuntimeClient


@pytest.fixture(scope="session")
def certificate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with nothing but a certificate, because making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("certificate")
    Certificate(folder)
    return folder


@pytest.fixture
async def simulator(tmp_path: Path, certificate_folder: Path) -> AsyncIterator[Simulator]:
    shutil.copytree(certificate_folder, tmp_path / "device")
    device = Simulator(tmp_path / "device", port=0, transition_s=0.3, restart_s=0.4, discovery_port=0)
    await device.start()
    yield device
    await device.stop()


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[RuntimeClient]:
    connected = RuntimeClient(simulator.address)
    await connected.log_in()
    yield connected
    await connected.close()


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of iterations is stored with each password; a test need not wait for 600 000 of them."""
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
