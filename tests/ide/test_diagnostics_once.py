"""Some findings are worth one line in a file, however often they occur."""

from __future__ import annotations

from pathlib import Path

from rung.ide.diagnostics import diagnostics
from rung.project.snapshot import EMPTY

PATH = Path("/plant/main.st").absolute()
LOGGER = (
    "FUNCTION_BLOCK Logger{n}\nVAR_INPUT go : BOOL; END_VAR\nIF go THEN {{{{ log(); }}}} END_IF;\nEND_FUNCTION_BLOCK\n"
)


def test_skipped_c_code_is_one_warning_in_a_file_that_names_all_places() -> None:
    found = diagnostics(EMPTY.with_text(PATH, "".join(LOGGER.format(n=n) for n in range(3))))
    warnings = [item for item in found[PATH] if item.code == "SYN025"]
    assert [item.start[0] for item in warnings] == [2]
    assert [other.start[0] for other in warnings[0].related] == [6, 10]
