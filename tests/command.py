"""Running `rung` as a user does: a process of its own, with its own configuration folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """What a command answered. Nothing that a user can do may show a traceback, so that is checked of every answer."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def rung(*words: object, folder: Path | None = None, given: str = "", within: float = 60.0, **variables: str) -> Ran:
    """Run `rung` with some words; `given` is its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "rung", *map(str, words)],
        cwd=folder,
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=within,
        env={**os.environ, "RUNG_TRACEBACK": "1", **variables},
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "error[internal]" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
