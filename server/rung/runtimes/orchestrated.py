"""The way to a vPLC through a hub: the requests of the ordinary clients, carried to the machine's own interface and back.

Invariants: what the hub itself says is never taken for a machine's answer, nor the other way round. A name is looked up when a connection
begins and at each reconnection, and a connection never goes over in silence from one machine to another that has got its name.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from shlex import quote
from typing import TYPE_CHECKING
from unicodedata import normalize

import httpx

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hub_client import HubClient
from rung.runtimes.hub_http import API, MARK, failure_of, stranger, verifying
from rung.runtimes.hub_records import Orchestrator, Vplc
from rung.runtimes.hubs import Hub, Hubs
from rung.runtimes.moments import age
from rung.runtimes.pins import PinStore
from rung.runtimes.recognise import Recognised, recognise_over
from rung.runtimes.transport import VerifiedTransport
from rung.runtimes.v4_session import Timeouts
from rung.runtimes.way import Link, Login, Running

if TYPE_CHECKING:
    from rung.runtimes.client import Variables

RUNTIME_AUTHORIZATION = "Rung-Runtime-Authorization"
"""The header in which a machine's own token goes through a hub."""


class Hubbed:
    """Through a hub to one vPLC.

    Args:
        address: the vPLC, by the names that the user knows.
        hub: the hub.
        hubs: the tokens; the latest one is used at each request.
        orchestrator, vplc: what the names mean, by id.
    """

    carries_source = False

    def __init__(self, address: Address, hub: Hub, hubs: Hubs, orchestrator: str, vplc: str) -> None:
        self.address = address
        self.hub = hub
        self.orchestrator = orchestrator
        self.vplc = vplc
        self._hubs = hubs
        self._verifying = verifying(hub)

    @property
    def identity(self) -> str:
        """What tells this vPLC from every other one that may get its name: 64 upper-case hex digits, to be kept where pins are."""
        return hashlib.sha256(f"{self.orchestrator}/{self.vplc}".encode()).hexdigest().upper()

    @property
    def path(self) -> str:
        """The vPLC in the hub's interface."""
        return f"/orchestrators/{self.orchestrator}/vplcs/{self.vplc}"

    def client(self) -> HubClient:
        """A client of the hub; the caller closes it."""
        return self._hubs.client(self.hub)

    def transport(self) -> httpx.AsyncBaseTransport:
        """See `Way`."""
        return _Relay(self, self._verifying, lambda: self._hubs.signed_in(self.hub))

    def variables(
        self, login: Login, channel: Callable[[Link], Variables], guard: Running | None, timeout: float
    ) -> Variables:
        """See `Way`."""
        from rung.runtimes.hub_debug import HubbedVariables

        return HubbedVariables(self, login, channel, guard, timeout)

    async def recognise_again(self, timeouts: Timeouts) -> Recognised:
        """What is at the end of this way now.

        Raises:
            RuntimeFailure: `not-ours` when the names mean another machine now; else see `reach`.
        """
        async with self.client() as client:
            orchestrator, vplc = await _find(client, self.address)
        if (orchestrator.id, vplc.id) != (self.orchestrator, self.vplc):
            changed = "orchestrator" if orchestrator.id != self.orchestrator else "vPLC"
            raise RuntimeFailure(
                Kind.NOT_OURS,
                f"{self.address} is another machine now: since the connection was lost, another {changed} has got that name. Nothing was "
                "sent to it.",
                "Find out which of the two you want, then connect again.",
            )
        return await recognise_over(self, timeouts)


async def reach(address: Address, pins: PinStore, hubs: Hubs, timeouts: Timeouts) -> tuple[Hubbed, Recognised]:
    """Find a vPLC and what runtime it has.

    A name may come to mean another vPLC, and passwords are saved by names. So which one it was is kept, as a certificate's pin is.

    Args:
        address: the vPLC's.
        pins: which vPLC was there the last time.
        hubs: the saved hubs and the tokens for them.
        timeouts: how long to wait for the machine's answers.

    Raises:
        RuntimeFailure: `credentials` when nobody is signed in to the hub, `untrusted` when the hub is not the one that was saved, `dns`
            when it knows no machine of this name, `certificate-changed` when the name means another one than before, `unreachable` when the orchestrator is offline, `busy` while the vPLC is being
            created; else see `recognise_over`.
    """
    hub = hubs.of(address)
    async with hubs.client(hub, timeouts.answer) as client:
        orchestrator, vplc = await _find(client, address)
    hubbed = Hubbed(address, hub, hubs, orchestrator.id, vplc.id)
    known = pins.get(address)
    if known is not None and known != hubbed.identity:
        raise RuntimeFailure(
            Kind.CERTIFICATE_CHANGED,
            f"{address} is another vPLC than the one that you used under this name: that one was removed or renamed. Nothing was sent to it.",
            "If that is meant, forget the old one (rung connection forget --certificate, or PLC: Forget Certificate) and connect again.",
        )
    try:
        found = await recognise_over(hubbed, timeouts)
        if known is None:
            pins.trust(address, hubbed.identity)
        return hubbed, found
    except RuntimeFailure as failure:
        if vplc.state == "running":
            raise
        why = f" Its container's state is {vplc.state}{f' ({vplc.message})' if vplc.message else ''}."
        raise RuntimeFailure(failure.kind, failure.message + why, failure.hint) from None


