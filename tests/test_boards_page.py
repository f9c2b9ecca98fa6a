"""The table of boards that users read in docs/boards.md says of every board what Rung works with."""

from __future__ import annotations

import re
from pathlib import Path

from rung.targets.board import Board, all_boards
from test_coverage_table import functions_of

PAGE = Path(__file__).parent.parent / "docs" / "boards.md"
HEAD = "| board | `--board` | inputs, outputs | analog in, out | writes with | tried |"


def row(board: Board) -> str:
    digital = f"{len(board.digital_inputs)}, {len(board.digital_outputs)}"
    analog = f"{len(board.analog_inputs)}, {len(board.analog_outputs)}"
    return f"| {board.title} | `{board.name}` | {digital} | {analog} | {', '.join(board.uploaders)} | {board.tried} |"


def test_the_page_lists_every_board_as_the_table_has_it() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    begin = lines.index(HEAD) + 2
    listed = lines[begin : lines.index("", begin)]
    wanted = [row(board) for board in all_boards().values()]
    assert listed == wanted, "this is the table for docs/boards.md:\n" + "\n".join(wanted)


def test_a_board_that_met_no_emulator_says_that_it_was_not_tried() -> None:
    emulated = {"uno", "nano", "nano-old", "mega"}
    for board in all_boards().values():
        assert "not on hardware" in board.tried or board.tried == "not tried on hardware"
        assert (board.tried != "not tried on hardware") == (board.name in emulated), board.name


def test_every_row_on_failed_downloads_names_tests_that_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text[text.index("| it fails |") :].splitlines()[2:] if line.startswith("|")]
    assert len(rows) >= 8
    for row in rows:
        named = re.findall(r"`(\w+\.py)::(test_\w+)`", row)
        assert named, row
        assert [test for file, test in named if test not in functions_of(f"boards/{file}")] == []
