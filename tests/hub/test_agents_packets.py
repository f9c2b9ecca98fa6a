"""What an agent may put into a packet, and what becomes of the rest."""

from __future__ import annotations

import json

import pytest

from rung.hub.agents import AgentBounds
from rung.hub.agents.heartbeat import checked
from rung.hub.agents.packets import ODD, AgentPacket, ProtocolViolation, judged, judged_payload

BOUNDS = AgentBounds(answer=100_000, event=1000)
HEARTBEAT = '42["heartbeat",{"agent_id":"A"}]'


@pytest.mark.parametrize("packet", ["40", "40{}", "41", "3", "2probe", "5", "1", HEARTBEAT, '427["heartbeat",{}]'])
def test_what_an_agent_sends_passes(packet: str) -> None:
    assert judged(packet, 0, BOUNDS) == packet


@pytest.mark.parametrize(
    "packet",
    [
        "",
        "0{}",
        "b",
        "bAAAA",
        "4",
        "44",
        '45{"a":1}',
        "451-[]",
        "461-[]",
        "42",
        "42/other,[]",
        "40/other,",
        "43",
        "430[]",
        "43[]",
        "3" * 65,
        "d=4",
    ],
)
def test_what_no_agent_sends_ends_the_session(packet: str) -> None:
    with pytest.raises(ProtocolViolation):
        judged(packet, 100, BOUNDS)


def test_an_answer_passes_only_while_one_is_expected() -> None:
    assert judged('431[{"status":"success"}]', BOUNDS.answer, BOUNDS) == '431[{"status":"success"}]'
    assert judged('431[{"status":"success"}]', 0, BOUNDS) is None


def test_a_large_or_intricate_event_is_passed_over() -> None:
    assert judged('42["heartbeat",{"x":"' + "y" * 1000 + '"}]', 0, BOUNDS) is None
    assert judged("42[" + "[" * 200, 0, BOUNDS) is None


def test_an_answer_that_is_too_large_or_too_intricate_becomes_an_odd_one() -> None:
    assert judged('4312[{"x":"' + "y" * 100_000 + '"}]', BOUNDS.answer, BOUNDS) == f"4312[{ODD}]"
    bomb = "431[" + "[]," * 600_000 + "[]]"
    assert judged(bomb, AgentBounds().answer, AgentBounds()) == f"431[{ODD}]"


def test_a_polling_request_keeps_its_good_packets() -> None:
    assert judged_payload(f"{HEARTBEAT}\x1e6\x1e3", 0, BOUNDS) == f"{HEARTBEAT}\x1e3"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('2["heartbeat",{"agent_id":"A"}]', ["heartbeat", {"agent_id": "A"}]),
        ('2["disconnect","gone"]', ["-"]),
        ('2["connect",{}]', ["-"]),
        ('2["heartbeat",[]]', ["-"]),
        ("2[{}]", ["-"]),
        ("2[", ["-"]),
        ("2" + "[" * 5000, ["-"]),
        ('31[{"a":1}]', [{"a": 1}]),
        ("31[]", []),
        ("31[1,2]", [ODD]),
        ('31{"a":1}', [ODD]),
        ("31[", [ODD]),
        ("31" + "[" * 5000, [ODD]),
        ("31" + "[" * 100 + "]" * 100, [ODD]),
        ('31[{"n":' + "9" * 200 + "}]", [ODD]),
    ],
)
def test_a_packet_has_the_form_that_its_kind_needs(text: str, data: object) -> None:
    packet = AgentPacket(encoded_packet=text)
    assert packet.data == data
    assert packet.id == (1 if text.startswith("31") else None)


def test_a_heartbeat_keeps_finite_numbers_and_short_words() -> None:
    sent = json.loads(
        '{"agent_id":"A","cpu_usage":NaN,"memory_usage":1e400,"uptime":5,"status":"' + "x" * 33 + '","disk_usage":2.5}'
    )
    assert checked(sent, "A") == {"uptime": 5, "disk_usage": 2.5}
    assert checked(sent, "B") is None
    assert checked({}, "A") is None
