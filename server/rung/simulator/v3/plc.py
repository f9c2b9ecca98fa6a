"""One run of the PLC process: the program, its Modbus server, its log. There is no state between running and gone.

Invariant: when the program's process ends, by a stop, a crash or a kill, the Modbus port is closed and the log is lost, as on the device
(sections 4.3 and 4.4).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from rung.simulator.logs import RuntimeLog
from rung.simulator.process import ProgramProcess, ProgramState
from rung.simulator.scan_host import ScanHost, ScanHostError
from rung.simulator.v3.binary import Binary
from rung.simulator.v3.installation import Settings
from rung.simulator.v3.memory import Memory
from rung.simulator.v3.modbus_tcp import ModbusServer

_LOAD_S = 10.0
_LARGEST_LOG = 1024 * 1024
_MOST_MESSAGES = 1000


class Plc:
    """One PLC process. Made and started by `launch`."""

    def __init__(self, binary: Binary, amend: Callable[[bytes], bytes]) -> None:
        self.binary = binary
        self.started_at = time.monotonic()
        self.alive = True
        self._amend = amend
        self._log: list[str] = []
        self._process: ProgramProcess | None = None
        self.memory = Memory(binary, None)
        self._modbus: ModbusServer | None = None
        self._death: asyncio.Task[None] | None = None

    @classmethod
    async def launch(
        cls,
        binary: Binary,
        folder: Path,
        scan_host: ScanHost,
        amend: Callable[[bytes], bytes],
    ) -> Plc:
        """Start a program. The Modbus server is not up yet: see `configure`.

        Args:
            binary: what to run.
            folder: the working directory, where the library is.
            scan_host: what runs programs.
            amend: gets each debug answer and returns the one to send.

        A program that cannot be run gives a PLC that is not alive.
        """
        plc = cls(binary, amend)
        plc._say("OpenPLC Runtime starting...")
        plc._say("Skipping configuration of Slave Devices (mbconfig.cfg file not found)")
        plc._say("Interactive Server: Listening on port 43628")
        plc._say("Persistent Storage is empty")
        if binary.library is not None:
            await plc._run(folder, scan_host)
        plc.memory = Memory(binary, plc._process)
        return plc

    @property
    def pid(self) -> int | None:
        """The process id of the program; None for the blank program, which needs no process."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def log(self) -> str:
        """The text of the process's log; empty once it is gone."""
        return "".join(f"{line}\n" for line in self._log)[:_LARGEST_LOG] if self.alive else ""

    async def configure(self, settings: Settings, host: str) -> None:
        """Start and stop the protocol servers as the settings say; also while it runs."""
        if self._modbus is not None:
            await self._modbus.stop()
            self._modbus = None
        if settings.modbus_port is None:
            self._say("Issued stop_modbus() command")
        else:
            self._say(f"Issued start_modbus() command to start on port: {settings.modbus_port}")
            self._modbus = ModbusServer(self.memory, self._amend)
            try:
                await self._modbus.start(host, settings.modbus_port)
            except OSError as error:
                self._say(f"Server: error binding socket => {os.strerror(error.errno or 0)}")
            else:
                self._say(f"Server: Listening on port {settings.modbus_port}")
            self._say("Server: waiting for new client...")
        self._say("Issued stop_dnp3() command")
        if settings.enip_port is None:
            self._say("Issued stop_enip() command")
        else:
            self._say(f"Issued start_enip() command to start on port: {settings.enip_port}")
            self._say(f"Server: Listening on port {settings.enip_port}")
            self._say("Server: waiting for new client...")
        self._say("Issued stop_pstorage() command")
        if settings.snap7:
            self._say("Issued start_snap7() command")
            self._say(f"Snap7: {time.strftime('%Y-%m-%d %H:%M:%S')} Server started")
        else:
            self._say("Issued stop_snap7() command")

    async def stop(self) -> None:
        """End the process and close its ports."""
        self.alive = False
        if self._death is not None and self._death is not asyncio.current_task():
            await asyncio.gather(self._death, return_exceptions=True)
        if self._modbus is not None:
            await self._modbus.stop()
            self._modbus = None
        if self._process is not None:
            process, self._process = self._process, None
            await process.end()

    async def _run(self, folder: Path, scan_host: ScanHost) -> None:
        assert self.binary.library is not None
        try:
            self._process = await ProgramProcess.launch(
                await scan_host.path(), (f"./{self.binary.library}",), folder, RuntimeLog(), self._changed, self._died
            )
        except (ScanHostError, OSError):
            self.alive = False
            return
        state = await self._process.settled(_LOAD_S)
        if state in (ProgramState.NOT_LOADED, ProgramState.CRASHED):
            self.alive = False
            process, self._process = self._process, None
            await process.kill()

    def _changed(self, process: ProgramProcess) -> None:
        if process.state is ProgramState.CRASHED:  # nothing in a v3 outlives a crashed program
            self._died(process)

    def _died(self, process: ProgramProcess) -> None:
        if self.alive:
            self.alive = False
            self._death = asyncio.create_task(self._clean_up(process))

    async def _clean_up(self, process: ProgramProcess) -> None:
        if self._modbus is not None:
            await self._modbus.stop()
            self._modbus = None
        self._process = None
        await process.kill()

    def _say(self, line: str) -> None:
        if len(self._log) >= _MOST_MESSAGES:
            self._log.clear()  # the real one wipes its buffer when it is full
        self._log.append(line)
