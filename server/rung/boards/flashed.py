"""Which programs this user has put on which board: what tells somebody else's program from one's own.

The file is a memory of this computer and no truth about a board: it decides only whether a question is asked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.private_file import config_dir, read_object, write_object

_MD5: Final = re.compile(r"[0-9a-f]{32}")
_MOST_BOARDS: Final = 200
_MOST_PROGRAMS: Final = 50


class FlashedPrograms:
    """The MD5s of the programs that were put on each board; one JSON file.

    Args:
        path: the file; by default `flashed-programs.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "flashed-programs.json" if path is None else path

    def sent(self, board: str, md5: str) -> bool:
        """Whether a program was put on a board (`Port.identity`) by this user, on this computer."""
        return md5 in self._programs(self._read(), board)

    def remember(self, board: str, md5: str) -> None:
        """Note what was put on a board. A file that cannot be written costs one question more the next time, and no download."""
        boards = self._read()
        programs = [known for known in self._programs(boards, board) if known != md5]
        boards.pop(board, None)
        boards[board] = [*programs[-_MOST_PROGRAMS + 1 :], md5]
        newest = dict(list(boards.items())[-_MOST_BOARDS:])
        try:
            write_object(self.path, {"version": 1, "boards": newest})
        except RuntimeFailure:
            return

    def _read(self) -> dict[str, object]:
        try:
            boards = read_object(self.path).get("boards")
        except RuntimeFailure:
            return {}  # not known is the careful answer
        return dict(boards) if isinstance(boards, dict) else {}

    @staticmethod
    def _programs(boards: dict[str, object], board: str) -> list[str]:
        row = boards.get(board)
        return [md5 for md5 in row if isinstance(md5, str) and _MD5.fullmatch(md5)] if isinstance(row, list) else []
