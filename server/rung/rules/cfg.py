"""CFG: tables of `rung.toml` that configure the runtime's plug-ins. They are found where the files for the device are made.

An example is a program, then, after the line `# rung.toml`, the settings that go with it.
"""

from __future__ import annotations

from typing import Final

from rung.rules.por_targets import BOARD, V3, V4_0
from rung.rules.registry import Rule

_PROGRAM: Final = """\
PROGRAM Main
VAR
  start AT %IX0.0 : BOOL;
  motor AT %QX0.1 : BOOL;
END_VAR
motor := start;
END_PROGRAM
# rung.toml
"""


def _remote(at: str, fc: int = 2, name: str = "valves") -> str:
    return (
        f'[[modbus_master]]\nname = "{name}"\nhost = "10.0.0.7"\n\n'
        f'[[modbus_master.io_points]]\nfc = {fc}\noffset = 0\niec_location = "{at}"\nlen = 1\n'
    )


def _node(variable: str) -> str:
    return f'[opcua]\nanonymous = true\nsecurity = ["none"]\n\n[[opcua.nodes]]\nvariable = "{variable}"\n'


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "CFG001", "wrong-setting", "error", "Setting has a wrong value or an unknown name",
        "The runtime does not report a plug-in file that it cannot read: it leaves the plug-in out, and the machine runs without its remote "
        "inputs or without its server. So everything is checked here, and a program with a wrong setting is not downloaded.",
        "Correct the value, or the spelling of the key.",
        f"{_PROGRAM}[modbus_slave]\nport = 70000\n",
        f"{_PROGRAM}[modbus_slave]\nport = 502\n",
    ),
    Rule(
        "CFG002", "setting-outside-image", "error", "Setting names a place that the process image does not have",
        "A runtime's image has 1024 places of each width. What a plug-in is to exchange with a place that is not there is lost in silence.",
        "Use a lower index, or a place of the width that the function exchanges.",
        _PROGRAM + _remote("%IX1024.0"),
        _PROGRAM + _remote("%IX0.0"),
        ("IEC 61131-3, 6.5.5",),
    ),
    Rule(
        "CFG003", "setting-without-variable", "warning", "Setting names a place where the program has no variable",
        "The plug-in exchanges the value, but no part of the program reads or writes it. Often one of the two addresses is a misprint.",
        "Declare a variable at this address, or correct it.",
        _PROGRAM + _remote("%IX0.3"),
        _PROGRAM + _remote("%IX0.0"),
    ),
    Rule(
        "CFG004", "setting-claims-place", "error", "Setting claims a place that somebody else writes",
        "Two writers of one place undo each other's values, in an order that nobody knows: an output flickers, an input shows now one device, "
        "now the other.",
        "Give each its own place. What is read from a device belongs into inputs (%I) or memory (%M).",
        _PROGRAM + _remote("%QX0.1", 1),
        _PROGRAM + _remote("%IX0.0", 1),
    ),
    Rule(
        "CFG005", "node-without-variable", "error", "Node names a variable that the program does not have",
        "The OPC UA server finds variables by their place in the debug channel's table, so only what the program has can be shown.",
        "Write INSTANCE.VARIABLE as `rung run` shows it, or a global's name. Types that OPC UA clients of this runtime cannot read "
        "(WSTRING, L types) cannot be nodes.",
        _PROGRAM + _node("Main.stop"),
        _PROGRAM + _node("Main.start"),
    ),
    Rule(
        "CFG006", "setting-without-effect", "warning", "Setting has no effect on this target",
        "The runtime that the program is for has no such plug-in, or is set up in another way, so the table is not sent to it.",
        "Set the runtime up on its own web page (v3), or leave the table out.",
        f"{_PROGRAM}[retain]\nflush_seconds = 10\n",
        _PROGRAM,
        targets=(V3, V4_0, BOARD),
    ),
    Rule(
        "CFG007", "pin-not-on-board", "error", "Board cannot have this pin there",
        "The project gives an address a pin that the board does not have, that cannot do this, or that is named twice. The firmware would read or "
        "switch something else, or nothing.",
        "Name one of the pins in the message, each once. `rung boards` lists the boards.",
        f'{_PROGRAM}[board.pins]\n"%IX0.0" = "A9"\n',
        f'{_PROGRAM}[board.pins]\n"%IX0.0" = "A3"\n',
        targets=(BOARD,),
    ),
)  # fmt: skip
