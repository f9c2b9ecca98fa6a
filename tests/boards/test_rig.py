"""The emulated boards behave as boards do, so that what the other tests here see can be relied on.

The chip runs a few lines of C without any library: it echoes what it receives, and tells its pins when asked.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from boards import emulated
from boards.emulated import EmulatedBoard
from boards.rfc2217 import Rfc2217Server

_PROBE = r"""
#include <avr/io.h>
#include <avr/wdt.h>
static uint8_t next(void) { while (!(UCSR0A & 1 << RXC0)) {} return UDR0; }
static void put(uint8_t byte) { while (!(UCSR0A & 1 << UDRE0)) {} UDR0 = byte; }
int main(void) {
    static uint8_t kept __attribute__((section(".noinit")));
    MCUSR = 0;
    wdt_disable();
    DDRB |= 1 << 5 | 1 << 1;                                        /* 13 and 9 are outputs */
    TCCR1A = 1 << COM1A1 | 1 << WGM10, TCCR1B = 1 << WGM12 | 1 << CS11;  /* fast PWM of 8 bits at 9 */
    ADMUX = 1 << REFS0, ADCSRA = 1 << ADEN | 7;
    UCSR0A = 1 << U2X0, UBRR0 = 16, UCSR0B = 1 << RXEN0 | 1 << TXEN0;
    for (;;) switch (next()) {
    case 'i': put('0' + (PIND >> 2 & 1)); break;                    /* the level at 2 */
    case 'o': PINB = 1 << 5; put('.'); break;                       /* 13 changes */
    case 'a': ADCSRA |= 1 << ADSC; while (ADCSRA & 1 << ADSC) {} put(ADCL); put(ADCH); break;
    case 'p': OCR1A = next(); put('.'); break;
    case 'k': kept = next(); put('.'); break;
    case 'r': put(kept); break;
    case 'e': put(next()); break;
    case 's': for (volatile uint16_t n = 0; n < 20000; n++) {} break;  /* does not listen for a while */
    case 'w': wdt_enable(WDTO_15MS); for (;;) {}
    default: put('?');
    }
}
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The probe's Intel HEX."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.c").write_text(_PROBE)
    subprocess.run(["avr-gcc", "-Os", "-mmcu=atmega328p", "probe.c", "-o", "probe.elf"], cwd=folder, check=True)
    subprocess.run(["avr-objcopy", "-O", "ihex", "probe.elf", "probe.hex"], cwd=folder, check=True)
    return (folder / "probe.hex").read_bytes()


@pytest.fixture
def uno(probe: bytes, tmp_path: Path) -> Iterator[EmulatedBoard]:
    """A Uno without a bootloader that runs the probe."""
    with EmulatedBoard("uno", tmp_path, firmware=probe, bootloader=False) as board:
        yield board


def ask(port: serial.SerialBase, question: bytes, length: int = 1) -> bytes:
    port.write(question)
    return port.read(length)


def opened(board: EmulatedBoard, baud: int = 115200) -> serial.Serial:
    """Open the port and wait until the probe, which begins anew by that, listens."""
    port = serial.Serial(board.port, baud, timeout=1)
    settle(board)
    return port


def settle(board: EmulatedBoard, seconds: float = 0.005) -> None:
    began = board.seconds
    while board.seconds < began + seconds:
        time.sleep(0.001)


