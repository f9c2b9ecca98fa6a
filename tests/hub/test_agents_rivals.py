"""A copied virtual machine has the same certificate as its original: the two agents throw each other out, and somebody has to be told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hub.listening import TENANT, agent, listening
from rung.hub.agents.rivals import Rivals


def test_sessions_that_replace_each_other_again_and_again_are_told_once_in_a_while() -> None:
    rivals = Rivals()
    assert [rivals.replaced("A", second) for second in (0, 2, 4, 6, 8, 10)] == [False] * 3 + [True] + [False] * 2
    assert not rivals.replaced("B", 11)
    assert not any(rivals.replaced("A", second) for second in (560, 580, 600))
    assert rivals.replaced("A", 610)


def test_an_agent_whose_network_breaks_now_and_then_has_no_rival() -> None:
    rivals = Rivals()
    assert not any(rivals.replaced("A", 40.0 * n) for n in range(50))


async def test_the_audit_log_names_the_orchestrator_whose_certificate_two_hosts_use(tmp_path: Path) -> None:
    async with listening(tmp_path) as hub:
        line = await hub.enrol()
        for _ in range(3):
            async with agent(hub, line) as one, agent(hub, line):
                await asyncio.wait_for(one.ended.wait(), 5)
                async with agent(hub, line):
                    pass
        rows = []
        for _ in range(100):
            rows = [row for row in await hub.store.audit(TENANT) if row.action == "orchestrator.contested"]
            if rows:
                break
            await asyncio.sleep(0.05)
        assert [(row.orchestrator, row.outcome, "two hosts" in row.detail) for row in rows] == [
            ((await hub.orchestrator(line.common_name)).id, "failed", True)
        ]
