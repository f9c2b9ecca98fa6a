"""The connection to the program on one board: exactly four states, and each of them is true.

`connected` means that the board has answered within the last 1.5 seconds, never that it once did. A board that falls silent makes `error`;
it is asked on, and `connected` again as soon as it answers. A port that vanishes makes `disconnected`: nothing is opened again by
itself, for that would restart the program of many boards.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rung.boards.connection_state import HEALTH, RESTARTS, BoardEvent, Health, bootloader_pause, sentence
from rung.boards.serial_log import SerialLog
from rung.boards.variables import BoardVariables
from rung.boards.wire import SerialWire
from rung.codegen.artefact import Artefact, Leaf
from rung.runtimes import flat_frames
from rung.runtimes.connection_state import State
from rung.runtimes.debug_values import BadAnswer, Value, to_value
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, SerialSettings

__all__ = ["HEALTH", "RESTARTS", "BoardConnection", "BoardEvent", "Health", "State", "bootloader_pause"]

_BEAT_ANSWER_S = 0.35
_OLDEST_S = 1.4
_LOOK_S = 0.1
_COUNTER_END = 0xFFFF_FFFF - 1_000_000


class BoardConnection:
    """The connection to one board.

    Args:
        port: a device, or an `rfc2217://` or `socket://` URL.
        board: which board it is, where that is known.
        settings: the speed and the slave number that its program was built with.
        artefact: the program here; only with it there are values, and `in_sync` is known.
        log: what takes the text that the program prints; it outlives the connection.
        heartbeat: seconds between two looks at the board.
        boot: seconds that a board may take from the opening of its port to its program's first answer.
    """

    def __init__(
        self,
        port: str,
        *,
        board: Board | None = None,
        settings: SerialSettings | None = None,
        artefact: Artefact | None = None,
        log: SerialLog | None = None,
        heartbeat: float = 0.5,
        boot: float = 3.0,
    ) -> None:
        self.port = port
        self.log = log or SerialLog()
        self.forced: dict[str, Leaf] = {}
        """What was forced over this connection and is so still, by path."""
        self._board = board
        self._settings = settings or SerialSettings()
        self._artefact = artefact
        self._heartbeat = heartbeat
        self._boot = boot
        self._wire: SerialWire | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._attempt = 0
        self._recheck = False
        self._scans: int | None = None
        """The scans when they were told last, also from before a silence."""
        self._listeners: list[Callable[[BoardEvent], None]] = []
        self._last = BoardEvent(port, State.DISCONNECTED)

    # -- what others see -------------------------------------------------------------------------------------------

    @property
    def event(self) -> BoardEvent:
        """What is known now."""
        self._check_age()
        return self._last

    @property
    def state(self) -> State:
        """One of the four states."""
        return self.event.state

    @property
    def md5(self) -> str | None:
        """The MD5 of the program that runs; None while that is not known."""
        return self.event.md5

    @property
    def in_sync(self) -> bool | None:
        """Whether the board runs the program here; None while that is not known."""
        return self.event.in_sync

    @property
    def health(self) -> Health | None:
        """What the program says of itself; only when it is the one here."""
        return self.event.health

    def on_change(self, callback: Callable[[BoardEvent], None]) -> Callable[[], None]:
        """Have every change told, new times of scans included; the result ends that."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    def use(self, artefact: Artefact | None) -> None:
        """Compare with another program from now on."""
        self._artefact = artefact
        last = self._last
        if last.state is State.CONNECTED:
            in_sync = self._is_ours(last.md5)
            self._set(replace(last, in_sync=in_sync, health=last.health if in_sync else None))

    # -- opening and closing ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the port and wait for the program's first answer. This restarts the program of many boards (`RESTARTS`).

        Raises:
            RuntimeFailure: `dns`, `credentials` or `busy` where the port cannot be opened, `timeout` where nothing answers, `not-openplc`
                where something else does.
        """
        if self._wire is not None:
            return
        self._attempt += 1
        attempt = self._attempt
        self._scans = None
        self._set(BoardEvent(self.port, State.CONNECTING, f"Opening {self.port}."))
        wire = None
        try:
            wire = await SerialWire.open(self.port, self._settings.baud, self._settings.slave, log=self.log)
            self._check_attempt(attempt)
            self._wire = wire
            self._take_md5(await self._first_answer(wire))
            if self._last.in_sync:
                with contextlib.suppress(RuntimeFailure):  # the heartbeat asks again
                    await self._beat(wire)
            self._check_attempt(attempt)
        except BaseException as error:
            if attempt == self._attempt:  # otherwise it was closed meanwhile, and says so already
                self._wire = None
                if isinstance(error, RuntimeFailure):
                    self._set(BoardEvent(self.port, State.ERROR, error.message, error.hint, error.kind))
                else:
                    self._set(BoardEvent(self.port, State.DISCONNECTED, "Connecting was broken off."))
            if wire is not None:
                await wire.aclose()
            raise
        wire.on_lost(self._lost)
        self._tasks = [asyncio.create_task(self._keep_asking(wire)), asyncio.create_task(self._keep_looking())]

    async def close(self) -> None:
        """Close the port, within half a second. The board's program runs on, and what is forced stays so until it restarts."""
        self._attempt += 1
        wire, self._wire = self._wire, None
        self._stop_tasks()
        self.forced.clear()
        self._set(BoardEvent(self.port, State.DISCONNECTED))
        if wire is not None:
            await wire.aclose()

    # -- variables -------------------------------------------------------------------------------------------------

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        """The values of variables, by path; times and dates in nanoseconds.

        Raises:
            RuntimeFailure: `lost` when there is no connection, `not-ours` when another program runs.
        """
        return await self._variables().read(leaves)

    async def force(self, leaf: Leaf, value: Value) -> None:
        """Hold a variable at a value until it is released or the board restarts. A forced output drives the machine.

        Raises:
            ValueError: the variable cannot hold the value, or not be forced.
            RuntimeFailure: as `read`; `busy` when the board cannot hold more variables.
        """
        variables = self._variables()
        before = leaf.path in self.forced
        # Noted before it is known: a force whose answer was lost has to be released, too.
        self.forced[leaf.path] = leaf
        try:
            await variables.force(leaf, value)
        except ValueError:
            if not before:
                self.forced.pop(leaf.path, None)
            raise

    async def release(self, leaf: Leaf) -> None:
        """Let the program write the variable again.

        Raises:
            RuntimeFailure: as `read`.
        """
        await self._variables().unforce(leaf)
        self.forced.pop(leaf.path, None)

    def _variables(self) -> BoardVariables:
        event = self.event
        if event.state is not State.CONNECTED or self._wire is None:
            raise RuntimeFailure(
                Kind.LOST,
                f"The board on {self.port} is not connected{f': {event.message}' if event.message else '.'}",
                event.hint or "Connect first.",
            )
        if not event.in_sync:
            raise RuntimeFailure(
                Kind.NOT_OURS,
                f"The board on {self.port} runs another program than the one here, so its variables are not known.",
                "Flash the program, or open the one that the board runs.",
            )
        return BoardVariables(self._wire)

    # -- looking after it ------------------------------------------------------------------------------------------

    async def _first_answer(self, wire: SerialWire) -> str:
        pause = bootloader_pause(self._board)
        end = time.monotonic() + pause + self._boot
        await asyncio.sleep(pause)
        while True:
            try:
                return await self._ask_md5(wire, 0.25)
            except RuntimeFailure as failure:
                if failure.kind is not Kind.TIMEOUT:
                    raise
                if time.monotonic() > end:
                    raise self._no_program(failure, wire) from None

    async def _keep_asking(self, wire: SerialWire) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._heartbeat
            try:
                await self._beat(wire)
            except RuntimeFailure as failure:
                self._recheck = True
                if failure.kind is Kind.LOST:
                    return  # the line tells that itself
                if failure.kind is not Kind.TIMEOUT:  # a missed answer is judged by its age
                    self._set(
                        BoardEvent(
                            self.port,
                            State.ERROR,
                            failure.message,
                            failure.hint,
                            failure.kind,
                            restarts=self._last.restarts,
                        )
                    )
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _beat(self, wire: SerialWire) -> None:
        leaves = self._health_leaves()
        if self._recheck or self._last.state is not State.CONNECTED or not self._last.in_sync or not leaves:
            self._take_md5(await self._ask_md5(wire, _BEAT_ANSWER_S))
            self._recheck = False
        if not self._last.in_sync or not leaves:
            return
        frame = await wire.ask(flat_frames.list_request(leaves), tries=1, patience=_BEAT_ANSWER_S)
        try:
            found = flat_frames.list_answer(leaves, frame)
        except BadAnswer:
            found = 0
        if isinstance(found, int) or found[0] != len(leaves):
            self._recheck = True  # another program has come in its place
            return
        self._take_health(leaves, found[1], int.from_bytes(frame[4:8], "big"))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            self._check_age()

    async def _ask_md5(self, wire: SerialWire, patience: float) -> str:
        answer = await wire.ask(flat_frames.MD5_REQUEST, tries=1, patience=patience)
        try:
            return flat_frames.md5_answer(answer)
        except BadAnswer:
            raise self._stranger() from None

    def _health_leaves(self) -> list[Leaf]:
        leaves = () if self._artefact is None else self._artefact.leaves
        found = {leaf.path: leaf for leaf in leaves[-2 * len(HEALTH) :] if leaf.path in HEALTH}
        return list(found.values()) if len(found) == len(HEALTH) else []

    def _take_md5(self, md5: str) -> None:
        last = self._last
        in_sync = self._is_ours(md5)
        health = last.health if in_sync and last.state is State.CONNECTED else None
        self._set(
            BoardEvent(
                self.port,
                State.CONNECTED,
                sentence(in_sync, health),
                md5=md5,
                in_sync=in_sync,
                health=health,
                restarts=last.restarts,
            )
        )

    def _take_health(self, leaves: Sequence[Leaf], data: bytes, scans: int) -> None:
        values: dict[str, int] = {}
        for leaf in leaves:
            values[HEALTH[leaf.path]] = int(to_value(leaf, data[: leaf.size], flat_frames.ORDER))
            data = data[leaf.size :]
        health = Health(
            scans,
            values["scan_us"],
            values["scan_max_us"],
            values["overruns"],
            values["faults"],
            bool(values["halted"]),
        )
        restarts = self._last.restarts
        before, self._scans = self._scans, scans
        if before is not None and scans < before < _COUNTER_END:
            restarts += 1
            self._recheck = True
            self.forced.clear()
        self._set(replace(self._last, message=sentence(True, health), health=health, restarts=restarts))

    def _is_ours(self, md5: str | None) -> bool | None:
        return None if self._artefact is None or md5 is None else md5 == self._artefact.md5

    def _check_age(self) -> None:
        wire = self._wire
        if self._last.state is not State.CONNECTED or wire is None:
            return
        if wire.last_answer is None or time.monotonic() - wire.last_answer > _OLDEST_S:
            self._set(
                BoardEvent(
                    self.port,
                    State.ERROR,
                    f"The board on {self.port} has stopped answering, so it is not known what its program does. It is asked on.",
                    "See that it has power; if it stays so, press its reset button, which starts its program anew.",
                    Kind.TIMEOUT,
                    restarts=self._last.restarts,
                )
            )

    def _lost(self, failure: RuntimeFailure) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        self._attempt += 1
        self._stop_tasks()
        self.forced.clear()
        self._set(BoardEvent(self.port, State.DISCONNECTED, failure.message, failure.hint, failure.kind))

    def _stop_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def _check_attempt(self, attempt: int) -> None:
        if attempt != self._attempt:
            raise RuntimeFailure(Kind.CANCELLED, f"Connecting to {self.port} was broken off.", "Connect again.")

    def _set(self, event: BoardEvent) -> None:
        if event == self._last:
            return
        self._last = event
        for callback in list(self._listeners):
            callback(event)

    # -- sentences -------------------------------------------------------------------------------------------------

    def _no_program(self, failure: RuntimeFailure, wire: SerialWire) -> RuntimeFailure:
        return self._stranger() if wire.heard else failure

    def _stranger(self) -> RuntimeFailure:
        self.log.flush()
        lines = self.log.after()
        said = f" It sends text, last: {lines[-1].text[:80]!r}." if lines else ""
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"What answers on {self.port} is no program of Rung's, or one at another speed than {self._settings.baud} bits per second.{said}",
            "See that this is the right port and speed ([board] in rung.toml); flash the board if it is.",
        )
