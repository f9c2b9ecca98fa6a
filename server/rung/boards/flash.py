"""From a program to a board that provably runs it: compile, check its size, ask, upload, read its MD5 back.

Invariant: "uploaded" is not "verified": a report is verified only if the board has answered with the program's MD5 after the upload. Whatever goes
wrong, the report says what the board is left with.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from rung.boards.connection import bootloader_pause
from rung.boards.firmware import Firmware
from rung.boards.flashed import FlashedPrograms
from rung.boards.ports import check_port, port_at
from rung.boards.progress import FlashProgress
from rung.boards.toolchains import compile_firmware
from rung.boards.toolchains.row import CompileFailure
from rung.boards.uploaders import upload, uploaders_for
from rung.boards.wire import SerialWire
from rung.codegen.artefact import Artefact
from rung.runtimes import flat_frames
from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.deadline import dealt_with
from rung.runtimes.debug_values import BadAnswer
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, SerialSettings

Stage = Literal["build", "compile", "upload", "verify"]
Confirm = Callable[[str, bool], Awaitable[bool]]
"""Asked with a question, and whether it is about a program that was not put on the board from this computer."""

_LOOK: Final = 3.0
"""Seconds for which a board that restarts when its port is opened is asked what it runs: its bootloader takes up to 2.5 of them."""
_STARTS: Final = 8.0
"""Seconds in which a board that was written must be back at its port and answer."""
_ENDS: Final = 1.0
"""Seconds for which a board that was written may still answer with the program of before."""
_AGAIN: Final = 0.2
_ANSWER: Final = 0.25
"""Seconds for an answer; a bootloader may have eaten the question, so it is asked anew soon."""
_SILENT: Final = (Kind.TIMEOUT, Kind.NOT_OPENPLC)
"""Failures of a question to a board whose bootloader may still have the line."""


@dataclass(frozen=True, slots=True)
class FlashReport:
    """How flashing a board ended.

    `stage` is the last one reached. `port` is the one to open next. `verified`: the board has answered with this program's MD5; `md5` is what
    it answered. `flash_bytes` and `ram_bytes` are what the program takes, 0 when that is not known. `diagnostics` are the compiler's.
    """

    ok: bool
    stage: Stage
    board: str
    port: str
    verified: bool
    md5: str | None
    flash_bytes: int
    ram_bytes: int
    toolchain: str | None
    uploader: str | None
    error: RuntimeFailure | None
    warnings: tuple[str, ...] = ()
    diagnostics: tuple[DeviceDiagnostic, ...] = ()


async def flash(
    artefact: Artefact,
    board: Board,
    port: str,
    *,
    toolchain: str | None = None,
    uploader: str | None = None,
    serial: SerialSettings | None = None,
    running: str | None = None,
    confirm: Confirm,
    progress: Callable[[FlashProgress], None],
    flashed: FlashedPrograms | None = None,
) -> FlashReport:
    """Put a program on a board and read back that it runs.

    Cancelling the task ends it with a report like every other (kind `cancelled`), which says what the board is left with.

    Args:
        artefact: the program, built for this board.
        board: its row, with the pins of the project.
        port: the board's serial port, or an `rfc2217://` or `socket://` URL. From the answer to `confirm` on, nobody else may have it open.
        toolchain: how to compile; None: the first that is installed.
        uploader: how to upload; None: the first that is installed.
        serial: how this program's firmware speaks; by default 115200 bits per second, slave 1.
        running: the MD5 of the program that the board runs, if a connection has just told it.
        confirm: asked before the board's program is stopped; and a second time if it then turns out that the program is somebody else's. A board
            that restarts when its port is opened is asked for its program only after the first yes. False ends it.
        progress: told every step, in the event loop's thread.
        flashed: what was sent before; by default the user's own memory of it.
    """
    job = _Flash(artefact, board, port, serial or SerialSettings(), progress, flashed or FlashedPrograms())
    try:
        await job.run(toolchain, uploader, running, confirm)
    except RuntimeFailure as failure:
        return job.report(failure)
    except asyncio.CancelledError:
        dealt_with()
        return job.report(job.cancelled())
    return job.report(None)


class _Flash:
    def __init__(
        self,
        artefact: Artefact,
        board: Board,
        port: str,
        serial: SerialSettings,
        progress: Callable[[FlashProgress], None],
        flashed: FlashedPrograms,
    ) -> None:
        self._artefact = artefact
        self._board = board
        self._port = port
        self._name = f"{board.title} on {clean(port, 200)}"
        self._serial = serial
        self._progress = progress
        self._flashed = flashed
        self._stage: Stage = "build"
        self._firmware: Firmware | None = None
        self._uploader: str | None = None
        self._verified = False
        self._md5: str | None = None

    def report(self, error: RuntimeFailure | None) -> FlashReport:
        firmware = self._firmware
        return FlashReport(
            error is None,
            self._stage,
            self._board.name,
            self._port,
            self._verified,
            self._md5,
            firmware.flash_bytes if firmware else 0,
            firmware.ram_bytes if firmware else 0,
            firmware.toolchain if firmware else None,
            self._uploader,
            error,
            firmware.warnings if firmware else (),
            error.diagnostics if isinstance(error, CompileFailure) else (),
        )

    async def run(self, toolchain: str | None, uploader: str | None, running: str | None, confirm: Confirm) -> None:
        await self._check_port()
        self._stage = "compile"
        firmware = await compile_firmware(self._artefact, self._board, toolchain=toolchain, progress=self._progress)
        self._firmware = firmware
        key = (await asyncio.to_thread(port_at, self._port)).identity
        await self._ask(running, key, confirm)
        await self._upload(firmware, uploader)
        self._flashed.remember(key, self._artefact.md5)
        await self._verify()

    # -- before anything is written --------------------------------------------------------------------------------

    async def _ask(self, running: str | None, key: str, confirm: Confirm) -> None:
        known = running is not None
        if not known and not self._board.resets_on_open:
            try:
                running, known = await self._look(), True
            except RuntimeFailure as failure:
                if failure.kind is not Kind.BUSY:
                    raise
        writes = f"While {self._name} is written, its program stops and its outputs go off."
        foreign = self._foreign(running, key)
        if not await confirm(f"{foreign} {writes} Continue?" if foreign else f"{writes} Continue?", bool(foreign)):
            raise self._declined()
        if not known:
            foreign = self._foreign(await self._look(), key)
            if foreign and not await confirm(f"{foreign} The download replaces it. Continue?", True):
                raise self._declined()

    async def _check_port(self) -> None:
        """Find what speaks against the port before the program is compiled. Whoever holds it now may give it away when the user has said yes."""
        try:
            await asyncio.to_thread(check_port, self._port)
        except RuntimeFailure as failure:
            if failure.kind is not Kind.BUSY:
                raise

    async def _look(self) -> str | None:
        """The MD5 of the program that the board runs; None when nothing there tells one: it is empty, or runs another kind of program."""
        self._progress(FlashProgress("upload", None, f"Looking at what {self._name} runs."))
        try:
            return await _ask_md5(self._port, self._board, self._serial, _LOOK)
        except RuntimeFailure as failure:
            if failure.kind in _SILENT:
                return None
            raise RuntimeFailure(
                failure.kind, f"{failure.message} Nothing was written to the board.", failure.hint
            ) from None

    def _foreign(self, running: str | None, key: str) -> str:
        if running is None or running == self._artefact.md5 or self._flashed.sent(key, running):
            return ""
        return f"{self._name} runs a program (MD5 {running[:8]}..) that was not put there from this computer: it may be somebody else's."

    def _declined(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.CANCELLED,
            f"Nothing was written to {self._name}: it keeps its program.",
            "Flash it when it may be stopped and its program replaced.",
        )

    # -- the download ----------------------------------------------------------------------------------------------

    async def _upload(self, firmware: Firmware, uploader: str | None) -> None:
        self._stage = "upload"
        rows = uploaders_for(self._board)
        self._uploader = uploader or next((row.name for row in rows if row.available), None)
        stop = asyncio.Event()
        work = asyncio.ensure_future(
            upload(firmware, self._board, self._port, uploader=uploader, progress=self._progress, cancel=stop)
        )
        cancelled = False
        while not work.done():
            try:
                await asyncio.wait({work})  # which, unlike awaiting it, does not hand a cancellation on to it
            except asyncio.CancelledError:
                dealt_with()
                if cancelled:
                    work.cancel()
                cancelled = True
                stop.set()
        if work.cancelled():
            raise self.cancelled()
        self._port = work.result()
        if cancelled:
            self._stage = "verify"
            raise self.cancelled()

    def cancelled(self) -> RuntimeFailure:
        """What is true of the board after a cancellation."""
        hint = "Flash it again, or look at the board (rung watch)."
        if self._stage == "upload":
            text = f"Cancelled while {self._name} was written: it is not known whether it has a whole program. Its bootloader is still there."
        elif self._stage == "verify":
            text = f"The program was written to {self._name}; cancelled before it was verified that it runs."
        else:
            text = f"Cancelled before anything was written to {self._name}: it keeps its program."
        return RuntimeFailure(Kind.CANCELLED, text, hint)

    async def _verify(self) -> None:
        self._stage = "verify"
        self._name = f"{self._board.title} on {clean(self._port, 200)}"
        self._progress(FlashProgress("verify", None, f"Waiting until the program on {self._name} answers."))
        ours = self._artefact.md5
        try:
            self._md5 = await _await_md5(self._port, self._board, self._serial, ours)
        except RuntimeFailure as failure:
            raise RuntimeFailure(
                failure.kind,
                f"The program was written to {self._name}, but it was not verified that it runs: {failure.message}",
                f"Press the board's reset button and look at it (rung watch), or flash it again. {failure.hint}",
            ) from None
        if self._md5 != ours:
            theirs = f"MD5 {self._md5[:8]}.." if self._md5 else "none"
            raise RuntimeFailure(
                Kind.NOT_OURS,
                f"The program (MD5 {ours[:8]}..) was written to {self._name}, but another one answers there ({theirs}).",
                "See whether this is the right port, then flash the board again.",
            )
        self._verified = True
        self._progress(FlashProgress("verify", 1.0, f"{self._name} runs this program (MD5 {ours[:8]}..)."))


async def _await_md5(port: str, board: Board, serial: SerialSettings, awaited: str) -> str | None:
    """The MD5 of the program that a board runs after an upload: the awaited one, or another if that still answers when the time is over.

    Raises:
        RuntimeFailure: the last failure when the time is over; until then the port may be absent, or not ours yet.
    """
    end = time.monotonic() + _STARTS
    while True:
        last: str | None = None
        try:
            last = await _ask_md5(port, board, serial, max(0.0, end - time.monotonic()))
        except RuntimeFailure:
            if time.monotonic() > end:
                raise
        if last == awaited or (last is not None and time.monotonic() > end):
            return last
        if last is not None:
            end = min(end, time.monotonic() + _ENDS)
        await asyncio.sleep(_AGAIN)


async def _ask_md5(port: str, board: Board, serial: SerialSettings, patience: float) -> str | None:
    """The MD5 of the program that a board runs, which is asked for `patience` seconds, not counting those for which its bootloader must be left
    alone. Raises the last RuntimeFailure."""
    wire = await SerialWire.open(port, serial.baud, serial.slave)
    try:
        await asyncio.sleep(bootloader_pause(board))
        end = time.monotonic() + patience
        while True:
            try:
                return flat_frames.md5_answer(await wire.ask(flat_frames.MD5_REQUEST, tries=1, patience=_ANSWER))
            except BadAnswer as error:
                raise RuntimeFailure(
                    Kind.NOT_OPENPLC,
                    f"What answers on {clean(port, 200)} is no program of Rung's: {error}.",
                    "See that this is the right port.",
                ) from None
            except RuntimeFailure as failure:
                if failure.kind not in _SILENT or time.monotonic() > end:
                    raise
    finally:
        await wire.aclose()
