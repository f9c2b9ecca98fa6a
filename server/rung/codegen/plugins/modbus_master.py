"""`[[modbus_master]]`: remote I/O that the runtime polls over Modbus TCP or RTU (runtime protocol, section 4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.codegen.plugins.image import Image, Place, address_of, places, spelled
from rung.codegen.plugins.settings_table import SettingsTable

_READS: Final = (1, 2, 3, 4)
_BITS: Final = (1, 2, 5, 15)
_SINGLE: Final = (5, 6)
_CODES: Final = (1, 2, 3, 4, 5, 6, 15, 16)
_MOST_BITS: Final = 2000
_MOST_REGISTERS: Final = 125
_REGISTERS: Final = {"W": 1, "D": 2, "L": 4}


def modbus_master(tables: Iterator[SettingsTable], image: Image) -> list[dict[str, object]]:
    """Return the content of `modbus_master.json`."""
    devices: list[dict[str, object]] = []
    names: set[str] = set()
    lines: set[tuple[object, ...]] = set()
    filled: dict[Place, str] = {}
    for table in tables:
        name = table.text("name", longest=64)
        if name in names:
            table.flaw("name", f"another device is called {name!r}")
        names.add(name)
        config: dict[str, object] = {"type": "SLAVE", **_line(table, lines)}
        config["timeout_ms"] = table.number("timeout_ms", 1, 60_000, 1000)
        config["io_points"] = [_point(point, name, image, filled) for point in table.tables("io_points")]
        if not config["io_points"]:
            table.flaw(None, "a device without io_points exchanges nothing")
        table.close()
        devices.append({"name": name, "protocol": "MODBUS", "config": config})
    return devices


def _line(table: SettingsTable, lines: set[tuple[object, ...]]) -> dict[str, object]:
    """How the device is reached. `lines` holds what earlier devices take, for the runtime refuses doubles."""
    if table.text("transport", "tcp", ("tcp", "rtu")) == "tcp":
        host, port = table.text("host", longest=253), table.number("port", 1, 65535, 502)
        if ("tcp", host, port) in lines:
            table.flaw("host", f"another device is at {host}:{port}, which the runtime refuses before version 4.1.5")
        lines.add(("tcp", host, port))
        return {"transport": "tcp", "host": host, "port": port, "slave_id": table.number("slave_id", 0, 255, 1)}
    serial: dict[str, object] = {
        "transport": "rtu",
        "serial_port": table.text("serial_port", longest=200),
        "baud_rate": table.number("baud_rate", 300, 4_000_000, 9600),
        "parity": table.text("parity", "N", ("N", "E", "O")),
        "stop_bits": table.number("stop_bits", 1, 2, 1),
        "data_bits": table.number("data_bits", 7, 8, 8),
        "slave_id": table.number("slave_id", 1, 247, 1),
    }
    bus = tuple(serial.values())
    if bus in lines:
        table.flaw("slave_id", f"another device on {serial['serial_port']} has this number")
    lines.add(bus)
    return serial


def _point(table: SettingsTable, device: str, image: Image, filled: dict[Place, str]) -> dict[str, object]:
    code = table.number("fc", 1, 16)
    if code not in _CODES:
        table.flaw("fc", f"function code {code} is not one of {', '.join(map(str, _CODES))}")
    offset = table.number("offset", 0, 65535)
    # One request carries so many at most, whatever the runtime makes of a longer one.
    count = table.number("len", 1, _MOST_BITS if code in _BITS else _MOST_REGISTERS)
    if code in _SINGLE and count != 1:
        table.flaw("len", f"function code {code} writes a single value: use {15 if code == 5 else 16} for several")
    cycle = table.number("cycle_time_ms", 1, 3_600_000, 1000)
    address = address_of(table, "iec_location")
    if address is not None and code in _CODES:
        if (address.size == "X") != (code in _BITS) or address.size == "B":
            wanted = "bits (X)" if code in _BITS else "words (W), double words (D) or long words (L)"
            table.flaw("iec_location", f"function code {code} exchanges {wanted}, {address.text} is none", "CFG002")
        elif code not in _BITS and count * _REGISTERS[address.size] > _MOST_REGISTERS:
            table.flaw("len", f"one request carries {_MOST_REGISTERS} registers at most")
        elif code in _READS and address.area == "Q":
            table.flaw(
                "iec_location",
                f"what is read from {device} would go to {address.text}, an output that the program writes: use %I or %M",
                "CFG004",
            )
        else:
            image.use(table, "iec_location", address, count)
        if code in _READS:
            for place in places(address, count):
                other = filled.setdefault(place, device)
                if other != device:
                    table.flaw("iec_location", f"{spelled(place)} is read from {other} already", "CFG004")
                    break
    table.close()
    return {
        "fc": code,
        "offset": f"0x{offset:04X}",
        "iec_location": "" if address is None else address.text,
        "len": count,
        "cycle_time_ms": cycle,
    }
