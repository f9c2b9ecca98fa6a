"""From what was recognised to the client that speaks with it."""

from __future__ import annotations

from rung.runtimes.capabilities import Line
from rung.runtimes.client import Client
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.recognise import Recognised
from rung.runtimes.v4 import V4Client
from rung.runtimes.v4_session import Timeouts


def client_for(found: Recognised, pin: str | None, timeouts: Timeouts, modbus_port: int | None = None) -> Client:
    """The client for a runtime.

    Args:
        found: the runtime.
        pin: SHA-256 of its certificate, 64 upper-case hex digits; None for plain web pages, which have none.
        timeouts: how long to wait for answers.
        modbus_port: where the Modbus TCP server of a Runtime v3 is reached, if not where the machine says.

    Raises:
        RuntimeFailure: `untrusted` without the pin of a runtime that has a certificate.
    """
    if found.capabilities.line is Line.V3_WEB:
        from rung.runtimes.v3_web import V3WebClient

        return V3WebClient(found.address, found.capabilities, timeouts, modbus_port)
    if pin is None:
        raise RuntimeFailure(
            Kind.UNTRUSTED,
            f"No certificate of {found.address} is trusted, so nothing is sent to it.",
            "Compare the fingerprint with the one on the device, then trust it.",
        )
    if found.capabilities.line is Line.V3:
        from rung.runtimes.v3_rest import V3RestClient

        return V3RestClient(found.address, pin, found.capabilities, timeouts, modbus_port)
    return V4Client(found.address, pin, found.capabilities, timeouts)
