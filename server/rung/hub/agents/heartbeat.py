"""Heartbeats: what an agent says of its host, checked field by field.

Invariant: a heartbeat tells nothing about being online, and nothing about another orchestrator than the certificate's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

_NUMBERS: Final = ("cpu_usage", "memory_usage", "memory_total", "disk_usage", "disk_total", "uptime")
_WORDS: Final = {"status": 32, "timestamp": 64, "agent_version": 64}
_LARGEST: Final = 1e15


def checked(data: Mapping[str, object], agent: str) -> dict[str, object] | None:
    """The known fields of a heartbeat that are as they should be; None when it is not of this agent.

    Args:
        data: as it came.
        agent: the common name of the session's certificate.
    """
    if data.get("agent_id") != agent:
        return None
    good: dict[str, object] = {}
    for key in _NUMBERS:
        value = data.get(key)
        if (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and math.isfinite(value)
            and 0 <= value <= _LARGEST
        ):
            good[key] = value
    for key, longest in _WORDS.items():
        value = data.get(key)
        if isinstance(value, str) and len(value) <= longest and value.isprintable():
            good[key] = value
    return good
