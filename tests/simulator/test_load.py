"""Clients that watch do not disturb the program: a small form of the benchmark `bench/load_simulator.py`."""

from __future__ import annotations

from bench.load_simulator import Load, measure


async def test_watching_clients_cause_no_overruns() -> None:
    result = await measure(Load(clients=4, seconds=1.5))
    assert len(result.read_ms) >= 4 * 3, "the clients did get their answers"
    allowed = result.overruns_without + result.scans // 50
    assert result.overruns_with <= allowed, f"{result.overruns_with} overruns, {result.overruns_without} unwatched"
