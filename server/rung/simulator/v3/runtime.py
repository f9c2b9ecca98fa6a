"""The one runtime object that web pages and REST share: PLC, compile, log (section 0: no locking, no owner).

Invariant: a compile ends with the PLC stopped; nothing but `start` starts it. What `start` answers says nothing of whether it did.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Final

from rung.simulator.faults import Faults, fault_debug_answer
from rung.simulator.scan_host import ScanHost
from rung.simulator.storage import write_private
from rung.simulator.v3.binary import load_binary
from rung.simulator.v3.c_blocks import store_c_blocks
from rung.simulator.v3.compiler import Compiler
from rung.simulator.v3.installation import REST_FILE, Installation
from rung.simulator.v3.monitored import OddDeclaration, Point, points
from rung.simulator.v3.plc import Plc
from rung.simulator.v3.uploaded_text import read_upload

_logger = logging.getLogger(__name__)
_STOP_RUNNING: Final = 2.2  # times the length of a transition
_STOP_FOR_UPLOAD: Final = 1.7


class Runtime:
    """The runtime of one installation."""

    def __init__(
        self,
        folder: Path,
        installation: Installation,
        scan_host: ScanHost,
        faults: Faults,
        host: str,
        transition_s: float,
    ) -> None:
        """A stopped runtime. `transition_s` is how long a start takes, in seconds; a stop takes up to twice as long."""
        self.installation = installation
        self.compiler = Compiler(folder, scan_host)
        self.points: list[Point] = []
        self._folder = folder
        self._scan_host = scan_host
        self._faults = faults
        self._host = host
        self._transition_s = transition_s
        self._binary = load_binary(folder)
        self._plc: Plc | None = None
        self._orphan: Plc | None = None
        self._compiling: asyncio.Task[None] | None = None

    # -- state ---------------------------------------------------------------------------------------------------

    @property
    def compiling(self) -> bool:
        """A program is being compiled."""
        return self._compiling is not None and not self._compiling.done()

    @property
    def running(self) -> bool:
        """A PLC process answers that this web server has started, or thinks it has."""
        return self._plc is not None and self._plc.alive

    @property
    def status(self) -> str:
        """The state as REST tells it; EMPTY is "compiling"."""
        if self.compiling:
            return "EMPTY"
        return "RUNNING" if self.running else "STOPPED"

    @property
    def pid(self) -> int | None:
        """The process of the program that runs, also of an orphan."""
        plc = self._plc if self.running else self._orphan
        return plc.pid if plc is not None else None

    @property
    def log(self) -> str:
        """The log of the PLC process; empty when stopped."""
        return self._plc.log if self._plc is not None and self.running else ""

    @property
    def seconds(self) -> int | None:
        """Seconds since the start; None when stopped."""
        return int(time.monotonic() - self._plc.started_at) if self._plc is not None and self.running else None

    @property
    def plc(self) -> Plc | None:
        """The PLC that runs."""
        return self._plc if self.running else None

    # -- commands ------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the last built binary, unless it runs or something compiles; there is no telling from the outside.

        Raises:
            OddDeclaration: the active program's text has one; the PLC runs all the same.
        """
        ready = asyncio.create_task(asyncio.sleep(self._transition_s))
        if not self.compiling:
            if not self.running:
                await self._launch()
            if self._plc is not None and self.running:
                await self._plc.configure(self.installation.settings, self._host)
        await ready
        if self.running:
            self._read_points()

    async def stop(self, transitions: float = _STOP_RUNNING) -> None:
        """Stop the PLC if it runs; outputs are 0 then."""
        running = self.running
        ready = asyncio.create_task(asyncio.sleep(self._transition_s * (transitions if running else 1.0)))
        await self._end_plc()
        await ready

    async def reconfigure(self) -> None:
        """The settings were saved: the protocol servers of a running PLC follow."""
        if self._plc is not None and self.running:
            await self._plc.configure(self.installation.settings, self._host)

    async def take_upload(self, content: bytes) -> None:
        """Store a REST upload in its one slot and compile it.

        Raises:
            UnicodeDecodeError: it is not UTF-8; the old log is gone and nothing compiles.
        """
        if self.running:
            await self.stop(_STOP_FOR_UPLOAD)
        self.compiler.log = []
        write_private(self.installation.file(REST_FILE), content)
        self._begin(REST_FILE, content.decode("utf-8"))

    async def compile(self, name: str) -> None:
        """Stop a running PLC and compile a stored program file.

        Raises:
            UnicodeDecodeError, OSError: the file cannot be read.
        """
        if self.running:
            await self.stop()
        self.compiler.log = []
        self._begin(name, self.installation.file(name).read_bytes().decode("utf-8"))

    def _begin(self, name: str, text: str) -> None:
        upload = read_upload(text)
        self.installation.activate(name)
        store_c_blocks(self.compiler.blocks_folder, upload.files)
        kept = self.installation.file(f"{name}.dbg")
        if upload.debug:
            write_private(kept, "".join(f"{line}\n" for line in upload.debug).encode())
            write_private(self.installation.file(name), upload.program.encode())
        debug = upload.debug or (tuple(kept.read_text("utf-8").splitlines()) if kept.is_file() else ())
        self._compiling = asyncio.create_task(self._compile(name, upload.program, debug))

    async def _compile(self, name: str, program: str, debug: tuple[str, ...]) -> None:
        try:
            binary = await self.compiler.run(name, program, debug)
        except Exception:  # the border: without its end in the log, a compile looks to clients as one that was killed
            _logger.exception("The compile of %s broke off", name)
            return
        if binary is not None:
            self._binary = binary

    # -- the process ---------------------------------------------------------------------------------------------

    async def _launch(self) -> None:
        if self._orphan is not None and self._orphan.alive:
            # The new process cannot have the port between it and the web server, and the old one answers there.
            self._plc, self._orphan = self._orphan, None
            return
        self._plc = await Plc.launch(self._binary, self._folder, self._scan_host, self._amend)

    async def _end_plc(self) -> None:
        plc, self._plc = self._plc, None
        if plc is not None:
            await plc.stop()

    def _amend(self, answer: bytes) -> bytes:
        return bytes.fromhex(fault_debug_answer(self._faults, "45", answer.hex(" "))) if answer[0] == 0x45 else answer

    def _read_points(self) -> None:
        text = self.installation.file(self.installation.active).read_text("utf-8", "replace")
        try:
            self.points = points(text)
        except OddDeclaration as problem:
            self.points = problem.points
            raise

    def abandon(self) -> None:
        """The web server dies: a running PLC process goes on without it, and the compile log is lost."""
        if self.running:
            self._orphan, self._plc = self._plc, None
        if self._compiling is not None:
            self._compiling.cancel()
        self.compiler.log = []

    async def shut_down(self) -> None:
        """Power off: nothing of it runs afterwards, not even an orphan."""
        if self._compiling is not None:
            self._compiling.cancel()
            await asyncio.gather(self._compiling, return_exceptions=True)
        await self.compiler.shut_down()
        await self._end_plc()
        if self._orphan is not None:
            orphan, self._orphan = self._orphan, None
            await orphan.stop()
