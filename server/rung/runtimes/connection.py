"""A connection to one machine: exactly four states, and each of them is true.

`connected` means that a heartbeat was answered in the last few seconds, never that it once worked. Three missed heartbeats
make `error`; then we try again by ourselves until it works or until only the user can help (the certificate changed, the
password is refused, the device was reset). Credentials go out only on a connection whose certificate is the pinned one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rung.runtimes.arrival import Arrival, arrive
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.certificate import Certificate, fingerprint
from rung.runtimes.client import Client, Variables
from rung.runtimes.clients import client_for
from rung.runtimes.connection_state import ONLY_THE_USER, ConnectionEvent, Outcome, State, needs_plain_login
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs
from rung.runtimes.machine import PlcState, RuntimeStatus
from rung.runtimes.pins import PinStore
from rung.runtimes.profiles import Profile
from rung.runtimes.recognise import NotTrusted, Ports, Recognised
from rung.runtimes.tls import CertificateMismatch
from rung.runtimes.v4_session import Timeouts

__all__ = ["Connection", "ConnectionEvent", "Outcome", "State"]

_MISSES = 3
_BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Connection:
    """The connection to one saved machine.

    Args:
        profile: the machine.
        pins: the trusted certificates; by default the user's own.
        hubs: the saved hubs and the tokens for them; by default the user's own.
        heartbeat: seconds between two looks at the machine.
        back_off: seconds before each new attempt after it was lost; the last one repeats.
        timeouts: how long to wait for answers.
        ports: where runtimes listen, if not at the usual ports.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        pins: PinStore | None = None,
        hubs: Hubs | None = None,
        heartbeat: float = 2.0,
        back_off: Sequence[float] = _BACK_OFF,
        timeouts: Timeouts | None = None,
        ports: Ports | None = None,
    ) -> None:
        self.profile = profile
        self.state = State.DISCONNECTED
        self.plc: str | None = None
        self.info: Recognised | None = None
        self.since: float | None = None
        """When the present connection began, by the monotonic clock, in seconds; None while there is none."""
        self._pins = pins or PinStore()
        self._hubs = hubs or Hubs()
        self._heartbeat = heartbeat
        self._back_off = tuple(back_off)
        self._timeouts = timeouts or Timeouts()
        self._ports = ports or Ports()
        self._arrival: Arrival | None = None
        self._client: Client | None = None
        self._debug: Variables | None = None
        self._watch: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._held = 0
        self._listeners: list[Callable[[ConnectionEvent], None]] = []
        self._last = ConnectionEvent(profile.name, State.DISCONNECTED, None, "", None)

    # -- what others see -------------------------------------------------------------------------------------------

    @property
    def event(self) -> ConnectionEvent:
        """The latest change."""
        return self._last

    def on_change(self, callback: Callable[[ConnectionEvent], None]) -> Callable[[], None]:
        """Have every change told; the result ends that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    @property
    def client(self) -> Client:
        """The machine, for operations.

        Raises:
            RuntimeFailure: `lost` when we are not connected.
        """
        if self._client is None or self.state is not State.CONNECTED:
            raise RuntimeFailure(
                Kind.LOST,
                f"{self.profile.name} is not connected"
                + (f": {self._last.message}" if self.state is State.ERROR else ". Nothing was done."),
                "Connect first.",
            )
        return self._client

    @property
    def capabilities(self) -> Capabilities:
        """What the machine is and can do.

        Raises:
            RuntimeFailure: `lost` when we are not connected.
        """
        return self.client.capabilities

    @property
    def debug(self) -> Variables:
        """The way to the program's variables, shared by all who read values.

        Raises:
            RuntimeFailure: `lost` when we are not connected.
        """
        client = self.client
        if self._debug is None:
            self._debug = client.variables()
        return self._debug

    async def status(self, stats: bool = True) -> RuntimeStatus:
        """The program's state and its tasks' times, now."""
        status = await self.client.status(stats)
        self.note(status)
        return status

    # -- connecting ------------------------------------------------------------------------------------------------

    async def connect(
        self,
        username: str | None = None,
        password: str | None = None,
        trust: str | None = None,
        *,
        plain: bool = False,
    ) -> Outcome:
        """Connect, as far as what is given allows; the result says what is missing.

        A password goes out unencrypted only if the address itself says `http://`, or `plain`: the user was told then.

        Args:
            username: by default the profile's.
            password: kept in memory until `disconnect`.
            trust: the SHA-256 that the user has accepted. It must be that of the very connection that is then used, and
                is remembered once an OpenPLC runtime has answered behind it. It does not replace another one.
            plain: the user has agreed that everybody in the network can read the password and the program.
        """
        async with self._turn:
            if self.state is State.CONNECTED and username is None and password is None and trust is None:
                return Outcome("connected")
            await self._drop()
            self._set(State.CONNECTING, None, f"Connecting to {self.profile.address}.")
            try:
                return await self._connect(username or self.profile.username, password, trust, plain)
            except RuntimeFailure as failure:
                await self._drop()
                return self._failed(failure)
            except BaseException:
                await self._drop()
                self._set(State.DISCONNECTED, None, "Connecting was broken off.")
                raise

    async def create_first_user(self, username: str, password: str) -> Outcome:
        """Create the account that a new device needs, after `connect` said so, and log in with it."""
        async with self._turn:
            client = self._client
            if client is None or self.info is None or self.info.users_exist:
                return Outcome(
                    "error",
                    f"{self.profile.name} does not wait for its first user.",
                    "Connect first: the device then says whether it has a user.",
                    Kind.CREDENTIALS,
                )
            self._set(State.CONNECTING, None, f"Creating the first user on {self.profile.address}.")
            try:
                await client.create_first_user(username, password)
                self.info = replace(self.info, users_exist=True)
                return await self._log_in(client, username, password)
            except RuntimeFailure as failure:
                await self._drop()
                return self._failed(failure)
            except BaseException:
                await self._drop()
                self._set(State.DISCONNECTED, None, "Creating the first user was broken off; it may exist now.")
                raise

    async def disconnect(self) -> None:
        """Log out, forget the credentials, and stop looking after the machine, which goes on as it is."""
        async with self._turn:
            client = self._client if self.state is State.CONNECTED else None
            await self._stop_watching()
            if client is not None:
                await client.logout()
            await self._drop()
            self._set(State.DISCONNECTED, None, "")

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Do not call the machine lost while it compiles, for it may then fall silent for a minute (section 7).

        The heartbeat goes on, so that a state that nobody has confirmed for three beats is not shown as the present one.
        """
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def note(self, status: RuntimeStatus) -> None:
        """Take over a state that somebody else has just asked for."""
        if self.state is not State.CONNECTED:
            return
        message = status.state.sentence
        if status.state in (PlcState.CORE_DOWN, PlcState.NO_RESPONSE):
            message += "; the device starts it again within seconds, or its runtime service needs a restart"
        self._set(State.CONNECTED, status.plc, f"Connected: {message}.")

    async def _connect(self, username: str | None, password: str | None, trust: str | None, plain: bool) -> Outcome:
        address = self.profile.address
        try:
            arrival = await arrive(address, self._pins, trust, self._hubs, self._timeouts, self._ports)
        except NotTrusted as failure:
            return self._needs_trust(failure.seen, None)
        except CertificateMismatch as mismatch:
            return self._needs_trust(mismatch.seen, mismatch.pinned)
        found = arrival.found
        self.info, self._arrival = found, arrival
        client = self._client = client_for(found, arrival.way, self._timeouts, self.profile.modbus_port)
        if not found.users_exist:
            self._set(State.DISCONNECTED, None, f"{address} has no user yet.", Kind.NO_USERS)
            return Outcome("needs-first-user", f"{address} is new: it has no user yet. Create the first one.")
        fell_back = found.address != address
        if username is None or password is None or (fell_back and not plain):
            self._set(State.DISCONNECTED, None, f"{address} asks for a user and a password.")
            if found.capabilities.encrypted:
                return Outcome("needs-login", f"{address} asks for a user name and a password.")
            return needs_plain_login(found)
        return await self._log_in(client, username, password)

    async def _log_in(self, client: Client, username: str, password: str) -> Outcome:
        await client.login(username, password)
        status = await client.status()
        self.since = time.monotonic()
        self._set(State.CONNECTED, status.plc, f"Connected: {status.state.sentence}.")
        self._watch = asyncio.create_task(self._keep(client))
        return Outcome(
            "connected",
            f"Connected to {self.profile.address}: {status.state.sentence}.",
            encrypted=client.capabilities.encrypted,
        )

    def _needs_trust(self, seen: Certificate, pinned: str | None) -> Outcome:
        address = self.profile.address
        if pinned is None:
            self._set(State.DISCONNECTED, None, f"The certificate of {address} is not trusted yet.", Kind.UNTRUSTED)
            return Outcome(
                "needs-trust",
                f"This is the first connection to {address}. Compare the fingerprint with the one on the device.",
                "On the device: openssl x509 -noout -fingerprint -sha256 -in webserver/certOPENPLC.pem",
                Kind.UNTRUSTED,
                seen,
            )
        failure = CertificateMismatch(address, pinned, seen)
        self._set(State.ERROR, None, failure.message, failure.kind)
        return Outcome("needs-trust", failure.message, failure.hint, failure.kind, seen, fingerprint(pinned))

    # -- looking after it ------------------------------------------------------------------------------------------

    async def _keep(self, client: Client) -> None:
        try:
            await self._look_after(client)
        except Exception as error:  # a watch that ended in silence would leave "connected" standing for ever
            # The type alone: the message and the trace of an unforeseen error may hold anything.
            logging.getLogger(__name__).error("the watch over a machine failed: %s", type(error).__name__)
            self._failed(
                RuntimeFailure(
                    Kind.INTERNAL,
                    f"A defect of Rung ended the watch over {self.profile.name}: its state is not known any more.",
                    "Connect again; if it happens again, please report it.",
                )
            )

    async def _look_after(self, client: Client) -> None:
        loop = asyncio.get_running_loop()
        missed = 0
        while True:
            due = loop.time() + self._heartbeat
            try:
                self.note(await client.status(timeout=self._heartbeat))
                missed = 0
            except RuntimeFailure as failure:
                missed += 1
                if failure.kind in ONLY_THE_USER:
                    self._failed(failure)
                    return
                if missed >= _MISSES and self._held:
                    silent = "is receiving or compiling a program and does not answer; its state is not known."
                    self._set(State.CONNECTED, None, f"{self.profile.name} {silent}")
                elif missed >= _MISSES:
                    self._failed(self._lost(failure))
                    if not await self._come_back(client):
                        return
                    missed = 0
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _come_back(self, client: Client) -> bool:
        """Try again until it works; False when only the user can help."""
        attempt = 0
        arrival, before = self._arrival, client.capabilities
        assert arrival is not None  # set together with the client
        while True:
            await asyncio.sleep(self._back_off[min(attempt, len(self._back_off) - 1)])
            attempt += 1
            try:
                # The same steps as the first time, so that a device which came back as another one is noticed.
                found = await arrival.again()
                if found.capabilities != before:
                    raise self._is_another(found)
                if not found.users_exist:
                    raise RuntimeFailure(
                        Kind.NO_USERS,
                        f"{self.profile.address} came back without any user: it was reset. Its program may be gone, too.",
                        "Connect again and create the first user.",
                    )
                status = await client.status()
            except RuntimeFailure as failure:
                if failure.kind in ONLY_THE_USER:
                    self._failed(failure)
                    return False
                continue
            self.info, self.since = found, time.monotonic()
            self._set(State.CONNECTED, status.plc, f"Connected again: {status.state.sentence}.")
            return True

    def _is_another(self, found: Recognised) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"{self.profile.name} came back as {found.capabilities.name}: its runtime was changed meanwhile, and its program may be "
            "gone.",
            "Connect again.",
        )

    def _lost(self, failure: RuntimeFailure) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.LOST,
            f"The connection to {self.profile.name} was lost, and its state is not known: {failure.message} Trying again.",
            failure.hint,
        )

    def _failed(self, failure: RuntimeFailure) -> Outcome:
        self._set(State.ERROR, None, failure.message, failure.kind)
        return Outcome("error", failure.message, failure.hint, failure.kind)

    async def _stop_watching(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.wait([watch])

    async def _drop(self) -> None:
        await self._stop_watching()
        debug, self._debug = self._debug, None
        client, self._client = self._client, None
        self.info = self._arrival = None
        if debug is not None:
            await debug.aclose()
        if client is not None:
            await client.aclose()

    def _set(self, state: State, plc: str | None, message: str, kind: Kind | None = None) -> None:
        self.state, self.plc = state, plc
        if state is not State.CONNECTED:
            self.since = None
        event = ConnectionEvent(self.profile.name, state, plc, message, kind)
        if (event.state, event.plc, event.kind) == (self._last.state, self._last.plc, self._last.kind):
            self._last = event  # "connected: the program runs" every two seconds is no change
            return
        self._last = event
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # a listener's mistake must not end the watch over a machine
                logging.getLogger(__name__).exception("a listener of connection changes failed")
