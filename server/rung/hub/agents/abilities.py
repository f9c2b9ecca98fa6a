"""What an agent's version can do, found by asking it: versions are never compared.

Invariant: probing changes nothing on the host; the device that is named does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from rung.hub.agents.failures import UnknownTopic

_NOBODY: Final = "rung-probe"
_WORDS: Final = 100

Ask = Callable[[str, Mapping[str, object]], Awaitable[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class AgentAbilities:
    """What the agent of one session can do.

    Attributes:
        raw_debug: it relays debug frames as they are; without it only the MD5 can be read, over its translation for older runtimes.
        starts_containers: it can start and stop a vPLC's container.
        agent_version: as it says; None when it does not.
    """

    raw_debug: bool = False
    starts_containers: bool = False
    agent_version: str | None = None


async def probe(ask: Ask) -> AgentAbilities:
    """Ask an agent what it can do; `ask(topic, message)` calls it.

    Raises:
        RuntimeFailure: the agent could not be asked.
    """
    version = await _answer(ask, "get_orchestrator_version", {})
    started = await _answer(ask, "start_device", {"device_id": _NOBODY})
    # Without a debug session this is refused by every version; an older one says that it does not know the word.
    debug = await ask(
        "run_command",
        {
            "device_id": _NOBODY,
            "method": "POST",
            "api": "debug",
            "data": {"type": "debug_command", "command": "45 DE AD 00 00"},
        },
    )
    response = debug.get("debug_response")
    error = response.get("error") if isinstance(response, dict) else None
    return AgentAbilities(
        raw_debug=isinstance(error, str) and "unknown debug message" not in error.lower(),
        starts_containers=started is not None,
        agent_version=_word(version, "orchestrator_version"),
    )


async def _answer(ask: Ask, topic: str, message: Mapping[str, object]) -> dict[str, object] | None:
    try:
        return await ask(topic, message)
    except UnknownTopic:
        return None


def _word(answer: Mapping[str, object] | None, key: str) -> str | None:
    value = answer.get(key) if answer is not None else None
    return value[:_WORDS] if isinstance(value, str) else None
