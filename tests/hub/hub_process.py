"""A hub as its operator runs it: `rung hub init` and `rung hub serve` in processes of their own, which a test can end as a power cut would."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from command import rung
from hub.agent_process import AgentFiles, enrol
from rung.runtimes.hub_client import HubClient
from rung.runtimes.hubs import Hub
from simulated import own_port

READY_S = 30.0
TENANT, OWNER = "plant", "olga"
Figure = Callable[[str, object], None]
"""`figure(what, value)`: the fixture by which a test says what it has measured."""
_Value = TypeVar("_Value")


def until(look: Callable[[], _Value | None], within: float = 15.0, what: str = "what was waited for") -> _Value:
    """The first value of `look` that is true; asked every few milliseconds."""
    deadline = time.monotonic() + within
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come within {within:g} s"
        time.sleep(0.05)


class HubProcess:
    """One process of a hub on ports of its own, which it has again when it is started again.

    Attributes:
        folder: the hub's: settings, keys and, unless it is elsewhere, the database.
        token: of the owner; made by `init`.
    """

    def __init__(self, folder: Path, *, database: str | None = None, redis: str | None = None) -> None:
        self.folder = folder
        self.token = ""
        self.editors_port, self.agents_port = own_port(), own_port()
        # By the environment, as URLs with a password have to come.
        given = {"RUNG_HUB_DATABASE": database, "RUNG_HUB_REDIS": redis}
        self._given = {name: value for name, value in given.items() if value is not None}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder.parent / f"{folder.name}.log"

    # -- its life --------------------------------------------------------------------------------------------------

    def init(self) -> HubProcess:
        """Make the hub."""
        words = ["--name", "localhost", "--name", "127.0.0.1", "--tenant", TENANT, "--owner", OWNER]
        listen = [
            "--editors-listen",
            f"127.0.0.1:{self.editors_port}",
            "--agents-listen",
            f"127.0.0.1:{self.agents_port}",
        ]
        made = rung(
            "hub", "init", "--data", self.folder, *words, *listen, within=60.0, folder=None, given="", **self._given
        )
        assert made.code == 0, made.err
        self.token = made.out.split()[-1]
        return self

    def sibling(self, folder: Path) -> HubProcess:
        """A further process of the same hub, as docs/scaling.md says: a copy of its folder, which listens elsewhere."""
        made = HubProcess(folder)
        made._given, made.token = self._given, self.token
        shutil.copytree(self.folder, folder)
        settings = folder / "hub.toml"
        text = settings.read_text()
        for key, port in (("editors_listen", made.editors_port), ("agents_listen", made.agents_port)):
            text = re.sub(rf"(?m)^{key} = .*$", f'{key} = "127.0.0.1:{port}"', text)
        settings.write_text(text)
        return made

    def start(self) -> HubProcess:
        """Serve; returns when both listeners listen."""
        assert self._process is None
        with self._log.open("ab") as output:
            begins = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rung", "hub", "serve", "--data", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._given},
            )
        until(lambda: self._serves(begins), READY_S, "the hub's start")
        return self

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self, within: float = 30.0) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(within)
        self._process = None
        return code

    def freeze(self) -> None:
        """Hold it without closing anything, as a computer that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """End `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def _serves(self, begins: int) -> bool:
        words = self._log.read_bytes()[begins:]
        assert self._process is not None
        assert self._process.poll() is None, words.decode(errors="replace")
        return b"The hub serves" in words

    # -- where it is, and what it says -----------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def url(self) -> str:
        """Its editors' interface."""
        return f"https://localhost:{self.editors_port}"

    @property
    def agents_address(self) -> str:
        """Where agents dial."""
        return f"localhost:{self.agents_port}"

    @property
    def ca(self) -> Path:
        """The authority that vouches for it."""
        return self.folder / "server-ca.pem"

    @functools.cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def database(self) -> str:
        """The database's URL."""
        return self._given.get("RUNG_HUB_DATABASE", f"sqlite:///{self.folder / 'hub.db'}")

    @property
    def log(self) -> str:
        """All that it has written."""
        return self._log.read_text(errors="replace")

    def journal(self, event: str) -> list[dict[str, Any]]:
        """The rows of its log of one kind."""
        rows = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [row for row in rows if row.get("event") == event]

    def memory(self) -> int:
        """Its resident memory, in bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024

    def processor_seconds(self) -> float:
        """The processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def figure(self, name: str) -> float:
        """One figure of its metrics page, by its name with its labels."""
        with self.api(token=None) as client:
            page = client.get(f"{self.url}/metrics").text
        found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", page)
        assert found is not None, page
        return float(found[1])

    @property
    def agents(self) -> int:
        """How many agents this process holds."""
        return int(self.figure('rung_hub_agents{figure="online"}'))

    # -- asking it -------------------------------------------------------------------------------------------------

    def api(self, token: str | None = "", timeout: float = 40.0, source: str = "0.0.0.0") -> httpx.Client:
        """A client of the editors' interface, its certificate verified; `source` is the address that it comes from."""
        said = self.token if token == "" else token
        return httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"Authorization": f"Bearer {said}"} if said else {},
            timeout=timeout,
            trust_env=False,
            transport=httpx.HTTPTransport(verify=self._context, local_address=source),
        )

    def ask(
        self, method: str, path: str, body: object = None, token: str | None = "", timeout: float = 40.0
    ) -> httpx.Response:
        """One request to it, as the owner unless said otherwise."""
        with self.api(token, timeout) as client:
            return client.request(method, path, json=body)

    def saved(self) -> Hub:
        """What a user saves of it."""
        return Hub.parse("plant", self.url, self.ca.read_text())

    def client(self) -> HubClient:
        """The client that Rung itself uses; in `async with`."""
        return HubClient(self.saved(), self.token)

    def enrol(self, name: str, folder: Path) -> tuple[str, AgentFiles]:
        """An orchestrator by the way that the installer takes: its id, and what its agent connects with."""
        answer = self.ask("POST", "/enrolments", {"name": name})
        assert answer.status_code == 201, answer.text
        id = answer.json()["id"]
        return id, enrol(self.url, self.ca, id, folder)

    def online(self, id: str) -> bool:
        """Whether it says that an orchestrator is online."""
        answer = self.ask("GET", f"/orchestrators/{id}")
        return answer.status_code == 200 and answer.json()["online"] is True

    def until_online(self, id: str, online: bool = True, within: float = 20.0) -> float:
        """Wait until an orchestrator is online, or is not; how many seconds that took."""
        began = time.monotonic()
        until(lambda: self.online(id) == online, within, f"'online: {online}'")
        return time.monotonic() - began

    def create(self, orchestrator: str, name: str, within: float = 30.0) -> str:
        """A vPLC, when it runs."""
        network = {"name": "veth0", "parent": "eth0", "mode": "dhcp"}
        answer = self.ask("POST", f"/orchestrators/{orchestrator}/vplcs", {"name": name, "networks": [network]})
        assert answer.status_code == 202, answer.text
        id: str = answer.json()["id"]
        until(lambda: self.vplc(orchestrator, id)["state"] == "running", within, f"the vPLC {name}")
        return id

    def vplc(self, orchestrator: str, id: str) -> dict[str, Any]:
        """What it says of a vPLC."""
        answer: dict[str, Any] = self.ask("GET", f"/orchestrators/{orchestrator}/vplcs/{id}").json()
        return answer
