"""What a hub can be asked for, one method each, with checked answers. Machines behind it are reached by `orchestrated`, not here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from rung.runtimes import hub_records as records
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hub_events import HubEvent, follow
from rung.runtimes.hub_http import HubHttp
from rung.runtimes.hub_records import (
    Confirmation,
    Enrolled,
    Interface,
    Me,
    NewVplc,
    Odd,
    Orchestrator,
    SerialDevice,
    Ticket,
    Vplc,
)
from rung.runtimes.hubs import Hub, checked_token

_AGENT_S = 40.0
"""Seconds for what the hub asks an agent for; the hub gives up before."""
_POLL_S = 1.5
_ENDED = frozenset({"error", "gone", "stopped"})

_Value = TypeVar("_Value")


class HubClient:
    """A hub and who is signed in there. Every method raises RuntimeFailure with a sentence.

    Args:
        hub: the hub.
        token: of the user, or what gives the present one; it stays in memory.
        timeout: seconds for an answer of the hub itself.
    """

    def __init__(self, hub: Hub, token: str | Callable[[], str], *, timeout: float = 10.0) -> None:
        self.hub = hub
        if isinstance(token, str):
            given = checked_token(token)
            self.http = HubHttp(hub, lambda: given, timeout)
        else:
            self.http = HubHttp(hub, token, timeout)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.http.aclose()

    async def __aenter__(self) -> HubClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # -- the hub ---------------------------------------------------------------------------------------------------

    async def me(self) -> Me:
        """Who is signed in."""
        return self._read(records.me, await self.http.ask("GET", "/me"))

    def events(self) -> AsyncIterator[HubEvent]:
        """What changes from now on; see `hub_events.follow`."""
        return follow(self.http)

    # -- orchestrators ---------------------------------------------------------------------------------------------

    async def orchestrators(self) -> tuple[Orchestrator, ...]:
        """All that this user may see, by name, with their vPLCs as last known. No agent is asked, so nothing blocks."""
        return self._in(records.orchestrators, "orchestrators", await self.http.ask("GET", "/orchestrators"))

    async def orchestrator(self, id: str) -> Orchestrator:
        """One of them."""
        return self._read(records.orchestrator, await self.http.ask("GET", _orchestrator(id)))

    async def rename_orchestrator(self, id: str, name: str, description: str | None = None) -> Orchestrator:
        """Give it another name, and another description unless that is None."""
        wanted = {"name": name} if description is None else {"name": name, "description": description}
        return self._read(records.orchestrator, await self.http.ask("PATCH", _orchestrator(id), content=wanted))

    async def enrol(self, name: str, description: str = "") -> Ticket:
        """Permit one orchestrator to enrol: once, and for some minutes."""
        wanted = {"name": name, "description": description}
        return self._read(records.ticket, await self.http.ask("POST", "/enrolments", content=wanted))

    async def enrol_again(self, id: str) -> Ticket:
        """Permit the host of an orchestrator to get another key and certificate, likewise; its vPLCs stay as they are."""
        return self._read(records.ticket, await self.http.ask("POST", f"{_orchestrator(id)}/enrolments", content={}))

    async def enrolment(self, id: str) -> Enrolled:
        """How far an enrolment has come."""
        return self._read(records.enrolled, await self.http.ask("GET", f"/enrolments/{_id(id)}"))

    async def audit(self, limit: int = 200) -> tuple[dict[str, object], ...]:
        """Who did what to which machine, newest first, up to `limit` rows (at most 1000)."""
        return self._read(records.audit, await self.http.ask("GET", "/audit", {"limit": str(limit)}))

    async def revoke(self, id: str, *, typed: str | None = None) -> Confirmation | None:
        """Take back its certificate, for good: its agent cannot connect any more, and is not uninstalled. None once it is done."""
        return self._done(await self.http.ask("POST", f"{_orchestrator(id)}/revoke", content=_typed(typed)))

    async def delete_orchestrator(
        self, id: str, *, typed: str | None = None, uninstall: bool = False, running: bool = False
    ) -> Confirmation | None:
        """Have the hub forget it.

        Args:
            id: which one.
            typed: its name, as the user has typed it.
            uninstall: its agent removes all vPLCs and itself from the host, too.
            running: the user has agreed although a program runs on one of its vPLCs.

        Returns:
            What has to be confirmed first; None once it is done.
        """
        wanted = {**_typed(typed), "uninstall": uninstall, "running": running}
        return self._done(await self.http.ask("DELETE", _orchestrator(id), content=wanted, timeout=_AGENT_S))

    async def interfaces(self, id: str, *, virtual: bool = False) -> tuple[Interface, ...]:
        """The network interfaces of its host; `virtual`: also those that are no hardware."""
        query = {"virtual": "1" if virtual else "0"}
        answer = await self.http.ask("GET", f"{_orchestrator(id)}/interfaces", query, timeout=_AGENT_S)
        return self._in(records.interfaces, "interfaces", answer)

    async def serial_devices(self, id: str) -> tuple[SerialDevice, ...]:
        """The serial ports of its host."""
        answer = await self.http.ask("GET", f"{_orchestrator(id)}/serial-devices", timeout=_AGENT_S)
        return self._in(records.serial_devices, "devices", answer)

    async def consumption(
        self, id: str, vplc: str | None = None, *, cpu: str = "1h", memory: str = "1h"
    ) -> dict[str, object]:
        """What it, or one of its vPLCs, has used: processor and memory over periods such as `15m`, `1h`, `7d`."""
        path = f"{_orchestrator(id) if vplc is None else _vplc(id, vplc)}/consumption"
        answer = await self.http.ask("GET", path, {"cpu": cpu, "memory": memory}, timeout=_AGENT_S)
        return self._read(lambda value: records.plain(records.fields(value, "consumption")), answer)

    # -- vPLCs -----------------------------------------------------------------------------------------------------

    async def vplcs(self, id: str) -> tuple[Vplc, ...]:
        """The vPLCs of an orchestrator, by name, as last known."""
        return self._in(records.vplcs, "vplcs", await self.http.ask("GET", f"{_orchestrator(id)}/vplcs"))

    async def create_vplc(self, id: str, wanted: NewVplc) -> Vplc:
        """Have a vPLC created; that goes on after the answer (`until_created`)."""
        path = f"{_orchestrator(id)}/vplcs"
        return self._read(records.vplc, await self.http.ask("POST", path, content=wanted.json(), timeout=_AGENT_S))

    async def vplc(self, id: str, vplc: str) -> Vplc:
        """A vPLC; its agent is asked if it is online."""
        return self._read(records.vplc, await self.http.ask("GET", _vplc(id, vplc), timeout=_AGENT_S))

    async def rename_vplc(self, id: str, vplc: str, name: str) -> Vplc:
        """Give a vPLC another name; nothing changes for its program."""
        return self._read(records.vplc, await self.http.ask("PATCH", _vplc(id, vplc), content={"name": name}))

    async def delete_vplc(
        self, id: str, vplc: str, *, typed: str | None = None, running: bool = False
    ) -> Confirmation | None:
        """Remove a vPLC with its program and its users.

        Args:
            id: its orchestrator.
            vplc: which one.
            typed: its name, as the user has typed it.
            running: the user has agreed although its program runs.

        Returns:
            What has to be confirmed first; None once the agent removes it.
        """
        wanted = {**_typed(typed), "running": running}
        return self._done(await self.http.ask("DELETE", _vplc(id, vplc), content=wanted, timeout=_AGENT_S))

    async def until_created(self, id: str, vplc: str, told: Callable[[Vplc], None], patience: float = 900.0) -> Vplc:
        """Wait until a vPLC that is being created runs.

        Args:
            id: its orchestrator.
            vplc: which one.
            told: every new state or message.
            patience: seconds.

        Raises:
            RuntimeFailure: it ended otherwise, or it took longer: the agent goes on all the same.
        """
        began = time.monotonic()
        last: tuple[str, str] | None = None
        while True:
            now = await self.vplc(id, vplc)
            if now.state in ("requested", "creating") and not (await self.orchestrator(id)).online:
                now = replace(now, message="its orchestrator is offline; waiting for it")
            if (now.state, now.message) != last:
                last = (now.state, now.message)
                told(now)
            if now.state == "running":
                return now
            if now.state in _ENDED:
                raise RuntimeFailure(
                    Kind.INTERNAL,
                    f"The vPLC {now.name} was not created: {(now.message or f'its state is {now.state}').rstrip('.')}.",
                    "Delete it, correct what the agent names, and create it again.",
                )
            if time.monotonic() - began > patience:
                raise RuntimeFailure(
                    Kind.TIMEOUT,
                    f"The vPLC {now.name} is still being created ({now.message or now.state}). The agent goes on.",
                    "Look at it later (rung hub vplc show).",
                )
            await asyncio.sleep(_POLL_S)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _read(self, parse: Callable[[object], _Value], answer: object) -> _Value:
        try:
            return parse(answer)
        except Odd as odd:
            raise self.http.odd(str(odd)) from None

    def _in(self, parse: Callable[[object], _Value], key: str, answer: object) -> _Value:
        return self._read(lambda value: parse(records.fields(value, key).get(key)), answer)

    @staticmethod
    def _done(answer: object) -> Confirmation | None:
        return answer if isinstance(answer, Confirmation) else None


def _id(id: str) -> str:
    try:
        return records.identifier(id, "an id")
    except Odd:
        raise RuntimeFailure(
            Kind.DNS, f"{clean(id, 70)!r} is no id of an orchestrator, a vPLC or an enrolment.", "Read the list again."
        ) from None


def _orchestrator(id: str) -> str:
    return f"/orchestrators/{_id(id)}"


def _vplc(id: str, vplc: str) -> str:
    return f"{_orchestrator(id)}/vplcs/{_id(vplc)}"


def _typed(typed: str | None) -> Mapping[str, str]:
    return {} if typed is None else {"typed": typed}
