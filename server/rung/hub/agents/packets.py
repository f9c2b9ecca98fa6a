"""Socket.IO packets of agents: what may be in one before anything is made of it.

Invariant: of what an agent sends, only its connect, its disconnect, the event `heartbeat` and answers to open calls reach the hub; each is bounded in
size, number of values and depth. In particular an event that is called `connect` or `disconnect` never reaches the handlers of that name.
"""

from __future__ import annotations

import json
import re
from typing import Final

import socketio  # type: ignore[import-untyped]  # it ships no types

from rung.hub.agents.bounds import AgentBounds

HEARTBEAT: Final = "heartbeat"
ODD: Final = 0
"""Stands for an answer that is none: no answer of an agent is a number."""
_SMALL: Final = 64
_BRACKETS_IN_EVENT: Final = 64
_BRACKETS: Final = 500_000
_COMMAS: Final = 5_000_000
_DEPTH: Final = 64
_ANSWER: Final = re.compile(r"43([1-9][0-9]{0,14})\[")
_EVENT: Final = re.compile(r"42[0-9]{0,15}\[")
_NO_EVENT: Final = ["-"]


class ProtocolViolation(Exception):  # what happened, in the words of the protocol
    """An agent sent what no agent sends; its session ends."""


def judged(text: str, room: int, bounds: AgentBounds) -> str | None:
    """One Engine.IO packet as it may be handed on, or None when it is to be passed over.

    Args:
        text: the packet.
        room: how many bytes an answer of this agent may have now; 0 when the hub waits for none.
        bounds: the limits.

    Raises:
        ProtocolViolation: it is no packet that an agent sends.
    """
    if text.startswith("43"):
        found = _ANSWER.match(text)
        if found is None:
            raise ProtocolViolation("an answer without number")
        if not room:
            return None
        if len(text) > room or text.count("[") + text.count("{") > _BRACKETS or text.count(",") > _COMMAS:
            return f"43{found[1]}[{ODD}]"
        return text
    if text.startswith("42"):
        if _EVENT.match(text) is None:
            raise ProtocolViolation("an event without name")
        return text if len(text) <= bounds.event and text.count("[") + text.count("{") <= _BRACKETS_IN_EVENT else None
    if text.startswith("40"):
        if len(text) > bounds.event or text[2:3] not in ("", "{") or text.count("{") > _BRACKETS_IN_EVENT:
            raise ProtocolViolation("a connect to something else")
        return text
    if text == "41" or (text[:1] in ("1", "2", "3", "5") and len(text) <= _SMALL):
        return text
    if text[:1] == "6":
        return None
    raise ProtocolViolation("an unknown packet")


def judged_payload(body: str, room: int, bounds: AgentBounds) -> str:
    """The packets of one polling request, without those to be passed over.

    Raises:
        ProtocolViolation: one of them is no packet that an agent sends.
    """
    packets = [judged(text, room, bounds) for text in body.split("\x1e")]
    return "\x1e".join(packet for packet in packets if packet is not None)


class AgentPacket(socketio.packet.Packet):  # type: ignore[misc]  # its base has no types
    """A packet whose data has the form that its kind needs, whatever was in it."""

    uses_binary_events = False
    data: object

    def decode(self, encoded_packet: str) -> int:
        """Take a packet apart; data that has not the right form becomes an event of no name or an odd answer."""
        try:
            attachments = super().decode(encoded_packet)
        except (ValueError, TypeError, RecursionError):
            attachments = 0
            found = _ANSWER.match("4" + encoded_packet)
            self.id = int(found[1]) if found is not None else None
        data = self.data
        if attachments or self.namespace not in (None, "/"):
            raise ValueError("not a packet of an agent")
        if self.packet_type == socketio.packet.EVENT:
            heartbeat = isinstance(data, list) and len(data) == 2 and data[0] == HEARTBEAT and isinstance(data[1], dict)
            self.id, self.data = None, data if heartbeat else _NO_EVENT
        elif self.packet_type == socketio.packet.ACK:
            self.data = data if isinstance(data, list) and len(data) <= 1 and not _too_deep(data) else [ODD]
        elif self.packet_type == socketio.packet.CONNECT:
            self.data = None
        return 0


def _too_deep(value: list[object]) -> bool:
    level: list[object] = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def frame_size(topic: str, message: dict[str, object]) -> int:
    """The bytes of the websocket frame that would carry a call: Engine.IO's and Socket.IO's type, the number of the answer, the JSON text.

    Raises:
        ValueError: there is no JSON form.
        TypeError: the same.
    """
    # The library writes ASCII alone, so characters are bytes; its numbers count from 1 for each session, 10 digits are enough.
    return 2 + 10 + len(json.dumps([topic, message], separators=(",", ":"), allow_nan=False))
