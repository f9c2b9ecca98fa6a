"""A private Redis server: on an ephemeral port of the loopback interface, keeping nothing, gone with the tests."""

from __future__ import annotations

import atexit
import functools
import shutil
import socket
import tempfile
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from hub.private_server import binary, launch, wait_until


class RedisServer:
    """A running server; its folder goes when it is closed.

    Attributes:
        port: where it listens, before and after a restart.
        url: what the hub's settings name it by.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rung-redis-"))
        with socket.create_server(("127.0.0.1", 0)) as finder:
            self.port: int = finder.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        """Starts it, again too, and returns when it answers."""
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no")
        command = [binary("redis-server", "redis-server"), *options, "--dir", str(self.folder)]
        self._process = launch(command, self.folder, "TERM", [])
        wait_until(self._answers, self._process, self.folder)

    def stop(self) -> None:
        """Ends it at once: whoever is connected loses his connection."""
        self._process.kill()
        self._process.wait(timeout=30)

    def close(self) -> None:
        """Ends it, and removes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        with Redis(port=self.port, socket_timeout=1) as client:
            try:
                # Another server could have taken the port in the meantime.
                return bool(client.config_get("dir") == {"dir": str(self.folder)})
            except RedisError:
                return False


@functools.cache
def shared_redis() -> RedisServer:
    """One server for all tests of this process that do not stop it, started by the first that needs it."""
    server = RedisServer()
    atexit.register(server.close)
    return server
