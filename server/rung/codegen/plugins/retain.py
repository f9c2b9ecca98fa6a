"""`[retain]`: whether and where the runtime keeps RETAIN variables (runtimes from 4.2 on)."""

from __future__ import annotations

import posixpath
from typing import Final

from rung.codegen.plugins.settings_table import SettingsTable

# The runtime deletes what it finds in its place and writes its own: a project that came from elsewhere must not aim it at the system.
_OF_THE_SYSTEM: Final = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "root", "sbin", "sys", "usr"}
)


def retain_conf(table: SettingsTable) -> bytes | None:
    """Return the content of `retain.conf`; None where keeping is switched off."""
    enabled = table.flag("enabled", True)
    path = table.text("path", longest=500) if "path" in table else ""
    if path and not path.startswith("/"):
        table.flaw("path", "an absolute path on the device is needed, for instance /var/lib/openplc/retain.bin")
    elif path and (path != posixpath.normpath(path) or path.startswith("//")):
        table.flaw(
            "path", "a path without '..', '.' and doubled or trailing slashes is needed, or the runtime refuses it"
        )
    elif path and path.split("/")[1] in _OF_THE_SYSTEM:
        table.flaw(
            "path",
            "the runtime would delete and overwrite a file in a folder of the device's system: choose another place",
        )
    seconds = table.number("flush_seconds", 1, 3600, 5)
    table.close(("path",))
    return f"enabled=true\npath={path}\nflush_seconds={seconds}\n".encode() if enabled else None
