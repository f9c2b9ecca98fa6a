"""The syntax layer alone: how many lines a second are cut, lexed and parsed, and what one edit costs.

Run: python tests/bench/parse.py
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.generate import program
from rung.syntax.lexer import lex
from rung.syntax.parser import parse_file, parse_unit
from rung.syntax.split import split

LINES = 10_000
RUNS = 7


def best(work: Callable[[], object]) -> float:
    """The least time of several runs: what the machine can do when it is left alone. Garbage is collected between them."""
    times = []
    for _ in range(RUNS):
        gc.collect()
        began = time.perf_counter()
        kept = work()
        times.append(time.perf_counter() - began)
        del kept
    return min(times)


def main() -> None:
    text = program(LINES)
    lines = text.count("\n")
    units = parse_file(text)
    assert not [problem for _, unit in units for problem in unit.problems], "the generated program must be correct"
    print(f"{lines} lines, {len(text) // 1000} kB, {len(units)} units")
    gc.disable()
    for name, work, goal in (
        ("split", lambda: split(text), "300 kB in 10 ms"),
        ("lex", lambda: lex(text), ""),
        ("split, lex and parse", lambda: parse_file(text), "75,000 lines/s"),
    ):
        seconds = best(work)
        print(f"{name:<28} {seconds * 1000:8.1f} ms {lines / seconds:12,.0f} lines/s   {goal}")
    unit = max((unit for _, unit in units), key=lambda unit: len(unit.text))
    seconds = best(lambda: (split(text), parse_unit(unit.text)))
    print(f"{'after an edit of one unit':<28} {seconds * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
