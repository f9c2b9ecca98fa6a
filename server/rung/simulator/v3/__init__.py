"""The embedded OpenPLC Runtime v3: REST, web pages and Modbus TCP of that generation, a real compile, a real run.

`V3Simulator` is the device. Importing this package costs nothing: the server's libraries are loaded with the first use of the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.simulator.v3.server import V3Simulator

__all__ = ["V3Simulator"]


def __getattr__(name: str) -> object:
    if name == "V3Simulator":
        from rung.simulator.v3.server import V3Simulator

        return V3Simulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
