"""The bootloaders that real boards have, from Debian's package `arduino-core-avr`.

Invariant: nothing is made up here. Optiboot is built from the packaged source, because the packaged hex of it is 34 bytes too long for its
section and cannot run; the two others are the packaged files.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from boards import built

BOOTLOADERS = Path("/usr/share/arduino/hardware/arduino/avr/bootloaders")
_OPTIBOOT = BOOTLOADERS / "optiboot"
_OPTIMIZE = "OPTIMIZE=-Os -fno-inline-small-functions -fno-split-wide-types -fno-inline-functions-called-once"


def optiboot() -> Path:
    """Return optiboot 4.4 for the ATmega328P: 115200 bit/s, at 0x7E00, waits one second after an external reset."""
    sources = sorted(file for file in _OPTIBOOT.iterdir() if file.suffix in (".c", ".h") or file.name == "Makefile")
    return built.once("optiboot.hex", sources, _OPTIMIZE, _make)


def atmegaboot() -> Path:
    """Return the bootloader of old Nanos: 57600 bit/s, at 0x7800."""
    return BOOTLOADERS / "atmega" / "ATmegaBOOT_168_atmega328.hex"


def stk500boot() -> Path:
    """Return the Mega's bootloader: STK500v2 at 115200 bit/s, at 0x3E000."""
    return BOOTLOADERS / "stk500v2" / "stk500boot_v2_mega2560.hex"


def _make(folder: Path) -> Path:
    for file in _OPTIBOOT.iterdir():
        if file.suffix != ".hex":
            shutil.copy(file, folder)
    subprocess.run(["make", "--silent", "atmega328", _OPTIMIZE], cwd=folder, check=True, capture_output=True)
    return folder / "optiboot_atmega328.hex"
