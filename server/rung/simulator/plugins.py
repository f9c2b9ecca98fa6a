"""Which fieldbus plugins an uploaded program asks for (protocol section 4.4).

The simulator has no fieldbuses: it reports the switches as a Runtime v4 does and says once that nothing runs behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.simulator.logs import RuntimeLog

_GENERATED: Final = "core/generated"
_DRIVERS: Final = "./core/src/drivers/plugins"
_NOT_RUN: Final = "The simulator does not run plugins: their configuration is read and reported, no fieldbus is opened."


@dataclass(slots=True)
class Plugin:
    """One row of the runtime's plugin table; `path` is its program, `config_path` its current configuration."""

    name: str
    native: bool
    path: str
    config_path: str
    enabled: bool = False


def _python(name: str, program: str, configuration: str) -> Plugin:
    folder = f"{_DRIVERS}/python/{name}"
    return Plugin(name, False, f"{folder}/{program}", f"{folder}/{configuration}")


def _native(name: str, folder: str, configuration: str) -> Plugin:
    path = f"./build/plugins/lib{name}_plugin.so"
    return Plugin(name, True, path, f"{_DRIVERS}/native/{folder}/{configuration}")


class Plugins:
    """The plugins of a runtime; all are off until a program brings a configuration."""

    def __init__(self, log: RuntimeLog, *, with_ethernet: bool = True) -> None:
        """The plugins of a 4.1.4, or without those of industrial Ethernet and PROFIBUS, which a 4.0 does not have."""
        self._log = log
        self._said_not_run = False
        self._plugins = [
            _python("modbus_slave", "simple_modbus.py", "modbus_slave_config.json"),
            _python("modbus_master", "modbus_master_plugin.py", "modbus_master.json"),
            _python("opcua", "plugin.py", "opcua.json"),
            _native("s7comm", "s7comm", "s7comm_config.json"),
        ]
        if with_ethernet:
            self._plugins += [
                _native("ethercat", "ethercat", "ethercat_config.json"),
                _native("profibus_dp", "profibus_dp", "profibus_config.json"),
                _native("profinet_io", "profinet_io", "profinet_config.json"),
            ]

    def apply(self, generated: Path) -> list[str]:
        """Switch plugins by the files in the program's `conf` folder; returns the lines of the compile log."""
        conf = f"{_GENERATED}/conf"
        lines = [
            f"[DEBUG] update_plugin_configurations called with generated_dir='{_GENERATED}'\n",
            f"[DEBUG] Looking for config files in: {conf}\n",
            f"[DEBUG] Loaded {len(self._plugins)} plugins from plugins.conf\n",
            *self._states("Initial"),
        ]
        folder = generated / "conf"
        if folder.is_dir():
            names = [path.stem for path in sorted(folder.glob("*.json"))]
            changes = self._switch(set(names), "no config file found")
            lines.append(f"[INFO] Found {len(names)} config files in {conf}: {names}\n")
        else:
            lines.append(f"[INFO] No conf directory found in {_GENERATED}, disabling all plugins\n")
            changes = self._switch(set(), "no conf directory found")
            lines.append("[INFO] Found 0 config files (no conf directory): []\n")
        lines += [f"[INFO] {change}\n" for change in changes]
        updated = sum(not change.startswith("Copied") for change in changes)
        lines.append(f"[INFO] Plugin configuration update complete. {updated} plugins updated.\n")
        lines += self._states("Final")
        lines.append(self._summary())
        lines.append("[WARNING] Plugin validation issues found:\n")
        lines += [
            f"[WARNING] Plugin '{plugin.name}': Path does not exist: {plugin.path}\n"
            for plugin in self._plugins
            if plugin.native
        ]
        if any(plugin.enabled for plugin in self._plugins) and not self._said_not_run:
            self._said_not_run = True
            self._log.warning(_NOT_RUN)
            lines.append(f"[WARNING] {_NOT_RUN}\n")
        return lines

    def _switch(self, wanted: set[str], reason: str) -> list[str]:
        changes: list[str] = []
        for plugin in self._plugins:
            if plugin.name in wanted:
                source = f"{_GENERATED}/conf/{plugin.name}.json"
                target = f"{plugin.path.rsplit('/', 1)[0]}/{plugin.name}.json"
                changes.append(f"Copied config file from {source} to {target}")
                if not plugin.enabled or plugin.config_path != target:
                    changes.append(f"Enabled plugin '{plugin.name}' with config: {target}")
                plugin.enabled, plugin.config_path = True, target
            elif plugin.enabled:
                plugin.enabled = False
                changes.append(f"Disabled plugin '{plugin.name}' ({reason})")
        return changes

    def _states(self, when: str) -> list[str]:
        return [
            f"[DEBUG] {when} state - {plugin.name}: enabled={plugin.enabled}, config_path='{plugin.config_path}'\n"
            for plugin in self._plugins
        ]

    def _summary(self) -> str:
        enabled = sum(plugin.enabled for plugin in self._plugins)
        native = sum(plugin.native for plugin in self._plugins)
        total = len(self._plugins)
        return f"[INFO] Plugin summary: {enabled}/{total} enabled ({total - native} Python, {native} Native)\n"
