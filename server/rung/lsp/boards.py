"""Commands on microcontroller boards behind serial ports: which there are, and what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from rung.boards.connection import State
from rung.boards.ports import Port
from rung.lsp import convert
from rung.lsp.arguments import Given, optional, text, unusable
from rung.lsp.board_links import BoardLinks, Link, Status
from rung.lsp.board_ports import BoardPorts, trouble
from rung.lsp.flashing import flash_command
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards, find_board

if TYPE_CHECKING:
    from rung.lsp.commands import Answer, Command, Session


class Boards:
    """Ports and connections of one session, and to which of the boards the user has agreed that connecting restarts them."""

    def __init__(self, session: Session) -> None:
        self._server = session.server
        self.ports = BoardPorts(self._ports_changed)
        self.links = BoardLinks(session.build, self._status_changed)
        self.agreed: set[tuple[str, str]] = set()

    async def close(self) -> None:
        """Watch nothing and hang up."""
        await asyncio.gather(self.ports.watch(False), self.links.close_all())

    def _ports_changed(self) -> None:
        if not self._server.closed:
            self._server.protocol.notify("rung/boardsChanged", {})

    def _status_changed(self, status: Status) -> None:
        if not self._server.closed:
            self._server.protocol.notify("rung/boardState", status)


async def boards(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Every port with the board behind it, and every board that a program can be built for."""
    mine = session.boards
    found = await mine.ports.all()
    listed = {port.device for port in found}
    found += [Port(link.port, link.port) for link in mine.links.in_use() if link.port not in listed]
    added = mine.ports.choices.added()
    rows = [await _row(mine, port, port.device in added) for port in found]
    table = [{"name": board.name, "title": board.title, "tried": board.tried} for board in all_boards().values()]
    return {"ports": rows, "boards": table}


async def _row(mine: Boards, port: Port, added: bool) -> Answer:
    link = mine.links.link(port.device)
    mine.links.is_back(link, plugged_in=not port.problem)
    board = mine.ports.board_of(port)
    status = await mine.links.status(link)
    busy = status["state"] in (State.CONNECTED.value, State.CONNECTING.value) or link.flashing
    likely = (find_board(name) for name in port.boards)
    return {
        **status,
        "title": port.title,
        "boards": [{"name": one.name, "title": one.title} for one in likely if one is not None],
        "chosen": None if board is None else board.name,
        "added": added,
        "trouble": "" if busy else trouble(port),
        "problem": "" if busy else port.problem,
        "hint": "" if busy else port.hint,
    }


async def add_port(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Show a port that the system does not list."""
    await session.boards.ports.add(text(given, "port"))
    return {"ok": True}


async def remove_port(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Disconnect from a port that was added, and forget it."""
    mine, port = session.boards, text(given, "port")
    await mine.links.close(mine.links.link(port))
    mine.ports.choices.remove(port)
    return {"ok": True}


async def choose_board(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Keep which board is at a port."""
    mine, port = session.boards, text(given, "port")
    link = mine.links.link(port)
    if link.now().state is State.CONNECTED:
        raise RuntimeFailure(Kind.BUSY, f"The board on {port} is connected. Nothing was changed.", "Disconnect first.")
    await mine.ports.choose(port, text(given, "board"))
    mine.links.note(link, None)
    return {"ok": True}


async def watch_ports(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Tell of ports that come and go, or no longer."""
    await session.boards.ports.watch(given.get("on") is True)
    return {"ok": True}


async def connect_board(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Connect to the program on a board. Where that restarts it, the user is asked once for each board."""
    mine = session.boards
    link = mine.links.link(text(given, "port"))
    if link.flashing:
        raise RuntimeFailure(Kind.BUSY, f"A program is being written to the board on {link.port}.", "Wait for its end.")
    board = await known_board(mine, link)
    agreed = (link.port, board.name)
    if board.resets_on_open and agreed not in mine.agreed and given.get("confirmed") is not True:
        question = (
            f"Opening {link.port} restarts the program of the {board.title}: it begins anew, and its outputs are off for about two seconds. "
            "You are asked once for each board."
        )
        return {"needsConfirmation": True, "message": question}
    mine.agreed.add(agreed)
    uri = optional(given, "uri")
    path = None if uri is None else convert.path_of(uri)
    documents = session.server.documents
    home = link.home or documents.only_home() if path is None else documents.home(path)
    await mine.links.open(link, board, home)
    return await mine.links.status(link)


async def known_board(mine: Boards, link: Link) -> Board:
    """Return the board at a port.

    Raises:
        RuntimeFailure: it is not known which one it is.
    """
    board = mine.ports.board_of(await mine.ports.find(link.port))
    if board is None:
        raise RuntimeFailure(
            Kind.NOT_OURS,
            f"It is not known which board is at {link.port}. Nothing was done.",
            "Choose the board first.",
        )
    return board


async def disconnect_board(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Release what was forced from here and close the port; an error that is shown is taken away."""
    mine = session.boards
    link = mine.links.link(text(given, "port"))
    await mine.links.close(link)
    mine.links.note(link, None)
    return {"ok": True}


async def flash_board(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Compile a program, write it to a board and read back that it runs there."""
    board = find_board(text(given, "board"))
    if board is None:
        raise unusable("There is no such board.")
    link = session.boards.links.link(text(given, "port"))
    return await flash_command(session, link, board, text(given, "uri"), given.get("confirmed") is True, token)


async def board_variables(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Variables of the program that a board runs, with their values."""
    names = given.get("names")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise unusable("'names' is not a list of texts.")
    mine = session.boards
    wanted = None if names is None else frozenset(name.upper() for name in names)
    return await mine.links.variables(mine.links.link(text(given, "port")), wanted)


async def force_variable(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Hold a variable at a value."""
    mine = session.boards
    await mine.links.force(mine.links.link(text(given, "port")), text(given, "name"), text(given, "value"))
    return {"ok": True}


async def release_variable(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """Let go of a variable, or of all that are forced."""
    mine = session.boards
    await mine.links.release(mine.links.link(text(given, "port")), optional(given, "name"))
    return {"ok": True}


async def board_log(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    """What has come over a port and was no answer, line by line."""
    after = given.get("after")
    if after is not None and (not isinstance(after, int) or isinstance(after, bool)):
        raise unusable("'after' is not the number of a log entry.")
    lines = session.boards.links.link(text(given, "port")).log.after(after or 0)
    entries = [{"id": line.id, "timestamp": line.timestamp, "level": "INFO", "message": line.text} for line in lines]
    return {"entries": entries, "last": lines[-1].id if lines else after, "restarted": False}


COMMANDS: Final[Mapping[str, Command]] = {
    "rung.boards": boards,
    "rung.addPort": add_port,
    "rung.removePort": remove_port,
    "rung.chooseBoard": choose_board,
    "rung.watchPorts": watch_ports,
    "rung.connectBoard": connect_board,
    "rung.disconnectBoard": disconnect_board,
    "rung.flashBoard": flash_board,
    "rung.boardVariables": board_variables,
    "rung.forceBoardVariable": force_variable,
    "rung.releaseBoardVariable": release_variable,
    "rung.boardLog": board_log,
}
