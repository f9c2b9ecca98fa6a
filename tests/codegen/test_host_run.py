"""`rung run`: scans on a virtual clock, settings, and what happens when a program does not come to its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from codegen.probes import SHARED, checked, run
from rung.codegen import run as run_module
from rung.codegen.build import build_artefact
from rung.codegen.program import BuildError
from rung.codegen.run import RunResult, Setting, run_program
from rung.codegen.toolchain import Toolchain

TIMERS = """
PROGRAM Main
VAR
  on : TON; off : TOF; pulse : TP; zero : TON;
  start : BOOL; scans, on_at, off_at, pulse_on, zero_at : INT;
END_VAR
scans := scans + 1;
on(IN := start, PT := T#50ms);
off(IN := scans <= 3, PT := T#50ms);
pulse(IN := start, PT := T#50ms);
zero(IN := start, PT := T#0s);
IF on.Q AND on_at = 0 THEN on_at := scans; END_IF;
IF NOT off.Q AND off_at = 0 THEN off_at := scans; END_IF;
IF pulse.Q THEN pulse_on := pulse_on + 1; END_IF;
IF zero.Q AND zero_at = 0 THEN zero_at := scans; END_IF;
END_PROGRAM
"""

TASKS = """
PROGRAM Count VAR n : INT; END_VAR VAR_EXTERNAL order : LINT; END_VAR VAR_INPUT digit : LINT; END_VAR
n := n + 1; order := order * 10 + digit; END_PROGRAM
CONFIGURATION C
VAR_GLOBAL order : LINT; go : BOOL; END_VAR
RESOURCE R ON PLC
TASK slow(INTERVAL := T#50ms, PRIORITY := 5);
TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
TASK event(SINGLE := go, PRIORITY := 3);
PROGRAM A WITH slow : Count (digit := 1);
PROGRAM B WITH fast : Count (digit := 2);
PROGRAM E WITH event : Count (digit := 3);
PROGRAM Z : Count (digit := 4);
END_RESOURCE
END_CONFIGURATION
"""

TYPES = """
TYPE Colour : (Red, Green); END_TYPE
PROGRAM P VAR
b : BOOL; u : UINT; i : LINT; r, quiet, big : REAL; l : LREAL; t : TIME; s : STRING[4]; w : WSTRING; c : Colour; d : DATE; x : WORD;
v : ARRAY[1..2, 0..1] OF INT; out AT %QW1 : INT; in AT %IX0.0 : BOOL; f : TON; copy : BOOL;
END_VAR
big := 1.0 / quiet; copy := in;
END_PROGRAM
"""


def variables(text: str, cycles: int = 1, sets: Sequence[Setting] = ()) -> dict[str, object]:
    result = run(text, cycles, None, sets)
    assert result.error is None
    return dict(result.variables)


class TestClock:
    def test_timers_follow_the_timing_diagrams_to_the_scan(self) -> None:
        values = variables(TIMERS, 10, [Setting("Main.start", "TRUE", 2)])
        # start rises in scan 2 (20 ms): 50 ms have passed in scan 5 (80 ms). off falls in scan 4 (60 ms): over in scan 7 (120 ms).
        assert (values["MAIN.ON_AT"], values["MAIN.OFF_AT"], values["MAIN.PULSE_ON"], values["MAIN.ZERO_AT"]) == (
            5,
            7,
            3,
            2,
        )
        assert values["MAIN.ON.ET"] == 50_000_000

    def test_time_is_cycles_times_tick(self) -> None:
        assert run(TIMERS, 7).time_ns == 140_000_000
        assert run(TIMERS, 7, 1_000_000).time_ns == 7_000_000

    def test_a_given_tick_moves_the_timers(self) -> None:
        result = run(TIMERS, 10, 60_000_000, [Setting("MAIN.START", "TRUE", 2)])
        assert result.variables["MAIN.ON_AT"] == 3

    def test_tasks_run_when_due_the_most_urgent_first(self) -> None:
        result = run(TASKS, 6)  # scans of 10 ms, 0 to 50 ms
        assert result.time_ns == 60_000_000
        assert [result.variables[f"{name}.N"] for name in "ABEZ"] == [2, 3, 0, 6]
        assert result.variables["ORDER"] == 214_4_24_4_24_14
        assert run(TASKS, 6).variables == result.variables

    def test_an_event_starts_its_task(self) -> None:
        result = run(TASKS, 6, None, [Setting("go", "TRUE", 2), Setting("go", "FALSE", 3), Setting("go", "TRUE", 5)])
        assert result.variables["E.N"] == 2

    def test_a_lone_program_runs_in_every_scan_whatever_the_tick(self) -> None:
        assert run(TIMERS, 5, 1_000_000).variables["MAIN.SCANS"] == 5
        assert run(TIMERS, 5, 100_000_000).variables["MAIN.SCANS"] == 5


class TestVariables:
    def test_values_of_every_kind(self) -> None:
        sets = [
            Setting("P.b", "TRUE"), Setting("P.u", "16#FFFF"), Setting("P.i", "-9223372036854775808"), Setting("P.r", "0.1"),
            Setting("P.l", "1E300"), Setting("P.t", "T#-1s500ms"), Setting("P.s", "'toolong'"), Setting("P.w", "Grüße"),
            Setting("P.c", "Green"), Setting("P.d", "D#2024-02-29"), Setting("P.x", "255"), Setting("P.v[2, 1]", "-5"),
            Setting("%IX0.0", "1"), Setting("%QW1", "-2"), Setting("P.f.PT", "T#2s"),
        ]  # fmt: skip
        values = variables(TYPES, 1, sets)
        assert values["P.B"] is True
        assert (values["P.U"], values["P.I"], values["P.X"]) == (65535, -(1 << 63), 255)
        assert (values["P.R"], values["P.L"], values["P.BIG"]) == (0.1, 1e300, "inf")
        assert (values["P.T"], values["P.D"]) == (-1_500_000_000, 1_709_164_800 * 10**9)
        assert (values["P.S"], values["P.W"], values["P.C"]) == ("tool", "Grüße", "Green")
        assert (values["P.V[2,1]"], values["P.V[1,0]"]) == (-5, 0)
        assert (values["P.OUT"], values["P.COPY"], values["P.F.PT"]) == (-2, True, 2_000_000_000)

    def test_a_setting_is_a_write_not_a_force(self) -> None:
        text = "PROGRAM P VAR n : INT; END_VAR n := n + 1; END_PROGRAM"
        assert variables(text, 5, [Setting("p.n", "100", 3)]) == {"P.N": 103}

    @pytest.mark.parametrize(
        ("name", "value", "complaint"),
        [
            ("P.nothing", "1", "no variable"),
            ("%QX9.9", "1", "does not use"),
            ("P.b", "maybe", "write TRUE or FALSE"),
            ("P.u", "65536", "outside of UINT"),
            ("P.u", "x", "P.u cannot be set"),
            ("P.r", "x", "is no REAL"),
            ("P.r", "1e39", "is no REAL"),
            ("P.t", "soon", "P.t cannot be set"),
            ("P.c", "Blue", "P.c cannot be set"),
        ],
    )
    def test_settings_that_make_no_sense(self, name: str, value: str, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            variables(TYPES, 1, [Setting(name, value)])

    def test_scans_are_counted_from_one(self) -> None:
        with pytest.raises(ValueError, match="counted from 1"):
            variables(TYPES, 1, [Setting("P.b", "1", 0)])

    def test_no_scan_shows_the_initial_values(self) -> None:
        result = run("PROGRAM P VAR n : INT := 4; END_VAR n := n + 1; END_PROGRAM", 0)
        assert (result.time_ns, result.variables) == (0, {"P.N": 4})

    def test_faults_are_counted(self) -> None:
        result = run(
            "PROGRAM P VAR a, z, i : INT; v : ARRAY[1..2] OF INT; END_VAR a := 1 / z; v[i] := 1; a := v[i]; END_PROGRAM",
            2,
        )
        assert result.faults == 6


class TestTrouble:
    def test_an_endless_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_module, "SCAN_LIMIT_S", 0.5)
        start = time.monotonic()
        result = run("PROGRAM P VAR n : DINT; END_VAR WHILE n >= 0 DO n := n MOD 7; END_WHILE; END_PROGRAM", 3)
        assert result.error is not None
        assert "loops for ever" in result.error
        assert (result.cycles, result.variables) == (0, {})
        assert time.monotonic() - start < 10

    @pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
    def test_a_crash(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        # No program that the checker lets through is known to crash, so a script stands in for the executable.
        crashing = tmp_path / "program"
        crashing.write_text("#!/bin/sh\necho 41 >&2\nkill -SEGV $$\n")
        crashing.chmod(0o755)
        monkeypatch.setattr(run_module, "build_executable", lambda *_: crashing)
        result = run("PROGRAM P VAR n : INT; END_VAR n := 1; END_PROGRAM", 100)
        assert result.error == "The program crashed with SIGSEGV. On a machine the runtime would stop it."
        assert (result.cycles, result.time_ns, result.variables) == (41, 820_000_000, {})

    def test_a_long_run_is_no_endless_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_module, "SCAN_LIMIT_S", 1.0)
        text = "PROGRAM P VAR n, i : DINT; END_VAR FOR i := 1 TO 1000 DO n := n + i MOD 7; END_FOR; END_PROGRAM"
        result = run(text, 300_000)
        assert (result.error, result.cycles) == (None, 300_000)

    def test_no_compiler(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_module, "find_toolchain", lambda: None)
        program, sources = checked("PROGRAM P VAR n : INT := 12345; END_VAR ; END_PROGRAM")
        with pytest.raises(BuildError, match=r"No C\+\+ compiler was found"):
            run_program(program, sources, 1)

    def test_nothing_to_run(self) -> None:
        with pytest.raises(BuildError, match="no PROGRAM"):
            run("FUNCTION f : INT f := 1; END_FUNCTION")


class TestCache:
    def test_the_second_run_compiles_nothing(self) -> None:
        text = "PROGRAM P VAR n : INT := 77; END_VAR n := n + 1; END_PROGRAM"
        run(text)
        program, sources = checked(text)
        broken = Toolchain(("/nonexistent/compiler",), "none")
        with pytest.raises(FileNotFoundError):
            run_program(program, sources, 1, toolchain=broken)  # another compiler is another program
        start = time.monotonic()
        result: RunResult = run(text, 3)
        assert result.variables == {"P.N": 80}
        assert time.monotonic() - start < 0.5

    def test_the_host_artefact_is_the_executable(self) -> None:
        program, sources = checked("PROGRAM P VAR n : INT := 77; END_VAR n := n + 1; END_PROGRAM")
        artefact = build_artefact(program, "host", sources)
        assert artefact.file_name.startswith("program")
        assert len(artefact.data) > 1000
        with pytest.raises(BuildError, match="no target"):
            build_artefact(program, "toaster", sources)


def test_an_in_out_of_a_program_that_nothing_is_connected_to_keeps_what_is_written() -> None:
    result = run(
        "PROGRAM Main VAR_OUTPUT o : INT; END_VAR VAR_IN_OUT c : INT; END_VAR c := c + 1; o := c; END_PROGRAM", 5
    )
    assert (result.variables["MAIN.O"], result.faults) == (5, 0)


def test_who_only_looks_at_an_address_that_two_instances_share_does_not_undo_what_the_other_wrote() -> None:
    variables = run(SHARED, 4).variables
    assert (variables["A.LAMP"], variables["B.SEEN"]) == (True, True)
    assert (variables["A.M"], variables["B.K"]) == (9, 8), "it sees what the scan before left"
