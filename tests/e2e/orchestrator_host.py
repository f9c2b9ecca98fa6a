"""The host of an orchestrator, for the story in the browser: `enrol` does what the installer does, `agent` is its agent, `end` ends its vPLCs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hub.agent_process import AGENT, enrol
from hub.agent_vplcs import end_all


def main(action: str, folder: Path, *words: str) -> None:
    """Carry one of the three out."""
    if action == "enrol":
        hub, authority, id = words
        enrol(hub, Path(authority), id, folder)
    elif action == "agent":
        hub, authority = words
        files = ["--certificate", str(folder / "client.crt"), "--key", str(folder / "client.key"), "--ca", authority]
        host = [
            "--data",
            str(folder / "data"),
            "--heartbeats",
            "--serial",
            "usb-FTDI_1",
            "--scale",
            "0.2",
            "--step-s",
            "0.4",
        ]
        os.execv(sys.executable, [sys.executable, str(AGENT), "--hub", hub, *files, *host])
    elif action == "end":
        end_all(folder / "data")
    else:
        raise SystemExit(f"There is no action {action!r}.")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
