"""Questions to orchestrators' agents: counted, and with an agent's refusals told as failures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rung.hub.api.answers import agent_says
from rung.runtimes.device_text import clean
from rung.runtimes.errors import RuntimeFailure

if TYPE_CHECKING:
    from rung.hub.agents import Agents
    from rung.hub.metrics import Metrics


class Asking:
    """The way to the agents that the whole interface takes.

    Args:
        agents: the live sessions.
        metrics: told each call's topic, outcome and time.
    """

    def __init__(self, agents: Agents, metrics: Metrics) -> None:
        self.agents = agents
        self._metrics = metrics

    async def reply(
        self, orchestrator_id: str, topic: str, message: Mapping[str, object], timeout: float = 30.0
    ) -> dict[str, object]:
        """What the agent acknowledges, whatever it is.

        Args:
            orchestrator_id: whose agent; the caller has looked it up in the user's tenant.
            topic: the event (orchestrator protocol, section 2.2).
            message: its argument.
            timeout: seconds.

        Raises:
            RuntimeFailure: `unreachable`, `busy` and `upload-refused` (nothing was sent), `lost` (the outcome is not known),
                `too-old` (the agent does not know the topic).
        """
        began = time.monotonic()
        outcome = "failed"
        try:
            reply = await self.agents.call(orchestrator_id, topic, message, timeout)
            outcome = "error" if reply.get("status") == "error" else "ok"
            return reply
        except RuntimeFailure as failure:
            outcome = failure.kind.value
            raise
        finally:
            self._metrics.agent_call(topic, outcome, time.monotonic() - began)

    async def ask(
        self, orchestrator_id: str, topic: str, message: Mapping[str, object], timeout: float = 30.0
    ) -> dict[str, object]:
        """What the agent acknowledges, if it is no refusal; the arguments and failures are those of `reply`.

        Raises:
            Refusal: 502 with the agent's words.
        """
        reply = await self.reply(orchestrator_id, topic, message, timeout)
        if reply.get("status") == "error":
            raise agent_says(said(reply))
        return reply


def said(reply: Mapping[str, object]) -> str:
    """An agent's words in a reply, fit to be shown."""
    for key in ("error", "message"):
        words = reply.get(key)
        if isinstance(words, str) and words:
            return clean(words, 300).rstrip(". ")
    return ""
