"""What OpenPLC Runtime v3 does with a program, whichever way it is reached: start, stop, logs, verdicts (runtime protocol v3,
sections 3.4, 3.6 and 4). The runtime says OK whether or not something happened, so only its state is believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod

from rung.runtimes import flat_frames, v3_answers
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.deadline import within
from rung.runtimes.debug_values import BadAnswer
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.logs_merge import PlainLog
from rung.runtimes.lost_answer import state_instead
from rung.runtimes.machine import Compilation, LogPage, PlcState, RuntimeStatus
from rung.runtimes.modbus import DEFAULT_PORT, ModbusVariables
from rung.runtimes.modbus_wire import ModbusWire, WireBroken
from rung.runtimes.v4_session import Timeouts
from rung.runtimes.v4_upload import no_source

_POLL = 0.25
_LOST_PATIENCE = 1.5
_MOMENT = 1.0
_NO_VERDICT = "(The compiler on the machine ended without a verdict.)"


class V3Lifecycle(ABC):
    """One machine with OpenPLC Runtime v3; a subclass knows the way to it.

    Args:
        address: the machine.
        capabilities: what it can do.
        timeouts: how long to wait.
        modbus_port: the port of its Modbus server, where it is known to be another than the machine says.
    """

    def __init__(
        self, address: Address, capabilities: Capabilities, timeouts: Timeouts | None, modbus_port: int | None
    ) -> None:
        self.address = address
        self.capabilities = capabilities
        self.timeouts = timeouts or Timeouts()
        self._modbus_port = modbus_port
        self._last_port = modbus_port or DEFAULT_PORT
        self._log = PlainLog()

    # -- the way to the machine ------------------------------------------------------------------------------------

    @abstractmethod
    async def _state(self, timeout: float | None = None) -> PlcState:
        """The program's state; COMPILING while the machine compiles."""

    @abstractmethod
    async def _send_start(self) -> str | None:
        """Ask for a start. Returns what the machine complained of, which it does although the program may run."""

    @abstractmethod
    async def _send_stop(self) -> None:
        """Ask for a stop."""

    @abstractmethod
    async def _whole_log(self) -> str:
        """The log of the program's process; empty when none runs."""

    @abstractmethod
    async def _compile_log(self) -> tuple[str, ...]:
        """The log of the last compile."""

    @abstractmethod
    async def _modbus_setting(self) -> v3_answers.ModbusServer:
        """What the machine's settings say of its Modbus server, as far as they can be read."""

    # -- the machine -----------------------------------------------------------------------------------------------

    async def status(self, stats: bool = False, timeout: float | None = None) -> RuntimeStatus:
        """The program's state. This runtime measures no times, so `stats` changes nothing.

        Args:
            stats: whether to ask for times.
            timeout: seconds, where the ordinary patience is too long.
        """
        return RuntimeStatus(await self._state(timeout))

    async def start(self) -> RuntimeStatus:
        """Start the program, wait until it runs, and look at it for a few seconds: a crash shows in no other way.

        A program that runs already is left alone: a second start would cut off all its Modbus peers.

        Raises:
            RuntimeFailure: `busy`, `start-failed`, or `crashed`.
        """
        state = await self._state()
        if state is PlcState.RUNNING:
            return RuntimeStatus(state)
        if state is PlcState.COMPILING:
            raise RuntimeFailure(
                Kind.BUSY,
                f"{self.address} is compiling a program, and starts none meanwhile. No program runs.",
                "Wait until the compile has ended, then start.",
            )
        lost = await self._lost_program()
        try:
            return await self._start(lost)
        finally:
            if lost is not None:
                lost.close()

    async def _start(self, lost: ModbusWire | None) -> RuntimeStatus:
        complaint = None
        try:
            complaint = await self._send_start()
        except RuntimeFailure as failure:
            patience = self.timeouts.grace + self.timeouts.watch
            await state_instead(failure, self.status, PlcState.RUNNING.__eq__, patience)
        began = time.monotonic()
        ran = False
        while True:
            state = await self._state()
            ran = ran or state is PlcState.RUNNING
            if ran and state is PlcState.STOPPED:
                raise self._crashed("was started, but does not run any more")
            if time.monotonic() - began >= self.timeouts.watch:
                break
            await asyncio.sleep(min(_POLL, self.timeouts.watch))
        if state is PlcState.RUNNING:
            if lost is not None and await _answers(lost):
                raise self._ran_before(lost.address)
            return RuntimeStatus(state)
        if state is PlcState.COMPILING:
            raise RuntimeFailure(
                Kind.BUSY,
                f"Somebody else has {self.address} compile a program, so it did not start one. No program runs.",
                "Find out who else works on this machine, then try again.",
            )
        if complaint is not None:
            raise RuntimeFailure(
                Kind.START_FAILED,
                f"The program on {self.address} did not start: the runtime reports an error of its own ({complaint}).",
                "Restart the runtime service on the device, then try again.",
            )
        raise self._crashed("does not run although the machine said that it starts it")

    async def stop(self) -> RuntimeStatus:
        """Stop the program and wait until the machine says that none runs.

        Raises:
            RuntimeFailure: `internal` when the program goes on running.
        """
        stood = await self._stands()
        await self._save_log()
        try:
            await self._send_stop()
        except RuntimeFailure as failure:
            await state_instead(failure, self.status, lambda state: state.stands, self.timeouts.settle)
        began = time.monotonic()
        state = await self._state()
        while not state.stands:
            if time.monotonic() - began > self.timeouts.settle:
                raise RuntimeFailure(
                    Kind.INTERNAL,
                    f"{self.address} was told to stop, but {state.sentence}. The machine may still move.",
                    "Stop the machine by its own means, then restart the runtime service on the device.",
                )
            await asyncio.sleep(_POLL)
            state = await self._state()
        self._log.feed("")
        lost = await self._lost_program() if stood and state is not PlcState.COMPILING else None
        if lost is not None:
            lost.close()
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"{self.address} says that no program runs, but one answers on its Modbus TCP port {lost.address.port}: its web server "
                "has lost track of it, and cannot stop it. The machine may be moving.",
                "Start (rung start): that takes hold of the running program again and changes nothing in it; then stop. If that port is "
                "another machine's, give each its own Modbus port.",
            )
        return RuntimeStatus(state)

    async def logs(self, after: int = 0) -> LogPage:
        """Log entries that follow the entry number `after`; numbers and times are ours, and count from 1 in each client."""
        self._log.feed(await self._whole_log())
        return self._log.page(after)

    async def compilation(self) -> Compilation:
        """The machine's compile log and verdict; IDLE when nothing was compiled since the machine's web server was started."""
        # Words in the log alone do not tell: those of the last compile stay until the next one writes its own.
        compiles = await self._state() is PlcState.COMPILING
        lines = await self._compile_log()
        verdict = None if compiles else v3_answers.verdict(lines)
        if verdict is not None:
            return verdict
        if compiles or await self._state() is PlcState.COMPILING:
            return Compilation("COMPILING", lines, None)
        return Compilation("FAILED", (*lines, _NO_VERDICT), None) if lines else Compilation("IDLE", (), None)

    def variables(self) -> ModbusVariables:
        """The way to the variables of the running program: Modbus TCP, which is neither encrypted nor asks for a password."""
        return ModbusVariables(self._modbus_at(self._last_port), self._modbus_server, self.timeouts.connect)

    async def project_snapshot(self) -> bytes:
        """The project's source, which this runtime never keeps.

        Raises:
            RuntimeFailure: `program`, always.
        """
        raise no_source(self.address, f"{self.capabilities.name} keeps no source")

    async def project_name(self) -> str | None:
        """None, always: the name on this runtime's pages is that of the program that was asked for last, not of the one that runs."""
        return None

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _save_log(self) -> None:
        """Take the log in before the machine forgets it. Nothing waits long for that, a stop least of all."""
        with contextlib.suppress(RuntimeFailure, TimeoutError):
            self._log.feed(await within(_MOMENT, self._whole_log()))

    async def _stands(self) -> bool:
        """Whether the machine says, at once, that no program runs."""
        try:
            return (await self._state(_MOMENT)).stands
        except RuntimeFailure:
            return False

    async def _modbus_server(self) -> Address | None:
        """Where the running program's Modbus server is; None when no program runs.

        Raises:
            RuntimeFailure: it is switched off, or another program of the device has its port.
        """
        if await self._state() is not PlcState.RUNNING:
            return None
        text = await self._whole_log()
        self._log.feed(text)
        server = v3_answers.modbus_server(text)
        if server.enabled is None:
            server = await self._modbus_setting()
        if server.enabled is False:
            raise RuntimeFailure(
                Kind.REFUSED,
                f"Modbus TCP is switched off on {self.address}, so it cannot be verified which program runs there, nor can its "
                "variables be read. The machine says that a program runs.",
                "Switch the Modbus server on in the runtime's settings (web pages, Settings), then connect again.",
            )
        port = self._modbus_port or server.port or DEFAULT_PORT
        if server.taken:
            raise RuntimeFailure(
                Kind.REFUSED,
                f"Another program of {self.address.host} has Modbus TCP port {server.port}, so the runtime's own Modbus server could "
                "not start: it cannot be verified which program runs there. The machine says that a program runs.",
                "Give the runtime another Modbus port in its settings, or end the other program, then start again.",
            )
        self._last_port = port
        return self._modbus_at(port)

    async def _lost_program(self) -> ModbusWire | None:
        """A program that answers on the Modbus port of a machine that says that none runs: its web server was started anew and
        has lost track of it (section 4.3). The caller closes the connection."""
        try:
            server = await self._modbus_setting()
        except RuntimeFailure:
            server = v3_answers.ModbusServer()
        if server.enabled is False:
            return None
        at = self._modbus_at(self._modbus_port or server.port or self._last_port)
        try:
            wire = await ModbusWire.open(at, min(_LOST_PATIENCE, self.timeouts.connect))
        except RuntimeFailure:
            return None
        if await _answers(wire):
            return wire
        wire.close()
        return None

    def _ran_before(self, at: Address) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.START_FAILED,
            f"The program that answers on Modbus TCP port {at.port} of {at.host} ran before this start already: the machine's web server "
            "had lost track of it, and it goes on in place of the one that was to be started.",
            "Stop the machine (rung stop), then start it again. If that port is another machine's, give each its own Modbus port.",
        )

    def _modbus_at(self, port: int) -> Address:
        return Address(self.address.host, port)

    def _crashed(self, what: str) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.CRASHED,
            f"The program on {self.address} {what}: it crashed right after its start, or somebody else stopped it. The machine stands; "
            "OpenPLC Runtime v3 keeps no reason.",
            "Look for what ends a program there, such as an integer division by zero or an array index out of range, then deploy again.",
        )


async def _answers(wire: ModbusWire) -> bool:
    """Whether a program of OpenPLC Runtime v3 is at the other end, and still the one that was there when it was opened."""
    try:
        flat_frames.md5_answer(await wire.ask(flat_frames.MD5_REQUEST))
    except (RuntimeFailure, BadAnswer, WireBroken):
        return False
    return True
