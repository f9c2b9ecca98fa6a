"""A machine behind a hub: the embedded runtime of its line, an orchestrator agent in a process of its own, and a real hub between it and us."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

from hub.agent_process import AgentProcess, enrol
from rung.hub.init import make_hub
from rung.hub.records import VplcState
from rung.hub.serve import Hub as HubProcess
from rung.hub.settings import HubSettings
from rung.hub.store import Store
from rung.runtimes.address import Address
from rung.runtimes.hub_client import HubClient
from rung.runtimes.hubs import Hub, Hubs, HubStore
from rung.simulator import Simulator

ORCHESTRATOR, VPLC = "Hall 1", "Press"


class SimulatorBehindHub(Simulator):
    """A runtime that can be reached through a hub only, as far as its users know."""

    def __init__(self, folder: Path, version: str, agent_line: str) -> None:
        super().__init__(folder, port=0, version=version, transition_s=0.1, restart_s=0.4, discovery_port=0)
        self.hubs = Hubs(system=False)
        self._beside = folder.parent / f"{folder.name} beside"
        self._agent_line = agent_line
        self._settings: HubSettings | None = None
        self._hub: HubProcess | None = None
        self._agent: AgentProcess | None = None
        self._saved: Hub | None = None
        self._orchestrator = ""

    @property
    def behind(self) -> Address:
        """The vPLC as users name it."""
        assert self._saved is not None
        return self._saved.address.behind(ORCHESTRATOR, VPLC)

    @property
    def hub(self) -> HubProcess:
        """The hub, which runs in this process."""
        assert self._hub is not None
        return self._hub

    @property
    def agent(self) -> AgentProcess:
        """The orchestrator's agent."""
        assert self._agent is not None
        return self._agent

    def client(self) -> HubClient:
        """A client of the hub; the caller closes it."""
        assert self._saved is not None
        return self.hubs.client(self._saved)

    async def start_hub(self) -> None:
        """Start the hub again, after it was stopped, at the same ports."""
        assert self._settings is not None
        self._hub = HubProcess(self._settings)
        await self._hub.start()

    async def start(self) -> None:
        await super().start()
        table = {"names": ["localhost"], "editors_listen": "127.0.0.1:0", "agents_listen": "127.0.0.1:0"}
        new = await make_hub(self._beside / "hub", table, "works", "chief")
        assert new.owner_token is not None
        self._settings = new.settings
        await self.start_hub()
        self._settings = replace(
            new.settings,
            editors_listen=("127.0.0.1", self.hub.editors_port),
            agents_listen=("127.0.0.1", self.hub.agents_port),
        )
        ca = new.settings.server_authority
        assert ca is not None
        self._saved = Hub("plant", "localhost", self.hub.editors_port, ca.read_text())
        HubStore().add(self._saved)
        self.hubs.sign_in(self._saved, new.owner_token)
        async with HubClient(self._saved, new.owner_token) as client:
            ticket = await client.enrol(ORCHESTRATOR)
        files = await asyncio.to_thread(enrol, self._saved.url, ca, ticket.id, self._beside / "keys")
        self._orchestrator = ticket.id
        device = await self.add_vplc(VPLC)
        place = f"localhost:{self.hub.agents_port}"
        registered = f"{device}=127.0.0.1:{self.address[1]}"
        self._agent = AgentProcess(
            place, files, self._beside / "agent", "--line", self._agent_line, "--device", registered
        )
        self._agent.start()
        await asyncio.to_thread(self._agent.wait_online)

    async def add_vplc(self, name: str) -> str:
        """Write a vPLC into the hub's list as one that runs, and return its id: the runtime is there already, and need not be created."""
        assert self._settings is not None
        store = await Store.open(self._settings.database_url)
        try:
            orchestrator = await store.orchestrator("works", self._orchestrator)
            assert orchestrator is not None
            vplc = await store.add_vplc(orchestrator, str(uuid.uuid4()), name, {})
            await store.set_vplc_state(vplc.id, VplcState.RUNNING, "")
        finally:
            await store.aclose()
        return vplc.id

    async def stop(self) -> None:
        if self._agent is not None:
            self._agent.close()
        if self._hub is not None:
            await self._hub.stop()
        await super().stop()
