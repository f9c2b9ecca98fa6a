"""What a command about a board means: which board, which port, and whether that port may be opened.

Invariant: no port is opened that would restart a program unless the user said so, on the terminal or with --yes.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rung.cli import WrongUsage
from rung.cli.session import ask, error_json, on_terminal
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, find_board
from rung.targets.names import RUNTIME_TARGETS

if TYPE_CHECKING:
    from rung.boards.ports import Port

SERIAL = "serial:"
"""How `--to` begins where it means a serial port."""


@dataclass(frozen=True, slots=True)
class At:
    """A port, and the board that is taken to be behind it, None where nobody knows."""

    port: str
    board: Board | None


def board_name(word: str) -> str:
    """Return the name of a board that the user gives.

    Raises:
        ArgumentTypeError: there is no such board.
    """
    if find_board(word) is None:
        raise ArgumentTypeError(f"there is no board '{word}': `rung boards` lists them")
    return word


def board_arguments(parser: ArgumentParser) -> None:
    """Add the options that say which board is meant and where it is."""
    parser.add_argument(
        "--board",
        type=board_name,
        metavar="B",
        help="a board that `rung boards` lists; default: the target in rung.toml",
    )
    parser.add_argument(
        "--port",
        metavar="P",
        help="a serial port (/dev/ttyACM0, COM3) or rfc2217://HOST:PORT, socket://HOST:PORT; default: the only one that fits",
    )


def yes_argument(parser: ArgumentParser, to: str = "") -> None:
    """Add the option that answers the question whether a port may be opened."""
    parser.add_argument(
        "--yes",
        action="store_true",
        help=f"{to}open the port without asking, although that restarts the program of many boards",
    )


def board_of(given: str | None, target: str) -> Board | None:
    """Return the board that the user names, else the one that the project is for, if it is for one."""
    name = given or target
    return None if name in RUNTIME_TARGETS else find_board(name)


def find_port(given: str | None, board: Board | None) -> At:
    """Return the port that the user names, or the only one that fits, with the board that is behind it as far as that is known.

    Raises:
        WrongUsage: several ports fit.
        RuntimeFailure: `dns` when none does.
    """
    from rung.boards.choices import BoardChoices
    from rung.boards.ports import list_ports, port_at

    choices = BoardChoices()
    if given is not None:
        port = port_at(given)
        return At(given, board or _behind(port, choices.board(port)))
    listed = list_ports()
    ports = [*listed, *(port_at(name) for name in choices.added() if all(port.device != name for port in listed))]
    chosen = choices.boards(tuple(ports))
    fitting = _fitting(ports, board, chosen)
    if len(fitting) == 1:
        return At(fitting[0].device, board or _behind(fitting[0], chosen.get(fitting[0].device)))
    name = f"the {board.title}" if board is not None else "a board"
    if fitting:
        names = ", ".join(port.device for port in fitting)
        raise WrongUsage(f"more than one port could be that of {name}: {names}. Say which with --port.")
    raise RuntimeFailure(
        Kind.DNS,
        f"No serial port of this computer could be that of {name}.",
        "Plug it in; `rung boards --ports` shows the ports that there are. Any port can be given with --port.",
    )


def may_open(at: At, yes: bool) -> None:
    """Ask whether a port may be opened, if that may restart the program behind it.

    Raises:
        WrongUsage: nobody is there to be asked.
        RuntimeFailure: `cancelled` when the user says no; the port is not there, or another program has it.
    """
    from rung.boards.connection import RESTARTS
    from rung.boards.ports import check_port

    check_port(at.port)
    # A socket has no DTR line; whoever listens there has opened the port long ago.
    if yes or at.port.startswith("socket://") or (at.board is not None and not at.board.resets_on_open):
        return
    restarts = RESTARTS if at.board is None else RESTARTS.replace("an Arduino Uno", f"the {at.board.title}")
    if not on_terminal():
        raise WrongUsage(f"{restarts} Nobody is here to answer whether {at.port} may be opened; --yes answers yes.")
    print(restarts, file=sys.stderr)
    if not ask(f"Open {at.port}?"):
        raise RuntimeFailure(
            Kind.CANCELLED,
            f"{at.port} was not opened; the board's program runs on.",
            "Open it when the outputs may go off.",
        )


def print_usage_json(options: Namespace, wrong: WrongUsage, rest: Mapping[str, object] | None = None) -> None:
    """Give who reads JSON its document, for wrong usage, too; `rest` is what the document has beside the error."""
    if options.json:
        failure = RuntimeFailure(Kind.PROGRAM, str(wrong), "Correct the command.")
        print(json.dumps({**(rest or {}), "error": error_json(failure)}))


def _behind(port: Port, chosen: str | None) -> Board | None:
    """The board behind a port: the user's choice, or what its USB numbers name without doubt."""
    if chosen is not None:
        return find_board(chosen)
    return find_board(port.boards[0]) if port.exact and len(port.boards) == 1 else None


def _fitting(ports: list[Port], board: Board | None, chosen: dict[str, str]) -> list[Port]:
    """The ports that could be a board's: those that name it, else those that say no more than that they could be it."""
    sure: list[Port] = []
    likely: list[Port] = []
    for port in ports:
        choice = chosen.get(port.device)
        if choice is not None:
            if board is None or choice == board.name:
                sure.append(port)
        elif board is None:
            (sure if port.exact else likely).extend([port] if port.boards else [])
        elif board.name in port.boards:
            (sure if port.exact else likely).append(port)
    return sure or likely
