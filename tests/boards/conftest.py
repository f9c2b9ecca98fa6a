"""What these tests compile goes into a cache folder of this run, which its processes share; the rig itself is kept from run to run (`built`)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import platformdirs
import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = tmp_path_factory.getbasetemp().parent / f"cache-{run}" if run else tmp_path_factory.mktemp("cache")
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platformdirs, "user_cache_dir", lambda *names, **options: str(folder))
        yield
