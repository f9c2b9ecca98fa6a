"""Which program a workspace has sent to a machine last: what tells another user's program from one's own.

The file is a memory of this computer and no truth about a machine: it decides only whether a question is asked.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from rung.runtimes.address import Address
from rung.runtimes.client import Client
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

    def name_of(self, address: Address, md5: str) -> str | None:
        """What the project is called whose program this is: the last name of a workspace that sent it to this machine, or None."""
        sent = (workspace for workspace, known in self._machine(self._read(), address).items() if known == md5)
        return next((os.path.basename(workspace) for workspace in sent if os.path.basename(workspace)), None)

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


async def program_name(client: Client, md5: str | None) -> str | None:
    """What the program on a machine is called: by the machine itself, else by this user's memory of what was sent to it.

    Args:
        client: the machine, logged in.
        md5: its program's; None when that is not known.
    """
    try:
        told = await client.project_name()
    except RuntimeFailure:
        told = None  # a name is a convenience; what fails besides is told by whoever asks for the state
    return told or (None if md5 is None else DeployedPrograms().name_of(client.address, md5))
