"""The recordings are compared by what is answered, not by how long a password takes."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer iterations; the number is stored with each password."""
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
