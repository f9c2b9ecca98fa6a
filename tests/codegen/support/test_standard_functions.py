"""The standard functions as compiled C++: their values at the corners of IEC 61131-3, and that nothing in them is undefined."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.support.standard_driver import StandardCase, compile_and_run, expected_line, write_calls
from codegen.support.standard_numbers import NUMBERS
from codegen.support.standard_texts import TEXTS
from codegen.support.standard_times import TIMES

CASES = [*NUMBERS, *TEXTS, *TIMES]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[StandardCase, str]:
    lines = compile_and_run(write_calls(CASES), tmp_path_factory.mktemp("functions"), "-O1")
    return dict(zip(CASES, lines, strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_call_gives_what_the_standard_says(printed: dict[StandardCase, str], case: StandardCase) -> None:
    assert printed[case] == expected_line(case)


def test_no_call_does_anything_undefined(tmp_path: Path) -> None:
    checks = ("-O0", "-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-fno-sanitize=float-divide-by-zero")
    assert compile_and_run(write_calls(CASES), tmp_path, *checks) == [expected_line(case) for case in CASES]


def test_the_oldest_dialect_gives_the_same_values(tmp_path: Path) -> None:
    program = write_calls(CASES)
    assert compile_and_run(program, tmp_path, "-std=gnu++11", "-Os") == [expected_line(case) for case in CASES]
