"""Running a server of Debian's packages for tests: found, in a folder of its own, and gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def binary(name: str, package: str) -> str:
    """Where a program is; Debian keeps PostgreSQL's server off the PATH, and HAProxy off that of ordinary users."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join([*_postgresql_folders(), "/usr/sbin"]))
    assert found is not None, (
        f"{name} is missing. These tests need Debian's package {package}: apt-get install {package}"
    )
    return found


def _postgresql_folders() -> list[str]:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return [str(path) for path in reversed(versions)]


def unprivileged() -> tuple[list[str], int | None]:
    """The words that run a command as somebody who may not do everything, and that somebody's number.

    PostgreSQL refuses to run as root, which is who the tests are in many a container.
    """
    if os.getuid() != 0:
        return [], None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return [f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"], entry.pw_uid


def launch(command: list[str], folder: Path, signal_name: str, who: list[str]) -> subprocess.Popen[bytes]:
    """Starts a server that gets a signal when this process dies, however that dies. Its words go to `folder`/log."""
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [binary("setpriv", "util-linux"), f"--pdeathsig={signal_name}", *who, *command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path, within: float = 30.0) -> None:
    """Waits for a server that was just launched."""
    latest = time.monotonic() + within
    while not ready():
        words = (folder / "log").read_text(errors="replace")[-2000:]
        assert process.poll() is None, f"the server has ended: {words}"
        assert time.monotonic() < latest, f"the server is not ready: {words}"
        time.sleep(0.02)
