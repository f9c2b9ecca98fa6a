"""Files that go to a device beside the program: `conf/*.json` for the runtime's plug-ins, `retain.conf`, `image.conf`. They come from
tables of `rung.toml` and are checked against the program that they go with.

Invariant: a table without a flaw gives a file that the plug-in reads as it was meant; a table with an error gives no file at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from rung.codegen.artefact import Leaf
from rung.codegen.plugins.image import Image, Uses
from rung.codegen.plugins.modbus_master import modbus_master
from rung.codegen.plugins.modbus_slave import modbus_slave
from rung.codegen.plugins.opcua import opcua
from rung.codegen.plugins.retain import retain_conf
from rung.codegen.plugins.s7comm import s7comm
from rung.codegen.plugins.settings_table import Flaw, KeyPath, SettingsTable, tables_of
from rung.semantics.model import Program

__all__ = ["TABLES", "Flaw", "KeyPath", "Uses", "device_files"]

TABLES: Final = ("modbus_slave", "modbus_master", "s7comm", "opcua", "retain")
"""The tables of `rung.toml` that are read here."""


def device_files(
    settings: Mapping[str, object],
    program: Program,
    leaves: Sequence[Leaf] | None,
    flat: bool = False,
    uses: Uses | None = None,
) -> tuple[dict[str, bytes], list[Flaw]]:
    """Return the files by their path in the archive (`conf/modbus_slave.json`), and what is wrong with the settings.

    Args:
        settings: what `rung.toml` holds for each of `TABLES` that is there; other keys are not looked at.
        program: the program that the files go with.
        leaves: its variables as the debug channel addresses them; None where only the settings are checked.
        flat: whether the runtime knows variables by one index.
        uses: what is known of the addresses that bodies use; brought up to date here.
    """
    flaws: list[Flaw] = []
    image = Image(program, uses)
    files: dict[str, bytes] = {}

    def add(name: str, content: object) -> None:
        files[f"conf/{name}.json"] = json.dumps(content, indent=1).encode()

    def table(name: str) -> SettingsTable:
        return SettingsTable(settings.get(name, {}), (name,), flaws)

    if "modbus_slave" in settings:
        add("modbus_slave", modbus_slave(table("modbus_slave")))
    if "modbus_master" in settings:
        devices = tables_of(settings["modbus_master"], ("modbus_master",), flaws)
        add("modbus_master", modbus_master(devices, image))
    if "s7comm" in settings:
        add("s7comm", s7comm(table("s7comm"), image))
    if "opcua" in settings:
        add("opcua", opcua(table("opcua"), leaves, flat))
    kept = retain_conf(table("retain"))
    if kept is not None and _retains(program):
        files["retain.conf"] = kept
    files["image.conf"] = image.conf()
    return files, flaws


def _retains(program: Program) -> bool:
    """Whether anything in the program is declared RETAIN."""
    configuration = program.configuration
    tables = [program.globals] if configuration is None else [program.globals, configuration.globals]
    if configuration is not None:
        tables += [resource.globals for resource in configuration.resources]
    tables += [pou.variables for pou in program.pous.values()]
    return any(variable.retain for table in tables for variable in table.values())
