"""`[s7comm]`: the runtime's S7 server (runtime protocol, section 4.4)."""

from __future__ import annotations

from typing import Final

from rung.codegen.plugins.image import SLOTS, Image
from rung.codegen.plugins.settings_table import SettingsTable
from rung.semantics.model import Located

_MOST_BLOCKS: Final = 64
# The runtime reads `byte_input` and `byte_output`, too, but exchanges nothing with them.
_WIDTHS: Final = {"bool": ("X", 1), "int": ("W", 2), "dint": ("D", 4), "lint": ("L", 8)}
_AREAS: Final = {"input": "I", "output": "Q", "memory": "M"}
_BUFFERS: Final = {f"{width}_{area}": (_AREAS[area], *_WIDTHS[width]) for width in _WIDTHS for area in _AREAS}
_SYSTEM_AREAS: Final = ("pe_area", "pa_area", "mk_area")


def s7comm(table: SettingsTable, image: Image) -> dict[str, object]:
    """Return the content of `s7comm.json`."""
    server = {
        "enabled": table.flag("enabled", True),
        "bind_address": table.text("bind_address", "0.0.0.0", longest=63),  # noqa: S104 - the runtime's own default
        "port": table.number("port", 1, 65535, 102),
        "max_clients": table.number("max_clients", 1, 1024, 32),
        "work_interval_ms": table.number("work_interval_ms", 1, 10_000, 100),
        "send_timeout_ms": table.number("send_timeout_ms", 100, 60_000, 3000),
        "recv_timeout_ms": table.number("recv_timeout_ms", 100, 60_000, 3000),
        "ping_timeout_ms": table.number("ping_timeout_ms", 100, 600_000, 10_000),
        "pdu_size": table.number("pdu_size", 240, 960, 480),
    }
    content = {
        "server": server,
        "plc_identity": _identity(table.table("plc_identity")),
        "data_blocks": _data_blocks(table, image),
        "system_areas": _system_areas(table.table("system_areas"), image),
        "logging": _logging(table.table("logging")),
    }
    table.close()
    return content


def _system_areas(table: SettingsTable, image: Image) -> dict[str, object]:
    present = [key for key in _SYSTEM_AREAS if key in table]
    areas: dict[str, object] = {key: _area(table.table(key), image) for key in present}
    table.close(_SYSTEM_AREAS)
    return areas


def _logging(table: SettingsTable) -> dict[str, bool]:
    defaults = {"log_connections": True, "log_data_access": False, "log_errors": True}
    logging = {key: table.flag(key, default) for key, default in defaults.items()}
    table.close()
    return logging


def _identity(table: SettingsTable) -> dict[str, str]:
    defaults = {
        "name": "OpenPLC Runtime",
        "module_type": "CPU 315-2 PN/DP",
        "serial_number": "S C-XXXXXXXXX",
        "copyright": "OpenPLC Project",
        "module_name": "OpenPLC",
    }
    identity = {key: table.text(key, default, longest=63) for key, default in defaults.items()}
    table.close()
    return identity


def _data_blocks(table: SettingsTable, image: Image) -> list[dict[str, object]]:
    blocks: list[dict[str, object]] = []
    numbers: set[int] = set()
    for entry in table.tables("data_blocks"):
        number, size = entry.number("db_number", 1, 65535), entry.number("size_bytes", 1, 65535)
        if number in numbers:
            entry.flaw("db_number", f"there is another DB{number}")
        numbers.add(number)
        if len(numbers) == _MOST_BLOCKS + 1:
            entry.flaw(None, f"the runtime takes {_MOST_BLOCKS} data blocks and leaves out the others")
        description = entry.text("description", " ", longest=127).strip() if "description" in entry else ""
        mapping = _mapping(entry, size, image)
        blocks.append({"db_number": number, "description": description, "size_bytes": size, "mapping": mapping})
        entry.close()
    return blocks


def _area(table: SettingsTable, image: Image) -> dict[str, object]:
    size = table.number("size_bytes", 1, 65535, 128)
    area = {"enabled": table.flag("enabled", True), "size_bytes": size, "mapping": _mapping(table, size, image)}
    table.close()
    return area


def _mapping(table: SettingsTable, size: int, image: Image) -> dict[str, object]:
    """What a block of memory stands for: `size` bytes of a table of the image, from `start_buffer` on."""
    kind = table.text("type", choices=tuple(_BUFFERS))
    start = table.number("start_buffer", 0, SLOTS - 1, 0)
    bits = table.flag("bit_addressing", kind.startswith("bool_"))
    area, letter, width = _BUFFERS.get(kind, ("I", "X", 1))
    # A byte of the block is the eight bits of one index; of the wider tables a value takes so many bytes.
    count = size * 8 if letter == "X" else -(-size // width)
    if kind:
        first = Located(area, letter, start, 0 if letter == "X" else None)
        image.use(table, "start_buffer" if "start_buffer" in table else "type", first, count)
    return {"type": kind, "start_buffer": start, "bit_addressing": bits}
