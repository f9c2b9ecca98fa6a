"""Firmware without the Arduino core, compiled by avr-gcc and running on emulated chips: its size, its pins, its clock, its watchdog."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import serial

from boards.emulated import EmulatedBoard
from boards.modbus_master import Master, ModbusException, NoAnswer
from codegen.board_machine import board_named, build, compile_bare, framed
from rung.codegen.artefact import Artefact
from rung.targets.board import SerialSettings

# The specification's yardstick: two timers, a counter and an edge over some inputs and outputs, in 16 lines.
YARDSTICK = """\
PROGRAM Main
VAR
  start AT %IX0.0 : BOOL; stop AT %IX0.1 : BOOL; part AT %IX0.2 : BOOL;
  lamp AT %QX0.0 : BOOL; fan AT %QX0.1 : BOOL; full AT %QX0.2 : BOOL;
  running : BOOL; delay : TON; after : TOF; parts : CTU; edge : R_TRIG; pulses : INT;
END_VAR
IF start AND NOT stop THEN running := TRUE; END_IF;
IF stop THEN running := FALSE; END_IF;
delay(IN := running, PT := T#300ms);
after(IN := running, PT := T#500ms);
edge(CLK := part);
IF edge.Q THEN pulses := pulses + 1; END_IF;
parts(CU := part, R := stop, PV := 3);
lamp := delay.Q; fan := after.Q; full := parts.Q;
END_PROGRAM
"""
TASKS = """
PROGRAM Fast
VAR out AT %QX0.0 : BOOL; level AT %IW0 : UINT; dim AT %QW0 : UINT; strong AT %QW2 : UINT; n : UDINT; t : TON; END_VAR
VAR hang AT %IX0.0 : BOOL; slow AT %IX0.1 : BOOL; i : UINT; zero : DINT; END_VAR
out := NOT out; n := n + 1; dim := level; strong := 16#C000; t(IN := TRUE, PT := T#20s);
IF slow THEN FOR i := 0 TO 700 DO zero := zero / 3; END_FOR; END_IF;
WHILE hang DO n := n + 1; END_WHILE;
END_PROGRAM
PROGRAM Slow
VAR n : UDINT; out AT %QX0.1 : BOOL := TRUE; END_VAR
n := n + 1; out := TRUE;
END_PROGRAM
PROGRAM OnEvent
VAR_EXTERNAL go : BOOL; END_VAR
VAR n : UDINT; END_VAR
n := n + 1;
END_PROGRAM
CONFIGURATION C
VAR_GLOBAL go AT %IX0.2 : BOOL; END_VAR
RESOURCE R ON PLC
TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
TASK slow(INTERVAL := T#50ms, PRIORITY := 5);
TASK event(SINGLE := go, PRIORITY := 0);
PROGRAM F WITH fast : Fast;
PROGRAM S WITH slow : Slow;
PROGRAM E WITH event : OnEvent;
END_RESOURCE
END_CONFIGURATION
"""


class Chip:
    """An emulated board with a program and a master at its port."""

    def __init__(self, artefact: Artefact, board: EmulatedBoard, port: serial.Serial) -> None:
        self.board, self.port, self.master = board, port, Master(port)
        self._leaves = {leaf.path: leaf for leaf in artefact.leaves}

    def scans(self) -> int:
        """The number of scans."""
        answer = self.master.ask(b"\x43\0\0\0\0")
        return int.from_bytes(answer[4:8], "big")

    def marks(self, pin: str) -> tuple[int, float]:
        """How often a pin has changed, and the chip's time when it last did, exactly."""
        while True:
            count, changed = self.board.toggles(pin), self.board.changed_at(pin)
            if self.board.toggles(pin) == count:
                return count, changed

    def value(self, path: str) -> int:
        """The value of an unsigned variable."""
        number = self._leaves[path].element
        answer = self.master.ask(struct.pack(">BHH", 0x43, number, number))
        assert answer[1] == 0x7E
        return int.from_bytes(answer[10:], "little")

    def force(self, path: str, value: bytes) -> None:
        """Force a variable."""
        request = struct.pack(">BHBH", 0x42, self._leaves[path].element, 1, len(value))
        assert self.master.ask(request + value) == b"\x42\x7e"

    def wait(self, seconds: float) -> None:
        """Let the chip run."""
        end = self.board.seconds + seconds
        while self.board.seconds < end:
            time.sleep(0.005)


@contextmanager
def running(text: str, board: str, folder: Path) -> Iterator[Chip]:
    artefact = build(text, board)
    firmware = compile_bare(artefact, folder / "build").hex
    with (
        EmulatedBoard(board, folder, firmware=firmware, bootloader=False, reset_on_open=False) as emulated,
        serial.Serial(emulated.port, 115200) as port,
    ):
        chip = Chip(artefact, emulated, port)
        chip.master.await_slave()
        yield chip


def test_the_yardstick_fits_into_the_goal(tmp_path: Path) -> None:
    compiled = compile_bare(build(YARDSTICK), tmp_path)
    assert compiled.flash <= 5000
    assert compiled.ram <= 450


def test_a_program_works_at_its_pins(tmp_path: Path) -> None:
    with running(YARDSTICK, "uno", tmp_path) as chip:
        board = chip.board
        board.drive("2", True)
        assert board.await_level("8", True, 0.1)
        began = board.seconds
        assert board.await_level("7", True, 1)
        assert board.seconds - began == pytest.approx(0.3, abs=0.05)
        for level in (True, False) * 3:
            board.drive("4", level)
            chip.wait(0.045)
        assert board.pin("12")
        assert chip.master.ask(b"\x02\0\0\0\x08") == b"\x02\x01\x01"
        board.drive("3", True)
        assert board.await_level("7", False, 0.1)
        assert board.pin("8")
        assert board.await_level("8", False, 1)


def test_scans_keep_their_period_and_tasks_their_intervals(tmp_path: Path) -> None:
    with running(TASKS, "uno", tmp_path) as chip:
        scans, (first, began) = chip.scans(), chip.marks("7")
        chip.wait(1.5)
        more, (last, ended) = chip.scans(), chip.marks("7")
        # A scan begins a little late when a question is being answered.
        assert (last - first) * 0.01 == pytest.approx(ended - began, abs=0.002)
        assert last - first == pytest.approx(more - scans, abs=2)
        assert chip.value("S.N") == pytest.approx(chip.value("F.N") / 5, abs=2)
        assert chip.value("E.N") == 0
        chip.board.drive("4", True)
        chip.wait(0.05)
        assert chip.value("E.N") == 1
        assert chip.value("RUNG_OVERRUNS") == 0
        assert 0 < chip.value("RUNG_SCAN_US") <= chip.value("RUNG_SCAN_MAX_US") < 2000


def test_a_scan_that_takes_too_long_is_counted_and_timers_stay_right(tmp_path: Path) -> None:
    with running(TASKS, "uno", tmp_path) as chip:
        chip.board.drive("3", True)
        chip.wait(0.1)
        first, overruns = chip.scans(), chip.value("RUNG_OVERRUNS")
        elapsed, began = chip.value("F.T.ET"), chip.board.seconds
        chip.wait(0.6)
        scan = chip.value("RUNG_SCAN_US") / 1e6
        assert scan > 0.011
        assert chip.value("RUNG_OVERRUNS") - overruns == pytest.approx(chip.scans() - first, abs=8), "each of them"
        seconds, nanoseconds = struct.unpack("<ii", struct.pack("<QQ", chip.value("F.T.ET"), elapsed)[:8])
        before, more = struct.unpack("<ii", elapsed.to_bytes(8, "little"))
        passed = seconds - before + (nanoseconds - more) / 1e9
        assert passed == pytest.approx(chip.board.seconds - began, abs=0.05)
        chip.board.drive("3", False)
        chip.wait(0.1)
        overruns, (first, began) = chip.value("RUNG_OVERRUNS"), chip.marks("7")
        chip.wait(0.5)
        last, ended = chip.marks("7")
        assert chip.value("RUNG_OVERRUNS") == overruns
        assert (last - first) * 0.01 == pytest.approx(ended - began, abs=0.002), "nothing is made up for"


def test_an_answer_does_not_hold_up_scans(tmp_path: Path) -> None:
    """An answer that fills the frame takes 11 ms at 115200 baud, as long as a scan's period."""
    with running(
        TASKS.replace("n : UDINT; t : TON;", "n : UDINT; t : TON; wide : ARRAY[1..14] OF LINT;"), "uno", tmp_path
    ) as chip:
        first, began = chip.marks("7")
        while chip.board.seconds < began + 1:
            assert len(chip.master.ask(b"\x43\0\0\0\x10")) > 60
        last, ended = chip.marks("7")
        assert (last - first) * 0.01 == pytest.approx(ended - began, abs=0.002)
        assert chip.value("RUNG_OVERRUNS") == 0


def test_analog_values_go_from_pin_to_pin(tmp_path: Path) -> None:
    with running(TASKS, "uno", tmp_path) as chip:
        for millivolts, reading in ((0, 0), (2500, 0x8000), (5000, 0xFFFF)):
            chip.board.analog("A0", millivolts)
            chip.wait(0.05)
            assert int.from_bytes(chip.master.ask(b"\x04\0\0\0\1")[2:], "big") == pytest.approx(reading, abs=128)
            assert chip.board.pwm("9") == pytest.approx(reading / 65535, abs=0.01)
        assert chip.board.pwm("11") == pytest.approx(0.75, abs=0.01)


def test_a_scan_that_never_ends_turns_outputs_off_and_questions_are_still_answered(tmp_path: Path) -> None:
    with running(TASKS, "uno", tmp_path) as chip:
        chip.wait(0.1)
        assert chip.board.pin("8")
        chip.board.drive("2", True)
        began = chip.board.seconds
        assert chip.board.await_level("8", False, 3)
        assert 1.9 < chip.board.seconds - began < 2.3
        chip.wait(0.1)
        assert not chip.board.pin("7")
        assert chip.board.pwm("11") == pytest.approx(0, abs=0.01)
        chip.master.await_slave()
        assert chip.value("RUNG_HALTED") == 1
        scans = chip.scans()
        assert chip.master.ask(b"\x0f\0\0\0\x03\x01\x07") == b"\x0f\0\0\0\x03"
        chip.force("S.OUT", b"\1")
        chip.wait(2.2)
        assert not chip.board.pin("8"), "neither a master nor a force brings an output back"
        assert chip.master.ask(b"\x01\0\0\0\x08") == b"\x01\x01\x00", "and none looks as if it were on"
        assert chip.scans() == scans
        assert chip.board.resets == 1
        chip.board.drive("2", False)
        chip.board.reset()
        assert chip.board.await_level("8", True, 1)
        chip.master.await_slave()
        assert chip.value("RUNG_HALTED") == 0


def test_firmware_that_is_stuck_itself_is_reset_with_its_outputs_off(tmp_path: Path) -> None:
    artefact = build(TASKS)
    trap = ("static void answer() {", "static void answer() { if (board::frame[1] == 0x66) for (;;) {}")
    firmware = compile_bare(artefact, tmp_path / "build", rung_board=trap).hex
    with (
        EmulatedBoard("uno", tmp_path, firmware=firmware, bootloader=False, reset_on_open=False) as board,
        serial.Serial(board.port, 115200) as port,
    ):
        Master(port).await_slave()
        assert board.pin("8")
        with pytest.raises(NoAnswer):
            Master(port).ask(b"\x66\0\0\0\0")
        assert board.await_level("8", False, 3)
        assert board.resets == 1, "off before the reset"
        assert board.await_level("8", True, 3)
        assert board.resets == 2
        Master(port).await_slave()


def test_every_pin_of_the_mega_is_where_its_address_says(tmp_path: Path) -> None:
    """Each pin is given a number of its own, which is shown bit by bit at all pins at once."""
    row = board_named("mega")
    outs, ins, words, analogs = row.digital_outputs, row.digital_inputs, row.analog_outputs, row.analog_inputs
    declared = "".join(f"q{n} AT %QX{n // 8}.{n % 8} : BOOL; " for n in range(len(outs)))
    declared += "".join(f"i{n} AT %IX{n // 8}.{n % 8} : BOOL; " for n in range(len(ins)))
    declared += "".join(f"w{n} AT %QW{n} : UINT; " for n in range(len(words)))
    declared += "".join(f"a{n} AT %IW{n} : UINT; " for n in range(len(analogs)))
    with running(f"PROGRAM Main\nVAR {declared} END_VAR\nEND_PROGRAM\n", "mega", tmp_path) as chip:
        for bit in range(5):
            shown = sum(1 << n for n in range(24) if n + 1 >> bit & 1)
            chip.master.ask(struct.pack(">BHHB", 15, 0, 24, 3) + shown.to_bytes(3, "little"))
            for n, pin in enumerate(ins):
                chip.board.drive(pin, bool(shown >> n & 1))
            chip.wait(0.05)
            assert [chip.board.pin(pin) for pin in outs] == [bool(shown >> n & 1) for n in range(24)]
            assert chip.master.ask(b"\x02\0\0\0\x18")[2:] == shown.to_bytes(3, "little")
        chip.master.ask(struct.pack(">BHHB12H", 16, 0, 12, 24, *(0x1000 * (n + 1) for n in range(12))))
        for n, pin in enumerate(analogs):
            chip.board.analog(pin, 1000 + 500 * n)
        chip.wait(0.05)
        for n, pin in enumerate(words):
            assert chip.board.pwm(pin) == pytest.approx((n + 1) / 16, abs=0.01), pin
        answer = chip.master.ask(b"\x04\0\0\0\x08")
        for n, value in enumerate(struct.unpack(">8H", answer[2:])):
            assert value == pytest.approx((1000 + 500 * n) / 5000 * 65535, abs=128)
        chip.master.ask(struct.pack(">BHHB12H", 16, 0, 12, 24, *[0] * 12))
        chip.wait(0.05)
        assert [chip.board.pwm(pin) for pin in words] == [0] * 12, "and off is off, with the clock's timer too"


def test_rubbish_on_the_line_does_no_harm(tmp_path: Path) -> None:
    """The interrupts that receive are not those that run on this computer, so the chip sees the worst of it, too."""
    random = Random(5)
    write = framed(b"\x05\0\0\xff\0")
    with running(YARDSTICK, "uno", tmp_path) as chip:
        for length in (1, 64, 127, 128, 129, 700):
            for data in (
                random.randbytes(length),
                bytes(length) + write,
                framed(b"\x0f\0\0\0\x08\x01\xff")[: length % 9],
            ):
                chip.port.write(data)
                chip.wait(0.012 + len(data) * 0.0001)
            assert chip.master.ask(b"\x41\0\0")[0] == 0x41
        assert chip.master.send(framed(b"\x01\0\0\0\1") * 2) == b"", "two at once are none"
        chip.wait(0.03)
        assert chip.master.ask(b"\x01\0\0\0\x08") == b"\x01\x01\x00"
        assert chip.value("RUNG_OVERRUNS") == 0
        assert chip.board.resets == 1


def test_settings_of_the_serial_line_are_kept(tmp_path: Path) -> None:
    artefact = build(YARDSTICK, serial=SerialSettings(9600, 17))
    firmware = compile_bare(artefact, tmp_path / "build").hex
    with (
        EmulatedBoard("uno", tmp_path, firmware=firmware, bootloader=False, reset_on_open=False) as board,
        serial.Serial(board.port, 9600) as port,
    ):
        Master(port, 17).await_slave()
        with pytest.raises(NoAnswer):
            Master(port, 1).ask(b"\x41\0\0")
        with pytest.raises(ModbusException) as refused:
            Master(port, 17).ask(b"\x07")
        assert refused.value.code == 1


def test_a_stack_that_comes_near_the_data_stops_the_program_with_outputs_off(tmp_path: Path) -> None:
    """Each text that is computed takes 255 bytes: these need more than the Uno has."""
    text = """
    PROGRAM Main
    VAR a : STRING[20] := 'abcdefghij'; b : STRING[60]; n : UINT; wide AT %IX0.0 : BOOL; lamp AT %QX0.0 : BOOL := TRUE; END_VAR
    IF wide THEN b := Six(a); END_IF;
    n := n + 1;
    END_PROGRAM
    FUNCTION Six : STRING[60]
    VAR_INPUT a : STRING[20]; END_VAR
    Six := CONCAT(CONCAT(CONCAT(a, a), CONCAT(a, a)), CONCAT(CONCAT(a, a), CONCAT(a, a)));
    END_FUNCTION
    """
    with running(text, "uno", tmp_path) as chip:
        chip.wait(0.1)
        assert chip.board.pin("7")
        assert chip.value("RUNG_HALTED") == 0
        chip.board.drive("2", True)
        assert chip.board.await_level("7", False, 0.2)
        assert chip.value("RUNG_HALTED") == 1


def test_tables_of_initial_values_may_lie_beyond_64_kib(tmp_path: Path) -> None:
    count, length = 36, 1000
    tables = [[(k * 37 + n * 11) % 30000 for n in range(length)] for k in range(count)]
    functions = "".join(
        f"FUNCTION F{k} : DINT VAR_INPUT s : INT; END_VAR VAR t : ARRAY[0..{length - 1}] OF INT := {table}; END_VAR\n"
        f"F{k} := t[s]; END_FUNCTION\n"
        for k, table in enumerate(tables)
    )
    calls = "".join(f"sum := sum + DINT_TO_UDINT(F{k}(997));\n" for k in range(count))
    text = f"{functions}PROGRAM Main VAR sum, shown : UDINT; END_VAR\nsum := 0;\n{calls}shown := sum;\nEND_PROGRAM"
    with running(text, "mega", tmp_path) as chip:
        chip.wait(0.3)
        assert chip.value("MAIN.SHOWN") == sum(table[997] for table in tables)
