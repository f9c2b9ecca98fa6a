"""Clients that watch do not disturb the program: a small form of the benchmark `bench/load_simulator.py`."""

from __future__ import annotations

from bench.load_simulator import Load, measure


async def test_watching_clients_cause_no_overruns() -> None:
    result = await measure(Load(clients=4, seconds=1.5))
    assert len(result.read_ms) > 4 * 5, "the clients did get their answers"
    assert result.overruns_with <= result.overruns_without + 1, result
