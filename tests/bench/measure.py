"""Wall time and memory of whole processes; percentiles of many samples."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(name: str, samples: Sequence[float], unit: str, goal: str) -> str:
    """One line for a benchmark's output."""
    return f"{name:<48} p50 {percentile(samples, 0.5):8.3f} {unit}   p95 {percentile(samples, 0.95):8.3f} {unit}   goal: {goal}"


def environment() -> dict[str, str]:
    """As a user has it: with byte code."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def run_rung(*words: str) -> tuple[float, float, int]:
    """Run `rung` once; return wall seconds, peak memory in MB, and the exit code."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "rung", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - began, usage.ru_maxrss / 1024, process.returncode
