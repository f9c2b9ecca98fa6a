"""A board's pins in C++: set up once, inputs read before a scan, outputs written after it.

Invariants: a pin whose address the program does not use is left alone; outputs are LOW until the first scan has ended; an analog value is
0 to 65535 in the program, whatever number of bits the pin has. The same functions are written for bare registers and for the Arduino core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rung.codegen.avr_pins import AvrPin, avr_pins
from rung.codegen.program import BuildError
from rung.semantics.model import Located
from rung.targets.board import Board

_BITS_PER_BYTE: Final = 8
_PLAIN_BITS_IN: Final = 10
_PLAIN_BITS_OUT: Final = 8


@dataclass(frozen=True, slots=True)
class Wire:
    """A pin that the program uses, and the C++ cell that shows it."""

    address: Located
    pin: str
    cell: str

    @property
    def analog(self) -> bool:
        """Whether the pin has a value of 16 bits in the program."""
        return self.address.size == "W"

    @property
    def output(self) -> bool:
        """Whether the program sets the pin."""
        return self.address.area == "Q"


def wire(board: Board, address: Located, cell: str) -> Wire:
    """Return the pin behind an address `%I` or `%Q`. Raises BuildError where the board has none."""
    pins = {
        "IX": board.digital_inputs, "QX": board.digital_outputs, "IW": board.analog_inputs, "QW": board.analog_outputs,
    }.get(f"{address.area}{address.size}", ())  # fmt: skip
    at = address.index if address.bit is None else address.index * _BITS_PER_BYTE + address.bit
    if at >= len(pins) or not pins[at]:
        raise BuildError(
            f"{address.text} is no pin of the board {board.title}. Use an address that the board has, or give it a pin in rung.toml, "
            "under [board] pins."
        )
    # A zero before a number would make it octal in C++.
    return Wire(address, pins[at].lstrip("0") or "0" if pins[at].isdigit() else pins[at], cell)


def io_functions(board: Board, wires: Sequence[Wire]) -> Iterator[str]:
    """Yield the C++ lines of `set_up_pins`, `read_inputs`, `write_outputs` and `outputs_off`."""
    chip = avr_pins(board.mcu)
    inputs = [one for one in wires if not one.output]
    outputs = [one for one in wires if one.output]
    if chip is not None:
        yield "#ifdef RUNG_BARE"
        yield from _functions(_Bare(board, chip), inputs, outputs)
        yield "#else"
    yield from _functions(_Arduino(board), inputs, outputs)
    if chip is not None:
        yield "#endif"
    yield "static void outputs_off() {"
    for one in outputs:
        yield f"  {one.cell} = 0;"
    yield "  write_outputs();"
    yield "}"


def _functions(way: _Bare | _Arduino, inputs: Sequence[Wire], outputs: Sequence[Wire]) -> Iterator[str]:
    parts: Sequence[tuple[str, Callable[[], Iterator[str]]]] = (
        ("set_up_pins", lambda: way.set_up(inputs, outputs)),
        ("read_inputs", lambda: (f"{one.cell} = {way.read(one)};" for one in inputs)),
        ("write_outputs", lambda: (line for one in outputs for line in way.write(one))),
    )
    for name, lines in parts:
        yield f"static void {name}() {{"
        for line in lines():
            yield f"  {line}"
        yield "}"


class _Arduino:
    """Pins by the functions that every Arduino core has."""

    __slots__ = ("_board",)

    def __init__(self, board: Board) -> None:
        self._board = board

    def set_up(self, inputs: Sequence[Wire], outputs: Sequence[Wire]) -> Iterator[str]:
        """Yield what makes pins inputs and outputs."""
        for one in inputs:
            if not one.analog:
                yield f"pinMode({one.pin}, INPUT);"
        for one in outputs:
            # An analog output of some boards is no PWM but a converter, which pinMode would switch off.
            yield f"analogWrite({one.pin}, 0);" if one.analog else f"pinMode({one.pin}, OUTPUT);"
            if not one.analog:
                yield f"digitalWrite({one.pin}, LOW);"
        # Not every core has these, and those that have not have the plain resolution.
        if any(one.analog for one in inputs) and self._board.analog_in_bits != _PLAIN_BITS_IN:
            yield f"analogReadResolution({self._board.analog_in_bits});"
        if any(one.analog for one in outputs) and self._board.analog_out_bits != _PLAIN_BITS_OUT:
            yield f"analogWriteResolution({self._board.analog_out_bits});"

    def read(self, one: Wire) -> str:
        """Return the expression of an input's value."""
        if one.analog:
            return f"widened<{self._board.analog_in_bits}>(uint16_t(analogRead({one.pin})))"
        return f"digitalRead({one.pin}) != LOW"

    def write(self, one: Wire) -> Iterator[str]:
        """Yield what sets an output."""
        if one.analog:
            yield f"analogWrite({one.pin}, narrowed<{self._board.analog_out_bits}>(uint16_t({one.cell})));"
        else:
            yield f"digitalWrite({one.pin}, {one.cell} ? HIGH : LOW);"


