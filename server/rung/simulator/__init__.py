"""The embedded runtime: Runtime v4.1's protocol, a real compile, a real run, no hardware.

`Simulator` is the device for tests, the demo and the desk; `serve` is `rung simulate`. Importing this package costs
nothing: the server's libraries are loaded with the first use of either name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.simulator.faults import Faults
    from rung.simulator.server import Simulator

__all__ = ["Faults", "Simulator", "serve"]


def serve(listen: str, data: Path | None) -> int:
    """Run the simulator until Ctrl-C or SIGTERM.

    Args:
        listen: "host:port", "[ipv6]:port", a host or a port; what is missing is 127.0.0.1 and 8443.
        data: the data folder (users, certificate, program); None for the user's own.

    Returns:
        0 after a clean stop, 2 when `listen` is not an address, 1 when the address or the folder cannot be used.
    """
    from rung.simulator.serving import run

    return run(listen, data)


def __getattr__(name: str) -> object:
    if name == "Simulator":
        from rung.simulator.server import Simulator

        return Simulator
    if name == "Faults":
        from rung.simulator.faults import Faults

        return Faults
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
