"""From what OpenPLC Runtime v3 says to plain data. Every field is checked: a device is not believed, it is read.

The functions return None where a value is not what the protocol says (runtime protocol v3, sections 2 to 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from rung.runtimes.device_text import clean
from rung.runtimes.machine import Compilation, PlcState

SUCCEEDED = "Compilation finished successfully!"
FAILED = "Compilation finished with errors!"

_MOST_LINES = 20_000
_STATES = {
    "STATUS:RUNNING": PlcState.RUNNING,
    "STATUS:STOPPED": PlcState.STOPPED,
    "STATUS:EMPTY": PlcState.COMPILING,  # the word of v4 for "no program"; here it means this (section 2.3)
}
_MODBUS_START = re.compile(r"start_modbus\(\) command to start on port: (\d{1,5})")
_MODBUS_STOP = re.compile(r"stop_modbus\(\) command")


def plc_state(answer: Mapping[str, object]) -> PlcState | None:
    """The state in an answer to `status`."""
    text = answer.get("status")
    if not isinstance(text, str) or not text.startswith("STATUS:"):
        return None
    return _STATES.get(text.strip(), PlcState.UNKNOWN)


def compile_lines(answer: Mapping[str, object]) -> tuple[str, ...] | None:
    """The compile log in an answer to `compilation-status`. Its own verdict is a search for words in that log, so it is left."""
    lines = answer.get("logs")
    if not isinstance(lines, list) or not isinstance(answer.get("status"), str):
        return None
    return log_lines(line for line in lines if isinstance(line, str))


def log_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Lines fit to be shown, with the blanks that place the compiler's carets."""
    return tuple(clean(line.rstrip("\r\n").replace("\t", " ")) for line in islice(lines, _MOST_LINES))


def verdict(lines: tuple[str, ...]) -> Compilation | None:
    """The compiler's verdict, if it is in: a whole line says so. Program text that a compiler repeats cannot."""
    if FAILED in lines:
        return Compilation("FAILED", lines, 1)
    if SUCCEEDED in lines:
        return Compilation("SUCCESS", lines, 0)
    return None


def runtime_log(answer: Mapping[str, object]) -> str | None:
    """The whole log of the program's process; empty when none runs."""
    text = answer.get("runtime-logs")
    return text if isinstance(text, str) else None


@dataclass(frozen=True, slots=True)
class ModbusServer:
    """What a runtime's log says of its Modbus server.

    Attributes:
        enabled: False when it is switched off in the settings; None when the log does not say.
        port: its TCP port, None when the log does not say.
        taken: another program of the device has the port.
    """

    enabled: bool | None = None
    port: int | None = None
    taken: bool = False


def modbus_server(log: str) -> ModbusServer:
    """What the log says (section 4.4). It is the last word that counts: settings can be changed while a program runs."""
    starts = list(_MODBUS_START.finditer(log))
    stops = list(_MODBUS_STOP.finditer(log))
    if stops and (not starts or stops[-1].start() > starts[-1].start()):
        return ModbusServer(enabled=False)
    if not starts or not 1 <= int(starts[-1][1]) <= 65535:
        return ModbusServer()
    port = int(starts[-1][1])
    rest = log[starts[-1].end() :]
    listening = re.search(rf"Server: Listening on port {port}\b", rest) is not None
    return ModbusServer(True, port, taken=not listening and "error binding socket" in rest)
