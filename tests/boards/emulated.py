"""An AVR board on a serial port without the board: a real bootloader and real firmware on an emulated chip, at the speed of the real one.

    with EmulatedBoard("uno", tmp_path) as board:
        upload(board.port)                       # the port of a Uno with optiboot and an empty flash
        board.drive("2", True)                   # 5 V at pin 2
        assert board.await_level("7", True)

Invariant: the chip lives as long as the `with` block at most; the emulator ends with the pipe to this process, however this process ends.
What is not as on a real board: USB adds no delay and no numbers, a pseudo terminal has no modem lines (opening it is DTR's edge, or the shim and
`rfc2217` give it a line), a reset takes no time, voltages have no noise.

A board takes about a fifth of a core. The chip's clock is the wall clock's as long as the machine can keep up. When it cannot, the chip
falls behind, and makes up for 0.2 s at most; so the second in which a bootloader listens stays about one for a client that is as slow as the chip. A test
measures times by `seconds`, the chip's own clock, and waits generously by the wall clock.

As a program it serves one board until SIGTERM and resets it on SIGUSR1: `python tests/boards/emulated.py --board uno --port /tmp/ttyUNO`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from boards import built, optiboot


def _led_out(first: int, ports: str, name: str = "") -> dict[str, str]:
    return {f"{name}{first + n}": port for n, port in enumerate(ports.split())}


_UNO_PINS: Mapping[str, str] = {
    **_led_out(0, "D0 D1 D2 D3 D4 D5 D6 D7 B0 B1 B2 B3 B4 B5"),
    **_led_out(0, "C0 C1 C2 C3 C4 C5", "A"),
}
_MEGA_PINS: Mapping[str, str] = {
    **_led_out(0, "E0 E1 E4 E5 G5 E3 H3 H4 H5 H6 B4 B5 B6 B7 J1 J0 H1 H0 D3 D2 D1 D0"),
    **_led_out(22, "A0 A1 A2 A3 A4 A5 A6 A7 C7 C6 C5 C4 C3 C2 C1 C0 D7 G2 G1 G0"),
    **_led_out(42, "L7 L6 L5 L4 L3 L2 L1 L0 B3 B2 B1 B0"),
    **_led_out(0, "F0 F1 F2 F3 F4 F5 F6 F7 K0 K1 K2 K3 K4 K5 K6 K7", "A"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of board: its chip, its bootloader, where the chip's pins are led out."""

    mcu: str
    bootloader: Callable[[], Path]
    pins: Mapping[str, str]


KINDS: Mapping[str, Kind] = {
    "uno": Kind("atmega328p", optiboot.optiboot, _UNO_PINS),
    "nano": Kind("atmega328p", optiboot.optiboot, _UNO_PINS),
    "nano-old": Kind("atmega328p", optiboot.atmegaboot, _UNO_PINS),
    "mega": Kind("atmega2560", optiboot.stk500boot, _MEGA_PINS),
}


