"""What a refusal or a malformed answer of a debug channel means for who asked. The sentences are the same for all forms of it."""

from __future__ import annotations

from rung.runtimes.address import Address
from rung.runtimes.debug_values import NO_PROGRAM, TOO_LARGE, BadAnswer
from rung.runtimes.errors import Kind, RuntimeFailure


def refused(address: Address | str, status: int) -> RuntimeFailure:
    """The failure that a status byte stands for."""
    if status == NO_PROGRAM:
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"No program is loaded on {address}, so its variables have no values.",
            "Start the program, or deploy it.",
        )
    if status == TOO_LARGE:
        return RuntimeFailure(
            Kind.BUSY,
            f"{address} cannot take so many forced values at once. The variable was not changed.",
            "Try again in a moment.",
        )
    return RuntimeFailure(
        Kind.NOT_OURS,
        f"The program on {address} has other variables than the one here: the values would be wrong.",
        "Deploy the program, or open the one that the machine runs.",
    )


def malformed(address: Address | str, error: BadAnswer, runtime: str) -> RuntimeFailure:
    """The failure for an answer that is no frame of the protocol; `runtime` is what should have answered."""
    return RuntimeFailure(
        Kind.INTERNAL,
        f"The debug channel of {address} answered with what no {runtime} does: {error}.",
        "Try again; if it stays so, restart the runtime service on the device.",
    )
