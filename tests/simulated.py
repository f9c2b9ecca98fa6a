"""A simulator in a process of its own, so that tests can kill it as a power cut would."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

READY_S = 60.0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


_OWN = count(12_000 + os.getpid() % 180 * 100)


def own_port() -> int:
    """A port that no other simulator of these tests gets, not even after it was closed: below those that the system gives out by itself.

    What listens only now and then (the Modbus server of a Runtime v3 while its program runs) needs one, or a stranger takes its place.
    """
    for port in _OWN:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the numbers do not end")


class SimulatorProcess:
    """`rung simulate` with its own data folder; starting it again finds users, certificate and program as they were.

    `options` are more words of its command line, as `--runtime-version v4.2.3`.
    """

    def __init__(self, data: Path, *options: str) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._data = data
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "rung", "simulate", "--listen", self.address, "--data", str(self._data)]
        command += self._options
        log = self._data.parent / "simulator.log"
        with log.open("ab") as output:
            # A session of its own: killing the group takes the program's process along, as switching a device off does.
            self._process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the simulator did not listen in time: {log.read_text()}")

    def kill(self) -> None:
        """Switch it off without warning."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
