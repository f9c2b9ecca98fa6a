"""`rung check`: a generated 10,000-line project, and a 50-line file, each in a process of its own.

Run: python tests/bench/check.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.generate import program, write_project
from bench.measure import run_rung, summary

RUNS = 7


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "big").mkdir()
        lines = write_project(folder / "big", 10_000)
        small = folder / "small.st"
        small.write_text(program(50), encoding="utf-8")
        run_rung("check", str(small))  # byte code and disk cache are warm from here on
        big = [run_rung("check", str(folder / "big")) for _ in range(RUNS)]
        few = [run_rung("check", str(small)) for _ in range(RUNS)]
        assert {code for _, _, code in big + few} == {0}, "the generated programs must be correct"
        print(summary(f"rung check, {lines} lines in 10 files", [wall for wall, _, _ in big], "s", "< 1.0 s"))
        print(summary("  peak memory", [memory for _, memory, _ in big], "MB", "< 120 MB"))
        print(summary("rung check, 50-line file, cold process", [wall for wall, _, _ in few], "s", "< 0.25 s"))


if __name__ == "__main__":
    main()
