"""The download for OpenPLC Runtime v4.1: what is in it, and how the program behaves when a runtime walks it.

The programs run in a machine that keeps the runtime's binary contract and nothing else.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from codegen.openplc_machine import Machine, build_library
from codegen.probes import checked
from rung.codegen.artefact import Artefact
from rung.codegen.build import BuildError, build_artefact

PLANT = """
TYPE Mode : (Idle, Running, Fault); END_TYPE

FUNCTION_BLOCK Counter
VAR_INPUT up : BOOL; END_VAR
VAR_OUTPUT n : INT; END_VAR
VAR edge : R_TRIG; END_VAR
edge(CLK := up);
IF edge.Q THEN n := n + 1; END_IF;
END_FUNCTION_BLOCK

PROGRAM Main
VAR_EXTERNAL total : DINT; lamp2 : BOOL; END_VAR
VAR
  button AT %IX0.0 : BOOL;
  lamp AT %QX0.1 : BOOL;
  speed AT %QW3 : INT := 7;
  level : REAL := 1.5;
  timer : TON;
  count : Counter;
  mode : Mode := Mode#Running;
  table : ARRAY[1..3] OF INT := [10, 20, 30];
  i : INT;
  name : STRING[10] := 'pump';
  wide : WSTRING[4] := "äö";
  zero, bad : INT;
