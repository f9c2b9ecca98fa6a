"""The variables of a vPLC behind a hub. Its debug channel has room for one user, so the hub lends it out.

The loan is taken by the first question, kept by use, given back when nobody asks for a while, and taken again by the next question. What
the orchestrator's agent can carry is found out when it is taken: frames, or nothing but the program's MD5.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from rung.codegen.artefact import Leaf
from rung.runtimes.address import Address
from rung.runtimes.debug_link import encode
from rung.runtimes.debug_values import ASK_MD5, FORCE, BadAnswer, Value
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure
from rung.runtimes.hub_client import HubClient
from rung.runtimes.way import Link, Login, Running

if TYPE_CHECKING:
    from rung.runtimes.client import Variables
    from rung.runtimes.orchestrated import Hubbed

_OPEN_S = 30.0
_CLOSE_S = 2.0
_HUB_S = 5.0
"""Seconds that the hub and its agent may add to the machine's own."""
_IDLE_S = 10.0
"""Seconds without a question after which others may have the loan."""
_IDLE_AFTER_MD5_S = 1.0
"""The same for who has only looked which program runs: editors do so for ever, and must not keep others out."""
_FORBIDDEN_S = 60.0
"""Seconds for which a user whose role is too small does not try again: an editor asks every few seconds."""
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_HEX = re.compile(r"[0-9A-Fa-f]{2}(?: ?[0-9A-Fa-f]{2}){0,4095}")
"""Agents hand on what a runtime says, with spaces or without."""
_MD5 = re.compile(r"[0-9a-f]{32}")
_NOT_AGAIN = frozenset({Kind.UNREACHABLE, Kind.TIMEOUT, Kind.REFUSED, Kind.UNTRUSTED})
"""Failures that a new loan does not mend."""

_Out = TypeVar("_Out")


