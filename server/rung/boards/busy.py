"""Which other program has a serial port open, where the system tells (Linux, and there the user's own programs)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rung.runtimes.device_text import clean

_PROC = Path("/proc")
_MODEM_MANAGER = "ModemManager"
_WAIT = (
    "ModemManager looks for modems on each new port for some seconds. Wait, then try again; "
    "on a computer without a modem: sudo systemctl disable --now ModemManager"
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a port open: its process number and its name."""

    pid: int
    name: str

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.name == _MODEM_MANAGER:
            return _WAIT
        return f"Close {self.name}, then try again."


def holders(devices: Iterable[str], proc: Path = _PROC) -> dict[str, Holder]:
    """Return who has which of the devices open, besides this process itself. Devices that nobody has open, as far as can be seen, are left out.

    Reads the open files of all processes once (proc(5), /proc/PID/fd), however many devices are asked for, and opens no device.
    """
    wanted = {os.path.realpath(device): device for device in devices}
    found: dict[str, Holder] = {}
    if not wanted:
        return found
    for process in _entries(proc):
        if not process.isdecimal() or int(process) == os.getpid():
            continue
        for number in _entries(proc / process / "fd"):
            try:
                device = wanted.get(os.readlink(proc / process / "fd" / number))
            except OSError:
                continue  # closed meanwhile
            if device is not None and device not in found:
                found[device] = Holder(int(process), _name(proc / process))
    return found


def suspicion(proc: Path = _PROC) -> str:
    """A sentence, with a blank before it, on a system service that may have a port open and does not show that to other users; else nothing."""
    runs = any(process.isdecimal() and _name(proc / process) == _MODEM_MANAGER for process in _entries(proc))
    return f" {_WAIT}" if runs else ""


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []  # not Linux, another user's process, or one that has ended


def _name(process: Path) -> str:
    try:
        return clean((process / "comm").read_text(encoding="utf-8", errors="replace").strip(), 60) or "a program"
    except OSError:
        return "a program"