END_VAR
total := total + 1;
timer(IN := TRUE, PT := T#50ms);
count(up := button);
lamp := button;
lamp2 := timer.Q;
FOR i := 1 TO 3 DO table[i] := table[i] + 1; END_FOR;
bad := 1 / zero;
END_PROGRAM

CONFIGURATION MyPlant
VAR_GLOBAL total : DINT := 100; lamp2 AT %QX5.0 : BOOL; END_VAR
RESOURCE Cpu ON PLC
TASK fast(INTERVAL := T#20ms, PRIORITY := 0);
PROGRAM M1 WITH fast : Main;
END_RESOURCE
END_CONFIGURATION
"""


def build(text: str, name: str = "plant.st") -> Artefact:
    program, sources = checked(text, name)
    return build_artefact(program, "openplc-v4", sources)


@pytest.fixture(scope="module")
def plant() -> Artefact:
    return build(PLANT)


@pytest.fixture(scope="module")
def plant_library(plant: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(plant, tmp_path_factory.mktemp("plant"))


def started(text: str, folder: Path) -> Machine:
    return Machine.load(build(text), folder)


class TestArchive:
    def test_holds_what_the_device_asks_for(self, plant: Artefact) -> None:
        archive = zipfile.ZipFile(io.BytesIO(plant.data))
        names = archive.namelist()
        assert {"generated.hpp", "program.cpp", "defines.h", "program.st", "debug-map.json"} <= set(names)
        headers = {n.rpartition("/")[2] for n in names if n.startswith("strucpp_runtime/include/")}
        assert {"debug_dispatch.hpp", "iec_located.hpp", "iec_std_lib.hpp"} <= headers
        assert not {"Config0.c", "glueVars.c"} & set(names)
        assert f'#define PROGRAM_MD5 "{plant.md5}"' in archive.read("defines.h").decode()
        assert archive.read("program.st").decode() == PLANT

    def test_is_the_same_for_the_same_sources_wherever_they_lie(self, plant: Artefact) -> None:
        again = build(PLANT)
        assert (again.data, again.md5) == (plant.data, plant.md5)
        assert (
            b"/"
            not in zipfile.ZipFile(io.BytesIO(plant.data)).read("program_bodies.hpp").split(b"#line")[1].split(b"\n")[0]
        )

    def test_has_another_md5_for_another_program(self, plant: Artefact) -> None:
        assert build(PLANT.replace("+ 1;", "+ 2;")).md5 != plant.md5

    def test_is_small(self, plant: Artefact) -> None:
        assert len(plant.data) < 30_000

    def test_carries_plugin_configuration(self) -> None:
        program, sources = checked(PLANT)
        plain = build_artefact(program, "openplc-v4", sources)
        artefact = build_artefact(program, "openplc-v4", sources, lambda _: {"conf/modbus_slave.json": b"{}"})
        assert zipfile.ZipFile(io.BytesIO(artefact.data)).read("conf/modbus_slave.json") == b"{}"
        assert artefact.md5 != plain.md5

    def test_needs_a_program(self) -> None:
        with pytest.raises(BuildError, match="no PROGRAM"):
            build("FUNCTION f : INT f := 1; END_FUNCTION")

    def test_debug_map_is_version_2(self, plant: Artefact) -> None:
        document = json.loads(zipfile.ZipFile(io.BytesIO(plant.data)).read("debug-map.json"))
        assert (document["version"], document["md5"]) == (2, plant.md5)
        assert document["typeTags"]["BOOL"] == 0
        assert document["typeTags"]["WSTRING"] == 20
        counts = [array["count"] for array in document["arrays"]]
        for index, count in enumerate(counts):
            elements = [leaf["elemIdx"] for leaf in document["leaves"] if leaf["arrayIdx"] == index]
            assert elements == list(range(count))
        sizes = {leaf["path"]: (leaf["type"], leaf["size"]) for leaf in document["leaves"]}
        assert sizes["TOTAL"] == ("DINT", 4)
        assert sizes["M1.TIMER.PT"] == ("TIME", 8)
        assert sizes["M1.COUNT.EDGE.CLK"] == ("BOOL", 1)
        assert sizes["M1.TABLE[3]"] == ("INT", 2)
        assert sizes["M1.NAME"] == ("STRING", 127)
        assert sizes["M1.WIDE"] == ("WSTRING", 253)
        assert sizes["M1.MODE"] == ("INT", 2)

    @pytest.mark.skipif(sys.platform != "linux", reason="reads an ELF file")
    def test_has_no_symbol_that_keeps_it_in_memory(self, plant_library: Path) -> None:
        # A unique symbol (STB_GNU_UNIQUE, 10) makes the runtime's dlclose do nothing: the next start would find old values.
        data = plant_library.read_bytes()
        start = int.from_bytes(data[40:48], "little")
        size, count = int.from_bytes(data[58:60], "little"), int.from_bytes(data[60:62], "little")
        sections = [data[start + i * size : start + (i + 1) * size] for i in range(count)]
        symbols = next(s for s in sections if int.from_bytes(s[4:8], "little") == 11)
        at, length = int.from_bytes(symbols[24:32], "little"), int.from_bytes(symbols[32:40], "little")
        bindings = {data[at + i + 4] >> 4 for i in range(0, length, 24)}
        assert bindings
        assert 10 not in bindings


class TestContract:
    def test_configuration(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        assert machine.configuration_name == "Config0"
        assert machine.md5 == plant.md5
        (task,) = machine.tasks
        assert (task.name, task.interval_ns, task.program_count) == (b"fast", 20_000_000, 1)
        assert 1 <= task.priority <= 99

    def test_process_image(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        located = {(v.area, v.size, v.byte_index, v.bit_index) for v in machine.located}
        assert located == {(0, 0, 0, 0), (1, 0, 0, 1), (1, 2, 3, 0), (1, 0, 5, 0)}
        machine.scan()
        assert machine.image == {(1, 2, 3, 0): 7}  # the declared initial value reaches the output
        machine.image[(0, 0, 0, 0)] = 1
        machine.scan(times=3)
        assert machine.image[(1, 0, 0, 1)] == 1
        assert machine.image[(1, 0, 5, 0)] == 1  # a located global, written by the timer after 60 ms
        assert machine.read("M1.COUNT.N") == 1
        assert machine.read("LAMP2") is True

    def test_an_output_that_somebody_else_wrote_is_not_overwritten(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.scan()
        machine.image[(1, 2, 3, 0)] = 55
        machine.scan(times=2)
        assert machine.image[(1, 2, 3, 0)] == 55
        assert machine.read("M1.SPEED") == 55

    def test_timers_follow_the_scans(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.scan(times=3)
        assert (machine.read("M1.TIMER.Q"), machine.read("M1.TIMER.ET")) == (False, 40_000_000)
        machine.scan()
        assert (machine.read("M1.TIMER.Q"), machine.read("M1.TIMER.ET")) == (True, 50_000_000)

    def test_values(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.scan(times=2)
        found = {
            path: machine.read(path)
            for path in ("TOTAL", "M1.LEVEL", "M1.MODE", "M1.TABLE[2]", "M1.NAME", "M1.WIDE", "RUNG_FAULTS")
        }
        assert found == {
            "TOTAL": 102, "M1.LEVEL": 1.5, "M1.MODE": 1, "M1.TABLE[2]": 22, "M1.NAME": "pump", "M1.WIDE": "äö", "RUNG_FAULTS": 2,
        }  # fmt: skip
        assert len(machine.read_raw("M1.NAME")) == 127
        assert set(machine.read_raw("M1.NAME")[5:]) == {0}

    def test_unknown_addresses(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        library = machine.library
        assert library.strucpp_debug_array_count() == 2
        assert library.strucpp_debug_elem_count(0) == 3
        assert library.strucpp_debug_elem_count(9) == 0
        assert library.strucpp_debug_size(9, 0) == 0
        assert library.strucpp_debug_size(0, 999) == 0
        assert library.strucpp_debug_read(1, 60000, b" " * 300) == 0
        assert library.strucpp_debug_set(1, 60000, True, b"\0" * 8, 8) == 0x81
        assert library.strucpp_debug_set(9, 0, False, None, 0) == 0x81


class TestForcing:
    def test_a_forced_variable_is_pinned_inside_the_scan(self, tmp_path: Path) -> None:
        machine = started(
            "PROGRAM P VAR a, seen : INT; b : BOOL; c : INT; END_VAR a := a + 1; seen := a; b := a > 100; c := c + 1; END_PROGRAM",
            tmp_path,
        )
        machine.scan(times=3)
        assert machine.force_int("P.A", 500) == 0x7E
        machine.scan(times=2)
        assert [machine.read(f"P.{n}") for n in ("A", "SEEN", "B", "C")] == [500, 500, True, 5]
        assert machine.release("P.A") == 0x7E
        machine.scan()
        assert machine.read("P.A") == 501

    def test_inputs_outputs_and_block_members(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.image[(0, 0, 0, 0)] = 0
        assert machine.force_int("M1.BUTTON", 1) == 0x7E
        assert machine.force_int("M1.TIMER.Q", 1) == 0x7E
        assert machine.force_int("M1.COUNT.EDGE.Q", 1) == 0x7E
        machine.scan(times=3)
        assert machine.image[(1, 0, 0, 1)] == 1  # lamp follows the forced button
        assert machine.image[(1, 0, 5, 0)] == 1  # lamp2 follows the forced timer output
        assert machine.read("M1.COUNT.N") == 3  # every call sees an edge
        assert machine.force_int("M1.LAMP", 0) == 0x7E
        machine.scan()
        assert machine.image[(1, 0, 0, 1)] == 0
        for path in ("M1.BUTTON", "M1.TIMER.Q", "M1.COUNT.EDGE.Q", "M1.LAMP"):
            machine.release(path)
        machine.scan(times=2)
        assert machine.read("M1.BUTTON") is False

    def test_array_elements_and_strings(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.force_int("M1.TABLE[2]", -4)
        assert machine.force("M1.NAME", bytes([20]) + b"0123456789ABCDEFGHIJ".ljust(126, b"\0")) == 0x7E
        machine.scan(times=3)
        assert [machine.read(f"M1.TABLE[{i}]") for i in (1, 2, 3)] == [13, -4, 33]
        assert machine.read("M1.NAME") == "0123456789"

    def test_a_forced_control_variable_does_not_hang_the_loop(self, tmp_path: Path) -> None:
        machine = started(
            "PROGRAM P VAR i, j, n, m : INT; v : ARRAY[1..3] OF INT; END_VAR "
            "n := 0; m := 0; FOR i := 1 TO 3 DO n := n + 1; v[i] := n; END_FOR; "
            "FOR j := 1 TO 6 DO m := m + 1; IF j = 2 THEN j := j + 1; END_IF; END_FOR; END_PROGRAM",
            tmp_path,
        )
        machine.scan()
        assert (machine.read("P.N"), machine.read("P.M")) == (3, 5)
        machine.force_int("P.I", 30000)  # also far outside of the array
        machine.force_int("P.J", 1)
        machine.scan()
        assert (machine.read("P.N"), machine.read("P.M")) == (3, 6)
        assert [machine.read(f"P.V[{i}]") for i in (1, 2, 3)] == [1, 2, 3]

    def test_whole_assignments_leave_forced_parts_alone(self, tmp_path: Path) -> None:
        machine = started(
            "TYPE S : STRUCT a, b : INT; END_STRUCT; END_TYPE "
            "PROGRAM P VAR x, y : S; END_VAR x.a := x.a + 1; x.b := x.b + 1; y := x; END_PROGRAM",
            tmp_path,
        )
        machine.force_int("P.Y.B", 77)
        machine.scan(times=2)
        assert (machine.read("P.Y.A"), machine.read("P.Y.B"), machine.read("P.X.B")) == (2, 77, 2)

    def test_a_value_that_is_too_short(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        assert machine.force("TOTAL", b"\0") == 0x82

    def test_no_more_than_the_table_holds(self, tmp_path: Path) -> None:
        machine = started("PROGRAM P VAR v : ARRAY[0..99] OF INT; END_VAR v[0] := 1; END_PROGRAM", tmp_path)
        answers = [machine.force_int(f"P.V[{i}]", 5) for i in range(100)]
        assert answers == [0x7E] * 64 + [0x82] * 36
        assert machine.release("P.V[3]") == 0x7E
        assert machine.force_int("P.V[99]", 6) == 0x7E

    def test_a_soft_write_happens_once(self, plant: Artefact, tmp_path: Path) -> None:
        machine = Machine.load(plant, tmp_path)
        machine.scan()
        assert machine.write("TOTAL", (1000).to_bytes(4, "little")) == 0x7E
        assert machine.write("M1.SPEED", (9).to_bytes(2, "little")) == 0x7E
        machine.scan(times=2)
        assert machine.read("TOTAL") == 1002
        assert machine.image[(1, 2, 3, 0)] == 9


TASKS = """
PROGRAM Fast
VAR_EXTERNAL shared, slow_runs, setpoint : INT; out AT %QX1.0 : BOOL; END_VAR
VAR n : INT; END_VAR
n := n + 1; shared := shared + 1;
END_PROGRAM
PROGRAM Slow
VAR_EXTERNAL shared, slow_runs, setpoint : INT; list : ARRAY[1..3] OF INT; END_VAR
VAR t : TON; seen : INT; END_VAR
slow_runs := slow_runs + 1; seen := shared; t(IN := TRUE, PT := T#300ms); list[2] := list[2] + 1;
END_PROGRAM
PROGRAM OnEvent
VAR_EXTERNAL go : BOOL; END_VAR
VAR n : INT; END_VAR
n := n + 1;
END_PROGRAM
PROGRAM Free
VAR n : INT; END_VAR
n := n + 1;
END_PROGRAM
CONFIGURATION C
VAR_GLOBAL shared, slow_runs, setpoint : INT; list : ARRAY[1..3] OF INT; out AT %QX1.0 : BOOL; go AT %IX2.0 : BOOL; END_VAR
RESOURCE R ON PLC
TASK slow(INTERVAL := T#100ms, PRIORITY := 9);
TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
TASK event(SINGLE := go, PRIORITY := 5);
PROGRAM S WITH slow : Slow;
PROGRAM F WITH fast : Fast;
PROGRAM E WITH event : OnEvent;
PROGRAM Z : Free;
END_RESOURCE
END_CONFIGURATION
"""


class TestSeveralTasks:
    @pytest.fixture
    def machine(self, tmp_path: Path) -> Machine:
        return started(TASKS.replace("VAR_EXTERNAL shared, slow_runs, setpoint : INT; out AT %QX1.0 : BOOL;",
                                     "VAR_EXTERNAL shared, slow_runs, setpoint : INT; out : BOOL;"), tmp_path)  # fmt: skip

    def task(self, machine: Machine, name: str) -> int:
        return [task.name.decode() for task in machine.tasks].index(name)

    def test_urgency_is_turned_round_in_order(self, machine: Machine) -> None:
        urgency = {task.name.decode(): task.priority for task in machine.tasks}
        assert urgency["fast"] > urgency["event"] > urgency["slow"] > urgency["R_background"] >= 1
        periods = {task.name.decode(): task.interval_ns for task in machine.tasks}
        assert periods == {"slow": 100_000_000, "fast": 20_000_000, "event": 20_000_000, "R_background": 20_000_000}

    def test_globals_are_shared(self, machine: Machine) -> None:
        machine.scan(self.task(machine, "fast"), 5)
        machine.scan(self.task(machine, "slow"))
        machine.scan(self.task(machine, "fast"))
        assert [machine.read(p) for p in ("SHARED", "SLOW_RUNS", "S.SEEN", "LIST[2]")] == [6, 1, 5, 1]

    def test_timers_in_slow_tasks_run(self, machine: Machine) -> None:
        slow = self.task(machine, "slow")
        machine.scan(slow, 3)
        assert (machine.read("S.T.Q"), machine.read("S.T.ET")) == (False, 200_000_000)
        machine.scan(slow)
        assert machine.read("S.T.Q") is True

    def test_forced_globals_are_pinned_in_every_task(self, machine: Machine) -> None:
        machine.force_int("SHARED", 40)
        machine.scan(self.task(machine, "fast"), 3)
        machine.scan(self.task(machine, "slow"))
        assert (machine.read("SHARED"), machine.read("S.SEEN")) == (40, 40)
        machine.release("SHARED")
        machine.scan(self.task(machine, "fast"))
        assert machine.read("SHARED") == 41

    def test_a_soft_write_reaches_a_global_once(self, machine: Machine) -> None:
        machine.write("SETPOINT", (12).to_bytes(2, "little"))
        machine.scan(self.task(machine, "fast"))
        machine.scan(self.task(machine, "slow"))
        assert machine.read("SETPOINT") == 12

    def test_an_event_starts_its_task(self, machine: Machine) -> None:
        event = self.task(machine, "event")
        machine.scan(event, 3)
        assert machine.read("E.N") == 0
        machine.image[(0, 0, 2, 0)] = 1
        machine.scan(event, 3)
        assert machine.read("E.N") == 1
        machine.image[(0, 0, 2, 0)] = 0
        machine.scan(event)
        machine.image[(0, 0, 2, 0)] = 1
        machine.scan(event)
        assert machine.read("E.N") == 2

    def test_each_task_has_its_slice(self, machine: Machine) -> None:
        ranges = [machine.located_range(task.programs[p]) for task in machine.tasks for p in range(task.program_count)]
        covered = sorted(i for offset, count in ranges for i in range(offset, offset + count))
        assert covered == list(range(len(machine.located)))


def test_more_variables_than_one_debug_array_holds(tmp_path: Path) -> None:
    machine = started(
        "TYPE S : STRUCT a : INT; b : DINT; END_STRUCT; END_TYPE "
        "PROGRAM P VAR v : ARRAY[0..9999] OF INT; s : ARRAY[1..50] OF S; i : INT; END_VAR "
        "FOR i := 0 TO 9999 DO v[i] := i; END_FOR; s[50].b := 77; END_PROGRAM",
        tmp_path,
    )
    machine.scan()
    assert [machine.read(f"P.V[{i}]") for i in (0, 7999, 8000, 9999)] == [0, 7999, 8000, 9999]
    assert machine.read("P.S[50].B") == 77
    assert max(leaf.element for leaf in machine.leaves.values()) == 7999
    assert len(machine.leaves) == 10_000 + 100 + 1 + 1


def test_addresses_given_by_var_config(tmp_path: Path) -> None:
    machine = started(
        "PROGRAM P VAR sensor AT %I* : BOOL; lamp AT %Q* : BOOL; END_VAR lamp := sensor; END_PROGRAM "
        "CONFIGURATION C VAR_CONFIG A.sensor AT %IX0.3 : BOOL; A.lamp AT %QX0.4 : BOOL; B.sensor AT %IX1.3 : BOOL; "
        "B.lamp AT %QX1.4 : BOOL; END_VAR RESOURCE R ON PLC TASK t(INTERVAL := T#10ms, PRIORITY := 1); "
        "PROGRAM A WITH t : P; PROGRAM B WITH t : P; END_RESOURCE END_CONFIGURATION",
        tmp_path,
    )
    machine.image[(0, 0, 1, 3)] = 1
    machine.scan()
    assert machine.image.get((1, 0, 0, 4), 0) == 0
    assert machine.image[(1, 0, 1, 4)] == 1


def test_addresses_that_the_runtime_has_no_place_for_work_inside_the_program(tmp_path: Path) -> None:
    machine = started(
        "PROGRAM P VAR b AT %MB5 : USINT := 3; w AT %MW2000 : INT; END_VAR b := b + 1; w := w + 2; END_PROGRAM",
        tmp_path,
    )
    assert machine.located == []
    machine.scan(times=3)
    assert (machine.read("P.B"), machine.read("P.W")) == (6, 6)


def test_program_connections(tmp_path: Path) -> None:
    machine = started(
        "PROGRAM P VAR_INPUT a, b : INT; END_VAR VAR_OUTPUT y : INT; END_VAR y := a + b; END_PROGRAM "
        "CONFIGURATION C VAR_GLOBAL g, h : INT := 4; END_VAR RESOURCE R ON PLC TASK t(INTERVAL := T#10ms, PRIORITY := 1); "
        "PROGRAM A WITH t : P (a := 5, b := g, y => h); END_RESOURCE END_CONFIGURATION",
        tmp_path,
    )
    machine.scan()
    assert machine.read("H") == 9
