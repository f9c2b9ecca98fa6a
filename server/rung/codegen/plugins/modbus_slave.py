"""`[modbus_slave]`: the runtime's Modbus TCP server (runtime protocol, section 4.4)."""

from __future__ import annotations

from typing import Final

from rung.codegen.plugins.image import SLOTS
from rung.codegen.plugins.settings_table import SettingsTable

_WORD_ORDERS: Final = ("high_word_first", "low_word_first")


def modbus_slave(table: SettingsTable) -> dict[str, object]:
    """Return the content of `modbus_slave.json`. Every place of the image is served, so nothing is compared with the program."""
    host = table.text("host", "0.0.0.0")  # noqa: S104 - the runtime's own default: a Modbus server is there to be reached
    network = {"host": host, "port": table.number("port", 1, 65535, 502)}
    registers = {f"{name}_count": table.number(f"{name}_count", 0, SLOTS, SLOTS) for name in ("qw", "mw", "md", "ml")}
    coils = {
        "qx_bits": table.number("qx_bits", 0, SLOTS * 8, SLOTS * 8),
        "mx_bits": table.number("mx_bits", 0, SLOTS * 8, 0),
    }
    mapping = {
        "holding_registers": registers,
        "coils": coils,
        "discrete_inputs": {"ix_bits": table.number("ix_bits", 0, SLOTS * 8, SLOTS * 8)},
        "input_registers": {"iw_count": table.number("iw_count", 0, SLOTS, SLOTS)},
    }
    order = table.text("word_order", _WORD_ORDERS[0], _WORD_ORDERS)
    table.close()
    return {"network_configuration": network, "buffer_mapping": mapping, "word_order": order}