def test_inputs_are_driven_and_outputs_seen_at_the_pins(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        assert ask(port, b"i") == b"0"
        uno.drive("2", True)
        assert ask(port, b"i") == b"1"
        before = uno.toggles("13")
        assert ask(port, b"ooo", 3) == b"..."
        assert uno.pin("13")
        assert uno.toggles("13") == before + 3


def test_an_analog_voltage_is_measured_and_a_duty_cycle_seen(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        for millivolts, reading in ((0, 0), (1250, 255), (2500, 511), (5000, 1023)):
            uno.analog("A0", millivolts)
            assert int.from_bytes(ask(port, b"a", 2), "little") == reading
        for compare, share in ((0, 1 / 256), (63, 0.25), (255, 1.0)):
            assert ask(port, b"p" + bytes([compare])) == b"."
            assert uno.pwm("9") == pytest.approx(share, abs=1e-4)


def test_what_is_connected_to_an_input_stays_over_a_reset(uno: EmulatedBoard) -> None:
    uno.drive("2", True)
    uno.analog("A0", 2500)
    with opened(uno) as port:
        for _ in range(2):
            uno.reset()
            settle(uno)
            assert ask(port, b"i") == b"1"
            assert int.from_bytes(ask(port, b"a", 2), "little") == 511


def test_opening_the_port_resets_the_chip(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        ask(port, b"o")
        assert uno.resets == 2
        assert uno.pin("13")
    with opened(uno) as port:
        ask(port, b"i")
        assert uno.resets == 3
        assert not uno.pin("13")


def test_a_port_closed_without_hupcl_keeps_the_chip_running_when_it_is_opened_again(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        settings = termios.tcgetattr(port.fileno())
        settings[2] &= ~termios.HUPCL
        termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)
        ask(port, b"o")
    with opened(uno) as port:
        assert ask(port, b"i") == b"0"
    assert uno.resets == 2
    assert uno.pin("13")


def test_a_port_closed_and_opened_again_at_once_is_still_a_reset(uno: EmulatedBoard) -> None:
    opened(uno).close()
    for _ in range(20):
        os.close(os.open(uno.port, os.O_RDWR | os.O_NOCTTY))
    with opened(uno) as port:
        assert ask(port, b"i") == b"0"
    assert uno.resets == 1 + 1 + 20 + 1


def test_a_wrong_baud_rate_gives_rubbish_both_ways(uno: EmulatedBoard) -> None:
    with opened(uno, 57600) as port:
        port.timeout = 0.3
        assert ask(port, b"eAeBeC", 3) != b"ABC"


def test_bytes_that_nobody_reads_in_time_are_lost(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        port.timeout = 0.2
        assert ask(port, b"".join(b"e%c" % n for n in range(100)), 100) == bytes(range(100))
        assert uno.overruns == 0
        port.write(b"s" + b"i" * 20)
        settle(uno, 0.1)
        assert len(port.read(20)) < 10
        assert uno.overruns > 10


def test_the_chip_keeps_to_the_wall_clock(uno: EmulatedBoard) -> None:
    began, chip = time.monotonic(), uno.seconds
    time.sleep(0.5)
    passed = uno.seconds - chip
    assert passed <= time.monotonic() - began + 0.2
    assert passed > 0.25, "this machine is too busy to run a chip at half its speed"


def test_ram_survives_a_reset_and_not_a_power_cycle(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        ask(port, b"k\x21")
        uno.reset()
        settle(uno)
        assert ask(port, b"r") == b"\x21"
    uno.power_cycle()
    with opened(uno) as port:
        assert ask(port, b"r") != b"\x21"


def test_an_unplugged_board_has_no_port_and_its_outputs_are_off(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        ask(port, b"o")
        uno.unplug()
        assert not os.path.lexists(uno.port)
        assert not uno.pin("13")
        stopped = uno.seconds
        with pytest.raises(serial.SerialException):
            port.read(1)
    uno.plug()
    assert uno.seconds - stopped < 0.05
    with opened(uno) as port:
        assert ask(port, b"i") == b"0"


def test_a_watchdog_that_is_not_fed_resets_the_chip(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        port.write(b"w")
        assert uno.await_level("13", False)
        deadline = time.monotonic() + 2
        while uno.resets < 3 and time.monotonic() < deadline:
            time.sleep(0.005)
        assert uno.resets == 3
        settle(uno)
        assert ask(port, b"i") == b"0"


def test_after_a_touch_at_1200_bits_a_second_the_port_goes_and_comes_back(probe: bytes, tmp_path: Path) -> None:
    with EmulatedBoard("uno", tmp_path, firmware=probe, touch=True) as board:
        opened(board, 1200).close()
        time.sleep(0.05)
        assert not os.path.lexists(board.port)
        deadline = time.monotonic() + 3
        while not os.path.lexists(board.port) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert board.resets == 3


def test_a_client_with_the_shim_has_a_dtr_line(probe: bytes, tmp_path: Path) -> None:
    client = "import serial, sys; p = serial.Serial(sys.argv[1]); p.dtr = False; p.dtr = True; p.dtr = True"
    with EmulatedBoard("uno", tmp_path, firmware=probe, shim=True) as board:
        subprocess.run([sys.executable, "-c", client, board.port], env=board.environment, check=True)
        assert board.resets == 1 + 2, "once when it was opened, once at the second edge"


def test_the_dtr_of_a_port_over_the_network_resets_the_chip(probe: bytes, tmp_path: Path) -> None:
    with (
        EmulatedBoard("uno", tmp_path, firmware=probe, reset_on_open=False, bootloader=False) as board,
        Rfc2217Server(board) as server,
        serial.serial_for_url(server.url, 115200, timeout=2) as port,
    ):
        before = board.resets
        port.dtr = False
        port.dtr = True
        settle(board)
        assert ask(port, b"i") == b"0"
        assert board.resets == before + 1


def test_a_board_that_was_ended_is_gone_at_once(uno: EmulatedBoard) -> None:
    with opened(uno) as port:
        uno.kill()
        assert not os.path.lexists(uno.port)
        with pytest.raises(serial.SerialException):
            port.read(1)


def test_two_boards_in_a_folder_have_ports_of_their_own(probe: bytes, tmp_path: Path) -> None:
    with (
        EmulatedBoard("uno", tmp_path, firmware=probe, bootloader=False) as one,
        EmulatedBoard("uno", tmp_path, firmware=probe, bootloader=False) as two,
        opened(one) as first,
        opened(two) as second,
    ):
        two.drive("2", True)
        assert (ask(first, b"i"), ask(second, b"i")) == (b"0", b"1")


def test_a_board_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import os, pathlib, sys; from boards.emulated import EmulatedBoard\n"
        "board = EmulatedBoard('uno', pathlib.Path(sys.argv[1])).__enter__()\n"
        "print(board.port, board.control, flush=True); os.kill(os.getpid(), 9)"
    )
    paths = os.pathsep.join(part for part in sys.path if part)
    result = subprocess.run(
        [sys.executable, "-c", starter, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    port, control = result.stdout.split()
    assert port.startswith(str(tmp_path))
    deadline = time.monotonic() + 5
    while os.path.lexists(os.path.dirname(control)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not os.path.lexists(os.path.dirname(control))
    assert not os.path.lexists(port)


def test_it_also_runs_as_a_program(probe: bytes, tmp_path: Path) -> None:
    (tmp_path / "probe.hex").write_bytes(probe)
    command = [
        sys.executable,
        emulated.__file__,
        "--board",
        "uno",
        "--port",
        str(tmp_path / "ttyUNO"),
        "--firmware",
        str(tmp_path / "probe.hex"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 10)[0]
        ready, port, control = process.stdout.readline().split()
        assert (ready, port) == ("READY", str(tmp_path / "ttyUNO"))
        assert os.path.exists(control)
        process.send_signal(signal.SIGUSR1)
        process.terminate()
        assert process.wait(10) == 0
    assert not os.path.lexists(port)