def forget_namesake(hub: Hub, orchestrator: str, vplc: str) -> None:
    """A vPLC was created here under this name: the user does not miss one that may have been called so before."""
    PinStore().forget(hub.address.behind(orchestrator, vplc))


async def _find(client: HubClient, address: Address) -> tuple[Orchestrator, Vplc]:
    where = client.hub.address.authority
    orchestrator_name, _, vplc_name = address.path.partition("/")
    found = next((o for o in await client.orchestrators() if same_name(o.name, orchestrator_name)), None)
    if found is None:
        raise RuntimeFailure(
            Kind.DNS,
            f"The hub {where} shows you no orchestrator called {orchestrator_name}.",
            "Look at the list (rung hub orchestrator list); upper and lower case do not matter.",
        )
    check_online(found)
    vplc = next((v for v in found.vplcs if same_name(v.name, vplc_name)), None)
    if vplc is None:
        raise RuntimeFailure(
            Kind.DNS,
            f"The orchestrator {found.name} has no vPLC called {vplc_name}.",
            f"Look at the list (rung hub vplc list {quote(found.name)}), or create it.",
        )
    if vplc.state != "running":
        vplc = await client.vplc(found.id, vplc.id)  # what is in the list may be old; this asks the agent
    if vplc.state in ("requested", "creating"):
        raise RuntimeFailure(
            Kind.BUSY,
            f"The vPLC {vplc.name} is still being created{f' ({vplc.message})' if vplc.message else ''}.",
            "Connect when it runs (rung hub vplc show).",
        )
    if vplc.state in ("deleting", "gone"):
        gone = "is being deleted" if vplc.state == "deleting" else "is gone: the agent knows no such container any more"
        raise RuntimeFailure(
            Kind.UNREACHABLE,
            f"The vPLC {vplc.name} on {found.name} {gone}.",
            "If that was not meant, create it again and deploy its program.",
        )
    return found, vplc


def check_online(orchestrator: Orchestrator) -> None:
    """Whether an orchestrator's agent is connected to its hub.

    Raises:
        RuntimeFailure: `unreachable` when it is not, with when it was last.
    """
    if orchestrator.revoked is not None:
        raise RuntimeFailure(
            Kind.UNREACHABLE,
            f"The orchestrator {orchestrator.name} was revoked, so its agent may not connect any more. Its vPLCs go on as they are.",
            f"Enrol its host again: rung hub orchestrator enrol {quote(orchestrator.name)} --again.",
        )
    if not orchestrator.online and orchestrator.last_seen is None:
        raise RuntimeFailure(
            Kind.UNREACHABLE,
            f"The agent of the orchestrator {orchestrator.name} has never connected to the hub, so nothing was sent.",
            "Check that the installer ended well on its host, and that the host reaches the hub's port for agents.",
        )
    if not orchestrator.online:
        raise RuntimeFailure(
            Kind.UNREACHABLE,
            f"The orchestrator {orchestrator.name} is offline; it was last seen {age(orchestrator.last_seen)}. What its vPLCs do is not "
            "known; they go on without it.",
            "Check the power and the network of its host, and that its agent runs there.",
        )


def same_name(one: str, other: str) -> bool:
    """Whether two names mean the same: case and width do not count, as on the hub."""
    return normalize("NFKC", one).casefold() == normalize("NFKC", other).casefold()


class _Relay(httpx.AsyncBaseTransport):
    """An httpx transport that has the hub hand each request on to the machine."""

    def __init__(self, way: Hubbed, verifying: ssl.SSLContext, token: Callable[[], str]) -> None:
        self._hub = way.hub.address
        self._prefix = f"{API}{way.path}/http".encode("ascii")
        self._token = token
        self._inner = VerifiedTransport(self._hub, verifying)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the answer is the machine's, its body still to be read.

        Raises:
            RuntimeFailure: the hub's own words, or the hub cannot be reached. NotRelayed where the machine has heard of nothing.
        """
        headers = request.headers.copy()
        login = headers.pop("Authorization", None)
        if login is not None:
            headers[RUNTIME_AUTHORIZATION] = login
        headers["Authorization"] = f"Bearer {self._token()}"
        url = request.url.copy_with(raw_path=self._prefix + request.url.raw_path)
        response = await self._inner.handle_async_request(
            httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
        )
        mark = response.headers.get(MARK)
        if mark == "relayed":
            return response
        try:
            raise await failure_of(response, self._hub) if mark == "hub" else stranger(response, self._hub)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()
