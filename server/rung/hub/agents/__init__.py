"""The agents' side of the hub: their sessions over Socket.IO and mutual TLS, and calls to them.

Invariant: an agent is online exactly while it has a session that was accepted by certificate; what was sent and not answered is never sent again.
"""

from rung.hub.agents.abilities import AgentAbilities
from rung.hub.agents.agents import Agents
from rung.hub.agents.bounds import AgentBounds
from rung.hub.agents.failures import UnknownTopic
from rung.hub.agents.listener import AgentsListener

__all__ = ["AgentAbilities", "AgentBounds", "Agents", "AgentsListener", "UnknownTopic"]
