"""The simulator's compiler says of a program what the compiler on a real OpenPLC Runtime v3 says, place by place."""

from __future__ import annotations

import pytest

from peers.recorded import sections
from rung.simulator.v3.iec2c import judge

FILE = "webserver_program.st"
VARIABLES = """\
  VAR
    a : INT; d : DINT; r : REAL; b : BOOL; w : WORD; s : STRING; t : TIME; arr : ARRAY[1..3] OF INT; tm : TON;
  END_VAR
"""
CONFIGURATION = """\
CONFIGURATION Config0
  RESOURCE Res0 ON PLC
    TASK t0(INTERVAL := T#20ms,PRIORITY := 0);
    PROGRAM instance0 WITH t0 : main;
  END_RESOURCE
END_CONFIGURATION
"""
CASES = list(sections("runtime_v3_judgements.txt"))


def part(lines: list[str], mark: str) -> str:
    return "".join(f"{line[2:]}\n" for line in lines if line[:1] == mark)


def program(lines: list[str]) -> str:
    without = any(line == "c" for line in lines)
    configuration = "" if without else part(lines, "c") or CONFIGURATION
    head = f"{part(lines, 'p')}PROGRAM main\n{VARIABLES}{part(lines, 'v')}"
    return f"{head}{part(lines, 'b')}END_PROGRAM\n{configuration}"


@pytest.mark.parametrize(("title", "lines"), CASES, ids=[title.split()[0] for title, _ in CASES])
def test_compiler_answers_as_recorded(title: str, lines: list[str]) -> None:
    recorded = [line[2:].replace("@", f"./st_files/{FILE}:") for line in lines if line[:1] == "<"]
    judged = judge(FILE, program(lines))
    if not recorded:
        assert judged.snapshot is not None, judged.lines
    elif "~ first line" in title:
        assert judged.lines[0] == recorded[0]
        assert judged.snapshot is None
    else:
        assert judged.lines == recorded
        assert judged.snapshot is None


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\ufeffPROGRAM p\nEND_PROGRAM\n", ["./st_files/x.st:1-0..1-0: error: unknown syntax error.", "", "1 error(s) found. Bailing out!"]),
        ("PROGRAM p\r\n  VAR a : INT; END_VAR\r\n  a := 1;\r\nEND_PROGRAM\r\n", ["POUS.c", "POUS.h", "LOCATED_VARIABLES.h", "VARIABLES.csv"]),
    ],
    ids=["byte order mark", "CRLF"],
)  # fmt: skip
def test_odd_files_are_answered_as_recorded(text: str, lines: list[str]) -> None:
    assert judge("x.st", text).lines == lines
