"""Which register bit stands behind each pin of an AVR board, in Arduino's numbering: ports, ADC channels and PWM units.

The one place that knows this for firmware without the Arduino core (ATmega328P and ATmega2560 data sheets, pin configurations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AvrPin:
    """`port` is the port's letter, `bit` the pin's position in it; `adc` its ADC channel and `pwm` its timer and unit (`1A`), where it has one."""

    port: str
    bit: int
    adc: int | None = None
    pwm: str | None = None

    @property
    def mask(self) -> int:
        """The pin's bit in its port's registers."""
        return 1 << self.bit


def _chip(digital: str, analog: str, pwm: Mapping[str, str]) -> dict[str, AvrPin]:
    pins = {str(n): AvrPin(at[0], int(at[1]), None, pwm.get(str(n))) for n, at in enumerate(digital.split())}
    return pins | {f"A{n}": AvrPin(at[0], int(at[1]), n, None) for n, at in enumerate(analog.split())}


_CHIPS: Final[Mapping[str, Mapping[str, AvrPin]]] = {
    "atmega328p": _chip(
        "D0 D1 D2 D3 D4 D5 D6 D7 B0 B1 B2 B3 B4 B5",
        "C0 C1 C2 C3 C4 C5",
        {"3": "2B", "5": "0B", "6": "0A", "9": "1A", "10": "1B", "11": "2A"},
    ),
    "atmega2560": _chip(
        "E0 E1 E4 E5 G5 E3 H3 H4 H5 H6 B4 B5 B6 B7 J1 J0 H1 H0 D3 D2 D1 D0 "
        "A0 A1 A2 A3 A4 A5 A6 A7 C7 C6 C5 C4 C3 C2 C1 C0 D7 G2 G1 G0 L7 L6 L5 L4 L3 L2 L1 L0 B3 B2 B1 B0",
        "F0 F1 F2 F3 F4 F5 F6 F7 K0 K1 K2 K3 K4 K5 K6 K7",
        {
            "2": "3B", "3": "3C", "4": "0B", "5": "3A", "6": "4A", "7": "4B", "8": "4C", "9": "2B", "10": "2A", "11": "1A",
            "12": "1B", "13": "0A", "44": "5C", "45": "5B", "46": "5A",
        },
    ),
}  # fmt: skip


def avr_pins(mcu: str) -> Mapping[str, AvrPin] | None:
    """Return the pins of a chip by their names on the board, None where firmware needs the Arduino core."""
    return _CHIPS.get(mcu)