class EmulatedBoard:
    """A board of one of `KINDS`, from `with` to the end of the block.

    Args:
        kind: which board.
        folder: where its port appears.
        firmware: Intel HEX to put beside the bootloader; None: the flash is empty.
        reset_on_open: opening the port resets the chip, as DTR does on a real one. False: the DTR line is moved by `dtr()` or the shim alone.
        touch: opening and closing the port at 1200 bit/s resets the chip and takes the port away for 0.3 s.
        shim: the client is to run with `environment`, and moves DTR as on a real port.
        free_running: the chip runs as fast as this machine can, without regard to the clock.
        bootloader: False leaves the chip without one, so the firmware starts at once.
        link: the path of the port; None: `ttyUNO0` and the like in the folder.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        *,
        firmware: bytes | None = None,
        reset_on_open: bool = True,
        touch: bool = False,
        shim: bool = False,
        free_running: bool = False,
        bootloader: bool = True,
        link: Path | None = None,
    ) -> None:
        self._kind = KINDS[kind]
        self._name, self._folder, self._firmware, self._link = kind, folder, firmware, link
        self._bootloader, self._shim = bootloader, shim
        self._options = [
            *(["--no-reset-on-open"] if shim or not reset_on_open else []),
            *(["--touch"] if touch else []),
            *(["--free-running"] if free_running else []),
        ]
        self._lock = threading.Lock()
        self.port = ""
        self.control = ""

    def __enter__(self) -> EmulatedBoard:
        command = [str(built.avrhost()), "--mcu", self._kind.mcu, *self._options]
        if self._bootloader:
            command += ["--boot", str(self._kind.bootloader())]
        # A socket's path may have 107 characters at most, fewer than pytest's folders take.
        self._private = Path(tempfile.mkdtemp(prefix="rung-board-"))
        self.control = str(self._private / "control")
        self.port = str(self._link or self._free_name())
        command += ["--link", self.port, "--control", self.control]
        if self._firmware is not None:
            (self._private / "firmware.hex").write_bytes(self._firmware)
            command += ["--firmware", str(self._private / "firmware.hex")]
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
            assert self._process.stdout is not None
            ready = self._process.stdout.readline()
            (self._private / "firmware.hex").unlink(missing_ok=True)
            if ready != b"READY\n":
                self._process.wait()
                shutil.rmtree(self._private)
                log.seek(0)
                raise RuntimeError(f"The emulated board did not start: {log.read().decode(errors='replace')}")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(self.control)
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def environment(self) -> dict[str, str]:
        """The variables a client program needs to have a DTR line."""
        shim = {"LD_PRELOAD": str(built.dtrshim()), "RUNG_BOARD_CONTROL": self.control}
        return {**os.environ, **(shim if self._shim else {})}

    def pin(self, name: str) -> bool:
        """Return the level at a pin: what the chip puts out, or what is connected to an input; nothing connected is False."""
        return self._ask(f"get {self._kind.pins[name]}") == "1"

    def drive(self, name: str, level: bool) -> None:
        """Connect an input pin to 5 V or to 0 V; it stays so over resets."""
        self._ask(f"set {self._kind.pins[name]} {int(level)}")

    def analog(self, name: str, millivolts: int) -> None:
        """Connect an analog input, A0 to A7, to a voltage; the reference is 5000 mV."""
        self._ask(f"adc {name.removeprefix('A')} {millivolts}")

    def pwm(self, name: str) -> float:
        """Return the part of the time, 0.0 to 1.0, that a pin is high: of its PWM, or of its level where no timer drives it."""
        return int(self._ask(f"duty {self._kind.pins[name]}")) / 65535

    def toggles(self, name: str) -> int:
        """Return how often the level at a pin has changed since the board was made; a PWM's edges count where simavr shows them."""
        return int(self._ask(f"changes {self._kind.pins[name]}").split()[0])

    def changed_at(self, name: str) -> float:
        """Return when the level at a pin last changed, by whomever, in seconds of the chip's clock."""
        return int(self._ask(f"changes {self._kind.pins[name]}").split()[1]) / 1e9

    def await_level(self, name: str, level: bool, seconds: float = 2.0) -> bool:
        """Wait until a pin has a level; False: it had not in that time of the chip's clock."""
        began = self.seconds
        while self.pin(name) != level:
            if self.seconds - began > seconds:
                return False
            time.sleep(0.002)
        return True

    @property
    def seconds(self) -> float:
        """The chip's own clock: it stands still while there is no power, and runs behind the wall clock on a machine that is too busy."""
        return self._state("ns") / 1e9

    @property
    def resets(self) -> int:
        """How often the chip began anew, the first time included; each watchdog reset counts, also the one with which optiboot starts a program."""
        return self._state("resets")

    @property
    def overruns(self) -> int:
        """How many bytes were lost because the firmware was slow to read them."""
        return self._state("overruns")

    def dtr(self, level: bool) -> None:
        """Move the DTR line; from off to on it resets the chip."""
        self._ask(f"dtr {int(level)}")

    def reset(self) -> None:
        """Press the reset button."""
        self._ask("reset")

    def unplug(self) -> None:
        """Pull the USB cable: the port goes away and, as on boards without another supply, the power."""
        self._ask("unplug")

    def plug(self) -> None:
        """Put the cable back: RAM is lost, flash is as it was."""
        self._ask("plug")

    def power_cycle(self) -> None:
        """Pull the cable and put it back."""
        self.unplug()
        self.plug()

    def kill(self) -> None:
        """End the board at once, in the middle of what it does. It may be ended already."""
        if self._process.returncode is None:
            self._process.terminate()
            self._process.communicate()
        self._socket.close()
        shutil.rmtree(self._private, ignore_errors=True)

    def _ask(self, command: str) -> str:
        with self._lock:
            self._socket.sendall(command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = self._socket.recv(1024)
                if not part:
                    raise RuntimeError("The emulated board has ended.")
                answer += part
        status, _, text = answer.decode().strip().partition(" ")
        if status != "ok":
            raise ValueError(text)
        return text

    def _state(self, name: str) -> int:
        return int(dict(part.split("=") for part in self._ask("state").split())[name])

    def _free_name(self) -> Path:
        stem, number = "tty" + self._name.upper().replace("-", ""), 0
        while os.path.lexists(self._folder / f"{stem}{number}"):
            number += 1
        return self._folder / f"{stem}{number}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Serve an emulated board on a serial port until SIGTERM or SIGINT.")
    parser.add_argument("--board", choices=KINDS, default="uno")
    parser.add_argument("--port", type=Path, required=True, help="where the port is to appear")
    parser.add_argument("--firmware", type=Path, help="an Intel HEX file to start with")
    parser.add_argument("--no-reset-on-open", action="store_true")
    parser.add_argument("--touch", action="store_true", help="a 1200 bit/s touch takes the port away for 0.3 s")
    chosen = parser.parse_args()
    firmware = chosen.firmware.read_bytes() if chosen.firmware else None
    parent = os.getppid()
    with EmulatedBoard(
        chosen.board,
        chosen.port.parent,
        firmware=firmware,
        reset_on_open=not chosen.no_reset_on_open,
        touch=chosen.touch,
        link=chosen.port,
    ) as board:
        # Taken one by one, not in handlers, which may come while a lock is held; from now on, for the emulator would inherit it.
        awaited = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
        signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
        print("READY", board.port, board.control, flush=True)
        while os.getppid() == parent:
            signalled = signal.sigtimedwait(awaited, 0.5)
            if signalled is None:
                continue
            if signalled.si_signo != signal.SIGUSR1:
                break
            board.reset()
    return 0


if __name__ == "__main__":
    sys.exit(main())
