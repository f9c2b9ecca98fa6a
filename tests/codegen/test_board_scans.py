"""What a board's program does from scan to scan: tasks, addresses given by VAR_CONFIG, initial values, forcing inside of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codegen.board_machine import FakeBoard, build, compile_fake
from codegen.probes import SHARED

PROGRAM = """
FUNCTION_BLOCK Twice
VAR_INPUT a : INT; END_VAR
VAR_OUTPUT b : INT; END_VAR
b := a + a;
END_FUNCTION_BLOCK
PROGRAM Linked
VAR sensor AT %I* : BOOL; lamp AT %Q* : BOOL; speed AT %Q* : UINT := 16#4000; memory AT %M* : INT; END_VAR
lamp := sensor; memory := memory + 1;
END_PROGRAM
PROGRAM Main
VAR
  first AT %QX0.1 : BOOL := TRUE; kept AT %MW3 : INT := 11; asks AT %IX0.1 : BOOL; wild : INT; fault_here : INT;
  inner : Twice; i, sum, seen : INT; list : ARRAY[1..5] OF INT; timer : TON;
END_VAR
inner(a := 21); seen := inner.b;
sum := 0;
FOR i := 1 TO 5 DO list[i] := i; sum := sum + list[i]; END_FOR;
timer(IN := asks, PT := T#100ms);
wild := 9;
IF asks THEN fault_here := list[wild]; END_IF;
END_PROGRAM
PROGRAM OnEvent
VAR n : INT; END_VAR
n := n + 1;
END_PROGRAM
CONFIGURATION C
VAR_GLOBAL go AT %IX0.2 : BOOL; END_VAR
VAR_CONFIG
  A.sensor AT %IX0.3 : BOOL; A.lamp AT %QX0.2 : BOOL; A.speed AT %QW1 : UINT; A.memory AT %MW3 : INT;
END_VAR
RESOURCE R ON PLC
TASK slow(INTERVAL := T#60ms, PRIORITY := 9);
TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
TASK event(SINGLE := go, PRIORITY := 5);
TASK both(SINGLE := go, INTERVAL := T#40ms, PRIORITY := 6);
PROGRAM S WITH slow : OnEvent;
PROGRAM F WITH fast : Main;
PROGRAM A WITH fast : Linked;
PROGRAM E WITH event : OnEvent;
PROGRAM EI WITH both : OnEvent;
END_RESOURCE
END_CONFIGURATION
"""


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_fake(build(PROGRAM), tmp_path_factory.mktemp("scans"))


@pytest.fixture
def board(executable: Path) -> Iterator[FakeBoard]:
    """A Uno that has just been switched on."""
    with FakeBoard(build(PROGRAM), executable) as running:
        yield running


def test_outputs_are_off_until_the_first_scan_and_then_have_their_initial_values(board: FakeBoard) -> None:
    assert [board.pin(pin) for pin in (8, 12, 10)] == [0, 0, 0]
    assert [board.pin(pin) for pin in (2, 7, 9, 13)] == [None] * 4, "no address of the program is at these"
    board.wait(1)
    assert [board.pin(pin) for pin in (8, 12, 10)] == [1, 0, 0x40]


def test_addresses_of_the_configuration_are_exchanged_with_their_pins(board: FakeBoard) -> None:
    board.wait(1)
    memory = board.number("F.KEPT")
    board.drive(5, 1)
    board.wait(100)
    assert board.pin(12) == 1
    assert board.ask(b"\x01\0\0\0\4") == b"\x01\x01\x06"
    assert board.number("F.KEPT") == memory + 5, "memory at an address is one, whatever it is called"
    board.ask(b"\x06\0\1\x80\0")
    board.wait(25)
    assert board.pin(10) == 0x80


def test_tasks_run_at_their_intervals_and_events(board: FakeBoard) -> None:
    board.wait(1)
    board.wait(20 * 11)
    assert (board.number("S.N"), board.number("E.N"), board.number("EI.N")) == (4, 0, 6)
    board.drive(4, 1)
    board.wait(200)
    assert (board.number("E.N"), board.number("EI.N")) == (1, 7)
    board.drive(4, 0)
    board.wait(30)
    board.drive(4, 1)
    board.wait(30)
    assert board.number("E.N") == 2


def test_time_goes_on_with_the_scans(board: FakeBoard) -> None:
    board.drive(3, 1)
    board.wait(90)
    assert board.read("F.TIMER.Q") == [b"\0"]
    board.wait(10)
    assert board.read("F.TIMER.Q") == [b"\1"]


def test_an_access_outside_of_an_array_is_counted(board: FakeBoard) -> None:
    board.wait(50)
    assert board.number("RUNG_FAULTS") == 0
    board.drive(3, 1)
    board.wait(40)
    assert board.number("RUNG_FAULTS") > 0
    assert board.number("F.FAULT_HERE") == 0


def test_what_is_forced_is_so_inside_of_blocks_and_loops(board: FakeBoard) -> None:
    board.wait(30)
    assert (board.number("F.SEEN"), board.number("F.SUM")) == (42, 15)
    board.force("F.INNER.B", b"\x07\0")
    board.force("F.LIST[2]", b"\x64\0")
    board.wait(30)
    assert (board.number("F.SEEN"), board.number("F.SUM")) == (7, 113)
    board.force("A.SENSOR", b"\1")
    board.wait(30)
    assert board.pin(12) == 1
    board.force("A.LAMP", b"\0")
    board.wait(30)
    assert board.pin(12) == 0
    board.force("F.TIMER.Q", b"\1")
    board.wait(60)
    assert board.read("F.TIMER.Q") == [b"\1"]
    for path in ("F.INNER.B", "F.LIST[2]", "F.TIMER.Q", "A.SENSOR", "A.LAMP"):
        board.release(path)
    board.wait(30)
    assert (board.number("F.SEEN"), board.number("F.SUM")) == (42, 15)
    assert board.read("F.TIMER.Q") == [b"\0"]


def test_who_only_looks_at_a_shared_address_does_not_undo_what_another_wrote(tmp_path: Path) -> None:
    artefact = build(SHARED)
    with FakeBoard(artefact, compile_fake(artefact, tmp_path)) as board:
        board.wait(100)
        assert board.pin(7) == 1
        assert board.number("B.SEEN") == 1
        m, k = (int.from_bytes(value, "little") for value in board.read("A.M", "B.K"))
        assert m == k + 1 > 8, "its own is one scan ahead"
        board.force("B.LAMP", b"\0")
        board.wait(30)
        assert board.pin(7) == 0, "what is forced beats every program"
        board.release("B.LAMP")
        board.wait(50)
        assert board.pin(7) == 1
