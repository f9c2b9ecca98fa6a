"""The sentences for calls to agents that fail."""

from __future__ import annotations

from typing import Final

from rung.runtimes.errors import Kind, RuntimeFailure

_LOOK: Final = "Look at the machine's state before you do it again (rung status, rung hub vplc show)."
_WORDS: Final = {
    "run_command": "a request to a vPLC",
    "create_new_runtime": "the creation of a vPLC",
    "delete_device": "the removal of a vPLC",
    "delete_orchestrator": "its own removal",
}
"""What the topics mean to a user."""
_QUESTION: Final = "get_"
"""How the topics begin that change nothing on a host."""


class UnknownTopic(RuntimeFailure):
    """The agent's version does not know what was asked of it; nothing happened."""

    def __init__(self, topic: str) -> None:
        super().__init__(
            Kind.TOO_OLD,
            f"The orchestrator's agent does not know {topic!r}, so nothing was done.",
            "Update the agent on that host, or do without this function.",
        )


def offline() -> RuntimeFailure:
    """Nothing was sent: the agent is not connected."""
    return RuntimeFailure(
        Kind.UNREACHABLE,
        "The orchestrator is offline: its agent is not connected to the hub. Nothing was sent; its vPLCs go on as they are.",
        "Check the host's power and network and the container orchestrator_agent; it connects again by itself.",
    )


def elsewhere(why: str) -> RuntimeFailure:
    """Nothing was sent: another hub process holds the agent and cannot be asked."""
    return RuntimeFailure(
        Kind.UNREACHABLE,
        f"The orchestrator's agent is connected to another hub process that cannot be reached now ({why}). Nothing was sent.",
        "Try again in some seconds; if it stays so, check the hub's Redis server.",
    )


def too_large(size: int, limit: int) -> RuntimeFailure:
    """Nothing was sent: the agent's connection would break."""
    return RuntimeFailure(
        Kind.UPLOAD_REFUSED,
        f"The message to the agent would have {size:,} bytes; its connection breaks above {limit:,}. Nothing was sent and the machine is as it was.",
        "Make the program or file smaller, or serve the agents by polling only (agent_transports in hub.toml).",
    )


def busy(calls: int) -> RuntimeFailure:
    """Nothing was sent: the agent works on others' calls."""
    return RuntimeFailure(
        Kind.BUSY,
        f"The orchestrator's agent is working on {calls} other requests. Nothing was sent.",
        "Try again in some seconds.",
    )


def hub_busy() -> RuntimeFailure:
    """Nothing was sent: the hub holds too many bytes for agents already."""
    return RuntimeFailure(
        Kind.BUSY, "The hub is transferring too much to agents already. Nothing was sent.", "Try again in some seconds."
    )


def lost(topic: str, why: str = "The connection to the orchestrator's agent was lost") -> RuntimeFailure:
    """Sent, and never answered because the session ended."""
    return _unknown(topic, f"{why} while it worked on {_words(topic)}.")


def unanswered(topic: str, seconds: float) -> RuntimeFailure:
    """Sent, and not answered in time."""
    return _unknown(topic, f"The orchestrator's agent gave no answer to {_words(topic)} within {seconds:g} s.")


def odd(topic: str) -> RuntimeFailure:
    """Answered with something that is no answer."""
    return RuntimeFailure(
        Kind.INTERNAL,
        f"The orchestrator's agent gave an odd answer to {_words(topic)}. Whether it was done is not known.",
        _LOOK,
    )


def unfit(topic: str) -> RuntimeFailure:
    """Nothing was sent: the message has no JSON form."""
    return RuntimeFailure(
        Kind.INTERNAL,
        f"The message {topic!r} cannot be sent to an agent. Nothing was sent.",
        "Report this as a fault of Rung.",
    )


def _unknown(topic: str, what: str) -> RuntimeFailure:
    if topic.startswith(_QUESTION):
        return RuntimeFailure(
            Kind.LOST, f"{what} The state there is not known; the question changed nothing.", "Ask again."
        )
    return RuntimeFailure(Kind.LOST, f"{what} Whether it was done is not known.", _LOOK)


def _words(topic: str) -> str:
    return "a question" if topic.startswith(_QUESTION) else _WORDS.get(topic, repr(topic))
