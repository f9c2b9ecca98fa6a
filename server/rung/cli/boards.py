"""`rung boards`: the boards that a program can be built for, and the serial ports of this computer."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rung.cli.board_target import board_name
from rung.cli.session import report
from rung.runtimes.errors import RuntimeFailure
from rung.targets.board import Board, all_boards

if TYPE_CHECKING:
    from rung.boards.ports import Port
    from rung.boards.toolchains import ToolchainRow
    from rung.boards.uploaders import UploaderRow

HELP = "list the microcontroller boards, or the serial ports with the boards behind them"


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "board",
        nargs="?",
        type=board_name,
        metavar="BOARD",
        help="tell all of one board: its pins, and what compiles and uploads",
    )
    parser.add_argument("--ports", action="store_true", help="list the serial ports instead; none is opened")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def run(options: Namespace) -> int:
    try:
        if options.ports:
            return _ports(options)
        return _boards(options) if options.board is None else _board(options, all_boards()[options.board])
    except RuntimeFailure as failure:
        return report(failure, options.json)


def _ports(options: Namespace) -> int:
    from rung.boards.choices import BoardChoices
    from rung.boards.ports import list_ports, port_at

    choices = BoardChoices()
    listed = list_ports()
    ports = [*listed, *(port_at(name) for name in choices.added() if all(port.device != name for port in listed))]
    chosen = choices.boards(tuple(ports))
    if options.json:
        rows = [_port_json(port, chosen.get(port.device)) for port in ports]
        print(json.dumps({"ports": rows, "error": None}))
        return 0
    if not ports:
        print(
            "There is no serial port on this computer. Plug a board in, or give a port of the network with --port rfc2217://HOST:PORT."
        )
    for port in ports:
        print(f"{port.device}: {_port_text(port, chosen.get(port.device))}")
        if port.problem:
            print(f"    {port.problem}\n    {port.hint}")
    return 0


def _port_text(port: Port, chosen: str | None) -> str:
    if chosen is not None:
        return f"{all_boards()[chosen].title}, as you chose (--board {chosen})"
    if not port.boards:
        return port.title
    if port.exact:
        return f"{port.title} (--board {' or '.join(port.boards)})"
    return f"{port.title}, which many boards have: say which with --board ({', '.join(port.boards)})"


def _port_json(port: Port, chosen: str | None) -> dict[str, object]:
    return {
        "port": port.device,
        "title": port.title,
        "vid": port.vid,
        "pid": port.pid,
        "serialNumber": port.serial_number,
        "boards": list(port.boards),
        "exact": port.exact,
        "chosen": chosen,
        "problem": port.problem,
        "hint": port.hint,
    }


def _boards(options: Namespace) -> int:
    from rung.boards.toolchains import toolchains_for
    from rung.boards.uploaders import uploaders_for

    ways = [(board, toolchains_for(board), uploaders_for(board)) for board in all_boards().values()]
    if options.json:
        print(json.dumps({"boards": [_board_json(*row) for row in ways], "error": None}))
        return 0
    table = [("NAME", "BOARD", "FQBN", "COMPILES WITH", "UPLOADS WITH", "TRIED")]
    for board, toolchains, uploaders in ways:
        fqbn = board.fqbn.partition(",")[0]
        table.append((board.name, board.title, fqbn, _first(toolchains), _first(uploaders), board.tried))
    widths = [min(40, max(len(row[column]) for row in table)) for column in range(5)]
    for row in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row[:5], widths, strict=True)), row[5]]))
    missing = {text for _, toolchains, uploaders in ways for text in _missing(toolchains, uploaders)}
    if missing:
        print("\nWhat is not installed, and how to get it (* one of these is enough for a board):")
        print("\n".join(f"  * {text}" for text in sorted(missing)))
    return 0


def _board(options: Namespace, board: Board) -> int:
    from rung.boards.toolchains import toolchains_for
    from rung.boards.uploaders import uploaders_for

    toolchains, uploaders = toolchains_for(board), uploaders_for(board)
    if options.json:
        print(json.dumps({"boards": [_board_json(board, toolchains, uploaders)], "error": None}))
        return 0
    print(f"{board.title} ({board.fqbn}): {board.tried}\nflash {board.flash} bytes, RAM {board.ram} bytes\n")
    for address, pin in _pins(board).items():
        print(f"{address:<8} {pin}")
    print()
    for word, rows in (("compiles", toolchains), ("uploads", uploaders)):
        for row in rows:
            state = "installed" if row.available else f"not installed. {row.missing}"
            print(
                f"{word} with {row.name} ({row.title}): {state}. {row.tried[:1].upper()}{row.tried[1:]}.".replace(
                    "..", "."
                )
            )
    return 0


def _pins(board: Board) -> dict[str, str]:
    """The pins by the addresses that a program uses."""
    places = {f"%{kind}{n // 8}.{n % 8}": pin for kind in ("IX", "QX") for n, pin in enumerate(board.places(kind))}
    return {**places, **{f"%{kind}{n}": pin for kind in ("IW", "QW") for n, pin in enumerate(board.places(kind))}}


def _first(rows: Sequence[ToolchainRow | UploaderRow]) -> str:
    return next((row.name for row in rows if row.available), "not installed")


def _missing(toolchains: Sequence[ToolchainRow], uploaders: Sequence[UploaderRow]) -> list[str]:
    """What a board lacks; nothing where it can be compiled for and uploaded to."""
    texts: list[str] = []
    if not any(row.available for row in toolchains):
        texts += [row.missing for row in toolchains]
    if not any(row.available for row in uploaders):
        texts += [row.missing for row in uploaders]
    return texts


def _board_json(board: Board, toolchains: list[ToolchainRow], uploaders: list[UploaderRow]) -> dict[str, object]:
    return {
        "name": board.name,
        "title": board.title,
        "family": board.family,
        "core": board.core,
        "fqbn": board.fqbn,
        "flash": board.flash,
        "ram": board.ram,
        "resetsOnOpen": board.resets_on_open,
        "tried": board.tried,
        "pins": _pins(board),
        "toolchains": [_way(row) for row in toolchains],
        "uploaders": [_way(row) for row in uploaders],
    }


def _way(row: ToolchainRow | UploaderRow) -> dict[str, object]:
    return {
        "name": row.name,
        "title": row.title,
        "available": row.available,
        "missing": row.missing,
        "tried": row.tried,
    }
