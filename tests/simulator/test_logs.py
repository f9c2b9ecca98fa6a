"""The runtime's log: a ring with growing numbers."""

from __future__ import annotations

import re

from rung.simulator.logs import RuntimeLog


def test_it_keeps_the_last_thousand_and_numbers_go_on() -> None:
    log = RuntimeLog()
    for number in range(1200):
        log.info(f"line {number}")
    kept = log.entries()
    assert [entry.id for entry in kept] == list(range(201, 1201))
    assert kept[-1].message == "line 1199"


def test_entries_are_chosen_by_lowest_id_and_exact_level() -> None:
    log = RuntimeLog()
    log.info("a")
    log.error("b")
    log.error("c")
    assert [entry.message for entry in log.entries(2, "ERROR")] == ["b", "c"]
    assert log.entries(4) == []
    assert log.entries(level="error") == []


def test_the_timestamp_has_seconds_and_an_offset_without_colon() -> None:
    log = RuntimeLog()
    log.info("a")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", log.entries()[0].timestamp)


def test_a_line_has_an_end() -> None:
    log = RuntimeLog()
    log.info("x" * 100_000)
    assert len(log.entries()[0].message) == 4096
