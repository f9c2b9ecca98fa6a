"""What the user said of serial ports: which board is behind one, and which ports there are that the system does not list.

Invariant: nothing here opens a port, and a board that the table does not have is no choice. The file is the user's own and holds no secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rung.boards.ports import Port
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.private_file import config_dir, read_object, write_object
from rung.targets.board import all_boards, find_board

_MOST: Final = 64
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class _Kept:
    """`added`: devices and addresses of ports, in the order in which they were added. `boards`: which board is behind a port, by its identity."""

    added: tuple[str, ...] = ()
    boards: Mapping[str, str] | None = None


class BoardChoices:
    """The saved choices, one JSON file.

    Args:
        path: the file; by default `boards.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "boards.json" if path is None else path

    def added(self) -> tuple[str, ...]:
        """Return the ports that were added by hand, the oldest first.

        Raises:
            RuntimeFailure: the file cannot be read or is damaged.
        """
        return self._read().added

    def add(self, device: str) -> None:
        """Add a port that the system does not list: a device, or an address as pyserial has them.

        Raises:
            ValueError: it cannot be one.
            RuntimeFailure: the file cannot be read or written.
        """
        if not device.strip() or len(device) > _LONGEST or not device.isprintable():
            raise ValueError(
                f"A port is written as a device or an address of up to {_LONGEST} characters, such as /dev/ttyUSB0."
            )
        kept = self._read()
        if device in kept.added:
            return
        if len(kept.added) >= _MOST:
            raise ValueError(f"{_MOST} ports were added by hand already, and there are to be no more.")
        self._write(replace(kept, added=(*kept.added, device)))

    def remove(self, device: str) -> bool:
        """Forget a port that was added by hand, and the board behind it; False when there was none."""
        kept = self._read()
        if device not in kept.added:
            return False
        boards = {key: board for key, board in (kept.boards or {}).items() if key != device}
        self._write(_Kept(tuple(one for one in kept.added if one != device), boards))
        return True

    def board(self, port: Port) -> str | None:
        """Return the board that the user chose for a port; None when none was chosen, or the table has it no more."""
        return self.boards((port,)).get(port.device)

    def boards(self, ports: Iterable[Port]) -> dict[str, str]:
        """Return the boards that the user chose, by the ports' devices."""
        kept = self._read().boards or {}
        found = {port.device: kept.get(port.identity) for port in ports}
        return {device: board for device, board in found.items() if board is not None and find_board(board) is not None}

    def choose(self, port: Port, board: str) -> None:
        """Keep which board is behind a port. A board with a serial number is known again at another port.

        Raises:
            ValueError: there is no such board.
            RuntimeFailure: the file cannot be read or written.
        """
        if find_board(board) is None:
            raise ValueError(f"There is no board {board[:63]!r}. Boards: {', '.join(all_boards())}.")
        kept = self._read()
        boards = {**(kept.boards or {}), port.identity: board}
        while len(boards) > 4 * _MOST:
            boards.pop(next(iter(boards)))
        self._write(replace(kept, boards=boards))

    def _read(self) -> _Kept:
        table = read_object(self.path)
        added, boards = table.get("ports", []), table.get("boards", {})
        if not isinstance(added, list) or not isinstance(boards, dict):
            raise self._damaged()
        if not all(isinstance(text, str) for text in (*added, *boards.values())):
            raise self._damaged()
        return _Kept(tuple(added[:_MOST]), boards)

    def _write(self, kept: _Kept) -> None:
        write_object(self.path, {"version": 1, "ports": list(kept.added), "boards": dict(kept.boards or {})})

    def _damaged(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.INTERNAL,
            f"{self.path} does not hold a list of serial ports and boards.",
            "Correct the file, or move it away and choose the boards again.",
        )
