"""What a program does on a board: pins, Modbus, the debug codes, the clock and the watchdog, on an emulated chip with the compiled firmware.

Requests are made by a Modbus master of the tests' own, byte by byte, so that the client that users have is not its own judge. Times are the chip's.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from boards.board_program import artefact_of, firmware_of
from boards.emulated import EmulatedBoard
from boards.modbus_master import Master, ModbusException, NoAnswer, checksum
from rung.codegen.artefact import Artefact

_PLANT = """
PROGRAM Main
VAR
    left AT %IX0.0 : BOOL;
    right AT %IX0.1 : BOOL;
    both AT %QX0.0 : BOOL;
    either AT %QX0.1 : BOOL;
    remote AT %QX0.2 : BOOL;
    late AT %QX0.3 : BOOL;
    level AT %IW0 : UINT;
    mirror AT %QW0 : UINT;
    setpoint AT %QW1 : UINT;
    delay : TON;
    edges : CTU;
    big : LINT := -5000000000;
    word : WORD := 16#BEEF;
    text : STRING[12] := 'pump';
    bits : ARRAY[0..9] OF BOOL;
END_VAR
both := left AND right;
either := left OR right;
delay(IN := left, PT := T#300ms, Q => late);
edges(CU := right, R := FALSE, PV := 100);
mirror := level;
bits[3] := left;
END_PROGRAM
CONFIGURATION Plant
    RESOURCE Board ON PLC
        TASK Fast(INTERVAL := T#10ms, PRIORITY := 1);
        PROGRAM Main WITH Fast : Main;
    END_RESOURCE
END_CONFIGURATION
"""
_STUCK = """
PROGRAM Main
VAR
    stick AT %IX0.0 : BOOL;
    slow AT %IX0.1 : BOOL;
    lamp AT %QX0.0 : BOOL;
    share AT %QW0 : UINT := 65535;
    n : DINT;
END_VAR
lamp := TRUE;
FOR n := 0 TO 4000 DO
    IF NOT slow THEN
        EXIT;
    END_IF;
END_FOR;
WHILE stick DO
    n := n + 1;
END_WHILE;
END_PROGRAM
CONFIGURATION Plant
    RESOURCE Board ON PLC
        TASK Fast(INTERVAL := T#5ms, PRIORITY := 1);
        PROGRAM Main WITH Fast : Main;
    END_RESOURCE
END_CONFIGURATION
"""
_MEGA = """
PROGRAM Main
VAR
    first AT %IX0.0 : BOOL;
    last AT %IX2.7 : BOOL;
    lamp AT %QX0.0 : BOOL;
    edge AT %QX2.7 : BOOL;
    share AT %QW11 : UINT := 49152;
    target AT %MW3 : INT := 7;
    double AT %MW4 : INT;
END_VAR
lamp := first;
edge := last;
double := target * 2;
END_PROGRAM
"""
_REFUSED_INDEX, _REFUSED_SIZE, _OK = 0x81, 0x82, 0x7E


class Running:
    """A board that runs a program, and what asks it."""

    def __init__(self, board: EmulatedBoard, port: serial.Serial, artefact: Artefact) -> None:
        self.board = board
        self.master = Master(port)
        self.artefact = artefact
        self._numbers = {leaf.path: leaf.element for leaf in artefact.leaves}

    def number(self, name: str) -> int:
        """The number of a variable: by its whole path, or by a part at the end of it that only one has."""
        if name in self._numbers:
            return self._numbers[name]
        (found,) = [number for path, number in self._numbers.items() if path.lower().endswith(f".{name.lower()}")]
        return found

    def values(self, *names: str) -> bytes:
        """The bytes of variables, by one 0x44."""
        return self._data(b"\x44" + struct.pack(f">H{len(names)}H", len(names), *map(self.number, names)))

    def value(self, name: str) -> int:
        return int.from_bytes(self.values(name), "little", signed=False)

    def force(self, name: str, value: bytes) -> int:
        """The status of a 0x42 that forces."""
        return self.master.ask(b"\x42" + struct.pack(">HBH", self.number(name), 1, len(value)) + value)[1]

    def release(self, name: str) -> int:
        return self.master.ask(b"\x42" + struct.pack(">HBHB", self.number(name), 0, 1, 0))[1]

    def scans(self) -> tuple[int, float, float]:
        """How many scans there were, and between which two times of the chip's clock that was told."""
        before = self.board.seconds
        answer = self.master.ask(b"\x44\x00\x01" + struct.pack(">H", 0))
        return int.from_bytes(answer[4:8], "big"), before, self.board.seconds

    def scans_meanwhile(self, what: Callable[[], object]) -> tuple[int, float, float]:
        """How many scans there were while something else was done, and how long that took at least and at most."""
        first, begun_first, begun_last = self.scans()
        what()
        last, ended_first, ended_last = self.scans()
        return last - first, ended_first - begun_last, ended_last - begun_first

    def pass_time(self, seconds: float) -> None:
        """Let the chip run that long by its own clock."""
        end = self.board.seconds + seconds
        while self.board.seconds < end:
            time.sleep(0.002)

    def _data(self, pdu: bytes) -> bytes:
        answer = self.master.ask(pdu)
        assert answer[1] == _OK, answer.hex(" ")
        assert int.from_bytes(answer[8:10], "big") == len(answer) - 10
        return answer[10:]


@contextmanager
def _running(text: str, kind: str, folder: Path, toolchain: str = "avr-gcc", hurry: bool = False) -> Iterator[Running]:
    """A board that runs a program; in a hurry, without regard to the wall clock."""
    artefact = artefact_of(text, kind)
    firmware = asyncio.run(firmware_of(artefact, toolchain))
    with (
        EmulatedBoard(
            kind, folder, firmware=firmware.files["program.hex"], bootloader=False, free_running=hurry
        ) as board,
        serial.Serial(board.port, 115200) as port,
    ):
        running = Running(board, port, artefact)
        running.pass_time(0.02)  # opening the port has reset it
        running.master.await_slave()
        yield running


@pytest.fixture
def uno(tmp_path: Path) -> Iterator[Running]:
    """A Uno that runs `_PLANT`."""
    with _running(_PLANT, "uno", tmp_path) as running:
        yield running
        assert running.board.overruns == 0, "the firmware was too slow to read what it was sent"


# ------------------------------------------------------------------------------------------------------------ pins


def test_digital_inputs_and_outputs_are_the_pins_of_the_boards_row(uno: Running) -> None:
    for left, right in ((False, False), (True, False), (False, True), (True, True)):
        uno.board.drive("2", left)
        uno.board.drive("3", right)
        uno.pass_time(0.03)
        assert (uno.board.pin("7"), uno.board.pin("8")) == (left and right, left or right)


@pytest.mark.parametrize(
    ("millivolts", "value"), [(0, 0), (1250, 0x3FCF), (2500, 0x7FDF), (3750, 0xBFEF), (5000, 0xFFFF)]
)
def test_an_analog_value_has_one_scale_from_0_to_65535(uno: Running, millivolts: int, value: int) -> None:
    """The ten bits of the converter are repeated in the lower six, so that full scale is 65535; a PWM has the upper eight."""
    uno.board.analog("A0", millivolts)
    uno.pass_time(0.03)
    assert uno.master.input_registers(0, 1) == [value]
    assert uno.board.pwm("9") == pytest.approx(millivolts / 5000, abs=0.005)


def test_pins_that_the_program_does_not_use_are_left_alone(uno: Running) -> None:
    uno.board.drive("13", False)
    uno.board.drive("11", True)
    uno.pass_time(0.03)
    assert uno.board.pin("11")


# ---------------------------------------------------------------------------------------------------------- Modbus


def test_a_master_reads_coils_contacts_and_registers(uno: Running) -> None:
    uno.board.drive("2", True)
    uno.board.analog("A0", 5000)
    uno.pass_time(0.03)
    assert uno.master.discrete_inputs(0, 2) == [True, False]
    assert uno.master.coils(0, 4) == [False, True, False, False]
    assert uno.master.input_registers(0, 1) == [65535]
    assert uno.master.holding_registers(0, 2) == [65535, 0]


def test_what_a_master_writes_comes_to_the_pins(uno: Running) -> None:
    uno.master.write_coil(2, True)
    uno.master.write_register(1, 0x8000)
    uno.pass_time(0.03)
    assert uno.board.pin("12")
    assert uno.board.pwm("10") == pytest.approx(0.5, abs=0.005)
    uno.master.write_coils(2, [False])
    uno.master.write_registers(1, [0xFFFF])
    uno.pass_time(0.03)
    assert not uno.board.pin("12")
    assert uno.board.pwm("10") == 1.0


def test_where_the_program_writes_the_same_output_its_value_wins(uno: Running) -> None:
    uno.master.write_coil(0, True)
    uno.pass_time(0.03)
    assert uno.master.coils(0, 1) == [False]
    assert not uno.board.pin("7")


def test_addresses_that_the_board_has_and_the_program_not_read_as_nothing(uno: Running) -> None:
    assert uno.master.discrete_inputs(2, 3) == [False] * 3
    assert uno.master.input_registers(1, 5) == [0] * 5
    uno.master.write_register(2, 1234)
    assert uno.master.holding_registers(2, 1) == [0]
    assert not uno.board.pin("11")


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("07", 1),
        ("2b 0e 01 00", 1),
        ("01 01 00 00 01", 2),
        ("03 00 00 00 7d", 2),
        ("03 00 00 00 7e", 3),
        ("01 00 00 00 00", 3),
        ("05 00 00 12 34", 3),
        ("0f 00 00 00 04 02 0f 00", 3),
        ("10 00 00 00 02 02 00 01", 3),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused_by_an_exception(uno: Running, pdu: str, code: int) -> None:
    with pytest.raises(ModbusException) as caught:
        uno.master.ask(bytes.fromhex(pdu))
    assert caught.value.code == code
    assert uno.master.coils(0, 4) == [False] * 4


def test_a_damaged_request_and_one_for_another_slave_get_no_answer(uno: Running) -> None:
    request = bytes.fromhex("01 05 00 02 ff 00")
    assert uno.master.send(request + b"\0\0") == b""
    with pytest.raises(NoAnswer):
        uno.master.ask(request[1:], slave=2)
    assert uno.master.coils(2, 1) == [False]
    assert uno.master.send(b"\xff" * 300) == b"", "more than any frame"
    assert uno.master.coils(2, 1) == [False]


def test_a_write_to_all_slaves_is_done_and_not_answered(uno: Running) -> None:
    request = bytes.fromhex("00 05 00 02 ff 00")
    assert uno.master.send(request + checksum(request)) == b""
    assert uno.master.coils(2, 1) == [True]


def test_questions_without_pause_do_not_delay_the_scans(uno: Running) -> None:
    overruns = uno.value("RUNG_OVERRUNS")
    scans, least, most = uno.scans_meanwhile(lambda: [uno.master.coils(0, 4) for _ in range(100)])
    assert least / 0.010 - 1 <= scans <= most / 0.010 + 1
    assert uno.value("RUNG_OVERRUNS") == overruns


# ------------------------------------------------------------------------------------------------------ debug codes


def test_the_md5_is_the_one_of_the_program_here(uno: Running) -> None:
    assert uno.master.ask(b"\x45\xde\xad\0\0") == b"\x45\x7e" + uno.artefact.md5.encode()


def test_the_number_of_variables_is_told(uno: Running) -> None:
    assert uno.master.ask(b"\x41\0\0\0") == b"\x41" + struct.pack(">H", len(uno.artefact.leaves))


def test_variables_are_read_by_a_list_of_their_numbers(uno: Running) -> None:
    uno.board.drive("2", True)
    uno.pass_time(0.05)
    assert uno.values("left", "right", "word", "big") == b"\1\0" + struct.pack("<Hq", 0xBEEF, -5_000_000_000)
    assert uno.values("text") == b"\x04pump".ljust(13, b"\0")
    assert uno.value("bits[3]") == 1
    seconds, nanoseconds = struct.unpack("<ii", uno.values("delay.PT"))
    assert (seconds, nanoseconds) == (0, 300_000_000)


def test_a_range_of_variables_is_read_whole(uno: Running) -> None:
    """As long as it says: firmware of others cuts the last four bytes off."""
    first = uno.number("left")
    answer = uno.master.ask(b"\x43" + struct.pack(">HH", first, first + 1))
    status, last, _, size = struct.unpack(">xBHIH", answer[:10])
    assert (status, last, size, answer[10:]) == (_OK, first + 1, 2, b"\0\0")


def test_an_answer_that_does_not_fit_the_frame_ends_early_and_names_its_last_variable(uno: Running) -> None:
    answer = uno.master.ask(b"\x44" + struct.pack(">H20H", 20, *[uno.number("text")] * 20))
    assert answer[1] == _OK
    assert 13 < len(answer[10:]) < 20 * 13
    assert len(answer[10:]) % 13 == 0
    assert len(answer) + 3 <= 128


def test_a_variable_that_is_not_there_and_too_many_of_them_are_refused(uno: Running) -> None:
    count = len(uno.artefact.leaves)
    assert uno.master.ask(b"\x44\0\1" + struct.pack(">H", count)) == bytes([0x44, _REFUSED_INDEX])
    assert uno.master.ask(b"\x43" + struct.pack(">HH", 0, count)) == bytes([0x43, _REFUSED_INDEX])
    assert uno.master.ask(b"\x42" + struct.pack(">HBHB", count, 1, 1, 1)) == bytes([0x42, _REFUSED_INDEX])
    assert uno.master.ask(b"\x44" + struct.pack(">H21H", 21, *range(21))) == bytes([0x44, _REFUSED_SIZE])


def test_a_forced_input_beats_its_pin_and_a_forced_output_the_program(uno: Running) -> None:
    assert uno.force("left", b"\1") == _OK
    uno.pass_time(0.03)
    assert uno.board.pin("8"), "either, of a pin that is off"
    assert uno.force("either", b"\0") == _OK
    uno.pass_time(0.03)
    assert not uno.board.pin("8")
    assert uno.release("left") == uno.release("either") == _OK
    uno.pass_time(0.03)
    assert not uno.board.pin("8")
    uno.board.drive("2", True)
    uno.pass_time(0.03)
    assert uno.board.pin("8")


def test_a_forced_output_keeps_its_value_whatever_a_master_writes(uno: Running) -> None:
    uno.force("remote", b"\1")
    uno.master.write_coil(2, False)
    uno.pass_time(0.03)
    assert uno.board.pin("12")


def test_forcing_needs_an_intact_frame_and_reading_does_not(uno: Running) -> None:
    """Official editors do not mind the checksum of these codes; but what moves an output must be what was sent."""
    force = b"\1\x42" + struct.pack(">HBHB", uno.number("remote"), 1, 1, 1)
    assert uno.master.send(force + b"\0\0") == b""
    assert uno.master.send(b"\1\x45\xde\xad\0\0\0\0")[:3] == b"\1\x45\x7e"
    assert uno.value("remote") == 0


def test_a_board_holds_as_many_forced_variables_as_it_has_memory_for_and_refuses_the_next(uno: Running) -> None:
    statuses = [uno.force(f"bits[{n}]", b"\1") for n in range(10)]
    assert statuses == [_OK] * 8 + [_REFUSED_SIZE] * 2
    uno.pass_time(0.03)
    assert [uno.value(f"bits[{n}]") for n in range(10)] == [1] * 8 + [0] * 2
    assert uno.release("bits[0]") == _OK
    assert uno.force("bits[9]", b"\1") == _OK


def test_a_value_of_another_size_than_the_variables_is_refused(uno: Running) -> None:
    assert uno.force("word", b"\1") == _REFUSED_SIZE
    assert uno.value("word") == 0xBEEF


# ------------------------------------------------------------------------------------------------ clock and watchdog


def test_a_task_runs_at_its_interval(uno: Running) -> None:
    scans, least, most = uno.scans_meanwhile(lambda: uno.pass_time(0.5))
    assert least / 0.010 - 1 <= scans <= most / 0.010 + 1
    assert 0 < uno.value("RUNG_SCAN_US") <= uno.value("RUNG_SCAN_MAX_US") < 5000


def test_a_timer_ends_when_its_time_has_passed(uno: Running) -> None:
    """Each edge is seen at a scan, every 10 ms."""
    uno.pass_time(0.1)
    uno.board.drive("2", True)
    assert uno.board.await_level("13", True)
    assert uno.board.changed_at("13") - uno.board.changed_at("2") == pytest.approx(0.305, abs=0.0065)
    uno.board.drive("2", False)
    assert uno.board.await_level("13", False)
    assert uno.board.changed_at("13") - uno.board.changed_at("2") < 0.011


def test_a_scan_that_takes_too_long_is_counted_and_the_next_begins_at_once(tmp_path: Path) -> None:
    with _running(_STUCK, "uno", tmp_path) as uno:
        assert uno.value("RUNG_OVERRUNS") == 0
        uno.board.drive("3", True)
        uno.pass_time(0.2)
        late, longest = uno.value("RUNG_OVERRUNS"), uno.value("RUNG_SCAN_MAX_US")
        assert late > 5
        assert longest > 5000
        scans, least, most = uno.scans_meanwhile(lambda: uno.pass_time(0.3))
        assert 0.8 * least <= scans * longest / 1e6 <= 1.2 * most


def test_a_scan_that_does_not_end_turns_the_outputs_off_and_is_told(tmp_path: Path) -> None:
    with _running(_STUCK, "uno", tmp_path, hurry=True) as uno:
        assert uno.board.await_level("7", True)
        assert uno.board.pwm("9") == 1.0
        uno.board.drive("2", True)
        assert uno.board.await_level("7", False, 3.0)
        assert uno.board.pwm("9") == 0.0
        resets = uno.board.resets
        uno.pass_time(2.5)
        assert uno.value("RUNG_HALTED") == 1, "questions are still answered"
        assert uno.board.resets == resets, "the chip waits for somebody to look at it"
        uno.master.write_coil(0, True)
        assert not uno.board.pin("7")
        uno.board.drive("2", False)
        uno.board.reset()
        uno.master.await_slave()
        assert uno.value("RUNG_HALTED") == 0
        assert uno.board.await_level("7", True)


# ---------------------------------------------------------------------------------------- other ways to compile, Mega


def test_compiled_with_the_arduino_core_the_program_does_the_same(tmp_path: Path) -> None:
    """The way of boards that are not compiled without a core; its pins, clock and serial port are the core's."""
    with _running(_PLANT, "uno", tmp_path, "arduino-core") as uno:
        assert uno.master.ask(b"\x45\xde\xad\0\0")[2:] == uno.artefact.md5.encode()
        uno.board.drive("3", True)
        uno.board.analog("A0", 2500)
        assert uno.board.await_level("8", True, 0.1)
        assert not uno.board.pin("7")
        uno.pass_time(0.03)
        assert uno.master.discrete_inputs(0, 2) == [False, True]
        assert uno.master.input_registers(0, 1) == [0x7FDF]
        assert uno.board.pwm("9") == pytest.approx(0.5, abs=0.005)
        uno.master.write_coil(2, True)
        assert uno.board.await_level("12", True, 0.1)
        assert uno.force("either", b"\0") == _OK
        assert uno.board.await_level("8", False, 0.1)
        assert uno.values("text") == b"\x04pump".ljust(13, b"\0")
        scans, least, most = uno.scans_meanwhile(lambda: uno.pass_time(0.5))
        assert least / 0.010 - 1 <= scans <= most / 0.010 + 1
        assert uno.board.overruns == 0


def test_a_mega_has_its_own_pins_and_memory_words(tmp_path: Path) -> None:
    with _running(_MEGA, "mega", tmp_path) as mega:
        mega.board.drive("A8", True)
        assert mega.board.await_level("14", True)
        assert not mega.board.pin("53")
        mega.board.drive("52", True)
        assert mega.board.await_level("53", True)
        assert mega.board.pwm("13") == pytest.approx(0.75, abs=0.005)
        assert mega.master.discrete_inputs(0, 24) == [True, *[False] * 22, True]
        assert mega.master.coils(0, 24) == [True, *[False] * 22, True]
        assert mega.master.holding_registers(11, 1) == [49152]
        assert mega.master.holding_registers(32, 5) == [0, 0, 0, 7, 14], (
            "the standard map has 32 %QW before the first %MW"
        )
        mega.master.write_register(35, 21)
        mega.pass_time(0.1)
        assert mega.master.holding_registers(35, 2) == [21, 42]
        assert mega.board.overruns == 0
