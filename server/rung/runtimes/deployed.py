"""Which program a workspace has sent to a machine last: what tells another user's program from one's own.

The file is a memory of this computer and no truth about a machine: it decides only whether a question is asked.
"""

from __future__ import annotations

import re
from pathlib import Path

from rung.runtimes.address import Address
from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.private_file import config_dir, read_object, write_object

_MD5 = re.compile(r"[0-9a-f]{32}")
_MOST_WORKSPACES = 200


class DeployedPrograms:
    """The MD5 of the program that was sent last, by machine and workspace; one JSON file.

    Args:
        path: the file; by default `deployed-programs.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "deployed-programs.json" if path is None else path

    def last(self, address: Address, workspace: str) -> str | None:
        """What this workspace sent to a machine last (32 lower-case hex digits), None when nothing is known of that."""
        return self._machine(self._read(), address).get(workspace)

    def remember(self, address: Address, workspace: str, md5: str) -> None:
        """Note what was sent. A file that cannot be written costs one question more the next time, and no download."""
        machines = self._read()
        programs = {k: v for k, v in self._machine(machines, address).items() if k != workspace}
        newest = list(programs.items())[-_MOST_WORKSPACES + 1 :]
        machines[str(address)] = {**dict(newest), workspace: md5}
        try:
            write_object(self.path, {"version": 1, "machines": machines})
        except RuntimeFailure:
            return

    def _read(self) -> dict[str, object]:
        try:
            machines = read_object(self.path).get("machines")
        except RuntimeFailure:
            return {}  # not known is the careful answer
        return dict(machines) if isinstance(machines, dict) else {}

    @staticmethod
    def _machine(machines: dict[str, object], address: Address) -> dict[str, str]:
        row = machines.get(str(address))
        if not isinstance(row, dict):
            return {}
        return {k: v for k, v in row.items() if isinstance(v, str) and _MD5.fullmatch(v)}
