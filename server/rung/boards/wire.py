"""The serial line to the program that runs on a board: requests go out one after the other, each with the answer that is its own.

Invariant: one thread owns the port from opening to closing; everybody else awaits its results, so nothing ever waits for the line in the
event loop. Whatever happens, a request ends: with its answer, or with a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import cast

import serial

from rung.boards import ports, rtu
from rung.boards.serial_log import SerialLog
from rung.runtimes.errors import Kind, RuntimeFailure

_ANSWER_S = 0.4
"""How long a board may think about an answer, besides the time that the bytes take."""
_TRIES = 3
_LATE_S = 1.0
"""How much later an answer may come that nobody waits for any more."""
_POLL_S = 0.02
"""How long a look at the port may block; a closing line notices it then."""
_QUIET_S = 0.06
"""A pause after which nothing more comes: longer than the 16 ms for which USB chips keep bytes back."""
_WRITE_S = 0.3
_CLOSE_S = 0.45
_FLUSH_S = 0.5
"""How long a line of the log may stay without an end."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Requests that go out with nobody else's between them; the result is the answer to the last."""

    pdus: tuple[bytes, ...]
    tries: int
    patience: float
    done: Future[bytes]


class SerialWire:
    """An open port; made by `open`. Any number of tasks may ask at a time.

    Opening restarts the program of boards that take the line's DTR for a reset button, such as an Uno: outputs are off meanwhile.
    Closing does not: the line is told to keep DTR on.
    """

    def __init__(self, port: str, baud: int, slave: int, log: SerialLog) -> None:
        self.port = port
        self.log = log
        self._baud = baud
        self._slave = slave
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closing = False
        self._ended: RuntimeFailure | None = None
        self._last_answer: float | None = None
        self._asked = b""
        self._unanswered = 0
        """How many answers to `_asked` may still come, until `_late_until`."""
        self._late_until = 0.0
        self._heard = False
        self._on_lost: list[Callable[[RuntimeFailure], None]] = []
        self._gone: Future[None] = Future()
        self._gone.set_running_or_notify_cancel()  # so that nobody who stops waiting for it cancels it

    @classmethod
    async def open(cls, port: str, baud: int = 115200, slave: int = 1, *, log: SerialLog | None = None) -> SerialWire:
        """Open a port.

        Args:
            port: a device, or an `rfc2217://` or `socket://` URL.
            baud: bits per second; always 8 data bits, no parity, one stop bit.
            slave: the board's slave number.
            log: where stray bytes go.

        Raises:
            RuntimeFailure: there is no such port (`dns`), no permission (`credentials`), another program has it (`busy`).
        """
        wire = cls(port, baud, slave, log or SerialLog())
        opened: Future[None] = Future()
        threading.Thread(target=wire._run, args=(opened,), name=f"serial line {port}", daemon=True).start()
        try:
            await asyncio.wrap_future(opened)
        except asyncio.CancelledError:
            wire._closing = True  # the thread closes the port as soon as it has it
            raise
        return wire

    @property
    def closed(self) -> bool:
        """Whether the line is of no use any more."""
        return self._closing or self._ended is not None

    @property
    def last_answer(self) -> float | None:
        """When the last answer came, by the monotonic clock, in seconds; None before the first."""
        return self._last_answer

    @property
    def heard(self) -> bool:
        """Whether anything came at all since the port was opened, answer or not."""
        return self._heard

    def on_lost(self, callback: Callable[[RuntimeFailure], None]) -> None:
        """Have it told when the port vanishes, in the running event loop, at once if it has done so already."""
        loop = asyncio.get_running_loop()

        def tell(failure: RuntimeFailure) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever wanted to know
                loop.call_soon_threadsafe(callback, failure)

        with self._lock:
            if self._ended is None:
                self._on_lost.append(tell)
                return
        if not self._closing:
            tell(self._ended)

    async def ask(self, *pdus: bytes, tries: int = _TRIES, patience: float = _ANSWER_S) -> bytes:
        """Send requests, with nobody else's between them, and return the answer to the last, without slave number and checksum.

        Args:
            pdus: function code and data of each; only codes of the debug protocol.
            tries: how often a request is sent before the board counts as silent. All these requests may be repeated.
            patience: seconds that the board may think about an answer, besides the time that the bytes take.

        Raises:
            RuntimeFailure: `timeout` when there is no answer, `not-openplc` when another Modbus device answers, `lost` when the port vanished.
        """
        job = _Job(pdus, tries, patience, Future())
        with self._lock:
            if self._ended is not None:
                raise self._ended
            if self._closing:
                raise self._was_closed()
            self._jobs.put(job)
        return await asyncio.wrap_future(job.done)

    async def aclose(self) -> None:
        """Close the port, within half a second; as often as one likes. Requests under way end."""
        self._closing = True
        self._jobs.put(None)
        await asyncio.wait({asyncio.wrap_future(self._gone)}, timeout=_CLOSE_S)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self, opened: Future[None]) -> None:
        failure = self._was_closed()
        try:
            if not opened.set_running_or_notify_cancel():
                return
            try:
                if self._closing:
                    raise failure
                line = self._open()
            except RuntimeFailure as refusal:
                failure = refusal
                opened.set_exception(refusal)
                return
            except BaseException as error:
                opened.set_exception(error)
                return
            try:
                opened.set_result(None)
                self._serve(line)
            except (OSError, TypeError, ValueError):  # what pyserial makes of a device that is gone
                failure = self._lost()
            finally:
                _close(line)
        finally:
            self._end(failure)

    def _open(self) -> serial.Serial:
        # What ports and URLs have in common is written down nowhere; all of them have what is used here of `Serial`.
        line = cast("serial.Serial", ports.open_port(self.port, self._baud, timeout=_POLL_S))
        try:
            if "://" not in self.port:  # ports in a network would negotiate all their settings anew
                line.write_timeout = _WRITE_S
            _keep_dtr(line)
        except (OSError, ValueError):
            _close(line)
            raise self._lost() from None
        return line

    def _serve(self, line: serial.Serial) -> None:
        last_stray = time.monotonic()
        while not self._closing:
            try:
                job = self._jobs.get(timeout=_POLL_S)
            except queue.Empty:
                waiting = line.in_waiting
                if waiting:
                    self._stray(line.read(waiting))
                    last_stray = time.monotonic()
                elif time.monotonic() - last_stray > _FLUSH_S:
                    self.log.flush()
                continue
            if job is None or not job.done.set_running_or_notify_cancel():
                continue
            try:
                for pdu in job.pdus:
                    answer = self._exchange(line, pdu, job)
            except RuntimeFailure as failure:
                job.done.set_exception(failure)
            except BaseException:
                job.done.set_exception(self._was_closed() if self._closing else self._lost())
                raise
            else:
                job.done.set_result(answer)

    def _exchange(self, line: serial.Serial, pdu: bytes, job: _Job) -> bytes:
        frame = rtu.to_frame(self._slave, pdu)
        for _ in range(job.tries):
            if pdu != self._asked:
                self._outwait(line)
            self._stray(line.read(line.in_waiting))
            with contextlib.suppress(serial.SerialTimeoutException):  # a board that takes no bytes is silent
                line.write(frame)
            self._asked = pdu
            self._unanswered += 1
            answer = self._receive(line, pdu[0], job.patience + 10 * (len(frame) + rtu.LONGEST) / self._baud)
            if self._closing:
                raise self._was_closed()
            if answer is not None:
                self._unanswered -= 1
                self._last_answer = time.monotonic()
                if rtu.is_exception(answer):
                    raise self._stranger()
                return answer
            self._late_until = time.monotonic() + _LATE_S
        raise self._silent(pdu[0])

    def _outwait(self, line: serial.Serial) -> None:
        """Wait for answers that are late, so that none is taken for the answer to another question: answers carry no number."""
        while self._unanswered:
            left = self._late_until - time.monotonic()
            if left > 0 and self._receive(line, self._asked[0], left) is not None:
                self._unanswered -= 1
            else:
                self._unanswered = 0

    def _receive(self, line: serial.Serial, code: int, seconds: float) -> bytes | None:
        last = time.monotonic()
        end = last + seconds
        came = b""
        while not self._closing:
            chunk = line.read(max(1, min(line.in_waiting, rtu.LONGEST)))
            came += chunk
            now = time.monotonic()
            last = now if chunk else last
            found = rtu.find_answer(came, self._slave, code, quiet=now - last > _QUIET_S or now > end)
            if found is not None:
                start, stop = found
                self._stray(came[:start] + came[stop:])
                return came[start + 1 : stop - 2]
            if now > end:
                break
            # A device that never stops talking is cut short: an answer is not longer than a frame.
            if len(came) > 4 * rtu.LONGEST:
                self._stray(came[: -rtu.LONGEST])
                came = came[-rtu.LONGEST :]
        self._stray(came)
        return None

    def _stray(self, data: bytes) -> None:
        if data:
            self._heard = True
            self.log.feed(data)

    def _end(self, failure: RuntimeFailure) -> None:
        with self._lock:
            self._ended = failure
            listeners = [] if self._closing else list(self._on_lost)
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None and job.done.set_running_or_notify_cancel():
                job.done.set_exception(failure)
        self.log.flush()
        self._gone.set_result(None)
        for tell in listeners:
            tell(failure)

    # -- sentences -------------------------------------------------------------------------------------------------

    def _lost(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.LOST,
            f"The board on {self.port} is gone: it was unplugged, or the connection to it broke. If it still has power, its program runs "
            "on, and forced variables stay forced.",
            "Plug it in again, then connect.",
        )

    def _was_closed(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.LOST, f"The connection to the board on {self.port} was closed. Its program runs on.", "Connect again."
        )

    def _silent(self, code: int) -> RuntimeFailure:
        unknown = " Whether the variable is forced now is not known." if code == 0x42 else ""
        return RuntimeFailure(
            Kind.TIMEOUT,
            f"The board on {self.port} does not answer at {self._baud} bits per second as slave {self._slave}, so nothing is known of its "
            f"program.{unknown}",
            "It may hold no program of Rung, or one that was built for another speed or slave number ([board] in rung.toml): flash it, "
            "or give the settings that it was built with.",
        )

    def _stranger(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"A Modbus device answers on {self.port}, but it does not know the questions that a PLC program's debugger asks. Nothing was "
            "changed on it.",
            "See that this is the right port; if it is the board, flash it with Rung.",
        )


def _keep_dtr(line: serial.Serial) -> None:
    """Have the system leave DTR on when the port is closed, so that opening it again does not restart the board."""
    try:
        import termios

        handle = line.fileno()
        settings = termios.tcgetattr(handle)
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(handle, termios.TCSANOW, settings)
    except (ImportError, OSError, AttributeError, termios.error):
        pass  # Windows and ports in a network have no such setting


def _close(line: serial.Serial) -> None:
    # What has not gone out yet would keep the system waiting for a device that may be gone.
    with contextlib.suppress(Exception):
        line.reset_output_buffer()
    with contextlib.suppress(Exception):
        line.close()
