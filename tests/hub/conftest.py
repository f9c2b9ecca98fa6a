"""What the hub's tests start from: an empty database, once in SQLite and once in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from hub.hub_process import Figure
from hub.postgres import shared_postgres
from rung.hub.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database of each kind."""
    return f"sqlite:///{tmp_path}/hub.sqlite" if request.param == "sqlite" else shared_postgres().database()


@pytest_asyncio.fixture
async def store(database: str) -> AsyncIterator[Store]:
    """A store in it."""
    opened = await Store.open(database)
    yield opened
    await opened.aclose()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Says a figure that a test has measured: in the report's properties, and on standard output (`pytest -rP`)."""

    def say(what: str, value: object) -> None:
        record_property(what, value)
        print(f"{what}: {value}")

    return say
