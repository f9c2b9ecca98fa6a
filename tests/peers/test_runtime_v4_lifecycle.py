"""The simulator goes through its states as a real OpenPLC Runtime v4.1.4 did, step by step."""

from __future__ import annotations

from pathlib import Path

import pytest

from peers.play import Play, perform
from peers.recorded import sections

OLD_PROGRAM_STAYS = "G3b"


def acts() -> list[list[tuple[str, list[str]]]]:
    """The sections, those together that go on where the one before ended."""
    found: list[list[tuple[str, list[str]]]] = []
    for title, lines in sections("runtime_v4_1_lifecycle.txt"):
        continues = title.startswith(("G1 ", "G2 ", "G3b", "G4", "G5"))
        if continues:
            found[-1].append((title, lines))
        else:
            found.append([(title, lines)])
    return found


@pytest.mark.parametrize("act", acts(), ids=lambda act: act[0][0].split()[0])
async def test_states_change_as_recorded(act: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    play = Play(tmp_path)
    play.simulator.faults.old_program_after_crash = any(title.startswith(OLD_PROGRAM_STAYS) for title, _ in act)
    await perform(play, act)
