"""The table of boards, `boards.toml`: one row a board, with what its chip holds and where its pins stand in the process image.

Invariants: position n of `digital_inputs` is %IX(n / 8).(n % 8), of `digital_outputs` %QX; of `analog_inputs` %IWn, of `analog_outputs` %QWn.
An empty name is a position without a pin. No pin stands at two positions, but an input may be read both as a bit and as an analog value.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

MOST_BITS: Final = 64
MOST_WORDS: Final = 32
"""How many places of %IX and %QX, of %IW and %QW a board can have."""

_KINDS: Final = ("IX", "QX", "IW", "QW")
_ADDRESS: Final = re.compile(r"%([IQ])(?:X?([0-9]{1,3})\.([0-7])|W([0-9]{1,3}))", re.IGNORECASE)
_WITHOUT_DOUBLE: Final = ("avr", "megaavr")


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a board's firmware speaks Modbus RTU on its USB port: bits per second, 8N1, and its slave number, 1 to 247."""

    baud: int = 115200
    slave: int = 1


class PinsError(ValueError):
    """Pins that a board cannot have.

    Args:
        message: a sentence.
        address: the address at which they are wrong.
    """

    def __init__(self, message: str, address: str) -> None:
        super().__init__(message)
        self.address = address


@dataclass(frozen=True, slots=True)
class Board:
    """A row of the table.

    `name` is what `--board` and `target` take, `title` what users read. `family` is the chip's: avr, megaavr, sam, samd, renesas, mbed, esp32,
    esp8266, rp2040, stm32. `core` and `fqbn` are arduino-cli's, `index_url` where the core comes from when it is not Arduino's own. `mcu` and `clock_hz`
    are for the boards that are compiled without arduino-cli, and empty and 0 for others. `usb` holds the pairs of vendor and product number. `uploaders` are tried
    in this order, `upload` are their settings. `flash` and `ram` are the bytes that a program may take, without the bootloader. An analog value
    has `analog_in_bits`/`analog_out_bits` at the pin and 16 in the program. `pins` may be digital inputs and, but for those in `input_only`, outputs; `analog_pins`
    and `pwm_pins` are those that can be an analog input and an analog output, empty means those that are so in this row. `memory_words` are the %MW that Modbus
    reaches. `signature` is an AVR's, three bytes in hex. `resets_on_open`: opening the serial port restarts the program. `serial` is what the core calls the port
    behind the USB socket. `tried` says how far the row was tried,
    as users read it.
    """

    name: str
    title: str
    family: str
    core: str
    fqbn: str
    flash: int
    ram: int
    digital_inputs: tuple[str, ...]
    digital_outputs: tuple[str, ...]
    analog_inputs: tuple[str, ...]
    analog_outputs: tuple[str, ...]
    pins: tuple[str, ...]
    uploaders: tuple[str, ...]
    upload: Mapping[str, str | int | bool]
    usb: tuple[tuple[int, int], ...] = ()
    mcu: str = ""
    clock_hz: int = 0
    signature: str = ""
    index_url: str = ""
    analog_in_bits: int = 10
    analog_out_bits: int = 8
    analog_pins: tuple[str, ...] = ()
    pwm_pins: tuple[str, ...] = ()
    input_only: tuple[str, ...] = ()
    memory_words: int = 20
    serial: str = "Serial"
    resets_on_open: bool = False
    tried: str = "not tried on hardware"

    @property
    def has_lreal(self) -> bool:
        """Whether the chip's compiler has floating point of 64 bits; that of AVRs has 32 for both."""
        return self.family not in _WITHOUT_DOUBLE

    def places(self, kind: str) -> tuple[str, ...]:
        """Return the pins by their position in one part of the image; `kind` is IX, QX, IW or QW."""
        return {
            "IX": self.digital_inputs,
            "QX": self.digital_outputs,
            "IW": self.analog_inputs,
            "QW": self.analog_outputs,
        }[kind]

    def with_pins(self, pins: Mapping[str, str]) -> Board:
        """Return the board with other pins at some addresses: `{"%IX0.0": "A3"}`. A pin leaves the place that it has in the table.

        Raises:
            PinsError: an address is none, or outside of what a board can have; the board has no such pin, or it cannot do this, or is named twice.
        """
        columns = {kind: list(self.places(kind)) for kind in _KINDS}
        taken: dict[str, str] = {}
        placed: dict[tuple[str, int], str] = {}
        for address, pin in pins.items():
            kind, position = self._position(address)
            self._check(address, kind, pin)
            if pin in taken:
                raise PinsError(f"Pin {pin} cannot be at {taken[pin]} and at {address}.", address)
            if (kind, position) in placed:
                raise PinsError(f"{address} is given two pins, {placed[kind, position]} and {pin}.", address)
            taken[pin], placed[kind, position] = address, pin
        for column in columns.values():
            column[:] = ["" if pin in taken else pin for pin in column]
        for (kind, position), pin in placed.items():
            column = columns[kind]
            column += [""] * (position + 1 - len(column))
            column[position] = pin
        return replace(
            self,
            digital_inputs=tuple(columns["IX"]),
            digital_outputs=tuple(columns["QX"]),
            analog_inputs=tuple(columns["IW"]),
            analog_outputs=tuple(columns["QW"]),
        )

    def _position(self, address: str) -> tuple[str, int]:
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise PinsError(
                f"{address!r} is no address that a pin can have: write %IX0.0, %QX0.0, %IW0 or %QW0.", address
            )
        area, byte, bit, word = found[1].upper(), found[2], found[3], found[4]
        position, most = (int(word), MOST_WORDS) if word else (int(byte) * 8 + int(bit), MOST_BITS)
        if position >= most:
            last = f"%{area}W{most - 1}" if word else f"%{area}X{most // 8 - 1}.7"
            raise PinsError(f"{address} lies beyond {last}, the last place that a board can have.", address)
        return area + ("W" if word else "X"), position

    def _check(self, address: str, kind: str, pin: str) -> None:
        able, role = {
            "IX": (self.pins, "a digital input"),
            "QX": (tuple(one for one in self.pins if one not in self.input_only), "a digital output"),
            "IW": (self.analog_pins or self.analog_inputs, "an analog input"),
            "QW": (self.pwm_pins or self.analog_outputs, "an analog output"),
        }[kind]
        if pin in able:
            return
        can = f"Those that can are {', '.join(able)}." if able else "None of its pins can."
        what = (
            f"Pin {pin} of {self.title} cannot be"
            if pin in self.pins
            else f"{self.title} has no pin {pin!r} that could be"
        )
        raise PinsError(f"{what} {role}, as {address} is. {can}", address)


@cache
def all_boards() -> Mapping[str, Board]:
    """Return every board by its name, in the table's order."""
    from importlib import resources  # few programs are for boards

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    text = (resources.files("rung.targets") / "boards.toml").read_text(encoding="utf-8")
    return {name: _board(name, row) for name, row in tomllib.loads(text).items()}


def find_board(name: str) -> Board | None:
    """Return the board of a name, None where there is none."""
    return all_boards().get(name)


def boards_of_usb(vid: int, pid: int) -> list[Board]:
    """Return the boards that show these USB numbers."""
    return [board for board in all_boards().values() if (vid, pid) in board.usb]


def _board(name: str, row: Mapping[str, Any]) -> Board:
    # The table is ours: that each value has its column's type is for a test to say, not for every start.
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    values["usb"] = tuple((int(pair[:4], 16), int(pair[5:], 16)) for pair in row.get("usb", ()))
    return Board(name=name, **values)
