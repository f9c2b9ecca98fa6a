"""The connections to boards, one for each port, and the programs that they are compared with.

Invariants: of a board that is not connected nothing is told that it said while it was. Values are read with the table of the very program
that the board runs, by its MD5; nothing is forced while the editor shows another one. What this editor forces it releases before it hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rung.boards.connection import HEALTH, BoardConnection, BoardEvent, State
from rung.boards.serial_log import SerialLog
from rung.boards.value_text import value_of, value_text
from rung.codegen.artefact import Artefact, Leaf
from rung.ide.build import Built
from rung.lsp.protocol import without_texts
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

logger = logging.getLogger(__name__)

Status = dict[str, object]
Build = Callable[[Path, str], Awaitable[Built]]

_MEASUREMENTS_S: Final = 1.0
"""News that are only other times of scans are told no more often."""
_RELEASE_S: Final = 0.8


@dataclass(slots=True, eq=False)
class Link:
    """What is known of the board at one port.

    `home` identifies the program that it is compared with, `artefact` is that program, or the one that the board runs. `event` is what the
    connection said last; `flashing`: the port is an uploader's now. `asked` holds the questions that the user was asked about a download.
    """

    port: str
    log: SerialLog
    event: BoardEvent
    board: Board | None = None
    home: Path | None = None
    connection: BoardConnection | None = None
    artefact: Artefact | None = None
    flashing: bool = False
    asked: set[str] = field(default_factory=set)
    told: Status = field(default_factory=dict)
    told_at: float = 0.0
    due: asyncio.TimerHandle | None = None
    telling: asyncio.Task[None] | None = None
    again: bool = False

    def now(self) -> BoardEvent:
        """What is known now."""
        if self.connection is not None:
            self.event = self.connection.event
        return self.event


class BoardLinks:
    """All ports that a command has named.

    Args:
        build: builds a program for a board.
        notify: told the status of a board whenever it is another.
    """

    def __init__(self, build: Build, notify: Callable[[Status], None]) -> None:
        self._build = build
        self._notify = notify
        self._links: dict[str, Link] = {}

    def link(self, port: str) -> Link:
        """Return what is known of a port; nothing, at first."""
        if port not in self._links:
            self._links[port] = Link(port, SerialLog(), BoardEvent(port, State.DISCONNECTED))
        return self._links[port]

    def in_use(self) -> list[Link]:
        """Return the ports of which there is something to say."""
        return [link for link in self._links.values() if link.flashing or link.now().state is not State.DISCONNECTED]

    async def open(self, link: Link, board: Board, home: Path | None) -> None:
        """Connect to a board; this restarts the program of many. One that is connected already stays so.

        Raises:
            RuntimeFailure: the port cannot be opened, or no program of ours answers.
        """
        if link.connection is not None and link.now().state in (State.CONNECTED, State.CONNECTING):
            return
        await self.close(link)
        link.board, link.home = board, home
        built = None if home is None else await self._build(home, board.name)
        link.artefact = None if built is None else built.artefact
        settings = None if built is None else built.snapshot.settings.serial
        made = BoardConnection(link.port, board=board, settings=settings, artefact=link.artefact, log=link.log)
        link.connection = made
        ignore = made.on_change(lambda event: self._changed(link, event))
        try:
            await made.open()
        except BaseException:
            ignore()
            if link.connection is made:
                link.connection, link.event = None, made.event
                self.tell(link)
            raise

    async def close(self, link: Link) -> None:
        """Hang up, and let go of what was forced from here. The board's program runs on."""
        connection, link.connection = link.connection, None
        if connection is None:
            return
        # A board that does not answer forgets what is forced when it restarts.
        with contextlib.suppress(asyncio.TimeoutError, RuntimeFailure):
            await asyncio.wait_for(_release_all(connection), _RELEASE_S)
        await connection.close()
        link.event = connection.event
        self.tell(link)

    def note(self, link: Link, failure: RuntimeFailure | None) -> None:
        """Say why a board is not connected."""
        if failure is None:
            link.event = BoardEvent(link.port, State.DISCONNECTED)
        else:
            link.event = BoardEvent(link.port, State.ERROR, failure.message, failure.hint, failure.kind)
        self.tell(link)

    def is_back(self, link: Link, *, plugged_in: bool) -> None:
        """Say no more that a board was unplugged once it is plugged in again, nor what was wrong with one that is unplugged now."""
        event = link.now()
        lost = event.state is State.DISCONNECTED and event.kind is Kind.LOST
        failed = event.state is State.ERROR and link.connection is None
        if (lost and plugged_in) or (failed and not plugged_in):
            link.connection = None
            link.event = BoardEvent(link.port, State.DISCONNECTED)

    async def close_all(self) -> None:
        """Hang up everywhere."""
        for link in self._links.values():
            if link.due is not None:
                link.due.cancel()
        await asyncio.gather(*(self.close(link) for link in self._links.values()), return_exceptions=True)

    # -- what is told ----------------------------------------------------------------------------------------------

    async def status(self, link: Link) -> Status:
        """Return what is known of a board now, as the editor has it."""
        compared = link.now().md5
        in_sync = await self._in_sync(link)
        event = link.now()
        connected = event.state is State.CONNECTED and not link.flashing
        health = event.health if connected else None
        failed = event.state is State.ERROR or event.kind is not None
        return {
            "port": link.port,
            "board": None if link.board is None else link.board.name,
            "state": State.DISCONNECTED.value if link.flashing else event.state.value,
            "flashing": link.flashing,
            "md5": event.md5 if connected else None,
            "inSync": in_sync if connected and event.md5 == compared else None,
            "scanUs": None if health is None else health.scan_us,
            "scanMaxUs": None if health is None else health.scan_max_us,
            "overruns": None if health is None else health.overruns,
            "faults": None if health is None else health.faults,
            "halted": health is not None and health.halted,
            "forced": sorted(link.connection.forced) if connected and link.connection is not None else [],
            "message": event.message if failed and not link.flashing else None,
            "remedy": event.hint if failed and not link.flashing else "",
        }

    async def _in_sync(self, link: Link) -> bool | None:
        """Whether the board runs what the editor shows; takes over the program that does as the one that values are read with."""
        event, connection = link.now(), link.connection
        if event.state is not State.CONNECTED or link.home is None or link.board is None or connection is None:
            return None
        try:
            ours = (await self._build(link.home, link.board.name)).artefact
        except Exception as error:
            # A defect of the compiler must not keep the editor from hearing how the board is; the command that builds tells of it.
            logger.error("A program could not be compared:\n%s", without_texts(error))
            return None
        if ours is None or link.connection is not connection:
            return None
        if link.artefact is None or event.md5 not in (link.artefact.md5, None) or ours.md5 == event.md5:
            link.artefact = ours
            connection.use(ours)
        return ours.md5 == event.md5

    def _changed(self, link: Link, event: BoardEvent) -> None:
        before, link.event = link.event, event
        quiet = replace(before, health=None) == replace(event, health=None) and _halted(before) == _halted(event)
        self.tell(link, at_once=not quiet or before.health is None)

    def tell(self, link: Link, *, at_once: bool = True) -> None:
        """Tell the editor how a board is, now or, when only measurements are new, not too often."""
        if link.due is not None and not at_once:
            return
        if link.due is not None:
            link.due.cancel()
        wait = 0.0 if at_once else max(0.0, link.told_at + _MEASUREMENTS_S - time.monotonic())
        link.due = asyncio.get_running_loop().call_later(wait, self._begin_to_tell, link)

    def _begin_to_tell(self, link: Link) -> None:
        link.due = None
        if link.telling is not None and not link.telling.done():
            link.again = True  # what it finds may be old by now
            if link.now().state is State.CONNECTED:
                return
            link.telling.cancel()  # a connection that has ended is told of before any program is compared
        link.telling = asyncio.get_running_loop().create_task(self._tell(link))

    async def _tell(self, link: Link) -> None:
        link.again = True
        while link.again:
            link.again = False
            status = await self.status(link)
            link.told_at = time.monotonic()
            if status != link.told:
                link.told = status
                self._notify(status)

    # -- variables -------------------------------------------------------------------------------------------------

    async def variables(self, link: Link, names: frozenset[str] | None) -> Status:
        """Return the values of variables of the program that a board runs; of all without `names`.

        Raises:
            RuntimeFailure: it is not connected, or runs another program than any that is known here.
        """
        connection, artefact = await self._watched(link)
        leaves = [leaf for leaf in artefact.leaves if leaf.path not in HEALTH and (names is None or leaf.path in names)]
        values = await connection.read(leaves)
        rows = [
            {
                "name": leaf.path,
                "type": leaf.type,
                "value": value_text(leaf, values[leaf.path]),
                "forced": leaf.path in connection.forced,
                "forceable": leaf.forceable,
            }
            for leaf in leaves
        ]
        return {"md5": artefact.md5, "variables": rows}

    async def force(self, link: Link, name: str, text: str) -> None:
        """Hold a variable at a value.

        Raises:
            RuntimeFailure: there is no such variable, it cannot hold the value, or the editor shows another program.
        """
        connection, artefact = await self._watched(link)
        if await self._in_sync(link) is False:
            raise RuntimeFailure(
                Kind.NOT_OURS,
                f"{name} was not forced: the program in the editor is no longer the one that the board runs, so it could mean another variable there.",
                "Compile and download the program, or take the changes back.",
            )
        leaf = _leaf(artefact, name)
        try:
            await connection.force(leaf, value_of(leaf, text))
        except ValueError as error:
            raise RuntimeFailure(Kind.INTERNAL, str(error), "Nothing was forced.") from None
        finally:
            self.tell(link)

    async def release(self, link: Link, name: str | None) -> None:
        """Let the program write a variable again, or all that were forced from here.

        Raises:
            RuntimeFailure: the board does not answer.
        """
        connection, artefact = await self._watched(link)
        try:
            if name is None:
                await _release_all(connection)
            else:
                await connection.release(_leaf(artefact, name))
        finally:
            self.tell(link)

    async def _watched(self, link: Link) -> tuple[BoardConnection, Artefact]:
        """The connection, and the program that the board runs."""
        await self._in_sync(link)
        connection = link.connection
        event = link.now()
        if connection is None or event.state is not State.CONNECTED:
            raise RuntimeFailure(
                Kind.LOST, f"The board on {link.port} is not connected.", event.hint or "Connect first."
            )
        if link.artefact is None or link.artefact.md5 != event.md5:
            raise RuntimeFailure(
                Kind.NOT_OURS,
                "The board runs another program than the one in the editor, so its variables are not known.",
                "Compile and download the program, or open the one that the board runs.",
            )
        return connection, link.artefact


async def _release_all(connection: BoardConnection) -> None:
    for leaf in list(connection.forced.values()):
        await connection.release(leaf)


def _leaf(artefact: Artefact, name: str) -> Leaf:
    found = next((leaf for leaf in artefact.leaves if leaf.path == name.upper()), None)
    if found is None:
        raise RuntimeFailure(Kind.NOT_OURS, f"The program has no variable {name[:100]!r}.", "Nothing was done.")
    return found


def _halted(event: BoardEvent) -> bool:
    return event.health is not None and event.health.halted
