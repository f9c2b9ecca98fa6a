"""The embedded runtime: an OpenPLC Runtime's protocol, a real compile, a real run, no hardware.

`Simulator` plays every version of v4 and `rung.simulator.v3` plays v3, for tests, the demo and the desk; `serve` is
`rung simulate`. Importing this package costs nothing: the server's libraries are loaded with the first use of a name.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.simulator.faults import Cut, Faults
    from rung.simulator.machine import Switch
    from rung.simulator.personality import V4_0, Personality, personality_of
    from rung.simulator.server import Simulator

__all__ = ["V4_0", "Cut", "Faults", "Personality", "Simulator", "Switch", "personality_of", "serve"]

_PLACES = {
    "Simulator": "server",
    "Faults": "faults",
    "Cut": "faults",
    "Switch": "machine",
    "Personality": "personality",
    "V4_0": "personality",
    "personality_of": "personality",
}


def serve(listen: str, data: Path | None, *, generation: str = "v4.1", version: str | None = None) -> int:
    """Run a simulator until Ctrl-C or SIGTERM.

    Args:
        listen: "host:port", "[ipv6]:port", a host or a port; what is missing is 127.0.0.1 and 8443.
        data: the data folder (users, certificate, program); None for the user's own, one for each generation.
        generation: "v4.1" and newer, "v4.0" or "v3".
        version: the version to play within "v4.1" and newer, as `v4.2.3`; None for v4.1.4.

    Returns:
        0 after a clean stop, 2 when `listen` is not an address or the version not known, 1 when the address or the folder
        cannot be used.
    """
    from rung.simulator.serving import run

    return run(listen, data, generation, version)


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"rung.simulator.{_PLACES[name]}"), name)
