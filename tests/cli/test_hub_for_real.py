"""The command line against `rung hub serve` and an orchestrator's agent, each in a process of its own: one machine's life, and who may do what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Ran, rung
from hub.agent_process import AgentProcess, enrol
from hub.hub_process import OWNER, TENANT, HubProcess

PASSWORD = "a-Quiet-Evening-7"
PROGRAM = (
    "PROGRAM Main\nVAR\n  n : INT;\n  lamp AT %QX0.0 : BOOL;\nEND_VAR\nn := n + 1;\nlamp := n > 100;\nEND_PROGRAM\n"
)
OF_THE_MACHINE = ("--to", "north/press", "--user", "admin", "--password-stdin")


class Site:
    """A hub with an agent, and an engineer's computer where the hub is saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = HubProcess(folder / "hub")
        self.agent: AgentProcess | None = None
        self.token = ""

    def __call__(self, *words: object, given: str = "", token: str | None = None) -> Ran:
        told = self.token if token is None else token
        environment = {"RUNG_CONFIG_DIR": str(self.folder / "config"), "RUNG_HUB_DIR": str(self.hub.folder)}
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
        ran = rung(*words, folder=self.folder, given=given, within=60, RUNG_HUB_TOKEN=told, **environment, **keyring)
        assert PASSWORD not in ran.out + ran.err
        return ran

    def on_machine(self, *words: object, token: str | None = None) -> Ran:
        """A command to the vPLC, whose user is `admin`."""
        return self(*words, *OF_THE_MACHINE, given=f"{PASSWORD}\n", token=token)

    def user(self, name: str, role: str) -> str:
        """Add a user of the hub; the token."""
        made = self("hub", "user", "add", name, role, "--json")
        assert (made.code, made.json["user"]["role"]) == (0, role)
        token: str = made.json["token"]
        return token

    def enrol(self, name: str) -> None:
        """Make an orchestrator as its host's installer does, with the id out of the command that is shown, and start its agent."""
        shown = self("hub", "orchestrator", "enrol", name)
        assert (shown.code, "It works once." in shown.out) == (0, True)
        id = shown.out.split()[-1]
        assert f"/install.sh | sudo sh -s -- {id}" in shown.out
        files = enrol(self.hub.url, self.hub.ca, id, self.folder / name)
        self.agent = AgentProcess(self.hub.agents_address, files, self.folder / "agent")
        assert f"{name}: never connected yet" in self("hub", "orchestrator", "list").out
        self.agent.start()
        self.agent.wait_online()

    def close(self) -> None:
        if self.agent is not None:
            self.agent.close()
        self.hub.kill()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.hub.init().start()
    made.token = made.hub.token
    yield made
    made.close()


def test_a_vplc_lives_from_enrolment_to_removal(site: Site) -> None:
    engineer, viewer = site.user("fitter", "engineer"), site.user("guard", "viewer")
    none = site("hub", "user", "role", "nobody", "owner", "--json")
    assert (none.code, "has no user called 'nobody'" in none.json["error"]["message"]) == (2, True)

    wrong = site("connection", "add", "plant", "--hub", f"https://{site.hub.agents_address}", "--ca", site.hub.ca)
    assert wrong.code == 0
    wrong = site("hub", "orchestrator", "list")
    assert (wrong.code, "8444 for editors" in wrong.err) == (3, True)
    added = site("connection", "add", "plant", "--hub", site.hub.url, "--ca", site.hub.ca, "--replace")
    assert (added.code, f"Saved the hub plant: {site.hub.url}" in added.out) == (0, True)
    assert f"knows you as {OWNER} of {TENANT} (owner)" in site("connection", "test", "plant").out

    site.enrol("north")
    assert "never" not in site("hub", "orchestrator", "list").out

    misspelt = site("hub", "vplc", "create", "north/press", "--network", "veth0=eht0")
    assert (misspelt.code, "no network interface 'eht0'" in misspelt.err) == (2, True)
    made = site("hub", "vplc", "create", "north/press", "--network", "veth0=eth0", "--json")
    assert (made.code, made.json["vplc"]["state"], made.json["target"]) == (0, "running", "north/press"), made.err
    taken = site("hub", "vplc", "create", "north/Press", "--network", "veth0=eth0")
    assert (taken.code, taken.err.startswith("rung hub: Another vPLC is called")) == (2, True)

    (site.folder / "main.st").write_text(PROGRAM)
    deployed = site.on_machine("deploy", "main.st", "--create-first-user", "--json", token=engineer)
    result = deployed.json
    told = {key: result[key] for key in ("ok", "stage", "plc", "verified", "error")}
    assert told == {"ok": True, "stage": "verify", "plc": "RUNNING", "verified": True, "error": None}, deployed
    status = site.on_machine("status", "main.st", "--json", token=engineer).json
    assert (status["plc"], status["md5"], status["inSync"]) == ("RUNNING", result["md5"], True)
    assert "PLC State: RUNNING" in site.on_machine("logs", token=viewer).out

    for refused in (("deploy", "main.st", "--yes"), ("stop", "--yes")):
        ran = site.on_machine(*refused, token=viewer)
        assert (ran.code, "takes the role" in ran.err) == (4, True), ran
    ran = site("hub", "vplc", "delete", "north/press", "--confirm", "press", "--running", token=engineer)
    assert (ran.code, "takes the role 'admin'" in ran.err) == (4, True)
    assert site.on_machine("status", "--json", token=viewer).json["plc"] == "RUNNING"

    # What destroys wants the name, and a yes as long as the program runs.
    for confirmation, wanted in (
        ((), "--confirm 'press'"),
        (("--confirm", "mill"), "--confirm 'press'"),
        (("--confirm", "press"), "--running"),
    ):
        ran = site("hub", "vplc", "delete", "north/press", *confirmation)
        assert (ran.code, wanted in ran.err, "Nothing was done" in ran.err) == (1, True, True), ran
    assert site.on_machine("stop", "--yes", "--json", token=engineer).json == {"plc": "STOPPED", "error": None}
    assert site("hub", "vplc", "delete", "north/press", "--confirm", "press", "--json").json["error"] is None
    deadline = time.monotonic() + 10
    while site("hub", "vplc", "list", "--json").json["vplcs"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