class _Bare:
    """Pins by an AVR's registers. Each access has a constant address, so that the compiler needs one or two instructions for it."""

    __slots__ = ("_board", "_chip")

    def __init__(self, board: Board, chip: Mapping[str, AvrPin]) -> None:
        self._board = board
        self._chip = chip

    def set_up(self, inputs: Sequence[Wire], outputs: Sequence[Wire]) -> Iterator[str]:
        """Yield what makes pins inputs and outputs; a bootloader may have used them otherwise."""
        for port, mask in self._ports(inputs):
            yield f"DDR{port} &= uint8_t(~{mask}); PORT{port} &= uint8_t(~{mask});"
        for port, mask in self._ports(outputs):
            yield f"PORT{port} &= uint8_t(~{mask}); DDR{port} |= {mask};"
        units = sorted(self._unit(one) for one in outputs if one.analog)
        for timer, group in groupby(units, key=lambda unit: unit[0]):
            if timer != "0":  # which is the clock, with the right mode
                on = " | ".join(f"_BV(COM{unit}1)" for unit in group)
                yield f"TCCR{timer}A = {on} | _BV(WGM{timer}0);"
                yield f"TCCR{timer}B = {'_BV(CS22)' if timer == '2' else f'_BV(CS{timer}1) | _BV(CS{timer}0)'};"
        if any(one.analog for one in inputs):
            yield "board::start_adc();"

    def _ports(self, wires: Sequence[Wire]) -> Iterator[tuple[str, str]]:
        pins = sorted((self._pin(one) for one in wires), key=lambda pin: pin.port)
        for port, group in groupby(pins, key=lambda pin: pin.port):
            mask = 0
            for pin in group:
                mask |= pin.mask
            # Written as single bits where it is one, the compiler sets it with one instruction.
            yield port, f"0x{mask:02X}"

    def _pin(self, one: Wire) -> AvrPin:
        pin = self._chip.get(one.pin)
        if pin is None:
            raise BuildError(
                f"The board {self._board.title} has no pin {one.pin}, which {one.address.text} is given to."
            )
        return pin

    def _unit(self, one: Wire) -> str:
        unit = self._pin(one).pwm
        if unit is None:
            raise BuildError(
                f"Pin {one.pin} of the board {self._board.title} cannot put out an analog value, which {one.address.text} is: it has no PWM."
            )
        return unit

    def read(self, one: Wire) -> str:
        """Return the expression of an input's value."""
        pin = self._pin(one)
        if not one.analog:
            return f"(PIN{pin.port} & 0x{pin.mask:02X}) != 0"
        if pin.adc is None:
            raise BuildError(
                f"Pin {one.pin} of the board {self._board.title} cannot read an analog value, which {one.address.text} is: only pins A0 and "
                "following can."
            )
        return f"widened<{self._board.analog_in_bits}>(board::read_adc({pin.adc}))"

    def write(self, one: Wire) -> Iterator[str]:
        """Yield what sets an output."""
        pin = self._pin(one)
        if not one.analog:
            yield f"if ({one.cell}) PORT{pin.port} |= 0x{pin.mask:02X}; else PORT{pin.port} &= uint8_t(~0x{pin.mask:02X});"
            return
        unit, value = self._unit(one), f"uint8_t(uint16_t({one.cell}) >> 8)"
        if unit[0] == "0":
            # In this timer's mode even 0 gives a pulse of one count.
            yield f"OCR{unit} = {value};"
            yield f"if (OCR{unit} != 0) TCCR0A |= _BV(COM{unit}1); else TCCR0A &= uint8_t(~_BV(COM{unit}1));"
        else:
            yield f"OCR{unit} = {value};"
