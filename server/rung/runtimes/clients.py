"""From what was recognised to the client that speaks with it."""

from __future__ import annotations

from rung.runtimes.capabilities import Line
from rung.runtimes.client import Client
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.recognise import Recognised
from rung.runtimes.v4 import V4Client
from rung.runtimes.v4_session import Timeouts
from rung.runtimes.way import Way


def client_for(found: Recognised, way: Way | None, timeouts: Timeouts, modbus_port: int | None = None) -> Client:
    """The client for a runtime.

    Args:
        found: the runtime.
        way: how it is reached; None for plain web pages, which only their own client can reach.
        timeouts: how long to wait for answers.
        modbus_port: where the Modbus TCP server of a Runtime v3 is reached, if not where the machine says.

    Raises:
        RuntimeFailure: `untrusted` without a way to a runtime that has a certificate, `too-old` for one that no hub can reach.
    """
    if found.capabilities.line is Line.V3_WEB:
        from rung.runtimes.v3_web import V3WebClient

        return V3WebClient(found.address, found.capabilities, timeouts, modbus_port)
    if way is None:
        raise RuntimeFailure(
            Kind.UNTRUSTED,
            f"No certificate of {found.address} is trusted, so nothing is sent to it.",
            "Compare the fingerprint with the one on the device, then trust it.",
        )
    if found.capabilities.line is Line.V3:
        if found.address.through_hub:
            raise RuntimeFailure(
                Kind.TOO_OLD,
                f"{found.address} is an {found.capabilities.name}; orchestrators carry OpenPLC Runtime v4 only. Nothing was sent to it.",
                "Create the vPLC with a version of OpenPLC Runtime v4.",
            )
        from rung.runtimes.v3_rest import V3RestClient

        return V3RestClient(way, found.capabilities, timeouts, modbus_port)
    return V4Client(way, found.capabilities, timeouts)
