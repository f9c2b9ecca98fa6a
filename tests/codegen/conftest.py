"""Programs built by these tests go into a cache folder of their own."""

from __future__ import annotations

from collections.abc import Iterator

import platformdirs
import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platformdirs, "user_cache_dir", lambda *names, **options: str(folder))
        yield
