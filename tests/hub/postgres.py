"""A private PostgreSQL server: on a unix socket in a temporary folder, without waiting for disks, gone with the tests."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

from hub.private_server import binary, launch, unprivileged, wait_until

PASSWORD = "s3cr3t/of:keeper"
"""The password of the user `keeper`, the only one who needs one."""


class Postgres:
    """A running server; its folder goes when it is closed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rung-postgres-"))
        self._who, number = unprivileged()
        if number is not None:
            os.chown(self.folder, number, -1)
        self._data = self.folder / "data"
        self._names = count(1)
        made = subprocess.run(
            [
                *([binary("setpriv", "util-linux"), *self._who] if self._who else []),
                *(binary("initdb", "postgresql"), "--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust"),
                *("--username=postgres", "--no-instructions", str(self._data)),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        rules = self._data / "pg_hba.conf"
        rules.write_text("local all keeper scram-sha-256\n" + rules.read_text())
        self.start()
        with self._administer() as connection:
            connection.execute(f"CREATE ROLE keeper LOGIN SUPERUSER PASSWORD '{PASSWORD}'")

    def start(self) -> None:
        """Starts it, again too, and returns when it answers."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
            "max_connections": "200",
            "jit": "off",
        }
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        command = [binary("postgres", "postgresql"), "-D", str(self._data), *settings]
        self._process = launch(command, self.folder, "INT", self._who)
        wait_until(self._answers, self._process, self.folder)

    def stop(self) -> None:
        """Stops it at once, without goodbyes: whoever is connected loses his connection."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=30)

    def kill(self) -> None:
        """Kills it as the kernel does when memory runs out, and waits until its children have noticed."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._process.kill()
        self._process.wait(timeout=30)
        while any(Path("/proc", child).exists() for child in children):
            time.sleep(0.01)

    def database(self, encoding: str = "UTF8") -> str:
        """The address of a new, empty database."""
        name = f"hub{next(self._names)}"
        with self._administer() as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING {encoding} TEMPLATE template0")
        return self.url(name)

    def url(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        """The address of a database, whether it exists or not."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{user}{secret}@/{database}?host={quote(str(self.folder), safe='')}"

    def close(self) -> None:
        """Stops it, and removes its folder."""
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _administer(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True)

    def _answers(self) -> bool:
        try:
            self._administer().close()
        except psycopg.OperationalError:
            return False
        return True


@functools.cache
def shared_postgres() -> Postgres:
    """One server for all tests of this process, started by the first that needs it."""
    server = Postgres()
    atexit.register(server.close)
    return server
