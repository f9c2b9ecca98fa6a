"""The download for OpenPLC Runtime v4.0: what is in it, and how the program behaves when a runtime of that line calls it.

The programs run in a machine that keeps the runtime's contract and nothing else; each is compiled once.
"""

from __future__ import annotations

import ctypes
import io
import sys
import zipfile
from pathlib import Path

import pytest

from codegen.openplc_v4_0_machine import REQUIRED, Machine, build_library
from codegen.probes import checked
from rung.codegen.artefact import Artefact
from rung.codegen.build import BuildError, build_artefact
from rung.codegen.compile_check import check_artefact
from rung.codegen.openplc_v4_0 import scan_period

MS = 1_000_000

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
  flag AT %MX2.5 : BOOL;
  kept AT %ML4 : LINT := 9;
  pulse AT %ML5 : TIME := T#3s;
  own AT %MB6 : USINT := 3;
  level : REAL := 1.5;
  timer : TON;
  count : Counter;
  mode : Mode := Mode#Running;
  table : ARRAY[1..3] OF INT := [10, 20, 30];
  i, a, seen : INT;
  name : STRING[10] := 'pump';
  long : STRING[200];
  wide : WSTRING[4] := "äö";
  waits : ARRAY[1..2] OF TIME := [T#1s500ms, T#-1s500ms];
  day : DATE := D#2026-11-22;
  clock : TOD := TOD#23:59:59.250;
  stamp : DT := DT#2026-11-22-10:20:30;
  late : DT := DT#2050-01-01-00:00:00;
  zero, bad : INT;
END_VAR
total := total + 1;
timer(IN := TRUE, PT := T#50ms);
count(up := button);
lamp := button;
flag := NOT flag;
own := own + 1;
kept := kept + 1;
lamp2 := timer.Q;
a := a + 1; seen := a;
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

TASKS = """
PROGRAM Fast
VAR_EXTERNAL shared : INT; order : STRING; END_VAR
VAR n : INT; END_VAR
n := n + 1; shared := shared + 1; order := CONCAT(RIGHT(order, 5), 'f');
END_PROGRAM
PROGRAM Slow
VAR_EXTERNAL shared : INT; order : STRING; END_VAR
VAR n, seen : INT; t : TON; END_VAR
n := n + 1; seen := shared; t(IN := TRUE, PT := T#300ms); order := CONCAT(RIGHT(order, 5), 's');
END_PROGRAM
PROGRAM OnEvent
VAR n : INT; END_VAR
n := n + 1;
END_PROGRAM
PROGRAM Linked
VAR sensor AT %I* : BOOL; lamp AT %Q* : BOOL; speed AT %Q* : INT := 5; END_VAR
lamp := sensor; IF sensor THEN speed := speed + 1; END_IF;
END_PROGRAM
CONFIGURATION C
VAR_GLOBAL shared : INT; order : STRING; go AT %IX2.0 : BOOL; END_VAR
VAR_CONFIG
  A.sensor AT %IX0.3 : BOOL; A.lamp AT %QX0.4 : BOOL; A.speed AT %QW1 : INT;
  B.sensor AT %IX2.0 : BOOL; B.lamp AT %QX1.4 : BOOL; B.speed AT %QW2 : INT;
END_VAR
RESOURCE R ON PLC
TASK slow(INTERVAL := T#100ms, PRIORITY := 9);
TASK fast(INTERVAL := T#20ms, PRIORITY := 1);
TASK event(SINGLE := go, PRIORITY := 5);
TASK both(SINGLE := go, INTERVAL := T#60ms, PRIORITY := 6);
PROGRAM S WITH slow : Slow;
PROGRAM F WITH fast : Fast;
PROGRAM E WITH event : OnEvent;
PROGRAM EI WITH both : OnEvent;
PROGRAM A WITH fast : Linked;
PROGRAM B WITH fast : Linked;
PROGRAM Z : OnEvent;
END_RESOURCE
END_CONFIGURATION
"""


def build(text: str, name: str = "plant.st") -> Artefact:
    program, sources = checked(text, name)
    return build_artefact(program, "openplc-v4.0", sources)


@pytest.fixture(scope="module")
def plant() -> Artefact:
    return build(PLANT)


@pytest.fixture(scope="module")
def plant_library(plant: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(plant, tmp_path_factory.mktemp("plant"))


@pytest.fixture
def machine(plant: Artefact, plant_library: Path) -> Machine:
    """The plant, freshly started: what another test left in the library must not be seen."""
    return Machine.load(plant, plant_library)


@pytest.fixture(scope="module")
def tasks_library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, Path]:
    artefact = build(TASKS)
    return artefact, build_library(artefact, tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def tasks(tasks_library: tuple[Artefact, Path]) -> Machine:
    return Machine.load(*tasks_library)


class TestArchive:
    def test_holds_what_the_device_asks_for(self, plant: Artefact) -> None:
        archive = zipfile.ZipFile(io.BytesIO(plant.data))
        names = archive.namelist()
        required = {"Config0.c", "Res0.c", "debug.c", "glueVars.c", "c_blocks_code.cpp", "program.st"}
        assert required <= set(names)
        assert any(name.startswith("lib/") for name in names)
        assert f'"{plant.md5}"' in archive.read("debug.c").decode()
        assert archive.read("program.st").decode() == PLANT
        assert (plant.target, plant.file_name) == ("openplc-v4.0", "program.zip")

    def test_is_the_same_for_the_same_sources(self, plant: Artefact) -> None:
        again = build(PLANT)
        assert (again.data, again.md5) == (plant.data, plant.md5)

    def test_has_another_md5_for_another_program(self, plant: Artefact) -> None:
        assert build(PLANT.replace("total + 1;", "total + 2;")).md5 != plant.md5
        assert build(PLANT.replace("T#20ms", "T#30ms")).md5 != plant.md5

    def test_carries_plugin_configuration_and_nothing_that_this_runtime_does_not_know(self) -> None:
        program, sources = checked("PROGRAM P VAR n : INT; END_VAR n := n + 1; END_PROGRAM")
        beside = {"conf/modbus_slave.json": b"{}", "retain.conf": b"enabled=1\n"}
        seen: list[int] = []

        def made(leaves: object) -> dict[str, bytes]:
            seen.append(len(leaves))  # type: ignore[arg-type]  # a sequence of leaves
            return beside

        artefact = build_artefact(program, "openplc-v4.0", sources, made)
        archive = zipfile.ZipFile(io.BytesIO(artefact.data))
        assert archive.read("conf/modbus_slave.json") == b"{}"
        assert "retain.conf" not in archive.namelist()
        assert artefact.md5 != build_artefact(program, "openplc-v4.0", sources).md5
        assert seen == [len(artefact.leaves)]

    def test_needs_a_program(self) -> None:
        with pytest.raises(BuildError, match="no PROGRAM"):
            build("FUNCTION f : INT f := 1; END_FUNCTION")

    def test_is_compiled_here_first_and_a_message_names_the_line_of_the_source(self, plant: Artefact) -> None:
        assert check_artefact(plant) == ""
        files = zipfile.ZipFile(io.BytesIO(plant.data))
        broken = io.BytesIO()
        with zipfile.ZipFile(broken, "w") as archive:
            for name in files.namelist():
                archive.writestr(
                    name, files.read(name).replace(b"SET(self.v_SEEN,", b"undeclared_thing; SET(self.v_SEEN,")
                )
        message = check_artefact(Artefact(plant.target, plant.file_name, broken.getvalue(), plant.md5))
        assert f"plant.st:{PLANT[: PLANT.index('seen := a')].count(chr(10)) + 1}:" in message

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
    def test_all_functions_are_there(self, machine: Machine) -> None:
        assert all(hasattr(machine.library, name) for name in (*REQUIRED, "setBufferPointers_v4"))

    def test_md5_and_period(self, machine: Machine, plant: Artefact) -> None:
        assert machine.md5 == plant.md5
        assert machine.period_ns == 20 * MS

    def test_variables_have_flat_numbers(self, machine: Machine, plant: Artefact) -> None:
        assert [leaf.array for leaf in plant.leaves] == [0] * len(plant.leaves)
        assert [leaf.element for leaf in plant.leaves] == list(range(len(plant.leaves)))
        assert machine.library.get_var_count() == len(plant.leaves)
        assert plant.leaves[0].path == "RUNG_FAULTS"
        sizes = {leaf.path: (leaf.type, leaf.size) for leaf in plant.leaves}
        assert sizes["TOTAL"] == ("DINT", 4)
        assert sizes["M1.TIMER.PT"] == ("TIME", 8)
        assert sizes["M1.COUNT.EDGE.CLK"] == ("BOOL", 1)
        assert sizes["M1.NAME"] == sizes["M1.LONG"] == ("STRING", 127)
        assert sizes["M1.WIDE"] == ("WSTRING", 253)
        assert sizes["M1.MODE"] == ("INT", 2)

    @pytest.mark.parametrize("number", [9999, 65535, 65536, 2**32 + 1, 2**64 - 1])
    def test_a_number_without_a_variable_is_harmless(self, machine: Machine, number: int) -> None:
        assert machine.library.get_var_size(number) == 0
        assert machine.library.get_var_addr(number) is None
        machine.library.set_trace(number, True, ctypes.create_string_buffer(512))
        machine.library.set_trace(number, False, None)
        machine.scan()
        assert machine.read("TOTAL") == 101

    def test_a_force_without_a_value_is_harmless(self, machine: Machine) -> None:
        machine.library.set_trace(machine.leaves["TOTAL"].element, True, None)
        machine.scan()
        assert machine.read("TOTAL") == 101

    def test_the_byte_order_of_a_client_changes_nothing(self, machine: Machine) -> None:
        machine.scan()
        for order in (1, 0, 77):
            machine.library.set_endianness(order)
            machine.force_int("TOTAL", 258)
            assert machine.read_raw("TOTAL") == b"\x02\x01\0\0"

    def test_every_start_begins_anew(self, machine: Machine) -> None:
        machine.scan(3)
        machine.force_int("M1.A", 40)
        machine.put("%QW3", 99)
        machine.scan(2)
        machine.start()
        machine.scan()
        values = [machine.read(path) for path in ("TOTAL", "M1.A", "M1.SPEED", "M1.TIMER.ET", "RUNG_FAULTS")]
        assert values == [101, 1, 7, 0, 1]


class TestProcessImage:
    def test_the_tables_hold_what_the_program_uses(self, machine: Machine) -> None:
        assert machine.known() == {"%IX0.0", "%QX0.1", "%QX5.0", "%QW3", "%MX2.5", "%ML4", "%ML5"}

    def test_values_go_both_ways(self, machine: Machine) -> None:
        assert machine.get("%QW3") == 7  # declared initial values are there before the first scan
        machine.put("%IX0.0", 1)
        machine.scan(4)
        assert [machine.get(address) for address in ("%QX0.1", "%QX5.0", "%MX2.5", "%ML4")] == [1, 1, 0, 13]
        assert machine.read("M1.COUNT.N") == 1
        assert machine.get("%ML5") == 3_000_000_000

    def test_an_output_that_somebody_else_wrote_is_not_overwritten(self, machine: Machine) -> None:
        machine.scan()
        machine.put("%QW3", 55)
        machine.put("%ML4", 100)
        machine.scan(2)
        assert (machine.get("%QW3"), machine.read("M1.SPEED")) == (55, 55)
        assert machine.get("%ML4") == 102

    def test_an_address_without_a_slot_works_inside_the_program(self, machine: Machine) -> None:
        machine.scan(3)
        assert machine.read("M1.OWN") == 6

    def test_a_runtime_without_memory_bits(self, plant: Artefact, plant_library: Path) -> None:
        machine = Machine.load(plant, plant_library, memory_bits=False)
        assert machine.known() == {"%IX0.0", "%QX0.1", "%QX5.0", "%QW3", "%ML4", "%ML5"}
        machine.scan(3)
        assert machine.read("M1.FLAG") is True

    def test_a_plugin_may_write_through_the_address_of_a_variable(self, machine: Machine) -> None:
        """The OPC UA plugin asks for addresses once, then reads and writes there between two scans."""
        library, leaves = machine.library, machine.leaves
        names = ("M1.SPEED", "M1.LEVEL", "M1.WAITS[1]", "M1.NAME", "M1.PULSE")
        speed, level, wait, name, pulse = (library.get_var_addr(leaves[path].element) for path in names)
        machine.scan()
        ctypes.memmove(speed, (300).to_bytes(2, "little"), 2)
        ctypes.memmove(level, ctypes.string_at(ctypes.byref(ctypes.c_float(2.5)), 4), 4)
        ctypes.memmove(wait, (4).to_bytes(4, "little") + (5 * MS).to_bytes(4, "little"), 8)
        ctypes.memmove(name, b"\x05motor", 6)
        ctypes.memmove(pulse, (6).to_bytes(4, "little") + bytes(4), 8)
        machine.scan(2)
        assert [machine.read(path) for path in names] == [300, 2.5, 4_005_000_000, "motor", 6_000_000_000]
        assert (machine.get("%QW3"), machine.get("%ML5")) == (300, 6_000_000_000)
        assert machine.read("M1.WAITS[2]") == -1_500_000_000


class TestValues:
    def test_values(self, machine: Machine) -> None:
        machine.scan(2)
        expected = {
            "TOTAL": 102, "M1.LEVEL": 1.5, "M1.MODE": 1, "M1.TABLE[2]": 22, "M1.NAME": "pump", "M1.WIDE": "äö", "RUNG_FAULTS": 2,
        }  # fmt: skip
        assert {path: machine.read(path) for path in expected} == expected
        assert set(machine.read_raw("M1.NAME")[5:]) == {0}

    def test_times_are_seconds_and_nanoseconds_of_one_sign(self, machine: Machine) -> None:
        def parts(path: str) -> tuple[int, int]:
            raw = machine.read_raw(path)
            return tuple(int.from_bytes(raw[i : i + 4], "little", signed=True) for i in (0, 4))  # type: ignore[return-value]

        assert parts("M1.WAITS[1]") == (1, 500 * MS)
        assert parts("M1.WAITS[2]") == (-1, -500 * MS)
        assert parts("M1.CLOCK") == (86399, 250 * MS)
        assert parts("M1.DAY") == (1_795_305_600, 0)
        assert parts("M1.STAMP") == (1_795_342_830, 0)
        assert parts("M1.LATE") == (2**31 - 1, 0)  # the channel has no later second

    def test_an_address_given_once_stays_current(self, machine: Machine) -> None:
        leaf = machine.leaves["M1.TIMER.ET"]
        at = machine.library.get_var_addr(leaf.element)
        found = []
        for _ in range(3):
            machine.scan()
            found.append(int.from_bytes(ctypes.string_at(at, 8)[4:], "little"))
        assert found == [0, 20 * MS, 40 * MS]
        assert machine.library.get_var_addr(leaf.element) == at

    def test_timers_follow_the_scans(self, machine: Machine) -> None:
        machine.scan(3)
        assert (machine.read("M1.TIMER.Q"), machine.read("M1.TIMER.ET")) == (False, 40 * MS)
        machine.scan()
        assert (machine.read("M1.TIMER.Q"), machine.read("M1.TIMER.ET")) == (True, 50 * MS)


class TestForcing:
    def test_a_forced_variable_is_pinned_inside_the_scan(self, machine: Machine) -> None:
        machine.scan(3)
        machine.force_int("M1.A", 500)
        assert machine.read("M1.A") == 500  # from now on, so that a client can see that it holds
        machine.scan(2)
        assert [machine.read(f"M1.{n}") for n in ("A", "SEEN")] == [500, 500]
        assert machine.read("TOTAL") == 105
        machine.release("M1.A")
        machine.scan()
        assert machine.read("M1.A") == 501

    def test_times_are_taken_as_they_are_shown(self, machine: Machine) -> None:
        machine.force_time("M1.TIMER.PT", 10, 30 * MS)
        machine.force_time("M1.WAITS[1]", -2, -250 * MS)
        assert machine.read("M1.WAITS[1]") == -2_250_000_000
        machine.scan(5)
        assert (machine.read("M1.TIMER.PT"), machine.read("M1.TIMER.Q")) == (10_030_000_000, False)
        assert machine.read("M1.WAITS[1]") == -2_250_000_000
        machine.release("M1.TIMER.PT")
        machine.release("M1.WAITS[1]")
        machine.scan()
        assert (machine.read("M1.TIMER.PT"), machine.read("M1.TIMER.Q")) == (50 * MS, True)
        assert machine.read("M1.WAITS[1]") == -2_250_000_000

    def test_a_released_input_shows_the_real_one_again(self, machine: Machine) -> None:
        machine.force_int("M1.BUTTON", 1)
        machine.scan()
        assert (machine.get("%QX0.1"), machine.get("%IX0.0"), machine.read("M1.BUTTON")) == (1, 0, True)
        machine.release("M1.BUTTON")
        machine.scan()
        assert (machine.get("%QX0.1"), machine.read("M1.BUTTON")) == (0, False)

    def test_a_forced_output_holds_against_the_program_and_against_plugins(self, machine: Machine) -> None:
        machine.put("%IX0.0", 1)
        machine.force_int("M1.LAMP", 0)
        machine.force_int("M1.SPEED", 20)
        machine.scan()
        machine.put("%QX0.1", 1)
        machine.put("%QW3", 5)
        machine.scan()
        assert (machine.get("%QX0.1"), machine.get("%QW3")) == (0, 20)
        machine.release("M1.LAMP")
        machine.scan()
        assert (machine.get("%QX0.1"), machine.get("%QW3")) == (1, 20)

    def test_elements_texts_and_members_of_blocks(self, machine: Machine) -> None:
        machine.force_int("M1.TABLE[2]", -4)
        machine.force("M1.NAME", bytes([20]) + b"0123456789ABCDEFGHIJ")
        machine.force("M1.WIDE", b"\x02" + "ok".encode("utf-16-le"))
        machine.force_int("M1.COUNT.EDGE.Q", 1)
        machine.scan(3)
        assert [machine.read(f"M1.TABLE[{i}]") for i in (1, 2, 3)] == [13, -4, 33]
        assert (machine.read("M1.NAME"), machine.read("M1.WIDE")) == ("0123456789", "ok")
        assert machine.read("M1.COUNT.N") == 3

    def test_a_bool_is_forced_to_one_of_its_two_values(self, machine: Machine) -> None:
        machine.force("M1.BUTTON", b"\xff")
        machine.scan()
        assert (machine.get("%QX0.1"), machine.read_raw("M1.BUTTON")) == (1, b"\x01")

    def test_a_force_can_be_changed(self, machine: Machine) -> None:
        machine.force_int("M1.A", 1)
        machine.force_int("M1.A", 2)
        machine.scan()
        assert machine.read("M1.SEEN") == 2


class TestSeveralTasks:
    def test_the_common_period_drives_all(self, tasks: Machine) -> None:
        assert tasks.period_ns == 20 * MS
        tasks.scan(10)
        runs = [tasks.read(f"{name}.N") for name in ("F", "S", "E", "EI", "Z")]
        assert runs == [10, 2, 0, 4, 10]  # EI at 0, 60, 120 and 180 ms

    def test_the_most_urgent_runs_first(self, tasks: Machine) -> None:
        tasks.scan(6)
        assert tasks.read("ORDER") == "fffffs"  # in the last of these scans both
        assert tasks.read("S.SEEN") == 6

    def test_timers_in_slow_tasks_run(self, tasks: Machine) -> None:
        tasks.scan(11)
        assert (tasks.read("S.T.Q"), tasks.read("S.T.ET")) == (False, 200 * MS)
        tasks.scan(5)
        assert tasks.read("S.T.Q") is True

    def test_an_event_starts_its_task(self, tasks: Machine) -> None:
        tasks.scan(2)
        tasks.put("%IX2.0", 1)
        tasks.scan(3)
        assert tasks.read("E.N") == 1
        tasks.put("%IX2.0", 0)
        tasks.scan()
        tasks.put("%IX2.0", 1)
        tasks.scan()
        assert tasks.read("E.N") == 2

    def test_addresses_given_by_var_config(self, tasks: Machine) -> None:
        assert tasks.known() == {"%IX2.0", "%IX0.3", "%QX0.4", "%QX1.4", "%QW1", "%QW2"}
        assert (tasks.get("%QW1"), tasks.get("%QW2")) == (5, 5)
        tasks.put("%IX0.3", 1)
        tasks.scan(2)
        assert [tasks.get(address) for address in ("%QX0.4", "%QX1.4", "%QW1", "%QW2")] == [1, 0, 7, 5]
        tasks.put("%IX2.0", 1)  # a cell of the image as well
        tasks.scan()
        assert [tasks.get(address) for address in ("%QX0.4", "%QX1.4", "%QW1", "%QW2")] == [1, 1, 8, 6]
        tasks.force_int("A.SENSOR", 0)
        tasks.scan()
        assert [tasks.get(address) for address in ("%QX0.4", "%QW1", "%QW2")] == [0, 8, 7]

    def test_forced_globals_hold_in_every_task(self, tasks: Machine) -> None:
        tasks.force_int("SHARED", 40)
        tasks.scan(6)
        assert (tasks.read("SHARED"), tasks.read("S.SEEN")) == (40, 40)


class TestCommonPeriod:
    @pytest.mark.parametrize(
        ("base_ms", "period_ms"),
        [
            (1, 1),
            (20, 20),
            (100, 100),
            (137, 68.5),
            (250, 62.5),
            (500, 100),
            (1000, 100),
            (3_600_000, 100),
            (12_600_001, 1),
        ],
    )
    def test_is_short_enough_for_a_stop_to_be_answered(self, base_ms: int, period_ms: float) -> None:
        period = scan_period(base_ms * MS)
        assert (base_ms * MS) % period == 0
        assert period <= 100 * MS
        assert period == period_ms * MS

    def test_is_no_shorter_than_a_thread_can_bear(self) -> None:
        with pytest.raises(BuildError, match="multiples of 1 ms"):
            build(
                "PROGRAM P VAR n : INT; END_VAR n := n + 1; END_PROGRAM CONFIGURATION C RESOURCE R ON PLC "
                "TASK a(INTERVAL := T#1ms, PRIORITY := 1); TASK b(INTERVAL := T#1007us, PRIORITY := 2); "
                "PROGRAM A WITH a : P; PROGRAM B WITH b : P; END_RESOURCE END_CONFIGURATION"
            )


def test_many_variables_in_a_slow_task(tmp_path: Path) -> None:
    artefact = build(
        "TYPE S : STRUCT a : INT; t : TIME; END_STRUCT; END_TYPE "
        "PROGRAM P VAR s : ARRAY[1..50] OF S; v : ARRAY[0..69999] OF INT; i : DINT; f : ARRAY[0..99] OF INT; n : INT; END_VAR "
        "FOR i := 0 TO 69999 DO v[i] := 7; END_FOR; n := n + 1; s[50].t := s[50].t + T#1s; f[0] := 1; END_PROGRAM "
        "CONFIGURATION C RESOURCE R ON PLC TASK t(INTERVAL := T#1s, PRIORITY := 1); PROGRAM P WITH t : P; "
        "END_RESOURCE END_CONFIGURATION"
    )
    assert len(artefact.leaves) == 65535
    machine = Machine.load(artefact, build_library(artefact, tmp_path))
    assert machine.library.get_var_count() == 65535
    machine.scan(10)
    assert machine.read("P.V[65433]") == 7
    assert machine.read("P.S[50].T") == 1_000_000_000  # once a second
    machine.scan()
    assert machine.read("P.S[50].T") == 2_000_000_000