class Loan:
    """The right to ask one vPLC about its variables.

    Args:
        way: to the vPLC.
        login: who is logged in there; the agent opens the channel as that user.
        timeout: seconds for an answer of the machine.
    """

    def __init__(self, way: Hubbed, login: Login, timeout: float) -> None:
        self._way = way
        self._login = login
        self._timeout = timeout + _HUB_S
        self._client: HubClient | None = None
        self._id: str | None = None
        self._raw = False
        self._why = ""
        self._turn = asyncio.Lock()
        self._idle: asyncio.Task[None] | None = None
        self._forbidden: tuple[RuntimeFailure, float] | None = None

    @property
    def address(self) -> Address:
        """The machine, for sentences."""
        return self._way.address

    async def aclose(self) -> None:
        """Give it back, if the hub answers at once; it runs out by itself otherwise."""
        if self._idle is not None:
            self._idle.cancel()
        async with self._turn:
            await self._give_back()
            client, self._client = self._client, None
            if client is not None:
                await client.aclose()

    async def relays(self) -> bool:
        """Whether the agent carries frames; False when it can tell the program's MD5 only."""
        async with self._turn:
            await self._taken(_IDLE_AFTER_MD5_S)
            return self._raw

    async def ask(self, *frames: bytes) -> bytes:
        """Send frames, with nobody else's between them, and return the answer to the last.

        Raises:
            BadAnswer: an answer is no frame.
            RuntimeFailure: `too-old` when the agent carries none, `busy` when somebody else has the loan; or there is no answer.
        """

        async def carry(lease: str) -> bytes:
            if not self._raw:
                raise self.no_variables()
            answer = b""
            for frame in frames:
                told = await self._post("ask", {"lease": lease, "frame": encode(frame)}, self._timeout)
                answer = _decode(told.get("frame"))
            return answer

        only_md5 = all(frame[0] == ASK_MD5 for frame in frames)
        repeatable = not any(frame[0] == FORCE for frame in frames)
        return await self._with_loan(carry, _IDLE_AFTER_MD5_S if only_md5 else _IDLE_S, repeatable)

    async def md5(self) -> str | None:
        """The MD5 of the loaded program, as the agent tells it."""

        async def question(lease: str) -> str | None:
            told = (await self._post("md5", {"lease": lease}, self._timeout)).get("md5")
            if told is None:
                return None
            if not isinstance(told, str) or not _MD5.fullmatch(told.lower()):
                raise self._http.http.odd("the MD5 of a program")
            return told.lower()

        return await self._with_loan(question, _IDLE_AFTER_MD5_S)

    def no_variables(self) -> RuntimeFailure:
        """The failure for an agent that translates debug commands, wrongly for newer runtimes, where it should carry them."""
        return RuntimeFailure(
            Kind.TOO_OLD,
            f"The variables of {self.address} cannot be read or forced: the orchestrator's agent is too old to carry them"
            f"{f' ({self._why})' if self._why else ''}. Programs can be downloaded, started, stopped and verified all the same.",
            "Update the agent on the orchestrator's host to a version that relays debug frames (debug_command), then connect again.",
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _http(self) -> HubClient:
        if self._client is None:
            self._client = self._way.client()
        return self._client

    async def _with_loan(self, work: Callable[[str], Awaitable[_Out]], keep: float, repeatable: bool = True) -> _Out:
        """Work with the loan; once more with a new one if it had run out, or its channel had broken.

        Args:
            work: what is to be done with it.
            keep: seconds to keep it afterwards.
            repeatable: it only asks. What forces is done again only if the hub says that the machine has heard nothing of it.
        """
        async with self._turn:
            fresh = self._id is None
            lease = await self._taken(keep)
            try:
                return await work(lease)
            except RuntimeFailure as failure:
                if failure.kind is Kind.TOO_OLD:
                    raise
                await self._give_back()
                if fresh or failure.kind in _NOT_AGAIN or not (repeatable or isinstance(failure, NotRelayed)):
                    raise
            return await work(await self._taken(keep))

    async def _taken(self, keep: float) -> str:
        if self._idle is not None:
            self._idle.cancel()
        if self._id is None:
            self._id = await self._take()
        self._idle = asyncio.create_task(self._end_idle(keep))
        return self._id

    async def _end_idle(self, keep: float) -> None:
        await asyncio.sleep(keep)
        async with self._turn:
            await self._give_back()

    async def _take(self) -> str:
        if self._forbidden is not None and time.monotonic() < self._forbidden[1]:
            raise self._forbidden[0]
        token = await self._login.token()
        try:
            told = await self._opened(token)
        except RuntimeFailure as failure:
            if failure.kind is not Kind.CREDENTIALS:
                raise
            if isinstance(failure, NotRelayed):  # the hub's own no, which no new login at the machine changes
                self._forbidden = failure, time.monotonic() + _FORBIDDEN_S
                raise
            told = await self._opened(await self._login.token(token))  # it may have expired meanwhile
        lease, way, why = told.get("lease"), told.get("way"), told.get("message")
        if not isinstance(lease, str) or not _ID.fullmatch(lease) or way not in ("raw", "md5"):
            raise self._http.http.odd("a loan of the debug channel")
        self._raw = way == "raw"
        self._why = clean(why, 200).strip().rstrip(".") if isinstance(why, str) else ""
        return lease

    async def _opened(self, token: str) -> Mapping[str, object]:
        credentials = self._login.credentials
        if credentials is None:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"Nobody is logged in at {self.address}, so its variables cannot be read.",
                "Log in with a user name and a password of this machine.",
            )
        wanted = {"token": token, "username": credentials[0], "password": credentials[1]}
        return await self._post("open", wanted, _OPEN_S)

    async def _give_back(self) -> None:
        lease, self._id = self._id, None
        if lease is not None:
            with contextlib.suppress(RuntimeFailure):
                await self._post("close", {"lease": lease}, _CLOSE_S)

    async def _post(self, action: str, content: Mapping[str, object], timeout: float) -> Mapping[str, object]:
        answer = await self._http.http.ask("POST", f"{self._way.path}/debug/{action}", content=content, timeout=timeout)
        if not isinstance(answer, dict):
            raise self._http.http.odd("the debug channel")
        return answer


def _decode(told: object) -> bytes:
    if not isinstance(told, str) or not _HEX.fullmatch(told):
        raise BadAnswer("the answer is not a frame")
    return bytes.fromhex(told)


class HubbedVariables:
    """The variables of a vPLC, as far as its orchestrator's agent carries them.

    Args:
        way: to the vPLC.
        login: who is logged in there.
        channel: what speaks the machine's frames over a link.
        guard: to be asked before any question to a machine whose core dies of one while no program runs; None for others.
        timeout: seconds for an answer of the machine.
    """

    def __init__(
        self,
        way: Hubbed,
        login: Login,
        channel: Callable[[Link], Variables],
        guard: Running | None,
        timeout: float,
    ) -> None:
        self._loan = Loan(way, login, timeout)
        self._channel = channel(self._loan)
        self._guard = guard

    async def md5(self) -> str | None:
        """The MD5 of the loaded program; None when there is none."""
        if self._guard is not None and not await self._guard():
            return None
        return await self._channel.md5() if await self._loan.relays() else await self._loan.md5()

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        """The values of variables, by path.

        Raises:
            RuntimeFailure: `too-old` when the agent does not carry them.
        """
        return await self._channel.read(leaves)

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value; it raises what `read` does."""
        await self._channel.force(leaf, value)

    async def unforce(self, leaf: Leaf) -> None:
        """Let the program write the variable again; it raises what `read` does."""
        await self._channel.unforce(leaf)

    async def aclose(self) -> None:
        """Give the debug channel back."""
        await self._channel.aclose()
